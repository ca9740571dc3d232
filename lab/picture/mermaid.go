package picture

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"trunkline/lab"
)

// Mermaid writes the lab as a Mermaid flowchart: https://mermaid.js.org/syntax/flowchart.html. Nodes get names of our own making, so no name
// of a lab can mean something to Mermaid.
func Mermaid(l *lab.Lab, names Names) string {
	var b strings.Builder
	b.WriteString("---\ntitle: " + mermaidTitle(l.Name) + "\n---\nflowchart LR\n")
	ids := map[string]string{}
	for i, n := range l.Nodes {
		ids[n.Name] = fmt.Sprintf("n%d", i)
		open, shut := mermaidShape(n.Kind)
		fmt.Fprintf(&b, "  %s%s%s%s\n", ids[n.Name], open, mermaidText(n.Name), shut)
	}
	for _, k := range l.Links {
		from, to := ids[k.A.Node], ids[k.B.Node]
		if from == "" || to == "" {
			continue
		}
		near, far := ends(l, k, names)
		var label []string
		for _, part := range []string{near, impairment(k), far} {
			if part != "" {
				label = append(label, part)
			}
		}
		line := "---"
		if k.Cut {
			line = "-.-"
		}
		if len(label) > 0 {
			line += "|" + mermaidText(strings.Join(label, " – ")) + "|"
		}
		fmt.Fprintf(&b, "  %s %s %s\n", from, line, to)
	}
	return b.String()
}

// mermaidShape is the pair of brackets of a kind: routers round, segments flat, ways out clouds or as near as it has.
func mermaidShape(k lab.Kind) (open, shut string) {
	switch k {
	case lab.Router:
		return "((", "))"
	case lab.LAN:
		return "([", "])"
	case lab.Internet, lab.External:
		return "{{", "}}"
	case lab.DHCP, lab.DNS:
		return "[(", ")]"
	case lab.Linux:
		return "(", ")"
	}
	return "[", "]"
}

// mermaidText is text between quotes, with Mermaid's entities for what would end it or be read as Markdown or HTML.
func mermaidText(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	return `"` + strings.NewReplacer(`"`, "#quot;", "#", "#35;", "&", "#amp;", "<", "#lt;", ">", "#gt;", "`", "#96;").Replace(s) + `"`
}

// mermaidTitle is a text of YAML between quotes, which is one of JSON.
func mermaidTitle(s string) string {
	text, _ := json.Marshal(s) // texts are always written
	return string(text)
}
