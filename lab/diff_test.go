package lab_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trunkline/lab"
)

func TestAPlanNamesWhatChangedAndWhy(t *testing.T) {
	base := func() *lab.Lab {
		return &lab.Lab{
			Name: "x",
			Nodes: []*lab.Node{
				{Name: "r1", Kind: lab.Router}, {Name: "r2", Kind: lab.Router}, {Name: "h1", Kind: lab.Linux, Image: "a", Line: 4},
			},
			Links: []*lab.Link{
				{Type: lab.VEth, A: lab.Endpoint{Node: "r1", Interface: "eth1"}, B: lab.Endpoint{Node: "r2", Interface: "eth1"}},
				{Type: lab.VEth, A: lab.Endpoint{Node: "r2", Interface: "eth2"}, B: lab.Endpoint{Node: "h1", Interface: "eth1"}},
			},
		}
	}
	for _, c := range []struct {
		name   string
		change func(l *lab.Lab)
		want   []string
	}{
		{"an equal lab needs nothing", func(*lab.Lab) {}, nil},
		{"lines and positions are no change", func(l *lab.Lab) {
			x := 4.0
			l.Nodes[2].Line, l.Nodes[2].X, l.Nodes[2].Y, l.Links[0].Line = 99, &x, &x, 7
		}, nil},
		{"the default image by name is no change", func(l *lab.Lab) { l.Nodes[0].Image = "trunkline/router" }, nil},
		{"a new image makes the node anew and its links with it", func(l *lab.Lab) { l.Nodes[2].Image = "b" }, []string{
			"recreate node h1: image changed; that needs a new container",
			"connect link r2:eth2 h1:eth1: node h1 is made anew",
		}},
		{"more memory is given while it runs", func(l *lab.Lab) { l.Nodes[2].MemoryBytes = 1 << 30 }, []string{"change node h1: memory changed"}},
		{"a removed node loses its links first", func(l *lab.Lab) { l.Nodes, l.Links = l.Nodes[:2], l.Links[:1] }, []string{
			"disconnect link r2:eth2 h1:eth1: node h1 goes",
			"remove node h1: the lab no longer has it",
		}},
		{"a slower link changes while it runs", func(l *lab.Lab) { l.Links[0].AtoB.RateBits = 1e6 }, []string{
			"change link r1:eth1 r2:eth1: impairment towards r2:eth1 changed",
		}},
		{"a moved end says where it was and what runs on", func(l *lab.Lab) { l.Links[0].B.Interface, l.Links[0].Cut = "eth9", true }, []string{
			"re-cable link r1:eth1 r2:eth9: link r1:eth1 moves from r2:eth1 to r2:eth9; cut changed; r1, r2 run on",
		}},
		{"a router reads its routing when it starts", func(l *lab.Lab) {
			l.Nodes[0].Routing = &lab.Routing{BGP: &lab.BGP{AS: 1}}
		}, []string{
			"recreate node r1: routing changed; that needs a new container",
			"connect link r1:eth1 r2:eth1: node r1 is made anew",
		}},
		{"a management segment gives every container an eth0", func(l *lab.Lab) {
			l.Mgmt = &lab.Mgmt{IPv4: netip.MustParsePrefix("172.20.20.0/24")}
			l.Nodes[1].NoMgmt, l.Nodes = true, l.Nodes[:2]
			l.Links = l.Links[:1]
		}, []string{
			"create management segment: the lab now has one",
			"disconnect link r2:eth2 h1:eth1: node h1 goes",
			"remove node h1: the lab no longer has it",
			"change node r1: eth0 changed",
			"change node r2: network-mode changed",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := base()
			c.change(to)
			if got := texts(lab.Diff(base(), to)); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func texts(steps []lab.Step) []string {
	var list []string
	for _, s := range steps {
		list = append(list, fmt.Sprintf("%s %s: %s", s.Verb, s.Object, s.Reason))
	}
	return list
}

// labs draws small valid labs over the same few names, so that two of them overlap.
func labs(t *rapid.T, label string) *lab.Lab {
	l := &lab.Lab{Name: "x"}
	for i := range 5 {
		if rapid.Bool().Draw(t, fmt.Sprintf("%s node %d", label, i)) {
			l.Nodes = append(l.Nodes, &lab.Node{
				Name: fmt.Sprintf("n%d", i), Kind: rapid.SampledFrom([]lab.Kind{lab.Linux, lab.Router, lab.Switch}).Draw(t, "kind"),
				CPU: float64(rapid.IntRange(0, 1).Draw(t, "cpu")),
			})
		}
	}
	for i, a := range l.Nodes {
		for j, b := range l.Nodes[:i] {
			if rapid.Bool().Draw(t, "cabled") {
				l.Links = append(l.Links, &lab.Link{
					Type: lab.VEth, MTU: 1500 + rapid.IntRange(0, 1).Draw(t, "mtu"),
					A: lab.Endpoint{Node: a.Name, Interface: fmt.Sprintf("eth%d", j+1)},
					B: lab.Endpoint{Node: b.Name, Interface: fmt.Sprintf("eth%d", i+1)},
				})
			}
		}
	}
	return l
}

func TestALabDiffersInNothingFromItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := labs(t, "lab")
		if places := lab.Validate(l); len(places) > 0 {
			t.Fatalf("the generator made an invalid lab: %v", places)
		}
		if steps := lab.Diff(l, l); len(steps) > 0 {
			t.Fatalf("a lab needs nothing to become itself, got %v", texts(steps))
		}
	})
}

func TestAFullCreationMakesEveryNodeAndLinkOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := labs(t, "lab")
		up, down := lab.Diff(nil, l), lab.Diff(l, nil)
		if len(up) != len(l.Nodes)+len(l.Links) || len(down) != len(up) {
			t.Fatalf("%d nodes and %d links, but %d steps up and %d down", len(l.Nodes), len(l.Links), len(up), len(down))
		}
	})
}

