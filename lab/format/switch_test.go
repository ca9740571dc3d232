package format_test

import (
	"errors"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/format"
)

// aSwitch is a lab of a switch with three hosts; settings go into the switch, ports into its interfaces.
func aSwitch(settings, ports string) string {
	return header + "  nodes:\n    s:\n      kind: switch\n      switch: {" + settings + "}\n      interfaces: {" + ports + "}\n" +
		"    a: {kind: linux, image: i}\n    b: {kind: linux, image: i}\n    c: {kind: linux, image: i}\n" +
		"  links:\n    - endpoints: [s:p1, a:eth1]\n    - endpoints: [s:p2, b:eth1]\n    - endpoints: [s:p3, c:eth1]\n"
}

func TestASwitchThatCannotBeIsRefusedAtItsLine(t *testing.T) {
	const settings, ports = 6, 7 // lines
	for _, c := range []struct {
		name, settings, ports string
		line                  int
		words                 string
	}{
		{"a spanning tree that is none", "stp: mstp", "", settings, "stp or rstp"},
		{"timers without a tree", "priority: 4096", "", settings, "Add stp: rstp"},
		{"a priority between the steps", "stp: rstp, priority: 5000", "", settings, "steps of 4096"},
		{"a hello of RSTP", "stp: rstp, hello: 1", "", settings, "every two seconds"},
		{"a max-age that loops", "stp: rstp, max-age: 40", "", settings, "forward-delay of 21 s"},
		{"a hello that is too slow", "stp: stp, hello: 10", "", settings, "max-age of 22 s"},
		{"a MAC age of a second", "mac-age: 1", "", settings, "15 to 3600"},
		{"a field that is none", "ageing: 5", "", settings, `no field "ageing"`},
		{"a mirror of nothing", "mirrors: [{to: p1}]", "", settings, "copies nothing"},
		{"a mirror to nowhere", "mirrors: [{ports: [p1], to: p7}]", "", settings, "no link leads there"},
		{"a mirror of its own port", "mirrors: [{ports: [p1, p3], to: p3}]", "", settings, "cannot be mirrored itself"},
		{"a mirror sideways", "mirrors: [{ports: [p1], direction: up, to: p3}]", "", settings, "in, out or both"},
		{"a controller that is not there", "openflow: {controller: d}", "", settings, `no node "d"`},
		{"a controller that is a switch", "openflow: {controller: s}", "", settings, "runs in a container"},
		{"a controller at the host itself", "openflow: {controller: \"tcp:127.0.0.1:6653\"}", "", settings, "means whoever asks"},
		{"a controller outside without a way out", "openflow: {controller: \"tcp:203.0.113.5\"}", "", settings, "kind internet"},
		{"a controller and a tree", "stp: rstp, openflow: a", "", settings, "decides where frames go"},
		{"a tree of a port without one", "", "p1: {stp: {cost: 5}}", ports, "speaks none"},
		{"an edge of STP", "stp: stp", "p1: {stp: {edge: true}}", ports, "word of RSTP"},
		{"a port priority between the steps", "stp: rstp", "p1: {stp: {priority: 5}}", ports, "steps of 16"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := format.Parse(format.Input{File: "x.clab.yml", Data: []byte(aSwitch(c.settings, c.ports))})
			var refused *fault.Error
			if !errors.As(err, &refused) {
				t.Fatalf("taken: %v", err)
			}
			if !said(refused.Details, c.line, c.words) {
				t.Errorf("want line %d to say %q, got\n%s", c.line, c.words, list(refused.Details))
			}
		})
	}
	for name, file := range map[string]string{
		"a container whose port is off": twoNodes[:len(twoNodes)-len("    b: {kind: linux, image: i}\n")] + "    b: {kind: linux, image: i, interfaces: {eth1: {down: true}}}\n  links:\n    - endpoints: [a:eth1, b:eth1]\n",
		"a flap that is always down":    twoNodes + "  links:\n    - endpoints: [a:eth1, b:eth1]\n      flap: {every: 1s, down: 1s}\n",
		"a flap of nothing":             twoNodes + "  links:\n    - endpoints: [a:eth1, b:eth1]\n      flap: {}\n",
	} {
		if _, err := format.Parse(format.Input{File: "x.clab.yml", Data: []byte(file)}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s is taken: %v", name, err)
		}
	}
}

func TestSwitchesAndFlapsReadBackEqual(t *testing.T) {
	for _, text := range []string{
		aSwitch("stp: rstp, priority: 0, max-age: 10, forward-delay: 6, mac-age: 60, mac-table: 100, mirrors: [{ports: [p1], vlans: [5], direction: both, to: p3}]",
			"p1: {access: 5, stp: {edge: true}}, p2: {native: 1, down: true, stp: {priority: 0, cost: 9}}"),
		aSwitch("openflow: {controller: \"a:6633\", fail: standalone}", ""),
		aSwitch("openflow: b", ""),
		twoNodes + "    h: {kind: hub}\n  links:\n    - endpoints: [a:eth1, h:p1]\n      flap: {every: 5s, down: 1s}\n    - endpoints: [b:eth1, h:p2]\n",
	} {
		checkRoundTrip(t, mustParse(t, text).Lab)
	}
}
