package control_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// site is an administrator.
var site = tenancy.Actor{UserID: "ada", UserName: "Ada", TenantID: "alpha", Role: tenancy.Owner, SiteAdmin: true}

// addHosts enrols machines named host-a, host-b and so on, with the label zone of their letter.
func (r *rig) addHosts(letters string) map[string]*machine {
	r.t.Helper()
	all := map[string]*machine{}
	for _, letter := range letters {
		zone := string(letter)
		m := r.addHost("host-"+zone, fakehost.Config{}, nil)
		_, err := r.store.ChangeHost(r.t.Context(), m.id, func(h *control.HostRecord) error { h.Labels = map[string]string{"zone": zone}; return nil })
		must(r.t, err)
		all[zone] = m
	}
	r.awaitHosts(letters)
	return all
}

// awaitHosts waits until the controller can place on each of the hosts.
func (r *rig) awaitHosts(letters string) {
	r.t.Helper()
	await(r.t, said("the hosts to be connected"), func() bool {
		views, err := r.control.Hosts(r.t.Context(), site)
		must(r.t, err)
		up := 0
		for _, v := range views {
			if v.Connected && v.Info.Underlay.IsValid() && strings.Contains(letters, strings.TrimPrefix(v.Name, "host-")) {
				up++
			}
		}
		return up == len(letters)
	})
}

func (r *rig) changeHost(name string, change control.HostChange) {
	r.t.Helper()
	_, err := r.control.ChangeHost(r.t.Context(), site, name, change)
	must(r.t, err)
}

func (r *rig) drain(name string, on bool) { r.changeHost(name, control.HostChange{Drained: &on}) }

// zones is a lab file: a ring of nodes whose names begin with the zone that they are placed in, and more lines of nodes and links.
func zones(name string, names []string, nodes, links string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\ntopology:\n  defaults: {kind: linux, image: trunkline/tiny}\n  nodes:\n", name)
	for _, n := range names {
		fmt.Fprintf(&b, "    %s: {labels: {trunkline.place.zone: %s}}\n", n, n[:1])
	}
	b.WriteString(nodes + "  links:\n")
	for i, n := range names {
		fmt.Fprintf(&b, "    - endpoints: [\"%s:eth1\", \"%s:eth2\"]\n", n, names[(i+1)%len(names)])
	}
	return b.String() + links
}

// placed is the hosts of the lab's nodes, as "a1=host-a a2=host-a".
func placed(d *control.LabDetail) string {
	var all []string
	for _, n := range d.Nodes {
		all = append(all, n.Name+"="+n.Host)
	}
	return strings.Join(all, " ")
}

// used counts the identifiers that alpha has taken, and those that rest.
func (r *rig) used() (taken, resting int) {
	r.t.Helper()
	blocks, err := r.store.VNIBlocks(r.t.Context(), tenancy.InTenant("alpha"))
	must(r.t, err)
	for _, b := range blocks {
		taken, resting = taken+b.Used, resting+b.Rests
	}
	return taken, resting
}

