package control_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

func TestEveryHostIsToldAllOthersWithAnAddress(t *testing.T) {
	y := newYard(t)
	a, b, c, d := y.join("host-a"), y.join("host-b"), y.join("host-c"), y.join("host-d")
	sa := y.link(a, "10.0.0.1")
	sa.awaitPeers(t, "")
	sb := y.link(b, "10.0.0.2")
	y.link(d, "") // takes no part
	sa.awaitPeers(t, "host-b 10.0.0.2")
	sb.awaitPeers(t, "host-a 10.0.0.1")
	sc := y.link(c, "10.0.0.3")
	sa.awaitPeers(t, "host-b 10.0.0.2, host-c 10.0.0.3")
	sc.awaitPeers(t, "host-a 10.0.0.1, host-b 10.0.0.2")

	y.links.down(b)
	await(t, said("host-b to be away"), func() bool { return !y.view(b).Connected })
	sc.describe("fd00::3")
	sc.say <- hostapi.Observation{Host: sc.described()}
	sa.awaitPeers(t, "host-b 10.0.0.2, host-c fd00::3")
	name, drained := "rack-2", true
	if _, err := y.control.ChangeHost(t.Context(), admin, b, control.HostChange{Name: &name, Drained: &drained}); err != nil {
		t.Fatal(err)
	}
	sa.awaitPeers(t, "host-c fd00::3, rack-2 10.0.0.2")
	must(t, y.control.RevokeHost(t.Context(), admin, b))
	sa.awaitPeers(t, "host-c fd00::3")
}

func TestAHostThatLinksAnewIsToldItsPeersAnew(t *testing.T) {
	y := newYard(t)
	a, b := y.join("host-a"), y.join("host-b")
	y.link(a, "10.0.0.1").awaitPeers(t, "")
	y.link(b, "10.0.0.2").awaitPeers(t, "host-a 10.0.0.1")
	y.links.down(b)
	await(t, said("host-b to be away"), func() bool { return !y.view(b).Connected })
	y.link(b, "10.0.0.2").awaitPeers(t, "host-a 10.0.0.1")
}

func TestAnAgentThatKnowsNoOtherHostsIsLeftAlone(t *testing.T) {
	y := newYard(t)
	id := y.join("host-a")
	y.links.up(id, silent{y.link(id, "10.0.0.1")}, func() {})
	await(t, said("the old agent to be linked"), func() bool {
		_, err := y.control.HostLog(t.Context(), admin, id, 1)
		return fault.Is(err, fault.Unsupported)
	})
}

// way is the matrix's entry from one host to another.
func (y *yard) way(from, to string) control.HostReach {
	y.t.Helper()
	all, err := y.control.Matrix(y.t.Context(), admin)
	must(y.t, err)
	for _, r := range all {
		if r.From == from && r.To == to {
			return r
		}
	}
	y.t.Fatalf("no way from %s to %s in %+v", from, to, all)
	return control.HostReach{}
}

func (y *yard) awaitWay(from, to, problem string) control.HostReach {
	y.t.Helper()
	var last control.HostReach
	await(y.t, func() string { return fmt.Sprintf("%q from %s to %s; it is %+v", problem, from, to, last) }, func() bool {
		last = y.way(from, to)
		return last.Problem == problem
	})
	return last
}

