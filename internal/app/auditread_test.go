package app

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// readers is a site with two workspaces: Ada administrates, Mia owns Course, Ben is a member there, Eva owns Other.
type readers struct {
	*story
	ben, eva *visitor
	otherID  string
}

func newReaders(t *testing.T) *readers {
	s := &readers{story: newStory(t)}
	secret, err := s.accounts.AdministratorLink(t.Context())
	must(t, err)
	s.ada.post("/sign-in/" + secret)
	s.ada.post("/welcome", "email", "ada", "name", "Ada", "password", s.passwords[0])
	s.ben, s.eva = s.visitor(), s.visitor()
	link := regexp.MustCompile(`/join/(tli_[A-Za-z0-9_-]+)`)
	join := func(v *visitor, name, role string) {
		page := s.ada.post("/members/invitations", "role", role, "life", "24h", "uses", "1", "domain", "")
		v.post("/join/"+link.FindStringSubmatch(page)[1]+"/account", "email", strings.ToLower(name), "name", name, "password", s.passwords[2])
	}
	s.ada.post("/workspaces", "name", "Course")
	s.course = s.idOf("/workspaces", "name", "Course")
	join(s.mia, "Mia", "owner")
	join(s.ben, "Ben", "member")
	s.ada.post("/workspaces", "name", "Other")
	s.otherID = s.idOf("/workspaces", "name", "Other")
	join(s.eva, "Eva", "owner")
	s.mia.send("POST", "/api/v1/labs", strings.NewReader(campus), "application/yaml")
	s.eva.send("POST", "/api/v1/labs", strings.NewReader(strings.Replace(campus, "campus", "elsewhere", 1)), "application/yaml")
	return s
}

func TestPeopleReadTheAuditThatIsTheirs(t *testing.T) {
	s := newReaders(t)
	page := s.mia.get("/audit")
	for _, part := range []string{"What was done in Course", "<b>Mia</b> made lab campus, revision 1", "<b>Ben</b> joined the workspace as member", "Unbroken up to", `value="Ben"`} {
		if !strings.Contains(page, part) {
			t.Errorf("Mia's page has not %q", part)
		}
	}
	for _, part := range []string{"elsewhere", "Eva", "Other", s.otherID, "The site", "Everything", "Workspace</dt>"} {
		if strings.Contains(page, part) {
			t.Errorf("Mia's page has %q", part)
		}
	}
	own, err := s.audit.Count(t.Context(), tenancy.InTenant(s.course), tenancy.AuditFilter{})
	must(t, err)
	if !strings.Contains(page, fmt.Sprintf(", %d events", own)) {
		t.Errorf("Mia's page does not count the %d events of the workspace alone", own)
	}
	for _, v := range []*visitor{s.mia, s.ben} {
		for _, path := range []string{"/audit?of=site", "/audit?of=all", "/audit/export?of=all", "/api/v1/audit?of=site", "/api/v1/audit/export?of=all"} {
			if text := v.send("GET", path, nil, "", http.StatusForbidden); strings.Contains(text, "<b>Ada</b>") || !strings.Contains(text, "administrator of this site") {
				t.Errorf("%s answers %s", path, text)
			}
		}
	}
	if text := s.ben.send("GET", "/audit", nil, "", http.StatusForbidden); !strings.Contains(text, "Only a manager or an owner of this workspace may see what was done in it.") {
		t.Errorf("a member is told %s", text)
	}
	if menu := s.ben.get("/labs"); strings.Contains(menu, `href="/audit"`) {
		t.Error("a member is shown the way to the audit")
	}
	all := s.ada.get("/audit?of=all")
	for _, part := range []string{"made lab campus", "made lab elsewhere", "Everything", "Export", `href="/audit?about=`} {
		if !strings.Contains(all, part) {
			t.Errorf("the administrator's page has not %q", part)
		}
	}
	if site := s.ada.get("/audit?of=site"); strings.Contains(site, "made lab") || !strings.Contains(site, "changed the own account") {
		t.Error("what belongs to the site is not that alone")
	}
}

