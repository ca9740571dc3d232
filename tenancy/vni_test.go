package tenancy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/internal/fault"
)

func TestFreshNumbersComeFirstAndThenTheLongestFreed(t *testing.T) {
	pool := VNIPool{}.WithDefaults()
	var known []VNI
	for number := uint32(4096); number < 4096+253; number++ {
		known = append(known, VNI{Number: number})
	}
	known[10].FreedAt = testTime.Add(-11 * time.Minute)
	known[11].FreedAt = testTime.Add(-2 * time.Hour)
	known[12].FreedAt = testTime.Add(-10 * time.Minute) // just now free
	known[13].FreedAt = testTime.Add(-10*time.Minute + time.Microsecond)
	got := pool.Pick([]uint32{4096}, known, 100, testTime)
	want := []uint32{4096 + 253, 4096 + 254, 4096 + 255, 4096 + 11, 4096 + 10, 4096 + 12}
	if !slices.Equal(got, want) {
		t.Errorf("picked %v, want %v", got, want)
	}
	if n, next := pool.Resting(known, testTime); n != 1 || !next.Equal(testTime.Add(time.Microsecond)) {
		t.Errorf("%d rest, the first until %v", n, next)
	}
}

func TestBlocksAreCutFromThePoolAndFromNothingBelow4096(t *testing.T) {
	for _, c := range []struct {
		name  string
		pool  VNIPool
		taken []uint32
		n     int
		want  []uint32
	}{
		{"the first block is above the reserved range", VNIPool{}, nil, 1, []uint32{4096}},
		{"a reserved range that is asked for is refused all the same", VNIPool{First: 1}, nil, 1, []uint32{4096}},
		{"gaps are filled first", VNIPool{}, []uint32{4096, 4608}, 257, []uint32{4352, 4864}},
		{"a block that is not whole is none", VNIPool{First: 4097, Last: 4863}, nil, 1000, []uint32{4352, 4608}},
		{"the last block of 24 bits", VNIPool{First: 1<<24 - 256}, nil, 1000, []uint32{1<<24 - 256}},
		{"nothing lies beyond 24 bits", VNIPool{First: 1<<24 - 256, Last: 1 << 30}, []uint32{1<<24 - 256}, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.pool.WithDefaults().NewBlocks(c.taken, c.n); !slices.Equal(got, c.want) {
				t.Errorf("blocks %v, want %v", got, c.want)
			}
		})
	}
}

func TestExhaustionSaysHowManyRestAndWhenOneIsFree(t *testing.T) {
	pool := VNIPool{First: 4096, Last: 4351}.WithDefaults()
	for _, c := range []struct {
		known []VNI
		says  []string
	}{
		{nil, []string{"3 are missing", "VNIs 4096 to 4351", "None of this workspace's is in quarantine"}},
		{[]VNI{{4096, testTime.Add(-7 * time.Minute)}, {4097, testTime.Add(-time.Minute)}, {4098, time.Time{}}}, []string{"2 are in quarantine", "free in 3 min"}},
		{[]VNI{{4096, testTime.Add(-9*time.Minute - 30*time.Second)}}, []string{"1 is in quarantine", "free in 30 s"}},
	} {
		err := pool.Exhausted(3, c.known, testTime)
		if !fault.Is(err, fault.Exhausted) {
			t.Errorf("code of %v", err)
		}
		for _, words := range c.says {
			if !strings.Contains(fault.Sentence(err), words) {
				t.Errorf("%q does not say %q", fault.Sentence(err), words)
			}
		}
	}
}

// book keeps identifiers as the store does, in memory.
type book struct {
	pool   VNIPool
	now    time.Time
	owner  map[uint32]string         // of blocks
	known  map[string]map[uint32]VNI // by tenant
	holder map[uint32]string         // tenant and lab that use a number now
	freed  map[uint32]time.Time
}