func TestALabIsSpreadByItsLabelsAndCabledAcrossHosts(t *testing.T) {
	r := newRig(t).start()
	m := r.addHosts("abc")
	id := r.create(zones("wan", []string{"a1", "a2", "b1", "b2", "c1", "c2"}, "    net: {kind: lan}\n",
		"    - endpoints: [\"a1:eth3\", \"net:p1\"]\n    - endpoints: [\"b1:eth3\", \"net:p2\"]\n    - endpoints: [\"b2:eth3\", \"net:p3\"]\n"))
	r.deploy(id)
	got := r.until(id, control.Running)
	if at := placed(got); at != "a1=host-a a2=host-a b1=host-b b2=host-b c1=host-c c2=host-c net=host-a, host-b" {
		t.Errorf("placed %s", at)
	}
	for _, n := range got.Nodes {
		if n.State != hostapi.NodeRunning || n.Placed == "" {
			t.Errorf("%+v", n)
		}
	}
	ends, vnis := map[string][]string{}, map[uint32]int{}
	for zone, machine := range m {
		spec, _, _ := machine.fake.Wired(id)
		for _, k := range spec.Cables {
			if k.VNI != 0 {
				ends[k.ID] = append(ends[k.ID], fmt.Sprintf("%s:%s>%s vni %d", zone, k.A.Node, k.B.Node, k.VNI))
				vnis[k.VNI]++
			}
		}
	}
	if len(ends) != 3 || len(vnis) != 3 {
		t.Errorf("crossing cables %v", ends)
	}
	for cable, both := range ends {
		slices.Sort(both)
		if len(both) != 2 || both[0][len(both[0])-4:] != both[1][len(both[1])-4:] {
			t.Errorf("cable %s is on %v", cable, both)
		}
	}
	onA, _, _ := m["a"].fake.Wired(id)
	onC, _, _ := m["c"].fake.Wired(id)
	if len(onA.Segments) != 1 || len(onA.Segments[0].Ports) != 1 || !slices.Equal(onA.Segments[0].Peers, []netip.Addr{underlayOf(2)}) || len(onC.Segments) != 0 {
		t.Errorf("segments %+v and %+v", onA.Segments, onC.Segments)
	}
	if taken, _ := r.used(); taken != 4 {
		t.Errorf("%d identifiers are taken, want 3 cables and 1 segment", taken)
	}
	must(t, r.control.Destroy(t.Context(), r.ada, id, false))
	r.until(id, control.Stored)
	await(t, said("the identifiers to be given back"), func() bool { taken, resting := r.used(); return taken == 0 && resting == 4 })
	for zone, machine := range m {
		if _, _, wired := machine.fake.Wired(id); wired || machine.fake.Count(id) > 0 {
			t.Errorf("something is left on host-%s", zone)
		}
	}
}

func TestARunningLabKeepsItsPlacesWhenItIsEdited(t *testing.T) {
	r := newRig(t).start()
	r.addHosts("ab")
	id := r.create(zones("wan", []string{"a1", "b1"}, "", ""))
	r.deploy(id)
	r.until(id, control.Running)
	// The rules go, and a node comes. Nothing forbids the old places, so they stay; identifiers of what still crosses stay too.
	r.replace(id, `name: wan
topology:
  defaults: {kind: linux, image: trunkline/tiny}
  nodes: {a1: {}, b1: {}, n1: {}}
  links:
    - endpoints: ["a1:eth1", "b1:eth2"]
    - endpoints: ["b1:eth3", "n1:eth1"]
`)
	steps, err := r.control.Plan(t.Context(), r.ada, id)
	must(t, err)
	if s := steps[slices.IndexFunc(steps, func(s control.PlanStep) bool { return s.Object == "node n1" })]; s.Host != "host-b" || !strings.Contains(s.Reason, "next to b1") {
		t.Errorf("the plan says %+v", s)
	}
	r.deploy(id)
	await(t, said("the new node to run"), func() bool {
		d := r.get(id)
		return d.State == control.Running && len(d.Nodes) == 3 && d.Nodes[2].State == hostapi.NodeRunning
	})
	after := r.get(id)
	if at := placed(after); at != "a1=host-a b1=host-b n1=host-b" {
		t.Errorf("placed %s", at)
	}
	for i := range 2 {
		if !strings.Contains(after.Nodes[i].Placed, "stays where it runs") {
			t.Errorf("%s: %s", after.Nodes[i].Name, after.Nodes[i].Placed)
		}
	}
	await(t, said("the identifier of the cable that went to be freed"), func() bool { taken, resting := r.used(); return taken == 1 && resting == 1 })
}

func TestAHostThatIsAwayHoldsNobodyElseUp(t *testing.T) {
	r := newRig(t).start()
	m := r.addHosts("ab")
	id := r.create(zones("x", []string{"a1", "a2", "b1"}, "", ""))
	r.deploy(id)
	r.until(id, control.Running)
	m["a"].unlink()
	got := r.until(id, control.Degraded)
	if !strings.Contains(got.Reason, "Host host-a is not connected") || !strings.Contains(got.Reason, "2 nodes") {
		t.Errorf("reason %q", got.Reason)
	}
	must(t, r.control.NodeAction(t.Context(), r.ada, id, "b1", "restart"))
	await(t, said("the other host to go on"), func() bool {
		spec, _, _ := m["b"].fake.Wired(id)
		return spec.Generation == 2 && len(m["b"].fake.Running(id)) == 1
	})
	r.replace(id, zones("x", []string{"a1", "a2", "b1", "b2"}, "", ""))
	r.deploy(id)
	await(t, said("the new node on the host that is there"), func() bool { return len(m["b"].fake.Running(id)) == 2 })
	got = r.until(id, control.Deploying)
	if !strings.Contains(got.Reason, "The deploy of 2 nodes there goes on when it is back") {
		t.Errorf("reason %q", got.Reason)
	}
	m["a"].link()
	r.until(id, control.Running)
	if spec, _, _ := m["a"].fake.Wired(id); len(spec.Nodes) != 2 {
		t.Errorf("host-a has %d nodes", len(spec.Nodes))
	}
}

