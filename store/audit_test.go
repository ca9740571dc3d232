package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/testkit"
	"trunkline/store"
	"trunkline/tenancy"
)

// everyAudit runs the test with the audit of a new database of each kind.
func everyAudit(t *testing.T, test func(t *testing.T, address string, a *store.AuditLog)) {
	t.Helper()
	for _, kind := range databases(t) {
		t.Run(kind.name, func(t *testing.T) {
			if kind.missing != "" {
				t.Skip(kind.missing)
			}
			address := empty(t, kind)
			test(t, address, openAudit(t, address, nil))
		})
	}
}

func openAudit(t testing.TB, address string, log *slog.Logger) *store.AuditLog {
	a := open(t, address).OpenAudit(log)
	t.Cleanup(a.Close)
	return a
}

func event(tenant, actor string, verb tenancy.AuditVerb, n int) tenancy.AuditEvent {
	return tenancy.AuditEvent{Tenant: tenant, Actor: tenancy.AuditPerson{ID: actor, Name: "Ada"}, Verb: verb, Object: tenancy.AuditObject{Kind: "lab", ID: fmt.Sprint("lab", n)},
		After: map[string]int{"n": n}, Address: "192.0.2.1", RequestID: fmt.Sprint("r", n)}
}

func record(t testing.TB, a *store.AuditLog, events ...tenancy.AuditEvent) {
	t.Helper()
	for _, e := range events {
		must(t, a.Record(t.Context(), e))
	}
}

func proof(t testing.TB, a *store.AuditLog, known ...tenancy.AuditMark) store.AuditProof {
	t.Helper()
	p, err := a.Verify(t.Context(), known...)
	must(t, err)
	return p
}

