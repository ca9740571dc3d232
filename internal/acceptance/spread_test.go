package acceptance

import (
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"trunkline/examples"
	"trunkline/lab/control"
)

// zones is the label rule of the test: provider and customer edges of the west, the middle, and those of the east.
func zones(node string) string {
	switch {
	case strings.HasPrefix(node, "wan"):
		return "" // segments are wherever they have a member
	case node == "rr":
		return "middle"
	}
	if site := strings.TrimLeft(node, "abcdefghijklmnopqrstuvwxyz"); site[0] <= '2' {
		return "west"
	}
	return "east"
}

// nlanInZones is the NLAN example with a placement label on every node that zones names one for.
func nlanInZones(t *testing.T) string {
	t.Helper()
	source, err := examples.Files("nlan-bgp")
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	for file == nil {
		path, _, content, err := source.Next()
		if err != nil {
			t.Fatalf("the example has no %s: %v", examples.LabFile, err)
		}
		if path != examples.LabFile {
			continue
		}
		if err := yaml.NewDecoder(content).Decode(&file); err != nil {
			t.Fatal(err)
		}
	}
	for name, settings := range file["topology"].(map[string]any)["nodes"].(map[string]any) {
		zone := zones(name)
		if zone == "" {
			continue
		}
		node := settings.(map[string]any)
		labels, _ := node["labels"].(map[string]any)
		if labels == nil {
			labels = map[string]any{}
		}
		labels["trunkline.place."+zone] = "yes"
		node["labels"] = labels
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestNLANRunsOverThreeHostsAndOutlivesOne is the first acceptance: three hosts that joined by their join commands, the NLAN
// network spread by a label rule, an agent killed, and then a whole host.
func TestNLANRunsOverThreeHostsAndOutlivesOne(t *testing.T) {
	f := newFleet(t, []string{host, router}, "west=yes", "middle=yes", "east=yes")
	f.stores("nlan-bgp", nlanInZones(t))
	plan := f.says(0, []string{"host-a", "host-b", "host-c"}, "lab", "deploy", "nlan-bgp", "--dry-run")
	t.Logf("lab deploy --dry-run:\n%s", plan.Out)
	begun := time.Now()
	f.asks("nlan-bgp", "deploy")
	f.becomes("nlan-bgp", control.Running)
	t.Logf("35 nodes run on three hosts after %v", time.Since(begun).Round(time.Millisecond))
	if on := f.placed("nlan-bgp"); on["host-a"] < 10 || on["host-b"] < 1 || on["host-c"] < 10 {
		t.Errorf("nodes are on %v", on)
	}
	f.everyoneReachesEveryone()
	t.Logf("every host pinged every other %v after deploy", time.Since(begun).Round(time.Second))
	shown := f.says(0, []string{"host-a", "host-b", "host-c"}, "lab", "show", "nlan-bgp")
	t.Logf("lab show:\n%s", shown.Out)

	t.Run("traffic flows on while an agent is dead", func(t *testing.T) { f.with(t).trafficFlowsWithoutAgent(2) })
	t.Run("a lost host's nodes are placed anew", func(t *testing.T) { f.with(t).hostIsLostAndComesBack() })
	f.destroys("nlan-bgp")
	f.nothingIsLeftAnywhere()
}

// with is the fleet for a subtest.
func (f *fleet) with(t *testing.T) *fleet {
	return &fleet{rig: rig{Program: f.Program, t: t}, hosts: f.hosts, agents: f.agents}
}

// trafficFlowsWithoutAgent pings across hosts while the agent of one is killed and comes back.
func (f *fleet) trafficFlowsWithoutAgent(i int) {
	p, first := f.pinging("nlan-bgp", "h1a2", "172.21.4.2", 100*time.Millisecond)
	defer p.stop()
	f.agents[i].Kill()
	f.awaitConnected(len(f.hosts) - 1)
	<-time.After(8 * time.Second) // longer than a host may be silent towards others before they take carrier away
	if err := f.agents[i].Start(); err != nil {
		f.t.Error(err)
	}
	f.awaitConnected(len(f.hosts))
	lost, answered := p.lossUntil(time.Now(), first)
	f.t.Logf("while the agent of %s was dead and came back: %d of %d pings lost", name(i), lost, lost+answered)
	if answered < 20 || lost > 0 {
		f.t.Errorf("%d pings were lost and %d answered", lost, answered)
	}
	f.becomes("nlan-bgp", control.Running)
}

// hostIsLostAndComesBack takes the power from host-c. An administrator had said that host-b may stand in for it.
func (f *fleet) hostIsLostAndComesBack() {
	f.says(0, nil, "hosts", "label", "host-b", "east=yes")
	before := f.placed("nlan-bgp")
	begun := time.Now()
	f.hosts[2].Crash()
	f.until("nlan-bgp", "the end of host-c's part", func(d *control.LabDetail) bool {
		for _, node := range d.Nodes {
			if node.Host == "host-c" {
				return false
			}
		}
		return true
	})
	told := time.Since(begun)
	f.until("nlan-bgp", "the lab is whole on the other two", func(d *control.LabDetail) bool { return d.State == control.Running })
	running := time.Since(begun)
	f.everyoneReachesEveryone()
	f.t.Logf("host-c lost with %d nodes: placed anew after %.1f s (5 s grace), running after %.1f s, every host pings every other after %.1f s; now %v",
		before["host-c"], told.Seconds(), running.Seconds(), time.Since(begun).Seconds(), f.placed("nlan-bgp"))
	f.revive(2)
	f.awaitConnected(3)
	if err := f.hosts[2].AwaitNoLabs(f.limited()); err != nil {
		f.t.Errorf("host-c came back and keeps what moved: %v", err)
	}
	f.everyoneReachesEveryone()
}

// everyoneReachesEveryone pings between all hosts of the NLAN network.
func (f *fleet) everyoneReachesEveryone() {
	f.t.Helper()
	if err := f.NLANReachesAll(f.t.Context(), "nlan-bgp"); err != nil {
		f.t.Fatalf("%v\n%s", err, f.logTail())
	}
}