func TestTheMatrixSaysInWordsWhoHearsWhom(t *testing.T) {
	y := newYard(t)
	a, b, c := y.join("host-a"), y.join("host-b"), y.join("host-c")
	now := y.clock.Now()
	sa := y.link(a, "10.0.0.1")
	y.awaitWay("host-a", "host-b", "host-b has no address for tunnels: give its agent one by --underlay.")
	sb := y.link(b, "10.0.0.2")
	if w := y.awaitWay("host-a", "host-b", ""); w.Known || w.Usable {
		t.Errorf("before anybody probed: %+v", w)
	}
	y.link(c, "")
	if w := y.awaitWay("host-c", "host-a", "host-c has no address for tunnels: give its agent one by --underlay."); !w.Known || w.Usable {
		t.Errorf("of a host without an address: %+v", w)
	}
	fine := hostapi.Reach{Hears: true, Answers: true, MTU: 1450, RTT: time.Millisecond, At: now}
	tell := func(s *spoken, peer string, r hostapi.Reach) {
		r.Host = peer
		s.say <- hostapi.Observation{Reach: []hostapi.Reach{r}}
	}
	tell(sa, b, fine)
	tell(sb, a, fine)
	await(t, said("a way that is usable"), func() bool {
		w := y.way("host-a", "host-b")
		return w.Known && w.Usable && w.MTU == 1450 && w.RTT == time.Millisecond
	})

	tell(sb, a, hostapi.Reach{Hears: false, Answers: true, At: now})
	w := y.awaitWay("host-a", "host-b", "host-b does not hear host-a: let UDP port 4789 through from 10.0.0.1 to 10.0.0.2.")
	if !w.Known || w.Usable {
		t.Errorf("one way only: %+v", w)
	}
	y.awaitWay("host-b", "host-a", w.Problem)
	tell(sa, b, hostapi.Reach{Hears: false, At: now})
	y.awaitWay("host-a", "host-b", "host-a and host-b do not hear each other: let UDP port 4789 through between 10.0.0.1 and 10.0.0.2.")
	y.awaitWay("host-b", "host-a", y.way("host-a", "host-b").Problem)
	sb.say <- hostapi.Observation{Host: &hostapi.HostInfo{DockerVersion: "1", Underlay: sb.described().Underlay}}
	y.awaitWay("host-a", "host-b", "Open vSwitch does not answer on host-b: start it there.")

	small := fine
	small.MTU, small.Problem = 1400, "Frames above 1400 bytes do not arrive."
	tell(sa, b, small)
	tell(sb, a, fine)
	if w := y.awaitWay("host-a", "host-b", small.Problem); !w.Usable || w.MTU != 1400 {
		t.Errorf("a way that is narrow: %+v", w)
	}
	y.links.down(b)
	if w := y.awaitWay("host-a", "host-b", "host-b is not connected, so nobody probes the way."); w.Known || w.Usable {
		t.Errorf("of a host that is away: %+v", w)
	}
	if reach := y.view(a).Reach; len(reach) != 2 || reach[0].To != "host-b" || reach[1].To != "host-c" {
		t.Errorf("host-a's own page has %+v", reach)
	}
}

func TestUseIsShownOverTimeInFewSamples(t *testing.T) {
	y := newYard(t)
	id := y.join("host-a")
	s := y.link(id, "")
	start := y.clock.Now()
	for i := range 90 { // a quarter of an hour, of a host whose clock stands still in another year
		s.say <- hostapi.Observation{Use: &hostapi.Use{CPU: float64(i + 1), MemoryBytes: 1 << 30, At: time.Unix(0, 0)}}
		await(t, said("the use to be known"), func() bool { u := y.view(id).HostView.Use; return u != nil && u.CPU == float64(i+1) })
		y.clock.move(10 * time.Second)
	}
	over := y.view(id).Use
	if len(over) < 5 || len(over) > 16 {
		t.Fatalf("%d samples of a quarter of an hour", len(over))
	}
	for i, u := range over {
		if u.MemoryBytes != 1<<30 || u.At.Before(start) || i > 0 && (u.CPU <= over[i-1].CPU || !u.At.After(over[i-1].At)) {
			t.Errorf("sample %d is %+v", i, u)
		}
	}
}

