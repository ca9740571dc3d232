package store_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/lab/place"
	"trunkline/store"
	"trunkline/tenancy"
)

var sameRecord = cmp.Options{cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})}

// TestAVersionAndWhatShallRunOfItAreStoredTogether or not at all.
func TestAVersionAndWhatShallRunOfItAreStoredTogether(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		scope := tenancy.InTenant(alpha)
		r := newLab(alpha, "campus")
		must(t, s.CreateLab(t.Context(), scope, r))
		next := r.Revision
		next.Number, next.Source, next.After = 7, "a newer text", 1
		run := func(r *control.Record) error {
			if r.Revision.Source != next.Source {
				t.Errorf("the change sees revision %d", r.Revision.Number)
			}
			r.Desired.Deployment = control.Deployment{Want: control.WantRun, Revision: r.Revision.Number}
			return nil
		}
		no := fault.New(fault.Conflict, "No.")
		before, err := s.Lab(t.Context(), scope, r.ID)
		must(t, err)
		refused := func(why string, code fault.Code, change func(*control.Record) error) {
			t.Helper()
			_, err := s.ReviseDesired(t.Context(), scope, r.ID, &next, change)
			wantCode(t, err, code)
			after, err := s.Lab(t.Context(), scope, r.ID)
			must(t, err)
			if diff := cmp.Diff(before, after, sameRecord); diff != "" || next.Number != 7 {
				t.Errorf("%s: it is version %d; stored is (-before +after)\n%s", why, next.Number, diff)
			}
		}
		refused("the change says no", fault.Conflict, func(*control.Record) error { return no })
		limit := func(limits tenancy.Limits) {
			must(t, s.ChangeQuota(t.Context(), scope, func(q *tenancy.QuotaLimits) error { q.Workspace = limits; return nil }))
		}
		limit(tenancy.Limits{tenancy.QuotaNodes: 1})
		refused("there is no room", fault.Exhausted, run)
		limit(nil)
		got, err := s.ReviseDesired(t.Context(), scope, r.ID, &next, run)
		must(t, err)
		if next.Number != 2 || got.Revision.Number != 2 || got.Desired.Revision != 2 {
			t.Errorf("version %d; the record has %d, and %d runs", next.Number, got.Revision.Number, got.Desired.Revision)
		}
		late, err := s.ReviseDesired(t.Context(), scope, r.ID, &next, run)
		if wantCode(t, err, fault.Conflict); late != nil {
			t.Errorf("after another one it gave %+v", late)
		}
	})
}

func TestALabComesBackAsItWasStored(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		_, hostID := seed(t, s)
		want := newLab(alpha, "campus")
		must(t, s.CreateLab(t.Context(), tenancy.InTenant(alpha), want))
		for _, ref := range []string{want.ID, "campus"} {
			got, err := s.Lab(t.Context(), tenancy.InTenant(alpha), ref)
			must(t, err)
			if diff := cmp.Diff(want, got, sameRecord); diff != "" {
				t.Errorf("by %s (-stored +read):\n%s", ref, diff)
			}
		}
		vnis, err := s.VNIs(t.Context(), tenancy.InTenant(alpha), want.ID, []string{"r1:eth1 r2:eth1", "lan1"})
		must(t, err)
		needs := place.Amount{CPU: 0.25, Memory: 512 << 20, PIDs: 1024, Interfaces: 3}
		desired := control.Desired{
			Deployment: control.Deployment{
				Want: control.WantRun, Revision: 1, ImageMap: map[string]string{"frrouting/*": "trunkline/router"}, GivenUp: []string{"no delay"},
				Nodes: map[string]control.NodeDesired{"r1": {Run: hostapi.Paused, Restarts: 2, Remade: 1}}, Places: map[string]control.Place{"r1": {HostID: hostID, Why: "it fits", Needs: needs}},
				VNIs: vnis,
			},
			Generation: 3, Deploy: 2, Back: &control.Deployment{Want: control.WantStop, Revision: 1, Places: map[string]control.Place{"r1": {HostID: hostID, Needs: needs}}, VNIs: map[string]uint32{"lan1": vnis["lan1"]}},
			Returning: true, Note: "a note",
		}
		changed, err := s.ChangeDesired(t.Context(), tenancy.InTenant(alpha), want.ID, func(r *control.Record) error { r.Desired = desired; return nil })
		must(t, err)
		got, err := s.Lab(t.Context(), tenancy.Everywhere(), want.ID)
		must(t, err)
		for _, r := range []*control.Record{changed, got} {
			if diff := cmp.Diff(desired, r.Desired, sameRecord); diff != "" {
				t.Errorf("desired (-stored +read):\n%s", diff)
			}
		}
		if load, err := s.LabsPerHost(t.Context()); err != nil || load[hostID] != 1 {
			t.Errorf("labs per host %v, %v", load, err)
		}
	})
}

