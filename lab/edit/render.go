package edit

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// renderer writes values as YAML.
type renderer struct {
	step   int
	dashed int // columns by which a list is indented under its key
	nl     string
	bare   bool // the file does not end with a line end, so a block may not need one
}

// sexagesimal is what YAML 1.1 takes for a number of base 60: a MAC address, or ports.
var sexagesimal = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(:[0-9]+)+(\.[0-9_]*)?$`)

var oldBooleans = []string{"yes", "no", "on", "off", "y", "n"}

// scalar writes text so that every YAML reader takes it for text. style is that of the value it replaces.
func scalar(s string, flow bool, style yaml.Style) string {
	switch {
	case style&yaml.DoubleQuotedStyle != 0:
		return doubleQuoted(s)
	case style&yaml.SingleQuotedStyle != 0 && printable(s):
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	case plainSafe(s, flow):
		return s
	}
	return doubleQuoted(s)
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xFEFF
	})
}

func plainSafe(s string, flow bool) bool {
	if s == "" || !printable(s) || strings.TrimSpace(s) != s || strings.ContainsAny(s[:1], "-?:,[]{}#&*!|>'\"%@`<=") {
		return false
	}
	if strings.Contains(s, ": ") || strings.Contains(s, " #") || strings.HasSuffix(s, ":") {
		return false
	}
	if flow && strings.ContainsAny(s, ",[]{}") {
		return false
	}
	if sexagesimal.MatchString(s) || slices.Contains(oldBooleans, strings.ToLower(s)) {
		return false
	}
	return (&yaml.Node{Kind: yaml.ScalarNode, Value: s}).ShortTag() == "!!str"
}

func doubleQuoted(s string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(s) != nil {
		return `""`
	}
	quoted := strings.TrimSpace(b.String())
	return strings.NewReplacer("\x7f", `\x7F`, "\u0085", `\N`, "\uFEFF", `\uFEFF`).Replace(quoted)
}

// inline writes a value for a place between brackets, or on the rest of a line.
func inline(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case plain:
		return string(v)
	case string:
		return scalar(v, true, 0)
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = inline(item)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case pairs:
		parts := make([]string, len(v))
		for i, p := range v {
			parts[i] = scalar(p.key, true, 0) + ": " + inline(p.value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return "null"
}

// flowFields are mappings that people write on one line, blockFields lists that they write a line each.
var (
	flowFields  = []string{"impair", "a-to-b", "b-to-a", "switch", "internet", "external", "areas"}
	blockFields = []string{"exec", "binds", "env-files", "ports", "entrypoint"}
)

// onOneLine says whether a value is written on the line of its key.
func onOneLine(outer, key string, v any) bool {
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			return true
		}
		return !slices.Contains(blockFields, key) && allScalars(v) && len(inline(v)) <= 80
	case pairs:
		if len(v) == 0 {
			return true
		}
		if !slices.Contains(flowFields, key) && outer != "interfaces" && outer != "notes" && outer != "drawn-groups" {
			return false
		}
		for _, p := range v {
			if !onOneLine(key, p.key, p.value) {
				return false
			}
		}
		return len(inline(v)) <= 110
	case string:
		return !strings.Contains(v, "\n")
	}
	return true
}

func allScalars(list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool {
		switch v.(type) {
		case []any, pairs:
			return true
		}
		return false
	})
}

// entry writes "key: value" with its lines; indent is the column of the key. There is no line end after it.
func (r renderer) entry(outer, key string, v any, indent int) string {
	return scalar(key, false, 0) + ":" + r.after(outer, key, v, indent)
}

// after writes what follows "key:".
func (r renderer) after(outer, key string, v any, indent int) string {
	if v == nil {
		return ""
	}
	if s, ok := v.(string); ok {
		if !strings.Contains(s, "\n") {
			return " " + scalar(s, false, 0)
		}
		return " " + r.literal(s, indent)
	}
	if onOneLine(outer, key, v) {
		return " " + inline(v)
	}
	switch v := v.(type) {
	case pairs:
		return r.nl + r.mapping(key, v, indent+r.step)
	case []any:
		return r.nl + r.list(key, v, indent+r.dashed)
	}
	return " " + inline(v)
}

// mapping writes the entries of a block mapping, each on its line.
func (r renderer) mapping(key string, m pairs, indent int) string {
	lines := make([]string, len(m))
	for i, p := range m {
		lines[i] = strings.Repeat(" ", indent) + r.entry(key, p.key, p.value, indent)
	}
	return strings.Join(lines, r.nl)
}

func (r renderer) list(key string, list []any, indent int) string {
	lines := make([]string, len(list))
	for i, item := range list {
		lines[i] = strings.Repeat(" ", indent) + r.item(key, item, indent)
	}
	return strings.Join(lines, r.nl)
}

// item writes "- value"; indent is the column of the dash.
func (r renderer) item(key string, v any, indent int) string {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, "\n") {
			return "- " + r.literal(v, indent)
		}
		return "- " + scalar(v, false, 0)
	case pairs:
		if len(v) == 0 || key != "links" && key != "endpoints" && allFlat(v) && len(inline(v)) <= 110 {
			return "- " + inline(v)
		}
		if key == "endpoints" {
			return "- " + inline(v)
		}
		return "- " + strings.TrimLeft(r.mapping(key, v, indent+2), " ")
	}
	return "- " + inline(v)
}

func allFlat(m pairs) bool {
	for _, p := range m {
		switch v := p.value.(type) {
		case pairs:
			return false
		case []any:
			if !allScalars(v) {
				return false
			}
		case string:
			if strings.Contains(v, "\n") {
				return false
			}
		}
	}
	return true
}

// literal writes text of several lines as a literal block, or quoted where that cannot say it. indent is the column of its key.
func (r renderer) literal(s string, indent int) string {
	body := strings.TrimRight(s, "\n")
	if body == "" || strings.ContainsAny(s, "\r\t") || strings.HasPrefix(s, " ") || strings.HasPrefix(s, "\n") || !printable(strings.ReplaceAll(s, "\n", "")) {
		return doubleQuoted(s)
	}
	header := "|"
	switch len(s) - len(body) {
	case 0:
		header = "|-"
	case 1:
		if r.bare {
			return doubleQuoted(s)
		}
	default:
		return doubleQuoted(s)
	}
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		if strings.TrimRight(line, " ") != "" {
			lines[i] = strings.Repeat(" ", indent+r.step) + line
		} else if line != "" {
			return doubleQuoted(s)
		}
	}
	return header + r.nl + strings.Join(lines, r.nl)
}
