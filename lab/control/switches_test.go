package control_test

import (
	"slices"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/host/fakehost"
)

func TestTheTablesOfASwitchAreAskedOfItsHost(t *testing.T) {
	r, id := apart(t)
	r.machines["host-a"].fake.Send(id, "a1", "eth1", 7, 700)
	view, err := r.control.Switch(t.Context(), r.ada, id, "sw")
	must(t, err)
	if len(view.Ports) != 3 || len(view.MACs) != 1 || view.MACs[0].Owner != "a1:eth1" || view.MACs[0].VLAN != 10 || view.Tree == nil {
		t.Fatalf("the view is %+v", view)
	}
	for _, p := range view.Ports {
		want := map[string]uint64{"p1": 0, "p2": 7, "p3": 0}[p.Name]
		if p.Out.Frames != want || !p.Oper {
			t.Errorf("port %+v, wanted %d frames out", p, want)
		}
	}
	var numbers []int
	for _, v := range view.VLANs {
		numbers = append(numbers, v.VLAN)
	}
	if !slices.Equal(numbers, []int{10, 20}) {
		t.Errorf("its VLANs are %v", numbers)
	}
}

func TestALanOnTwoHostsIsShownAsOne(t *testing.T) {
	r, id := apart(t)
	r.machines["host-a"].fake.Send(id, "a1", "eth2", 1, 100)
	r.machines["host-b"].fake.Send(id, "b1", "eth2", 1, 100)
	view, err := r.control.Switch(t.Context(), r.ada, id, "wide")
	must(t, err)
	var owners []string
	for _, m := range view.MACs {
		owners = append(owners, m.Owner)
	}
	slices.Sort(owners)
	if !slices.Equal(owners, []string{"a1:eth2", "b1:eth2"}) || len(view.Ports) < 2 {
		t.Errorf("it is %+v", view)
	}
}

func TestWhyTablesCannotBeShownIsSaid(t *testing.T) {
	r, id := apart(t)
	for node, code := range map[string]fault.Code{"nobody": fault.NotFound, "a1": fault.Invalid} {
		if _, err := r.control.Switch(t.Context(), r.ada, id, node); !fault.Is(err, code) {
			t.Errorf("%s: %v", node, err)
		}
	}
	r.machines["host-a"].unlink()
	await(t, said("the host to be away"), func() bool {
		_, err := r.control.Switch(t.Context(), r.ada, id, "sw")
		return fault.Is(err, fault.Unavailable)
	})
	stored := r.create("name: stored\ntopology:\n  nodes:\n    sw: {kind: switch}\n")
	if _, err := r.control.Switch(t.Context(), r.ada, stored, "sw"); !fault.Is(err, fault.Conflict) {
		t.Errorf("of a lab that is not deployed: %v", err)
	}
}

func TestALinkIsSetWhileItsLabRuns(t *testing.T) {
	r := newRig(t).start()
	r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("live", 3))
	r.deploy(id)
	r.until(id, control.Running)
	fake := r.machines["host-a"].fake
	starts := fake.Calls()["start"]
	set := func(change control.LinkChange) *control.EditResult {
		t.Helper()
		result, err := r.control.SetLink(t.Context(), r.ada, id, "n1:eth1", change)
		must(t, err)
		return result
	}
	text := func(s string) *string { return &s }
	if result := set(control.LinkChange{Delay: text("20ms"), Loss: text("1%"), From: "n1", Check: true}); result.Applied || len(result.Plan) == 0 {
		t.Errorf("a check gives %+v", result)
	}
	if result := set(control.LinkChange{Delay: text("20ms"), Loss: text("1%"), Rate: text("10mbit"), From: "n1"}); !result.Applied {
		t.Errorf("a change gives %+v", result)
	}
	cable := func() (c cableState) {
		spec, _, _ := fake.Wired(id)
		for _, k := range spec.Cables {
			if k.A.Node == "n1" && k.A.Interface == "eth1" {
				c = cableState{k.AtoB.Delay.String(), k.AtoB.Loss, k.AtoB.RateBits, k.BtoA.IsZero(), k.Cut, k.Flap != nil}
			}
		}
		return c
	}
	becomes := func(want cableState) {
		t.Helper()
		await(t, said("the host to have the change"), func() bool { return cable() == want })
	}
	becomes(cableState{"20ms", 1, 10e6, true, false, false})
	set(control.LinkChange{Cut: new(true)})
	becomes(cableState{"20ms", 1, 10e6, true, true, false})
	set(control.LinkChange{Reset: true})
	becomes(cableState{"0s", 0, 0, true, false, false})
	set(control.LinkChange{Flap: &control.FlapChange{Every: "5s", Down: "1s"}})
	becomes(cableState{"0s", 0, 0, true, false, true})
	set(control.LinkChange{Flap: &control.FlapChange{}, From: ""})
	becomes(cableState{"0s", 0, 0, true, false, false})
	if now := fake.Calls()["start"]; now != starts {
		t.Errorf("containers were started %d times", now-starts)
	}
}

// cableState is what a link does to frames, from its first end to the second.
type cableState struct {
	delay   string
	loss    float64
	rate    int64
	perfect bool // the other way
	cut     bool
	flaps   bool
}
