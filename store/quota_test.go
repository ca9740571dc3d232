package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline/internal/fault"
	"trunkline/internal/testkit"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/store"
	"trunkline/tenancy"
)

var held = []tenancy.Resource{tenancy.QuotaLabs, tenancy.QuotaNodes, tenancy.QuotaCPU, tenancy.QuotaMemory, tenancy.QuotaDisk}

// sums is what the tenant's labs hold by what is stored of them, without looking at a reservation: by person.
func sums(ctx context.Context, s *store.Store, tenant string) (map[string]tenancy.Amounts, error) {
	scope, by := tenancy.InTenant(tenant), map[string]tenancy.Amounts{}
	labs, err := s.Labs(ctx, scope)
	if err != nil {
		return nil, err
	}
	for _, listed := range labs {
		r, err := s.Lab(ctx, scope, listed.ID)
		if err != nil {
			return nil, err
		}
		kept, holds := map[string]int64{}, tenancy.Amounts{tenancy.QuotaLabs: 1}
		for number := int64(1); number <= r.Revision.Number; number++ {
			revision, err := s.Revision(ctx, scope, r.ID, number)
			if fault.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			for _, f := range revision.Files {
				kept[f.SHA256] = f.Size
			}
			if number == r.Desired.Revision && r.Desired.Want != control.WantNothing {
				holds = holds.Plus(control.Reserved(r.Desired.Deployment, revision.Lab, control.UsualNode))
			}
		}
		for _, size := range kept {
			holds[tenancy.QuotaDisk] += size
		}
		by[r.OwnerID] = by[r.OwnerID].Plus(holds)
	}
	return by, nil
}

// unlike says how what is reserved differs from what the labs hold.
func unlike(ctx context.Context, s *store.Store, tenant string) (string, error) {
	want, err := sums(ctx, s, tenant)
	if err != nil {
		return "", err
	}
	_, use, err := s.Quota(ctx, tenancy.InTenant(tenant))
	if err != nil {
		return "", err
	}
	of := func(all map[string]tenancy.Amounts) map[string]int64 {
		flat := map[string]int64{}
		for person, amounts := range all {
			for _, resource := range held {
				if amounts[resource] != 0 {
					flat[person+" "+string(resource)] = amounts[resource]
				}
			}
		}
		return flat
	}
	return cmp.Diff(of(want), of(use.People)), nil
}

// quotaLab is a lab of that owner with so many nodes.
func quotaLab(owner, name string, nodes int) *control.Record {
	r := newLab(alpha, name)
	r.OwnerID, r.Owner = owner, owner
	r.Revision = quotaRevision(nodes, nodes)
	return r
}

func quotaRevision(nodes, seed int) control.Revision {
	l := &lab.Lab{Name: "x"}
	for i := range nodes {
		l.Nodes = append(l.Nodes, &lab.Node{Name: fmt.Sprint("n", i), Kind: lab.Linux, CPU: float64(i%3) / 2, MemoryBytes: int64(i%2) << 28})
	}
	l.Nodes = append(l.Nodes, &lab.Node{Name: "sw", Kind: lab.Switch})
	return control.Revision{Number: 1, File: "lab.yml", Source: "x", Lab: l, CreatedAt: time.Now(), Files: []control.ProjectFile{
		{Path: "lab.yml", Size: int64(100 + seed), SHA256: fmt.Sprintf("a%063d", seed), Mode: 0o644}, {Path: "same", Size: 7, SHA256: fmt.Sprintf("%064d", 0), Mode: 0o644},
		{Path: "again", Size: 7, SHA256: fmt.Sprintf("%064d", 0), Mode: 0o644}}}
}

// intents are what people do to a lab's desired state, as the controller does it.
var intents = map[string]func(r *control.Record){
	"deploy": func(r *control.Record) {
		d := &r.Desired
		back := d.Deployment
		if d.Back = nil; back.Want != control.WantNothing {
			d.Back = &back
		}
		d.Deployment = control.Deployment{Want: control.WantRun, Revision: r.Revision.Number}
	},
	"cancel": func(r *control.Record) {
		if r.Desired.Back != nil {
			r.Desired.Deployment = *r.Desired.Back
		} else {
			r.Desired.Want = control.WantNothing
		}
	},
	"stop": func(r *control.Record) {
		if r.Desired.Want == control.WantRun {
			r.Desired.Want, r.Desired.Back = control.WantStop, nil
		}
	},
	"destroy": func(r *control.Record) {
		r.Desired.Want, r.Desired.Back, r.Desired.Nodes = control.WantNothing, nil, nil
	},
	"clear": func(r *control.Record) {
		if r.Desired.Want == control.WantNothing {
			r.Desired.Deployment, r.Desired.Back = control.Deployment{}, nil
		}
	},
	"stop a node": func(r *control.Record) {
		r.Desired.Nodes = map[string]control.NodeDesired{"n0": {Run: hostapi.Stopped}}
	},
	"pause a node": func(r *control.Record) { r.Desired.Nodes = map[string]control.NodeDesired{"n1": {Run: hostapi.Paused}} },
}

