package store_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/store"
	"trunkline/tenancy"
)

// inAlpha limits to the tenant that most tests are about.
var inAlpha = tenancy.InTenant(alpha)

// smallPool has four blocks.
var smallPool = tenancy.VNIPool{First: 4096, Last: 4096 + 4*256 - 1}

// everyPool opens each database with a small pool and a clock that is moved by hand.
func everyPool(t *testing.T, test func(t *testing.T, s *store.Store, c *clock)) {
	t.Helper()
	everyAddress(t, func(t *testing.T, address string) {
		c := &clock{at: time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)}
		s := openWith(t, store.Config{URL: address, Now: c.now, VNIs: smallPool})
		seed(t, s)
		test(t, s, c)
	})
}

func createLab(t testing.TB, s *store.Store, tenant, name string) *control.Record {
	t.Helper()
	r := newLab(tenant, name)
	must(t, s.CreateLab(t.Context(), tenancy.InTenant(tenant), r))
	return r
}

// cables names n networks of a lab.
func cables(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("r%d:eth1 r%d:eth2", i, i+1)
	}
	return names
}

func TestTheSameNamesHaveTheSameIdentifiers(t *testing.T) {
	everyPool(t, func(t *testing.T, s *store.Store, _ *clock) {
		ours, theirs := createLab(t, s, alpha, "campus"), createLab(t, s, beta, "campus")
		first, err := s.VNIs(t.Context(), inAlpha, ours.ID, []string{"a", "b", "a"})
		must(t, err)
		if diff := cmp.Diff(map[string]uint32{"a": 4096, "b": 4097}, first); diff != "" {
			t.Errorf("the first identifiers:\n%s", diff)
		}
		more, err := s.VNIs(t.Context(), tenancy.Everywhere(), ours.ID, []string{"c", "b", "a"})
		must(t, err)
		if diff := cmp.Diff(map[string]uint32{"a": 4096, "b": 4097, "c": 4098}, more); diff != "" {
			t.Errorf("with one more:\n%s", diff)
		}
		other, err := s.VNIs(t.Context(), tenancy.InTenant(beta), theirs.ID, []string{"a"})
		must(t, err)
		if other["a"] != 4096+256 {
			t.Errorf("another tenant got %d, and not the first of a block of its own", other["a"])
		}
		fewer, err := s.VNIs(t.Context(), inAlpha, ours.ID, []string{"b"})
		must(t, err)
		if diff := cmp.Diff(map[string]uint32{"b": 4097}, fewer); diff != "" {
			t.Errorf("with fewer:\n%s", diff)
		}
		blocks, err := s.VNIBlocks(t.Context(), inAlpha)
		must(t, err)
		if diff := cmp.Diff([]control.VNIBlock{{First: 4096, Last: 4351, Used: 1, Rests: 2}}, blocks); diff != "" {
			t.Errorf("blocks:\n%s", diff)
		}
	})
}

func TestAFreedIdentifierRestsAndThenTheLongestFreedComesFirst(t *testing.T) {
	everyPool(t, func(t *testing.T, s *store.Store, c *clock) {
		r := createLab(t, s, alpha, "campus")
		names := cables(256)
		all, err := s.VNIs(t.Context(), inAlpha, r.ID, names)
		must(t, err)
		for _, gone := range []string{names[7], names[3]} { // 7 before 3
			names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == gone })
			_, err := s.VNIs(t.Context(), inAlpha, r.ID, names)
			must(t, err)
			c.move(time.Minute)
		}
		ask := func(name string) uint32 {
			names = append(names, name)
			got, err := s.VNIs(t.Context(), inAlpha, r.ID, names)
			must(t, err)
			return got[name]
		}
		if got := ask("early"); got != 4096+256 {
			t.Errorf("got %d while two of the block rest, want the first of a new block", got)
		}
		for number := range 255 { // uses up the second block
			ask(fmt.Sprint("filler", number))
		}
		c.move(9 * time.Minute)
		first, second := ask("first"), ask("second")
		if first != all[cables(256)[7]] || second != all[cables(256)[3]] {
			t.Errorf("got %d and %d, want %d, freed first, and then %d", first, second, all[cables(256)[7]], all[cables(256)[3]])
		}
	})
}

