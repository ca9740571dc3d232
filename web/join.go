package web

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/templates"
)

// joinLives are how long a join command may work, the usual first.
var joinLives = []struct {
	life time.Duration
	word string
}{{time.Hour, "1 hour"}, {8 * time.Hour, "8 hours"}, {24 * time.Hour, "1 day"}, {7 * 24 * time.Hour, "7 days"}, {30 * 24 * time.Hour, "30 days"}}

func newJoin() templates.Join { return joinForm("", "", "") }

// joinForm is the form with what was sent.
func joinForm(name, labels, life string) templates.Join {
	j := templates.Join{Name: name, Labels: labels, Life: life}
	for i, l := range joinLives {
		value := l.life.String()
		j.Lives = append(j.Lives, templates.Choice{Value: value, Word: l.word, Chosen: value == life || life == "" && i == 0})
	}
	return j
}

// makeJoinCommand shows the command on the page that answers, and never again.
func (s *Server) makeJoinCommand(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	view := joinForm(form.Text("name"), form.Text("labels"), form.Text("life"))
	request, err := joinRequest(view)
	var token control.JoinToken
	if err == nil {
		token, err = s.Fleet.CreateJoinToken(r.Context(), r.Actor, request)
	}
	status := http.StatusOK
	if err != nil {
		problem := fault.Public(err)
		if problem.Code != fault.Invalid && problem.Code != fault.Conflict && problem.Code != fault.Exhausted {
			return err
		}
		status, view.Error, view.Field = fault.Status(problem.Code), problem.Sentence, knownField(problem.Field, "name", "labels", "life")
	} else {
		address := ControllerAddress(s.PublicURL, r.HTTP())
		view = newJoin()
		view.Command, view.Expires, view.Local = JoinCommand(address, token.Secret), token.ExpiresAt, IsLoopback(address)
	}
	if r.IsFragment() {
		return r.Fragment(status, view)
	}
	page, err := s.hostsView(r, view)
	if err != nil {
		return err
	}
	return r.Page(status, page)
}

// knownField is the field when the form has it, else "" for the whole form.
func knownField(field string, fields ...string) string {
	if slices.Contains(fields, field) {
		return field
	}
	return ""
}

func joinRequest(view templates.Join) (control.JoinRequest, error) {
	request := control.JoinRequest{Name: view.Name}
	var err error
	if request.Labels, err = parseLabels(strings.FieldsFunc(view.Labels, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r' })); err != nil {
		return request, err
	}
	if view.Life == "" {
		return request, nil
	}
	if request.Life, err = time.ParseDuration(view.Life); err != nil {
		return request, fault.New(fault.Invalid, "Choose how long the command works from the list.").InField("life")
	}
	return request, nil
}

// parseLabels reads key=value pairs.
func parseLabels(pairs []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key == "" || value == "" {
			return nil, fault.New(fault.Invalid, "The label “%s” is no pair. Write it like zone=a.", pair).InField("labels")
		}
		if _, twice := labels[key]; twice {
			return nil, fault.New(fault.Invalid, "The label %s is there twice. Keep one of the two.", key).InField("labels")
		}
		labels[key] = value
	}
	return labels, nil
}

// deleteJoinToken closes a way in that nobody has used.
func (s *Server) deleteJoinToken(r *Request) error {
	if err := s.Fleet.DeleteJoinToken(r.Context(), r.Actor, r.Param("token")); err != nil {
		return err
	}
	return r.Done("/hosts", "The join command was revoked. Nobody can join by it any more.")
}

// JoinCommand is what a person runs on a new machine.
func JoinCommand(controller, secret string) string {
	return "trunkline host --controller " + controller + " --token " + secret
}

// ControllerAddress is where other machines reach the controller: the public address, unless that leads to its own machine alone
// and whoever asks came by another.
func ControllerAddress(public string, r *http.Request) string {
	if public != "" && !IsLoopback(public) {
		return public
	}
	asked := "http://" + r.Host
	if byTLS(r) {
		asked = "https://" + r.Host
	}
	if public == "" || !IsLoopback(asked) {
		return asked
	}
	return public
}

// IsLoopback says that an address leads to the machine itself.
func IsLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func tokensView(tokens []control.JoinToken) templates.JoinTokens {
	var view templates.JoinTokens
	for _, t := range tokens {
		view.Tokens = append(view.Tokens, templates.JoinToken{ID: t.ID, Name: t.Name, Labels: labelViews(t.Labels), Created: t.CreatedAt, Expires: t.ExpiresAt})
	}
	return view
}