func TestAChangeThatFailsLeavesEverythingAsItWas(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		r := newLab(alpha, "campus")
		must(t, s.CreateLab(t.Context(), tenancy.InTenant(alpha), r))
		refused := fault.New(fault.Conflict, "No.")
		_, err := s.ChangeDesired(t.Context(), tenancy.InTenant(alpha), r.ID, func(r *control.Record) error {
			r.Desired.Generation = 7
			return refused
		})
		if !errors.Is(err, refused) {
			t.Fatalf("got %v", err)
		}
		got, err := s.Lab(t.Context(), tenancy.InTenant(alpha), r.ID)
		must(t, err)
		if got.Desired.Generation != 0 {
			t.Errorf("generation %d was stored", got.Desired.Generation)
		}
	})
}

func TestOfManyChangesAtOnceNoneIsLost(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		r := newLab(alpha, "campus")
		must(t, s.CreateLab(t.Context(), tenancy.InTenant(alpha), r))
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_, err := s.ChangeDesired(context.Background(), tenancy.InTenant(alpha), r.ID, func(r *control.Record) error { r.Desired.Generation++; return nil })
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		got, err := s.Lab(t.Context(), tenancy.InTenant(alpha), r.ID)
		must(t, err)
		if got.Desired.Generation != 20 {
			t.Errorf("generation is %d after 20 changes", got.Desired.Generation)
		}
	})
}

func TestALabNameIsTakenOnlyInItsTenant(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		must(t, s.CreateLab(t.Context(), tenancy.InTenant(alpha), newLab(alpha, "campus")))
		must(t, s.CreateLab(t.Context(), tenancy.InTenant(beta), newLab(beta, "campus")))
		err := s.CreateLab(t.Context(), tenancy.InTenant(alpha), newLab(alpha, "campus"))
		wantCode(t, err, fault.Conflict)
		if !strings.Contains(fault.Sentence(err), "campus") {
			t.Error(err)
		}
	})
}

func TestEveryVersionIsKeptAndThoseInUseAsTheyWereUnderstood(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		scope := tenancy.InTenant(alpha)
		r := newLab(alpha, "campus")
		r.Revision.Files = append(r.Revision.Files, control.ProjectFile{Path: "x.conf", Size: 1, SHA256: strings.Repeat("c", 64)})
		must(t, s.CreateLab(t.Context(), scope, r))
		deploy := func(revision int64, back *control.Deployment) {
			_, err := s.ChangeDesired(t.Context(), scope, r.ID, func(r *control.Record) error {
				r.Desired.Deployment, r.Desired.Back = control.Deployment{Want: control.WantRun, Revision: revision}, back
				return nil
			})
			must(t, err)
		}
		deploy(1, nil)
		for number := int64(2); number <= 4; number++ {
			next := r.Revision
			next.Source, next.Author, next.Words = "a newer text", "mia", "the text changed"
			next.FilesOf, next.After = 1, number-1
			next.Files = []control.ProjectFile{{Path: "lab.yml", SHA256: strings.Repeat("b", 64)}, r.Revision.Files[len(r.Revision.Files)-1]}
			must(t, s.AddRevision(t.Context(), scope, r.ID, &next))
			if next.Number != number {
				t.Fatalf("version %d, want %d", next.Number, number)
			}
		}
		understood := func(want map[int64]bool) {
			t.Helper()
			for number, kept := range want {
				revision, err := s.Revision(t.Context(), scope, r.ID, number)
				must(t, err)
				if (revision.Lab != nil) != kept || revision.Source == "" {
					t.Errorf("version %d is understood: %v, want %v", number, revision.Lab != nil, kept)
				}
			}
		}
		understood(map[int64]bool{1: true, 2: false, 3: false, 4: true})
		deploy(4, &control.Deployment{Want: control.WantRun, Revision: 1})
		understood(map[int64]bool{1: true})
		deploy(4, nil)
		understood(map[int64]bool{1: false, 4: true})
		late := r.Revision
		late.After = 3
		wantCode(t, s.AddRevision(t.Context(), scope, r.ID, &late), fault.Conflict)
		list, err := s.Revisions(t.Context(), scope, r.ID)
		must(t, err)
		if len(list) != 4 || list[0].Number != 4 || list[0].Author != "mia" || list[0].Words != "the text changed" || list[0].Source != "" || list[0].NodeCount != 2 {
			t.Errorf("the list begins with %+v", list[0])
		}
		newest, err := s.Revision(t.Context(), scope, r.ID, 4)
		must(t, err)
		var paths []string
		for _, f := range newest.Files {
			paths = append(paths, f.Path+" "+f.SHA256[:1])
		}
		first, err := s.Revision(t.Context(), scope, r.ID, 1)
		must(t, err)
		if len(newest.Files) != len(first.Files) {
			t.Errorf("the newest version has the files %v", paths)
		}
		_, err = s.Revisions(t.Context(), tenancy.InTenant(beta), r.ID)
		wantCode(t, err, fault.NotFound)
	})
}

