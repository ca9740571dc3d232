package host

import (
	"context"
	"math/rand/v2"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// watch follows the engine's events and tells each lab's loop of its own. When the stream breaks every lab looks anew.
func (x *Executor) watch() {
	watcher, ok := x.cfg.Engine.(Watcher)
	if !ok {
		return // the resync finds out
	}
	for failures := 0; x.life.Err() == nil; {
		events, err := watcher.Watch(x.life)
		if err == nil {
			failures = 0
			x.list.doubted() // it may have restarted since it was asked last, and nobody would have heard
			x.describeAgain()
			x.relist()
			x.stranger()
			for e := range events {
				x.event(e)
			}
		}
		if x.life.Err() != nil {
			return
		}
		x.list.doubted()
		x.describeAgain()
		x.relist()
		failures++
		if sleep(x.life, jitter(backoff(100*time.Millisecond, 5*time.Second, failures))) != nil {
			return
		}
	}
}

func (x *Executor) event(e ContainerEvent) {
	x.mu.Lock()
	l := x.labs[e.Stamp.Lab]
	x.mu.Unlock()
	switch {
	case l != nil:
		l.tell(e)
	case e.Event == "create" || e.Event == "start": // an agent that was killed had asked for it
		x.stranger()
	}
}

// stranger has containers looked for of labs that nobody wants: one was heard of, or may have come while the events were not followed.
func (x *Executor) stranger() {
	select {
	case x.strange <- struct{}{}:
	default:
	}
}

// strangerPause lets several strangers come before they are looked for.
const strangerPause = 100 * time.Millisecond

// expel removes containers of labs that nobody wants as soon as they are heard of.
func (x *Executor) expel() {
	for {
		select {
		case <-x.strange:
		case <-x.life.Done():
			return
		}
		if sleep(x.life, strangerPause) != nil {
			return
		}
		if err := x.removeStrangers(x.life); err != nil && x.life.Err() == nil {
			x.log.Warn("could not look for labs that nobody wants; the patrol will", "error", err)
		}
	}
}

func (x *Executor) relist() {
	for _, l := range x.loopsNow() {
		l.look(false)
	}
}

// jitter spreads d by a tenth each way.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)*0.2*float64(d))
}

// patrol makes every lab compare itself with reality now and then, and looks for strangers and blobs that nobody uses.
func (x *Executor) patrol() {
	for {
		if sleep(x.life, jitter(x.cfg.Resync)) != nil {
			return
		}
		for _, l := range x.loopsNow() {
			l.look(true)
		}
		if err := x.removeStrangers(x.life); err != nil && x.life.Err() == nil {
			x.log.Warn("could not look for labs that nobody wants", "error", err)
		}
		if err := x.blobs.collect(x.usedBlobs(), time.Now()); err != nil {
			x.log.Warn("could not collect unused project files", "error", err)
		}
	}
}

func (x *Executor) usedBlobs() map[string]bool {
	used := map[string]bool{}
	for _, l := range x.loopsNow() {
		if spec := l.desired().Spec; spec != nil {
			for i := range spec.Nodes {
				for _, f := range spec.Nodes[i].Files {
					used[f.Blob] = true
				}
			}
		}
	}
	return used
}

// Synced implements hostapi.LabHost. Only after it is anything removed that this agent knows no spec of: the state folder may
// have been lost, and then the controller is the one who knows.
func (x *Executor) Synced(ctx context.Context, labIDs []string) error {
	wanted := make(map[string]bool, len(labIDs))
	for _, id := range labIDs {
		wanted[id] = true
	}
	x.mu.Lock()
	x.synced = wanted
	var unwanted []string
	for id, l := range x.labs {
		if wanted[id] {
			l.confirm()
		}
		if !wanted[id] && !l.desired().Removed {
			unwanted = append(unwanted, id)
		}
	}
	x.mu.Unlock()
	for _, id := range unwanted {
		x.log.Info("removing a lab that the controller does not want here", "lab", id)
		if err := x.Remove(ctx, id); err != nil {
			return err
		}
	}
	err := x.removeStrangers(ctx)
	if fault.Is(err, fault.Unavailable) {
		x.log.Warn("could not look for labs that nobody wants; the patrol will", "error", err)
		return nil // it was heard, and is remembered
	}
	return err
}

// removeStrangers removes the labs of which stamped things are here and no spec.
func (x *Executor) removeStrangers(ctx context.Context) error {
	x.mu.Lock()
	wanted := x.synced
	x.mu.Unlock()
	if wanted == nil {
		return nil
	}
	found, err := x.found(ctx)
	if err != nil {
		return err
	}
	known := x.loopsNow()
	for id := range found {
		if known[id] != nil || wanted[id] {
			continue // one that is wanted will be applied
		}
		x.log.Info("removing what is left of an unknown lab", "lab", id)
		if err := x.Remove(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// found lists the labs of which there is anything: containers, wiring or folders.
func (x *Executor) found(ctx context.Context) (map[string]bool, error) {
	labs := map[string]bool{}
	answer, err := x.list.list(ctx, x.life)
	if err != nil {
		return nil, err
	}
	for id := range answer.labs {
		labs[id] = true
	}
	wired, err := x.cfg.Fabric.Labs(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range wired {
		labs[id] = true
	}
	dirs, err := x.dirs.labs()
	if err != nil {
		return nil, err
	}
	for id := range dirs {
		labs[id] = true
	}
	delete(labs, "")
	return labs, nil
}

// refresh keeps the host's description new.
func (x *Executor) refresh() {
	for {
		ctx, cancel := context.WithTimeout(x.life, 20*time.Second)
		info := x.describe(ctx)
		cancel()
		if x.life.Err() != nil {
			return
		}
		if x.facts.set(info) {
			x.hub.setInfo(info)
		}
		wait := time.Minute
		if len(info.Problems) > 0 {
			wait = 10 * time.Second
		}
		select {
		case <-time.After(jitter(wait)):
		case <-x.daemons:
		case <-x.life.Done():
			return
		}
	}
}

// describeAgain makes refresh ask at once: labs are placed by the description.
func (x *Executor) describeAgain() {
	select {
	case x.daemons <- struct{}{}:
	default:
	}
}

var _ hostapi.Host = (*Executor)(nil)
