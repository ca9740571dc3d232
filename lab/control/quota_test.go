package control_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/testkit"
	"trunkline/lab/control"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
	"trunkline/store"
	"trunkline/tenancy"
)

// limit says limits in alpha: of the workspace, and of Ada.
func (r *rig) limit(workspace, ada tenancy.Limits) {
	r.t.Helper()
	must(r.t, r.store.ChangeQuota(r.t.Context(), tenancy.InTenant("alpha"), func(q *tenancy.QuotaLimits) error {
		q.Workspace, q.People = workspace, map[string]tenancy.Limits{"ada": ada}
		return nil
	}))
}

// taken is what is used in alpha.
func (r *rig) taken() tenancy.Amounts {
	r.t.Helper()
	_, use, err := r.store.Quota(r.t.Context(), tenancy.InTenant("alpha"))
	must(r.t, err)
	return use.Workspace
}

// refused wants the code and the sentence of a refusal.
func refused(t *testing.T, err error, field, sentence string) {
	t.Helper()
	public := fault.Public(err)
	if err == nil || public.Code != fault.Exhausted || public.Field != field || public.Sentence != sentence {
		t.Errorf("refused by %q in %q:\n%s\nwant\n%s", public.Code, public.Field, public.Sentence, sentence)
	}
}

// everyRig runs on SQLite and on PostgreSQL.
func everyRig(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newRig(t)) })
	t.Run("postgres", func(t *testing.T) {
		address := os.Getenv("TRUNKLINE_TEST_POSTGRES")
		if address == "" {
			if os.Getenv("TRUNKLINE_NO_REAL") != "" {
				t.Skip("real parts are left out")
			}
			server, err := testkit.StartPostgres(context.Background())
			if errors.Is(err, testkit.ErrNoPostgres) && os.Getenv("TRUNKLINE_REQUIRE_REAL") == "" {
				t.Skip(err)
			}
			must(t, err)
			t.Cleanup(func() { must(t, server.Stop()) })
			address = server.URL
		}
		test(t, newRigAt(t, store.Config{URL: testkit.Schema(t, address), Readers: 16}))
	})
}

// TestOfManyWhoWantTheLastUnitOneGetsIt sends 100 deploys at once where there is room for one lab, then 100 new labs where there is room for one.
func TestOfManyWhoWantTheLastUnitOneGetsIt(t *testing.T) {
	everyRig(t, func(t *testing.T, r *rig) {
		const n = 100
		r.addHost("host-a", fakehost.Config{}, nil)
		r.start()
		labs := make([]string, n)
		for i := range labs {
			labs[i] = r.create(ring(fmt.Sprintf("lab%d", i), 3))
		}
		r.limit(tenancy.Limits{tenancy.QuotaNodes: 5, tenancy.QuotaLabs: n + 1}, nil)
		r.awaitFit(func(control.HostView) bool { return true })
		atOnce := func(do func(i int) error) (won int) {
			var got atomic.Int64
			var all sync.WaitGroup
			begin := make(chan struct{})
			for i := range n {
				all.Go(func() {
					<-begin
					switch err := do(i); {
					case err == nil:
						got.Add(1)
					case !fault.Is(err, fault.Exhausted):
						t.Errorf("request %d failed with %v", i, err)
					}
				})
			}
			close(begin)
			all.Wait()
			return int(got.Load())
		}
		won := atOnce(func(i int) error { return r.control.Deploy(t.Context(), r.ada, labs[i]) })
		if used := r.taken(); won != 1 || used[tenancy.QuotaNodes] != 3 {
			t.Errorf("%d of %d deploys won, and %d nodes are in use", won, n, used[tenancy.QuotaNodes])
		}
		won = atOnce(func(i int) error {
			_, _, err := r.control.Import(t.Context(), r.ada, control.ImportRequest{}, files(map[string]string{"lab.clab.yml": ring(fmt.Sprintf("more%d", i), 3)}))
			return err
		})
		if used := r.taken(); won != 1 || used[tenancy.QuotaLabs] != n+1 {
			t.Errorf("%d of %d imports won, and there are %d labs", won, n, used[tenancy.QuotaLabs])
		}
		t.Logf("of %d deploys at once for the last 3 nodes, and of %d imports for the last lab, one won each", n, n)
	})
}

