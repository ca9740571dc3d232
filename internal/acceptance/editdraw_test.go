package acceptance

import (
	"fmt"
	"math/rand/v2"

	"trunkline/lab"
	"trunkline/lab/edit"
)

const undo = "an undo"

// draw is a random edit in words and ops; no ops: there is nothing to do it to.
func (e *edits) draw(l *lab.Lab) (what string, ops []edit.Op) {
	all := []struct {
		what   string
		weight int
		draw   func(l *lab.Lab) []edit.Op
	}{
		{"a new node", 2, e.addNode}, {"a node goes", 1, e.removeNode}, {"a new name", 1, e.renameNode}, {"a new cable", 3, e.addLink},
		{"a cable goes", 2, e.removeLink}, {"an end moves", 4, e.moveEnd}, {"cut or mended", 3, e.cut}, {"one way or a rate", 3, e.impair},
		{"other addresses", 2, e.address}, {"a port's VLAN", 4, e.vlan}, {"another MTU", 2, e.mtu}, {undo, 5, e.takeBack},
	}
	sum := 0
	for _, one := range all {
		sum += one.weight
	}
	at := e.random.IntN(sum)
	for _, one := range all {
		if at -= one.weight; at < 0 {
			return one.what, one.draw(l)
		}
	}
	return "", nil
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }

// link is any cable; nil: there is none.
func (e *edits) link(l *lab.Lab) *lab.Link {
	if len(l.Links) == 0 {
		return nil
	}
	return pick(e.random, l.Links)
}

func (e *edits) addNode(l *lab.Lab) []edit.Op {
	e.fresh++
	name := fmt.Sprintf("new%d", e.fresh)
	node := edit.Op{Op: edit.AddNode, Node: name, Kind: "linux", Fields: map[string]any{"labels": map[string]any{"trunkline.place.zone": zone(e.random.IntN(3))}}}
	return []edit.Op{node, e.cable(name, pick(e.random, containers(l)))}
}

func (e *edits) removeNode(l *lab.Lab) []edit.Op {
	if all := containers(l); len(all) > 20 {
		return []edit.Op{{Op: edit.RemoveNode, Node: pick(e.random, all)}}
	}
	return nil
}

func (e *edits) renameNode(l *lab.Lab) []edit.Op {
	e.fresh++
	return []edit.Op{{Op: edit.RenameNode, Node: pick(e.random, containers(l)), To: fmt.Sprintf("name%d", e.fresh)}}
}

// cable is a new one between two containers, with a network of its own.
func (e *edits) cable(a, b string) edit.Op {
	e.fresh++
	return edit.Op{Op: edit.AddLink, A: edit.End{Node: a}, B: edit.End{Node: b}, Fields: map[string]any{
		"addresses-a": []any{fmt.Sprintf("10.2.%d.1/30", e.fresh)}, "addresses-b": []any{fmt.Sprintf("10.2.%d.2/30", e.fresh)}}}
}

func (e *edits) addLink(l *lab.Lab) []edit.Op {
	all := containers(l)
	a, b := pick(e.random, all), pick(e.random, all)
	if a == b {
		return nil
	}
	if e.random.IntN(3) > 0 {
		return []edit.Op{e.cable(a, b)}
	}
	e.fresh++
	network := e.random.IntN(3)
	return []edit.Op{{Op: edit.AddLink, A: edit.End{Node: fmt.Sprintf("sw%d", network)}, B: edit.End{Node: a},
		Fields: map[string]any{"addresses-b": []any{fmt.Sprintf("10.20%d.1.%d/16", network+4, e.fresh)}}}}
}

func (e *edits) removeLink(l *lab.Lab) []edit.Op {
	if link := e.link(l); link != nil {
		return []edit.Op{{Op: edit.RemoveLink, Link: link.ID()}}
	}
	return nil
}