// take gives a holder of a tenant n numbers, or none.
func (b *book) take(tenant, holder string, n int) ([]uint32, error) {
	var blocks []uint32
	for first, owner := range b.owner {
		if owner == tenant {
			blocks = append(blocks, first)
		}
	}
	known := make([]VNI, 0, len(b.known[tenant]))
	for _, v := range b.known[tenant] {
		known = append(known, v)
	}
	picked := b.pool.Pick(blocks, known, n, b.now)
	var taken []uint32
	for first := range b.owner {
		taken = append(taken, first)
	}
	more := b.pool.NewBlocks(taken, n-len(picked))
	picked = append(picked, b.pool.Pick(more, nil, n-len(picked), b.now)...)
	if len(picked) < n {
		return nil, b.pool.Exhausted(n-len(picked), known, b.now)
	}
	for _, first := range more {
		b.owner[first] = tenant
	}
	return picked, nil
}

func TestNoNumberHasTwoHoldersAndNoneIsTakenWhileItRests(t *testing.T) {
	tenants := []string{"alpha", "beta", "gamma"}
	rapid.Check(t, func(t *rapid.T) {
		b := &book{
			pool: VNIPool{First: 4096, Last: 4096 + 5*256 - 1, Quarantine: 10 * time.Minute}, now: testTime,
			owner: map[uint32]string{}, known: map[string]map[uint32]VNI{}, holder: map[uint32]string{}, freed: map[uint32]time.Time{},
		}
		for _, tenant := range tenants {
			b.known[tenant] = map[uint32]VNI{}
		}
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				tenant := rapid.SampledFrom(tenants).Draw(t, "tenant")
				holder := fmt.Sprint(tenant, rapid.IntRange(1, 3).Draw(t, "lab"))
				n := rapid.IntRange(1, 400).Draw(t, "n")
				owned := len(b.owner)
				picked, err := b.take(tenant, holder, n)
				if err != nil {
					if room := b.room(tenant); !fault.Is(err, fault.Exhausted) || room >= n {
						t.Fatalf("%d numbers are free for %s, and %d are refused: %v", room, tenant, n, err)
					}
					if len(b.owner) != owned {
						t.Fatal("a refusal left blocks behind")
					}
					return
				}
				b.check(t, tenant, holder, picked, n)
			},
			"free": func(t *rapid.T) {
				holder := fmt.Sprint(rapid.SampledFrom(tenants).Draw(t, "tenant"), rapid.IntRange(1, 3).Draw(t, "lab"))
				for number, by := range b.holder {
					if by == holder && rapid.IntRange(0, 3).Draw(t, "keep") != 0 {
						delete(b.holder, number)
						b.freed[number] = b.now
						b.known[b.owner[VNIBlockOf(number)]][number] = VNI{Number: number, FreedAt: b.now}
					}
				}
			},
			"wait": func(t *rapid.T) {
				b.now = b.now.Add(time.Duration(rapid.IntRange(1, 700).Draw(t, "seconds")) * time.Second)
			},
		})
	})
}

// room is how many numbers the tenant could get, counted another way than the pool does.
func (b *book) room(tenant string) int {
	n := 0
	for number := b.pool.First; number <= b.pool.Last; number++ {
		owner, owned := b.owner[VNIBlockOf(number)]
		freed, rests := b.freed[number]
		if (!owned || owner == tenant) && b.holder[number] == "" && (!rests || b.now.Sub(freed) >= b.pool.Quarantine) {
			n++
		}
	}
	return n
}

func (b *book) check(t *rapid.T, tenant, holder string, picked []uint32, n int) {
	if len(picked) != n {
		t.Fatalf("%d numbers, want %d", len(picked), n)
	}
	for _, number := range picked {
		if by := b.holder[number]; by != "" {
			t.Fatalf("%d is %s's and was given to %s", number, by, holder)
		}
		if freed, was := b.freed[number]; was && b.now.Sub(freed) < b.pool.Quarantine {
			t.Fatalf("%d was given %v after it was freed", number, b.now.Sub(freed))
		}
		if b.owner[VNIBlockOf(number)] != tenant || number < FirstVNI || number > LastVNI {
			t.Fatalf("%d is in no block of %s", number, tenant)
		}
		b.holder[number] = holder
		delete(b.freed, number)
		b.known[tenant][number] = VNI{Number: number}
	}
}