func TestALabHoldsWhatItsStateSays(t *testing.T) {
	r := newRig(t)
	r.addHost("host-a", fakehost.Config{}, nil)
	r.start()
	id := r.create(ring("x", 3))
	wants := func(when string, nodes int64, containers int64) {
		t.Helper()
		used := r.taken()
		if used[tenancy.QuotaLabs] != 1 || used[tenancy.QuotaNodes] != nodes || used[tenancy.QuotaCPU] != nodes*1000 || used[tenancy.QuotaMemory] != nodes*512<<20 ||
			used[tenancy.QuotaDisk]/control.DiskOfNode != containers || used[tenancy.QuotaDisk]%control.DiskOfNode == 0 {
			t.Errorf("%s: %v", when, used)
		}
	}
	wants("stored", 0, 0)
	r.deploy(id)
	wants("deployed", 3, 3)
	r.until(id, control.Running)
	must(t, r.control.NodeAction(t.Context(), r.ada, id, "n1", "stop"))
	wants("one node stopped", 2, 3)
	must(t, r.control.NodeAction(t.Context(), r.ada, id, "n1", "start"))
	must(t, r.control.NodeAction(t.Context(), r.ada, id, "n2", "pause"))
	wants("one node paused", 3, 3)
	r.until(id, control.Running)
	r.replace(id, ring("x", 5))
	wants("with a new version stored", 3, 3)
	r.limit(tenancy.Limits{tenancy.QuotaNodes: 4}, nil)
	refused(t, r.control.Deploy(t.Context(), r.ada, id), "nodes",
		"This workspace's limit of running nodes is 4: 3 run, and this needs 2 more, which is 1 too many. Stop a lab or some nodes, or ask an administrator of the site for more.")
	_, err := r.control.Plan(t.Context(), r.ada, id)
	refused(t, err, "nodes", fault.Sentence(r.control.Deploy(t.Context(), r.ada, id)))
	wants("after a refusal", 3, 3)
	r.limit(tenancy.Limits{tenancy.QuotaNodes: 5, tenancy.QuotaMemory: 3 << 30}, nil)
	plan, err := r.control.Plan(t.Context(), r.ada, id)
	must(t, err)
	notes := ""
	for _, step := range plan {
		if step.Verb == "note" {
			notes += step.Reason + "\n"
		}
	}
	if notes != "Takes of the quotas: 2 running nodes more, 2 vCPU more, 1 GiB of memory more, 512 MiB of disk more.\nOf this workspace's limits there are left then: 0 running nodes, 512 MiB of memory.\n" {
		t.Errorf("the plan says\n%s", notes)
	}
	r.deploy(id)
	wants("deployed anew", 5, 5)
	r.until(id, control.Running)
	must(t, r.control.Stop(t.Context(), r.ada, id))
	wants("stopped", 0, 5)
	r.until(id, control.Stopped)
	r.limit(tenancy.Limits{tenancy.QuotaNodes: 5}, tenancy.Limits{tenancy.QuotaCPU: 4500})
	refused(t, r.control.Deploy(t.Context(), r.ada, id), "cpu",
		"Your limit of vCPU is 4.5: 0 in use, and this needs 5 more, which is 0.5 too much. Stop a lab or some nodes, or give the nodes less, or ask an owner of this workspace for more.")
	boss := tenancy.Actor{UserID: "boss", UserName: "Boss", TenantID: "alpha", Role: tenancy.Manager}
	refused(t, r.control.Deploy(t.Context(), boss, id), "cpu",
		"Ada's limit of vCPU is 4.5: 0 in use, and this needs 5 more, which is 0.5 too much. Stop a lab or some nodes, or give the nodes less, or ask an owner of this workspace for more.")
	must(t, r.control.Destroy(t.Context(), r.ada, id, false))
	wants("destroyed", 0, 0)
	r.until(id, control.Stored)
	must(t, r.control.Destroy(t.Context(), r.ada, id, true))
	await(t, said("the lab to be gone"), func() bool { return r.taken()[tenancy.QuotaLabs] == 0 })
	if used := r.taken(); used[tenancy.QuotaDisk] != 0 || used[tenancy.QuotaNodes] != 0 {
		t.Errorf("something stays: %v", used)
	}
}

func TestAStartOfANodeIsRefusedOverTheLimit(t *testing.T) {
	r := newRig(t)
	r.addHost("host-a", fakehost.Config{}, nil)
	r.start()
	first, second := r.create(ring("first", 3)), r.create(ring("second", 3))
	r.deploy(first)
	r.until(first, control.Running)
	must(t, r.control.NodeAction(t.Context(), r.ada, first, "n1", "stop"))
	r.limit(nil, tenancy.Limits{tenancy.QuotaNodes: 5})
	r.deploy(second)
	refused(t, r.control.NodeAction(t.Context(), r.ada, first, "n1", "start"), "nodes",
		"Your limit of running nodes is 5: 5 run, and this needs 1 more, which is 1 too many. Stop a lab or some nodes, or ask an owner of this workspace for more.")
	must(t, r.control.NodeAction(t.Context(), r.ada, first, "n2", "restart"))
}

