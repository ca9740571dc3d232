package clip

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/edit"
	"trunkline/lab/format"
)

// MaxNodes is how many nodes one text may bring.
const MaxNodes = 500

// beside is how far copies are drawn from what they are copies of.
const beside = 50

// Target is the lab that nodes come into.
type Target struct {
	ID      string
	Source  []byte
	Lab     *lab.Lab
	HasFile func(path string) bool // of the lab's folder
	At      edit.Point             // the middle of what is seen
}

// Pasted is what a text becomes in a lab.
type Pasted struct {
	Ops  []edit.Op `json:"ops"`
	Left []string  `json:"left,omitempty"` // what was left out and why, in sentences
}

// Paste returns the edits that put a text made by Copy, or any lab file, into a lab. Names that are taken get the next number; addresses and
// MAC addresses that the lab has already are left out, as are files that its folder has not. What the nodes inherited they bring along where the
// lab would hand down something else. Codes: invalid, with every complaint about the text; exhausted.
func Paste(to Target, text string) (Pasted, error) {
	root, err := readFile([]byte(text))
	if err != nil {
		return Pasted{}, err
	}
	nodes := entryOf(entryOf(root, "topology"), "nodes")
	if nodes == nil || len(nodes.Content) == 0 {
		return Pasted{}, fault.New(fault.Invalid, "This text has no nodes. Copy some on the map of a lab, or take a lab file with topology and nodes.").InField("text")
	}
	if len(nodes.Content)/2 > MaxNodes {
		return Pasted{}, fault.New(fault.Exhausted, "The text has %d nodes; %d at once can be pasted. Copy fewer.", len(nodes.Content)/2, MaxNodes).InField("text")
	}
	if entryOf(root, "name") == nil {
		put(root, "name", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "pasted"})
	}
	whole, err := write(root, "")
	if err != nil {
		return Pasted{}, err
	}
	read, err := format.Parse(format.Input{File: "pasted", Data: []byte(whole), HasFile: func(string) bool { return true }})
	if err != nil {
		return Pasted{}, err
	}
	target, err := readFile(to.Source)
	if err != nil {
		return Pasted{}, err
	}
	p := &paster{to: to, from: read.Lab, source: entryOf(root, "topology"), target: entryOf(target, "topology"), names: map[string]string{}, used: usedBy(to.Lab)}
	p.own = to.ID != "" && strings.HasPrefix(text, Begin) && strings.Contains(text[:strings.IndexByte(text, '\n')+1], "("+to.ID+")")
	return p.paste(nodes)
}

// paster makes the edits.
type paster struct {
	to             Target
	from           *lab.Lab
	source, target *yaml.Node // the topologies of both
	own            bool       // the text comes from this very lab
	names          map[string]string
	used           used
	out            Pasted
	cleared        int // interfaces whose addresses were left out
}

func (p *paster) paste(nodes *yaml.Node) (Pasted, error) {
	taken := map[string]bool{}
	for _, n := range p.to.Lab.Nodes {
		taken[n.Name] = true
	}
	for i := 0; i+1 < len(nodes.Content); i += 2 {
		name := nodes.Content[i].Value
		p.names[name] = free(name, taken)
	}
	for i := 0; i+1 < len(nodes.Content); i += 2 {
		if err := p.node(i/2, nodes.Content[i].Value, nodes.Content[i+1]); err != nil {
			return Pasted{}, err
		}
	}
	for _, k := range p.from.Links {
		p.link(k)
	}
	switch {
	case p.cleared == 1:
		p.leave("The address of an interface was left out, since the lab has it already. Fill gives it a new one.")
	case p.cleared > 1:
		p.leave("The addresses of %d interfaces were left out, since the lab has them already. Fill gives new ones.", p.cleared)
	}
	return p.out, nil
}

func (p *paster) leave(sentence string, args ...any) {
	p.out.Left = append(p.out.Left, fmt.Sprintf(sentence, args...))
}

// free is the name itself, or with the next number that nobody has: r1 becomes r2, web becomes web2.
func free(name string, taken map[string]bool) string {
	stem := strings.TrimRight(name, "0123456789")
	next := 2
	if digits := name[len(stem):]; digits != "" && len(digits) < 9 {
		fmt.Sscan(digits, &next) // digits only
		next++
	}
	for candidate := name; ; candidate, next = fmt.Sprint(stem, next), next+1 {
		if !taken[candidate] {
			taken[candidate] = true
			return candidate
		}
	}
}

