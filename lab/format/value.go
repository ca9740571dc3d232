package format

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// value is one place of the file, with the field path it is known by. Its readers complain and return false.
type value struct {
	r    *report
	n    *yaml.Node
	path string
	at   position // where people look for it: a scalar itself, the key of anything larger
}

func (r *report) value(n *yaml.Node, path string) value {
	v := value{r, n, path, position{n.Line, n.Column}}
	r.at[path] = v.at
	return v
}

// as is the same value under the path it has in a node that inherits it.
func (v value) as(path string) value {
	v.path = path
	v.r.at[path] = v.at
	return v
}

func (v value) refuse(format string, args ...any) {
	v.r.add(&v.r.refused, v.r.placeAt(v.at, v.path, fmt.Sprintf(format, args...)))
}

// isSet is false for a missing or empty value: "field:" alone says nothing.
func (v value) isSet() bool { return v.n != nil && !isNull(v.n) }

// field is one entry of a mapping.
type field struct {
	key   string
	keyAt *yaml.Node
	value
}

// fields lists a mapping's entries in the order of the file; nothing for null.
func (v value) fields() []field {
	if !v.isSet() {
		return nil
	}
	if v.n.Kind != yaml.MappingNode {
		v.refuse("%s should be a mapping (key: value lines), not %s.", v.name(), v.shape())
		return nil
	}
	list := make([]field, 0, len(v.n.Content)/2)
	for i := 0; i+1 < len(v.n.Content); i += 2 {
		key := v.n.Content[i]
		child := v.r.value(v.n.Content[i+1], join(v.path, key.Value))
		if child.n.Kind != yaml.ScalarNode || isNull(child.n) {
			child.at = position{key.Line, key.Column}
			v.r.at[child.path] = child.at
		}
		list = append(list, field{key.Value, key, child})
	}
	return list
}

// known lists the entries whose keys are allowed and refuses the others by name.
func (v value) known(allowed ...string) map[string]value {
	got := map[string]value{}
	for _, f := range v.fields() {
		if !contains(allowed, f.key) {
			v.r.refuseAt(f.keyAt, f.path, "%s has no field %s.%s", v.name(), quote(f.key), v.r.near(f.key, allowed))
			continue
		}
		if f.isSet() {
			got[f.key] = f.value
		}
	}
	return got
}

// items lists a sequence; a single scalar stands for a list of one.
func (v value) items() []value {
	if !v.isSet() {
		return nil
	}
	switch v.n.Kind {
	case yaml.ScalarNode:
		return []value{v}
	case yaml.SequenceNode:
		list := make([]value, len(v.n.Content))
		for i, n := range v.n.Content {
			list[i] = v.r.value(n, v.path+"["+strconv.Itoa(i)+"]")
		}
		return list
	}
	v.refuse("%s should be a list (- item lines), not %s.", v.name(), v.shape())
	return nil
}

// text reads a scalar; a template action in it is refused, unless it is the one that stands for two braces.
func (v value) text() (string, bool) {
	s, ok := v.rawText()
	if !ok {
		return "", false
	}
	if s, ok = unescapeBraces(s); !ok {
		v.refuse("%s", templateSentence+bracesHint)
	}
	return s, ok
}

func (v value) rawText() (string, bool) {
	if v.n.Kind != yaml.ScalarNode {
		v.refuse("%s should be text, not %s.", v.name(), v.shape())
		return "", false
	}
	if isNull(v.n) {
		return "", true
	}
	if i := strings.IndexFunc(v.n.Value, isForbidden); i >= 0 {
		v.refuse("%s holds a character that cannot be printed. Take it out.", v.name())
		return "", false
	}
	return v.n.Value, true
}

// isForbidden finds control characters other than tab and line ends.
func isForbidden(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f }

func (v value) texts() []string {
	var list []string
	for _, item := range v.items() {
		if s, ok := item.text(); ok {
			list = append(list, s)
		}
	}
	return list
}

func (v value) whole(low, high int) (int, bool) {
	s, ok := v.text()
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		v.refuse("%s should be a whole number from %d to %d, not %s.", v.name(), low, high, quote(s))
		return 0, false
	}
	return n, true
}

func (v value) number() (float64, bool) {
	s, ok := v.text()
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		v.refuse("%s should be a number, not %s.", v.name(), quote(s))
		return 0, false
	}
	return n, true
}

func (v value) boolean() (answer, ok bool) {
	s, ok := v.text()
	if !ok {
		return false, false
	}
	switch strings.ToLower(s) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	v.refuse("%s should be true or false, not %s.", v.name(), quote(s))
	return false, false
}

// seconds reads containerlab's whole seconds, or a duration with its unit.
func (v value) seconds() (time.Duration, bool) {
	s, ok := v.text()
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err == nil {
		return time.Duration(n) * time.Second, true
	}
	return v.duration()
}

func (v value) duration() (time.Duration, bool) {
	s, ok := v.text()
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(strings.ReplaceAll(s, " ", ""))
	if err != nil || d < 0 {
		v.refuse("%s should be a time with its unit, such as 20ms or 5s, not %s.", v.name(), quote(s))
		return 0, false
	}
	return d, true
}

func (v value) address() (netip.Addr, bool) {
	s, ok := v.text()
	if !ok {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		v.refuse("%s should be an IP address, such as 10.0.0.1, not %s.", v.name(), quote(s))
		return netip.Addr{}, false
	}
	return a, true
}

// prefix reads an address with its prefix length; the host part is kept.
func (v value) prefix() (netip.Prefix, bool) {
	s, ok := v.text()
	if !ok {
		return netip.Prefix{}, false
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		v.refuse("%s should be an address with its prefix length, such as 10.0.0.1/24, not %s.", v.name(), quote(s))
		return netip.Prefix{}, false
	}
	return p, true
}

func (v value) prefixes() []netip.Prefix {
	var list []netip.Prefix
	for _, item := range v.items() {
		if p, ok := item.prefix(); ok {
			list = append(list, p)
		}
	}
	return list
}

func (v value) mac() (string, bool) {
	s, ok := v.text()
	if !ok {
		return "", false
	}
	m, err := net.ParseMAC(s)
	if err != nil || len(m) != 6 {
		v.refuse("%s should be a MAC address, such as 02:00:00:00:00:01, not %s.", v.name(), quote(s))
		return "", false
	}
	return m.String(), true
}

// textMap reads a mapping of scalars, such as env and labels.
func (v value) textMap() map[string]string {
	m := map[string]string{}
	for _, f := range v.fields() {
		if s, ok := f.text(); ok {
			m[f.key] = s
		}
	}
	return m
}

// tree converts a value of any shape to what encoding/json knows.
func (v value) tree() any {
	switch v.n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for _, f := range v.fields() {
			m[f.key] = f.tree()
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range v.items() {
			list = append(list, item.tree())
		}
		return list
	}
	s, _ := v.text()
	switch v.n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(s, "true")
	case "!!int", "!!float":
		if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
	return s
}

// name is the last part of the path, for sentences.
func (v value) name() string {
	if v.path == "" {
		return "The lab file"
	}
	return v.path[strings.LastIndexByte(v.path, '.')+1:]
}

func (v value) shape() string {
	switch v.n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	return quote(v.n.Value)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