// endless is an upload that says how much of it was read.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.read += int64(len(p))
	return len(p), nil
}

func TestUploadsAreCutWhereTheLimitIs(t *testing.T) {
	r := newRig(t)
	r.addHost("host-a", fakehost.Config{}, nil)
	r.start()
	id := r.create(ring("x", 1+2))
	before := r.taken()[tenancy.QuotaUploads]
	if before != int64(len(ring("x", 3))) {
		t.Errorf("an import of %d bytes was counted as %d", len(ring("x", 3)), before)
	}
	r.deploy(id)
	r.until(id, control.Running)
	r.limit(nil, tenancy.Limits{tenancy.QuotaUploads: before + 3<<20})
	put := func(name string, size int64, content io.Reader) error {
		_, err := r.control.PutFile(t.Context(), r.ada, id, "n1", "/root/"+name, name, size, content)
		return err
	}
	known := &endless{}
	const tooLarge = "Your limit of uploads a day is "
	if err := put("known", 4<<20, io.LimitReader(known, 4<<20)); !fault.Is(err, fault.Exhausted) || !strings.HasPrefix(fault.Sentence(err), tooLarge) || known.read != 0 {
		t.Errorf("an upload that is too large: %v, after %d bytes", err, known.read)
	}
	if used := r.taken()[tenancy.QuotaUploads]; used != before {
		t.Errorf("what was refused is counted: %d", used-before)
	}
	must(t, put("fits", 1<<20, io.LimitReader(&endless{}, 1<<20)))
	unknown := &endless{}
	if err := put("unknown", -1, unknown); !fault.Is(err, fault.Exhausted) || !strings.HasPrefix(fault.Sentence(err), tooLarge) || unknown.read > 4<<20 {
		t.Errorf("an upload without end: %v, after %d bytes", err, unknown.read)
	}
	_, _, err := r.control.GetFile(t.Context(), r.ada, id, "n1", "/root/unknown")
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("something of the upload that was cut off is in the node: %v", err)
	}
	if used := r.taken()[tenancy.QuotaUploads]; used != before+1<<20 {
		t.Errorf("%d bytes are counted of an upload of %d", used-before, 1<<20)
	}
	_, _, err = r.control.Import(t.Context(), r.ada, control.ImportRequest{Name: "big", Size: 100 << 20}, failing{t})
	if !fault.Is(err, fault.Exhausted) || !strings.HasPrefix(fault.Sentence(err), tooLarge) {
		t.Errorf("an import that is too large: %v", err)
	}
	_, _, err = r.control.Import(t.Context(), r.ada, control.ImportRequest{Name: "big"}, files(map[string]string{"big": strings.Repeat("x", 2<<20+1), "lab.clab.yml": ring("big", 3)}))
	if !fault.Is(err, fault.Exhausted) || !strings.HasPrefix(fault.Sentence(err), tooLarge) {
		t.Errorf("an import that turns out too large: %v", err)
	}
	r.limit(nil, tenancy.Limits{tenancy.QuotaDisk: r.taken()[tenancy.QuotaDisk] + 1000})
	_, _, err = r.control.Import(t.Context(), r.ada, control.ImportRequest{Name: "big"}, files(map[string]string{"big": strings.Repeat("x", 1001), "lab.clab.yml": ring("big", 3)}))
	if !fault.Is(err, fault.Exhausted) || !strings.HasPrefix(fault.Sentence(err), "Your limit of disk space is ") {
		t.Errorf("an import that the disk has no room for: %v", err)
	}
	r.limit(nil, tenancy.Limits{tenancy.QuotaLabs: 1})
	_, _, err = r.control.Import(t.Context(), r.ada, control.ImportRequest{Name: "one more"}, failing{t})
	refused(t, err, "labs", "Your limit of stored labs is 1: there are 1, and this needs 1 more, which is 1 too many. Delete a lab that nobody needs, or ask an owner of this workspace for more.")
	if labs, err := r.control.List(t.Context(), r.ada); err != nil || len(labs) != 1 {
		t.Errorf("%d labs are stored, %v", len(labs), err)
	}
	if used := r.taken()[tenancy.QuotaUploads]; used != before+1<<20 {
		t.Errorf("refused imports are counted: %d", used-before)
	}
}

