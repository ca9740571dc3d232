package picture

import (
	"fmt"
	"math"

	"trunkline/lab"
)

// curve is the course of a cable and where its words stand. The map in the browser draws cables the same way.
type curve struct {
	path              string
	near, far, middle Point
}

// bends gives each cable how far it bends: 0, or a signed number of steps among those that join the same two nodes.
func bends(l *lab.Lab) []float64 {
	type pair [2]string
	groups := map[pair][]int{}
	for i, k := range l.Links {
		p := pair{min(k.A.Node, k.B.Node), max(k.A.Node, k.B.Node)}
		groups[p] = append(groups[p], i)
	}
	bends := make([]float64, len(l.Links))
	for p, list := range groups {
		for n, i := range list {
			bends[i] = float64(n) - float64(len(list)-1)/2
			switch {
			case p[0] == p[1]:
				bends[i] = float64(n + 1)
			case l.Links[i].A.Node != p[0]:
				bends[i] = -bends[i]
			}
		}
	}
	return bends
}

// course is straight when alone, bent when several cables join the same nodes, a loop when both ends are one node.
func course(p, q Point, bend float64) curve {
	if p == q {
		r := 26 + 10*bend
		return curve{
			path: fmt.Sprintf("M%.1f,%.1fC%.1f,%.1f %.1f,%.1f %.1f,%.1f", p.X-12, p.Y-20, p.X-r, p.Y-30-r, p.X+r, p.Y-30-r, p.X+12, p.Y-20),
			near: Point{p.X - 30, p.Y - 34}, far: Point{p.X + 30, p.Y - 34}, middle: Point{p.X, p.Y - 44},
		}
	}
	dx, dy := q.X-p.X, q.Y-p.Y
	length := math.Hypot(dx, dy)
	off := bend * min(34, length*0.28)
	c := Point{(p.X+q.X)/2 - dy/length*off*2, (p.Y+q.Y)/2 + dx/length*off*2}
	on := func(t float64) Point {
		return Point{(1-t)*(1-t)*p.X + 2*t*(1-t)*c.X + t*t*q.X, (1-t)*(1-t)*p.Y + 2*t*(1-t)*c.Y + t*t*q.Y}
	}
	reach := func(dy float64) float64 {
		if dy/length > 0.45 { // beyond the name below the node
			return min(0.42, 62/length)
		}
		return min(0.42, 44/length)
	}
	return curve{
		path: fmt.Sprintf("M%.1f,%.1fQ%.1f,%.1f %.1f,%.1f", p.X, p.Y, c.X, c.Y, q.X, q.Y),
		near: on(reach(dy)), far: on(1 - reach(-dy)), middle: on(0.5),
	}
}
