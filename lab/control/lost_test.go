package control_test

import (
	"testing"
	"time"

	"trunkline/lab/control"
	"trunkline/lab/host/fakehost"
)

func TestAHostIsLostAfterTheGraceAndWatchersAreTold(t *testing.T) {
	r := newRig(t)
	r.lostAfter = time.Second
	r.start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	changes, err := r.control.WatchHosts(t.Context(), admin)
	must(t, err)
	// told waits until the hosts look so to one who asks when told of a change, and only then.
	told := func(what string, ok func(control.HostView) bool) control.HostView {
		t.Helper()
		limit := time.After(time.Minute)
		for {
			d, err := r.control.Host(t.Context(), admin, "host-a")
			must(t, err)
			if ok(d.HostView) {
				return d.HostView
			}
			select {
			case <-changes:
			case <-limit:
				t.Fatalf("waited in vain for %s: %+v", what, d.HostView)
			}
		}
	}
	told("the host", func(v control.HostView) bool { return v.Connected && !v.Lost })
	start := time.Now()
	m.stop()
	if v := told("its end", func(v control.HostView) bool { return !v.Connected }); v.Lost && time.Since(start) < r.lostAfter {
		t.Error("it is lost as soon as it is away")
	}
	told("its loss", func(v control.HostView) bool { return v.Lost })
	if away := time.Since(start); away < r.lostAfter {
		t.Errorf("it is lost after %s", away)
	}
	m.start("host-a")
	told("its return", func(v control.HostView) bool { return v.Connected && !v.Lost })
}
