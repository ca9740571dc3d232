package lab_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"trunkline/lab"
)

func TestLabelsSayWhereANodeIsPlaced(t *testing.T) {
	n := &lab.Node{Labels: map[string]string{
		"trunkline.place.disk": "ssd", "trunkline.place.host": "host-b", "trunkline.together": "core, edge,core", "trunkline.separate": "rr",
		"trunkline.lost": "wait", "trunkline.impairments": "best-effort", "colour": "red",
	}}
	want := lab.Placement{
		Labels: map[string]string{"disk": "ssd", "host": "host-b"}, Together: []string{"core", "edge"}, Separate: []string{"rr"},
		Lost: lab.LostWait, BestEffort: true,
	}
	if got := n.Placement(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if got := (&lab.Node{Labels: map[string]string{"colour": "red"}}).Placement(); !reflect.DeepEqual(got, lab.Placement{}) {
		t.Errorf("a node that asks for nothing gives %+v", got)
	}
}

func TestALabMovesUnlessItSaysThatItWaits(t *testing.T) {
	l := pair()
	if got := l.LostPolicy(); got != lab.LostMove {
		t.Errorf("by default it is to %s", got)
	}
	l.Nodes[1].Labels = map[string]string{"trunkline.lost": "wait"}
	if got := l.LostPolicy(); got != lab.LostWait {
		t.Errorf("with the label it is to %s", got)
	}
}

func TestALabelForPlacementIsCheckedByName(t *testing.T) {
	for _, c := range []struct{ name, key, value, words string }{
		{"a label that is none", "trunkline.pace.disk", "ssd", "There is no label trunkline.pace.disk"},
		{"a slip of the finger", "trunkline.togeter", "core", "Did you mean trunkline.together?"},
		{"a label of no host", "trunkline.place.", "ssd", "is empty"},
		{"a value of nothing", "trunkline.place.disk", "", "should hold what the host's label disk says"},
		{"a value with blanks", "trunkline.place.disk", "s sd", "without blanks"},
		{"an empty name", "trunkline.together", "core,,edge", `the name "" is empty`},
		{"a name that is none", "trunkline.separate", "core edge", "letters, digits"},
		{"a policy that is none", "trunkline.lost", "stay", "move or wait"},
		{"an effort that is none", "trunkline.impairments", "no", "should be best-effort"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := pair()
			l.Nodes[1].Labels = map[string]string{c.key: c.value}
			places := lab.Validate(l)
			if len(places) != 1 || places[0].Field != "topology.nodes.b.labels."+c.key || places[0].Line != 4 || !strings.Contains(places[0].Sentence, c.words) {
				t.Errorf("got %+v", places)
			}
			if got := l.Nodes[1].Placement(); !reflect.DeepEqual(got, lab.Placement{}) {
				t.Errorf("it is read all the same: %+v", got)
			}
		})
	}
	t.Run("a lab cannot both move and wait", func(t *testing.T) {
		l := pair()
		l.Nodes[0].Labels, l.Nodes[1].Labels = map[string]string{"trunkline.lost": "move"}, map[string]string{"trunkline.lost": "wait"}
		if places := lab.Validate(l); len(places) != 1 || !strings.Contains(places[0].Sentence, "as a whole") {
			t.Errorf("got %+v", places)
		}
	})
	t.Run("a link may be impaired as well as can be, and says nothing of places", func(t *testing.T) {
		l := pair()
		l.Links[0].Labels = map[string]string{"trunkline.impairments": "best-effort", "trunkline.lost": "wait", "colour": "red"}
		if places := lab.Validate(l); len(places) != 1 || !strings.Contains(places[0].Sentence, "is for nodes") || places[0].Line != 6 {
			t.Errorf("got %+v", places)
		}
	})
}

func TestOtherPlacementLabelsNeedNoNewContainer(t *testing.T) {
	from, to := pair(), pair()
	from.Nodes[1].Labels = map[string]string{"colour": "red"}
	to.Nodes[1].Labels = map[string]string{"colour": "red", "trunkline.place.disk": "ssd"}
	if got := texts(lab.Diff(from, to)); !slices.Equal(got, []string{"change node b: placement labels changed"}) {
		t.Errorf("got %q", got)
	}
}
