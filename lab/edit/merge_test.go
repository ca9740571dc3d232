package edit_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline/internal/fault"
	"trunkline/lab/edit"
)

func TestChangesOfDifferentLinesMerge(t *testing.T) {
	mine := strings.Replace(small, "name: small", "name: large", 1)
	theirs := strings.Replace(small, "      mtu: 1400\n", "      mtu: 9000\n", 1)
	got, err := edit.Merge([]byte(small), []byte(mine), []byte(theirs))
	want := strings.Replace(mine, "      mtu: 1400\n", "      mtu: 9000\n", 1)
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestChangesOfOneLineClashWithBothSides(t *testing.T) {
	mine := strings.Replace(small, "mtu: 1400", "mtu: 1300", 1)
	theirs := strings.Replace(small, "mtu: 1400", "mtu: 9000", 1)
	_, err := edit.Merge([]byte(small), []byte(mine), []byte(theirs))
	clashes := edit.Clashes(err)
	if !fault.Is(err, fault.Conflict) || len(clashes) != 1 {
		t.Fatalf("got %v", err)
	}
	want := edit.Clash{Where: "line 23", Line: 23, Base: "      mtu: 1400\n", Yours: "      mtu: 1300\n", Theirs: "      mtu: 9000\n"}
	if diff := cmp.Diff(want, clashes[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if details := fault.Public(err).Details; len(details) != 1 || details[0].Line != 23 {
		t.Errorf("people are told %+v", details)
	}
}

func TestClashesAreSettledOneByOneAndOnlyAllTogether(t *testing.T) {
	base := "a: 1\nb: 1\nc: 1\nd: 1\ne: 1\n"
	mine, theirs := "a: 2\nb: 1\nc: 2\nd: 1\ne: 2\n", "a: 3\nb: 1\nc: 3\nd: 1\ne: 1\n"
	settled := func(take ...edit.Side) (string, error) {
		got, err := edit.Apply("x.yml", []byte(theirs), []edit.Op{{Op: edit.SetText, Text: mine, Was: edit.Of(base), Take: take}})
		return string(got.Text), err
	}
	got, err := settled(edit.Theirs, edit.Yours)
	if want := "a: 3\nb: 1\nc: 2\nd: 1\ne: 2\n"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, take := range [][]edit.Side{nil, {edit.Yours}, {edit.Yours, edit.Yours, edit.Yours}} {
		if _, err := settled(take...); len(edit.Clashes(err)) != 2 {
			t.Errorf("with %v: %v", take, err)
		}
	}
}

// lines draws a text of a few different lines.
func lines(t *rapid.T, name string) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"# a\n", "# b\n", "# c\n", "# d\n", "\n"}), 0, 12).Draw(t, name), "") + "name: x\n"
}

func TestAMergeLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, mine, theirs := lines(t, "base"), lines(t, "mine"), lines(t, "theirs")
		one, err := edit.Merge([]byte(base), []byte(mine), []byte(theirs))
		other, otherErr := edit.Merge([]byte(base), []byte(theirs), []byte(mine))
		if (err == nil) != (otherErr == nil) || err == nil && string(one) != string(other) {
			t.Fatalf("one way %q, %v; the other %q, %v", one, err, other, otherErr)
		}
		for _, side := range []string{mine, theirs} { // what only one changed is taken as it is
			got, err := edit.Merge([]byte(base), []byte(side), []byte(base))
			if err != nil || string(got) != side {
				t.Fatalf("got %q of %q: %v", got, side, err)
			}
		}
		if err != nil && len(edit.Clashes(err)) == 0 {
			t.Fatalf("refused without a clash: %v", err)
		}
	})
}

func TestAComparisonShowsLinesAndSteps(t *testing.T) {
	after := strings.Replace(small, "      mtu: 1400\n", "      mtu: 9000\n      cut: true\n", 1)
	got := edit.Compare([]byte(small), []byte(after), parse(t, small), parse(t, after))
	var signs string
	for _, l := range got.Lines {
		signs += l.Sign
	}
	if signs != "@   -++ " || got.Lines[4].Old != 23 || got.Lines[5].New != 23 || len(got.Steps) != 1 {
		t.Errorf("got %q: %+v", signs, got)
	}
}

