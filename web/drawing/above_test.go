package drawing

import (
	"testing"

	"pgregory.net/rapid"
)

func TestNodesStandOverWhatIsBelowThem(t *testing.T) {
	// 0 and 1 in the upper row; 2, 3 and 4 below the first, 5 below the second.
	points := Tiers([]int{0, 0, 1, 1, 1, 1}, [][2]int{{0, 2}, {0, 3}, {0, 4}, {1, 5}})
	if middle := (points[2].X + points[3].X + points[4].X) / 3; points[0].X != middle {
		t.Errorf("the first stands at %v, its three at %v in the middle", points[0].X, middle)
	}
	if points[1].X != points[5].X {
		t.Errorf("the second stands at %v, the one below it at %v", points[1].X, points[5].X)
	}
}

func TestNoTwoOfARowStandOnEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "nodes")
		row := rapid.SliceOfN(rapid.IntRange(-1, 3), n, n).Draw(t, "rows")
		var edges [][2]int
		for range rapid.IntRange(0, 30).Draw(t, "cables") {
			edges = append(edges, [2]int{rapid.IntRange(0, n-1).Draw(t, "a"), rapid.IntRange(0, n-1).Draw(t, "b")})
		}
		points := Tiers(row, edges)
		for i, p := range points {
			for _, q := range points[:i] {
				if p.Y == q.Y && p.X-q.X < tierWidth-1 && q.X-p.X < tierWidth-1 {
					t.Fatalf("two stand at %v and %v", p, q)
				}
			}
		}
	})
}
