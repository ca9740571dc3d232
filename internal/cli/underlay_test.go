package cli

import (
	"net/netip"
	"testing"
)

func TestTheUnderlayIsAnAddressThatOtherHostsCanReach(t *testing.T) {
	for text, want := range map[string]netip.Addr{
		"":                 {},
		"192.0.2.7":        netip.MustParseAddr("192.0.2.7"),
		"2001:db8::7":      netip.MustParseAddr("2001:db8::7"),
		"::ffff:192.0.2.7": netip.MustParseAddr("192.0.2.7"),
	} {
		s := HostSettings{Underlay: text}
		if got, err := s.UnderlayAddress(); err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"eth0", "192.0.2.0/24", "127.0.0.1", "::1", "0.0.0.0", "224.0.0.1", "fe80::1%eth0"} {
		s := HostSettings{Underlay: text}
		if got, err := s.UnderlayAddress(); report("trunkline", err) != Usage {
			t.Errorf("%q was taken as %v, %v", text, got, err)
		}
	}
}