func TestWaitsAreForwardedAcrossHosts(t *testing.T) {
	r := newRig(t).start()
	m := r.addHosts("ab")
	release := m["a"].hold("start")
	defer release()
	id := r.create(`name: x
topology:
  defaults: {kind: linux, image: trunkline/tiny}
  nodes:
    a1: {labels: {trunkline.place.zone: a}, exec: ["true"]}
    b1: {labels: {trunkline.place.zone: b}, stages: {create: {wait-for: [{node: a1, stage: configure}]}}}
`)
	r.deploy(id)
	await(t, said("b1 to wait"), func() bool {
		n := r.get(id).Nodes[1]
		return n.State == hostapi.NodeWaiting && strings.Contains(n.Reason, "a1")
	})
	if m["b"].fake.Count(id) != 0 {
		t.Error("b1 was made before a1 was configured")
	}
	m["b"].unlink()
	release()
	await(t, said("a1 to run"), func() bool { return len(m["a"].fake.Running(id)) == 1 })
	m["b"].link() // what happened meanwhile is told over the new link
	r.until(id, control.Running)
}

func TestHostsThatDoNotReachEachOtherAreNotUsedTogether(t *testing.T) {
	r := newRig(t).start()
	m := r.addHosts("ab")
	deaf := func(from, to string) {
		m[from].fake.SetReach([]hostapi.Reach{{Host: m[to].id, At: time.Now(), Problem: "host-" + to + " is not heard."}})
	}
	await(t, said("the hosts to know each other"), func() bool { return len(m["a"].fake.Peers()) == 1 && len(m["b"].fake.Peers()) == 1 })
	deaf("a", "b")
	id := r.create(zones("x", []string{"a1", "b1"}, "", ""))
	await(t, said("the deploy to be refused"), func() bool {
		_, err := r.control.Plan(t.Context(), r.ada, id)
		return fault.Is(err, fault.Unavailable) && strings.Contains(fault.Sentence(err), "Open UDP between the hosts")
	})
	if err := r.control.Deploy(t.Context(), r.ada, id); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the deploy gave %v", err)
	}
	free := r.create(ring("free", 4))
	r.deploy(free)
	if got := r.until(free, control.Running); got.Nodes[0].Host != got.Nodes[3].Host {
		t.Errorf("placed %s", placed(got))
	}
	if taken, _ := r.used(); taken != 0 {
		t.Errorf("%d identifiers are taken for nothing", taken)
	}
}

func TestAHostWithoutAnUnderlayAddressIsNamedByTheRefusal(t *testing.T) {
	r := newRig(t).start()
	m := r.addHosts("ab")
	m["b"].stop()
	m["b"].fake.SetUnderlay(netip.Addr{}, 0)
	m["b"].dir = t.TempDir() // the agent remembers an address for a while
	m["b"].start("host-b")
	id := r.create(zones("x", []string{"a1", "b1"}, "", ""))
	await(t, said("the deploy to be refused for host-b's sake"), func() bool {
		_, err := r.control.Plan(t.Context(), r.ada, id)
		return fault.Is(err, fault.Unavailable) && strings.Contains(fault.Sentence(err), "host-b takes no part in labs on several hosts: it has no underlay address)")
	})
	alone := r.create(zones("y", []string{"b1", "b2"}, "", ""))
	r.deploy(alone)
	if at := placed(r.until(alone, control.Running)); at != "b1=host-b b2=host-b" {
		t.Errorf("a lab on host-b alone is placed %s", at)
	}
}

