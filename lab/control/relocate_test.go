package control

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"trunkline/lab"
	"trunkline/lab/place"
)

func labelled(name string, kind lab.Kind, labels ...string) *lab.Node {
	n := &lab.Node{Name: name, Kind: kind, Labels: map[string]string{}}
	for i := 0; i < len(labels); i += 2 {
		n.Labels[labels[i]] = labels[i+1]
	}
	return n
}

func cabled(a, b string) *lab.Link {
	return &lab.Link{Type: lab.VEth, A: lab.Endpoint{Node: a, Interface: "to-" + b}, B: lab.Endpoint{Node: b, Interface: "to-" + a}}
}

func at(hosts ...string) map[string]Place {
	places := map[string]Place{}
	for i := 0; i < len(hosts); i += 2 {
		places[hosts[i]] = Place{HostID: hosts[i+1]}
	}
	return places
}

func TestADrainMovesWhatIsNext(t *testing.T) {
	many := &lab.Lab{}
	was, target := map[string]Place{}, map[string]Place{}
	for i := range 200 {
		name := fmt.Sprintf("n%03d", i)
		many.Nodes = append(many.Nodes, labelled(name, lab.Linux))
		was[name], target[name] = Place{HostID: "a"}, Place{HostID: "b"}
	}
	cases := []struct {
		name        string
		lab         *lab.Lab
		was, target map[string]Place
		moves       []string
	}{
		{"one node, the first of the file", &lab.Lab{Nodes: []*lab.Node{labelled("r2", lab.Linux), labelled("r1", lab.Linux)}}, at("r1", "a", "r2", "a"), at("r1", "b", "r2", "b"), []string{"r2"}},
		{"not one that is elsewhere", &lab.Lab{Nodes: []*lab.Node{labelled("r1", lab.Linux), labelled("r2", lab.Linux)}}, at("r1", "c", "r2", "a"), at("r1", "c", "r2", "b"), []string{"r2"}},
		{"a group that wants to be together, by whatever names",
			&lab.Lab{Nodes: []*lab.Node{labelled("r1", lab.Linux, lab.TogetherLabel, "x"), labelled("r2", lab.Linux), labelled("r3", lab.Linux, lab.TogetherLabel, "y"), labelled("r4", lab.Switch, lab.TogetherLabel, "y, x")}},
			at("r1", "a", "r2", "a", "r3", "a", "r4", "a"), at("r1", "b", "r2", "b", "r3", "b", "r4", "b"), []string{"r1", "r3", "r4"}},
		{"a lan follows its members", &lab.Lab{Nodes: []*lab.Node{labelled("net", lab.LAN), labelled("r1", lab.Linux)}, Links: []*lab.Link{cabled("net", "r1")}}, at("net", "a", "r1", "a"), at("net", "b", "r1", "b"), []string{"r1"}},
		{"a lan alone goes too", &lab.Lab{Nodes: []*lab.Node{labelled("net", lab.LAN)}}, at("net", "a"), at("net", "b"), []string{"net"}},
		{"a few of a large lab", many, was, target, []string{"n000", "n001", "n002", "n003"}},
		{"nothing that stays", &lab.Lab{Nodes: []*lab.Node{labelled("r1", lab.Linux)}}, at("r1", "a"), at("r1", "a"), nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := nextToMove(c.lab, c.was, c.target, map[string]bool{"a": true}); !slices.Equal(got, c.moves) {
				t.Errorf("%v move, want %v", got, c.moves)
			}
		})
	}
}

func TestALanIsAtHomeWhereMostOfItsMembersAre(t *testing.T) {
	l := &lab.Lab{Nodes: []*lab.Node{labelled("net", lab.LAN), labelled("r1", lab.Linux), labelled("r2", lab.Linux), labelled("r3", lab.Linux)},
		Links: []*lab.Link{cabled("net", "r1"), cabled("r2", "net"), cabled("r3", "net")}}
	for name, c := range map[string]struct {
		places map[string]Place
		home   string
	}{
		"a part without a member is none": {at("net", "a", "r1", "b", "r2", "c", "r3", "c"), "c"},
		"it stays where a member is":      {at("net", "b", "r1", "b", "r2", "c", "r3", "c"), "b"},
	} {
		if settleMeshes(l, c.places); c.places["net"].HostID != c.home {
			t.Errorf("%s: it is at %s", name, c.places["net"].HostID)
		}
	}
}

