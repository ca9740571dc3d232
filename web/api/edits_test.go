package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/edit"
	"trunkline/web/api"
)

func image(node, name string) []edit.Op {
	return []edit.Op{{Op: edit.Set, Node: node, Path: []string{"image"}, Value: edit.Of(name)}}
}

func TestALabIsEditedFilledComparedAndRestored(t *testing.T) {
	c, _ := site(t)
	ctx := t.Context()
	if _, err := c.Create(ctx, yaml(twoNodes)); err != nil {
		t.Fatal(err)
	}
	checked, err := c.Edit(ctx, "pair", control.EditRequest{Ops: image("a", "one"), Check: true})
	if err != nil || checked.Revision != 1 || !strings.Contains(checked.Text, "image: one") || checked.Words != "a image changed" {
		t.Fatalf("a dry run: %+v, %v", checked, err)
	}
	first, err := c.Edit(ctx, "pair", control.EditRequest{Base: 1, Ops: image("a", "one"), Note: "a test"})
	if err != nil || first.Revision != 2 || len(first.Inverse) == 0 || first.Merged {
		t.Fatalf("an edit: %+v, %v", first, err)
	}
	merged, err := c.Edit(ctx, "pair", control.EditRequest{Base: 1, Ops: image("b", "two")})
	if err != nil || !merged.Merged || merged.Lab.Node("a").Image != "one" || merged.Lab.Node("b").Image != "two" {
		t.Fatalf("an edit of another thing: %+v, %v", merged, err)
	}
	undone, err := c.Edit(ctx, "pair", control.EditRequest{Ops: first.Inverse})
	if err != nil || undone.Lab.Node("a").Image == "one" || undone.Lab.Node("b").Image != "two" {
		t.Fatalf("its inverse sent back: %+v, %v", undone, err)
	}
	if filled, err := c.Fill(ctx, "pair", api.FillRequest{Check: true}); err != nil || filled.Revision != 4 || len(filled.Lab.Links[0].A.Addresses) != 2 {
		t.Errorf("a dry run of filling: %+v, %v", filled, err)
	}
	filled, err := c.Fill(ctx, "pair", api.FillRequest{})
	if err != nil || filled.Revision != 5 || !strings.Contains(filled.Words, "4 addresses filled in") {
		t.Errorf("filled: %+v, %v", filled, err)
	}
	list, err := c.Revisions(ctx, "pair")
	if err != nil || len(list) != 5 || list[0].Number != 5 || !list[0].Newest || list[3].Note != "a test" {
		t.Errorf("the revisions: %+v, %v", list, err)
	}
	var file bytes.Buffer
	if err := c.RevisionFile(ctx, "pair", 1, &file); err != nil || file.String() != twoNodes {
		t.Errorf("the first file is %q, %v", file.String(), err)
	}
	if one, err := c.Revision(ctx, "pair", 2); err != nil || one.Words != "a image changed" || one.Lab.Node("a").Image != "one" {
		t.Errorf("the second revision: %+v, %v", one, err)
	}
	compared, err := c.Compare(ctx, "pair", 1, 0)
	if err != nil || compared.To.Number != 5 || len(compared.Steps) == 0 || !slices.ContainsFunc(compared.Lines, func(l edit.DiffLine) bool { return l.Sign == "+" && strings.Contains(l.Text, "two") }) {
		t.Errorf("compared with the newest: %+v, %v", compared, err)
	}
	if would, err := c.Restore(ctx, "pair", 1, control.RestoreRequest{Check: true}); err != nil || would.Revision != 5 || would.Text != twoNodes {
		t.Errorf("a dry run of restoring: %+v, %v", would, err)
	}
	restored, err := c.Restore(ctx, "pair", 1, control.RestoreRequest{Base: 5})
	if err != nil || restored.Revision != 6 || restored.Text != twoNodes {
		t.Errorf("restored: %+v, %v", restored, err)
	}
}

func TestEveryEditIsTakenBackByItsInverse(t *testing.T) {
	c, _ := site(t)
	if _, err := c.Create(t.Context(), yaml(twoNodes)); err != nil {
		t.Fatal(err)
	}
	for _, op := range []edit.Op{
		{Op: edit.AddNode, Kind: "router", At: &edit.Point{X: 1, Y: 2}, Fields: map[string]any{"cmd": "sleep 1"}},
		{Op: edit.RemoveNode, Node: "b"}, {Op: edit.RenameNode, Node: "a", To: "z"}, {Op: edit.RemoveLink, Link: "a:eth1 b:eth1"},
		{Op: edit.AddLink, A: edit.End{Node: "a"}, B: edit.End{Node: "b", Interface: "eth7"}},
		{Op: edit.MoveEnd, Link: "a:eth1 b:eth1", End: "b", To: "b:eth4"},
		{Op: edit.SetLink, Link: "a:eth1 b:eth1", Fields: map[string]any{"mtu": 1400, "impair": map[string]any{"delay": "2ms"}}},
		{Op: edit.SetNote, Fields: map[string]any{"text": "hello", "x": 1, "y": 2}}, {Op: edit.SetGroup, Fields: map[string]any{"label": "left"}},
		{Op: edit.SetText, Text: strings.Replace(twoNodes, "pair", "other", 1)},
		{Op: edit.Batch, Ops: image("a", "x")}, {Op: edit.Set, Node: "a", Path: []string{"env", "A"}, Value: edit.Of("x")},
	} {
		made, err := c.Edit(t.Context(), "pair", control.EditRequest{Ops: []edit.Op{op}})
		if err != nil || made.Text == twoNodes {
			t.Errorf("%s: %+v, %v", op.Op, made, err)
			continue
		}
		if back, err := c.Edit(t.Context(), "pair", control.EditRequest{Base: made.Revision, Ops: made.Inverse}); err != nil || back.Text != twoNodes {
			t.Errorf("%s taken back by %+v: %+v, %v", op.Op, made.Inverse, back, err)
		}
	}
}

