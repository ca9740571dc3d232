package control

import (
	"net/netip"
	"testing"

	"trunkline/lab/hostapi"
)

func TestAnOutdatedAgentTakesNoPartInLabsOnSeveralHosts(t *testing.T) {
	for name, c := range map[string]struct {
		protocol, underlay string
		alone              string
	}{
		"an agent that names no version": {"", "", "has an agent of an earlier release"},
		"an agent of version 1.0":        {"1.0", "", "has an agent of an earlier release"},
		"one without an address":         {hostapi.Version, "", "has no underlay address"},
		"one that has everything":        {hostapi.Version, "192.0.2.1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			now := hostNow{connected: true, known: true, info: hostapi.HostInfo{Protocol: c.protocol, DockerVersion: "x", OVSVersion: "x"}}
			if c.underlay != "" {
				now.info.Underlay = netip.MustParseAddr(c.underlay)
			}
			if h := candidate(HostRecord{ID: "h"}, now, Given{}, "t"); h.Alone != c.alone {
				t.Errorf("it takes no part because it %q", h.Alone)
			}
			if outdated := c.protocol != hostapi.Version; isOutdated(now.info) != outdated {
				t.Errorf("it is said to be outdated: %t", !outdated)
			}
		})
	}
}
