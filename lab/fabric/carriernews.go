package fabric

import (
	"context"
	"maps"
	"sync"

	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

var _ host.CarrierWatcher = (*Fabric)(nil)

// carrierReaders are those who want to know when carrier comes or goes. The zero value is ready.
type carrierReaders struct {
	mu   sync.Mutex
	subs map[*carrierReader]bool
}

// carrierReader remembers the labs of which its reader has yet to hear.
type carrierReader struct {
	labs map[string]bool // guarded by carrierReaders.mu
	wake chan struct{}
}

// carrierNews notes that an end of a lab gained or lost carrier. It doesn't block.
func (f *Fabric) carrierNews(lab string) {
	f.readers.mu.Lock()
	defer f.readers.mu.Unlock()
	for sub := range f.readers.subs {
		sub.labs[lab] = true
		select {
		case sub.wake <- struct{}{}:
		default:
		}
	}
}

// Carriers implements host.CarrierWatcher.
func (f *Fabric) Carriers(ctx context.Context) <-chan map[string]map[hostapi.PortRef]bool {
	out := make(chan map[string]map[hostapi.PortRef]bool)
	sub := &carrierReader{labs: map[string]bool{}, wake: make(chan struct{}, 1)}
	f.carriers.mu.Lock() // what changes from here on is told to the reader
	defer f.carriers.mu.Unlock()
	for key := range f.carriers.ends {
		sub.labs[key.lab] = true
	}
	if len(sub.labs) > 0 {
		sub.wake <- struct{}{}
	}
	f.readers.mu.Lock()
	defer f.readers.mu.Unlock()
	if f.readers.subs == nil {
		f.readers.subs = map[*carrierReader]bool{}
	}
	f.readers.subs[sub] = true
	go func() { // until ctx ends: it is the reader's
		defer close(out)
		defer f.readers.leave(sub)
		for {
			select {
			case <-ctx.Done():
				return
			case <-sub.wake:
			}
			select {
			case <-ctx.Done():
				return
			case out <- f.carriers.now(f.readers.take(sub)):
			}
		}
	}()
	return out
}

func (r *carrierReaders) leave(sub *carrierReader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.subs, sub)
}

func (r *carrierReaders) take(sub *carrierReader) map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	labs := maps.Clone(sub.labs)
	clear(sub.labs)
	return labs
}

// now tells the carrier of the ends that lead into nodes of these labs.
func (c *carriers) now(labs map[string]bool) map[string]map[hostapi.PortRef]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]map[hostapi.PortRef]bool{}
	for key, e := range c.ends {
		if !labs[key.lab] || !e.watched {
			continue
		}
		if all[key.lab] == nil {
			all[key.lab] = map[hostapi.PortRef]bool{}
		}
		all[key.lab][e.port] = e.up && e.own && e.index != 0
	}
	return all
}
