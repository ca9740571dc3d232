package generate_test

import (
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/edit"
	"trunkline/lab/format"
	"trunkline/lab/generate"
)

const empty = "name: x\ntopology:\n  nodes: {}\n"

func make1(t *testing.T, request generate.Request) *lab.Lab {
	t.Helper()
	ops, err := generate.Make(nil, request)
	if err != nil {
		t.Fatal(err)
	}
	edited, err := edit.Apply("lab.yml", []byte(empty), ops)
	if err != nil {
		t.Fatal(err)
	}
	result, err := format.Parse(format.Input{File: "lab.yml", Data: edited.Text})
	if err != nil {
		t.Fatalf("%v\n%s", fault.Public(err).Details, edited.Text)
	}
	back, err := edit.Apply("lab.yml", edited.Text, edited.Inverse)
	if err != nil || string(back.Text) != empty {
		t.Errorf("undone it reads %q: %v", back.Text, err)
	}
	return result.Lab
}

func TestEachShapeHasItsNodesAndLinksApartFromEachOther(t *testing.T) {
	for _, c := range []struct {
		request      generate.Request
		nodes, links int
	}{
		{generate.Request{Shape: generate.Line, Count: 5}, 5, 4},
		{generate.Request{Shape: generate.Ring, Count: 6, Kind: lab.Switch}, 6, 6},
		{generate.Request{Shape: generate.Ring, Count: 2}, 2, 1},
		{generate.Request{Shape: generate.Star, Count: 7}, 7, 6},
		{generate.Request{Shape: generate.Tree, Count: 15}, 15, 14},
		{generate.Request{Shape: generate.Tree, Count: 6, Fanout: 4, Hosts: 1}, 7, 6},
		{generate.Request{Shape: generate.Mesh, Count: 8}, 8, 28},
		{generate.Request{Shape: generate.LeafSpine, Count: 4, Spines: 2, Hosts: 2}, 14, 16},
	} {
		t.Run(string(c.request.Shape), func(t *testing.T) {
			l := make1(t, c.request)
			if len(l.Nodes) != c.nodes || len(l.Links) != c.links {
				t.Errorf("%d nodes and %d links, want %d and %d", len(l.Nodes), len(l.Links), c.nodes, c.links)
			}
			seen := map[[2]float64]string{}
			for _, n := range l.Nodes {
				at := [2]float64{*n.X, *n.Y}
				if other := seen[at]; other != "" {
					t.Errorf("%s is drawn on %s", n.Name, other)
				}
				seen[at] = n.Name
			}
		})
	}
}

func TestNamesThatAreTakenAreNotTakenAgain(t *testing.T) {
	ops, err := generate.Make(&lab.Lab{Nodes: []*lab.Node{{Name: "r1"}, {Name: "r3"}}}, generate.Request{Shape: generate.Line, Count: 2})
	if err != nil || ops[0].Node != "r2" || ops[1].Node != "r4" {
		t.Errorf("got %+v, %v", ops, err)
	}
}

func TestWhatIsTooMuchIsRefused(t *testing.T) {
	for _, r := range []generate.Request{{Shape: "blob", Count: 3}, {Shape: generate.Line}, {Shape: generate.Mesh, Count: 400}, {Shape: generate.Line, Count: 3, Kind: "x"}} {
		if _, err := generate.Make(nil, r); !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Exhausted) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
