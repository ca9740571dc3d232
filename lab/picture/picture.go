// Package picture draws a lab for a page that is not ours: as SVG, which stands by itself, and as Mermaid, which many wikis draw.
//
// It knows a lab, where its nodes are drawn, and the two forms. It refuses to know layouts, browsers and files: places and glyphs come with
// the call. Equal input gives equal output.
package picture

import (
	"fmt"
	"net/netip"
	"strings"

	"trunkline/lab"
)

// Point is a place in drawing units; y grows downwards.
type Point struct{ X, Y float64 }

// Names says what is written beside the nodes.
type Names struct {
	Interfaces bool // at each end of a cable
	Addresses  bool // under them
}

// ends are what stands at the two ends of a cable.
func ends(l *lab.Lab, k *lab.Link, names Names) (a, b string) {
	return end(l, k.A, names), end(l, k.B, names)
}

func end(l *lab.Lab, e lab.Endpoint, names Names) string {
	var parts []string
	if names.Interfaces {
		parts = append(parts, e.Interface)
	}
	if names.Addresses {
		for _, p := range addresses(l, e) {
			parts = append(parts, p.String())
		}
	}
	return strings.Join(parts, " ")
}

func addresses(l *lab.Lab, e lab.Endpoint) []netip.Prefix {
	list := append([]netip.Prefix(nil), e.Addresses...)
	if n := l.Node(e.Node); n != nil {
		list = append(list, n.Interface(e.Interface).Addresses...)
	}
	return list
}

// impairment says in a few words what a cable does to frames, "" for a perfect one.
func impairment(k *lab.Link) string {
	if k.Cut {
		return "cut"
	}
	i := k.AtoB
	if i.IsZero() {
		i = k.BtoA
	}
	var parts []string
	if i.Delay > 0 {
		parts = append(parts, i.Delay.String())
	}
	if i.RateBits > 0 {
		parts = append(parts, rate(i.RateBits))
	}
	if i.Loss > 0 {
		parts = append(parts, fmt.Sprintf("%g%% loss", i.Loss))
	}
	return strings.Join(parts, ", ")
}

func rate(bits int64) string {
	for _, u := range []struct {
		unit   string
		factor int64
	}{{"Gbit/s", 1e9}, {"Mbit/s", 1e6}, {"kbit/s", 1e3}} {
		if bits >= u.factor {
			return fmt.Sprintf("%g %s", float64(bits)/float64(u.factor), u.unit)
		}
	}
	return fmt.Sprintf("%d bit/s", bits)
}
