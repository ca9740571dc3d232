package lab

import (
	"fmt"
	"net/netip"
	"strings"

	"trunkline/internal/fault"
)

// Limits of names. A node's name is also a DNS label and a host name (63), the lab's part of file names.
const (
	MaxLabName       = 63
	MaxNodeName      = 63
	MaxInterfaceName = 15 // Linux: IFNAMSIZ less its end
)

// reservedNames are the words that stand in the place of a node in a link.
var reservedNames = []string{"host", "mgmt-net", "macvlan", "vxlan", "vxlan-stitch", "dummy"}

// checkName says what is wrong with a lab's or node's name, "" if nothing: letters, digits, and inside also _ . -
func checkName(name string, limit int) string {
	if len(name) > limit {
		return fmt.Sprintf("is longer than %d characters", limit)
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("_.-", rune(c)) {
			return "may hold letters, digits, dots, dashes and underscores only"
		}
		if !letter && (i == 0 || i == len(name)-1) {
			return "should begin and end with a letter or digit"
		}
	}
	switch {
	case name == "":
		return "is empty"
	case strings.Contains(name, "__clab"):
		return "holds __clab, which stands for something else in a lab file"
	}
	return ""
}

// CheckInterfaceName returns an Invalid error for a name that Linux would not give an interface: more than 15
// characters, blanks, slashes, colons, or "." and "..".
func CheckInterfaceName(name string) error {
	switch {
	case name == "":
		return fault.New(fault.Invalid, "The interface has no name.")
	case len(name) > MaxInterfaceName:
		return fault.New(fault.Invalid, "The interface name %q is longer than %d characters.", name, MaxInterfaceName)
	case name == "." || name == "..":
		return fault.New(fault.Invalid, "The interface name %q is not allowed.", name)
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("/:%{}\"'\\", c) >= 0 {
			return fault.New(fault.Invalid, "The interface name %q holds a character that Linux does not take.", name)
		}
	}
	return nil
}

// hostsIn is the number of addresses of an IPv4 subnet that nodes may have, capped at 65534.
func hostsIn(p netip.Prefix) int {
	bits := 32 - p.Bits()
	if bits > 16 {
		return 65534
	}
	return max(1<<bits-2, 0)
}
