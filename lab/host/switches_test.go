package host_test

import (
	"slices"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

// star is a lab of nodes n0, n1, … whose eth1 is at the ports p0, p1, … of a switch.
func star(id string, ports ...hostapi.SegmentPortSpec) hostapi.LabSpec {
	spec := ring(id, len(ports))
	spec.Cables = nil
	for i := range ports {
		ports[i].Name = "p" + spec.Nodes[i].Name[1:]
		spec.Nodes[i].Interfaces = spec.Nodes[i].Interfaces[:1]
		spec.Cables = append(spec.Cables, hostapi.CableSpec{ID: spec.Nodes[i].Name, A: hostapi.PortRef{Node: spec.Nodes[i].Name, Interface: "eth1"}, B: hostapi.PortRef{Node: "sw", Interface: ports[i].Name}})
	}
	spec.Segments = []hostapi.SegmentSpec{{Name: "sw", Kind: lab.Switch, Ports: ports, STP: "rstp"}}
	return spec
}

func TestTheTablesOfASwitchAreTold(t *testing.T) {
	r := newRig(t, fakehost.Config{}).start()
	spec := star("l1", hostapi.SegmentPortSpec{Access: 10}, hostapi.SegmentPortSpec{Access: 10}, hostapi.SegmentPortSpec{Access: 20}, hostapi.SegmentPortSpec{Native: 10, Trunk: []int{20}})
	spec.Cables[1].Cut = true
	r.apply(spec)
	r.converged(spec)
	r.fake.Send("l1", "n0", "eth1", 4, 400)
	view, err := r.x.Switch(t.Context(), "l1", "sw")
	if err != nil {
		t.Fatal(err)
	}
	if view.Name != "sw" || view.Kind != lab.Switch || view.Tree == nil || view.Tree.Protocol != "rstp" || len(view.Ports) != 4 {
		t.Fatalf("the view is %+v", view)
	}
	p := view.Ports
	if p[0].In.Frames != 4 || p[0].Out.Frames != 0 || p[0].Peer != "n0:eth1" || !p[0].Oper || p[0].State != "forwarding" {
		t.Errorf("p0 is %+v", p[0])
	}
	if p[1].Oper || p[1].State != "disabled" || p[1].Out.Frames != 4 {
		t.Errorf("p1, whose cable is cut, is %+v", p[1])
	}
	if p[2].Out.Frames != 0 || p[3].Out.Bytes != 400 || p[3].Mode != "native" {
		t.Errorf("VLAN 20 is %+v, the trunk %+v", p[2], p[3])
	}
	if len(view.MACs) != 1 || view.MACs[0].VLAN != 10 || view.MACs[0].Port != "p0" || view.MACs[0].Owner != "n0:eth1" {
		t.Errorf("it has learnt %+v", view.MACs)
	}
	if len(view.VLANs) != 2 || !slices.Equal(view.VLANs[0].Untagged, []string{"p0", "p1", "p3"}) || !slices.Equal(view.VLANs[1].Tagged, []string{"p3"}) || view.VLANs[0].MACs != 1 {
		t.Errorf("its VLANs are %+v", view.VLANs)
	}
	if _, err := r.x.Switch(t.Context(), "l1", "n0"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a container is no switch: %v", err)
	}
}
