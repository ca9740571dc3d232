package web

import (
	"slices"

	"trunkline/lab"
	"trunkline/templates"
)

// paletteKinds are the kinds that people can draw, in the order of the palette.
func paletteKinds() []templates.KindEntry {
	var list []templates.KindEntry
	for _, k := range lab.Kinds {
		list = append(list, templates.KindEntry{Kind: string(k), Word: kindWord(k)})
	}
	return list
}

// designOf is what the file says of a node.
func designOf(n *lab.Node, ports []mapPort) *mapDesign {
	d := &mapDesign{Image: n.Image, Group: n.Labels[lab.GroupLabel], Color: n.Labels[lab.ColorLabel], Icon: n.Labels[lab.IconLabel], Level: n.Labels[lab.LevelLabel], Ports: ports}
	if d.Ports == nil {
		d.Ports = []mapPort{}
	}
	return d
}

// portsOf are the interfaces of each node: those of its cables in the order of the file, then others that it has settings for.
func portsOf(l *lab.Lab) map[string][]mapPort {
	all := map[string][]mapPort{}
	add := func(e lab.Endpoint, cabled bool) {
		if e.Node == "" || slices.ContainsFunc(all[e.Node], func(p mapPort) bool { return p.Name == e.Interface }) {
			return
		}
		all[e.Node] = append(all[e.Node], mapPort{Name: e.Interface, Addresses: addressesOf(l, e), Cabled: cabled})
	}
	for _, k := range l.Links {
		add(k.A, true)
		add(k.B, true)
	}
	for _, n := range l.Nodes {
		for _, i := range n.Interfaces {
			add(lab.Endpoint{Node: n.Name, Interface: i.Name}, false)
		}
	}
	return all
}
