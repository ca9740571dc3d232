package templates

import (
	"strings"
	"time"
)

// Token is an API token without its secret.
type Token struct {
	ID, Name, Prefix, Scope, Workspace string
	Created, LastUsed, Expires         time.Time // a zero Expires: never
	LastAddress                        string
	Soon                               bool   // it ends within two weeks
	Revoke                             string // where to revoke it; "": this person may not
}

// TokenForm is the form for a token, with what was sent.
type TokenForm struct {
	ID            string // in front of the ids of its fields
	Action        string
	Name          string
	Scopes, Lives []Choice
	Field, Error  string
}

// Keep fills in what was sent and what was wrong with it.
func (f *TokenForm) Keep(name, scope, life, field, sentence string) {
	f.Name, f.Field, f.Error = name, field, sentence
	choose(f.Scopes, scope)
	choose(f.Lives, life)
}

// NewToken is a token that was just made: its secret is shown this once.
type NewToken struct {
	Name, Secret, Command string
}

// SessionRow is one browser in which the person is signed in.
type SessionRow struct {
	ID, Browser, Agent, Address, Provider string
	Created, Seen, Expires                time.Time
	Current                               bool
}

// Services is the service accounts of a workspace.
type Services struct {
	Rows      []ServiceRow
	CanManage bool
	Name      string
	Roles     []Choice
	New       NewToken
	Field     string
	Error     string // of the form for another one
}

// ServiceRow is one service account.
type ServiceRow struct {
	ID, Name, Role, By string
	Created            time.Time
	Mine               bool // whoever looks may manage it
	Roles              []Choice
	Error              string // of its role
	Tokens             []Token
	Form               TokenForm
	Open               bool // its form was sent
}

// BrowserName tells by what a browser says of itself, for people: "Firefox on Linux".
func BrowserName(agent string) string {
	name, system := "", ""
	for _, b := range []struct{ mark, name string }{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	} {
		if strings.Contains(agent, b.mark) {
			name = b.name
			break
		}
	}
	for _, s := range []struct{ mark, name string }{
		{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"CrOS", "ChromeOS"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	} {
		if strings.Contains(agent, s.mark) {
			system = s.name
			break
		}
	}
	switch {
	case name != "" && system != "":
		return name + " on " + system
	case name != "":
		return name
	case agent == "":
		return "A browser that says nothing of itself"
	}
	first, _, _ := strings.Cut(agent, " ")
	return first
}
