package web_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestALabIsExportedInEveryForm(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "ospf-triangle")
	b := s.as("mia")
	for form, want := range map[string]struct{ kind, disposition, holds string }{
		"folder":       {"application/zip", "ospf-triangle.zip", "ospf-triangle"},
		"containerlab": {"application/yaml; charset=utf-8", "ospf-triangle.clab.yml", "trunkline.fields: "},
		"svg":          {"image/svg+xml", "ospf-triangle.svg", "<title>ospf-triangle</title>"},
		"mermaid":      {"text/plain; charset=utf-8", "ospf-triangle.mmd", "flowchart LR"},
	} {
		a := b.get("/labs/" + id + "/export?as=" + form)
		a.want(t, http.StatusOK, want.holds)
		if got := a.Header.Get("Content-Type"); got != want.kind {
			t.Errorf("%s comes as %s", form, got)
		}
		if got := a.Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") || !strings.Contains(got, want.disposition) {
			t.Errorf("%s is saved as %s", form, got)
		}
	}
	b.get("/labs/"+id+"/export?as=visio").want(t, http.StatusUnprocessableEntity, "A lab is exported as folder, containerlab, svg, mermaid, not as &#34;visio&#34;.")
	s.as("eve").get("/labs/"+id+"/export?as=svg").want(t, http.StatusNotFound)
}
