package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/edit"
	"trunkline/lab/generate"
	"trunkline/web/drawing"
)

// arrangement is where nodes would stand: ?as=free by the cables alone, ?as=tiers in rows. Nothing is changed: the page makes an edit of it,
// which can be undone.
func (s *Server) arrangement(r *Request) error {
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	var points []drawing.Point
	switch as := r.Query("as"); as {
	case "free":
		points = layout(detail.Lab)
	case "tiers":
		index, edges := edgesOf(detail.Lab)
		points = drawing.Tiers(tiersOf(detail.Lab, index, edges), edges)
	default:
		return fault.New(fault.Invalid, "Nodes are arranged as free or tiers, not as %q.", as).InField("as")
	}
	places := map[string]control.Position{}
	for i, p := range points {
		places[detail.Lab.Nodes[i].Name] = control.Position{X: p.X, Y: p.Y}
	}
	return r.JSON(http.StatusOK, places)
}

// edgesOf are the cables as pairs of node numbers, and the numbers by name.
func edgesOf(l *lab.Lab) (index map[string]int, edges [][2]int) {
	index = map[string]int{}
	for i, n := range l.Nodes {
		index[n.Name] = i
	}
	for _, k := range l.Links {
		if b, ok := index[k.B.Node]; ok {
			edges = append(edges, [2]int{index[k.A.Node], b})
		}
	}
	return index, edges
}

// tiersOf gives nodes their rows: what the file says (graph-level), ways out above all, and the others the higher the further they are from the
// machines at the edge. -1 leaves it to the neighbours.
func tiersOf(l *lab.Lab, index map[string]int, edges [][2]int) []int {
	away := distances(l, index, edges)
	farthest := slices.Max(append(slices.Clone(away), 0))
	top := 0
	if slices.ContainsFunc(l.Nodes, isWayOut) {
		top = 1
	}
	rows := make([]int, len(l.Nodes))
	for i, n := range l.Nodes {
		level, err := strconv.Atoi(n.Labels[lab.LevelLabel])
		switch {
		case err == nil && level >= 1 && level <= 100:
			rows[i] = level - 1
		case isWayOut(n):
			rows[i] = 0
		case away[i] < 0:
			rows[i] = -1
		default:
			rows[i] = top + farthest - away[i]
		}
	}
	return rows
}

func isWayOut(n *lab.Node) bool { return n.Kind == lab.Internet || n.Kind == lab.External }

// distances counts the cables from each node to the nearest machine at the edge: a container that is no router. -1: there is none.
func distances(l *lab.Lab, index map[string]int, edges [][2]int) []int {
	next := make([][]int, len(l.Nodes))
	for _, e := range edges {
		next[e[0]], next[e[1]] = append(next[e[0]], e[1]), append(next[e[1]], e[0])
	}
	away := make([]int, len(l.Nodes))
	var queue []int
	for name, i := range index {
		away[i] = -1
		if n := l.Node(name); n.Kind.IsContainer() && n.Kind != lab.Router {
			away[i] = 0
			queue = append(queue, i)
		}
	}
	slices.Sort(queue)
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, m := range next[at] {
			if away[m] < 0 {
				away[m] = away[at] + 1
				queue = append(queue, m)
			}
		}
	}
	return away
}

// pattern answers with the edits that make a ring, a star, a fabric or another shape. The page sends them as one edit.
func (s *Server) pattern(r *Request) error {
	var request generate.Request
	decoder := json.NewDecoder(r.HTTP().Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return fault.Wrap(err, fault.Invalid, "This pattern could not be read. Choose its shape and count again.")
	}
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	ops, err := generate.Make(detail.Lab, request)
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, map[string][]edit.Op{"ops": ops})
}
