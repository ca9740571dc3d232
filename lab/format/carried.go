package format

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"trunkline/lab"
)

// carriedLabel holds, in a file that containerlab can read, the fields that it does not know: a mapping of them in one line, which it ignores
// as it ignores every label. They count before those of the node or link itself, and a field that is null there is as if it were not written.
const carriedLabel = lab.LabelPrefix + "fields"

// carriedNodeFields and carriedLinkFields are what the label may hold.
var (
	carriedNodeFields = []string{"kind", "image", "interfaces", "routing", "egress", "switch", "internet", "external"}
	carriedLinkFields = []string{"impair", "cut", "flap", "ipv4", "ipv6"}
)

// maxCarried bounds the text of one label.
const maxCarried = 64 << 10

// takeCarried takes the label out of a definition's labels and puts the fields that it holds in the place of the definition's own.
func takeCarried(fields map[string]value, allowed []string) {
	labels, ok := fields["labels"]
	if !ok || labels.n.Kind != yaml.MappingNode {
		return
	}
	i := slices.IndexFunc(labels.n.Content, func(n *yaml.Node) bool { return n.Value == carriedLabel })
	if i < 0 || i%2 != 0 || i+1 >= len(labels.n.Content) {
		return
	}
	text := labels.r.value(labels.n.Content[i+1], join(labels.path, carriedLabel))
	rest := *labels.n
	rest.Content = slices.Concat(labels.n.Content[:i], labels.n.Content[i+2:])
	labels.n = &rest
	fields["labels"] = labels
	carried, ok := text.carried()
	if !ok {
		return
	}
	for _, f := range carried.fields() {
		switch {
		case !slices.Contains(allowed, f.key):
			text.refuse("The label %s holds no field %s. It is written by an export for containerlab: change the fields themselves instead.", carriedLabel, quote(f.key))
		case isNull(f.n):
			delete(fields, f.key)
		default:
			fields[f.key] = f.value
		}
	}
}

// carried parses the text of the label. All of it stands where the label stands.
func (v value) carried() (value, bool) {
	s, ok := v.text()
	if !ok {
		return value{}, false
	}
	var document yaml.Node
	if len(s) > maxCarried || yaml.Unmarshal([]byte(s), &document) != nil || len(document.Content) != 1 || !plainTree(document.Content[0], v.n, 0) {
		v.refuse("The label %s cannot be read: it should be as an export for containerlab wrote it.", carriedLabel)
		return value{}, false
	}
	return value{v.r, document.Content[0], v.path, v.at}, true
}

// plainTree puts a tree where at stands; it is false for one with aliases or too deep.
func plainTree(n, at *yaml.Node, depth int) bool {
	if n.Kind == yaml.AliasNode || depth > 16 {
		return false
	}
	n.Line, n.Column = at.Line, at.Column
	for _, c := range n.Content {
		if !plainTree(c, at, depth+1) {
			return false
		}
	}
	return true
}