// world is what the steps of a plan are played on.
type world struct{ nodes, links map[string]bool }

func (w *world) play(t *rapid.T, steps []lab.Step) {
	for _, s := range steps {
		what, name, _ := strings.Cut(s.Object, " ")
		if s.Reason == "" {
			t.Fatalf("%s %s has no reason", s.Verb, s.Object)
		}
		switch {
		case what == "node" && s.Verb == lab.Create:
			w.nodes[name] = true
		case what == "node" && s.Verb == lab.Remove:
			for link := range w.links {
				if strings.HasPrefix(link, name+":") || strings.Contains(link, " "+name+":") {
					t.Fatalf("node %s is removed while %s is plugged", name, link)
				}
			}
			delete(w.nodes, name)
		case what == "link" && s.Verb == lab.Disconnect:
			delete(w.links, name)
		case what == "link" && (s.Verb == lab.Connect || s.Verb == lab.Move):
			for link := range w.links {
				for _, end := range strings.Fields(link) {
					if s.Verb == lab.Move && slices.Contains(strings.Fields(name), end) {
						delete(w.links, link)
					}
				}
			}
			for _, end := range strings.Fields(name) {
				if node, _, _ := strings.Cut(end, ":"); !w.nodes[node] {
					t.Fatalf("%s is plugged before node %s is there", name, node)
				}
			}
			w.links[name] = true
		}
	}
}

func TestPlayingAPlanLeadsFromOneLabToTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := labs(t, "from"), labs(t, "to")
		w := &world{map[string]bool{}, map[string]bool{}}
		w.play(t, lab.Diff(nil, from))
		w.play(t, lab.Diff(from, to))
		if len(w.nodes) != len(to.Nodes) || len(w.links) != len(to.Links) {
			t.Fatalf("ended with %v and %v", w.nodes, w.links)
		}
		for _, n := range to.Nodes {
			if !w.nodes[n.Name] {
				t.Fatalf("node %s is missing", n.Name)
			}
		}
		for _, k := range to.Links {
			if !w.links[k.ID()] {
				t.Fatalf("link %s is missing", k.ID())
			}
		}
	})
}

func TestTheOrderOfTheFileIsNoChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := labs(t, "lab")
		turned := &lab.Lab{Name: l.Name, Nodes: slices.Clone(l.Nodes), Links: slices.Clone(l.Links)}
		slices.Reverse(turned.Nodes)
		slices.Reverse(turned.Links)
		if steps := lab.Diff(l, turned); len(steps) > 0 {
			t.Fatalf("only the order differs, got %v", texts(steps))
		}
	})
}
