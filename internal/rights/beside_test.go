package rights_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// beside is what is mounted beside the tables of routes and operations, with who is let in and the proof.
var beside = map[string]string{
	"/static/":             "anybody: our own assets, none of anybody's data",
	"GET /healthz":         "anybody: one word",
	"GET /readyz":          "anybody: one word, or what is not ready",
	"GET /favicon.ico":     "anybody: an asset",
	"/api/v1/":             "operations, which the matrix calls, and their description",
	"/hostlink":            "hosts, by their keys",
	"/logout/back-channel": "providers, by tokens that they have signed",
}

func TestNothingIsMountedThatNobodyKnowsOf(t *testing.T) {
	s := newSite(t, seams{})
	for _, pattern := range s.app.Beside() {
		if beside[pattern] == "" {
			t.Errorf("%s is mounted beside the table of routes: say here who is let in", pattern)
		}
	}
	for _, path := range []string{"/hostlink", "/logout/back-channel", "/metrics", "/debug/pprof/", "/.git/config", "/api/v1/none", "/static/", "/static/css/", "/static/../go.mod"} {
		for _, method := range []string{"GET", "POST", "TRACE", "OPTIONS", "DELETE"} {
			a := s.send(&request{method: method, path: path})
			elsewhere := a.status == 303 || a.status == 307 // to the door, or to the address as it is written
			if a.status < 400 && !elsewhere && method != "OPTIONS" {
				t.Errorf("%s %s answers %d: %.200s", method, path, a.status, a.body)
			}
			for _, wrong := range bareHeaders(a) {
				if !strings.Contains(wrong, "it may be kept") { // nothing of anybody is in these
					t.Errorf("%s %s: %s", method, path, wrong)
				}
			}
		}
	}
	t.Log(slices.Sorted(maps.Keys(beside)))
}
