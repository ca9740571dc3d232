package host

import (
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

const idle = time.Hour // the patrol wakes the loop long before

// maybeList asks for the containers when what is known may be out of date: at once when nothing is under way, else seldom, as a
// List of a thousand containers is dear and our own steps tell what they do.
func (l *labLoop) maybeList(now time.Time) time.Duration {
	if l.listing || l.staleAt.IsZero() {
		return idle
	}
	at := l.listAfter
	if patient := l.staleAt.Add(time.Second); len(l.ops) > 0 && patient.After(at) {
		at = patient
	}
	if at.After(now) {
		return at.Sub(now)
	}
	l.staleAt, l.listing = time.Time{}, true
	mark := l.clock
	l.x.loops.Go(func() {
		begun := time.Now()
		answer, err := l.x.list.list(l.x.life, l.x.life)
		took := time.Since(begun)
		l.results <- func() { l.listed(answer, err, mark, took) }
	})
	return idle
}

// listed takes over what the engine shows, but for nodes we did something to since it was asked.
func (l *labLoop) listed(answer *listing, err error, mark int, took time.Duration) {
	l.listing = false
	now := l.x.cfg.Now()
	if err != nil {
		l.listFails++
		l.listErr = fault.Public(err)
		l.listAfter = now.Add(jitter(retryDelay(fault.Unavailable, l.listFails)))
		l.needList()
		if !l.observed {
			l.x.seen(l.id) // it was tried
		}
		return
	}
	l.listErr, l.listFails = nil, 0
	l.listAfter = now.Add(max(50*time.Millisecond, 5*took))
	l.observed = true
	reset := answer.resets > l.resets
	l.resets = answer.resets
	byNode := map[string][]*Container{}
	for _, c := range answer.labs[l.id] {
		mine := *c // the answer is shared between labs and their turns
		byNode[c.Stamp.Node] = append(byNode[c.Stamp.Node], &mine)
	}
	for name := range l.snap.Containers {
		if byNode[name] == nil {
			byNode[name] = []*Container{}
		}
	}
	for name, list := range byNode {
		if l.ops[name] == nil && l.touched[name] <= mark {
			l.seen(name, list, now, reset)
		} else if reset {
			l.fact(name).Missed = true
		}
	}
}

// ownDeath is how long the engine must go on answering after a node ended for the end to be the node's own: an engine that shuts
// down ends every node first.
const ownDeath = 15 * time.Second

// seen takes over one node's containers as the engine shows them.
func (l *labLoop) seen(name string, list []*Container, now time.Time, reset bool) {
	l.setContainers(name, list)
	f := l.fact(name)
	c := l.snap.container(name)
	var n *wantedNode
	if l.snap.Want != nil {
		n = l.snap.Want.nodes[name]
	}
	switch {
	case c == nil:
		f.Death = ""
		return
	case alive(c):
		f.Listed, f.Death, f.Missed = epoch(c), "", false
		if m := l.journal.memo(name); m.Stopped == c.ID && (n == nil || n.spec.Run != hostapi.Stopped) {
			l.note(record{Node: name, Stopped: new(string)})
		}
	case ended(c):
		l.seenDeath(name, f, c, now, reset || f.Missed)
		f.Missed = false
	}
	if n != nil {
		l.baseline(n)
	}
}

func (l *labLoop) seenDeath(name string, f *facts, c *Container, now time.Time, reset bool) {
	d, m := death(c), l.journal.memo(name)
	if f.Death != d {
		f.Death, f.DeathAt = d, now
		if !f.LastStart.IsZero() && now.Sub(f.LastStart) > longRun {
			f.PolicyRuns = 0
		}
	}
	if m.Died == d || m.Stopped == c.ID {
		return
	}
	if reset {
		f.Heal = d
	} else if f.Heal != d && now.Sub(f.DeathAt) >= ownDeath {
		l.note(record{Node: name, Died: d})
	}
}

func (l *labLoop) note(r record) {
	if err := l.journal.note(r); err != nil {
		l.x.log.Warn("journal", "lab", l.id, "error", err)
	}
}

// setContainers is the one place where a node's containers change.
func (l *labLoop) setContainers(name string, list []*Container) {
	if len(list) == 0 {
		delete(l.snap.Containers, name)
	} else {
		l.snap.Containers[name] = list
	}
	c := l.snap.container(name)
	l.mu.Lock()
	defer l.mu.Unlock()
	if c == nil {
		delete(l.refs, name)
	} else {
		l.refs[name] = *c
	}
}
