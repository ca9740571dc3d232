package lab_test

import (
	"slices"
	"testing"

	"trunkline/lab"
)

func TestChangesOfASwitchAreToldPortByPort(t *testing.T) {
	base := func() *lab.Lab {
		return &lab.Lab{Name: "x", Nodes: []*lab.Node{
			{Name: "sw1", Kind: lab.Switch, Interfaces: []lab.Interface{{Name: "3", Access: 10}, {Name: "4", Trunk: []int{10, 20}}}},
			{Name: "h1", Kind: lab.Linux},
		}}
	}
	priority := 4096
	for _, c := range []struct {
		name   string
		change func(sw *lab.Node)
		want   string
	}{
		{"a port's VLAN", func(sw *lab.Node) { sw.Interfaces[0].Access = 20 }, "port 3 to VLAN 20 live"},
		{"settings that go", func(sw *lab.Node) { sw.Interfaces = sw.Interfaces[1:] }, "port 3 to every VLAN live"},
		{"a trunk", func(sw *lab.Node) { sw.Interfaces[1].Trunk, sw.Interfaces[1].Native = []int{30, 10}, 1 }, "port 4 to VLANs 10, 30 tagged and 1 untagged live"},
		{"a port switched off", func(sw *lab.Node) { sw.Interfaces[0].Down = true }, "port 3 switched off live"},
		{"the tree and its root", func(sw *lab.Node) { sw.Switch = &lab.SwitchConfig{STP: "rstp", Priority: &priority} }, "spanning tree to rstp live; bridge priority to 4096 live"},
		{"a mirror", func(sw *lab.Node) {
			sw.Switch = &lab.SwitchConfig{Mirrors: []lab.Mirror{{Ports: []string{"3"}, To: "4"}}}
		}, "mirrors to 4 set live"},
		{"a controller", func(sw *lab.Node) { sw.Switch = &lab.SwitchConfig{OpenFlow: &lab.OpenFlow{Controller: "h1"}} }, "OpenFlow controller to h1 live"},
		{"another MTU", func(sw *lab.Node) { sw.Interfaces[0].Access, sw.Group = 11, "g" }, "port 3 to VLAN 11 live; group changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := base()
			c.change(to.Nodes[0])
			want := []lab.Step{{Verb: lab.Change, Object: "node sw1", Reason: c.want}}
			if got := lab.Diff(base(), to); !slices.Equal(got, want) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestEveryPresetIsALinkThatCanBe(t *testing.T) {
	for _, p := range lab.Presets {
		l := &lab.Lab{Name: "x", Nodes: []*lab.Node{{Name: "a", Kind: lab.Linux}, {Name: "b", Kind: lab.Linux}}, Links: []*lab.Link{{Type: lab.VEth,
			A: lab.Endpoint{Node: "a", Interface: "eth1"}, B: lab.Endpoint{Node: "b", Interface: "eth1"}, AtoB: p.Up, BtoA: p.Down}}}
		if places := lab.Validate(l); len(places) > 0 || p.Title == "" || p.Up.RateBits > p.Down.RateBits {
			t.Errorf("%s: %+v", p.Name, places)
		}
		if found, ok := lab.PresetNamed(p.Name); !ok || found != p {
			t.Errorf("%s isn't found by its name", p.Name)
		}
	}
}