func TestWhatIsReservedIsAlwaysWhatLabsHold(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		must(t, s.ChangeQuota(t.Context(), inAlpha, func(q *tenancy.QuotaLimits) error {
			q.Workspace = tenancy.Limits{tenancy.QuotaNodes: 7, tenancy.QuotaLabs: 3}
			q.Person = tenancy.Limits{tenancy.QuotaMemory: 2 << 30}
			return nil
		}))
		broken := errors.New("it breaks in the middle")
		runs, count, refusals := 0, 0, 0
		check := func(rt *rapid.T, err error) {
			if fault.Is(err, fault.Exhausted) {
				refusals++
				err = nil
			}
			if err != nil && !errors.Is(err, broken) {
				rt.Fatal(err)
			}
		}
		rapid.Check(t, func(rt *rapid.T) {
			if runs++; runs > 30 { // rapid's hundred would take a minute
				return
			}
			labs, err := s.Labs(t.Context(), inAlpha)
			must(t, err)
			for _, r := range labs {
				must(t, s.DeleteLab(t.Context(), inAlpha, r.ID))
			}
			create := func(rt *rapid.T) {
				count++
				check(rt, s.CreateLab(t.Context(), inAlpha, quotaLab(rapid.SampledFrom([]string{"ada", "ben"}).Draw(rt, "owner"), fmt.Sprint("lab", count), rapid.IntRange(1, 6).Draw(rt, "nodes"))))
			}
			some := func() string {
				labs, err := s.Labs(t.Context(), inAlpha)
				must(t, err)
				if len(labs) == 0 {
					create(rt)
					labs, err = s.Labs(t.Context(), inAlpha)
					must(t, err)
				}
				return labs[rapid.IntRange(0, len(labs)-1).Draw(rt, "lab")].ID
			}
			actions := map[string]func(*rapid.T){
				"create": create,
				"new version": func(rt *rapid.T) {
					revision := quotaRevision(rapid.IntRange(1, 8).Draw(rt, "nodes"), rapid.IntRange(0, 90).Draw(rt, "file"))
					check(rt, s.AddRevision(t.Context(), inAlpha, some(), &revision))
				},
				"delete": func(rt *rapid.T) { check(rt, s.DeleteLab(t.Context(), inAlpha, some())) },
				"": func(rt *rapid.T) {
					diff, err := unlike(t.Context(), s, alpha)
					if err != nil || diff != "" {
						rt.Fatalf("%v: what is reserved is not what labs hold (-hold +reserved):\n%s", err, diff)
					}
				},
			}
			for name, intent := range intents {
				actions[name] = func(rt *rapid.T) {
					fails := rapid.IntRange(0, 4).Draw(rt, "fails") == 0
					_, err := s.ChangeDesired(t.Context(), inAlpha, some(), func(r *control.Record) error {
						if intent(r); fails {
							return broken
						}
						return nil
					})
					check(rt, err)
				}
			}
			rt.Repeat(actions)
		})
		if refusals == 0 {
			t.Error("no limit was ever reached")
		}
	})
}

// TestAnUpgradedDatabaseReservesWhatItsLabsHold opens databases of earlier builds: labs that run get their reservation, whatever the limits.
func TestAnUpgradedDatabaseReservesWhatItsLabsHold(t *testing.T) {
	for _, version := range []string{"00001", "00002"} {
		t.Run(version, func(t *testing.T) {
			everyDump(t, version, func(t *testing.T, _, address string) {
				s := openWith(t, store.Config{URL: address})
				diff, err := unlike(t.Context(), s, "tenant000001")
				must(t, err)
				_, use, err := s.Quota(t.Context(), tenancy.InTenant("tenant000001"))
				must(t, err)
				if diff != "" || use.Workspace[tenancy.QuotaLabs] != 2 || use.Workspace[tenancy.QuotaNodes] != 2 {
					t.Errorf("used are %v (-hold +reserved):\n%s", use.Workspace, diff)
				}
				must(t, s.Close())
				other := openWith(t, store.Config{URL: address, Nodes: control.NodeDefaults{CPU: 3}})
				_, use, err = other.Quota(t.Context(), tenancy.InTenant("tenant000001"))
				must(t, err)
				if use.Workspace[tenancy.QuotaCPU] != 6000 {
					t.Errorf("where nodes get 3 cores two hold %d thousandths", use.Workspace[tenancy.QuotaCPU])
				}
			})
		})
	}
}

