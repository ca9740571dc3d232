package fabric

import "testing"

func TestBothEndsOfAnInterfaceHaveDifferentIndexes(t *testing.T) {
	r := newRig(t)
	spec := twoNodes("lab1")
	// Indexes count in each namespace for itself, in a node from 2: run alone, this test meets equal ones.
	for i := range 12 {
		spec.Nodes[0].Interfaces = append(spec.Nodes[0].Interfaces, iface("x"+string(rune('a'+i)), 1, 10+i))
	}
	r.start("r1", "r2")
	r.plug(spec)
	r.wire(spec)
	for name, link := range r.linksIn("r1") {
		if name == loopback {
			continue
		}
		outer, err := r.root.LinkByName(r.names.hostEnd("lab1", "r1", name))
		if err != nil {
			t.Fatal(err)
		}
		if outer.Attrs().Index == link.Attrs().Index {
			t.Errorf("both ends of %s have the index %d", name, link.Attrs().Index)
		}
	}
	r.reaches("r1", "10.0.0.2")
}
