package tenancy

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// auditWords says what each verb means in a sentence after who did it. %s is what it was done to.
var auditWords = map[AuditVerb]string{
	AuditSignIn: "signed in", AuditSignInRefused: "was not let in", AuditSignOut: "signed out", AuditSessionEnd: "ended a session",
	AuditPassword: "chose a new password", AuditIdentityLink: "linked another way to sign in", AuditIdentityUnlink: "removed a way to sign in",
	AuditTakeOver: "began to act as %s", AuditTakeOverEnd: "ended acting as %s",
	AuditUserCreate: "made the account %s", AuditUserChange: "changed the account %s", AuditUserDelete: "deleted the account %s",
	AuditTenantCreate: "made the workspace %s", AuditTenantChange: "changed the workspace %s", AuditTenantDelete: "deleted the workspace %s",
	AuditTenantRestore: "restored the workspace %s", AuditTenantAdopt: "became an owner of the workspace %s", AuditTenantTransfer: "gave the workspace away",
	AuditQuotaChange: "changed the quota of %s", AuditMemberAdd: "brought %s into the workspace", AuditMemberRole: "changed the role of %s", AuditMemberRemove: "took %s out of the workspace",
	AuditInvite: "invited people", AuditInviteWithdraw: "took an invitation back", AuditShare: "shared lab %s", AuditShareEnd: "ended the sharing of lab %s",
	AuditShareOpen: "came to lab %s by a share", AuditLabTransfer: "gave lab %s away",
	AuditProviderChange: "changed the provider %s", AuditProviderDelete: "deleted the provider %s", AuditRuleChange: "changed the rules of %s",
	AuditTokenCreate: "made the token %s", AuditTokenRevoke: "revoked the token %s",
	AuditLabCreate: "made lab %s", AuditLabChange: "changed lab %s", AuditLabDeploy: "deployed lab %s", AuditLabCancel: "cancelled the deploy of lab %s",
	AuditLabStop: "stopped lab %s", AuditLabDestroy: "destroyed lab %s", AuditLabDelete: "deleted lab %s", AuditNodeAction: "acted on node %s",
	AuditLinkChange: "changed link %s", AuditShellOpen: "opened a shell in %s", AuditShellWatch: "joined a shell in %s", AuditShellClose: "closed a shell in %s",
	AuditCommand: "ran a command in %s", AuditUpload: "put a file into %s", AuditDownload: "downloaded from %s", AuditCapture: "captured packets at %s",
	AuditHostInvite: "made a join token for a host", AuditHostInviteEnd: "deleted a join token", AuditHostJoin: "joined as a compute host", AuditHostChange: "changed host %s",
	AuditHostKey: "gave host %s a new key", AuditHostRevoke: "revoked host %s", AuditHostRemove: "removed host %s",
	AuditNetworkChange: "changed the network %s", AuditNetworkDelete: "withdrew the network %s", AuditImagesChange: "changed the images %s",
	AuditSiteChange: "changed settings of the site", AuditExport: "exported the audit %s", AuditPrune: "took away old events", AuditDatabaseRestore: "restored the database from a backup",
}

// aboutOneself says it of who does it to himself.
var aboutOneself = map[AuditVerb]string{
	AuditUserCreate: "made an account", AuditUserChange: "changed the own account", AuditMemberAdd: "joined the workspace", AuditMemberRemove: "left the workspace",
}

// Who names whom an event counts for, and the real person where one acts as another.
func (s SealedEvent) Who() string {
	who := s.Actor.Name
	switch {
	case who != "":
	case s.Actor.ID != "":
		who = s.Actor.ID
	case s.Verb == AuditSignInRefused:
		who = "Somebody"
	default:
		who = "Trunkline"
	}
	if s.Behind != (AuditPerson{}) {
		name := s.Behind.Name
		if name == "" {
			name = s.Behind.ID
		}
		return name + ", acting as " + who + ","
	}
	return who
}

// Did says in words what was done: "deployed lab campus, revision 4".
func (s SealedEvent) Did() string {
	object := s.Object.Name
	if object == "" {
		object = s.Object.ID
	}
	text, known := auditWords[s.Verb]
	if oneself := s.Actor.ID != "" && s.Actor.ID == s.Object.ID; oneself && aboutOneself[s.Verb] != "" {
		text = aboutOneself[s.Verb]
	}
	switch {
	case !known:
		text = "did " + string(s.Verb) + " to " + object
	case strings.Contains(text, "%s"):
		text = strings.TrimSpace(fmt.Sprintf(text, object))
	}
	return text + s.addition()
}

