package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"trunkline/lab/control"
	"trunkline/web"
)

func TestHostsSayWhatTheyHavePromisedAndLack(t *testing.T) {
	s := newSite(t, nil)
	s.as("admin").get("/hosts").want(t, http.StatusOK, "2 hosts, 1 connected", "1 lost", "lab-host-1", "1.2 ms", "<span>zone</span>=a",
		"6.5 of 16 cores promised", "19 GiB of 64 GiB promised", "in use", "7 nodes of 2 labs",
		"Docker does not answer", "The link broke off", "Lacks: kernel datapath, delay and loss, way out, user namespaces.", "0 of 64 cores promised, 4 there")
}

func TestAHostIsLostOnlyAfterTheGrace(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	s.World.SetHost("h2", func(h *control.HostDetail) { h.Lost = false })
	a := b.get("/hosts")
	a.want(t, http.StatusOK, "2 hosts, 1 connected, 1 disconnected;", `data-state="disconnected"`)
	if strings.Contains(a.body, "1 lost") || strings.Contains(a.body, `data-state="lost"`) {
		t.Error("a host within its grace is said to be lost")
	}
	b.get("/hosts/h2").want(t, http.StatusOK, "disconnected")
	s.World.SetHost("h2", func(h *control.HostDetail) { h.Lost = true })
	b.get("/hosts").want(t, http.StatusOK, "2 hosts, 1 connected, <strong class=\"bad-text\">1 lost</strong>;", `data-state="lost"`)
}

func TestOnlyAnAdministratorSeesHosts(t *testing.T) {
	s := newSite(t, nil)
	gets := []string{"/hosts", "/hosts/events", "/hosts/h1", "/hosts/h1/events", "/hosts/h1/log"}
	posts := []string{"/hosts/join", "/hosts/tokens/x/delete", "/hosts/h1/settings", "/hosts/h1/drain", "/hosts/h1/revoke", "/hosts/h1/remove", "/networks/offers", "/networks/offers/campus/delete"}
	for _, who := range []string{"mia", "otto", "eve"} {
		b := s.as(who)
		for _, path := range gets {
			b.get(path).want(t, http.StatusForbidden, "Only an administrator")
		}
		for _, path := range posts {
			if a := b.post(path, url.Values{"network": {"x"}, "name": {"x"}}); a.StatusCode != http.StatusForbidden {
				t.Errorf("%s may post to %s: %d", who, path, a.StatusCode)
			}
		}
	}
	if a := s.as("mia").get("/labs"); strings.Contains(a.body, `href="/hosts"`) || !strings.Contains(a.body, `href="/networks"`) {
		t.Error("a member's menu shows hosts, or no networks")
	}
}

func TestAJoinCommandIsShownOnceAndCanBeRevoked(t *testing.T) {
	s := newSite(t, func(c *web.Config) { c.PublicURL = "http://lab.example.org" })
	b := s.as("admin")
	a := b.post("/hosts/join", url.Values{"name": {"rack3-7"}, "labels": {"zone=a, rack=3"}, "life": {"8h0m0s"}}, "HX-Request", "true")
	a.want(t, http.StatusOK, `id="join"`, "trunkline host --controller http://lab.example.org --token tlj_", "expires in 8 hours", "data-copy")
	secret := regexp.MustCompile(`tlj_\w+`).FindString(a.body)
	page := b.get("/hosts")
	page.want(t, http.StatusOK, "rack3-7", "<span>rack</span>=3", "in 8 hours")
	if strings.Contains(page.body, secret) {
		t.Error("the secret is shown twice")
	}
	tokens, err := s.World.JoinTokens(t.Context(), s.World.Actor("admin"))
	if err != nil || len(tokens) != 1 || tokens[0].Labels["zone"] != "a" {
		t.Fatalf("stored %+v, %v", tokens, err)
	}
	b.post("/hosts/tokens/"+tokens[0].ID+"/delete", nil).want(t, http.StatusSeeOther)
	if page := b.get("/hosts"); strings.Contains(page.body, "rack3-7") {
		t.Error("a revoked join command is still listed")
	}
}

func TestAJoinFormWithMistakesComesBackFilledIn(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	for _, c := range []struct {
		name       string
		form       url.Values
		says, kept string
	}{
		{"a label that is none", url.Values{"name": {"a"}, "labels": {"zone"}}, "The label “zone” is no pair.", `value="zone"`},
		{"a label twice", url.Values{"labels": {"a=1 a=2"}}, "The label a is there twice.", `value="a=1 a=2"`},
		{"a name that cannot be", url.Values{"name": {"Rack 3"}}, "Name the host", `value="Rack 3"`},
		{"a life that is none", url.Values{"life": {"for ever"}}, "Choose how long", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.post("/hosts/join", c.form).want(t, http.StatusUnprocessableEntity, c.says, c.kept, "<!doctype html>", `aria-invalid="true"`)
			part := b.post("/hosts/join", c.form, "HX-Request", "true")
			part.want(t, http.StatusUnprocessableEntity, c.says, c.kept)
			if !strings.HasPrefix(part.body, `<section class="card section" id="join"`) {
				t.Errorf("htmx gets %.80s", part.body)
			}
		})
	}
}