func TestALabAsPlacementSeesIt(t *testing.T) {
	delayed := cabled("r1", "r2")
	delayed.AtoB.Loss = 1
	limited := cabled("r2", "sw")
	limited.BtoA.RateBits = 1000
	r1 := labelled("r1", lab.Linux, "trunkline.place.disk", "ssd", lab.SeparateLabel, "ha", lab.ImpairmentsLabel, lab.BestEffort)
	r1.CPU, r1.MemoryBytes, r1.Image = 2, 1<<30, "frr"
	r2 := labelled("r2", lab.Router, lab.TogetherLabel, "x")
	r2.Egress = true
	l := &lab.Lab{Mgmt: &lab.Mgmt{}, Nodes: []*lab.Node{r1, r2, labelled("sw", lab.Switch), labelled("net", lab.LAN, "trunkline.place.disk", "ssd"), labelled("out", lab.Internet),
		{Name: "ext", Kind: lab.External, External: &lab.ExternalConfig{Network: "campus"}}},
		Links: []*lab.Link{delayed, limited, cabled("r1", "net"), cabled("r2", "net"), cabled("sw", "net"), cabled("sw", "ext"), cabled("r1", "out"), {Type: lab.Dummy, A: lab.Endpoint{Node: "r1", Interface: "d0"}}}}
	places := at("r1", "h1", "r2", "h2")
	places["r1"] = Place{HostID: "h1", Needs: place.Amount{CPU: 1, Memory: 1 << 30, PIDs: usualPIDs, Interfaces: 5}}
	p := labProblem(l, map[string]string{"frr": "trunkline/router"}, places)
	netem := place.Want{Ability: place.Netem, Because: "link r1:to-r2 – r2:to-r1 wants a delay or loss"}
	rate := place.Want{Ability: place.Rate, Because: "link r2:to-sw – sw:to-r2 wants a bandwidth limit"}
	egress := place.Want{Ability: place.Egress}
	want := place.Problem{BestEffort: true, Placed: map[string]string{"r1": "h1", "r2": "h2"},
		Nodes: []place.Node{
			{Name: "r1", Needs: place.Amount{CPU: 2, Memory: 1 << 30, PIDs: usualPIDs, Interfaces: 5}, Grown: true, Image: "trunkline/router", Labels: map[string]string{"disk": "ssd"}, Separate: []string{"ha"}, Wants: []place.Want{netem}},
			{Name: "r2", Needs: place.Amount{CPU: usualCPU, Memory: usualMemory, PIDs: usualPIDs, Interfaces: 5}, Image: "trunkline/router", Together: []string{"x"}, Wants: []place.Want{netem, rate, egress}},
			{Name: "sw", Segment: true, Needs: place.Amount{Interfaces: 3}, Wants: []place.Want{rate}},
			{Name: "net", Segment: true, Mesh: true, Needs: place.Amount{Interfaces: 3}},
			{Name: "out", Segment: true, Needs: place.Amount{Interfaces: 1}, Wants: []place.Want{egress}},
			{Name: "ext", Segment: true, Needs: place.Amount{Interfaces: 1}, Network: "campus"},
		},
		Cables: []place.Cable{{A: "r1", B: "r2", Weight: 100}, {A: "r2", B: "sw", Weight: 100}, {A: "r1", B: "net", Weight: 66}, {A: "r2", B: "net", Weight: 66}, {A: "sw", B: "net", Weight: 66},
			{A: "sw", B: "ext", Weight: 100}, {A: "r1", B: "out", Weight: 100}},
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
}

func TestAHostPromisesMoreThanItHasAsItsAdministratorSays(t *testing.T) {
	now := hostNow{connected: true, known: true}
	now.info.CPUs, now.info.MemoryBytes, now.info.DockerVersion, now.info.OVSVersion = 2, 4<<30, "x", "x"
	for name, c := range map[string]struct {
		set  OverCommit
		want place.Factors
	}{
		"nothing":     {OverCommit{}, place.Factors{CPU: 16, Memory: 1}},
		"memory only": {OverCommit{Memory: 2}, place.Factors{CPU: 16, Memory: 2}},
		"both":        {OverCommit{CPU: 1, Memory: 0.5}, place.Factors{CPU: 1, Memory: 0.5}},
	} {
		given := Given{Labs: 3, TenantLabs: map[string]int{"t": 2}}
		h := candidate(HostRecord{ID: "h", OverCommit: c.set}, now, given, "t")
		if h.OverCommit != c.want || h.Capacity.CPU != 2 || h.Labs != 3 || h.TenantLabs != 2 {
			t.Errorf("%s: %+v", name, h)
		}
	}
	now.info.DockerVersion = ""
	if h := candidate(HostRecord{}, now, Given{}, "t"); !slices.Equal(h.Problems, []string{"Docker does not answer."}) {
		t.Errorf("a host without Docker has problems %q", h.Problems)
	}
}
