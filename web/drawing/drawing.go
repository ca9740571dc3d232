// Package drawing places the nodes of a network on a plane, so that a person sees its shape at once.
//
// It knows a graph and its distances: it minimises stress (the difference between the distance on the plane and in the graph), by
// stochastic gradient descent as in Zheng, Pawar and Goodman, "Graph Drawing by Stochastic Gradient Descent" (IEEE TVCG 2019). A ring
// comes out as a circle, a chain as a line, a grid as a grid. It refuses to know labs, pages and randomness: equal input
// gives equal output.
package drawing

import (
	"math"
	"slices"
)

// Point is a place in drawing units; y grows downwards.
type Point struct{ X, Y float64 }

// Step is the wanted length of one cable in drawing units.
const Step = 120

// sampled is the size above which distances are taken to some nodes only.
const sampled = 700

// Layout returns a place for each of n nodes. Edges are pairs of node numbers; those out of range and loops are ignored.
// Parts that are not connected stand side by side, the largest first.
func Layout(n int, edges [][2]int) []Point {
	g := newGraph(n, edges)
	points := make([]Point, n)
	var boxes []box
	for _, part := range g.parts() {
		local := g.place(part)
		boxes = append(boxes, normalise(part, local))
	}
	slices.SortStableFunc(boxes, func(a, b box) int { return len(b.nodes) - len(a.nodes) })
	pack(boxes, points)
	for i := range points {
		points[i] = Point{math.Round(points[i].X), math.Round(points[i].Y)}
	}
	return points
}

type graph struct{ next [][]int }

func newGraph(n int, edges [][2]int) graph {
	g := graph{next: make([][]int, n)}
	for _, e := range edges {
		a, b := e[0], e[1]
		if a < 0 || b < 0 || a >= n || b >= n || a == b || slices.Contains(g.next[a], b) {
			continue
		}
		g.next[a] = append(g.next[a], b)
		g.next[b] = append(g.next[b], a)
	}
	return g
}

// parts are the connected components, each in breadth-first order from its first node.
func (g graph) parts() [][]int {
	seen := make([]bool, len(g.next))
	var parts [][]int
	for i := range g.next {
		if seen[i] {
			continue
		}
		seen[i] = true
		part := []int{i}
		for at := 0; at < len(part); at++ {
			for _, j := range g.next[part[at]] {
				if !seen[j] {
					seen[j] = true
					part = append(part, j)
				}
			}
		}
		parts = append(parts, part)
	}
	return parts
}

// distances counts the cables from one node of a part to each other; the result is in the order of index.
func (g graph) distances(from int, index map[int]int, hops []int) {
	for i := range hops {
		hops[i] = -1
	}
	hops[index[from]] = 0
	queue := []int{from}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, j := range g.next[at] {
			if k := index[j]; hops[k] < 0 {
				hops[k] = hops[index[at]] + 1
				queue = append(queue, j)
			}
		}
	}
}

// term is one pair with its wanted distance.
type term struct {
	i, j int32
	d, w float64 // distance, and how much it counts
}

// place lays one connected part out.
func (g graph) place(part []int) []Point {
	points := spiral(len(part))
	if len(part) < 3 {
		if len(part) == 2 {
			points[0], points[1] = Point{0, 0}, Point{Step * 1.4, 0}
		}
		return points
	}
	terms := g.terms(part)
	rounds := 40
	if len(part) > 200 {
		rounds = 24
	}
	descend(points, terms, rounds)
	separate(points, Step*0.72)
	return points
}

// terms lists the pairs: all of them, or in large graphs those with every k-th node and the neighbours.
func (g graph) terms(part []int) []term {
	index := make(map[int]int, len(part))
	for i, node := range part {
		index[node] = i
	}
	stride := 1
	if len(part) > sampled {
		stride = len(part) / 100
	}
	hops := make([]int, len(part))
	var terms []term
	for i, node := range part {
		pivot := i%stride == 0
		if pivot {
			g.distances(node, index, hops)
		}
		for j := range part {
			switch {
			case pivot && (j > i || stride > 1 && j%stride != 0):
				terms = append(terms, newTerm(i, j, hops[j]))
			case !pivot && j > i && slices.Contains(g.next[node], part[j]):
				terms = append(terms, newTerm(i, j, 1))
			}
		}
	}
	return terms
}

func newTerm(i, j, hops int) term {
	d := float64(hops) * Step
	return term{i: int32(i), j: int32(j), d: d, w: 1 / (d * d)}
}

