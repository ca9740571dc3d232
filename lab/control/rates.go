package control

import (
	"context"
	"maps"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// RatesHost is a linked host that tells what labs carry; *hostapi.Client is one.
type RatesHost interface {
	Rates(ctx context.Context, labID string, each func(hostapi.Rates) error) error
}

// Rates is what changed of a lab's rates; the first one a watcher gets is Full.
type Rates = hostapi.Rates

// ratesRetry is how often it is looked which hosts a watched lab is on, and how soon one that could not be asked is asked again.
const ratesRetry = 3 * time.Second

// rateFeeds are the labs whose rates somebody watches: each is asked for once, whoever watches.
type rateFeeds struct {
	running sync.WaitGroup

	mu    sync.Mutex
	feeds map[string]*rateFeed
}

// rateFeed is one lab's rates. Its fields are guarded by the feeds' mu.
type rateFeed struct {
	end      context.CancelFunc
	parts    map[string]Rates // by host: what its part is now
	watchers map[*rateWatcher]bool
}

// rateWatcher is one reader. What it has not taken yet is put together, so a slow one gets the newest.
type rateWatcher struct {
	wake    chan struct{}
	pending Rates
}

// WatchRates tells what the links and nodes of a lab carry and use, about once a second, until ctx ends: everything first, then what changed.
// Nothing is measured while nobody watches. A host whose agent is of an earlier release tells nothing. Codes: not_found.
func (c *Controller) WatchRates(ctx context.Context, actor tenancy.Actor, ref string) (<-chan Rates, error) {
	r, err := c.find(ctx, actor, tenancy.SeeLab, ref)
	if err != nil {
		return nil, err
	}
	return c.rates.watch(ctx, c, r.ID), nil
}

// watch adds a watcher, and starts the lab's feed with the first one.
func (f *rateFeeds) watch(ctx context.Context, c *Controller, labID string) <-chan Rates {
	out := make(chan Rates)
	w := &rateWatcher{wake: make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.feeds == nil {
		f.feeds = map[string]*rateFeed{}
	}
	feed := f.feeds[labID]
	if feed == nil {
		life, end := context.WithCancel(c.life)
		feed = &rateFeed{end: end, parts: map[string]Rates{}, watchers: map[*rateWatcher]bool{}}
		f.feeds[labID] = feed
		f.running.Go(func() { f.follow(life, c, labID, feed) })
	}
	w.pending = feed.whole()
	w.wake <- struct{}{}
	feed.watchers[w] = true
	f.running.Go(func() {
		defer close(out)
		defer f.leave(labID, feed, w)
		f.deliver(ctx, c.life, w, out)
	})
	return out
}

// whole is all parts together.
func (f *rateFeed) whole() Rates {
	all := Rates{At: time.Now(), Full: true, Interfaces: map[string]hostapi.InterfaceRate{}, Nodes: map[string]hostapi.NodeUse{}}
	for _, part := range f.parts {
		maps.Copy(all.Interfaces, part.Interfaces)
		maps.Copy(all.Nodes, part.Nodes)
	}
	return all
}

func (f *rateFeeds) leave(labID string, feed *rateFeed, w *rateWatcher) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if delete(feed.watchers, w); len(feed.watchers) == 0 {
		feed.end()
		delete(f.feeds, labID)
	}
}

func (f *rateFeeds) deliver(ctx, life context.Context, w *rateWatcher, out chan<- Rates) {
	for {
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		case <-life.Done():
			return
		}
		f.mu.Lock()
		sample := w.pending
		w.pending = Rates{}
		f.mu.Unlock()
		if sample.Empty() {
			continue
		}
		select {
		case out <- sample:
		case <-ctx.Done():
			return
		case <-life.Done():
			return
		}
	}
}

// follow asks every host that has something of the lab, for as long as it has.
func (f *rateFeeds) follow(ctx context.Context, c *Controller, labID string, feed *rateFeed) {
	asked := map[string]context.CancelFunc{}
	ended := make(chan string)
	var hosts sync.WaitGroup
	defer hosts.Wait()
	for tick := time.NewTicker(ratesRetry); ; {
		holders := map[string]bool{}
		for _, id := range c.fleet.holders(labID) {
			holders[id] = true
			if asked[id] != nil {
				continue
			}
			life, end := context.WithCancel(ctx)
			asked[id] = end
			hosts.Go(func() {
				f.ask(life, c, labID, id, feed)
				select {
				case ended <- id:
				case <-ctx.Done():
				}
			})
		}
		for id, end := range asked {
			if !holders[id] {
				end()
			}
		}
		for waiting := true; waiting; {
			select {
			case id := <-ended:
				asked[id]()
				delete(asked, id)
				f.heard(feed, id, Rates{At: time.Now(), Full: true}) // it tells nothing any more
			case <-tick.C:
				waiting = false
			case <-ctx.Done():
				tick.Stop()
				for _, end := range asked {
					end()
				}
				return
			}
		}
	}
}

// ask follows one host until it is lost or ctx ends.
func (f *rateFeeds) ask(ctx context.Context, c *Controller, labID, hostID string, feed *rateFeed) {
	linked, _, err := c.fleet.reach(hostID, c.hostName(hostID))
	if err != nil {
		return
	}
	host, able := linked.(RatesHost)
	if !able {
		return
	}
	err = host.Rates(ctx, labID, func(sample hostapi.Rates) error {
		f.heard(feed, hostID, sample)
		return nil
	})
	if err != nil && ctx.Err() == nil && !fault.Is(err, fault.Unsupported) {
		c.log.Debug("a host's rates ended", "host", hostID, "lab", labID, "error", err)
	}
}

// heard takes a host's sample and gives every watcher what changed.
func (f *rateFeeds) heard(feed *rateFeed, hostID string, sample Rates) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := feed.parts[hostID]
	now := before.With(sample)
	feed.parts[hostID] = now
	change := sample
	if sample.Full {
		change = now.Since(before)
	}
	if change.Empty() {
		return
	}
	for w := range feed.watchers {
		if w.pending.At.IsZero() {
			w.pending = change
		} else {
			w.pending = w.pending.Then(change)
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}
