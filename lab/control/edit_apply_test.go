package control_test

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/edit"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
	"trunkline/store"
	"trunkline/tenancy"
)

const nothingChanged = " Nothing was changed: the lab's file and what runs are as they were."

// all is everything that an edit could leave behind: of the file, of what shall run, of the quotas, and on the host.
type all struct {
	Source    string
	Revisions []control.RevisionView
	Desired   control.Desired
	Taken     tenancy.Amounts
	OnHost    hostapi.LabSpec
}

func (r *rig) all(m *machine, labID string) all {
	r.t.Helper()
	list, err := r.control.Revisions(r.t.Context(), r.ada, labID)
	must(r.t, err)
	stored, err := r.store.Lab(r.t.Context(), tenancy.Everywhere(), labID)
	must(r.t, err)
	spec, _, _ := m.fake.Wired(labID)
	taken := r.taken()
	delete(taken, tenancy.QuotaHours) // they go on
	return all{stored.Revision.Source, list, stored.Desired, taken, spec}
}

func addNode(name string) []edit.Op {
	return []edit.Op{{Op: edit.AddNode, Node: name, Kind: "linux"}}
}

func TestAnEditThatCannotBeAppliedChangesNothing(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, &hostapi.Capabilities{RateLimit: true})
	id := r.create(ring("campus", 3))
	r.deploy(id)
	r.until(id, control.Running)
	r.limit(tenancy.Limits{tenancy.QuotaNodes: 3}, nil)
	allow := func(images ...string) {
		must(t, r.store.ChangeTenantImages(t.Context(), tenancy.InTenant("alpha"), func(p *control.ImagePolicy) error { p.Allow = images; return nil }))
	}
	for _, c := range []struct {
		name  string
		ops   []edit.Op
		allow []string
		code  fault.Code
		field string
		says  string
	}{
		{"no host can do it", []edit.Op{{Op: edit.SetLink, Link: firstLink, Fields: map[string]any{"impair": map[string]any{"delay": "20ms"}}}}, nil, fault.Unsupported, "topology.nodes.n", "netem"},
		{"no host has room", []edit.Op{{Op: edit.Set, Node: "n2", Path: []string{"memory"}, Value: edit.Of("900TiB")}}, nil, fault.Exhausted, "topology.nodes.n2", "1 full (memory)"},
		{"no host has the image", []edit.Op{{Op: edit.Set, Node: "n2", Path: []string{"image"}, Value: edit.Of("no/such")}}, nil, fault.Invalid, "topology.nodes.n2.image", "Image no/such of node n2"},
		{"the image is not allowed", []edit.Op{{Op: edit.Set, Node: "n2", Path: []string{"image"}, Value: edit.Of("trunkline/router")}}, []string{"trunkline/tiny"}, fault.Forbidden, "topology.nodes.n2.image", "trunkline/router"},
		{"a quota is used up", addNode("n4"), nil, fault.Exhausted, "nodes", "3 run, and this needs 1 more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			allow(c.allow...)
			defer allow()
			before := r.all(m, id)
			_, dry := r.control.Edit(t.Context(), r.ada, id, control.EditRequest{Ops: c.ops, Apply: true, Check: true})
			result, err := r.control.Edit(t.Context(), r.ada, id, control.EditRequest{Ops: c.ops, Apply: true})
			public := fault.Public(err)
			if err == nil || public.Code != c.code || !strings.HasPrefix(public.Field, c.field) || !strings.Contains(public.Sentence, c.says) || public.Sentence != fault.Sentence(dry)+nothingChanged {
				t.Errorf("refused by %+v; the dry run said %q", public, fault.Sentence(dry))
			}
			if result.Revision != 1 || result.Applied {
				t.Errorf("the answer is %+v", result)
			}
			if diff := cmp.Diff(before, r.all(m, id), cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
				t.Errorf("it left something behind (-before +after):\n%s", diff)
			}
			if kept := r.edit(id, control.EditRequest{Ops: c.ops, Check: true}); kept.Revision != 1 {
				t.Errorf("it could not be kept without being applied: %+v", kept)
			}
		})
	}
	if got := r.edit(id, control.EditRequest{Ops: cut(firstLink, true), Apply: true}); !got.Applied || got.Revision != 2 {
		t.Errorf("the next edit: %+v", got)
	}
}

