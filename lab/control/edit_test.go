package control_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/edit"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

func (r *rig) edit(labID string, request control.EditRequest) *control.EditResult {
	r.t.Helper()
	result, err := r.control.Edit(r.t.Context(), r.ada, labID, request)
	if err != nil {
		r.t.Fatalf("%v: %+v", err, result)
	}
	return result
}

func cut(link string, on any) []edit.Op {
	return []edit.Op{{Op: edit.SetLink, Link: link, Fields: map[string]any{"cut": on}}}
}

const firstLink = "n1:eth1 n2:eth2"

func TestAnEditIsARevisionWithWhoAndWhat(t *testing.T) {
	r := newRig(t).start()
	id := r.create(ring("campus", 3))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	events, err := r.control.WatchLab(ctx, r.ada, id)
	must(t, err)
	before := r.get(id)
	result := r.edit(id, control.EditRequest{Base: 1, Ops: cut(firstLink, true), Note: "for the exercise"})
	if result.Revision != 2 || !strings.Contains(result.Text, "cut: true") || !result.Lab.Links[0].Cut || len(result.Plan) > 0 {
		t.Errorf("got %+v", result)
	}
	for e := range events {
		if e.Edited != nil {
			if e.Edited.Revision != 2 || e.Edited.By != "Ada" || !slices.Equal(e.Edited.Touched.Links, []string{firstLink}) {
				t.Errorf("watchers are told %+v", e.Edited)
			}
			break
		}
	}
	undone := r.edit(id, control.EditRequest{Base: 2, Ops: result.Inverse})
	if undone.Text != before.Source {
		t.Errorf("undone it reads\n%s", undone.Text)
	}
	list, err := r.control.Revisions(t.Context(), r.ada, id)
	must(t, err)
	if len(list) != 3 || list[1].Words != "link "+firstLink+": cut" || list[1].Author != "Ada" || list[1].Note != "for the exercise" || !list[0].Newest || list[2].Words != "imported" {
		t.Errorf("the revisions are %+v", list)
	}
	compared, err := r.control.CompareRevisions(t.Context(), r.ada, id, 1, 2)
	must(t, err)
	if len(compared.Steps) != 1 || !slices.ContainsFunc(compared.Lines, func(l edit.DiffLine) bool { return l.Sign == "+" && strings.Contains(l.Text, "cut: true") }) {
		t.Errorf("compared: %+v", compared)
	}
	restored, err := r.control.RestoreRevision(t.Context(), r.ada, id, 2, control.RestoreRequest{Base: 3})
	must(t, err)
	if restored.Revision != 4 || restored.Text != result.Text || restored.Words != "restored revision 2" {
		t.Errorf("restored: %+v", restored)
	}
	if _, err := r.control.RestoreRevision(t.Context(), r.ada, id, 1, control.RestoreRequest{Base: 3}); !fault.Is(err, fault.Conflict) {
		t.Errorf("over a newer one: %v", err)
	}
	if _, err := r.control.Edit(t.Context(), r.eve, id, control.EditRequest{Ops: cut(firstLink, nil)}); !fault.Is(err, fault.NotFound) {
		t.Errorf("another workspace's edit: %v", err)
	}
	if same := r.edit(id, control.EditRequest{Ops: cut(firstLink, true)}); same.Revision != 4 || same.Words != "" {
		t.Errorf("an edit of nothing: %+v", same)
	}
	if checked := r.edit(id, control.EditRequest{Ops: cut(firstLink, nil), Check: true}); checked.Revision != 4 || r.get(id).Source != restored.Text {
		t.Errorf("a check stored something: %+v", checked)
	}
}

