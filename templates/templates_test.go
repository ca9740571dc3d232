package templates

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// plain are assets of which none imports another.
type plain struct{}

func (plain) URL(name string) string        { return "/static/x/" + name }
func (plain) Modules(entry string) []string { return []string{entry} }

func newSet(t *testing.T) *Set {
	t.Helper()
	s, err := New(plain{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryViewCanBeDrawn(t *testing.T) {
	code := 1
	place := []Place{{File: "a.yml", Line: 3, Sentence: "wrong", Excerpt: []ExcerptLine{{Number: 3, Text: "x: 1", Here: true}}}}
	host := Host{ID: "h", Name: "h", State: HostState{Word: "being drained", Look: "planning", Icon: "loader-2"}, Labels: []Label{{"zone", "a"}}, Bars: []Bar{{Name: "CPU", Share: 40, Use: 10.5, Has: 50, Full: true}}, Lacks: []string{"a", "b"}, Problems: []string{"p"}, Error: "e", Only: 2}
	fleet := Fleet{
		Summary: FleetSummary{Hosts: 2, Lost: 1, Drained: 1, Revoked: 1}, List: HostList{Hosts: []Host{host}}, Tokens: JoinTokens{Tokens: []JoinToken{{ID: "t"}}},
		Matrix: Matrix{Names: []string{"a", "b"}, Problems: []MatrixProblem{{"a and b:", "s"}}, Rows: []MatrixRow{
			{Name: "a", Cells: []MatrixCell{{State: "self"}, {State: "good", RTT: "1", MTU: 1500, Says: "s"}}}, {Name: "b", Cells: []MatrixCell{{State: "bad"}, {State: "unknown"}}}}},
	}
	views := []View{
		SignIn{}, SignIn{Email: "a", Error: "no"}, SignInLink{Path: "/p"}, Welcome{}, Welcome{Error: "short", Field: "password"}, LinkUsed{},
		Labs{}, Labs{Labs: []LabRow{{ID: "a", State: "deploying", Total: 10, Done: 3}, {ID: "b", State: "failed", Reason: "because"}}}, LabRow{},
		NewLab{}, NewLab{Tab: "paste", YAML: "a", Error: "no", Report: &Report{Refused: place}}, NewLab{Replace: "a", Of: "b", Tab: "upload"},
		Report{LabID: "a", Changed: place, Dropped: place, Mapped: place}, Report{Refused: place},
		Lab{Source: "name: x\n", Map: "{}", CanEdit: true, Files: []ProjectFile{{Path: "x", Size: 1, Main: true}}}, LabStatus{},
		LabStatus{State: "deploying", Done: 37, Total: 100, CanRun: true}, LabStatus{State: "degraded", CanRun: true, Reason: "why"},
		Plan{}, Plan{Notes: []string{"n"}, Groups: []PlanGroup{{Verb: "create", Steps: []PlanStep{{Object: "node r1", Host: "h", Reason: "r"}}}}, CanRun: true},
		Node{}, Node{Container: true, State: "running", CanRun: true, CanUse: true, ExitCode: &code, StartedAt: time.Now(), Image: "i", Host: "h", Placed: "p", Health: "healthy", CPU: "1", Memory: "1", Binds: []string{"b"},
			Interfaces: []NodeInterface{{Name: "eth1", Known: true, Up: true, Peer: "r2", Addresses: []string{"a"}}}, Execs: []NodeExec{{Command: "c", Code: 1, Output: "o"}}},
		Hosts{}, Hosts{Fleet: fleet, Join: Join{Command: "c", Lives: []Choice{{Value: "1h", Chosen: true}}}}, Hosts{Join: Join{Error: "no", Field: "name", Local: true}},
		Fleet{}.Summary, HostList{}, fleet.List, host, fleet.Matrix, Matrix{}, fleet.Tokens, JoinTokens{}, Join{Error: "no"},
		HostPage{}, HostPage{Head: HostHead{Host: host}, Capacity: HostCapacity{Bars: host.Bars, Charts: []Chart{{Name: "CPU", Line: "M0,0", Area: "M0,0Z", Says: "s"}}},
			Labs: HostLabs{Labs: []HostLab{{ID: "a", Name: "n", State: "running"}, {Name: "other"}}}, Ways: HostWays{Ways: []HostWay{{To: "b", ToID: "b", Problem: "p"}}},
			About: HostAbout{Capabilities: []Capability{{Name: "n", Meaning: "m"}, {Name: "h", Has: true}}}, Settings: HostSettings{Errors: map[string]string{"": "a", "name": "b"}}},
		HostHead{}, HostCapacity{}, HostLabs{}, HostWays{Only: true}, HostAbout{}, HostSettings{}, HostLog{Lines: []string{"a"}}, HostLog{Problem: "p"}, HostLog{},
		Networks{}, Networks{Admin: true, Blocks: []Block{{First: 1, Last: 2}}, VLANs: []VLAN{{Network: "n", VLAN: 3}, {Network: "n"}}, Offers: []Offer{{Network: "n", Devices: []OfferDevice{{Host: "h"}}}}, New: Offer{New: true, Errors: map[string]string{"vlans": "v"}}}, Offer{},
		Placement{}, Placement{Hosts: []PlacedHost{{Name: "h", Nodes: []PlacedNode{{Name: "n", Why: "w"}}}}, Several: []PlacedNode{{Name: "l", Why: "a, b"}}, Nowhere: []PlacedNode{{Name: "m"}}, Crossing: []string{"c"}},
		Images{}, ImagePolicy{Scope: "site", CanChange: true, MapErrors: []string{"a"}, AllowErrors: []string{"b"}, Error: "c"},
		Images{Images: []Image{{Name: "n", Kind: "router"}}, Policies: []ImagePolicy{{Scope: "workspace", CanChange: true}, {Scope: "site", Map: []ImageMapping{{Pattern: "a", Image: "b"}}, Allow: []string{"x"}}}},
		Account{}, Account{New: NewToken{Secret: "s"}, MayTokens: true, Tokens: []Token{{Name: "t"}}, Sessions: []SessionRow{{Browser: "b", Current: true}, {Browser: "c"}}, Error: "no", Field: "again"}, About{Vendored: []Vendored{{Name: "n"}}},
		Error{Status: 404, Details: place}, Error{Status: 500, RequestID: "r", SignedIn: true}, Toast{Kind: "error", Details: place}, Toast{},
	}
	s := newSet(t)
	for _, v := range views {
		body, err := s.Page(Frame{Nonce: "NONCE", SignedIn: true, SiteAdmin: true, Flash: "hello"}, v)
		if err != nil {
			t.Errorf("%T: %v", v, err)
			continue
		}
		for _, bad := range []string{"ZgotmplZ", "<no value>", "%!", " style=\""} {
			if strings.Contains(string(body), bad) {
				t.Errorf("%T holds %s", v, bad)
			}
		}
	}
}

func TestEveryIconIsInTheSpriteAndNoOther(t *testing.T) {
	read := func(pattern string) string {
		var all strings.Builder
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
		return all.String()
	}
	sprite, html, js := read("../static/vendor/icons.svg"), read("html/*.html"), read("../static/js/*.js")
	for _, m := range regexp.MustCompile(`icon "([^"]+)"`).FindAllStringSubmatch(html, -1) {
		if !strings.Contains(sprite, `id="`+m[1]+`"`) {
			t.Errorf("the icon %s is not in the sprite: add it in static/build/sprite.go", m[1])
		}
	}
	states := ""
	for _, state := range []State{"stored", "planning", "deploying", "running", "degraded", "stopping", "stopped", "failed", "paused", "exited", "absent"} {
		states += `"` + state.Icon() + `"`
	}
	for _, m := range regexp.MustCompile(`id="([^"]+)"`).FindAllStringSubmatch(sprite, -1) {
		if name := `"` + m[1] + `"`; !strings.HasPrefix(m[1], "kind-") && !strings.Contains(html+js+states, name) {
			t.Errorf("the icon %s is in the sprite and nobody uses it", m[1])
		}
	}
}

func TestYAMLIsColouredAndEscaped(t *testing.T) {
	for line, want := range map[string]string{
		"name: x":                      `<span class="y-key">name</span>: x`,
		"  - endpoints: [a:b] # <why>": `  - <span class="y-key">endpoints</span>: [a:b] <span class="y-note"># &lt;why&gt;</span>`,
		`    "quoted": 'a # b'`:        `    <span class="y-key">&#34;quoted&#34;</span>: &#39;a # b&#39;`,
		"# all":                        `<span class="y-note"># all</span>`,
		"<script>":                     `&lt;script&gt;`,
		"    exec: ip a":               `    <span class="y-key">exec</span>: ip a`,
		"  http://x":                   `  http://x`,
	} {
		if got := string(yamlLine(line)); got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

func TestSizesAndTimesForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 1023: "1023 bytes", 1536: "1.5 KiB", 50 << 20: "50 MiB", 64 << 30: "64 GiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	now := time.Now()
	for ago, want := range map[time.Duration]string{0: "just now", 90 * time.Second: "1 minute ago", 3 * time.Hour: "3 hours ago", 49 * time.Hour: "2 days ago"} {
		if got := since(now.Add(-ago)); got != want {
			t.Errorf("%s: %s, want %s", ago, got, want)
		}
	}
	if since(time.Time{}) != "never" {
		t.Error("the zero time is never")
	}
}

func TestBackticksBecomeCodeAndNothingElseDoes(t *testing.T) {
	for sentence, want := range map[string]string{
		"Load it with `modprobe sch_netem`.": "Load it with <code>modprobe sch_netem</code>.",
		"`<b>` and `c`":                      "<code>&lt;b&gt;</code> and <code>c</code>",
		"one ` alone <i>":                    "one ` alone &lt;i&gt;",
		"none":                               "none",
	} {
		if got := string(ticks(sentence)); got != want {
			t.Errorf("%s: %s, want %s", sentence, got, want)
		}
	}
}

func TestHowLongItIsForPeople(t *testing.T) {
	for ahead, want := range map[time.Duration]string{-time.Second: "expired", 20 * time.Second: "within a minute", time.Hour: "in 60 minutes", 8 * time.Hour: "in 8 hours", 7 * 24 * time.Hour: "in 7 days"} {
		if got := until(time.Now().Add(ahead + time.Millisecond)); got != want {
			t.Errorf("%s: %s, want %s", ahead, got, want)
		}
	}
}
