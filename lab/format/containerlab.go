package format

import (
	"bytes"
	"fmt"
	"maps"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// standIns are the kinds and images that containerlab has for kinds it does not know.
var standIns = map[lab.Kind]struct{ kind, image, note string }{
	lab.Linux:    {kind: "linux", image: lab.Linux.DefaultImage()},
	lab.Router:   {kind: "linux", image: lab.Router.DefaultImage()},
	lab.DHCP:     {kind: "linux", image: lab.DHCP.DefaultImage()},
	lab.DNS:      {kind: "linux", image: lab.DNS.DefaultImage()},
	lab.Switch:   {kind: "ovs-bridge", note: "a bridge of that name has to be on the machine before containerlab deploys; its VLANs and spanning tree are not set there"},
	lab.LAN:      {kind: "bridge", note: "a bridge of that name has to be on the machine before containerlab deploys"},
	lab.External: {kind: "bridge", note: "a bridge of that name, joined to the network outside, has to be on the machine before containerlab deploys"},
	lab.Internet: {kind: "linux", image: lab.Linux.DefaultImage(), note: "a plain node stands in for the way out"},
}

// Containerlab writes a lab as a file for containerlab, with nothing in it that containerlab does not know: what is ours travels in labels,
// which it ignores, and Parse reads the lab back equal. The notes say what will be otherwise there. A lab that is not valid is Invalid.
func Containerlab(l *lab.Lab) (text []byte, notes []fault.Place, err error) {
	impaired := 0
	text, err = write(l,
		func(n *lab.Node) *yaml.Node {
			if note := standIns[n.Kind].note; note != "" {
				notes = append(notes, fault.Place{Field: "topology.nodes." + n.Name, Sentence: fmt.Sprintf("Node %s is of kind %s: %s.", n.Name, n.Kind, note)})
			}
			if n.Routing != nil {
				notes = append(notes, fault.Place{Field: "topology.nodes." + n.Name, Sentence: fmt.Sprintf("The routing of node %s is kept, and not configured by containerlab.", n.Name)})
			}
			return containerlabNode(n)
		},
		func(k *lab.Link) *yaml.Node {
			if !k.AtoB.IsZero() || !k.BtoA.IsZero() || k.Cut {
				impaired++
			}
			return containerlabLink(k)
		},
		func(topology mapping) { exportOwnVars(topology, l.Drawing, l.Addressing) })
	if impaired > 0 {
		notes = append(notes, fault.Place{Field: "topology.links", Sentence: fmt.Sprintf("%s impaired or cut: that is kept, and not made by containerlab; its command tools netem sets delay and loss.", count(impaired, "link"))})
	}
	return text, notes, err
}

func containerlabNode(n *lab.Node) *yaml.Node {
	own := newMapping()
	in := standIns[n.Kind]
	plainNode := *n
	plainNode.Kind = lab.Kind(in.kind)
	if in.kind != string(n.Kind) {
		own.text("kind", string(n.Kind))
	}
	if in.image != "" && n.Image == "" {
		plainNode.Image = in.image
		own.add("image", plain("null"))
	}
	exportOwn(own, n)
	withoutOwn(&plainNode)
	plainNode.Labels = carry(n.Labels, own)
	return exportNode(&plainNode)
}

// withoutOwn takes away what exportOwn writes.
func withoutOwn(n *lab.Node) {
	n.Interfaces, n.Routing, n.Egress, n.Switch, n.Internet, n.External = nil, nil, false, nil, nil, nil
}

func containerlabLink(k *lab.Link) *yaml.Node {
	own := newMapping()
	exportImpairments(own, k)
	own.flag("cut", k.Cut)
	plainLink := *k
	plainLink.AtoB, plainLink.BtoA, plainLink.Cut = lab.Impairment{}, lab.Impairment{}, false
	plainLink.Labels = carry(k.Labels, own)
	return exportLink(&plainLink)
}

// carry adds the label that holds our fields, if there are any.
func carry(labels map[string]string, own mapping) map[string]string {
	if len(own.node.Content) == 0 {
		return labels
	}
	inOneLine(own.node)
	text, err := yaml.Marshal(own.node)
	if err != nil {
		return labels // a tree of mappings, lists and texts is always written
	}
	all := maps.Clone(labels)
	if all == nil {
		all = map[string]string{}
	}
	all[carriedLabel] = string(bytes.TrimSpace(text))
	return all
}

func inOneLine(n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode, yaml.SequenceNode:
		n.Style = yaml.FlowStyle
	case yaml.ScalarNode:
		if n.Style == yaml.LiteralStyle || n.Style == yaml.FoldedStyle {
			n.Style = yaml.DoubleQuotedStyle
		}
	}
	for _, c := range n.Content {
		inOneLine(c)
	}
}
