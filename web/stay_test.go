package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestAnEditLeavesNodesWhereTheyAreDrawn(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "ring-100")
	b := s.as("mia")
	type node struct {
		Name string
		X, Y float64
	}
	drawn := func(a answer) map[string]node {
		t.Helper()
		var got struct{ Map struct{ Nodes []node } }
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatalf("%v: %.300s", err, a.body)
		}
		at := map[string]node{}
		for _, n := range got.Map.Nodes {
			at[n.Name] = n
		}
		return at
	}
	edit := func(body string) answer {
		return b.do("POST", "/labs/"+id+"/edits", strings.NewReader(body), "Content-Type", "application/json", "Accept", "application/json")
	}
	before := drawn(b.get("/labs/"+id+"/document", "Accept", "application/json"))
	var some []string
	for name := range before {
		some = append(some, name)
	}
	slices.Sort(some)
	after := edit(fmt.Sprintf(`{"ops": [{"op": "add-node", "kind": "linux"}, {"op": "add-link", "a": {"node": %q}, "b": {"node": %q}}]}`, some[0], some[50]))
	after.want(t, http.StatusOK)
	now := drawn(after)
	if len(now) != len(before)+1 {
		t.Fatalf("%d nodes became %d", len(before), len(now))
	}
	for name, n := range before {
		if now[name] != n {
			t.Errorf("%s was drawn at %v,%v and is at %v,%v", name, n.X, n.Y, now[name].X, now[name].Y)
		}
	}
}
