package web

import (
	"encoding/json"
	"strconv"
	"strings"

	"trunkline/lab"
	"trunkline/templates"
)

// designFields are the fields of a node that people change most, with what the file says now. Everything else is in the text.
func designFields(n *lab.Node) []templates.DesignField {
	field := func(label, kind, value, hint string, path ...string) templates.DesignField {
		return templates.DesignField{Label: label, Hint: hint, Path: pathText(path), Type: kind, Value: value}
	}
	fields := []templates.DesignField{field("Name", "name", n.Name, "")}
	if n.Kind.IsContainer() {
		cpu, memory := "", ""
		if n.CPU > 0 {
			cpu = strconv.FormatFloat(n.CPU, 'f', -1, 64)
		}
		if n.MemoryBytes > 0 {
			memory = strings.ReplaceAll(templates.Bytes(n.MemoryBytes), " ", "")
		}
		fields = append(fields,
			field("Image", "text", n.Image, n.Kind.DefaultImage(), "image"),
			field("Cores", "number", cpu, "the site's default", "cpu"),
			field("Memory", "text", memory, "256MiB", "memory"),
			field("Way out", "bool", strconv.FormatBool(n.Egress), "by NAT, on egress0", "egress"))
	}
	if n.Kind == lab.Switch {
		stp := ""
		if n.Switch != nil {
			stp = n.Switch.STP
		}
		one := field("Spanning tree", "choice", stp, "", "switch", "stp")
		one.Choices = []string{"", "stp", "rstp"}
		fields = append(fields, one)
	}
	return fields
}

func pathText(path []string) string {
	text, _ := json.Marshal(path) // texts are always written
	return string(text)
}

// addWritten fills in where each interface's settings are written: VLANs of a port in the node, addresses where they stand already, else in
// the cable.
func addWritten(l *lab.Lab, n *lab.Node, interfaces []templates.NodeInterface) {
	for i := range interfaces {
		one := &interfaces[i]
		settings := n.Interface(one.Name)
		one.Port = n.Kind == lab.Switch
		if settings.Access > 0 {
			one.Access = strconv.Itoa(settings.Access)
		}
		one.Trunk = numbers(settings.Trunk)
		for _, p := range settings.Addresses {
			one.Written = append(one.Written, p.String())
		}
		if len(one.Written) > 0 || one.Name == "lo" {
			continue
		}
		for _, k := range l.LinksOf(n.Name) {
			for side, e := range map[string]lab.Endpoint{"a": k.A, "b": k.B} {
				if e.Node == n.Name && e.Interface == one.Name && k.B.Node != "" {
					one.Link, one.LinkEnd = k.ID(), side
					for _, p := range e.Addresses {
						one.Written = append(one.Written, p.String())
					}
				}
			}
		}
	}
}

// numbers are VLANs as people write them.
func numbers(list []int) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = strconv.Itoa(v)
	}
	return strings.Join(texts, ", ")
}