// failing is a project that must not be read.
type failing struct{ t *testing.T }

func (f failing) Next() (string, uint32, io.Reader, error) {
	f.t.Error("the first byte of a refused import was read")
	return "", 0, nil, io.EOF
}

// movedClock is a time that tests move.
type movedClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *movedClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *movedClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestLabsStopWhenTheirHoursAreUsedUp(t *testing.T) {
	at := &movedClock{at: time.Date(2025, 11, 30, 10, 0, 0, 0, time.UTC)}
	r := newRigAt(t, store.Config{URL: filepath.Join(t.TempDir(), "trunkline.db"), Now: at.now})
	r.addHost("host-a", fakehost.Config{}, nil)
	r.start()
	r.limit(nil, tenancy.Limits{tenancy.QuotaHours: 10 * 3600})
	first, second := r.create(ring("first", 3)), r.create(ring("second", 3))
	r.deploy(first)
	r.until(first, control.Running)
	r.deploy(second)
	r.until(second, control.Running)
	says := func(labID string, state control.State, reason string) {
		t.Helper()
		r.control.QuotasChanged()
		await(t, func() string {
			l := r.get(labID)
			return fmt.Sprintf("%s with %q; it is %s with %q", state, reason, l.State, l.Reason)
		}, func() bool {
			l := r.get(labID)
			return l.State == state && l.Reason == reason
		})
	}
	at.move(3 * time.Hour)
	says(first, control.Running, "")
	at.move(time.Hour)
	says(first, control.Running, "More than 80 % of the owner's running hours for November (10 h) are used. Labs stop when all are.")
	if used := r.taken()[tenancy.QuotaHours]; used != 8*3600 {
		t.Errorf("%d seconds of two labs that ran for 4 hours", used)
	}
	at.move(50 * time.Minute)
	says(second, control.Running, "It stops at 15:00 UTC, when the owner's running hours for November are used up. Nothing of it is lost.")
	r.restart() // hours go on being counted while the controller is away
	at.move(10 * time.Minute)
	const reason = "It was stopped because the owner's running hours for November are used up (10 h). Nothing of it is lost: it can be deployed again on 1 December, or when there are more."
	says(first, control.Stopped, reason)
	says(second, control.Stopped, reason)
	at.move(time.Hour)
	if used := r.taken(); used[tenancy.QuotaHours] != 10*3600 || used[tenancy.QuotaNodes] != 0 {
		t.Errorf("stopped labs go on using %v", used)
	}
	refused(t, r.control.Deploy(t.Context(), r.ada, first), "hours",
		"Your limit of running hours is 10 h a month, and 10 h are used. The hours begin anew on 1 December; ask an owner of this workspace for more before that.")
	at.move(9 * time.Hour)
	r.deploy(first)
	says(first, control.Running, "")
	at.move(30 * time.Minute)
	if used := r.taken()[tenancy.QuotaHours]; used != 1800 {
		t.Errorf("%d seconds in December", used)
	}
}

func TestTheRateOfALabThatRunsFollowsItsLimit(t *testing.T) {
	r := newRig(t)
	r.addHost("host-a", fakehost.Config{}, &hostapi.Capabilities{Egress: true, Netem: true, RateLimit: true})
	r.start()
	r.limit(tenancy.Limits{tenancy.QuotaEgress: 10e6}, tenancy.Limits{tenancy.QuotaEgress: 4e6})
	id := r.create("name: out\ntopology:\n  defaults: {kind: linux, image: trunkline/tiny}\n  nodes:\n    a: {egress: true}\n    b: {}\n    net: {kind: internet}\n  links:\n    - endpoints: [\"b:eth1\", \"net:eth1\"]\n")
	r.deploy(id)
	r.until(id, control.Running, control.Degraded)
	rate := func() int64 {
		stored, err := r.store.Lab(t.Context(), tenancy.Everywhere(), id)
		must(t, err)
		return stored.Desired.EgressRate
	}
	if got := rate(); got != 4e6 {
		t.Fatalf("deployed with %d bit/s", got)
	}
	generation := r.get(id).Generation
	r.limit(tenancy.Limits{tenancy.QuotaEgress: 2e6}, nil)
	r.control.QuotasChanged()
	await(t, said("the rate to follow"), func() bool { return rate() == 2e6 && r.get(id).Generation == generation+1 })
	r.until(id, control.Running, control.Degraded)
}
