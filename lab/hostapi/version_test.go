package hostapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

func TestVersionsOneMinorApartWorkTogether(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"1.1", "1.1", true}, {"1.1", "1.0", true}, {"1", "1.1", true}, {"1.2", "1.1", true}, {"1.2", "1.0", false}, {"1", "1.2", false},
		{"2.0", "1.1", false}, {"1.1", "2.1", false}, {"", "1.1", false}, {"1.1", "1.x", false}, {"1.1.1", "1.1", false},
	} {
		if hostapi.Understands(c.a, c.b) != c.want || hostapi.Understands(c.b, c.a) != c.want {
			t.Errorf("%q with %q: want %v", c.a, c.b, c.want)
		}
	}
}

// before is the version of the release before this one.
const before = "1.1"

// first is an agent of the release before this one that takes its own version only, ignores what it does not know, and has no request of a later one.
type first struct {
	mu    sync.Mutex
	seen  []string // the version of each request
	specs []string // as they came
}

func (f *first) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, r.Header.Get(hostapi.VersionHeader))
	w.Header().Set(hostapi.VersionHeader, before)
	refuse := func(sentence string) {
		w.WriteHeader(http.StatusNotImplemented)
		json.NewEncoder(w).Encode(fault.New(fault.Unsupported, "%s", sentence))
	}
	body, _ := io.ReadAll(r.Body)
	switch {
	case r.Header.Get(hostapi.VersionHeader) != before:
		refuse("Bring both to the same release.")
	case r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/v1/labs/"):
		f.specs = append(f.specs, string(body))
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/v1/blobs/"):
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Path == "/v1/info":
		io.WriteString(w, `{"name":"old","cpus":2}`)
	default:
		refuse("This compute host does not know that request. Bring the agent to the controller's version.")
	}
}

func oldAgent(t *testing.T) (*first, *hostapi.Client) {
	f := &first{}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, &hostapi.Client{HTTP: toward(server)}
}

func TestANewControllerWorksWithAnOldAgent(t *testing.T) {
	f, c := oldAgent(t)
	plain := hostapi.LabSpec{ID: "l1", Generation: 1, Nodes: []hostapi.NodeSpec{{Name: "a", Run: hostapi.Running}}}
	if err := c.Apply(t.Context(), plain); err != nil {
		t.Fatalf("a lab that needs nothing new is refused: %v", err)
	}
	if err := c.PutBlob(t.Context(), "x", 1, io.LimitReader(strings.NewReader("x"), 1)); err != nil {
		t.Errorf("a stream, which cannot be sent twice, is refused: %v", err)
	}
	if info, err := c.Info(t.Context()); err != nil || info.Name != "old" || info.Protocol != "" {
		t.Errorf("it is %+v, %v", info, err)
	}
	if want := []string{hostapi.Version, before, before, before}; !slices.Equal(f.seen, want) {
		t.Errorf("it was asked in %q, want %q: its version is learnt once", f.seen, want)
	}
	if err := c.SetPeers(t.Context(), nil); !fault.Is(err, fault.Unsupported) {
		t.Errorf("peers give %v", err)
	}
	if _, err := c.Log(t.Context(), 10); !fault.Is(err, fault.Unsupported) {
		t.Errorf("the log gives %v", err)
	}
}