func TestTheAddressOfAJoinCommandIsOneThatOthersReach(t *testing.T) {
	for _, c := range []struct{ public, host, want string }{
		{"https://lab.example.org", "127.0.0.1:8080", "https://lab.example.org"},
		{"http://127.0.0.1:8080", "lab-box:8080", "http://lab-box:8080"},
		{"http://127.0.0.1:8080", "localhost:8080", "http://127.0.0.1:8080"},
		{"", "10.0.0.7:8080", "http://10.0.0.7:8080"},
	} {
		if got := web.ControllerAddress(c.public, &http.Request{Host: c.host}); got != c.want {
			t.Errorf("public %q, asked at %s: %s, want %s", c.public, c.host, got, c.want)
		}
	}
	s := newSite(t, nil) // reached at 127.0.0.1
	s.as("admin").post("/hosts/join", nil, "HX-Request", "true").want(t, http.StatusOK, "leads to this machine only")
}

func TestTheWaysBetweenHostsAreATableWithWords(t *testing.T) {
	s := newSite(t, nil)
	a := s.as("admin").get("/hosts")
	a.want(t, http.StatusOK, "0 of 2 ways can be used", "attic does not hear lab-host-1: let UDP port 4789 through.", `class="way-bad"`, "attic to lab-host-1: does not reach")
	if n := strings.Count(a.body, "<strong>attic and lab-host-1:</strong>"); n != 1 {
		t.Errorf("the pair is told %d times", n)
	}
	one, err := s.World.Host(t.Context(), s.World.Actor("admin"), "h1")
	if err != nil {
		t.Fatal(err)
	}
	s.World.AddHosts([]control.HostDetail{one}, nil)
	s.as("admin").get("/hosts").want(t, http.StatusOK, "With a second host, this shows whether tunnels pass")
	s.World.AddHosts(nil, nil)
	s.as("admin").get("/hosts").want(t, http.StatusOK, "No host yet", "Make a join command below")
}

func TestTheHostsPageIsLive(t *testing.T) {
	s := newSite(t, nil)
	c := events(t, s.as("admin"), "/hosts/events")
	first := next(t, c, "parts ")
	for _, id := range []string{`"id":"fleet-summary"`, `"id":"host-list"`, `"id":"matrix"`, `"id":"join-tokens"`} {
		if !strings.Contains(first, id) {
			t.Errorf("at first there is no %s", id)
		}
	}
	s.World.SetHost("h1", func(h *control.HostDetail) { h.Drained = true })
	second := next(t, c, "parts ")
	if !strings.Contains(second, `"id":"host-h1"`) || !strings.Contains(second, "being drained") || strings.Contains(second, `"id":"matrix"`) || strings.Contains(second, `"id":"host-list"`) {
		t.Errorf("after a change: %.400s", second)
	}
	if err := s.World.RemoveHost(t.Context(), s.World.Actor("admin"), "attic"); err != nil {
		t.Fatal(err)
	}
	if third := next(t, c, "parts "); !strings.Contains(third, `"id":"host-list"`) || strings.Contains(third, "attic") {
		t.Errorf("after a host went: %.400s", third)
	}
}

func TestAHostsPageShowsAllOfIt(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	if a := b.get("/hosts/lab-host-1"); a.Header.Get("Location") != "/hosts/h1" {
		t.Errorf("a name leads to %q", a.Header.Get("Location"))
	}
	b.get("/hosts/h1").want(t, http.StatusOK, "CPU over the last day: ", `<path class="line" d="M`, "peak ", "campus", "triangle", "28.5.2", "192.0.2.11",
		"link round trip 1.2 ms", "attic does not hear", `data-open="#drain"`, "Revoke lab-host-1?", "<textarea class=\"code\" id=\"set-labels\"", "zone=a</textarea>")
	b.get("/hosts/h2").want(t, http.StatusOK, "lost", "The link broke off", "nowhere", "Use over time appears here")
	b.get("/hosts/none").want(t, http.StatusNotFound)
	b.get("/hosts/h1/log", "HX-Request", "true").want(t, http.StatusOK, "lab converged", "The last 40 lines")
	b.get("/hosts/h2/log", "HX-Request", "true").want(t, http.StatusOK, "attic is not connected, so its log cannot be read now.")
	b.get("/hosts/h1/log").want(t, http.StatusOK, "<!doctype html>", "Log of lab-host-1")
}