func TestARunningLabSaysWhenItsHostsStopReachingEachOther(t *testing.T) {
	r := newRig(t).start()
	m := r.addHosts("ab")
	id := r.create(zones("x", []string{"a1", "b1"}, "", ""))
	r.deploy(id)
	r.until(id, control.Running)
	m["a"].fake.SetReach([]hostapi.Reach{{Host: m["b"].id, At: time.Now()}})
	got := r.until(id, control.Degraded)
	if !strings.Contains(got.Reason, "Hosts host-a and host-b do not reach each other") {
		t.Errorf("reason %q", got.Reason)
	}
	r.deploy(id) // what runs there stays
	m["a"].fake.SetReach([]hostapi.Reach{{Host: m["b"].id, Hears: true, Answers: true, At: time.Now()}})
	got = r.until(id, control.Running)
	if at := placed(got); at != "a1=host-a b1=host-b" {
		t.Errorf("placed %s", at)
	}
}

func TestACancelledDeployAcrossHostsGivesBackWhatItTook(t *testing.T) {
	r := newRig(t).start()
	m := r.addHosts("ab")
	id := r.create(zones("x", []string{"a1", "b1"}, "", ""))
	r.deploy(id)
	r.until(id, control.Running)
	had, _, _ := m["a"].fake.Wired(id)
	release := m["b"].hold("create")
	defer release()
	r.replace(id, zones("x", []string{"a1", "b1", "a2", "b2"}, "", ""))
	r.deploy(id)
	r.until(id, control.Deploying)
	if taken, _ := r.used(); taken < 5 {
		t.Errorf("%d identifiers are taken while both versions may be needed", taken)
	}
	must(t, r.control.Cancel(t.Context(), r.ada, id))
	release()
	await(t, said("the version from before"), func() bool {
		d := r.get(id)
		return d.State == control.Running && m["a"].fake.Count(id) == 1 && m["b"].fake.Count(id) == 1
	})
	await(t, said("what the cancelled deploy took to be free"), func() bool { taken, _ := r.used(); return taken == 2 })
	now, _, _ := m["a"].fake.Wired(id)
	if fmt.Sprint(now.Cables) != fmt.Sprint(had.Cables) {
		t.Errorf("cables were %v and are %v", had.Cables, now.Cables)
	}
	first := r.create(zones("y", []string{"a1", "b1"}, "", ""))
	hold := m["b"].hold("create")
	defer hold()
	r.deploy(first)
	r.until(first, control.Deploying)
	must(t, r.control.Cancel(t.Context(), r.ada, first))
	hold()
	r.until(first, control.Stored)
	await(t, said("what a cancelled first deploy took to be free"), func() bool { taken, _ := r.used(); return taken == 2 })
}

func TestWhatADeployTookThatWasNeverStoredIsFreeAfterARestart(t *testing.T) {
	r := newRig(t).start()
	r.addHosts("ab")
	running := r.create(zones("x", []string{"a1", "b1"}, "", ""))
	r.deploy(running)
	r.until(running, control.Running)
	had, _ := r.used()
	idle := r.create(zones("y", []string{"a1", "b1"}, "", ""))
	near := r.create(zones("z", []string{"a1", "a2"}, "", "")) // runs, and needs none
	r.deploy(near)
	r.until(near, control.Running)
	r.stop() // one that runs may look at a lab just then, and free what it does not know of
	for _, id := range []string{idle, near} {
		_, err := r.store.VNIs(t.Context(), tenancy.InTenant("alpha"), id, []string{"one", "two"}) // as far as a controller got that died then
		must(t, err)
	}
	if taken, _ := r.used(); taken != had+4 {
		t.Fatalf("%d identifiers are taken, %d before", taken, had)
	}
	r.start()
	await(t, said("what was never used to be free"), func() bool { taken, resting := r.used(); return taken == had && resting == 4 })
	r.until(running, control.Running)
	if taken, _ := r.used(); taken != had {
		t.Errorf("%d identifiers are taken, and %d are in use", taken, had)
	}
}

