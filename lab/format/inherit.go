package format

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// definition is what defaults, a kind, a group or a node says, field by field.
type definition map[string]value

type definitions struct {
	defaults definition
	kinds    map[string]definition
	groups   map[string]definition
}

// mappedFields are the node fields we read, droppedFields those of containerlab that we leave out, and why.
var mappedFields = []string{
	"kind", "group", "image", "cmd", "entrypoint", "exec", "env", "env-files", "binds", "startup-config", "user", "hostname",
	"labels", "cpu", "memory", "shm-size", "sysctls", "cap-add", "ports", "dns", "mgmt-ipv4", "mgmt-ipv6", "network-mode",
	"restart-policy", "startup-delay", "stages", "healthcheck", "auto-start",
	"interfaces", "routing", "egress", "switch", "internet", "external",
}

var droppedFields = map[string]string{
	"type":                    "it selects hardware of vendor systems",
	"license":                 "licences belong to vendor systems",
	"enforce-startup-config":  "a startup-config is always applied to a new node",
	"suppress-startup-config": "a node without startup-config starts without one",
	"auto-remove":             "a node stays until its lab is destroyed",
	"config":                  "containerlab's config templates are not run",
	"image-pull-policy":       "images are those the hosts have",
	"position":                "the drawing uses the labels graph-posX and graph-posY",
	"devices":                 "a lab gets no devices of its host",
	"runtime":                 "nodes run on Docker",
	"sandbox":                 "nodes run on Docker",
	"kernel":                  "nodes share their host's kernel",
	"cpu-set":                 "the placement chooses the cores; use cpu for a limit",
	"cgroup-parent":           "the host chooses the control group",
	"extras":                  "they belong to vendor systems",
	"components":              "they belong to vendor systems",
	"certificate":             "no certificates are issued",
	"SANs":                    "no certificates are issued",
	"aliases":                 "a node is known by its own name only",
	"publish":                 "outside proxies are not used",
	"wait-for":                "it is now written as stages.create.wait-for",
	"credentials":             "shells need no password here",
	"tmpfs":                   "nodes have no such mounts",
	"ulimits":                 "the host sets the limits",
	"pid-mode":                "a node has a process table of its own",
}

func (p *parser) readDefinitions(parts map[string]value) definitions {
	d := definitions{kinds: map[string]definition{}, groups: map[string]definition{}}
	if v, ok := parts["defaults"]; ok {
		d.defaults = p.readDefinition(v)
		p.readOwnVars(d.defaults)
		p.reportDropped(d.defaults)
	}
	if v, ok := parts["kinds"]; ok {
		for _, f := range v.fields() {
			d.kinds[f.key] = p.readDefinition(f.value)
			if kindOf[f.key] != "" {
				p.reportDropped(d.kinds[f.key])
			}
		}
	}
	if v, ok := parts["groups"]; ok {
		for _, f := range v.fields() {
			d.groups[f.key] = p.readDefinition(f.value)
			p.reportDropped(d.groups[f.key])
		}
	}
	return d
}

// definitionFields are all the fields a definition may have.
var definitionFields = append(slices.Clone(mappedFields), sortedKeys(droppedFields)...)

func (p *parser) readDefinition(v value) definition { return v.known(definitionFields...) }

// reportDropped tells what is left out of a definition, once where it stands.
func (p *parser) reportDropped(d definition) {
	for _, name := range definitionFields[len(mappedFields):] {
		if f, ok := d[name]; ok && !isBlank(f.n) {
			p.report.drop(f, "%s is left out: %s.", name, droppedFields[name])
		}
	}
}

// isBlank is containerlab's "not set": nothing, "", 0 or an empty list. Such a field lets the next level speak.
func isBlank(n *yaml.Node) bool {
	switch n.Kind {
	case yaml.ScalarNode:
		return isNull(n) || n.Value == "" || n.Tag == "!!int" && n.Value == "0"
	}
	return len(n.Content) == 0
}

// scalar returns a field's text without complaining; the reader of the node does that.
func (d definition) scalar(name string) string {
	if v, ok := d[name]; ok && v.n.Kind == yaml.ScalarNode && !isNull(v.n) {
		return v.n.Value
	}
	return ""
}

// kindOfNode follows containerlab: the node's, its group's, the default group's, the defaults' kind.
func (d definitions) kindOfNode(node definition) string {
	for _, kind := range []string{
		node.scalar("kind"),
		d.groups[node.scalar("group")].scalar("kind"),
		d.groups[d.defaults.scalar("group")].scalar("kind"),
	} {
		if kind != "" {
			return kind
		}
	}
	return d.defaults.scalar("kind")
}

// groupOfNode follows containerlab: the node's, its kind's, the defaults' group.
func (d definitions) groupOfNode(node definition, kind string) string {
	if group := node.scalar("group"); group != "" {
		return group
	}
	if group := d.kinds[kind].scalar("group"); group != "" {
		return group
	}
	return d.defaults.scalar("group")
}

// first returns the most specific set value of a field, known from then on by its path in the node.
func (b *nodeBuilder) first(name string) (value, bool) {
	for _, level := range b.levels {
		if v, ok := level[name]; ok && !isBlank(v.n) {
			b.inherit(v.n)
			return v.as(b.path + "." + name), true
		}
	}
	return value{}, false
}

// each calls f with the set values of a field from the least to the most specific level.
func (b *nodeBuilder) each(name string, f func(v value)) {
	for i := len(b.levels) - 1; i >= 0; i-- {
		if v, ok := b.levels[i][name]; ok && !isBlank(v.n) && b.inherit(v.n) {
			f(v.as(b.path + "." + name))
		}
	}
}

// mergedMap merges a field's mappings, the more specific level winning by key.
func (b *nodeBuilder) mergedMap(name string) map[string]string {
	var merged map[string]string
	b.each(name, func(v value) {
		for key, text := range v.textMap() {
			if merged == nil {
				merged = map[string]string{}
			}
			merged[key] = b.magic(text)
		}
	})
	return merged
}

// mergedList appends a field's lists; what a less specific level already said is not said again.
func (b *nodeBuilder) mergedList(name string) []string {
	var merged []string
	b.each(name, func(v value) {
		before := merged[:len(merged):len(merged)]
		for _, text := range v.texts() {
			if text = b.magic(text); !contains(before, text) {
				merged = append(merged, text)
			}
		}
	})
	return merged
}

// inherit counts what is handed down and refuses a file that multiplies without end.
func (b *nodeBuilder) inherit(n *yaml.Node) bool {
	if b.p.inherits > maxInherited {
		return false
	}
	if b.p.inherits += 1 + len(n.Content); b.p.inherits > maxInherited {
		b.p.report.refuse("topology", "Defaults, kinds and groups hand down more than %d values in all. Say less in them, or have fewer nodes.", maxInherited)
		return false
	}
	return true
}
