package host

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// peering keeps which other hosts this one exchanges frames with, in one file: an agent that starts anew, or whose switch did, tells
// its fabric without waiting for the controller.
type peering struct {
	path string
	news chan struct{} // one token: tell the fabric

	mu    sync.Mutex
	known bool // the controller has said
	peers []hostapi.Peer
	err   *fault.Error // why the fabric has not taken them; nil: it has
}

// keptPeers is the file.
type keptPeers struct {
	Peers []hostapi.Peer `json:"peers"`
}

// newPeering reads the file. One that is damaged counts as none: the controller tells the peers again on its next link.
func newPeering(path string) (*peering, error) {
	p := &peering{path: path, news: make(chan struct{}, 1)}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The agent's file %s cannot be read.", path)
	}
	var k keptPeers
	if json.Unmarshal(text, &k) == nil {
		p.known, p.peers = true, k.Peers
	}
	return p, nil
}

// set keeps the peers on disk, and has the fabric told also when they are the same: the controller says so on each link.
func (p *peering) set(peers []hostapi.Peer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.known || !slices.Equal(p.peers, peers) {
		text, err := json.Marshal(keptPeers{peers})
		if err != nil {
			return fault.Wrap(err, fault.Internal, "The peers cannot be written as JSON.")
		}
		if err := writeFile(p.path, text); err != nil {
			return err
		}
	}
	p.known, p.peers = true, peers
	p.poke()
	return nil
}

func (p *peering) poke() {
	select {
	case p.news <- struct{}{}:
	default:
	}
}

func (p *peering) now() ([]hostapi.Peer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.peers, p.known
}

// tried notes what the fabric said. It reports whether that is news.
func (p *peering) tried(err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.err
	if p.err = nil; err != nil {
		p.err = fault.Public(err)
	}
	return (before == nil) != (p.err == nil)
}

func (p *peering) trouble() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		return nil
	}
	return fault.Wrap(p.err, p.err.Code, "The tunnels to other hosts are not set up: %s", p.err.Sentence)
}

// SetPeers implements hostapi.FleetHost. It returns once they are kept on disk; the fabric is told behind it, until it takes them.
func (x *Executor) SetPeers(_ context.Context, peers []hostapi.Peer) error {
	if _, ok := x.cfg.Fabric.(Underlay); !ok {
		return fault.New(fault.Unsupported, "This compute host takes no part in labs on several hosts.")
	}
	for _, p := range peers {
		if p.Host == "" || !p.Address.IsValid() {
			return fault.New(fault.Invalid, "The peer %q (%s) has no identity or no address.", p.Name, p.Host)
		}
	}
	mine := slices.Clone(peers)
	slices.SortFunc(mine, func(a, b hostapi.Peer) int { return a.Address.Compare(b.Address) })
	return x.peers.set(mine)
}

// meet tells the fabric its peers whenever they may have been forgotten or have changed, until it takes them.
func (x *Executor) meet(u Underlay) {
	failures := 0
	for {
		wait := jitter(x.cfg.Resync)
		if peers, known := x.peers.now(); known {
			ctx, cancel := context.WithTimeout(x.life, 20*time.Second)
			err := u.SetPeers(ctx, peers)
			cancel()
			if x.life.Err() != nil {
				return
			}
			if x.peers.tried(err) {
				x.describeAgain()
			}
			failures++
			if err == nil {
				failures = 0
			} else {
				x.log.Warn("the peers could not be set", "try", failures, "error", err)
				wait = min(wait, jitter(backoff(500*time.Millisecond, 15*time.Second, failures)))
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-x.peers.news:
		case <-x.life.Done():
		}
		timer.Stop()
		if x.life.Err() != nil {
			return
		}
	}
}

// moved reports that the host's underlay address is another than was told: until the controller knows, no peer reaches it.
func (x *Executor) moved() bool {
	u, ok := x.cfg.Fabric.(Underlay)
	if !ok {
		return false
	}
	told, any := x.facts.underlay()
	if !any {
		return false
	}
	ctx, cancel := context.WithTimeout(x.life, 20*time.Second)
	defer cancel()
	now, _, err := u.UnderlayAddress(ctx)
	return err == nil && now != told
}

// hear passes on what the fabric knows of the ways to the peers.
func (x *Executor) hear(u Underlay) {
	for failures := 1; x.life.Err() == nil; failures++ {
		for reach := range u.Reach(x.life) {
			failures = 0
			x.hub.setReach(slices.Clone(reach))
		}
		if sleep(x.life, jitter(backoff(time.Second, 15*time.Second, failures))) != nil {
			return
		}
	}
}

// Log implements hostapi.FleetHost.
func (x *Executor) Log(_ context.Context, lines int) ([]string, error) {
	if x.cfg.Tail == nil {
		return nil, fault.New(fault.Unsupported, "This compute host does not keep the last lines of its log.")
	}
	return x.cfg.Tail(min(lines, hostapi.MaxLogLines)), nil
}

var _ hostapi.FleetHost = (*Executor)(nil)
