package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestAnErrorIsAPageAFragmentOrJSON(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	page := b.get("/labs/none")
	page.want(t, http.StatusNotFound, "<!doctype html>", "Nothing is plugged in here", "There is no such lab here.")
	fragment := b.get("/labs/none", "HX-Request", "true")
	fragment.want(t, http.StatusNotFound, `class="toast error"`, "There is no such lab here.")
	if fragment.Header.Get("HX-Retarget") != "#toasts" || strings.Contains(fragment.body, "<html") {
		t.Errorf("%v %s", fragment.Header, fragment.body)
	}
	answer := b.get("/labs/none", "Accept", "application/json")
	var body struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(answer.body), &body); err != nil || body.Error.Code != "not_found" || body.Error.Message != "There is no such lab here." {
		t.Fatalf("%v %s", err, answer.body)
	}
	b.get("/no/such/page").want(t, http.StatusNotFound, "To the labs")
}

func TestAnotherTenantsLabLooksLikeAMissingOne(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("admin", "ospf-triangle")
	eve := s.as("eve")
	for _, path := range []string{"/labs/%s", "/labs/%s/events", "/labs/%s/plan", "/labs/%s/export", "/labs/%s/nodes/r1", "/labs/%s/nodes/r1/files?path=/etc/hosts", "/labs/%s/file"} {
		theirs, missing := eve.get(strings.Replace(path, "%s", id, 1)), eve.get(strings.Replace(path, "%s", "aaaaaaaaaaaa", 1))
		theirs.want(t, http.StatusNotFound)
		if theirs.same() != missing.same() || theirs.StatusCode != missing.StatusCode {
			t.Errorf("%s tells them apart:\n%s\n%s", path, theirs.same(), missing.same())
		}
	}
	for _, path := range []string{"/labs/%s/deploy", "/labs/%s/destroy", "/labs/%s/nodes/r1/stop", "/labs/%s/layout", "/labs/%s/file"} {
		theirs, missing := eve.post(strings.Replace(path, "%s", id, 1), nil), eve.post(strings.Replace(path, "%s", "aaaaaaaaaaaa", 1), nil)
		theirs.want(t, http.StatusNotFound)
		if theirs.same() != missing.same() {
			t.Errorf("%s tells them apart", path)
		}
	}
	if list := eve.get("/labs"); strings.Contains(list.body, "ospf-triangle\"") {
		t.Error("the list shows another tenant's lab")
	}
}

func TestWhoMayNotIsToldWhoMay(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("admin", "ospf-triangle")
	mia := s.as("mia")
	mia.post("/labs/"+id+"/deploy", nil, "HX-Request", "true").want(t, http.StatusForbidden, "Only its owner or a manager")
	mia.get("/hosts").want(t, http.StatusForbidden, "Only an administrator", "This port is closed to you")
}
