package place

import (
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

func has(names ...string) func(string) bool {
	return func(name string) bool {
		for _, n := range names {
			if n == name {
				return true
			}
		}
		return false
	}
}

func TestChoose(t *testing.T) {
	able := hostapi.Capabilities{Netem: true, RateLimit: true, Egress: true}
	images := []Image{{Name: "trunkline/router", Nodes: []string{"r1", "r2"}}}
	cases := []struct {
		name  string
		need  Need
		hosts []Host
		host  string
		why   string
		given string
		code  fault.Code
		says  string
	}{
		{
			name: "no host at all says how to get one", code: fault.Unavailable,
			says: "No compute host has joined yet. Start one with `trunkline host`, or use `trunkline up` for this machine.",
		},
		{
			name: "the host with the fewest labs wins", need: Need{Images: images},
			hosts: []Host{
				{ID: "1", Name: "a", Connected: true, HasImage: has("trunkline/router"), Labs: 2},
				{ID: "2", Name: "b", Connected: true, HasImage: has("trunkline/router"), Labs: 1},
			},
			host: "2", why: "b: connected, all images present, fewest labs of the 2 that fit",
		},
		{
			name: "a lab that wants delay is not placed on a host without netem, and is told why",
			need: Need{Netem: []string{"r1:eth1 – r2:eth1"}},
			hosts: []Host{
				{ID: "1", Name: "a"},
				{ID: "2", Name: "b", Connected: true, Capabilities: hostapi.Capabilities{RateLimit: true}},
			},
			code: fault.Unsupported,
			says: "No host fits: 1 offline, 1 without netem (link r1:eth1 – r2:eth1 wants a delay or loss). Use a host whose kernel has it, take the impairment out of the file, or give the lab's topology.defaults the label `trunkline.impairments: best-effort` to run without.",
		},
		{
			name: "a lab that can be without delay runs and says what it gave up",
			need: Need{Netem: []string{"r1:eth1 – r2:eth1"}, BestEffort: true},
			hosts: []Host{
				{ID: "2", Name: "b", Connected: true},
			},
			host: "2", why: "b: connected, the only host that fits",
			given: "Link r1:eth1 – r2:eth1 runs without delay and loss: host b has no netem.",
		},
		{
			name:  "a missing image names node and image",
			need:  Need{Images: images},
			hosts: []Host{{ID: "1", Name: "a", Connected: true, Capabilities: able, HasImage: has()}},
			code:  fault.Invalid,
			says:  "No host fits: 1 without image trunkline/router (wanted by r1, r2). Build or load the image on the host, or map it to one that is there.",
		},
		{
			name:  "a host that cannot run anything is said with its problem",
			hosts: []Host{{ID: "1", Name: "a", Connected: true, Problems: []string{"Docker does not answer."}}},
			code:  fault.Unavailable,
			says:  "No host fits: 1 not able to run labs (Docker does not answer). Run `trunkline doctor` on it.",
		},
		{
			name:  "a closed way out is said",
			need:  Need{Egress: []string{"inet"}},
			hosts: []Host{{ID: "1", Name: "a", Connected: true}},
			code:  fault.Unsupported,
			says:  "No host fits: 1 without a way out (wanted by inet). An administrator opens the way out when starting the agent.",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			choice, err := Choose(c.need, c.hosts)
			if got := fault.CodeOf(err); got != c.code {
				t.Fatalf("code %q, want %q: %v", got, c.code, err)
			}
			if err != nil {
				if got := fault.Sentence(err); got != c.says {
					t.Fatalf("sentence\n got %s\nwant %s", got, c.says)
				}
				return
			}
			if choice.HostID != c.host || choice.Why != c.why {
				t.Errorf("got %q because %q, want %q because %q", choice.HostID, choice.Why, c.host, c.why)
			}
			if c.given != "" && (len(choice.GivenUp) != 1 || choice.GivenUp[0] != c.given) {
				t.Errorf("given up %q, want %q", choice.GivenUp, c.given)
			}
		})
	}
}