func TestEditsOfDifferentThingsMergeAndOfTheSameClash(t *testing.T) {
	r := newRig(t).start()
	id := r.create(ring("campus", 3))
	set := func(node, image string) []edit.Op {
		return []edit.Op{{Op: edit.Set, Node: node, Path: []string{"image"}, Value: edit.Of(image)}}
	}
	r.edit(id, control.EditRequest{Base: 1, Ops: set("n1", "a")})
	merged := r.edit(id, control.EditRequest{Base: 1, Ops: set("n2", "b")})
	if !merged.Merged || merged.Lab.Node("n1").Image != "a" || merged.Lab.Node("n2").Image != "b" {
		t.Errorf("merged: %+v", merged)
	}
	result, err := r.control.Edit(t.Context(), r.ada, id, control.EditRequest{Base: 1, Ops: set("n1", "c")})
	if !fault.Is(err, fault.Conflict) || len(result.Clashes) != 1 || result.Clashes[0].Yours != "c" || result.Clashes[0].Theirs != "a" || result.Clashes[0].Base != "trunkline/tiny" {
		t.Errorf("a clash: %v, %+v", err, result.Clashes)
	}
	first, err := r.control.Revision(t.Context(), r.ada, id, 1)
	must(t, err)
	text := strings.Replace(first.Source, "name: campus", "name: renamed", 1)
	typed := r.edit(id, control.EditRequest{Base: 1, Text: &text})
	if typed.Lab.Name != "renamed" || typed.Lab.Node("n1").Image != "a" {
		t.Errorf("typed: %s", typed.Text)
	}
	text = strings.Replace(first.Source, "n1: {}", "n1: {image: d}", 1)
	if result, err = r.control.Edit(t.Context(), r.ada, id, control.EditRequest{Base: 1, Text: &text}); !fault.Is(err, fault.Conflict) || len(result.Clashes) == 0 {
		t.Errorf("typed over somebody's change: %v", err)
	}
	if _, err := r.control.Edit(t.Context(), r.ada, id, control.EditRequest{Base: 1, Text: &text, Take: []edit.Side{"mine"}, TakeAt: 4}); !fault.Is(err, fault.Invalid) || fault.Public(err).Field != "take" {
		t.Errorf("settled by no side: %v", err)
	}
	text = "name: x\ntopology: {nodes: {a: {kind: none}}}\n"
	if result, err = r.control.Edit(t.Context(), r.ada, id, control.EditRequest{Text: &text}); !fault.Is(err, fault.Invalid) || len(result.Report.Refused) == 0 || result.Report.Refused[0].Line != 2 {
		t.Errorf("a text that is no lab: %v, %+v", err, result.Report)
	}
}

// TestAnEditOfARunningLabIsFeltWithinASecond measures from the edit to the host's wires, in a lab of thirty nodes.
func TestAnEditOfARunningLabIsFeltWithinASecond(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("campus", 30))
	r.deploy(id)
	r.until(id, control.Running)
	made := m.fake.Calls()["create"]
	wired := func(fits func(k hostapi.CableSpec) bool) func() bool {
		return func() bool {
			spec, _, _ := m.fake.Wired(id)
			return slices.ContainsFunc(spec.Cables, fits)
		}
	}
	link := firstLink
	for _, c := range []struct {
		name string
		ops  func() []edit.Op
		felt func(k hostapi.CableSpec) bool
	}{
		{"a cut", func() []edit.Op { return cut(link, true) }, func(k hostapi.CableSpec) bool { return k.Cut }},
		{"an impairment", func() []edit.Op {
			return []edit.Op{{Op: edit.SetLink, Link: link, Fields: map[string]any{"impair": map[string]any{"rate": "1mbit"}}}}
		}, func(k hostapi.CableSpec) bool { return strings.Contains(fmt.Sprintf("%+v", k), "1000000") }},
		{"a colour", func() []edit.Op {
			return []edit.Op{{Op: edit.StyleNode, Node: "n3", Fields: map[string]any{"color": "amber"}}}
		}, func(k hostapi.CableSpec) bool { return k.Cut }},
		{"an address", func() []edit.Op {
			return []edit.Op{{Op: edit.SetLink, Link: link, Fields: map[string]any{"addresses-a": []any{"10.7.7.1/24"}}}}
		}, nil},
		{"a moved end", func() []edit.Op { return []edit.Op{{Op: edit.MoveEnd, Link: link, End: "b", To: "n9:eth9"}} }, func(k hostapi.CableSpec) bool {
			return strings.Contains(fmt.Sprintf("%+v", k), "eth9")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			result, err := r.control.Edit(t.Context(), r.ada, id, control.EditRequest{Ops: c.ops(), Apply: true})
			must(t, err)
			answered := time.Since(began)
			felt := wired(c.felt)
			if c.felt == nil {
				felt = func() bool {
					spec, _, _ := m.fake.Wired(id)
					return strings.Contains(fmt.Sprintf("%+v", spec), "10.7.7.1/24")
				}
			}
			await(t, said("the host to have it"), felt)
			took := time.Since(began)
			t.Logf("%s: answered after %s, on the host after %s; plan %+v", c.name, answered.Round(time.Millisecond), took.Round(time.Millisecond), result.Plan)
			if !result.Applied || took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			last := result.Plan[len(result.Plan)-1]
			if last.Verb != "keep" || !strings.Contains(result.PlanWords, "n1, n2") || !strings.Contains(result.PlanWords, " untouched") {
				t.Errorf("the plan does not say what is done and what stays: %q, %+v", result.PlanWords, result.Plan)
			}
		})
	}
	r.until(id, control.Running)
	if now := m.fake.Calls()["create"]; now != made {
		t.Errorf("%d containers were made anew", now-made)
	}
}

