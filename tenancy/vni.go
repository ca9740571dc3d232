package tenancy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"trunkline/internal/fault"
)

// VNIs are the 24 bit identifiers of VXLAN (RFC 7348, section 5) that keep networks of labs apart between hosts. The rules:
//
//   - Numbers below FirstVNI are reserved: 1 is the underlay probe's, the others are left to whoever runs tunnels beside ours.
//   - A tenant's numbers come from blocks of VNIBlockSize of its own, so that a number tells whose a frame is. It gets another block
//     when its own are used up; a block of which nothing is left goes back.
//   - A number that is freed rests for the pool's quarantine: a host that could not be told yet may still send under it.
//   - Numbers that nobody has had for long come first, the lowest first; then those that have rested, the longest freed first.
const (
	FirstVNI     uint32 = 4096
	LastVNI      uint32 = 1<<24 - 1
	VNIBlockSize uint32 = 256

	// Quarantine is how long a freed identifier rests unless the pool says otherwise.
	Quarantine = 10 * time.Minute
)

// VNIPool is the range that blocks are cut from, within FirstVNI to LastVNI. Zero fields are those two and Quarantine.
type VNIPool struct {
	First, Last uint32 // both included; only whole blocks between them are given
	Quarantine  time.Duration
}

// WithDefaults fills in zero fields and keeps out of the reserved ones.
func (p VNIPool) WithDefaults() VNIPool {
	p.First, p.Last = max(p.First, FirstVNI), min(cmp.Or(p.Last, LastVNI), LastVNI)
	p.Quarantine = cmp.Or(p.Quarantine, Quarantine)
	return p
}

// VNI is one number that somebody has or had.
type VNI struct {
	Number  uint32
	FreedAt time.Time // zero: it is in use
}

// VNIBlockOf is the first number of the block that the number is in.
func VNIBlockOf(number uint32) uint32 { return number - number%VNIBlockSize }

// Pick chooses up to n numbers of a tenant's blocks, given by their first numbers. known are the numbers in those blocks that are in use or
// were lately. It returns fewer when the blocks are used up.
func (p VNIPool) Pick(blocks []uint32, known []VNI, n int, now time.Time) []uint32 {
	had := make(map[uint32]bool, len(known))
	var rested []VNI
	for _, v := range known {
		had[v.Number] = true
		if p.rested(v, now) {
			rested = append(rested, v)
		}
	}
	picked := make([]uint32, 0, n)
	for _, first := range slices.Sorted(slices.Values(blocks)) {
		for number := first; number < first+VNIBlockSize && len(picked) < n; number++ {
			if !had[number] {
				picked = append(picked, number)
			}
		}
	}
	slices.SortFunc(rested, func(a, b VNI) int {
		return cmp.Or(a.FreedAt.Compare(b.FreedAt), cmp.Compare(a.Number, b.Number))
	})
	for _, v := range rested[:min(len(rested), n-len(picked))] {
		picked = append(picked, v.Number)
	}
	return picked
}

// rested reports that the number was freed and its quarantine is over.
func (p VNIPool) rested(v VNI, now time.Time) bool {
	return !v.FreedAt.IsZero() && !now.Before(v.FreedAt.Add(p.Quarantine))
}

// Resting counts the numbers in quarantine, and says when the first of them may be used again.
func (p VNIPool) Resting(known []VNI, now time.Time) (n int, next time.Time) {
	for _, v := range known {
		if v.FreedAt.IsZero() || p.rested(v, now) {
			continue
		}
		n++
		if free := v.FreedAt.Add(p.Quarantine); next.IsZero() || free.Before(next) {
			next = free
		}
	}
	return n, next
}

// NewBlocks chooses blocks for n more numbers, the lowest first, beside those that tenants have. It returns fewer when the pool is used up.
func (p VNIPool) NewBlocks(taken []uint32, n int) []uint32 {
	has := make(map[uint32]bool, len(taken))
	for _, first := range taken {
		has[first] = true
	}
	want := (n + int(VNIBlockSize) - 1) / int(VNIBlockSize)
	var blocks []uint32
	start := VNIBlockOf(p.First + VNIBlockSize - 1)
	for first := start; len(blocks) < want && first+VNIBlockSize-1 <= p.Last; first += VNIBlockSize {
		if !has[first] {
			blocks = append(blocks, first)
		}
	}
	return blocks
}

// Exhausted is the answer when n numbers too few are left. known are all of the tenant's.
func (p VNIPool) Exhausted(n int, known []VNI, now time.Time) error {
	missing := fmt.Sprintf("The network identifiers (VNIs %d to %d) are used up: %s missing for this lab.", p.First, p.Last, isOrAre(n))
	resting, next := p.Resting(known, now)
	if resting == 0 {
		return fault.New(fault.Exhausted, "%s None of this workspace's is in quarantine. Destroy a lab that nobody needs, and try again %s after that.", missing, p.Quarantine)
	}
	return fault.New(fault.Exhausted, "%s Of this workspace's, %s in quarantine, and the first is free in %s. Try again then, or destroy a lab that nobody needs.",
		missing, isOrAre(resting), roughly(next.Sub(now)))
}

func isOrAre(n int) string {
	if n == 1 {
		return "1 is"
	}
	return fmt.Sprintf("%d are", n)
}

// roughly rounds up to what a person waits for.
func roughly(d time.Duration) string {
	if d <= time.Minute {
		return fmt.Sprintf("%d s", max(1, int((d+time.Second-1)/time.Second)))
	}
	return fmt.Sprintf("%d min", int((d+time.Minute-1)/time.Minute))
}