func TestObservedStateComesBackAndHostsThatHaveNothingAreForgotten(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		_, hostID := seed(t, s)
		scope := tenancy.InTenant(alpha)
		r := newLab(alpha, "campus")
		must(t, s.CreateLab(t.Context(), scope, r))
		observed := control.Observed{State: control.Failed, Reason: "Docker is down.", Done: 1, Total: 3, Step: "create", Settled: 2, Seen: 3, Error: fault.New(fault.Unavailable, "Docker is down.")}
		status := map[string]*hostapi.LabStatus{hostID: {ID: r.ID, Generation: 3, Nodes: []hostapi.NodeStatus{{Name: "r1", State: hostapi.NodeRunning}}}}
		must(t, s.SaveObserved(t.Context(), scope, r.ID, observed, status))
		got, err := s.Lab(t.Context(), scope, r.ID)
		must(t, err)
		if diff := cmp.Diff(observed, got.Observed); diff != "" {
			t.Errorf("observed:\n%s", diff)
		}
		seen, err := s.OnHosts(t.Context(), scope, r.ID)
		must(t, err)
		if diff := cmp.Diff(status, seen); diff != "" {
			t.Errorf("on hosts:\n%s", diff)
		}
		if ids, err := s.ToReconcile(t.Context(), tenancy.Everywhere()); err != nil || len(ids) != 1 {
			t.Errorf("to reconcile: %v, %v", ids, err)
		}
		must(t, s.SaveObserved(t.Context(), scope, r.ID, observed, nil))
		if seen, err := s.OnHosts(t.Context(), scope, r.ID); err != nil || len(seen) != 0 {
			t.Errorf("still on hosts: %v, %v", seen, err)
		}
		if ids, err := s.ToReconcile(t.Context(), tenancy.Everywhere()); err != nil || len(ids) != 0 {
			t.Errorf("still to reconcile: %v, %v", ids, err)
		}
	})
}

func TestALabLargerThanAnInsertIsStoredWhole(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		_, hostID := seed(t, s)
		scope := tenancy.InTenant(alpha)
		r := newLab(alpha, "large")
		places := map[string]control.Place{}
		for i := range 3000 {
			name := "n" + strings.Repeat("0", i%7) + time.Duration(i).String()
			r.Revision.Lab.Nodes = append(r.Revision.Lab.Nodes, &lab.Node{Name: name})
			places[name] = control.Place{HostID: hostID, Why: "it fits"}
		}
		must(t, s.CreateLab(t.Context(), scope, r))
		_, err := s.ChangeDesired(t.Context(), scope, r.ID, func(r *control.Record) error { r.Desired.Places = places; r.Desired.Want = control.WantRun; return nil })
		must(t, err)
		got, err := s.Lab(t.Context(), scope, r.ID)
		must(t, err)
		if len(got.Desired.Places) != 3000 || len(got.Revision.Lab.Nodes) != 3002 {
			t.Errorf("%d places and %d nodes came back", len(got.Desired.Places), len(got.Revision.Lab.Nodes))
		}
		on, _, err := s.LabsOn(t.Context(), tenancy.Everywhere(), hostID)
		must(t, err)
		if diff := cmp.Diff([]string{r.ID}, on); diff != "" {
			t.Error(diff)
		}
		_, err = s.ChangeDesired(t.Context(), scope, r.ID, func(r *control.Record) error { r.Desired.Want = control.WantNothing; return nil })
		must(t, err)
		on, leaving, err := s.LabsOn(t.Context(), tenancy.Everywhere(), hostID)
		must(t, err)
		if len(on) > 0 || len(leaving) != 1 || leaving[0] != r.ID {
			t.Errorf("of a lab that shall go %q are wanted and %q leave", on, leaving)
		}
	})
}