func TestSixtyFourRecordersKeepOneChain(t *testing.T) {
	everyAudit(t, func(t *testing.T, address string, a *store.AuditLog) {
		second := openAudit(t, address, nil) // another process would be as this
		const recorders, each = 64, 20
		var group sync.WaitGroup
		for r := range recorders {
			group.Go(func() {
				for n := range each {
					log := a
					if (r+n)%2 == 0 {
						log = second
					}
					if err := log.Record(context.Background(), event(alpha, fmt.Sprint("u", r), tenancy.AuditSignIn, n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		p := proof(t, a)
		if p.Broken != nil || p.Events != recorders*each || p.Head.Number != recorders*each {
			t.Fatalf("%+v, broken %+v", p, p.Broken)
		}
		seen := map[string]int{} // of each recorder its own events are in its own order
		must(t, a.Each(t.Context(), tenancy.Everywhere(), store.AuditFilter{}, func(e store.AuditPassage) error {
			if want := fmt.Sprint("lab", seen[e.Actor.ID]); e.Object.ID != want {
				t.Errorf("%s did %s before %s", e.Actor.ID, e.Object.ID, want)
			}
			seen[e.Actor.ID]++
			return nil
		}))
		if len(seen) != recorders {
			t.Errorf("%d recorders are there", len(seen))
		}
	})
}

// TestAuditWritersAtOnceKeepOneChain writes as a busy site does, and prints how many events a second that is.
func TestAuditWritersAtOnceKeepOneChain(t *testing.T) {
	if testing.Short() {
		t.Skip("six thousand events are not quick")
	}
	everyAudit(t, func(t *testing.T, _ string, a *store.AuditLog) {
		const events = 6000
		var next atomic.Int64
		var group sync.WaitGroup
		begun := time.Now()
		for range 64 {
			group.Go(func() {
				for n := next.Add(1); n <= events; n = next.Add(1) {
					if err := a.Record(context.Background(), event(alpha, "u1", tenancy.AuditShellOpen, int(n))); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
		rate := events / time.Since(begun).Seconds()
		begun = time.Now()
		p := proof(t, a)
		t.Logf("%.0f events/s written, %.0f events/s verified", rate, float64(p.Events)/time.Since(begun).Seconds())
		if p.Broken != nil || p.Events != events {
			t.Errorf("%+v", p)
		}
	})
}

func TestTheAuditRefusesToForget(t *testing.T) {
	everyAudit(t, func(t *testing.T, address string, a *store.AuditLog) {
		record(t, a, event(alpha, "u1", tenancy.AuditSignIn, 1), event(alpha, "u1", tenancy.AuditSignOut, 2))
		statements := []string{
			"UPDATE audit_events SET actor_id = 'u2'", "DELETE FROM audit_events", "DELETE FROM audit_events WHERE number = 2",
			"UPDATE audit_checkpoints SET number = 9", "DELETE FROM audit_checkpoints",
		}
		if driverOf(address) == "pgx" {
			statements = append(statements, "TRUNCATE audit_events", "TRUNCATE audit_checkpoints")
		}
		execSQL(t, driverOf(address), address, "INSERT INTO audit_checkpoints (number, hash, at) VALUES (0, 'x', 0)") // so that there is a row to refuse
		db, err := sql.Open(driverOf(address), address)
		must(t, err)
		defer db.Close()
		for _, statement := range statements {
			if _, err := db.Exec(statement); err == nil || !strings.Contains(err.Error(), "audit") {
				t.Errorf("%s: %v", statement, err)
			}
		}
		if got := column(t, db, "SELECT actor_id FROM audit_events ORDER BY number"); len(got) != 2 || got[0] != "u1" {
			t.Errorf("the events are %v", got)
		}
	})
}

// disarmed lets the test change what the database protects, as somebody with all its rights could.
func disarmed(t *testing.T, address, statement string) {
	t.Helper()
	if driverOf(address) == "pgx" {
		execSQL(t, "pgx", address, "ALTER TABLE audit_events DISABLE TRIGGER USER; "+statement+"; ALTER TABLE audit_events ENABLE TRIGGER USER")
		return
	}
	db, err := sql.Open("sqlite3", address)
	must(t, err)
	defer db.Close()
	triggers := column(t, db, "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_events'")
	for _, text := range append([]string{"DROP TRIGGER audit_events_stay", "DROP TRIGGER audit_events_remain", statement}, triggers...) {
		if _, err := db.Exec(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

func TestTamperingIsFound(t *testing.T) {
	for statement, at := range map[string]int64{
		"UPDATE audit_events SET actor_id = 'u2' WHERE number = 3":                               3,
		"UPDATE audit_events SET actor_name = 'Adb' WHERE number = 4":                            4,
		"UPDATE audit_events SET at = at + 1 WHERE number = 5":                                   5,
		"UPDATE audit_events SET tenant_id = 'beta' WHERE number = 1":                            1,
		"UPDATE audit_events SET after_json = '{\"n\":7}' WHERE number = 6":                      6,
		"UPDATE audit_events SET after_json = '{\"n\": 2}' WHERE number = 2":                     2,
		"UPDATE audit_events SET address = '192.0.2.2' WHERE number = 2":                         2,
		"UPDATE audit_events SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE number = 7": 7,
		"DELETE FROM audit_events WHERE number = 4":                                              4,
		"DELETE FROM audit_events WHERE number <= 2":                                             1,
		"DELETE FROM audit_events WHERE number > 8":                                              9,
		"UPDATE audit_events SET number = 99 WHERE number = 8":                                   8,
		"INSERT INTO audit_events SELECT 11, at, actor_id, actor_name, behind_id, behind_name, token_id, tenant_id, verb, object_kind, object_id, object_name, before_json, after_json, address, request_id, hash FROM audit_events WHERE number = 10": 11,
	} {
		t.Run(statement, func(t *testing.T) {
			everyAudit(t, func(t *testing.T, address string, a *store.AuditLog) {
				for n := range 10 {
					record(t, a, event(alpha, "u1", tenancy.AuditSignIn, n+1))
				}
				if p := proof(t, a); p.Broken != nil || p.Events != 10 {
					t.Fatalf("untouched: %+v", p)
				}
				disarmed(t, address, statement)
				if p := proof(t, a); p.Broken == nil || p.Broken.Number != at || p.Broken.Why == "" {
					t.Errorf("it finds %+v, not event %d", p.Broken, at)
				}
			})
		})
	}
}

func TestAChainMadeAnewIsNotTheOneThatWasNotedDown(t *testing.T) {
	everyAudit(t, func(t *testing.T, address string, a *store.AuditLog) {
		record(t, a, event(alpha, "u1", tenancy.AuditSignIn, 1), event(alpha, "u1", tenancy.AuditSignIn, 2))
		noted := proof(t, a).Head
		record(t, a, event(alpha, "u1", tenancy.AuditSignIn, 3))
		if p := proof(t, a, noted); p.Broken != nil || p.Events != 3 {
			t.Fatalf("%+v", p)
		}
		disarmed(t, address, "DELETE FROM audit_events")
		execSQL(t, driverOf(address), address, "UPDATE audit_head SET number = 0, hash = '"+tenancy.AuditOrigin+"'")
		record(t, a, event(alpha, "u2", tenancy.AuditSignIn, 1))
		if p := proof(t, a); p.Broken != nil {
			t.Fatalf("the forged chain is not a chain: %+v", p.Broken)
		}
		if p := proof(t, a, noted); p.Broken == nil {
			t.Error("that events are missing is not found")
		}
		record(t, a, event(alpha, "u2", tenancy.AuditSignIn, 2))
		if p := proof(t, a, noted); p.Broken == nil || p.Broken.Number != 2 {
			t.Errorf("the forged event is found as %+v", p.Broken)
		}
	})
}

func TestOldEventsGoByACheckpoint(t *testing.T) {
	everyAudit(t, func(t *testing.T, address string, a *store.AuditLog) {
		begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for n := range 10 {
			e := event(alpha, "u1", tenancy.AuditSignIn, n+1)
			e.At = begin.AddDate(0, n, 0)
			record(t, a, e)
		}
		noted := proof(t, a).Head
		by := tenancy.AuditEvent{Actor: tenancy.AuditPerson{ID: "root"}}
		for months, want := range map[int]int64{0: 0, 4: 4} {
			mark, err := a.Prune(t.Context(), begin.AddDate(0, months, 0), by)
			must(t, err)
			if mark.Number != want {
				t.Errorf("up to month %d it took away the events up to %d", months, mark.Number)
			}
		}
		p := proof(t, a, noted)
		if p.Broken != nil || p.From.Number != 4 || p.Events != 7 || p.Head.Number != 11 {
			t.Fatalf("%+v, %+v", p, p.Broken)
		}
		_, err := a.Prune(t.Context(), begin.AddDate(0, 7, 0), by)
		must(t, err)
		if p := proof(t, a, noted); p.Broken != nil || p.From.Number != 7 || p.Events != 5 {
			t.Fatalf("the second time: %+v, %+v", p, p.Broken)
		}
		page, err := a.Events(t.Context(), tenancy.Everywhere(), store.AuditFilter{Verbs: []tenancy.AuditVerb{tenancy.AuditPrune}})
		must(t, err)
		if len(page.Events) != 2 || page.Events[0].Actor.ID != "root" || page.Events[0].Object.ID != "7" {
			t.Errorf("the log tells %+v", page.Events)
		}
		// What a checkpoint lets go cannot be more than it says, and nobody can make one unseen.
		execSQL(t, driverOf(address), address, "INSERT INTO audit_checkpoints (number, hash, at) SELECT number, hash, 0 FROM audit_events WHERE number = 9")
		execSQL(t, driverOf(address), address, "DELETE FROM audit_events WHERE number <= 9")
		if p := proof(t, a); p.Broken == nil || !strings.Contains(p.Broken.Why, "no event tells who did that") {
			t.Errorf("a checkpoint made by hand is found as %+v", p.Broken)
		}
	})
}

func TestAnotherTenantsEventsNeverComeOut(t *testing.T) {
	everyAudit(t, func(t *testing.T, _ string, a *store.AuditLog) {
		for n := range 30 {
			record(t, a, event([]string{alpha, beta, ""}[n%3], fmt.Sprint("u", n%2), []tenancy.AuditVerb{tenancy.AuditSignIn, tenancy.AuditLabDeploy}[n%2], n))
		}
		filters := []store.AuditFilter{{}, {Actor: "u0"}, {Object: "lab"}, {Object: "lab4"}, {Verbs: tenancy.AuditVerbs}, {Before: 20}, {Until: time.Now().Add(time.Hour)}, {Limit: 3}}
		for tenant, scope := range map[string]tenancy.Scope{alpha: tenancy.InTenant(alpha), beta: tenancy.InTenant(beta), "nobody": {}} {
			seen := 0
			for _, f := range filters {
				page, err := a.Events(t.Context(), scope, f)
				must(t, err)
				for _, e := range page.Events {
					if seen++; e.Tenant != tenant {
						t.Errorf("%+v shows event %d of %q to %s", f, e.Number, e.Tenant, tenant)
					}
				}
				must(t, a.Each(t.Context(), scope, f, func(e store.AuditPassage) error {
					if e.Tenant != tenant {
						t.Errorf("%+v gives event %d of %q to %s", f, e.Number, e.Tenant, tenant)
					}
					return nil
				}))
			}
			if (tenant == "nobody") != (seen == 0) {
				t.Errorf("%s sees %d events", tenant, seen)
			}
		}
	})
}

// unscopedAudit are the methods of the audit that take no scope, each with the reason.
var unscopedAudit = map[string]string{
	"Run": "it follows the chain through all tenants", "Chain": "it tells how far the chain is unbroken, and of no event but the one that is not",
	"Close": "it touches no row", "Record": "it writes, and the event says whose it is",
	"Verify": "the chain goes through all tenants, and it tells numbers and hashes only", "Prune": "the chain goes through all tenants",
}

func TestEveryMethodOfTheAuditTakesAScopeOrSaysWhyNot(t *testing.T) {
	kind, scope := reflect.TypeFor[*store.AuditLog](), reflect.TypeFor[tenancy.Scope]()
	for i := range kind.NumMethod() {
		method := kind.Method(i)
		takes := method.Type.NumIn() > 2 && method.Type.In(2) == scope
		if _, hasReason := unscopedAudit[method.Name]; takes == hasReason {
			t.Errorf("%s takes a scope: %v, and has a reason not to: %v", method.Name, takes, hasReason)
		}
	}
}

func TestEventsAreFoundByWhoWhatAndWhen(t *testing.T) {
	everyAudit(t, func(t *testing.T, _ string, a *store.AuditLog) {
		begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		for n := range 25 {
			e := event(alpha, fmt.Sprint("u", n%5), []tenancy.AuditVerb{tenancy.AuditSignIn, tenancy.AuditShellOpen}[n%2], n)
			e.At = begin.Add(time.Duration(n) * time.Hour)
			if n == 24 {
				e.Behind.ID = "u1"
			}
			record(t, a, e)
		}
		scope := tenancy.InTenant(alpha)
		for name, c := range map[string]struct {
			filter store.AuditFilter
			want   int
		}{
			"all":                   {store.AuditFilter{}, 25},
			"a person, also behind": {store.AuditFilter{Actor: "u1"}, 6},
			"a verb":                {store.AuditFilter{Verbs: []tenancy.AuditVerb{tenancy.AuditShellOpen}}, 12},
			"an object":             {store.AuditFilter{Object: "lab7"}, 1},
			"a kind":                {store.AuditFilter{Object: "lab"}, 25},
			"a day":                 {store.AuditFilter{From: begin.Add(3 * time.Hour), Until: begin.Add(8 * time.Hour)}, 5},
			"all of them":           {store.AuditFilter{Actor: "u3", Verbs: []tenancy.AuditVerb{tenancy.AuditShellOpen}, From: begin.Add(4 * time.Hour), Object: "lab"}, 2},
			"nothing":               {store.AuditFilter{Object: "lab99"}, 0},
		} {
			c.filter.Limit = 4
			var numbers []int64
			for page := (store.AuditPage{Next: 1 << 40}); page.Next != 0; {
				var err error
				c.filter.Before = page.Next
				page, err = a.Events(t.Context(), scope, c.filter)
				must(t, err)
				for _, e := range page.Events {
					if len(numbers) > 0 && e.Number >= numbers[len(numbers)-1] {
						t.Errorf("%s: %d comes after %v", name, e.Number, numbers)
					}
					numbers = append(numbers, e.Number)
				}
			}
			oldestFirst := 0
			c.filter.Before = 0
			must(t, a.Each(t.Context(), scope, c.filter, func(store.AuditPassage) error { oldestFirst++; return nil }))
			if len(numbers) != c.want || oldestFirst != c.want {
				t.Errorf("%s finds %v, and %d from the oldest on; want %d", name, numbers, oldestFirst, c.want)
			}
		}
	})
}

func TestWhatIsExportedFollowsAsItDoesInTheDatabase(t *testing.T) {
	everyAudit(t, func(t *testing.T, _ string, a *store.AuditLog) {
		for n := range 12 {
			record(t, a, event([]string{alpha, beta}[n%2], "u1", tenancy.AuditSignIn, n))
		}
		for name, scope := range map[string]tenancy.Scope{"everywhere": tenancy.Everywhere(), alpha: tenancy.InTenant(alpha)} {
			lines := 0
			must(t, a.Each(t.Context(), scope, store.AuditFilter{}, func(e store.AuditPassage) error {
				line, err := e.Line(e.Previous)
				must(t, err)
				link, previous, err := tenancy.ReadAuditLine([]byte(line))
				must(t, err)
				if _, broken := (tenancy.AuditMark{Number: link.Number - 1, Hash: previous}).Follow(link); broken != nil {
					t.Errorf("%s: %s\n%s", name, broken.Why, line)
				}
				lines++
				return nil
			}))
			if want := map[string]int{"everywhere": 12, alpha: 6}[name]; lines != want {
				t.Errorf("%s: %d lines", name, lines)
			}
		}
	})
}

func TestNoEventIsLostSilently(t *testing.T) {
	everyAudit(t, func(t *testing.T, address string, _ *store.AuditLog) {
		var logged bytes.Buffer
		a := openAudit(t, address, slog.New(slog.NewTextHandler(&logged, nil)))
		record(t, a, event(alpha, "u1", tenancy.AuditSignIn, 1))
		execSQL(t, driverOf(address), address, "ALTER TABLE audit_head RENAME TO elsewhere")
		wantCode(t, a.Record(t.Context(), event(alpha, "u1", tenancy.AuditTokenCreate, 2)), fault.Internal)
		must(t, a.Record(t.Context(), event(alpha, "u1", tenancy.AuditLabDeploy, 3)))
		if text := logged.String(); !strings.Contains(text, "deploy-lab") || !strings.Contains(text, "lab3") || strings.Contains(text, "create-token") {
			t.Errorf("the log says %s", text)
		}
		execSQL(t, driverOf(address), address, "ALTER TABLE elsewhere RENAME TO audit_head")
		record(t, a, event(alpha, "u1", tenancy.AuditSignIn, 4))
		if p := proof(t, a); p.Broken != nil || p.Events != 2 {
			t.Errorf("%+v", p)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		must(t, a.Record(gone, event(alpha, "u1", tenancy.AuditSignIn, 5)))
		a.Close()
		a.Close()
		wantCode(t, a.Record(t.Context(), event(alpha, "u1", tenancy.AuditSignIn, 6)), fault.Unavailable)
	})
}

// auditorEnv makes the test's own program a recorder on the database that it names.
const auditorEnv = "TRUNKLINE_TEST_AUDITOR"

// TestAuditorThatIsKilled is no test but the program that TestAKilledAuditorLeavesAChain kills.
func TestAuditorThatIsKilled(t *testing.T) {
	address := os.Getenv(auditorEnv)
	if address == "" {
		t.Skip("it is run by another test")
	}
	a := openAudit(t, address, nil)
	var group sync.WaitGroup
	for r := range 64 {
		group.Go(func() {
			for n := 0; ; n++ {
				if err := a.Record(context.Background(), event(alpha, fmt.Sprint("u", r), tenancy.AuditSignIn, n)); err != nil {
					t.Error(err)
					return
				}
				fmt.Println("said")
			}
		})
	}
	group.Wait()
}

func TestAKilledAuditorLeavesAChain(t *testing.T) {
	everyAudit(t, func(t *testing.T, address string, a *store.AuditLog) {
		for round := range 4 {
			said := filepath.Join(t.TempDir(), "said")
			out, err := os.Create(said)
			must(t, err)
			program := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestAuditorThatIsKilled$")
			program.Env = append(os.Environ(), auditorEnv+"="+address, "TRUNKLINE_NO_REAL=1")
			program.Stdout, program.Stderr = out, os.Stderr
			before := proof(t, a)
			must(t, program.Start())
			told := func() int64 {
				text, err := os.ReadFile(said)
				must(t, err)
				return int64(bytes.Count(text, []byte("said\n")))
			}
			must(t, testkit.Until(t.Context(), time.Minute, "the auditor has recorded some events", func() error {
				if n := told(); n < int64(100+97*round) {
					return fmt.Errorf("it has recorded %d", n)
				}
				return nil
			}))
			must(t, program.Process.Kill())
			if err := program.Wait(); err == nil {
				t.Fatal("the auditor ended by itself")
			}
			must(t, out.Close())
			record(t, a, event(alpha, "u1", tenancy.AuditSignIn, round)) // and the chain goes on
			p := proof(t, a, before.Head)
			if p.Broken != nil || p.Events < before.Events+told()+1 {
				t.Fatalf("after %d events were told of: %+v, %+v", told(), p, p.Broken)
			}
		}
	})
}
