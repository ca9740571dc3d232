package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// findMoved pairs a link that is gone with one that is new where they share an end, and the other end of neither had to go: a cable of
// which one end was plugged in elsewhere.
func (d *differ) findMoved(before, after map[string]*Link) {
	d.moved, d.left = map[string]*Link{}, map[string]bool{}
	gone := map[string]*Link{} // by each of its ends
	for _, k := range d.from.Links {
		if after[k.ID()] == nil && k.Type == VEth {
			gone[k.A.String()], gone[k.B.String()] = k, k
		}
	}
	for _, k := range d.to.Links {
		if before[k.ID()] != nil || k.Type != VEth {
			continue
		}
		for _, end := range []Endpoint{k.A, k.B} {
			old := gone[end.String()]
			if old == nil || d.left[old.ID()] || d.moved[k.ID()] != nil || d.recreated[end.Node] || d.before[end.Node] == nil {
				continue
			}
			if _, from, _ := ends(old, k); d.after[from.Node] == nil || d.recreated[from.Node] {
				continue
			}
			d.moved[k.ID()], d.left[old.ID()] = old, true
		}
	}
}

// move says that an end of a link goes elsewhere, and what else changes with it.
func (d *differ) move(old, now *Link) {
	stays, from, to := ends(old, now)
	words := []string{fmt.Sprintf("link %s moves from %s to %s", stays, from, to)}
	same := *old
	same.A, same.B = now.A, now.B
	same.A.Addresses, same.A.MAC = oldEnd(old, now.A, from, to)
	same.B.Addresses, same.B.MAC = oldEnd(old, now.B, from, to)
	if changed := linkChanges(&same, now); len(changed) > 0 {
		words = append(words, changedWords(changed))
	}
	var untouched []string
	for _, node := range []string{stays.Node, from.Node, to.Node} {
		if d.after[node] != nil && d.before[node] != nil && !d.recreated[node] && !slices.Contains(untouched, node) {
			untouched = append(untouched, node)
		}
	}
	if len(untouched) > 0 {
		words = append(words, strings.Join(untouched, ", ")+" run on")
	}
	d.add(Move, "link "+now.ID(), "%s", strings.Join(words, "; "))
}

// ends are the end that stays, and where the other one was and is.
func ends(old, now *Link) (stays, from, to Endpoint) {
	for i, a := range []Endpoint{old.A, old.B} {
		for j, b := range []Endpoint{now.A, now.B} {
			if a.String() == b.String() {
				return b, []Endpoint{old.B, old.A}[i], []Endpoint{now.B, now.A}[j]
			}
		}
	}
	return now.A, old.B, now.B
}

// oldEnd is what an end of the new link was set to before.
func oldEnd(old *Link, end, from, to Endpoint) (addresses []netip.Prefix, mac string) {
	name := end.String()
	if name == to.String() {
		name = from.String()
	}
	for _, e := range []Endpoint{old.A, old.B} {
		if e.String() == name {
			return e.Addresses, e.MAC
		}
	}
	return nil, ""
}
