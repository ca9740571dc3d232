package drawing

import "testing"

func TestAFabricStandsInThreeRows(t *testing.T) {
	// Two spines (0, 1), three leaves (2 to 4) and a host at each (5 to 7), named in an order that is not the drawing's.
	row := []int{0, 0, 1, 1, 1, -1, -1, -1}
	edges := [][2]int{{0, 2}, {0, 3}, {0, 4}, {1, 2}, {1, 3}, {1, 4}, {2, 7}, {3, 6}, {4, 5}}
	p := Tiers(row, edges)
	for n, y := range []float64{0, 0, 140, 140, 140, 280, 280, 280} {
		if p[n].Y != y {
			t.Errorf("node %d is in the row at %v, want %v", n, p[n].Y, y)
		}
	}
	for _, pair := range [][2]int{{2, 7}, {3, 6}, {4, 5}} {
		if p[pair[0]].X != p[pair[1]].X {
			t.Errorf("host %d at %v does not stand under its leaf at %v", pair[1], p[pair[1]].X, p[pair[0]].X)
		}
	}
	seen := map[Point]bool{}
	for n, at := range p {
		if seen[at] {
			t.Errorf("node %d stands on another", n)
		}
		seen[at] = true
	}
}

func TestTiersTakeAnyGraph(t *testing.T) {
	for _, c := range []struct {
		row   []int
		edges [][2]int
	}{
		{nil, nil},
		{[]int{-1, -1, -1}, nil},
		{[]int{-1, 5}, [][2]int{{0, 0}, {1, 9}, {-3, 1}}},
	} {
		if p := Tiers(c.row, c.edges); len(p) != len(c.row) {
			t.Errorf("%v: %d places", c.row, len(p))
		}
	}
}
