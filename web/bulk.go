package web

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/templates"
	"trunkline/tenancy"
)

// bulkPanel is what the page shows beside the map about several nodes and cables. It is sent their names in the form fields nodes and links, one a
// line: there may be too many for an address.
func (s *Server) bulkPanel(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	if s.Editing == nil || !mayOn(r.Actor, tenancy.EditLab, detail.LabView) {
		return fault.New(fault.Forbidden, "Only who may change this lab can change several of its nodes.")
	}
	var nodes []*lab.Node
	for _, name := range strings.Fields(form.Raw("nodes")) {
		if n := detail.Lab.Node(name); n != nil {
			nodes = append(nodes, n)
		}
	}
	ids := linesOf(form.Raw("links"))
	var links []*lab.Link
	for _, k := range detail.Lab.Links {
		if ids[k.ID()] {
			links = append(links, k)
		}
	}
	view := templates.Bulk{LabID: detail.ID, Nodes: len(nodes), Links: len(links)}
	if len(nodes) > 0 {
		view.NodeFields, view.Labels = bulkNodeFields(detail.Lab, nodes), bulkLabels(nodes)
	}
	if len(links) > 0 {
		view.LinkFields = bulkLinkFields(links)
	}
	return r.Fragment(http.StatusOK, view)
}

// linesOf are the lines of a text that say something.
func linesOf(text string) map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			set[line] = true
		}
	}
	return set
}

// common is what all things have; mixed when they differ.
func common[T any](things []T, of func(T) string) (value string, mixed bool) {
	for i, t := range things {
		if v := of(t); i == 0 {
			value = v
		} else if v != value {
			return "", true
		}
	}
	return value, false
}

// bulkField is one field of all things.
func bulkField[T any](things []T, name, label, kind, hint string, of func(T) string) templates.BulkField {
	f := templates.BulkField{Name: name, Label: label, Type: kind, Hint: hint}
	f.Value, f.Mixed = common(things, of)
	return f
}

// bulkNodeFields are the fields that all nodes can have; those of containers only where all are some.
func bulkNodeFields(l *lab.Lab, nodes []*lab.Node) []templates.BulkField {
	kind := bulkField(nodes, "kind", "Kind", "choice", "", func(n *lab.Node) string { return string(n.Kind) })
	for _, k := range lab.Kinds {
		kind.Choices = append(kind.Choices, templates.Choice{Value: string(k), Word: kindWord(k), Chosen: !kind.Mixed && kind.Value == string(k)})
	}
	fields := []templates.BulkField{kind}
	if !slices.ContainsFunc(nodes, func(n *lab.Node) bool { return !n.Kind.IsContainer() }) {
		fields = append(fields,
			bulkField(nodes, "image", "Image", "text", "the kind's own", func(n *lab.Node) string { return n.Image }),
			bulkField(nodes, "cpu", "Cores", "number", "the site's default", func(n *lab.Node) string {
				if n.CPU == 0 {
					return ""
				}
				return strconv.FormatFloat(n.CPU, 'f', -1, 64)
			}),
			bulkField(nodes, "memory", "Memory", "text", "256MiB", func(n *lab.Node) string {
				if n.MemoryBytes == 0 {
					return ""
				}
				return strings.ReplaceAll(templates.Bytes(n.MemoryBytes), " ", "")
			}),
			bulkField(nodes, "egress", "Way out", "bool", "by NAT, on egress0", func(n *lab.Node) string { return strconv.FormatBool(n.Egress) }))
	}
	if _, groups := drawingOf(l); len(groups) > 0 {
		frame := bulkField(nodes, "group", "Group", "choice", "", func(n *lab.Node) string { return n.Labels[lab.GroupLabel] })
		frame.Choices = append(frame.Choices, templates.Choice{Word: "none", Chosen: !frame.Mixed && frame.Value == ""})
		for _, g := range groups {
			word := g.Label
			if word == "" {
				word = g.ID
			}
			frame.Choices = append(frame.Choices, templates.Choice{Value: g.ID, Word: word, Chosen: !frame.Mixed && frame.Value == g.ID})
		}
		fields = append(fields, frame)
	}
	return fields
}

// bulkLabels are the labels that any of the nodes has, without those of the drawing.
func bulkLabels(nodes []*lab.Node) []templates.BulkField {
	keys := map[string]bool{}
	for _, n := range nodes {
		for key := range n.Labels {
			if !strings.HasPrefix(key, "graph-") {
				keys[key] = true
			}
		}
	}
	var fields []templates.BulkField
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		fields = append(fields, bulkField(nodes, "label."+key, key, "text", "none", func(n *lab.Node) string { return n.Labels[key] }))
	}
	return fields
}

// bulkLinkFields are the fields of cables. A value that is not the same in both directions is mixed.
func bulkLinkFields(links []*lab.Link) []templates.BulkField {
	fields := []templates.BulkField{
		bulkField(links, "mtu", "MTU", "number", "1500", func(k *lab.Link) string {
			if k.MTU == 0 {
				return ""
			}
			return strconv.Itoa(k.MTU)
		}),
		bulkField(links, "cut", "Cut", "bool", "no carrier at either end", func(k *lab.Link) string { return strconv.FormatBool(k.Cut) }),
	}
	ways := make([]map[string]string, 0, 2*len(links))
	for _, k := range links {
		ways = append(ways, k.AtoB.Texts(), k.BtoA.Texts())
	}
	for _, row := range impairRows {
		fields = append(fields, bulkField(ways, row.Name, row.Word, "text", row.Hint, func(texts map[string]string) string { return texts[row.Name] }))
	}
	return fields
}