// node adds one node with all fields that it has.
func (p *paster) node(i int, name string, written *yaml.Node) error {
	fields, err := p.fields(name, written)
	if err != nil {
		return err
	}
	at := p.place(i, p.from.Node(name))
	op := edit.Op{Op: edit.AddNode, Node: p.names[name], At: &at}
	for key, into := range map[string]*string{"kind": &op.Kind, "image": &op.Image} {
		if text, is := fields[key].(string); is {
			*into = text
			delete(fields, key)
		}
	}
	if len(fields) > 0 {
		op.Fields = fields
	}
	p.out.Ops = append(p.out.Ops, op)
	return nil
}

// place is beside the original in its own lab, around the middle of what is seen in another, and in rows where the text says no place.
func (p *paster) place(i int, n *lab.Node) edit.Point {
	if n == nil || n.X == nil || n.Y == nil {
		return edit.Point{X: p.to.At.X + float64(i%6)*110 - 275, Y: p.to.At.Y + float64(i/6)*110}
	}
	if p.own {
		return edit.Point{X: *n.X + beside, Y: *n.Y + beside}
	}
	var x, y, count float64
	for _, m := range p.from.Nodes {
		if m.X != nil && m.Y != nil {
			x, y, count = x+*m.X, y+*m.Y, count+1
		}
	}
	return edit.Point{X: *n.X + p.to.At.X - float64(int(x/count)), Y: *n.Y + p.to.At.Y - float64(int(y/count))}
}

// link adds a cable between two of the nodes, with all that it has.
func (p *paster) link(k *lab.Link) {
	a, b := p.names[k.A.Node], p.names[k.B.Node]
	if a == "" || b == "" {
		return
	}
	fields := map[string]any{}
	if k.MTU > 0 {
		fields["mtu"] = k.MTU
	}
	if k.Cut {
		fields["cut"] = true
	}
	if len(k.Labels) > 0 {
		fields["labels"] = k.Labels
	}
	if len(k.Vars) > 0 {
		fields["vars"] = k.Vars
	}
	for way, i := range map[string]lab.Impairment{"impair-a-to-b": k.AtoB, "impair-b-to-a": k.BtoA} {
		if texts := i.Texts(); texts != nil {
			fields[way] = texts
		}
	}
	for end, e := range map[string]lab.Endpoint{"a": k.A, "b": k.B} {
		if kept := p.addresses(e.Addresses); kept != nil {
			fields["addresses-"+end] = kept
		}
		if e.MAC != "" && !p.used.macs[strings.ToLower(e.MAC)] {
			fields["mac-"+end] = e.MAC
		}
	}
	op := edit.Op{Op: edit.AddLink, A: edit.End{Node: a, Interface: k.A.Interface}, B: edit.End{Node: b, Interface: k.B.Interface}}
	if len(fields) > 0 {
		op.Fields = fields
	}
	p.out.Ops = append(p.out.Ops, op)
	if k.Flap != nil {
		id := (&lab.Link{A: lab.Endpoint{Node: a, Interface: k.A.Interface}, B: lab.Endpoint{Node: b, Interface: k.B.Interface}}).ID()
		value := map[string]any{"every": k.Flap.Every.String(), "down": k.Flap.Down.String()}
		p.out.Ops = append(p.out.Ops, edit.Op{Op: edit.Set, Link: id, Path: []string{"flap"}, Value: edit.Of(value)})
	}
}

// addresses are those of an interface, all of them or, when the lab has one of their networks already, none.
func (p *paster) addresses(list []netip.Prefix) []any {
	if slices.ContainsFunc(list, p.used.has) {
		p.cleared++
		return nil
	}
	var kept []any
	for _, a := range list {
		kept = append(kept, a.String())
	}
	return kept
}

// used is what a lab has of what there may be once only.
type used struct {
	networks []netip.Prefix
	macs     map[string]bool
}

func usedBy(l *lab.Lab) used {
	u := used{macs: map[string]bool{}}
	take := func(addresses []netip.Prefix, mac string) {
		for _, a := range addresses {
			u.networks = append(u.networks, a.Masked())
		}
		u.macs[strings.ToLower(mac)] = true
	}
	for _, k := range l.Links {
		take(k.A.Addresses, k.A.MAC)
		take(k.B.Addresses, k.B.MAC)
	}
	for _, n := range l.Nodes {
		for _, i := range n.Interfaces {
			take(i.Addresses, i.MAC)
		}
	}
	return u
}

func (u used) has(a netip.Prefix) bool {
	return slices.ContainsFunc(u.networks, func(n netip.Prefix) bool { return n.Overlaps(a.Masked()) })
}
