package drawing

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func ring(n int) [][2]int {
	var edges [][2]int
	for i := range n {
		edges = append(edges, [2]int{i, (i + 1) % n})
	}
	return edges
}

func TestARingComesOutAsACircle(t *testing.T) {
	points := Layout(100, ring(100))
	var c Point
	for _, p := range points {
		c.X, c.Y = c.X+p.X/100, c.Y+p.Y/100
	}
	var radii []float64
	for _, p := range points {
		radii = append(radii, math.Hypot(p.X-c.X, p.Y-c.Y))
	}
	if low, high := slices.Min(radii), slices.Max(radii); high/low > 1.1 {
		t.Errorf("radii from %.0f to %.0f: not a circle", low, high)
	}
}

func TestNodesNeverStandUponEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		edges := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) [2]int {
			return [2]int{rapid.IntRange(-1, n).Draw(t, "a"), rapid.IntRange(-1, n).Draw(t, "b")}
		}), 0, 90).Draw(t, "edges")
		points := Layout(n, edges)
		for i, p := range points {
			if math.IsNaN(p.X) || math.IsNaN(p.Y) || math.IsInf(p.X, 0) || math.IsInf(p.Y, 0) {
				t.Fatalf("node %d is nowhere: %v", i, p)
			}
			for j := range i {
				if math.Hypot(p.X-points[j].X, p.Y-points[j].Y) < Step/4 {
					t.Fatalf("nodes %d and %d are both at %v", i, j, p)
				}
			}
		}
		if !slices.Equal(points, Layout(n, edges)) {
			t.Fatal("the same network was drawn in two ways")
		}
	})
}

func BenchmarkFiveHundredNodes(b *testing.B) {
	edges := ring(500)
	for i := range 250 {
		edges = append(edges, [2]int{i, i + 250})
	}
	for b.Loop() {
		Layout(500, edges)
	}
}