// moveEnd plugs an end into another node of the same sort, so that a cable has a container at one end at least.
func (e *edits) moveEnd(l *lab.Lab) []edit.Op {
	link := e.link(l)
	if link == nil {
		return nil
	}
	ends := map[string]lab.Endpoint{"a": link.A, "b": link.B}
	end := pick(e.random, []string{"a", "b"})
	was, stays := ends[end], ends[map[string]string{"a": "b", "b": "a"}[end]]
	isContainer := l.Node(was.Node).Kind.IsContainer()
	var to []string
	for _, n := range l.Nodes {
		if n.Kind.IsContainer() == isContainer && n.Name != was.Node && n.Name != stays.Node {
			to = append(to, n.Name)
		}
	}
	if len(to) == 0 {
		return nil
	}
	return []edit.Op{{Op: edit.MoveEnd, Link: link.ID(), End: end, To: pick(e.random, to)}}
}

func (e *edits) cut(l *lab.Lab) []edit.Op {
	return e.set(l, func(link *lab.Link) map[string]any {
		if link.Cut {
			return map[string]any{"cut": nil}
		}
		return map[string]any{"cut": true}
	})
}

func (e *edits) impair(l *lab.Lab) []edit.Op {
	return e.set(l, func(*lab.Link) map[string]any {
		way := pick(e.random, []string{"impair-a-to-b", "impair-b-to-a"})
		does := []any{nil, map[string]any{"loss": "100%"}, map[string]any{"loss": "100%"}, map[string]any{"rate": "2mbit"}, map[string]any{"rate": "50mbit"}}
		return map[string]any{way: pick(e.random, does)}
	})
}

func (e *edits) mtu(l *lab.Lab) []edit.Op {
	return e.set(l, func(*lab.Link) map[string]any {
		return map[string]any{"mtu": pick(e.random, []any{nil, 1300, 1400, 9000})}
	})
}

// address gives a cable between two containers another network, or one more on top of what it has.
func (e *edits) address(l *lab.Lab) []edit.Op {
	return e.set(l, func(link *lab.Link) map[string]any {
		if !l.Node(link.A.Node).Kind.IsContainer() || !l.Node(link.B.Node).Kind.IsContainer() {
			return nil
		}
		e.fresh++
		fields := map[string]any{}
		for side, had := range map[string]lab.Endpoint{"a": link.A, "b": link.B} {
			addresses := []any{fmt.Sprintf("10.3.%d.%d/29", e.fresh, 1+side[0]-'a')}
			if len(had.Addresses) > 0 && e.fresh%2 == 0 {
				addresses = append(addresses, had.Addresses[0].String())
			}
			fields["addresses-"+side] = addresses
		}
		return fields
	})
}

func (e *edits) set(l *lab.Lab, fields func(*lab.Link) map[string]any) []edit.Op {
	link := e.link(l)
	if link == nil {
		return nil
	}
	if set := fields(link); set != nil {
		return []edit.Op{{Op: edit.SetLink, Link: link.ID(), Fields: set}}
	}
	return nil
}

// vlan makes a port of a switch an access port, a trunk with a native VLAN, or neither.
func (e *edits) vlan(l *lab.Lab) []edit.Op {
	for range 20 {
		link := e.link(l)
		if link == nil || l.Node(link.A.Node).Kind != lab.Switch {
			continue
		}
		ports := []any{map[string]any{"access": 10}, map[string]any{"access": 20}, map[string]any{"trunk": []any{10, 20, 30}, "native": 10}}
		op := edit.Op{Op: edit.Set, Node: link.A.Node, Path: []string{"interfaces", link.A.Interface}}
		if choice := e.random.IntN(4); choice < 3 {
			op.Value = edit.Of(ports[choice])
		}
		return []edit.Op{op}
	}
	return nil
}

// takeBack undoes the last edit, or one of those before it.
func (e *edits) takeBack(*lab.Lab) []edit.Op {
	if len(e.undos) == 0 {
		return nil
	}
	at := len(e.undos) - 1
	if e.random.IntN(3) == 0 {
		at = e.random.IntN(len(e.undos))
	}
	ops := e.undos[at]
	e.undos = append(e.undos[:at:at], e.undos[at+1:]...)
	return ops
}