func TestWhatAnOldAgentWouldMisunderstandIsNotSent(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*hostapi.LabSpec)
		words  string
	}{
		"a hub": {func(s *hostapi.LabSpec) { s.Segments = []hostapi.SegmentSpec{{Name: "x", Kind: lab.Hub}} }, "hubs (x)"},
		"a switch with settings": {func(s *hostapi.LabSpec) {
			s.Segments = []hostapi.SegmentSpec{{Name: "sw", Kind: lab.Switch, Switch: &lab.SwitchConfig{MACAge: 60}}}
		}, "settings of switches (sw)"},
		"a port that is off": {func(s *hostapi.LabSpec) {
			s.Segments = []hostapi.SegmentSpec{{Name: "sw", Kind: lab.Switch, Ports: []hostapi.SegmentPortSpec{{Name: "p1", Down: true}}}}
		}, "settings of ports (sw:p1)"},
		"a cable that flaps": {func(s *hostapi.LabSpec) { s.Cables = []hostapi.CableSpec{{ID: "c", Flap: &lab.Flap{}}} }, "cables that flap (c)"},
	} {
		t.Run(name, func(t *testing.T) {
			f, client := oldAgent(t)
			spec := hostapi.LabSpec{ID: "l1", Generation: 1, Nodes: []hostapi.NodeSpec{{Name: "a", Run: hostapi.Running}, {Name: "b", Run: hostapi.Running}}}
			c.change(&spec)
			if err := client.Apply(t.Context(), spec); !fault.Is(err, fault.Unsupported) || !strings.Contains(fault.Sentence(err), c.words) {
				t.Errorf("answers %v", err)
			}
			if len(f.specs) > 0 {
				t.Errorf("it was sent all the same: %s", f.specs[0])
			}
			if lacks := hostapi.Lacks(hostapi.Version, &spec); len(lacks) > 0 {
				t.Errorf("a new agent lacks %q", lacks)
			}
		})
	}
}

func TestWhatTheFirstReleaseLackedIsStillKnown(t *testing.T) {
	spec := hostapi.LabSpec{Nodes: []hostapi.NodeSpec{{Name: "a", Awaited: true, WaitFor: []lab.Wait{{Stage: "create", Node: "far", NodeStage: "healthy"}}}},
		Externals: []hostapi.ExternalSpec{{Name: "campus"}}, Segments: []hostapi.SegmentSpec{{Name: "net", Peers: []netip.Addr{netip.MustParseAddr("10.0.0.2")}}}}
	want := []string{"external nodes (campus)", "segments with parts on several hosts (net)", "nodes that others wait for on other hosts (a)", "nodes that wait for others on other hosts (a)"}
	if got := hostapi.Lacks("", &spec); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := hostapi.Lacks(before, &spec); len(got) > 0 {
		t.Errorf("the release before lacks %q", got)
	}
}

// An old controller sends its version and knows neither the new fields nor the new observations.
func TestAnOldControllerWorksWithANewAgent(t *testing.T) {
	r := newRig(t)
	ask := func(method, path, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(hostapi.VersionHeader, before)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	if status, text := ask(http.MethodPut, "/v1/labs/l1", `{"id":"l1","name":"x","tenant":"t","generation":1,"nodes":[{"name":"a","kind":"linux","hostname":"a","image":"trunkline/tiny:latest","run":"running"}]}`); status != http.StatusNoContent {
		t.Fatalf("a spec answers %d %s", status, text)
	}
	r.until(t, func(o hostapi.Observation) bool { return o.Lab != nil && o.Lab.ID == "l1" && o.Lab.Converged })
	if status, text := ask(http.MethodGet, "/v1/labs/l1", ""); status != http.StatusOK || !strings.Contains(text, `"state":"running"`) || strings.Contains(text, "stages") {
		t.Errorf("the lab answers %d %s", status, text)
	}
	if status, text := ask(http.MethodGet, "/v1/info", ""); status != http.StatusOK || !strings.Contains(text, `"protocol":"`+hostapi.Version+`"`) {
		t.Errorf("the description answers %d %s", status, text)
	}
}

func TestAControllerThatIsTwoVersionsAheadIsRefusedOnce(t *testing.T) {
	var asked int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set(hostapi.VersionHeader, "1.9")
		w.WriteHeader(http.StatusNotImplemented)
		json.NewEncoder(w).Encode(fault.New(fault.Unsupported, "Bring both to the same release."))
	}))
	defer server.Close()
	c := &hostapi.Client{HTTP: toward(server)}
	if _, err := c.Info(t.Context()); !fault.Is(err, fault.Unsupported) || asked != 1 {
		t.Errorf("answers %v after %d requests", err, asked)
	}
}
