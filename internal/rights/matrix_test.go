package rights_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/tenancy"
	"trunkline/web"
	"trunkline/web/api"
)

// matrix calls addresses for actors, and keeps what came back.
type matrix struct {
	*site
	actors []*actor
	lines  []line
	db     *sql.DB     // to look at; nil on PostgreSQL
	asking atomic.Bool // a call of the matrix is under way, and not one that prepares it
}

// line is one call on an object of one's own tenant, which may be judged by another table again.
type line struct {
	address address
	caller  *actor
	object  tenancy.ObjectRef
	hides   bool
	hosts   bool
	bound   bool
	got     verdict
}

// wrong says what is wrong with a line under a declaration of its address.
func (l line) wrong(declared address) string {
	want := expected(declared, l.caller, l.object)
	if l.hosts && want == allowed && l.caller.who.Guest != nil {
		want = forbidden
	}
	if l.bound && want == allowed && !l.caller.who.SiteAdmin {
		want = forbidden
	}
	if l.got == want || l.hides && want == forbidden && l.got == notFound {
		return ""
	}
	return fmt.Sprintf("%s as %s: %s, and by the verb %q it is %s", declared.key, l.caller.name, l.got, declared.verb, want)
}

// inputOf finds what a valid request of an address needs.
func inputOf(a address) (input, bool) {
	if a.api {
		in, known := operations[strings.Replace(a.key, api.Prefix, "", 1)]
		return in, known
	}
	in, known := pages[a.key]
	return in, known
}

// everybody is nobody, all kinds of people in both tenants, and an owner who comes to pages with a token and to the API with a browser.
func (s *site) everybody() []*actor {
	all := []*actor{{name: "nobody", home: s.a}}
	for _, t := range []*tenant{s.a, s.b} {
		for _, r := range roles {
			all = append(all, t.people[r.name])
		}
		all = append(all, t.programs...)
		all = append(all, t.guests...)
	}
	return all
}

// run calls one address for every actor and returns what is wrong.
func (m *matrix) run(a address) []string {
	in, known := inputOf(a)
	if !known {
		return []string{a.key + " has no input: say in pages_test.go or operations_test.go what a valid request of it is"}
	}
	if in.of != "" && sources[in.of] == nil {
		return []string{a.key + " is about a " + in.of + ", of which there is no source"}
	}
	var wrong []string
	for _, caller := range m.actors {
		if caller.who.Guest != nil && (in.own || !slices.Contains(ofLab, in.of)) {
			continue // beyond the lab that is shared he is somebody of another workspace, who is there already
		}
		wrong = append(wrong, m.own(a, in, caller)...)
		if in.of != "" && !in.site {
			wrong = append(wrong, m.others(a, in, caller)...)
		}
	}
	return wrong
}

// ofLab are the kinds of objects that are a lab, or part of one.
var ofLab = []string{"lab", "switch", "cable", "share", "revision", "node action"}

// own calls an address on something of the caller's own tenant.
func (m *matrix) own(a address, in input, caller *actor) []string {
	object := tenancy.ObjectRef{Tenant: caller.home.id}
	if slices.Contains(ofLab, in.of) {
		object.Owner, object.Lab, object.Name = caller.home.people[labOwner].who.UserID, caller.home.lab.ID, "lab"
	}
	want := expected(a, caller, object)
	done := want == allowed && a.method != "GET"
	who := m.stand(in, caller)
	if in.own && in.of == "ended workspace" {
		object.Tenant = who.who.TenantID
	}
	var r refs
	if in.of != "" {
		r = sources[in.of](m.site, caller.home, who, done && !in.shared)
	}
	answer := m.call(a, in, who, r)
	one := line{bound: in.bound && a.api, address: a, caller: caller, object: object, hides: in.hides, hosts: in.hosts, got: read(a, in, answer)}
	m.lines = append(m.lines, one)
	if done && in.undo != nil {
		in.undo(m.site, caller.home)
	}
	if wrong := one.wrong(a); wrong != "" {
		return []string{wrong}
	}
	if leak := m.leaks(caller, answer); leak != "" {
		return []string{fmt.Sprintf("%s as %s tells of another tenant: %s", a.key, caller.name, leak)}
	}
	return nil
}

// leaks finds something of the other tenant in an answer about one's own. Administrators of the site see all tenants.
func (m *matrix) leaks(caller *actor, r response) string {
	if caller.who.SiteAdmin {
		return ""
	}
	theirs := m.b
	if caller.home == m.b {
		theirs = m.a
	}
	marks := []string{theirs.id, theirs.lab.ID, theirs.lab.Name}
	for _, one := range theirs.people {
		marks = append(marks, one.who.UserID, one.who.UserName)
	}
	for _, mark := range marks {
		if at := strings.Index(r.body, mark); at >= 0 {
			return fmt.Sprintf("%q", r.body[max(0, at-60):min(len(r.body), at+60)])
		}
	}
	return ""
}

