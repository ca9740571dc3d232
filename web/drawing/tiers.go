package drawing

import (
	"cmp"
	"math"
	"slices"
)

// Tier distances in drawing units.
const (
	tierHeight = 140
	tierWidth  = 110
	sweeps     = 8
)

// Tiers returns a place for each node in rows: row[i] is its row counted from 0, or -1 for one that follows from its neighbours. Nodes of a row
// are put in an order in which few cables cross: each to the middle of its neighbours in the row before it (Sugiyama, Tagawa and Toda, "Methods
// for Visual Understanding of Hierarchical System Structures", IEEE Transactions on Systems, Man, and Cybernetics 1981), there and back some
// times. Edges are pairs of node numbers; those out of range and loops are ignored.
func Tiers(row []int, edges [][2]int) []Point {
	g := newGraph(len(row), edges)
	rows := g.rows(row)
	at := make([]float64, len(row))
	for _, r := range rows {
		for i, n := range r {
			at[n] = float64(i)
		}
	}
	for s := range sweeps {
		order := slices.Clone(rows)
		if s%2 == 1 {
			slices.Reverse(order)
		}
		for _, r := range order {
			g.order(r, at)
		}
	}
	x := g.above(rows)
	points := make([]Point, len(row))
	for y, r := range rows {
		for _, n := range r {
			points[n] = Point{math.Round(x[n] * tierWidth), float64(y * tierHeight)}
		}
	}
	return points
}

// above gives every node its place in its row, as a number of widths: the rows stand one below the other, and from the lowest up nodes stand over
// the middle of those below that they are cabled to, as far as their neighbours leave them room.
func (g *graph) above(rows [][]int) map[int]float64 {
	x, in := map[int]float64{}, map[int]int{}
	widest := 0
	for y, r := range rows {
		widest = max(widest, len(r))
		for _, n := range r {
			in[n] = y
		}
	}
	for y := len(rows) - 1; y >= 0; y-- {
		r := rows[y]
		left := float64(widest-len(r)) / 2
		wanted := make([]float64, len(r))
		for i, n := range r {
			wanted[i] = left + float64(i)
			sum, below := 0.0, 0
			for _, m := range g.next[n] {
				if in[m] == y+1 {
					sum, below = sum+x[m], below+1
				}
			}
			if below > 0 {
				wanted[i] = sum / float64(below)
			}
		}
		for i, at := range apart(wanted) {
			x[r[i]] = at
		}
	}
	return x
}

// apart moves places in order until they are a width from each other: half of the way to the right, half to the left.
func apart(wanted []float64) []float64 {
	right, left := slices.Clone(wanted), slices.Clone(wanted)
	for i := 1; i < len(wanted); i++ {
		right[i] = max(right[i], right[i-1]+1)
	}
	for i := len(wanted) - 2; i >= 0; i-- {
		left[i] = min(left[i], left[i+1]-1)
	}
	for i := range right {
		right[i] = (right[i] + left[i]) / 2
	}
	return right
}

// rows gives every node without a row the one below the highest of its neighbours that have one, and lists the nodes of each row.
func (g *graph) rows(row []int) [][]int {
	row = slices.Clone(row)
	var queue []int
	for n, r := range row {
		if r >= 0 {
			queue = append(queue, n)
		}
	}
	slices.SortStableFunc(queue, func(a, b int) int { return row[a] - row[b] })
	for {
		for len(queue) > 0 {
			n := queue[0]
			queue = queue[1:]
			for _, m := range g.next[n] {
				if row[m] < 0 {
					row[m] = row[n] + 1
					queue = append(queue, m)
				}
			}
		}
		apart := slices.IndexFunc(row, func(r int) bool { return r < 0 }) // of a part that nobody gave a row
		if apart < 0 {
			break
		}
		row[apart] = 0
		queue = append(queue, apart)
	}
	var rows [][]int
	for n, r := range row {
		for len(rows) <= r {
			rows = append(rows, nil)
		}
		rows[r] = append(rows[r], n)
	}
	return slices.DeleteFunc(rows, func(r []int) bool { return len(r) == 0 })
}

// order sorts a row by the middle of each node's neighbours; at holds places within rows as shares of the widest.
func (g *graph) order(r []int, at []float64) {
	middle := map[int]float64{}
	for _, n := range r {
		middle[n] = at[n]
		if len(g.next[n]) > 0 {
			sum := 0.0
			for _, m := range g.next[n] {
				sum += at[m]
			}
			middle[n] = sum / float64(len(g.next[n]))
		}
	}
	slices.SortStableFunc(r, func(a, b int) int { return cmp.Compare(middle[a], middle[b]) })
	for i, n := range r {
		at[n] = float64(i) - float64(len(r)-1)/2
	}
}