const reserverEnv = "TRUNKLINE_TEST_RESERVER"

// TestReserverThatIsKilled is no test but the program that TestAKilledReserverLeavesNothingBehind kills.
func TestReserverThatIsKilled(t *testing.T) {
	address := os.Getenv(reserverEnv)
	if address == "" {
		t.Skip("it is run by another test")
	}
	s := openWith(t, store.Config{URL: address})
	out := json.NewEncoder(os.Stdout)
	for n := 0; ; n++ {
		labs, err := s.Labs(t.Context(), inAlpha)
		must(t, err)
		for i, r := range labs {
			intent := []string{"deploy", "stop", "deploy", "destroy"}[(n+i)%4]
			_, err := s.ChangeDesired(t.Context(), inAlpha, r.ID, func(r *control.Record) error { intents[intent](r); return nil })
			must(t, err)
			must(t, out.Encode(n))
		}
		revision := quotaRevision(1+n%5, n)
		must(t, s.AddRevision(t.Context(), inAlpha, labs[n%len(labs)].ID, &revision))
	}
}

func TestAKilledReserverLeavesNothingBehind(t *testing.T) {
	everyAddress(t, func(t *testing.T, address string) {
		s := openWith(t, store.Config{URL: address})
		seed(t, s)
		for i := range 3 {
			must(t, s.CreateLab(t.Context(), inAlpha, quotaLab("ada", fmt.Sprint("lab", i), 2+i)))
		}
		for round := range 6 {
			reserver := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestReserverThatIsKilled$")
			reserver.Env = append(os.Environ(), reserverEnv+"="+address, "TRUNKLINE_NO_REAL=1")
			out, err := reserver.StdoutPipe()
			must(t, err)
			must(t, reserver.Start())
			said := json.NewDecoder(out)
			for n, answer := 0, 0; n < 4+3*round; n++ {
				must(t, said.Decode(&answer))
			}
			must(t, reserver.Process.Kill())
			if err := reserver.Wait(); err == nil {
				t.Fatal("it ended by itself")
			}
			// A commit that was under way when it was killed may come between two looks.
			must(t, testkit.Until(t.Context(), time.Minute, fmt.Sprintf("round %d: what is reserved is what labs hold", round), func() error {
				diff, err := unlike(t.Context(), s, alpha)
				if err == nil && diff != "" {
					err = fmt.Errorf("it is not (-hold +reserved):\n%s", diff)
				}
				return err
			}))
		}
	})
}

func TestLimitsAndUseOfATenantGoWithIt(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		want := tenancy.QuotaLimits{
			SiteWorkspace: tenancy.Limits{tenancy.QuotaLabs: 50}, SitePerson: tenancy.Limits{tenancy.QuotaHours: 3600},
			Workspace: tenancy.Limits{tenancy.QuotaNodes: tenancy.Unlimited}, Person: tenancy.Limits{tenancy.QuotaEgress: 1e6},
			People: map[string]tenancy.Limits{"ada": {tenancy.QuotaMemory: 1 << 33}},
		}
		must(t, s.ChangeQuota(t.Context(), tenancy.Scope{}, func(q *tenancy.QuotaLimits) error {
			q.SiteWorkspace, q.SitePerson = want.SiteWorkspace, want.SitePerson
			return nil
		}))
		must(t, s.ChangeQuota(t.Context(), inAlpha, func(q *tenancy.QuotaLimits) error {
			q.Workspace, q.Person, q.People = want.Workspace, want.Person, want.People
			return nil
		}))
		got, _, err := s.Quota(t.Context(), inAlpha)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("said and read differ:\n%s", diff)
		}
		other, _, err := s.Quota(t.Context(), tenancy.InTenant(beta))
		must(t, err)
		if len(other.Workspace)+len(other.People)+len(other.Person) != 0 || len(other.SitePerson) != 1 {
			t.Errorf("another tenant has %+v", other)
		}
		lease, err := s.TakeUpload(t.Context(), inAlpha, tenancy.Whose{UserID: "ada"}, 10, 10)
		must(t, err)
		must(t, s.GiveBackUpload(t.Context(), inAlpha, "ada", tenancy.UploadLease{Day: lease.Day, Bytes: 25}))
		_, use, err := s.Quota(t.Context(), inAlpha)
		must(t, err)
		if use.Workspace[tenancy.QuotaUploads] != 0 {
			t.Errorf("after more was given back than taken, %d are used", use.Workspace[tenancy.QuotaUploads])
		}
	})
}