// TestWhatOnlyDrawsIsKeptWhereTheLabCouldNotBeDeployedAnew does not let a drawing wait for what it has nothing to do with.
func TestWhatOnlyDrawsIsKeptWhereTheLabCouldNotBeDeployedAnew(t *testing.T) {
	r := newRig(t).start()
	m := r.addHost("host-a", fakehost.Config{}, nil)
	id := r.create(ring("campus", 3))
	r.deploy(id)
	r.until(id, control.Running)
	must(t, r.store.ChangeTenantImages(t.Context(), tenancy.InTenant("alpha"), func(p *control.ImagePolicy) error { p.Allow = []string{"trunkline/router"}; return nil }))
	before := r.all(m, id)
	drawn := r.edit(id, control.EditRequest{Ops: []edit.Op{{Op: edit.SetPosition, Node: "n1", At: &edit.Point{X: 30, Y: 40}}}, Apply: true})
	if drawn.Revision != 2 || drawn.Applied || !strings.Contains(drawn.PlanWords, "untouched") || !strings.Contains(drawn.PlanWords, "trunkline/tiny of node n1, n2, n3 is not allowed here") {
		t.Errorf("the answer is %+v, %q", drawn, drawn.PlanWords)
	}
	if after := r.all(m, id); !cmp.Equal(before.Desired, after.Desired, cmpopts.EquateEmpty()) || len(after.Revisions) != 2 {
		t.Errorf("stored is %+v; what shall run is\n%s", after.Revisions, cmp.Diff(before.Desired, after.Desired))
	}
	if _, err := r.control.Edit(t.Context(), r.ada, id, control.EditRequest{Ops: cut(firstLink, true), Apply: true}); !fault.Is(err, fault.Forbidden) || r.get(id).Revision != 2 {
		t.Errorf("an edit of what runs: %v", err)
	}
}

// early does something else to labs just before an edit is stored with what shall run.
type early struct {
	*store.Store
	first func()
}

func (e *early) ReviseDesired(ctx context.Context, scope tenancy.Scope, labID string, revision *control.Revision, change func(*control.Record) error) (*control.Record, error) {
	e.first()
	return e.Store.ReviseDesired(ctx, scope, labID, revision, change)
}

func TestAnEditThatTheTransactionRefusesChangesNothing(t *testing.T) {
	r := newRig(t)
	var before all
	var m *machine
	id := ""
	r.states = &early{r.store, sync.OnceFunc(func() {
		r.limit(tenancy.Limits{tenancy.QuotaNodes: 3}, nil) // there was room when it was planned
		before = r.all(m, id)
	})}
	r.start()
	m = r.addHost("host-a", fakehost.Config{}, nil)
	id = r.create(ring("campus", 3))
	r.deploy(id)
	r.until(id, control.Running)
	result, err := r.control.Edit(t.Context(), r.ada, id, control.EditRequest{Ops: addNode("n4"), Apply: true})
	refused(t, err, "nodes", "This workspace's limit of running nodes is 3: 3 run, and this needs 1 more, which is 1 too many. Stop a lab or some nodes, "+
		"or ask an administrator of the site for more."+nothingChanged)
	if result.Revision != 1 || result.Applied {
		t.Errorf("the answer is %+v", result)
	}
	if diff := cmp.Diff(before, r.all(m, id), cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Errorf("it left something behind (-before +after):\n%s", diff)
	}
}

func TestAnEditIsAppliedToTheLabAsItIsByThen(t *testing.T) {
	for _, c := range []struct {
		name    string
		first   func(r *rig, id string) error
		applied bool
		number  int64
	}{
		{"it was stopped", func(r *rig, id string) error { return r.control.Stop(r.t.Context(), r.ada, id) }, false, 2},
		{"somebody else edited it", func(r *rig, id string) error {
			_, err := r.control.Edit(r.t.Context(), r.ada, id, control.EditRequest{Ops: addNode("n5")})
			return err
		}, true, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			id := ""
			r.states = &early{r.store, sync.OnceFunc(func() { must(t, c.first(r, id)) })}
			r.start()
			r.addHost("host-a", fakehost.Config{}, nil)
			id = r.create(ring("campus", 3))
			r.deploy(id)
			r.until(id, control.Running)
			result := r.edit(id, control.EditRequest{Ops: addNode("n4"), Apply: true})
			stored, err := r.store.Lab(t.Context(), tenancy.Everywhere(), id)
			must(t, err)
			runs := stored.Desired.Want == control.WantRun && stored.Desired.Revision == c.number
			if result.Applied != c.applied || runs != c.applied || result.Revision != c.number || stored.Revision.Number != c.number || stored.Revision.Lab.Node("n4") == nil {
				t.Errorf("applied: %v, as revision %d; stored is %d, and of what shall run %+v", result.Applied, result.Revision, stored.Revision.Number, stored.Desired)
			}
		})
	}
}
