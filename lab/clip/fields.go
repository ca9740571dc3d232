package clip

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// once are fields of which two nodes cannot have the same.
var once = []string{"mgmt-ipv4", "mgmt-ipv6", "mgmt_ipv4", "mgmt_ipv6"}

// fields are those of a node as they are to be written into the target.
func (p *paster) fields(name string, written *yaml.Node) (map[string]any, error) {
	fields, err := decoded(written)
	if err != nil {
		return nil, err
	}
	if group, is := fields["group"].(string); is && entryOf(entryOf(p.target, "groups"), group) == nil {
		delete(fields, "group") // what it hands down is written out below
	}
	if err := p.bring(name, fields); err != nil {
		return nil, err
	}
	for _, key := range once {
		if value, has := fields[key]; has && p.hasField(key, fmt.Sprint(value)) {
			delete(fields, key)
		}
	}
	p.clearInterfaces(fields)
	p.clearLabels(fields)
	p.leaveFiles(name, fields)
	p.rename(fields["stages"])
	if mode, is := fields["network-mode"].(string); is {
		if of, is := strings.CutPrefix(mode, "container:"); is && p.names[of] != "" {
			fields["network-mode"] = "container:" + p.names[of]
		}
	}
	return fields, nil
}

func decoded(n *yaml.Node) (map[string]any, error) {
	fields := map[string]any{}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return fields, nil
	}
	if err := n.Decode(&fields); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "A node of this text is no mapping of fields.").InField("text")
	}
	return fields, nil
}

// bring writes out what the node inherits where it comes from, and would not inherit alike where it goes.
func (p *paster) bring(name string, fields map[string]any) error {
	kind := ""
	if n := p.from.Node(name); n != nil {
		kind = string(n.Kind)
	}
	if written, is := fields["kind"].(string); is {
		kind = written
	}
	from, err := inherited(p.source, kind, entryOf(entryOf(entryOf(p.source, "nodes"), name), "group"))
	if err != nil {
		return err
	}
	var group *yaml.Node
	if g, is := fields["group"].(string); is {
		group = &yaml.Node{Kind: yaml.ScalarNode, Value: g}
	}
	to, err := inherited(p.target, kind, group)
	if err != nil {
		return err
	}
	for key, value := range from {
		if key == "group" || reflect.DeepEqual(value, to[key]) {
			continue
		}
		if own, has := fields[key]; has {
			fields[key] = over(value, own)
		} else {
			fields[key] = value
		}
	}
	return nil
}

// inherited is what a node of a kind and a group is handed down: the defaults', the kind's and the group's fields, the later over the earlier.
func inherited(topology *yaml.Node, kind string, group *yaml.Node) (map[string]any, error) {
	name := ""
	if group != nil {
		name = group.Value
	}
	all := map[string]any{}
	for _, level := range []*yaml.Node{entryOf(topology, "defaults"), entryOf(entryOf(topology, "kinds"), kind), entryOf(entryOf(topology, "groups"), name)} {
		if level == nil {
			continue
		}
		fields, err := decoded(level)
		if err != nil {
			return nil, err
		}
		for key, value := range fields {
			all[key] = over(all[key], value)
		}
	}
	return all, nil
}

// over is a value with a more specific one over it: mappings become one, anything else is replaced.
func over(less, more any) any {
	a, isMap := less.(map[string]any)
	b, alike := more.(map[string]any)
	if !isMap || !alike {
		return more
	}
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

// hasField reports that a node of the target has this value.
func (p *paster) hasField(key, value string) bool {
	return slices.ContainsFunc(values(entryOf(p.target, "nodes")), func(n *yaml.Node) bool {
		v := entryOf(n, key)
		return v != nil && v.Value == value
	})
}

// clearInterfaces takes addresses out that the lab has already, and MAC addresses.
func (p *paster) clearInterfaces(fields map[string]any) {
	all, _ := fields["interfaces"].(map[string]any)
	for name, value := range all {
		one, is := value.(map[string]any)
		if !is {
			continue
		}
		var own []netip.Prefix
		list, _ := one["addresses"].([]any)
		for _, text := range list {
			if a, err := netip.ParsePrefix(fmt.Sprint(text)); err == nil {
				own = append(own, a)
			}
		}
		if len(list) > 0 && p.addresses(own) == nil {
			delete(one, "addresses")
		}
		if mac, is := one["mac"].(string); is && p.used.macs[strings.ToLower(mac)] {
			delete(one, "mac")
		}
		if len(one) == 0 {
			delete(all, name)
		}
	}
	if all != nil && len(all) == 0 {
		delete(fields, "interfaces")
	}
}

// clearLabels takes out where the node was drawn, and a frame that the drawing has not.
func (p *paster) clearLabels(fields map[string]any) {
	labels, _ := fields["labels"].(map[string]any)
	delete(labels, "graph-posX")
	delete(labels, "graph-posY")
	group := fmt.Sprint(labels[lab.GroupLabel])
	if d := p.to.Lab.Drawing; d == nil || !slices.ContainsFunc(d.Groups, func(g lab.DrawnGroup) bool { return g.ID == group }) {
		delete(labels, lab.GroupLabel)
	}
	if labels != nil && len(labels) == 0 {
		delete(fields, "labels")
	}
}

// leaveFiles leaves out what refers to files that the lab's folder has not.
func (p *paster) leaveFiles(name string, fields map[string]any) {
	missing := func(file string) bool {
		return file != "" && !strings.Contains(file, "\n") && !strings.Contains(file, "$") && !strings.Contains(file, "__") && !p.to.HasFile(path.Clean(file))
	}
	if file, is := fields["startup-config"].(string); is && missing(file) {
		delete(fields, "startup-config")
		p.leave("%s: its startup-config %s is not among the files of this lab, and was left out.", p.names[name], file)
	}
	for _, key := range []string{"binds", "env-files"} {
		list, is := fields[key].([]any)
		if !is {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(list), func(item any) bool {
			file, _, _ := strings.Cut(fmt.Sprint(item), ":")
			if strings.HasPrefix(file, "/") || !missing(file) {
				return false
			}
			p.leave("%s: the file %s is not among those of this lab, and was left out.", p.names[name], file)
			return true
		})
		if fields[key] = kept; len(kept) == 0 {
			delete(fields, key)
		}
	}
}

// rename lets copies wait for copies.
func (p *paster) rename(value any) {
	switch v := value.(type) {
	case map[string]any:
		if node, is := v["node"].(string); is && p.names[node] != "" {
			v["node"] = p.names[node]
		}
		for _, one := range v {
			p.rename(one)
		}
	case []any:
		for _, one := range v {
			p.rename(one)
		}
	}
}