func TestTheFilterOfTheAuditStaysInTheAddress(t *testing.T) {
	s := newReaders(t)
	for i := range 70 {
		s.mia.send("POST", "/api/v1/labs?replace=campus", strings.NewReader(campus+strings.Repeat("\n", i)), "application/yaml")
	}
	page := s.mia.get("/audit?person=mia&what=labs")
	older := regexp.MustCompile(`href="(/audit\?[^"]*)" rel="next"`).FindStringSubmatch(page)
	if older == nil || !strings.Contains(older[1], "person=mia") || !strings.Contains(older[1], "what=labs") {
		t.Fatalf("the way to older events is %q", older)
	}
	second := s.mia.get(strings.ReplaceAll(older[1], "&amp;", "&"))
	if strings.Contains(second, `rel="next"`) || !strings.Contains(second, "made lab campus, revision 1: imported<") || !strings.Contains(second, "The newest") || strings.Contains(second, "signed in") {
		t.Error("the second page is not the rest of what the first one chose")
	}
	if n := strings.Count(page, "<summary>") + strings.Count(second, "<summary>"); n != 71 {
		t.Errorf("both pages have %d events", n)
	}
	if page := s.mia.get("/audit?text=no-such-thing"); !strings.Contains(page, "No event fits") {
		t.Error("an empty result teaches nothing")
	}
	if page := s.mia.send("GET", "/audit?from=yesterday", nil, "", http.StatusUnprocessableEntity); !strings.Contains(page, "is no day, such as 2026-11-21") || !strings.Contains(page, `aria-invalid="true"`) {
		t.Error("a wrong day is not told at its field")
	}
	if page := s.mia.get("/audit?from=2020-01-01&until=2020-12-31"); !strings.Contains(page, "No event fits") {
		t.Error("another year has events")
	}
}

func TestAnExportIsStreamedAndRecorded(t *testing.T) {
	s := newReaders(t)
	const many = 6_000
	wait := make(chan error, 64)
	for n := range many { // the writer takes them in batches
		if n >= cap(wait) {
			must(t, <-wait)
		}
		go func() {
			wait <- s.audit.Record(t.Context(), tenancy.AuditEvent{Tenant: s.course, Verb: tenancy.AuditLabChange, Actor: tenancy.AuditPerson{ID: "x", Name: "Load"},
				Object: tenancy.AuditObject{Kind: "lab", ID: "l", Name: strings.Repeat("n", 200)}, After: map[string]string{"note": strings.Repeat("x", 500)}})
		}()
	}
	for range cap(wait) {
		must(t, <-wait)
	}
	before := s.newest()
	request, err := http.NewRequestWithContext(t.Context(), "GET", s.LocalURL+"/audit/export?person=Load", nil)
	must(t, err)
	runtime.GC()
	var idle runtime.MemStats
	runtime.ReadMemStats(&idle)
	answer, err := s.mia.client.Do(request)
	must(t, err)
	defer answer.Body.Close()
	amid := &weighed{from: answer.Body}
	proof, err := tenancy.VerifyAuditLines(amid)
	if err != nil || proof.Broken != nil || proof.Events != many {
		t.Fatalf("the export holds %+v %v", proof, err)
	}
	if got := answer.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("it is %s", got)
	}
	if grown := amid.least - int64(idle.HeapAlloc); amid.times < 5 || grown > amid.read*3/4 {
		t.Errorf("%d bytes more were in use amid an export of %d bytes", grown, amid.read)
	}
	told := s.since(before, tenancy.AuditExport)
	if len(told) != 1 || told[0].Who() != "Mia" || told[0].Tenant != s.course || told[0].After != `{"of":"workspace","person":"Load"}` {
		t.Errorf("the audit tells of the export: %+v", told)
	}
}

func TestADeedThatCannotBeWrittenDownIsNotDoneSilently(t *testing.T) {
	s := newReaders(t)
	s.audit.Close() // as if the database had gone
	before := s.idOf("/members", "name", "Eva")
	if text := s.visitor().send("POST", "/sign-in", strings.NewReader("email=ada&password=correct+horse+battery"), "application/x-www-form-urlencoded", 503); !strings.Contains(text, "It was not done, because it cannot be written to the audit") {
		t.Errorf("a sign-in is answered %s", text)
	}
	if text := s.eva.send("POST", "/api/v1/invitations", strings.NewReader("{}"), "application/json", 503); !strings.Contains(text, "It was not done") {
		t.Errorf("an invitation is answered %s", text)
	}
	if open := s.eva.get("/api/v1/invitations"); open != "[]\n" && open != "[]" {
		t.Errorf("the invitation is there: %s", open)
	}
	if text := s.ada.send("POST", "/members/"+before+"/role", strings.NewReader("role=manager"), "application/x-www-form-urlencoded", 503); !strings.Contains(text, "It was done, but could not be written to the audit") {
		t.Errorf("a changed role is answered %s", text)
	}
	s.eva.send("POST", "/api/v1/labs", strings.NewReader(campus), "application/yaml") // people's work goes on, and the log has the event
	_, err := s.accounts.AdministratorLink(t.Context())
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("a way in that nobody can trace: %v", err)
	}
}

// weighed is a reader that weighs the heap at each MiB that was read. The least is what reading needs: others work at the same time.
type weighed struct {
	from  io.Reader
	read  int64
	times int64
	least int64
}

func (w *weighed) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	w.read += int64(n)
	if w.read>>20 > w.times {
		w.times++
		runtime.GC()
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		if heap := int64(now.HeapAlloc); w.times == 1 || heap < w.least {
			w.least = heap
		}
	}
	return n, err
}
