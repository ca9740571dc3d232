package host

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"sync"
	"time"

	"trunkline/internal/fault"
)

// whereaboutsGrace is how long an address on the underlay may be away before the host is said to have none: every other host tears
// its tunnels to this one down on that word.
const whereaboutsGrace = time.Minute

// whereabouts remembers where peers reach this host, in one file: while the switch is down or started anew there may be no telling.
type whereabouts struct {
	path  string
	grace time.Duration

	mu    sync.Mutex
	known place
	away  time.Time // since when there is none; zero: there is, or it could not be asked
}

// place is the file.
type place struct {
	Address netip.Addr `json:"address,omitzero"`
	MTU     int        `json:"mtu,omitempty"`
}

// newWhereabouts reads the file. One that is damaged counts as none: the fabric tells.
func newWhereabouts(path string) (*whereabouts, error) {
	w := &whereabouts{path: path, grace: whereaboutsGrace}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The agent's file %s cannot be read.", path)
	}
	if json.Unmarshal(text, &w.known) != nil {
		w.known = place{}
	}
	return w, nil
}

// settle takes what the fabric says now, and returns what to tell. sure: the fabric could be asked, so that no address means none.
func (w *whereabouts) settle(now place, sure bool, at time.Time) (place, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case now.Address.IsValid():
		w.away = time.Time{}
	case !sure:
		w.away = time.Time{}
		return w.known, nil
	case !w.known.Address.IsValid():
		return w.known, nil
	case w.away.IsZero():
		w.away = at
		return w.known, nil
	case at.Sub(w.away) < w.grace:
		return w.known, nil
	}
	if now == w.known {
		return now, nil
	}
	w.known = now
	text, err := json.Marshal(now)
	if err != nil {
		return now, fault.Wrap(err, fault.Internal, "The underlay address cannot be written as JSON.")
	}
	return now, writeFile(w.path, text)
}

// whereabouts is where peers reach this host. An error is why that could not be asked; the last known address comes with it.
func (x *Executor) whereabouts(ctx context.Context, u Underlay, switchUp bool) (netip.Addr, int, error) {
	address, mtu, err := u.UnderlayAddress(ctx)
	if err != nil {
		address, mtu = netip.Addr{}, 0
	}
	told, failed := x.where.settle(place{address, mtu}, err == nil && switchUp, x.cfg.Now())
	if failed != nil {
		x.log.Warn("the underlay address could not be kept", "error", failed)
	}
	return told.Address, told.MTU, err
}
