package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/lab/control"
	"trunkline/store"
	"trunkline/tenancy"
)

// auditProof does something through the running controller, and says what the audit has to tell of it. Proofs run one after the other on one site, as a story: each begins with
// what those before it left.
type auditProof struct {
	verb   tenancy.AuditVerb
	name   string // as a sentence; "": the verb's own
	do     func(*story)
	who    string // name of whom it counts for; "": Ada, the administrator
	object string // name of what it was done to
	tenant string // "site", "first" (the first workspace), "course"; "": whichever
	did    string // a part of the sentence on the page
	before string // a part of the canonical detail
	after  string
}

// auditElsewhere are verbs of commands on the controller's machine, each with the test that proves it.
var auditElsewhere = map[tenancy.AuditVerb]string{
	tenancy.AuditDatabaseRestore: "cmd/trunkline: TestADatabaseIsBackedUpWhileTheControllerRunsAndRestoredWhenItDoesNot",
}

// auditPending are verbs that nothing does yet, or that who builds the feature records and proves: add a proof to auditProofs, and delete the line here.
var auditPending = map[tenancy.AuditVerb]string{
	tenancy.AuditLabTransfer: "nobody can give a lab away yet",
	tenancy.AuditCapture:     "captures",
}

func TestEveryVerbOfTheAuditIsRecorded(t *testing.T) {
	proved := map[tenancy.AuditVerb]bool{}
	for _, p := range auditProofs {
		proved[p.verb] = true
		if !slices.Contains(tenancy.AuditVerbs, p.verb) {
			t.Errorf("%q is proved and is no verb", p.verb)
		}
	}
	for _, verb := range tenancy.AuditVerbs {
		_, elsewhere := auditElsewhere[verb]
		_, pending := auditPending[verb]
		switch {
		case !proved[verb] && !elsewhere && !pending:
			t.Errorf("%q has no proof that it is recorded: add one to auditProofs", verb)
		case proved[verb] && (elsewhere || pending):
			t.Errorf("%q has a proof: delete its line in auditElsewhere or auditPending", verb)
		}
	}
	s := newStory(t)
	for _, p := range auditProofs {
		name := p.name
		if name == "" {
			name = string(p.verb)
		}
		if !t.Run(name, func(t *testing.T) { s.prove(t, p) }) {
			t.FailNow() // those after it begin with what it did not do
		}
	}
	proof, err := s.audit.Verify(t.Context())
	if err != nil || proof.Broken != nil || proof.From.Number == 0 || proof.Events < int64(len(auditProofs)) {
		t.Errorf("the chain: %+v %v", proof, err)
	}
	s.nothingSecret()
}

// prove runs one proof and looks at what came into the audit meanwhile.
func (s *story) prove(t *testing.T, p auditProof) {
	outer := s.t
	s.t = t
	defer func() { s.t = outer }()
	before := s.newest()
	p.do(s)
	var found []tenancy.AuditLink
	await(t, "the audit to tell of "+string(p.verb), func() bool {
		found = s.since(before, p.verb)
		return len(found) > 0
	})
	e := found[0] // the newest
	if want := p.who; e.Who() != want && (want != "" || e.Who() != "Ada") {
		t.Errorf("it counts for %q, want %q", e.Who(), want)
	}
	if p.object != "" && e.Object.Name != p.object {
		t.Errorf("it was done to %+v, want %q", e.Object, p.object)
	}
	if want, given := map[string]string{"site": "", "first": tenancy.DefaultTenant, "course": s.course}[p.tenant]; given && e.Tenant != want {
		t.Errorf("it is of the workspace %q, want %s", e.Tenant, p.tenant)
	}
	for text, part := range map[string]string{e.Did(): p.did, e.Before: p.before, e.After: p.after} {
		if !strings.Contains(text, part) {
			t.Errorf("%s has not %s", text, part)
		}
	}
	if who := e.Who(); (e.Address != "127.0.0.1" || e.RequestID == "") && who != "Trunkline" && !strings.HasPrefix(who, "here") {
		t.Errorf("%s came from %q by request %q", who, e.Address, e.RequestID)
	}
}

// story is a site on which the proofs run.
type story struct {
	*site
	whole      *testing.T // s.t is that of one proof
	course     string     // id of a second workspace
	lab        string     // id
	host       *outpost
	ada, mia   *visitor
	shell      *websocket.Conn
	shellID    string
	passwords  []string
	miaID      string
	invitation string // its secret
	share      string // its link's secret
}

func newStory(t *testing.T) *story {
	s := &story{site: newSite(t), whole: t, passwords: []string{"correct horse battery", "incorrect horse battery", "another horse battery"}}
	await(t, "the chain to be followed once", func() bool {
		chain, err := s.audit.Chain(t.Context())
		return err == nil && !chain.Whole.IsZero()
	})
	s.ada, s.mia = s.visitor(), s.visitor()
	return s
}

// lasting makes what the proofs after this one need, too.
func (s *story) lasting(do func()) {
	one := s.t
	defer func() { s.t = one }()
	s.t = s.whole
	do()
}

