package control

import (
	"context"

	"trunkline/lab/hostapi"
)

// noteUse takes over what a host has in use, on our clock: a host's own may be wrong, and charts compare hosts. The newest is kept here,
// what is shown of the past is the store's.
func (f *fleet) noteUse(ctx context.Context, h *hostState, epoch int64, use hostapi.Use) {
	f.mu.Lock()
	if h.epoch != epoch {
		f.mu.Unlock()
		return
	}
	use.At = f.now()
	h.use = &use
	f.mu.Unlock()
	f.sampled(ctx, h.id, use)
	f.changed()
}