// others calls an address on something of another tenant, and on something that is not there: the two have to answer alike. Labs are asked for by
// their ids and by their names.
func (m *matrix) others(a address, in input, caller *actor) []string {
	if in.reach && caller.who.SiteAdmin {
		return nil
	}
	theirs, kinds := m.b, []string{in.of}
	if caller.home == m.b {
		theirs = m.a
	}
	if in.of == "lab" {
		kinds = append(kinds, "lab by name")
	}
	who := m.stand(in, caller)
	if !a.api && !who.nobody() {
		m.send(&request{method: "GET", path: "/about", cookie: who.cookie}) // takes what an earlier form left to be said
	}
	var wrong []string
	for _, kind := range kinds {
		there := sources[kind](m.site, theirs, who, false)
		gone := missing(there)
		other, none := m.call(a, in, who, there), m.call(a, in, who, gone)
		if got := read(a, in, other); got == allowed {
			wrong = append(wrong, fmt.Sprintf("%s as %s does it to another tenant's (%s)", a.key, caller.name, kind))
		}
		if got, want := bare(other, there), bare(none, gone); got != want {
			wrong = append(wrong, fmt.Sprintf("%s as %s tells another tenant's (%s) from a missing one:\n\t%s", a.key, caller.name, kind, difference(got, want)))
		}
	}
	return wrong
}

// stand is the caller, or somebody new like him.
func (m *matrix) stand(in input, caller *actor) *actor {
	if in.own && !caller.nobody() {
		return caller.remake()
	}
	return caller
}

func (m *matrix) call(a address, in input, caller *actor, r refs) response {
	out := m.sign(in.call(m.site, a, r), a, in, caller)
	m.calls++
	ask := func() response {
		m.asking.Store(true)
		defer m.asking.Store(false)
		if a.kind == web.Socket {
			return m.talk(out, in.first)
		}
		return m.send(out)
	}
	if a.method == "GET" {
		answer := ask()
		m.look(a, caller, bareHeaders(answer))
		return answer
	}
	answer, wrong := m.untouched(caller, ask)
	m.look(a, caller, append(bareHeaders(answer), wrong))
	return answer
}

// look reports what is wrong with an answer whatever it says about rights.
func (m *matrix) look(a address, caller *actor, wrong []string) {
	m.t.Helper()
	for _, one := range wrong {
		if one != "" {
			m.t.Errorf("%s as %s: %s", a.key, caller.name, one)
		}
	}
}

// sign says who asks: pages by a browser, the API by a token.
func (m *matrix) sign(out *request, a address, in input, caller *actor) *request {
	if a.api {
		out.token = caller.token
	} else if out.cookie = caller.cookie; caller.program() {
		out.token = caller.token
	}
	if in.ticket {
		var got struct{ Ticket string }
		if t := m.send(&request{method: "POST", path: out.path + "/ticket", cookie: out.cookie}); t.status == 200 {
			must(m.t, json.Unmarshal([]byte(t.body), &got))
		}
		out.path += "?ticket=" + got.Ticket
	}
	return out
}

// difference shows where two texts part.
func difference(a, b string) string {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	cut := func(s string) string { return s[max(0, min(at, len(s))-40):min(len(s), at+160)] }
	return fmt.Sprintf("%q\n\t%q", cut(a), cut(b))
}

func newMatrix(t testing.TB, between seams) *matrix {
	t.Helper()
	m := &matrix{site: newSite(t, between)}
	if between.database == "" {
		m.db = openRows(t, m.site)
	}
	m.a, m.b = m.settle("alpha"), m.settle("bravo")
	m.actors = m.everybody()
	return m
}

func TestEveryAddressAnswersAsItsVerbSays(t *testing.T) { everyAddress(t, seams{}) }

func everyAddress(t *testing.T, between seams) {
	t.Helper()
	started := time.Now()
	m := newMatrix(t, between)
	settled := time.Since(started)
	kinds := map[string]int{}
	all := addresses()
	for _, a := range all {
		kinds[string(a.kind)]++
		if !a.api && a.kind == web.Plain {
			kinds["page"]++
		}
		if wrong := m.run(a); len(wrong) > 3 {
			t.Errorf("%s\nand %d more of %s", strings.Join(wrong[:3], "\n"), len(wrong)-3, a.key)
		} else if len(wrong) > 0 {
			t.Error(strings.Join(wrong, "\n"))
		}
	}
	t.Logf("%d addresses (%d pages and forms, %d operations, %d streams, %d websockets) x %d callers (in each of 2 tenants %d roles, %d programs and %d guests; and nobody): %d calls in %s, after %s of making the tenants",
		len(all), kinds["page"], kinds["plain"]-kinds["page"], kinds["stream"], kinds["socket"], len(m.actors), len(roles), len(m.a.programs), len(m.a.guests), m.calls,
		time.Since(started).Round(time.Millisecond)-settled.Round(time.Millisecond), settled.Round(time.Millisecond))
}

func TestNoInputIsLeftOver(t *testing.T) {
	var keys []string
	for _, a := range addresses() {
		keys = append(keys, strings.Replace(a.key, api.Prefix, "", 1))
	}
	for _, table := range []map[string]input{pages, operations} {
		for key := range table {
			if !slices.Contains(keys, key) {
				t.Errorf("%s is in no table of routes: remove its input", key)
			}
		}
	}
}
