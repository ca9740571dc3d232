package control

import (
	"context"
	"time"

	"trunkline/lab/hostapi"
)

// sampleEvery is how often a host's use is stored; the newest is kept in memory.
const sampleEvery = time.Minute

// noteUse takes over what a host has in use, on our clock: a host's own may be wrong, and charts compare hosts.
func (f *fleet) noteUse(ctx context.Context, h *hostState, epoch int64, use hostapi.Use) {
	f.mu.Lock()
	if h.epoch != epoch {
		f.mu.Unlock()
		return
	}
	now := f.now()
	use.At = now
	h.use = &use
	due := now.Sub(h.sampled) >= sampleEvery
	if due {
		h.sampled = now
	}
	f.mu.Unlock()
	if due {
		f.sampled(ctx, h.id, use)
	}
	f.changed()
}

// atMost makes at most so many samples of many, each the mean of its neighbours and at the time of the last of them.
func atMost(limit int, samples []hostapi.Use) []hostapi.Use {
	if len(samples) <= limit {
		return samples
	}
	of := (len(samples) + limit - 1) / limit
	var thin []hostapi.Use
	for start := 0; start < len(samples); start += of {
		thin = append(thin, mean(samples[start:min(start+of, len(samples))]))
	}
	return thin
}

func mean(samples []hostapi.Use) hostapi.Use {
	m := hostapi.Use{At: samples[len(samples)-1].At}
	for _, s := range samples {
		m.CPU += s.CPU
		m.MemoryBytes += s.MemoryBytes
		m.DiskBytes += s.DiskBytes
		m.Nodes += s.Nodes
	}
	n := len(samples)
	m.CPU /= float64(n)
	m.MemoryBytes /= int64(n)
	m.DiskBytes /= int64(n)
	m.Nodes = (m.Nodes + n/2) / n
	return m
}