func (s *story) newest() int64 {
	page, err := s.audit.Events(s.t.Context(), tenancy.Everywhere(), store.AuditFilter{Limit: 1})
	must(s.t, err)
	if len(page.Events) == 0 {
		return 0
	}
	return page.Events[0].Number
}

func (s *story) since(number int64, verb tenancy.AuditVerb) []tenancy.AuditLink {
	page, err := s.audit.Events(s.t.Context(), tenancy.Everywhere(), store.AuditFilter{Verbs: []tenancy.AuditVerb{verb}})
	must(s.t, err)
	return slices.DeleteFunc(page.Events, func(e tenancy.AuditLink) bool { return e.Number <= number })
}

// nothingSecret looks for all that was secret in the whole audit.
func (s *story) nothingSecret() {
	s.t.Helper()
	must(s.t, s.audit.Each(s.t.Context(), tenancy.Everywhere(), store.AuditFilter{}, func(e store.AuditPassage) error {
		line, err := e.Line(e.Previous)
		for _, secret := range append(s.passwords, "hunter22", "tlk_", "tlj_", "tli_", "tls_") {
			if strings.Contains(line, secret) {
				s.t.Errorf("event %d has the secret %s: %s", e.Number, secret, line)
			}
		}
		return err
	}))
}

// visitor is a browser without scripts.
type visitor struct {
	story  *story
	client *http.Client
}

func (s *story) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	must(s.t, err)
	return &visitor{s, &http.Client{Jar: jar, Timeout: time.Minute}}
}

// send answers with the last page's text; a status of 400 and more is fatal unless it is the one that is wanted.
func (v *visitor) send(method, path string, body io.Reader, kind string, want ...int) string {
	v.story.t.Helper()
	request, err := http.NewRequestWithContext(v.story.t.Context(), method, v.story.LocalURL+path, body)
	must(v.story.t, err)
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	answer, err := v.client.Do(request)
	must(v.story.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(v.story.t, err)
	if answer.StatusCode >= 400 && !slices.Contains(want, answer.StatusCode) {
		v.story.t.Fatalf("%s %s: %s\n%s", method, path, answer.Status, text)
	}
	return string(text)
}

func (v *visitor) get(path string) string { v.story.t.Helper(); return v.send("GET", path, nil, "") }

func (v *visitor) post(path string, pairs ...string) string {
	v.story.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return v.send("POST", path, strings.NewReader(form.Encode()), "application/x-www-form-urlencoded", 401)
}

// call asks the API as the browser's person and reads its answer.
func (v *visitor) call(method, path string, body any) map[string]any {
	v.story.t.Helper()
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		must(v.story.t, err)
		sent = strings.NewReader(string(text))
	}
	text := v.send(method, "/api/v1"+path, sent, "application/json")
	var answer map[string]any
	if strings.HasPrefix(text, "{") {
		must(v.story.t, json.Unmarshal([]byte(text), &answer))
	}
	return answer
}

// dial opens a websocket as the browser's person.
func (v *visitor) dial(path string, head ...string) *websocket.Conn {
	v.story.t.Helper()
	ctx, cancel := context.WithTimeout(v.story.t.Context(), time.Minute)
	defer cancel()
	header := http.Header{"Origin": {v.story.LocalURL}}
	for i := 0; i < len(head); i += 2 {
		header.Set(head[i], head[i+1])
	}
	conn, _, err := websocket.Dial(ctx, v.story.LocalURL+path, &websocket.DialOptions{HTTPClient: v.client, HTTPHeader: header})
	must(v.story.t, err)
	return conn
}

// openShell opens a terminal as the page does, and returns it with its session's id once it answers.
func (v *visitor) openShell(session string) (*websocket.Conn, string) {
	v.story.t.Helper()
	path := "/labs/" + v.story.lab + "/nodes/n1/shell"
	var ticket struct{ Ticket string }
	must(v.story.t, json.Unmarshal([]byte(v.post(path+"/ticket")), &ticket))
	conn := v.dial(path + "?ticket=" + url.QueryEscape(ticket.Ticket) + "&session=" + session)
	ctx, cancel := context.WithTimeout(v.story.t.Context(), time.Minute)
	defer cancel()
	for {
		kind, text, err := conn.Read(ctx)
		must(v.story.t, err)
		var message map[string]any
		if kind != websocket.MessageText || json.Unmarshal(text, &message) != nil {
			continue
		}
		if message["type"] == "refused" {
			v.story.t.Fatalf("the shell was refused: %s", text)
		}
		if id, _ := message["session"].(string); id != "" {
			return conn, id
		}
	}
}

// settled waits until the lab is in that state.
func (s *story) settled(state control.State) {
	s.t.Helper()
	actor := tenancy.Actor{UserID: "site", TenantID: s.course, SiteAdmin: true}
	await(s.t, "the lab to be "+string(state), func() bool {
		now, err := s.labs.Get(s.t.Context(), actor, s.lab)
		return err == nil && now.State == state
	})
}