// descend moves pairs towards their distance, in an order that is shuffled the same way each time, with steps that shrink.
func descend(points []Point, terms []term, rounds int) {
	longest := float64(Step)
	for _, t := range terms {
		longest = max(longest, t.d)
	}
	first, last := longest*longest, 0.1*Step*Step
	lambda := math.Log(first/last) / float64(rounds-1)
	seed := uint64(0x9e3779b97f4a7c15)
	for round := range rounds {
		eta := first * math.Exp(-lambda*float64(round))
		for i := len(terms) - 1; i > 0; i-- {
			seed ^= seed << 13
			seed ^= seed >> 7
			seed ^= seed << 17
			j := int(seed % uint64(i+1))
			terms[i], terms[j] = terms[j], terms[i]
		}
		for _, t := range terms {
			p, q := &points[t.i], &points[t.j]
			dx, dy := p.X-q.X, p.Y-q.Y
			length := math.Hypot(dx, dy)
			if length < 1e-6 {
				dx, dy, length = 1e-3, 1e-3*float64(t.i-t.j), 1e-3
			}
			move := min(1, eta*t.w) * (length - t.d) / 2 / length
			p.X, p.Y = p.X-move*dx, p.Y-move*dy
			q.X, q.Y = q.X+move*dx, q.Y+move*dy
		}
	}
}

// spiral is where the descent starts: nodes in breadth-first order on a sunflower, none upon another.
func spiral(n int) []Point {
	points := make([]Point, n)
	for i := range points {
		r, a := Step*0.6*math.Sqrt(float64(i)), float64(i)*2.399963229728653
		points[i] = Point{r * math.Cos(a), r * math.Sin(a)}
	}
	return points
}

// separate pushes nodes apart that stand nearer than gap, looking only at neighbours on a grid.
func separate(points []Point, gap float64) {
	type cell struct{ x, y int }
	for range 40 {
		grid := map[cell][]int{}
		for i, p := range points {
			c := cell{int(math.Floor(p.X / gap)), int(math.Floor(p.Y / gap))}
			grid[c] = append(grid[c], i)
		}
		moved := false
		for i := range points {
			c := cell{int(math.Floor(points[i].X / gap)), int(math.Floor(points[i].Y / gap))}
			for x := c.x - 1; x <= c.x+1; x++ {
				for y := c.y - 1; y <= c.y+1; y++ {
					for _, j := range grid[cell{x, y}] {
						moved = j > i && push(&points[i], &points[j], gap) || moved
					}
				}
			}
		}
		if !moved {
			return
		}
	}
}

func push(p, q *Point, gap float64) bool {
	dx, dy := q.X-p.X, q.Y-p.Y
	length := math.Hypot(dx, dy)
	if length >= gap-0.5 {
		return false
	}
	if length < 1e-6 {
		dx, dy, length = 1, 0.5, 1.118
	}
	move := (gap - length) / 2 / length
	p.X, p.Y = p.X-move*dx, p.Y-move*dy
	q.X, q.Y = q.X+move*dx, q.Y+move*dy
	return true
}

// box is a part with its extent, its corner at 0, 0.
type box struct {
	nodes  []int
	points []Point
	w, h   float64
}

// normalise turns a part so that its longest extent lies flat, as screens do, and moves it to the origin.
func normalise(part []int, points []Point) box {
	turn(points)
	low, high := Point{math.Inf(1), math.Inf(1)}, Point{math.Inf(-1), math.Inf(-1)}
	for _, p := range points {
		low = Point{min(low.X, p.X), min(low.Y, p.Y)}
		high = Point{max(high.X, p.X), max(high.Y, p.Y)}
	}
	for i := range points {
		points[i] = Point{points[i].X - low.X, points[i].Y - low.Y}
	}
	return box{nodes: part, points: points, w: high.X - low.X, h: high.Y - low.Y}
}

// turn rotates the points so that their principal axis is horizontal and the first node is in the upper left half.
func turn(points []Point) {
	if len(points) < 3 {
		return
	}
	var c Point
	for _, p := range points {
		c.X, c.Y = c.X+p.X/float64(len(points)), c.Y+p.Y/float64(len(points))
	}
	var xx, xy, yy float64
	for _, p := range points {
		dx, dy := p.X-c.X, p.Y-c.Y
		xx, xy, yy = xx+dx*dx, xy+dx*dy, yy+dy*dy
	}
	sin, cos := math.Sincos(-0.5 * math.Atan2(2*xy, xx-yy))
	for i, p := range points {
		dx, dy := p.X-c.X, p.Y-c.Y
		points[i] = Point{dx*cos - dy*sin, dx*sin + dy*cos}
	}
	flipX, flipY := points[0].X > 1, points[0].Y > 1
	for i := range points {
		if flipX {
			points[i].X = -points[i].X
		}
		if flipY {
			points[i].Y = -points[i].Y
		}
	}
}

// pack puts the parts in rows, about as wide as 1.6 times their height.
func pack(boxes []box, points []Point) {
	area, widest := 0.0, 0.0
	const gap = Step
	for _, b := range boxes {
		area += (b.w + gap) * (b.h + gap)
		widest = max(widest, b.w)
	}
	limit := max(widest, math.Sqrt(area*1.6))
	x, y, row := 0.0, 0.0, 0.0
	for _, b := range boxes {
		if x > 0 && x+b.w > limit {
			x, y, row = 0, y+row+gap, 0
		}
		for i, node := range b.nodes {
			points[node] = Point{x + b.points[i].X, y + b.points[i].Y}
		}
		x, row = x+b.w+gap, max(row, b.h)
	}
}