func TestTheLastErrorOfAHostIsKept(t *testing.T) {
	y := newYard(t)
	id := y.join("host-a")
	s := y.link(id, "")
	if v := y.view(id); v.Error != "" {
		t.Errorf("nothing happened, and there is %q", v.Error)
	}
	s.apply = fault.New(fault.Exhausted, "The disk is full.")
	lab := y.create(ring("x", 1))
	s.say <- hostapi.Observation{Host: &hostapi.HostInfo{DockerVersion: "1", OVSVersion: "1", CPUs: 4, MemoryBytes: 8 << 30, Arch: "amd64", Images: []hostapi.Image{{Name: "trunkline/tiny"}}}}
	await(t, said("the host's image"), func() bool { return len(y.view(id).Info.Images) > 0 })
	y.deploy(lab)
	await(t, said("the error"), func() bool { v := y.view(id); return v.Error == "The disk is full." && v.ErrorAt.Equal(y.clock.Now()) })
}

func TestTheLogOfAHostIsReadThroughItsLink(t *testing.T) {
	y := newYard(t)
	id := y.join("host-a")
	if _, err := y.control.HostLog(t.Context(), admin, id, 2); !fault.Is(err, fault.Unavailable) {
		t.Errorf("of a host that is away: %v", err)
	}
	y.link(id, "")
	lines, err := y.control.HostLog(t.Context(), admin, "host-a", 2)
	if err != nil || fmt.Sprint(lines) != "[two three]" {
		t.Errorf("%q %v", lines, err)
	}
	if lines, err = y.control.HostLog(t.Context(), admin, "host-a", 0); err != nil || len(lines) != 3 {
		t.Errorf("without a number: %q %v", lines, err)
	}
	for _, n := range []int{-1, 1001} {
		if _, err := y.control.HostLog(t.Context(), admin, id, n); !fault.Is(err, fault.Invalid) {
			t.Errorf("%d lines: %v", n, err)
		}
	}
}

func TestWatchersOfHostsAreToldManyChangesAsOne(t *testing.T) {
	y := newYard(t)
	id := y.join("host-a")
	ctx, cancel := context.WithCancel(t.Context())
	changes, err := y.control.WatchHosts(ctx, admin)
	must(t, err)
	s := y.link(id, "")
	start := time.Now()
	for range 100 {
		s.say <- hostapi.Observation{Use: &hostapi.Use{CPU: 1}}
	}
	s.say <- hostapi.Observation{Use: &hostapi.Use{CPU: 2}}
	heard := 0
	for use := y.view(id).HostView.Use; use == nil || use.CPU != 2; use = y.view(id).HostView.Use {
		select {
		case <-changes:
			heard++
		case <-time.After(time.Minute):
			t.Fatal("nothing was heard of the newest use")
		}
	}
	if took := time.Since(start); heard > 2+int(2*took.Seconds()) { // twice a second, and what waited
		t.Errorf("heard %d times of a hundred changes within %s", heard, took)
	}
	cancel()
	await(t, said("the channel to close"), func() bool {
		select {
		case _, open := <-changes:
			return !open
		default:
			return false
		}
	})
}

func TestAWatcherEndsWithTheController(t *testing.T) {
	y := newYard(t)
	changes, err := y.control.WatchHosts(t.Context(), admin)
	must(t, err)
	must(t, y.control.Close())
	if _, open := <-changes; open {
		t.Error("the channel is open")
	}
}

func TestARevokedHostIsCutOffAtOnce(t *testing.T) {
	y := newYard(t)
	id := y.join("host-a")
	y.link(id, "10.0.0.1")
	must(t, y.control.RevokeHost(t.Context(), admin, "host-a"))
	if reason := y.tunnel.reason(id); !strings.Contains(reason, "revoked by an administrator") {
		t.Errorf("its link is told %q", reason)
	}
	if v := y.view(id); v.Connected || !v.Revoked || len(v.Reach) != 0 {
		t.Errorf("%+v", v)
	}
	if _, err := y.control.HostLog(t.Context(), admin, id, 1); !fault.Is(err, fault.Unavailable) {
		t.Errorf("it is asked for its log: %v", err)
	}
	if _, err := y.store.HostKey(t.Context(), id); !fault.Is(err, fault.Forbidden) {
		t.Errorf("its key works: %v", err)
	}
	all, err := y.control.Hosts(t.Context(), admin)
	must(t, err)
	if len(all) != 1 || !all[0].Revoked {
		t.Errorf("until it is removed it is listed; the list is %+v", all)
	}
	must(t, y.control.RevokeHost(t.Context(), admin, id))
	y.tunnel.Drop(id, "")
	y.links.up(id, &spoken{}, func() {}) // one that got through while it was revoked
	await(t, said("the second link to be cut"), func() bool { return y.tunnel.reason(id) != "" })
	if y.view(id).Connected {
		t.Error("it is connected again")
	}
}

