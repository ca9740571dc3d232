package kernel

import (
	"fmt"
	"strings"
)

const labName = "kernel"

// cables is what varies of the lab: what is written below its two cables.
type cables struct {
	near string // a1:eth1 to a2:eth1, both on kernel-a
	far  string // a1:eth2 to b1:eth1, from kernel-a to kernel-b
}

// Addresses of the lab.
const (
	a2Near = "10.0.1.2"
	b1Far  = "10.0.2.2"
)

// file is the lab: a1 and a2 on kernel-a, b1 on kernel-b, two cables, and a segment with all three.
func (c cables) file() string {
	var b strings.Builder
	b.WriteString(`name: kernel
topology:
  defaults: {kind: linux, image: trunkline/tiny}
  nodes:
    a1: {labels: {trunkline.place.host: kernel-a}}
    a2: {labels: {trunkline.place.host: kernel-a}}
    b1: {labels: {trunkline.place.host: kernel-b}}
    seg: {kind: lan}
  links:
    - {endpoints: [a1:eth3, seg:p1], ipv4: [10.0.3.1/24]}
    - {endpoints: [a2:eth3, seg:p2], ipv4: [10.0.3.2/24]}
    - {endpoints: [b1:eth3, seg:p3], ipv4: [10.0.3.3/24]}
`)
	cable := func(ends, addresses, more string) {
		fmt.Fprintf(&b, "    - endpoints: %s\n      ipv4: %s\n", ends, addresses)
		if more != "" {
			fmt.Fprintf(&b, "      %s\n", more)
		}
	}
	cable("[a1:eth1, a2:eth1]", "[10.0.1.1/24, "+a2Near+"/24]", c.near)
	cable("[a1:eth2, b1:eth1]", "[10.0.2.1/24, "+b1Far+"/24]", c.far)
	return b.String()
}
