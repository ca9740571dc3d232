package control

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"trunkline/lab/hostapi"
	"trunkline/lab/place"
)

// newTestFleet is a fleet of linked hosts with the addresses given, by id; "" is none. touched notes the labs that are to be looked at.
func newTestFleet(addresses map[string]string) (f *fleet, now *time.Time, touched *[]string) {
	at, labs := time.Unix(1_800_000_000, 0), []string{}
	now, touched = &at, &labs
	f = newFleet(slog.New(slog.DiscardHandler), func() time.Time { return *now })
	f.touched = func(ids ...string) { *touched = append(*touched, ids...) }
	f.placed = func(context.Context, string) (wanted, leaving []string, err error) { return nil, nil, nil }
	f.learnt = func(context.Context, string, hostapi.HostInfo) {}
	f.changed = func() {}
	var records []HostRecord
	for id, address := range addresses {
		records = append(records, HostRecord{ID: id, Name: id})
		if address != "" {
			records[len(records)-1].Info.Underlay = netip.MustParseAddr(address)
		}
	}
	f.enrolled(records)
	for id := range addresses {
		h := f.stateLocked(id)
		h.synced, h.epoch = true, 1
	}
	return f, now, touched
}

// hears makes a host say what it knows of one peer.
func (f *fleet) hears(host, peer string, hears, answers bool, at time.Time) {
	f.noteReach(f.hosts[host], 1, []hostapi.Reach{{Host: peer, Hears: hears, Answers: answers, At: at}})
}

func TestWhichHostsAreNotUsedTogether(t *testing.T) {
	probed := time.Unix(1_800_000_000, 0)
	for name, c := range map[string]struct {
		addresses map[string]string
		say       func(f *fleet, now *time.Time)
		cut       string
	}{
		"nobody has probed yet": {map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"}, func(*fleet, *time.Time) {}, "[]"},
		"both hear each other": {map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"}, func(f *fleet, _ *time.Time) {
			f.hears("a", "b", true, true, probed)
			f.hears("b", "a", true, true, probed)
		}, "[]"},
		"one has said so, the other nothing": {map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"}, func(f *fleet, _ *time.Time) {
			f.hears("a", "b", true, true, probed)
		}, "[]"},
		"one does not hear the other": {map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"}, func(f *fleet, _ *time.Time) {
			f.hears("a", "b", false, true, probed)
			f.hears("b", "a", true, true, probed)
		}, "[{a b}]"},
		"one is told that it is not heard": {map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"}, func(f *fleet, _ *time.Time) {
			f.hears("b", "a", true, false, probed)
		}, "[{a b}]"},
		"one has no address": {map[string]string{"a": "10.0.0.1", "b": "", "c": "10.0.0.3"}, func(*fleet, *time.Time) {}, "[{a b} {b c}]"},
		"the first probe is under way": {map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"}, func(f *fleet, now *time.Time) {
			f.hears("a", "b", false, false, time.Time{})
			*now = now.Add(time.Second)
			f.hears("a", "b", false, false, time.Time{})
		}, "[]"},
		"the first probe was never answered": {map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"}, func(f *fleet, now *time.Time) {
			f.hears("a", "b", false, false, time.Time{})
			*now = now.Add(probeTime)
		}, "[{a b}]"},
		"it has been mended": {map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"}, func(f *fleet, _ *time.Time) {
			f.hears("a", "b", false, true, probed)
			f.hears("a", "b", true, true, probed)
		}, "[]"},
		"one of them is away": {map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"}, func(f *fleet, _ *time.Time) {
			f.hears("a", "b", false, false, probed)
			f.hosts["b"].synced = false
		}, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			f, now, _ := newTestFleet(c.addresses)
			c.say(f, now)
			pairs := f.cut()
			if pairs == nil {
				pairs = []place.Pair{}
			}
			if got := fmt.Sprint(pairs); got != c.cut {
				t.Errorf("cut %s, want %s", got, c.cut)
			}
		})
	}
}

func TestWhatAReplacedLinkSaysOfTheWaysIsNotTaken(t *testing.T) {
	f, now, _ := newTestFleet(map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"})
	f.noteReach(f.hosts["a"], 0, []hostapi.Reach{{Host: "b", At: *now}})
	if cut := f.cut(); len(cut) > 0 {
		t.Errorf("cut %v", cut)
	}
}

func TestHowLongAHostIsLost(t *testing.T) {
	f, now, _ := newTestFleet(map[string]string{"a": "10.0.0.1", "b": "10.0.0.2"})
	f.hosts["a"].labs["lab"] = &hostapi.LabStatus{ID: "lab"}
	f.mu.Lock()
	f.loseLocked(f.hosts["b"])
	f.mu.Unlock()
	*now = now.Add(time.Minute)
	for id, want := range map[string]time.Duration{"a": 0, "b": time.Minute, "removed": forever} {
		if got := f.lostFor(id); got != want {
			t.Errorf("%s is lost for %s, want %s", id, got, want)
		}
	}
	if labs := f.expel("a"); !slices.Equal(labs, []string{"lab"}) {
		t.Errorf("expelling it touches %v", labs)
	}
	side := f.side("a", "lab")
	side.Placed = true
	if !side.gone() || side.has() || side.Status != nil || len(f.holders("lab")) > 0 {
		t.Errorf("a host that was revoked counts as %+v", side)
	}
	if f.underlay("a") != netip.MustParseAddr("10.0.0.1") || f.apart("a", "b") {
		t.Errorf("a revoked host counts as one that cannot be reached, at %s", f.underlay("a"))
	}
	f.remember("a", "lab", &hostapi.LabStatus{ID: "lab"})
	if side := f.side("a", "lab"); side.Status != nil || !side.gone() {
		t.Errorf("what was stored of a revoked host is believed: %+v", side)
	}
}

func TestAnAddressThatChangesWakesTheLabsThere(t *testing.T) {
	f, _, touched := newTestFleet(map[string]string{"a": "10.0.0.1"})
	h := f.hosts["a"]
	h.labs["lab"] = &hostapi.LabStatus{ID: "lab"}
	f.placed = func(context.Context, string) (wanted, leaving []string, err error) {
		return []string{"coming"}, nil, nil
	}
	f.learn(t.Context(), h, hostapi.HostInfo{Underlay: netip.MustParseAddr("10.0.0.1"), CPUs: 4})
	if len(*touched) > 0 {
		t.Errorf("nothing moved, and %v are looked at", *touched)
	}
	f.learn(t.Context(), h, hostapi.HostInfo{Underlay: netip.MustParseAddr("10.0.0.9"), CPUs: 4})
	if !slices.Equal(*touched, []string{"lab", "coming"}) {
		t.Errorf("%v are looked at", *touched)
	}
	if got := f.underlay("a"); got != netip.MustParseAddr("10.0.0.9") {
		t.Errorf("its address is %s", got)
	}
}