// auditFacts is what sentences take from details. Details of other shapes say nothing here; people see them below the sentence.
type auditFacts struct {
	By       string          `json:"by"`
	Why      string          `json:"why"`
	Role     string          `json:"role"`
	Revision int64           `json:"revision"`
	Steps    int             `json:"steps"`
	Action   string          `json:"action"`
	Command  []string        `json:"command"`
	Path     string          `json:"path"`
	Bytes    json.Number     `json:"bytes"`
	Seconds  float64         `json:"seconds"`
	Failed   string          `json:"failed"`
	OpenedBy string          `json:"openedBy"`
	Name     string          `json:"name"`
	Drained  *bool           `json:"drained"`
	Gone     bool            `json:"gone"`
	Change   string          `json:"change"`
	Scope    string          `json:"scope"`
	Level    string          `json:"level"`
	With     string          `json:"with"`
	Ended    json.RawMessage `json:"ended"`
}

func factsOf(detail string) auditFacts {
	var f auditFacts
	_ = json.Unmarshal([]byte(detail), &f) // fields of another type stay empty
	return f
}

// addition is the part of the sentence that the details give.
func (s SealedEvent) addition() string {
	was, is := factsOf(s.Before), factsOf(s.After)
	switch s.Verb {
	case AuditSignIn:
		return spaced("by", is.By)
	case AuditSignInRefused:
		return spaced("as", quotedName(s.Object.Name)) + spacedBy(": ", is.Why)
	case AuditMemberAdd, AuditInvite:
		return spaced("as", is.Role)
	case AuditMemberRole:
		return spaced("from", was.Role) + spaced("to", is.Role)
	case AuditTenantChange, AuditHostChange:
		return s.renamed(was, is)
	case AuditTenantDelete:
		if is.Gone {
			return " for good"
		}
	case AuditLabCreate, AuditLabChange:
		return revision(is.Revision) + spacedBy(": ", shortText(is.Change, 120))
	case AuditTokenCreate:
		return spaced("of scope", is.Scope)
	case AuditShare:
		return spaced("with", is.With) + spacedBy(", to ", is.Level)
	case AuditLabDeploy:
		return revision(is.Revision) + steps(is.Steps)
	case AuditNodeAction:
		return spacedBy(": ", is.Action)
	case AuditCommand:
		return spacedBy(": ", shortText(strings.Join(is.Command, " "), 120))
	case AuditShellWatch:
		return spaced("that", is.OpenedBy+" opened")
	case AuditShellClose:
		if is.Failed != "" {
			return ", which did not open"
		}
		return " after " + lasting(is.Seconds)
	case AuditUpload, AuditDownload:
		return spacedBy(": ", is.Path)
	}
	return ""
}

func (s SealedEvent) renamed(was, is auditFacts) string {
	switch {
	case was.Name != "" && is.Name != "" && was.Name != is.Name:
		return ", which was " + was.Name
	case is.Drained != nil && was.Drained != nil && *is.Drained != *was.Drained && *is.Drained:
		return ": it is being drained"
	case is.Drained != nil && was.Drained != nil && *is.Drained != *was.Drained:
		return ": it takes nodes again"
	}
	return ""
}

func spaced(word, text string) string {
	if text == "" {
		return ""
	}
	return " " + word + " " + text
}

func spacedBy(mark, text string) string {
	if text == "" {
		return ""
	}
	return mark + text
}

func quotedName(name string) string {
	if name == "" {
		return ""
	}
	return "“" + shortText(name, 60) + "”"
}

func shortText(text string, letters int) string {
	if runes := []rune(text); len(runes) > letters {
		return string(runes[:letters]) + "…"
	}
	return text
}

func revision(number int64) string {
	if number == 0 {
		return ""
	}
	return ", revision " + strconv.FormatInt(number, 10)
}

func steps(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return ", 1 step"
	}
	return ", " + strconv.Itoa(n) + " steps"
}

// lasting says how long something took.
func lasting(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Second:
		return "less than a second"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min"
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