func TestRotatingAKeyGoesThroughTheLink(t *testing.T) {
	y := newYard(t)
	id := y.join("host-a")
	must(t, y.control.RotateHostKey(t.Context(), admin, "host-a"))
	if len(y.tunnel.rotated) != 1 || y.tunnel.rotated[0] != id {
		t.Errorf("rotated %v", y.tunnel.rotated)
	}
}

func TestOnlyAHostThatNobodyNeedsIsRemoved(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	ctx := t.Context()
	id := r.create(ring("x", 2))
	r.deploy(id)
	r.until(id, control.Running)
	refused := func(words string) {
		t.Helper()
		if err := r.control.RemoveHost(ctx, admin, "host-a"); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Sentence(err), words) {
			t.Errorf("wanted a refusal with %q, got %v", words, err)
		}
	}
	refused("is in use. Drain it")
	drained := true
	_, err := r.control.ChangeHost(ctx, admin, m.id, control.HostChange{Drained: &drained})
	must(t, err)
	refused("still has nodes of 1 lab")
	must(t, r.control.Destroy(ctx, r.ada, id, false))
	r.until(id, control.Stored)
	await(t, said("the host to be removable"), func() bool { return r.control.RemoveHost(ctx, admin, m.id) == nil })
	if _, err := r.control.Host(ctx, admin, m.id); !fault.Is(err, fault.NotFound) {
		t.Errorf("it is still there: %v", err)
	}
	token, err := r.control.CreateJoinToken(ctx, admin, control.JoinRequest{Name: "host-a"})
	must(t, err)
	if token.Name != "host-a" {
		t.Errorf("the name is not free: %+v", token)
	}
}

func TestALabOnARevokedHostIsDestroyedWithoutIt(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	ctx := t.Context()
	id := r.create(ring("x", 2))
	r.deploy(id)
	r.until(id, control.Running)
	must(t, r.control.RevokeHost(ctx, admin, "host-a"))
	m.unlink() // what the tunnel does
	r.until(id, control.Degraded)
	r.restart()
	if got := r.until(id, control.Degraded); !strings.Contains(got.Reason, "host-a") {
		t.Errorf("after a restart the reason is %q", got.Reason)
	}
	if err := r.control.RemoveHost(ctx, admin, "host-a"); !fault.Is(err, fault.Conflict) {
		t.Errorf("a host that a lab counts on was removed: %v", err)
	}
	must(t, r.control.Destroy(ctx, r.ada, id, false))
	r.until(id, control.Stored)
	r.restart()
	await(t, said("the host to be removable"), func() bool { return r.control.RemoveHost(ctx, admin, "host-a") == nil })
	all, err := r.control.Hosts(ctx, admin)
	if err != nil || len(all) != 0 {
		t.Errorf("there are %+v %v", all, err)
	}
}

func TestAHostThatNeverCameIsRemoved(t *testing.T) {
	y := newYard(t)
	id := y.join("host-a")
	must(t, y.control.RemoveHost(t.Context(), admin, id))
	if _, err := y.control.Host(t.Context(), admin, id); !fault.Is(err, fault.NotFound) {
		t.Errorf("it is still there: %v", err)
	}
}