func TestALabThatIsDeletedLeavesItsIdentifiersToRest(t *testing.T) {
	everyPool(t, func(t *testing.T, s *store.Store, c *clock) {
		r := createLab(t, s, alpha, "campus")
		before, err := s.VNIs(t.Context(), inAlpha, r.ID, []string{"a"})
		must(t, err)
		must(t, s.DeleteLab(t.Context(), inAlpha, r.ID))
		next := createLab(t, s, alpha, "campus")
		after, err := s.VNIs(t.Context(), inAlpha, next.ID, []string{"a"})
		must(t, err)
		if after["a"] == before["a"] {
			t.Error("the deleted lab's identifier was given again at once")
		}
		must(t, s.FreeVNIs(t.Context(), inAlpha, next.ID))
		blocks, err := s.VNIBlocks(t.Context(), inAlpha)
		must(t, err)
		if len(blocks) != 1 || blocks[0].Used != 0 || blocks[0].Rests != 2 {
			t.Errorf("blocks %+v", blocks)
		}
		must(t, s.Prune(t.Context(), c.now().Add(25*time.Hour)))
		if blocks, err = s.VNIBlocks(t.Context(), inAlpha); err != nil || len(blocks) != 0 {
			t.Errorf("a block of which nothing is left stays: %+v, %v", blocks, err)
		}
	})
}

func TestExhaustionIsToldInWordsAndChangesNothing(t *testing.T) {
	everyPool(t, func(t *testing.T, s *store.Store, c *clock) {
		ours, theirs := createLab(t, s, alpha, "campus"), createLab(t, s, beta, "campus")
		_, err := s.VNIs(t.Context(), tenancy.InTenant(beta), theirs.ID, []string{"a"})
		must(t, err)
		had, err := s.VNIs(t.Context(), inAlpha, ours.ID, cables(768))
		must(t, err)
		_, err = s.VNIs(t.Context(), inAlpha, ours.ID, append(cables(765), "x", "y", "z", "more", "and more")) // frees three
		wantCode(t, err, fault.Exhausted)
		_, err = s.VNIs(t.Context(), inAlpha, ours.ID, append(cables(768), "more", "and more"))
		wantCode(t, err, fault.Exhausted)
		if words := fault.Sentence(err); !strings.Contains(words, "2 are missing") || !strings.Contains(words, "None of this workspace's is in quarantine") {
			t.Error(words)
		}
		again, err := s.VNIs(t.Context(), inAlpha, ours.ID, cables(768))
		must(t, err)
		if diff := cmp.Diff(had, again); diff != "" {
			t.Errorf("the refusals changed something:\n%s", diff)
		}
		_, err = s.VNIs(t.Context(), inAlpha, ours.ID, cables(760))
		must(t, err)
		c.move(3 * time.Minute)
		_, err = s.VNIs(t.Context(), inAlpha, ours.ID, append(cables(760), "more"))
		wantCode(t, err, fault.Exhausted)
		if words := fault.Sentence(err); !strings.Contains(words, "1 is missing") || !strings.Contains(words, "8 are in quarantine") || !strings.Contains(words, "free in 7 min") {
			t.Error(words)
		}
		c.move(7 * time.Minute)
		_, err = s.VNIs(t.Context(), inAlpha, ours.ID, append(cables(760), "more"))
		must(t, err)
	})
}

func TestADeploymentCannotUseWhatItsLabDoesNotHave(t *testing.T) {
	everyPool(t, func(t *testing.T, s *store.Store, _ *clock) {
		r := createLab(t, s, alpha, "campus")
		vnis, err := s.VNIs(t.Context(), inAlpha, r.ID, []string{"a"})
		must(t, err)
		use := func(vnis map[string]uint32) error {
			_, err := s.ChangeDesired(t.Context(), inAlpha, r.ID, func(r *control.Record) error { r.Desired.VNIs = vnis; return nil })
			return err
		}
		wantCode(t, use(map[string]uint32{"a": vnis["a"] + 1}), fault.Conflict)
		wantCode(t, use(map[string]uint32{"b": vnis["a"]}), fault.Conflict)
		must(t, use(vnis))
		must(t, use(nil))
		must(t, s.FreeVNIs(t.Context(), inAlpha, r.ID))
		wantCode(t, use(vnis), fault.Conflict)
	})
}

