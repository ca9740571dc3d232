package web_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline/lab/control"
	"trunkline/lab/hostapi"
)

// waitFor asks until it is so, or fails by the name of what did not come.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline.C:
			t.Fatalf("%s: it did not come", what)
		case <-tick.C:
		}
	}
}

// events reads a stream into a channel, one "name data" a time.
func events(t *testing.T, b *browser, path string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", b.site.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" || response.Header.Get("Content-Encoding") != "" {
		t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	c := make(chan string, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(c)
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, 4<<20)
		name := ""
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				name = rest
			} else if rest, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				c <- name + " " + rest
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		response.Body.Close()
		<-done
	})
	return c
}

// next returns the next event that begins so, or fails.
func next(t *testing.T, c <-chan string, begins string) string {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case e, open := <-c:
			if !open {
				t.Fatalf("the stream ended before %q", begins)
			}
			if strings.HasPrefix(e, begins) {
				return e
			}
		case <-deadline:
			t.Fatalf("no %q came", begins)
		}
	}
}

func TestAStreamBeginsWithEverythingAndGoesOnWithChanges(t *testing.T) {
	s := newSite(t, nil)
	b := s.as("mia")
	id := s.example("mia", "ospf-triangle")
	c := events(t, b, "/labs/"+id+"/events")
	if e := next(t, c, "lab "); !strings.Contains(e, `"state":"stored"`) || !strings.Contains(e, "do-deploy") {
		t.Error(e)
	}
	if e := next(t, c, "nodes "); strings.Count(e, `"name":`) != 6 {
		t.Error(e)
	}
	s.World.SetNode(id, "r2", hostapi.NodeFailed, "its image is missing")
	if e := next(t, c, "nodes "); !strings.Contains(e, `"state":"failed"`) || !strings.Contains(e, "its image is missing") || strings.Count(e, `"name":`) != 1 {
		t.Error(e)
	}
	s.World.SetLab(id, control.Deploying, "", 37, 100)
	if e := next(t, c, "lab "); !strings.Contains(e, "37 of 100") || !strings.Contains(e, "do-cancel") {
		t.Error(e)
	}
	b.post("/labs/"+id+"/destroy", map[string][]string{"forget": {"1"}})
	next(t, c, "gone ")
}

func TestTheListIsLive(t *testing.T) {
	s := newSite(t, nil)
	mia, eve := s.as("mia"), s.as("eve")
	ours, theirs := events(t, mia, "/labs/events"), events(t, eve, "/labs/events")
	if e := next(t, ours, "rows "); e != "rows []" {
		t.Error(e)
	}
	next(t, theirs, "rows []")
	id := s.example("mia", "ospf-triangle")
	if e := next(t, ours, "row "); !strings.Contains(e, id) || !strings.Contains(e, "ospf-triangle") {
		t.Error(e)
	}
	own := s.example("eve", "ring-100")
	if e := next(t, theirs, "row "); !strings.Contains(e, own) {
		t.Errorf("another tenant's lab was told first: %s", e)
	}
	mia.post("/labs/"+id+"/destroy", map[string][]string{"forget": {"1"}})
	if e := next(t, ours, "removed "); !strings.Contains(e, id) {
		t.Error(e)
	}
}

func TestASlowReaderIsBroughtUpToDate(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "ring-100")
	c := events(t, s.as("mia"), "/labs/"+id+"/events")
	next(t, c, "nodes ")
	for range 50 { // far more than the watcher's queue holds
		for _, n := range []string{"n001", "n002", "n003"} {
			s.World.SetNode(id, n, hostapi.NodeStarting, "")
			s.World.SetNode(id, n, hostapi.NodeRunning, "")
		}
	}
	s.World.SetNode(id, "n004", hostapi.NodePaused, "")
	for {
		e := next(t, c, "nodes ")
		if i := strings.Index(e, `"name":"n004"`); i >= 0 && strings.Contains(e[i:min(len(e), i+120)], `"state":"paused"`) {
			return
		}
	}
}

func TestClosingEndsStreams(t *testing.T) {
	s := newSite(t, nil)
	c := events(t, s.as("mia"), "/labs/events")
	next(t, c, "rows ")
	s.Web.Close()
	for range c {
		continue
	}
	s.as("mia").get("/labs/events", "Accept", "application/json").want(t, http.StatusServiceUnavailable, "Trunkline is stopping")
}
