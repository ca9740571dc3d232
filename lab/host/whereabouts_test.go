package host

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"
)

func TestAnAddressIsForgottenOnlyAfterAWhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "underlay.json")
	here, there, none := place{netip.MustParseAddr("10.0.0.1"), 1500}, place{netip.MustParseAddr("10.0.0.9"), 1450}, place{}
	w, err := newWhereabouts(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		now  place
		sure bool
		at   time.Duration
		want place
	}{
		{"at first there is none", none, true, 0, none},
		{"then there is one", here, true, 0, here},
		{"the switch is down", none, false, time.Second, here},
		{"for an hour", none, false, time.Hour, here},
		{"it is up again and has no port yet", none, true, time.Hour, here},
		{"half a minute later as well", none, true, time.Hour + 30*time.Second, here},
		{"it is back", here, true, time.Hour + 40*time.Second, here},
		{"and away", none, true, 2 * time.Hour, here},
		{"for good", none, true, 2*time.Hour + whereaboutsGrace, none},
		{"the host has moved", there, true, 3 * time.Hour, there},
	} {
		if got, err := w.settle(c.now, c.sure, noon.Add(c.at)); err != nil || got != c.want {
			t.Errorf("%s: tells %+v, %v; want %+v", c.what, got, err, c.want)
		}
	}
	again, err := newWhereabouts(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.settle(none, false, noon); err != nil || got != there {
		t.Errorf("an agent that starts while the switch is down tells %+v, %v", got, err)
	}
}
