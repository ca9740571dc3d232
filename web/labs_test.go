package web_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"trunkline/lab/control"
)

const small = "name: small\ntopology:\n  nodes:\n    r1: {kind: router}\n    h1: {kind: linux, image: trunkline/host}\n  links:\n    - endpoints: [r1:eth1, h1:eth1]\n"

func TestAnEmptyListTeachesThreeWays(t *testing.T) {
	s := newSite(t, nil)
	a := s.as("mia").get("/labs")
	a.want(t, http.StatusOK, "Start from an example", "Upload a lab", "Paste or write one", `<section id="some-labs" hidden>`)
	s.example("mia", "ospf-triangle")
	s.as("mia").get("/labs").want(t, http.StatusOK, `data-name="ospf-triangle"`, `<section id="no-labs" hidden>`, "6 nodes", `data-state="stored"`)
}

func TestALabIsMadeFromAnExample(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("mia")
	b.get("/labs/new?from=example").want(t, http.StatusOK, "Three routers in a triangle", `value="ring-100"`)
	a := b.post("/labs", url.Values{"example": {"ospf-triangle"}})
	at := a.Header.Get("Location")
	if a.StatusCode == http.StatusOK { // with a report
		at = regexp.MustCompile(`/labs/[0-9a-z]{12}`).FindString(a.body)
	}
	b.get(at).want(t, http.StatusOK, `id="lab-map"`, "ospf-triangle")
	b.post("/labs", url.Values{"example": {"../etc"}}).want(t, http.StatusNotFound)
}

func TestAPastedFileWithMistakesComesBackWithItsLines(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("mia")
	bad := strings.Replace(small, "h1:eth1]", "nobody:eth1]", 1)
	a := b.post("/labs", url.Values{"yaml": {bad}})
	a.want(t, http.StatusUnprocessableEntity, "nobody", "topology.clab.yml:7", `<li class="here"><span>7</span>`, "1 refused")
	if !strings.Contains(a.body, "endpoints: [r1:eth1, nobody:eth1]\n</textarea>") {
		t.Error("the text did not come back")
	}
	b.post("/labs", url.Values{"yaml": {" "}}).want(t, http.StatusUnprocessableEntity, "Paste a lab file first")
	b.post("/labs", url.Values{"yaml": {small}, "images": {"nonsense"}}).want(t, http.StatusUnprocessableEntity, "The image map has a line")
	b.post("/labs/check", url.Values{"yaml": {bad}}, "HX-Request", "true").want(t, http.StatusOK, "would be refused", "nobody")
	b.post("/labs/check", url.Values{"yaml": {small}}, "HX-Request", "true").want(t, http.StatusOK, "can be imported")
	if list := b.get("/labs"); strings.Contains(list.body, `data-name="small"`) {
		t.Error("something was stored")
	}
	b.post("/labs", url.Values{"yaml": {strings.ReplaceAll(small, "\n", "\r\n")}}).want(t, http.StatusSeeOther)
	b.post("/labs", url.Values{"yaml": {small}}).want(t, http.StatusConflict, "There is a lab small already", "</textarea>")
}

// upload builds a form with files whose names may hold folders.
func upload(t *testing.T, files map[string]string) (body *bytes.Buffer, kind string) {
	t.Helper()
	body = &bytes.Buffer{}
	form := multipart.NewWriter(body)
	for name, content := range files {
		part, err := form.CreateFormFile("files", name)
		if err != nil {
			t.Fatal(err)
		}
		part.Write([]byte(content))
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return body, form.FormDataContentType()
}

func TestALabIsUploadedAsFolderOrZip(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("mia")
	body, kind := upload(t, map[string]string{"small.clab.yml": small, "configs/r1/frr.conf": "hostname r1\n"})
	a := b.do("POST", "/labs?name=folder", body, "Content-Type", kind, "HX-Request", "true")
	if at := a.Header.Get("HX-Redirect"); !strings.HasPrefix(at, "/labs/") {
		t.Fatalf("%d %q %s", a.StatusCode, at, a.body)
	}
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	w, _ := z.Create("small.clab.yml")
	w.Write([]byte(small))
	z.Close()
	body, kind = upload(t, map[string]string{"lab.zip": packed.String()})
	b.do("POST", "/labs?name=zipped", body, "Content-Type", kind).want(t, http.StatusSeeOther)
	b.get("/labs").want(t, http.StatusOK, `data-name="folder"`, `data-name="zipped"`)
	body, kind = upload(t, map[string]string{"readme.txt": "nothing"})
	b.do("POST", "/labs", body, "Content-Type", kind).want(t, http.StatusUnprocessableEntity, "There is no lab file")
	body, kind = upload(t, map[string]string{"lab.zip": packed.String()[:40]})
	b.do("POST", "/labs", body, "Content-Type", kind).want(t, http.StatusUnprocessableEntity, "damaged")
}

func TestTheFileOfALabIsReplaced(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("mia")
	id := s.example("mia", "ospf-triangle")
	b.get("/labs/"+id+"/file").want(t, http.StatusOK, "Replace the file of ospf-triangle", "</textarea>")
	b.post("/labs/"+id+"/file", url.Values{"yaml": {small}}).want(t, http.StatusSeeOther)
	b.get("/labs/"+id).want(t, http.StatusOK, "h1", "The file was replaced")
}

// mapOf is the drawing that a page carries.
func mapOf(t *testing.T, a answer) (m struct {
	Nodes []struct {
		Name, Kind, State string
		X, Y              *float64
	}
	Links []struct{ A, B, Aif, Bif string }
}) {
	t.Helper()
	a.want(t, http.StatusOK)
	_, text, _ := strings.Cut(a.body, `id="lab-map"`)
	_, text, _ = strings.Cut(text, ">")
	text, _, _ = strings.Cut(text, "</script>")
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v in %.300s", err, text)
	}
	return m
}