// TestAllocatorsAtOnceNeverGiveANumberTwice runs 64 at once, of two tenants, that take and give back.
func TestAllocatorsAtOnceNeverGiveANumberTwice(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		const allocators, rounds = 64, 4
		tenants := []string{alpha, beta}
		labs := make([]*control.Record, allocators)
		for i := range labs {
			labs[i] = createLab(t, s, tenants[i%2], fmt.Sprint("lab", i))
		}
		last := make([]map[string]uint32, allocators)
		var all sync.WaitGroup
		for i, r := range labs {
			all.Go(func() {
				for round := range rounds {
					names := cables(20 + 10*round)[5*round:]
					got, err := s.VNIs(context.Background(), tenancy.InTenant(r.Tenant), r.ID, names)
					if err != nil {
						t.Error(err)
						return
					}
					last[i] = got
				}
			})
		}
		all.Wait()
		holder := map[uint32]int{}
		blockOf := map[uint32]string{}
		for i, got := range last {
			if len(got) != 35 {
				t.Fatalf("allocator %d has %d numbers, want 35", i, len(got))
			}
			for _, number := range got {
				if other, twice := holder[number]; twice {
					t.Fatalf("%d was given to labs %d and %d", number, other, i)
				}
				holder[number] = i
				block := tenancy.VNIBlockOf(number)
				if owner, known := blockOf[block]; known && owner != labs[i].Tenant {
					t.Fatalf("block %d belongs to %s and %s", block, owner, labs[i].Tenant)
				}
				blockOf[block] = labs[i].Tenant
			}
		}
		t.Logf("%d allocators, %d rounds: %d numbers in use, in %d blocks, none twice", allocators, rounds, len(holder), len(blockOf))
		for i, r := range labs {
			again, err := s.VNIs(t.Context(), tenancy.InTenant(r.Tenant), r.ID, slices.Collect(maps.Keys(last[i])))
			must(t, err)
			if diff := cmp.Diff(last[i], again); diff != "" {
				t.Fatalf("lab %d has others now:\n%s", i, diff)
			}
		}
	})
}

func TestIdentifiersOfALargeLabAreAFewStatements(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		r := createLab(t, s, alpha, "large")
		statements, err := store.CountStatements(s)
		must(t, err)
		for _, c := range []struct {
			what  string
			names []string
			most  int64
		}{
			{"10,000 new ones", cables(10_000), 12},
			{"the same ones", cables(10_000), 2},
			{"half of them", cables(5_000), 4},
			{"none", nil, 4},
		} {
			statements.Store(0)
			got, err := s.VNIs(t.Context(), inAlpha, r.ID, c.names)
			must(t, err)
			if n := statements.Load(); n > c.most || n == 0 || len(got) != len(c.names) {
				t.Errorf("%s: %d statements for %d identifiers, want at most %d", c.what, n, len(got), c.most)
			}
		}
	})
}

// BenchmarkVNIs gives a lab of 10,000 cables its identifiers: in a fresh tenant, and where it has them.
func BenchmarkVNIs(b *testing.B) {
	for _, database := range databases(b) {
		if database.missing != "" {
			b.Log(database.name, "is left out:", database.missing)
			continue
		}
		b.Run(database.name+"/10000-new", func(b *testing.B) {
			s := openWith(b, store.Config{URL: database.address(b)})
			seed(b, s)
			names := cables(10_000)
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				r := createLab(b, s, alpha, fmt.Sprint("lab", i))
				b.StartTimer()
				got, err := s.VNIs(b.Context(), inAlpha, r.ID, names)
				if err != nil || len(got) != len(names) {
					b.Fatal(len(got), err)
				}
			}
		})
		b.Run(database.name+"/10000-kept", func(b *testing.B) {
			s := openWith(b, store.Config{URL: database.address(b)})
			seed(b, s)
			names := cables(10_000)
			r := createLab(b, s, alpha, "lab")
			_, err := s.VNIs(b.Context(), inAlpha, r.ID, names)
			must(b, err)
			for b.Loop() {
				if got, err := s.VNIs(b.Context(), inAlpha, r.ID, names); err != nil || len(got) != len(names) {
					b.Fatal(len(got), err)
				}
			}
		})
	}
}