func TestTheButtonsOfAHostDoWhatTheySay(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	host := func() control.HostDetail {
		h, err := s.World.Host(t.Context(), s.World.Actor("admin"), "h1")
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	b.post("/hosts/h1/drain", nil, "HX-Request", "true").want(t, http.StatusNoContent)
	if !host().Drained {
		t.Error("it is not drained")
	}
	b.get("/hosts/h1").want(t, http.StatusOK, "being drained", "Take nodes again")
	b.post("/hosts/h1/undrain", nil, "HX-Request", "true").want(t, http.StatusNoContent)
	if host().Drained {
		t.Error("it is still drained")
	}
	b.post("/hosts/h1/rotate", nil, "HX-Request", "true").want(t, http.StatusNoContent)
	b.post("/hosts/h2/rotate", nil, "HX-Request", "true").want(t, http.StatusServiceUnavailable, "is not connected")
	b.post("/hosts/h1/explode", nil).want(t, http.StatusNotFound)
	b.post("/hosts/h1/remove", nil, "HX-Request", "true").want(t, http.StatusConflict, "Drain it first")
	b.post("/hosts/h1/revoke", nil).want(t, http.StatusSeeOther)
	b.get("/hosts/h1").want(t, http.StatusOK, "revoked", "key is refused from now on")
	if a := b.post("/hosts/h2/remove", nil, "HX-Request", "true"); a.Header.Get("HX-Redirect") != "/hosts" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	b.get("/hosts/h2").want(t, http.StatusNotFound)
}

func TestAHostsSettingsAreSavedOrComeBackFilledIn(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("admin")
	good := url.Values{"name": {"rack3-7"}, "labels": {"zone=b\r\nssd=yes\r\n"}, "cpu": {"2,5"}, "memory": {""}, "tenants": {"campus\n\nphysics"}}
	b.post("/hosts/h1/settings", good).want(t, http.StatusSeeOther)
	h, err := s.World.Host(t.Context(), s.World.Actor("admin"), "h1")
	if err != nil || h.Name != "rack3-7" || h.Labels["ssd"] != "yes" || len(h.Labels) != 2 || h.OverCommit != (control.OverCommit{CPU: 2.5, Memory: 1}) || len(h.Tenants) != 2 {
		t.Fatalf("stored %+v, %v", h.HostView, err)
	}
	b.get("/hosts/h1").want(t, http.StatusOK, `value="2.5" placeholder="16"`, `value="1" placeholder="1"`, "Empty: 16 for CPU")
	b.get("/hosts").want(t, http.StatusOK, "6.5 of 40 cores promised, 16 there", "kept for 2 workspaces")
	for _, c := range []struct {
		name, field, value, says string
		status                   int
	}{
		{"no pair", "labels", "zone", "is no pair", http.StatusUnprocessableEntity},
		{"no number", "cpu", "much", "from 0.1 to 100", http.StatusUnprocessableEntity},
		{"too much", "memory", "1000", "from 0.1 to 100", http.StatusUnprocessableEntity},
		{"not a number at all", "cpu", "NaN", "from 0.1 to 100", http.StatusUnprocessableEntity},
		{"a name that cannot be", "name", "Rack 3", "Name the host", http.StatusUnprocessableEntity},
		{"another's name", "name", "attic", "Another host is called attic", http.StatusConflict},
	} {
		t.Run(c.name, func(t *testing.T) {
			form := url.Values{"name": {"kept"}, "labels": {"kept=yes"}, "cpu": {"3"}, "memory": {"3"}}
			form.Set(c.field, c.value)
			b.post("/hosts/h1/settings", form).want(t, c.status, "<!doctype html>", c.says, c.value, `aria-invalid="true"`)
			part := b.post("/hosts/h1/settings", form, "HX-Request", "true")
			part.want(t, c.status, c.says, c.value)
			if !strings.HasPrefix(part.body, `<section class="card section" id="host-settings"`) {
				t.Errorf("htmx gets %.80s", part.body)
			}
		})
	}
}

func TestWhereNodesAreAndWhy(t *testing.T) {
	s := newSite(t, nil)
	s.World.Spread = []string{"host-a", "host-b"}
	id := running(t, s)
	a := s.as("mia").get("/labs/"+id+"/placement", "HX-Request", "true")
	a.want(t, http.StatusOK, "host-a", "host-b", "next to its neighbours", "Cables between hosts", `data-goto="r1"`)
	s.as("mia").get("/labs/"+id+"/nodes/r1", "HX-Request", "true").want(t, http.StatusOK, "2 GiB free on host-a")
	lans := s.example("mia", "nlan-bgp")
	s.as("mia").post("/labs/"+lans+"/deploy", nil)
	waitFor(t, "the lab runs", func() bool {
		return strings.Contains(s.as("mia").get("/labs/"+lans+"/placement", "HX-Request", "true").body, "On several hosts")
	})
	s.as("mia").get("/labs/"+lans+"/placement", "HX-Request", "true").want(t, http.StatusOK, "<span>host-a, host-b</span>", `data-goto="wan1"`)
	stored := s.example("mia", "ring-100")
	s.as("mia").get("/labs/"+stored+"/placement", "HX-Request", "true").want(t, http.StatusOK, "On no host", "Nothing is placed yet")
	s.as("eve").get("/labs/"+id+"/placement").want(t, http.StatusNotFound)
}
