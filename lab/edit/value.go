package edit

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pairs is a mapping in order, plain a scalar that is written as it is: a number, true, or a date.
type (
	pair struct {
		key   string
		value any
	}
	pairs []pair
	plain string
)

// maxDepth bounds aliases that nest.
const maxDepth = 64

// valueOf turns a tree into pairs, lists, strings and plain scalars; aliases are followed and merge keys resolved.
func valueOf(n *yaml.Node) any { return valueWithin(n, 0) }

func valueWithin(n *yaml.Node, depth int) any {
	if n == nil || depth > maxDepth {
		return nil
	}
	switch n.Kind {
	case yaml.AliasNode:
		return valueWithin(n.Alias, depth+1)
	case yaml.ScalarNode:
		switch n.ShortTag() {
		case "!!null":
			return nil
		case "!!str", "!!binary":
			return n.Value
		}
		return plain(n.Value)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = valueWithin(item, depth+1)
		}
		return list
	case yaml.MappingNode:
		var m, merged pairs
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.ShortTag() == "!!merge" {
				merged = append(merged, mergedPairs(n.Content[i+1], depth+1)...)
				continue
			}
			m = append(m, pair{key.Value, valueWithin(n.Content[i+1], depth+1)})
		}
		for _, p := range merged {
			if !m.has(p.key) {
				m = append(m, p)
			}
		}
		return m
	}
	return nil
}

func mergedPairs(n *yaml.Node, depth int) pairs {
	switch v := valueWithin(n, depth).(type) {
	case pairs:
		return v
	case []any:
		var all pairs
		for _, item := range v {
			if m, ok := item.(pairs); ok {
				all = append(all, m...)
			}
		}
		return all
	}
	return nil
}

func (m pairs) has(key string) bool {
	return slices.ContainsFunc(m, func(p pair) bool { return p.key == key })
}

func (m pairs) get(key string) any {
	for _, p := range m {
		if p.key == key {
			return p.value
		}
	}
	return nil
}

// with returns m with the key set; a nil value takes the key out.
func (m pairs) with(key string, value any) pairs {
	out := make(pairs, 0, len(m)+1)
	found := false
	for _, p := range m {
		if p.key == key {
			found = true
			p.value = value
		}
		if p.key != key || value != nil {
			out = append(out, p)
		}
	}
	if !found && value != nil {
		out = append(out, pair{key, value})
	}
	return out
}

// fieldOrder is how people write a node's, link's or note's fields; others follow by name.
var fieldOrder = []string{
	"kind", "image", "group", "id", "text", "label", "node", "interface", "x", "y", "width", "height", "color", "type", "endpoints", "endpoint", "ipv4", "ipv6",
	"to", "via", "dev", "address", "as", "rate", "delay", "jitter", "loss", "addresses", "mac", "mtu", "access", "trunk", "native",
}

// ordered turns what JSON or a caller gives into pairs, lists, strings and plain scalars.
func ordered(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case string, plain, pairs:
		return v
	case bool:
		return plain(strconv.FormatBool(v))
	case float64:
		return plain(number(v))
	case json.Number:
		return plain(v.String())
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return list
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = ordered(item)
		}
		return list
	case map[string]string:
		m := make(map[string]any, len(v))
		for k, s := range v {
			m[k] = s
		}
		return ordered(m)
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		slices.SortStableFunc(keys, func(a, b string) int { return rank(a) - rank(b) })
		m := make(pairs, 0, len(keys))
		for _, k := range keys {
			m = append(m, pair{k, ordered(v[k])})
		}
		return m
	}
	return plain(fmt.Sprint(v)) // the integers of Go callers
}

func rank(key string) int {
	if i := slices.Index(fieldOrder, key); i >= 0 {
		return i
	}
	return len(fieldOrder)
}

func number(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// toJSON is the inverse of ordered, for values that go to editors.
func toJSON(v any) any {
	switch v := v.(type) {
	case plain:
		switch (&yaml.Node{Kind: yaml.ScalarNode, Value: string(v)}).ShortTag() {
		case "!!bool":
			return strings.EqualFold(string(v), "true")
		case "!!int", "!!float":
			if f, err := strconv.ParseFloat(string(v), 64); err == nil && number(f) == string(v) {
				return f
			}
		}
		return string(v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = toJSON(item)
		}
		return list
	case pairs:
		m := make(map[string]any, len(v))
		for _, p := range v {
			m[p.key] = toJSON(p.value)
		}
		return m
	}
	return v
}

// canonical is a form in which values that mean the same to a lab file are the same: 1400 and "1400", x and [x], nothing and "".
func canonical(v any) string {
	var b strings.Builder
	writeCanonical(&b, v)
	return b.String()
}

func writeCanonical(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
	case string:
		b.WriteString(v)
	case plain:
		b.WriteString(string(v))
	case []any:
		if len(v) == 1 {
			if _, isMap := v[0].(pairs); !isMap {
				writeCanonical(b, v[0])
				return
			}
		}
		if len(v) == 0 {
			return
		}
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			writeCanonical(b, item)
		}
		b.WriteByte(']')
	case pairs:
		if len(v) == 0 {
			return
		}
		sorted := slices.Clone(v)
		slices.SortStableFunc(sorted, func(a, b pair) int { return strings.Compare(a.key, b.key) })
		b.WriteByte('{')
		for i, p := range sorted {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(p.key + ": ")
			writeCanonical(b, p.value)
		}
		b.WriteByte('}')
	}
}
