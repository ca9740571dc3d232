package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/internal/fault"
	"trunkline/store"
	"trunkline/tenancy"
)

// holding is one lab of the model: its tenant and what it was told.
type holding struct {
	tenant, id string
	vnis       map[string]uint32
}

// ledger is what must hold of identifiers, kept beside a real database.
type ledger struct {
	store *store.Store
	clock *clock
	labs  []*holding
	owner map[uint32]string // of blocks that hold something that is in use or rests
	freed map[uint32]time.Time
}

// TestIdentifiersOfARealStoreKeepTheRules asks for, frees and waits at random: no number has two holders, none that rests is given, and
// no block is of two tenants. When everything has rested, housekeeping takes all blocks back.
func TestIdentifiersOfARealStoreKeepTheRules(t *testing.T) {
	c := &clock{at: time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)}
	s := openWith(t, store.Config{URL: filepath.Join(t.TempDir(), "trunkline.db"), Now: c.now, VNIs: smallPool})
	seed(t, s)
	l := &ledger{store: s, clock: c}
	for _, tenant := range []string{alpha, beta} {
		for i := range 2 {
			l.labs = append(l.labs, &holding{tenant: tenant, id: createLab(t, s, tenant, fmt.Sprint("lab", i)).ID})
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		l.clear(t)
		rt.Repeat(map[string]func(*rapid.T){
			"ask":  l.ask,
			"free": l.free,
			"wait": func(rt *rapid.T) {
				c.move(time.Duration(rapid.IntRange(1, 900).Draw(rt, "seconds")) * time.Second)
				must(t, s.Prune(t.Context(), c.now()))
			},
		})
	})
}

func (l *ledger) clear(t *testing.T) {
	for _, lab := range l.labs {
		must(t, l.store.FreeVNIs(t.Context(), tenancy.Everywhere(), lab.id))
		lab.vnis = nil
	}
	l.clock.move(48 * time.Hour)
	must(t, l.store.Prune(t.Context(), l.clock.now()))
	blocks, err := l.store.VNIBlocks(t.Context(), tenancy.Everywhere())
	must(t, err)
	if len(blocks) != 0 {
		t.Fatalf("blocks of which nothing is left stay: %+v", blocks)
	}
	l.owner, l.freed = map[uint32]string{}, map[uint32]time.Time{}
}

func (l *ledger) ask(t *rapid.T) {
	lab := rapid.SampledFrom(l.labs).Draw(t, "lab")
	first := rapid.IntRange(0, 300).Draw(t, "first")
	names := cables(first + rapid.IntRange(0, 300).Draw(t, "n"))[first:]
	got, err := l.store.VNIs(t.Context(), tenancy.InTenant(lab.tenant), lab.id, names)
	if fault.Is(err, fault.Exhausted) {
		return // everything stays as it was
	}
	if err != nil || len(got) != len(names) {
		t.Fatalf("%d of %d: %v", len(got), len(names), err)
	}
	for name, number := range lab.vnis {
		if got[name] == 0 {
			l.freed[number] = l.clock.now()
		}
	}
	for name, number := range got {
		had := lab.vnis[name]
		if had != 0 && had != number {
			t.Fatalf("%s had %d and has %d", name, had, number)
		}
		if had == 0 {
			l.checkNew(t, lab, number)
		}
	}
	lab.vnis = got
	l.checkHolders(t)
}

func (l *ledger) checkNew(t *rapid.T, lab *holding, number uint32) {
	if freed, was := l.freed[number]; was && l.clock.now().Sub(freed) < tenancy.Quarantine {
		t.Fatalf("%d was given %v after it was freed", number, l.clock.now().Sub(freed))
	}
	block := tenancy.VNIBlockOf(number)
	if owner := l.owner[block]; owner != "" && owner != lab.tenant {
		t.Fatalf("%d is in a block of %s and was given to %s", number, owner, lab.tenant)
	}
	l.owner[block] = lab.tenant
	delete(l.freed, number)
}

func (l *ledger) checkHolders(t *rapid.T) {
	holder := map[uint32]string{}
	for _, lab := range l.labs {
		for name, number := range lab.vnis {
			if other, twice := holder[number]; twice {
				t.Fatalf("%d is of %s and of %s in %s", number, other, name, lab.id)
			}
			holder[number] = name
		}
	}
}

func (l *ledger) free(t *rapid.T) {
	lab := rapid.SampledFrom(l.labs).Draw(t, "lab")
	if err := l.store.FreeVNIs(t.Context(), tenancy.InTenant(lab.tenant), lab.id); err != nil {
		t.Fatal(err)
	}
	for _, number := range lab.vnis {
		l.freed[number] = l.clock.now()
	}
	lab.vnis = nil
}