func TestAnEditThatIsNotMadeSaysBothSides(t *testing.T) {
	c, _ := site(t)
	ctx := t.Context()
	if _, err := c.Create(ctx, yaml(twoNodes)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Edit(ctx, "pair", control.EditRequest{Base: 1, Ops: image("a", "theirs")}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Edit(ctx, "pair", control.EditRequest{Base: 1, Ops: image("a", "mine")})
	not, is := errors.AsType[*client.NotEdited](err)
	if !fault.Is(err, fault.Conflict) || !is || not.Revision != 2 || len(not.Clashes) != 1 || not.Clashes[0].Yours != "mine" || not.Clashes[0].Theirs != "theirs" {
		t.Errorf("a conflict is %v with %+v", err, not)
	}
	_, err = c.Edit(ctx, "pair", control.EditRequest{Ops: []edit.Op{{Op: edit.Set, Node: "a", Path: []string{"colour"}, Value: edit.Of("red")}}})
	if not, is = errors.AsType[*client.NotEdited](err); !fault.Is(err, fault.Invalid) || !is || not.Report == nil || not.Report.Refused[0].Line != 4 {
		t.Errorf("a field that is none: %v with %+v", err, not)
	}
	for what, got := range map[string]error{
		"a verb that is none":      second(c.Edit(ctx, "pair", control.EditRequest{Ops: []edit.Op{{Op: "paint"}}})),
		"a revision to come":       second(c.Edit(ctx, "pair", control.EditRequest{Base: 9, Ops: image("a", "x")})),
		"both changes and a text":  second(c.Edit(ctx, "pair", control.EditRequest{Ops: image("a", "x"), Text: new("name: x")})),
		"a note that is too long":  second(c.Fill(ctx, "pair", api.FillRequest{Note: strings.Repeat("x", 201)})),
		"a revision of number 0":   second(c.Revision(ctx, "pair", 0)),
		"restoring by number 0":    second(c.Restore(ctx, "pair", 0, control.RestoreRequest{})),
		"comparing with number -1": second(c.Compare(ctx, "pair", -1, 0)),
	} {
		if !fault.Is(got, fault.Invalid) {
			t.Errorf("%s: %v", what, got)
		}
	}
	for what, got := range map[string]error{
		"an edit of no lab":    second(c.Edit(ctx, "none", control.EditRequest{Ops: image("a", "x")})),
		"revisions of no lab":  second(c.Revisions(ctx, "none")),
		"a revision not there": second(c.Revision(ctx, "pair", 9)),
		"restoring that one":   second(c.Restore(ctx, "pair", 9, control.RestoreRequest{})),
		"comparing with it":    second(c.Compare(ctx, "pair", 1, 9)),
	} {
		if !fault.Is(got, fault.NotFound) {
			t.Errorf("%s: %v", what, got)
		}
	}
	if _, err := c.Restore(ctx, "pair", 1, control.RestoreRequest{Base: 1}); !fault.Is(err, fault.Conflict) {
		t.Errorf("restoring over what was not seen: %v", err)
	}
	if now, err := c.Lab(ctx, "pair"); err != nil || now.Revision != 2 {
		t.Errorf("something was stored: %+v, %v", now, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestTheDescriptionTellsOfEdits(t *testing.T) {
	text, err := api.New(api.Config{}).OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var described struct {
		Paths map[string]map[string]struct {
			Responses map[string]json.RawMessage
		}
		Components struct {
			Schemas map[string]struct{ Properties map[string]json.RawMessage }
		}
	}
	if err := json.Unmarshal(text, &described); err != nil {
		t.Fatal(err)
	}
	responses := described.Paths["/labs/{lab}/edits"]["post"].Responses
	for _, status := range []int{http.StatusOK, http.StatusConflict, http.StatusUnprocessableEntity} {
		if responses[strconv.Itoa(status)] == nil {
			t.Errorf("an edit's answer %d is not described", status)
		}
	}
	not := described.Components.Schemas["NotEdited"].Properties
	for _, field := range []string{"error", "clashes", "report", "revision"} {
		if not[field] == nil {
			t.Errorf("what an edit that is not made answers lacks %s: %v", field, not)
		}
	}
	if value := string(described.Components.Schemas["Op"].Properties["value"]); strings.Contains(value, "$ref") {
		t.Errorf("the value of a change is any JSON, and described as %s", value)
	}
}
