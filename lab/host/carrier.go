package host

import (
	"maps"
	"slices"
	"time"

	"trunkline/lab/hostapi"
)

// follow passes on to each lab's loop what the fabric tells of carrier between two Wires.
func (x *Executor) follow(w CarrierWatcher) {
	for failures := 1; x.life.Err() == nil; failures++ {
		for labs := range w.Carriers(x.life) {
			failures = 0
			for id, carrier := range labs {
				x.mu.Lock()
				l := x.labs[id]
				x.mu.Unlock()
				if l != nil {
					l.tellCarrier(carrier)
				}
			}
		}
		if sleep(x.life, jitter(backoff(time.Second, 15*time.Second, failures))) != nil {
			return
		}
	}
}

// tellCarrier hands over which of the lab's interfaces have carrier.
func (l *labLoop) tellCarrier(carrier map[hostapi.PortRef]bool) {
	l.mu.Lock()
	if l.news == nil {
		l.news = map[hostapi.PortRef]bool{}
	}
	maps.Copy(l.news, carrier)
	l.mu.Unlock()
	l.poke()
}

// heardCarrier takes over what was told since the last turn, and keeps it for the report of a Wire that is under way.
func (l *labLoop) heardCarrier(news map[hostapi.PortRef]bool) {
	if len(news) == 0 {
		return
	}
	if l.heard == nil {
		l.heard = map[hostapi.PortRef]bool{}
	}
	maps.Copy(l.heard, news)
	l.sawCarrier(news)
}

// wiredCarrier takes over a Wire's report, and over it what was told since the Wire began: that may be newer. Where it is older the fabric
// tells again, as it does after each Wire.
func (l *labLoop) wiredCarrier(report map[hostapi.PortRef]bool) {
	l.sawCarrier(report)
	l.sawCarrier(l.heard)
}

// sawCarrier brings the interfaces' states up to date: when they were plugged in, nothing was cabled yet.
func (l *labLoop) sawCarrier(carrier map[hostapi.PortRef]bool) {
	for name, f := range l.snap.Facts {
		if f == nil || len(f.Interfaces) == 0 {
			continue
		}
		now := slices.Clone(f.Interfaces)
		for i := range now {
			if up, known := carrier[hostapi.PortRef{Node: name, Interface: now[i].Name}]; known {
				now[i].Up = up
			}
		}
		f.Interfaces = now
	}
}