func TestAnEditOfWhatSomebodyElseChangedClashes(t *testing.T) {
	op := edit.Op{Op: edit.Set, Node: "r1", Path: []string{"kind"}, Value: edit.Of("linux"), Was: edit.Of("switch")}
	_, err := edit.Apply("lab.yml", []byte(small), []edit.Op{op})
	want := []edit.Clash{{Where: "node r1: kind", Line: 10, Base: "switch", Yours: "linux", Theirs: "router"}}
	if diff := cmp.Diff(want, edit.Clashes(err)); !fault.Is(err, fault.Conflict) || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	link := edit.Op{Op: edit.SetLink, Link: "r1:eth1 h1:eth1", Fields: map[string]any{"mtu": 1500}, WasFields: map[string]any{"mtu": nil}}
	if _, err := edit.Apply("lab.yml", []byte(small), []edit.Op{link}); len(edit.Clashes(err)) != 1 {
		t.Errorf("got %v", err)
	}
	link.WasFields["mtu"] = 1400
	if _, err := edit.Apply("lab.yml", []byte(small), []edit.Op{link}); err != nil {
		t.Errorf("what fits is refused: %v", err)
	}
}

func TestWhatDoesNotFitIsRefusedByName(t *testing.T) {
	for _, c := range []struct {
		op    edit.Op
		code  fault.Code
		words string
	}{
		{edit.Op{Op: "fly"}, fault.Invalid, `no edit "fly"`},
		{edit.Op{Op: edit.RemoveNode, Node: "r9"}, fault.NotFound, "no node r9"},
		{edit.Op{Op: edit.RemoveLink, Link: "a b"}, fault.NotFound, "no link a b"},
		{edit.Op{Op: edit.RenameNode, Node: "r1", To: "h1"}, fault.Conflict, "h1 already"},
		{edit.Op{Op: edit.MoveEnd, Link: "r1:eth1 h1:eth1", End: "b", To: "h2:eth1"}, fault.Conflict, "h2:eth1 has a link"},
		{edit.Op{Op: edit.AddLink, A: edit.End{Node: "r1", Interface: "eth1"}, B: edit.End{Node: "h1"}}, fault.Conflict, "r1:eth1 has a link"},
		{edit.Op{Op: edit.SetLink, Link: "r1:eth1 h1:eth1", Fields: map[string]any{"mut": 1}}, fault.Invalid, "Did you mean mtu?"},
		{edit.Op{Op: edit.SetLink, Link: "r1:eth1 h1:eth1", Fields: map[string]any{"addresses-a": []any{"x"}}}, fault.Invalid, "no address"},
		{edit.Op{Op: edit.Set, Node: "h1", Path: []string{"image"}}, fault.Invalid, "inherited"},
		{edit.Op{Op: edit.RemoveNode, Node: "r1", Was: edit.Of([]any{})}, fault.Conflict, "it has the link"},
		{edit.Op{Op: edit.Set, Node: "r1"}, fault.Invalid, "what to set"},
	} {
		if _, err := edit.Apply("lab.yml", []byte(small), []edit.Op{c.op}); !fault.Is(err, c.code) || !strings.Contains(fault.Sentence(err), c.words) {
			t.Errorf("%+v: %v", c.op, err)
		}
	}
	anchored := "name: x\ntopology:\n  nodes:\n    a: &a {kind: linux}\n    b: *a\n"
	if _, err := edit.Apply("lab.yml", []byte(anchored), []edit.Op{{Op: edit.RemoveNode, Node: "a"}}); !fault.Is(err, fault.Unsupported) || !strings.Contains(fault.Sentence(err), "*a") {
		t.Errorf("what an alias needs: %v", err)
	}
}