func TestTheDrawingIsKeptWhereItWasDragged(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("mia")
	id := s.example("mia", "ring-100")
	m := mapOf(t, b.get("/labs/"+id))
	if len(m.Nodes) != 100 || len(m.Links) != 100 || m.Nodes[0].X == nil {
		t.Fatalf("%d nodes, %d links", len(m.Nodes), len(m.Links))
	}
	name := m.Nodes[3].Name
	a := b.do("POST", "/labs/"+id+"/positions", strings.NewReader(`{"`+name+`":{"x":777,"y":-42}}`), "Content-Type", "application/json")
	a.want(t, http.StatusNoContent)
	if n := mapOf(t, b.get("/labs/"+id)).Nodes[3]; *n.X != 777 || *n.Y != -42 {
		t.Errorf("the node is at %v, %v", *n.X, *n.Y)
	}
	for _, bad := range []string{`{"` + name + `":{"x":1e300,"y":0}}`, `[`, `{"` + name + `":{"x":"a"}}`} {
		b.do("POST", "/labs/"+id+"/positions", strings.NewReader(bad), "Content-Type", "application/json", "Accept", "application/json").want(t, http.StatusUnprocessableEntity)
	}
	b.post("/labs/"+id+"/layout", nil, "Accept", "application/json").want(t, http.StatusOK, name)
	if n := mapOf(t, b.get("/labs/"+id)).Nodes[3]; *n.X == 777 {
		t.Error("the node was not arranged anew")
	}
}

func TestNamesInALabCannotBreakOutOfThePage(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("mia")
	id := s.example("mia", "ospf-triangle")
	s.World.SetNode(id, "r1", "failed", `</script><script>alert(1)</script>`)
	s.World.SetLab(id, control.Failed, `"><img src=x onerror=alert(1)>`, 0, 0)
	a := b.get("/labs/" + id)
	if strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, "<img src=x") {
		t.Error("a reason got into the page as HTML")
	}
	if m := mapOf(t, a); m.Nodes[0].State != "failed" {
		t.Error(m.Nodes[0])
	}
}

func TestTheButtonsOfALabDoWhatTheySay(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("mia")
	id := s.example("mia", "ospf-triangle")
	b.get("/labs/"+id+"/plan", "HX-Request", "true").want(t, http.StatusOK, "What Deploy would do", "node r1", "lab-host-1")
	b.post("/labs/"+id+"/deploy", nil, "HX-Request", "true").want(t, http.StatusNoContent)
	waitFor(t, "the lab runs", func() bool { return strings.Contains(b.get("/labs/"+id).body, `id="lab-status" data-state="running"`) })
	a := b.post("/labs/"+id+"/nodes/r1/pause", nil, "HX-Request", "true")
	if a.StatusCode != http.StatusNoContent || !strings.Contains(a.Header.Get("HX-Trigger"), "r1 is being paused.") {
		t.Fatalf("%d %v", a.StatusCode, a.Header)
	}
	b.get("/labs/"+id+"/nodes/r1", "HX-Request", "true").want(t, http.StatusOK, "paused", "Resume", "trunkline/router", "lab-host-1")
	b.post("/labs/"+id+"/nodes/r1/explode", nil, "HX-Request", "true").want(t, http.StatusNotFound)
	b.post("/labs/"+id+"/stop", nil).want(t, http.StatusSeeOther)
	a = b.post("/labs/"+id+"/destroy", url.Values{"forget": {"1"}}, "HX-Request", "true")
	if a.Header.Get("HX-Redirect") != "/labs" {
		t.Fatalf("%d %v", a.StatusCode, a.Header)
	}
	b.get("/labs/"+id).want(t, http.StatusNotFound)
}

func TestAnExportIsADownload(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "ospf-triangle")
	a := s.as("mia").get("/labs/" + id + "/export")
	a.want(t, http.StatusOK)
	if a.Header.Get("Content-Disposition") != "attachment; filename=ospf-triangle.zip" {
		t.Error(a.Header)
	}
}
