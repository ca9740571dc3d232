package web

import "trunkline/lab/control"

// stay lets nodes that nobody has placed stay where they are drawn: an edit adds to the drawing that somebody looks at, and does not arrange it
// anew. Their places are kept beside the file, as those of nodes that were dragged.
func (s *Server) stay(r *Request) error {
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	places := map[string]control.Position{}
	for i, p := range placed(detail) {
		if n := detail.Lab.Nodes[i]; !isPlaced(detail, n) {
			places[n.Name] = control.Position{X: p.X, Y: p.Y}
		}
	}
	if len(places) == 0 {
		return nil
	}
	return s.Labs.Move(r.Context(), r.Actor, detail.ID, places)
}