func TestAnEditFillsAddresses(t *testing.T) {
	r := newRig(t).start()
	id := r.create("name: fill\ntopology:\n  nodes:\n    r1: {kind: router}\n    r2: {kind: router}\n    h1: {kind: linux, image: trunkline/tiny}\n  links:\n    - endpoints: [\"r1:eth1\", \"r2:eth1\"]\n    - endpoints: [\"r1:eth2\", \"h1:eth1\"]\n")
	result := r.edit(id, control.EditRequest{Fill: true})
	if result.Revision != 2 || len(result.Lab.Links[0].A.Addresses) != 2 || len(result.Lab.Node("r1").Interface("lo").Addresses) != 2 || result.Lab.Node("h1").Routing == nil {
		t.Errorf("got\n%s", result.Text)
	}
	if again := r.edit(id, control.EditRequest{Fill: true}); again.Revision != 2 {
		t.Errorf("filling again made a revision:\n%s", again.Text)
	}
	if undone := r.edit(id, control.EditRequest{Ops: result.Inverse}); strings.Contains(undone.Text, "10.") {
		t.Errorf("undone it reads\n%s", undone.Text)
	}
	r.addHost("host-a", fakehost.Config{}, nil)
	asks := r.create("name: asks\ntopology:\n  addressing: {mode: fill}\n  nodes: {a: {kind: linux, image: trunkline/tiny}, b: {kind: linux, image: trunkline/tiny}}\n  links: [{endpoints: [a:eth1, b:eth1]}]\n")
	r.limit(tenancy.Limits{tenancy.QuotaNodes: 1}, nil)
	if err := r.control.Deploy(t.Context(), r.ada, asks); !fault.Is(err, fault.Exhausted) || r.get(asks).Revision != 1 {
		t.Errorf("refused with %v, it is revision %d", err, r.get(asks).Revision)
	}
	r.limit(nil, nil)
	r.deploy(asks)
	if got := r.until(asks, control.Running); got.Revision != 2 || len(got.Lab.Links[0].B.Addresses) != 2 {
		t.Errorf("deployed it reads\n%s", got.Source)
	}
	clash := r.edit(id, control.EditRequest{Ops: []edit.Op{{Op: edit.SetLink, Link: "r1:eth1 r2:eth1", Fields: map[string]any{"addresses-a": []any{"10.0.0.1/24"}, "addresses-b": []any{"10.0.0.1/24"}}}}})
	if len(clash.Marks) != 1 || clash.Marks[0].Line != 8 {
		t.Errorf("one address twice: %+v", clash.Marks)
	}
}

func TestADryRunOfALiveEditSaysWhatNoHostCanDo(t *testing.T) {
	r := newRig(t).start()
	r.addHost("host-a", fakehost.Config{}, &hostapi.Capabilities{RateLimit: true})
	const text = "name: x\ntopology:\n  defaults: {kind: linux, image: trunkline/tiny%s}\n  nodes: {a: {}, b: {}}\n  links: [{endpoints: [a:eth1, b:eth1]}]\n"
	strict, best := r.create(fmt.Sprintf(text, "")), r.create(strings.Replace(fmt.Sprintf(text, ", labels: {trunkline.impairments: best-effort}"), "name: x", "name: y", 1))
	for _, id := range []string{strict, best} {
		r.deploy(id)
		r.until(id, control.Running)
	}
	delayed, limited := control.LinkChange{Delay: new("20ms"), Check: true}, control.LinkChange{Rate: new("10mbit"), Check: true}
	if _, err := r.control.SetLink(t.Context(), r.ada, strict, "a b", delayed); !fault.Is(err, fault.Unsupported) || !strings.Contains(fault.Sentence(err), "netem") {
		t.Errorf("a delay where there is no netem: %v", err)
	}
	if would, err := r.control.SetLink(t.Context(), r.ada, strict, "a b", limited); err != nil || !strings.Contains(would.PlanWords, "link a:eth1 b:eth1: change") || !strings.Contains(would.PlanWords, "a, b untouched") {
		t.Errorf("a rate, which works everywhere: %+v, %v", would, err)
	}
	would, err := r.control.SetLink(t.Context(), r.ada, best, "a b", delayed)
	if err != nil || !strings.Contains(would.PlanWords, "without delay and loss: host host-a has no netem") {
		t.Errorf("a delay that may be left out: %+v, %v", would, err)
	}
	for _, id := range []string{strict, best} {
		if r.get(id).Revision != 1 {
			t.Errorf("a dry run stored revision %d", r.get(id).Revision)
		}
	}
}
