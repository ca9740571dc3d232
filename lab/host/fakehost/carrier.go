package fakehost

import (
	"context"

	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

var _ host.CarrierWatcher = (*Fabric)(nil)

// carrier is which interfaces lack it, and who wants to know. It is guarded by the host's mu.
type carrier struct {
	dark    map[string]map[hostapi.PortRef]bool // by lab
	readers map[*carrierReader]bool
}

// carrierReader remembers the labs of which its reader has yet to hear.
type carrierReader struct {
	labs map[string]bool
	wake chan struct{}
}

// SetCarrier gives or takes the carrier of a node's interface, as a far end that is switched on or off does.
func (h *Host) SetCarrier(labID, node, iface string, up bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.carrier.dark == nil {
		h.carrier.dark = map[string]map[hostapi.PortRef]bool{}
	}
	if h.carrier.dark[labID] == nil {
		h.carrier.dark[labID] = map[hostapi.PortRef]bool{}
	}
	h.carrier.dark[labID][hostapi.PortRef{Node: node, Interface: iface}] = !up
	h.carrierNewsLocked(labID)
}

func (h *Host) carrierNewsLocked(labID string) {
	for r := range h.carrier.readers {
		r.labs[labID] = true
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// carriersLocked tells the carrier of a lab's interfaces that are cabled.
func (h *Host) carriersLocked(labID string) map[hostapi.PortRef]bool {
	all := map[hostapi.PortRef]bool{}
	w := h.wires[labID]
	for _, n := range w.spec.Nodes {
		for _, i := range n.Interfaces {
			if _, there := w.pids[n.Name]; there {
				port := hostapi.PortRef{Node: n.Name, Interface: i.Name}
				all[port] = !h.carrier.dark[labID][port]
			}
		}
	}
	return all
}

// Carriers implements host.CarrierWatcher.
func (f *Fabric) Carriers(ctx context.Context) <-chan map[string]map[hostapi.PortRef]bool {
	h, out := f.h, make(chan map[string]map[hostapi.PortRef]bool)
	r := &carrierReader{labs: map[string]bool{}, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.carrier.readers == nil {
		h.carrier.readers = map[*carrierReader]bool{}
	}
	h.carrier.readers[r] = true
	for id := range h.wires {
		h.carrierNewsLocked(id)
	}
	h.waits.Go(func() {
		defer close(out)
		defer func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			delete(h.carrier.readers, r)
		}()
		for {
			select {
			case <-r.wake:
			case <-ctx.Done():
				return
			case <-h.life.Done():
				return
			}
			select {
			case out <- h.carrierNews(r):
			case <-ctx.Done():
				return
			case <-h.life.Done():
				return
			}
		}
	})
	return out
}

func (h *Host) carrierNews(r *carrierReader) map[string]map[hostapi.PortRef]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	news := map[string]map[hostapi.PortRef]bool{}
	for id := range r.labs {
		news[id] = h.carriersLocked(id)
	}
	clear(r.labs)
	return news
}