func TestAHostWhoseAddressChangesIsTunnelledToThere(t *testing.T) {
	r := newRig(t).start()
	m := r.addHosts("ab")
	id := r.create(zones("x", []string{"a1", "b1"}, "", ""))
	r.deploy(id)
	r.until(id, control.Running)
	m["b"].stop()
	moved := netip.MustParseAddr("198.51.100.7")
	m["b"].fake.SetUnderlay(moved, 1500)
	m["b"].start("host-b")
	await(t, said("host-a to know the new address"), func() bool {
		spec, _, _ := m["a"].fake.Wired(id)
		remotes := map[netip.Addr]bool{}
		for _, k := range spec.Cables {
			remotes[k.Remote] = true
		}
		return maps.Equal(remotes, map[netip.Addr]bool{moved: true})
	})
	r.until(id, control.Running)
}

func TestADryRunSaysWhereEachNodeGoesAndWhy(t *testing.T) {
	r := newRig(t).start()
	r.addHosts("a")
	none := hostapi.Capabilities{KernelDatapath: true, RateLimit: true}
	r.addHost("host-d", fakehost.Config{}, &none)
	r.awaitHosts("ad")
	id := r.create(`name: x
topology:
  defaults: {kind: linux, image: trunkline/tiny}
  nodes: {r6: {}, r7: {}}
  links:
    - endpoints: ["r6:eth1", "r7:eth1"]
      impair: {delay: 5ms}
`)
	step := func(object string) control.PlanStep {
		steps, err := r.control.Plan(t.Context(), r.ada, id)
		must(t, err)
		return steps[slices.IndexFunc(steps, func(s control.PlanStep) bool { return s.Object == object })]
	}
	s := step("node r7")
	if s.Verb != "create" || s.Host != "host-a" || !strings.Contains(s.Reason, "next to r6, image present; host-d without netem") {
		t.Errorf("got %+v", s)
	}
	if taken, _ := r.used(); taken != 0 {
		t.Errorf("a dry run took %d identifiers", taken)
	}
	r.deploy(id)
	r.until(id, control.Running)
	if s = step("node r7"); s.Verb != "keep" || !strings.Contains(s.Reason, "stays where it runs") {
		t.Errorf("got %+v", s)
	}
	r.replace(id, "name: x\ntopology:\n  defaults: {kind: linux, image: trunkline/tiny}\n  nodes: {r6: {}, r7: {labels: {trunkline.place.host: host-d}}}\n  links:\n    - endpoints: [\"r6:eth1\", \"r7:eth1\"]\n")
	if s = step("node r7"); s.Verb != "move" || s.Host != "host-d" || !strings.Contains(s.Reason, "moved from host-a") {
		t.Errorf("got %+v", s)
	}
	r.deploy(id)
	await(t, said("r7 to run on the host that it names"), func() bool { d := r.get(id); return d.State == control.Running && placed(d) == "r6=host-a r7=host-d" })
}

func TestAnExternalNodeGoesToAHostWithItsNetwork(t *testing.T) {
	r := newRig(t).start()
	m := r.addHosts("ab")
	file := "name: x\ntopology:\n  nodes:\n    r1: {kind: linux, image: trunkline/tiny, labels: {trunkline.place.zone: a}}\n    out: {kind: external, external: {network: campus, vlan: 120}}\n  links:\n    - endpoints: [\"r1:eth1\", \"out:p1\"]\n"
	id := r.create(file)
	err := r.control.Deploy(t.Context(), r.ada, id)
	if !fault.Is(err, fault.Unsupported) || !strings.Contains(fault.Sentence(err), "VLAN 120 of network campus, which is not offered") {
		t.Fatalf("got %v", err)
	}
	must(t, r.control.SaveOffer(t.Context(), site, control.Offer{Network: "campus", Devices: map[string]string{m["b"].id: "eth7"}, VLANs: []control.OfferedVLAN{{VLAN: 120, Tenant: "alpha"}}}))
	r.deploy(id)
	await(t, said("the lab to run"), func() bool { return r.get(id).State != control.Planning })
	await(t, said("the network to be joined"), func() bool {
		spec, _, _ := m["b"].fake.Wired(id)
		return len(spec.Externals) == 1 && spec.Externals[0].Device == "eth7" && spec.Externals[0].VLAN == 120 && slices.Equal(spec.Externals[0].Ports, []string{"p1"}) &&
			len(spec.Cables) == 1 && spec.Cables[0].A.Node == "out" && spec.Cables[0].Remote == underlayOf(1)
	})
}
