package host

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// labLoop converges one lab. Its run goroutine owns all that it has learnt; workers carry out single steps and hand their
// results back as functions that run on that goroutine.
type labLoop struct {
	x       *Executor
	id      string
	journal *journal
	wake    chan struct{} // one token
	results chan func()

	mu     sync.Mutex
	kept   kept
	rev    int // rises with each desire
	stale  bool
	resync bool
	events []ContainerEvent
	refs   map[string]Container     // the node's container as last known, for shells and files
	news   map[hostapi.PortRef]bool // carrier that came or went since the last turn

	holdUntil time.Time // till then nothing is started, unless the controller says that it is wanted here
	confirmed bool      // the controller has said so

	// Owned by run.
	snap       Snapshot
	ops        map[string]*op // under way: by node, and by verb for those of the whole lab
	clock      int            // rises with all we do and learn
	touched    map[string]int // node to clock when we last did something to it
	seenRev    int
	generation int64 // of what Want was made from
	observed   bool  // a List has been seen
	staleAt    time.Time
	listing    bool
	listAfter  time.Time // not before
	listErr    *fault.Error
	listFails  int
	resets     int // of the lister, last seen
	audits     int
	auditDue   bool
	limits     map[string]string
	heard      map[hostapi.PortRef]bool // carrier that came or went since the last Wire began
	progress   progress
	last       hostapi.LabStatus
	lastAt     time.Time
	doubtUntil time.Time // till then the engine may still make what an agent before us asked for; set before run
	gone       bool
	planned    time.Time
	planTook   time.Duration
}

// op is one step under way.
type op struct {
	step   step
	node   *wantedNode // what was wanted when it began
	cancel context.CancelFunc
	behind bool // something else is wanted by now, though it may have ended before it was told
}

func (x *Executor) newLoop(labID string, resets int) *labLoop {
	return &labLoop{
		x: x, id: labID, journal: newJournal(x.specs.journal(labID), x.boot), resets: resets,
		wake: make(chan struct{}, 1), results: make(chan func(), 256),
		refs: map[string]Container{}, ops: map[string]*op{}, touched: map[string]int{}, stale: true,
		snap: Snapshot{Containers: map[string][]*Container{}, Facts: map[string]*facts{}, Busy: map[string]verb{}, LabBusy: map[verb]bool{}},
	}
}

// same reports that nothing need be written.
func (k kept) same(other kept) bool { return reflect.DeepEqual(k, other) }

func (l *labLoop) desired() kept {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept
}

// desire sets what is wanted and wakes the loop. The same again makes it try again what failed.
func (l *labLoop) desire(k kept) {
	l.mu.Lock()
	l.kept, l.rev = k, l.rev+1
	l.mu.Unlock()
	l.poke()
}

// hold has the controller's word waited for, unless it has come: the link may be there before the loops are.
func (l *labLoop) hold(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.confirmed {
		l.holdUntil = until
	}
}

// confirm ends the wait for the controller's word.
func (l *labLoop) confirm() {
	l.mu.Lock()
	held := !l.holdUntil.IsZero()
	l.holdUntil, l.confirmed = time.Time{}, true
	l.mu.Unlock()
	if held {
		l.poke()
	}
}

// tell hands over an event of one of the lab's containers.
func (l *labLoop) tell(e ContainerEvent) {
	l.mu.Lock()
	l.events = append(l.events, e)
	l.mu.Unlock()
	l.poke()
}

// look makes the loop ask what there is; full also compares interfaces and cables.
func (l *labLoop) look(full bool) {
	l.mu.Lock()
	l.stale, l.resync = true, l.resync || full
	l.mu.Unlock()
	l.poke()
}

func (l *labLoop) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// ref returns the node's container.
func (l *labLoop) ref(node string) (Container, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.refs[node]
	return c, ok
}

// run converges until the executor ends or the lab is forgotten, and returns after its last worker.
func (l *labLoop) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		l.calm()
		if l.gone {
			break // before another turn, which would forget whoever has the lab's identity by now
		}
		l.take()
		timer.Reset(l.turn())
		select {
		case <-l.wake:
		case result := <-l.results:
			result()
			l.drain()
		case <-timer.C:
		case <-l.x.life.Done():
			l.outlast()
			return
		}
	}
	l.outlast()
}

// outlast takes the results of all workers that are still there.
func (l *labLoop) outlast() {
	for len(l.ops) > 0 || l.listing {
		(<-l.results)()
	}
}

// calm keeps planning to a fifth of the time while workers are busy: a lab of a thousand nodes is planned in milliseconds, but
// reports thousands of results.
func (l *labLoop) calm() {
	if len(l.ops) == 0 || l.planTook == 0 {
		return
	}
	timer := time.NewTimer(time.Until(l.planned.Add(4 * l.planTook)))
	defer timer.Stop()
	for {
		select {
		case result := <-l.results:
			result()
		case <-timer.C:
			return
		case <-l.x.life.Done():
			return
		}
	}
}

// drain takes the results that are ready, so that many of them cost one plan.
func (l *labLoop) drain() {
	for {
		select {
		case result := <-l.results:
			result()
		default:
			return
		}
	}
}

// take learns what was asked and told since the last turn.
func (l *labLoop) take() {
	l.mu.Lock()
	k, rev, stale, resync, events := l.kept, l.rev, l.stale, l.resync, l.events
	l.snap.Hold = l.holdUntil
	news := l.news
	l.stale, l.resync, l.events, l.news = false, false, nil, nil
	l.mu.Unlock()
	l.heardCarrier(news)
	if resync {
		l.auditDue = true
	}
	if rev != l.seenRev {
		l.seenRev = rev
		l.adoptWant(k)
	}
	for _, e := range events {
		stale = stale || l.telling(e)
	}
	if stale {
		l.needList()
	}
}

// telling reports whether an event says something that we do not know from our own doing.
func (l *labLoop) telling(e ContainerEvent) bool {
	if l.ops[e.Stamp.Node] != nil {
		return e.Event == "die" || e.Event == "oom" // while a step is under way only its sudden end is news
	}
	var known *Container
	for _, c := range l.snap.Containers[e.Stamp.Node] {
		if c.ID == e.ID {
			known = c
		}
	}
	switch e.Event {
	case "create":
		return known == nil
	case "destroy":
		return known != nil
	case "start", "unpause":
		return known == nil || known.State != "running"
	case "pause":
		return known == nil || known.State != "paused"
	case "die", "kill", "stop", "oom":
		return alive(known) // of one we know not, or not any more, there is nothing to learn
	}
	return len(e.Event) >= 6 && (e.Event[:6] == "health" || e.Event == "restart")
}

func (l *labLoop) needList() {
	if l.staleAt.IsZero() {
		l.staleAt = l.x.cfg.Now()
	}
}

// adoptWant takes a new desired state: steps it overtakes are ended, and what failed is tried again.
func (l *labLoop) adoptWant(k kept) {
	l.generation, l.snap.Reached = k.Generation, k.Reached
	if k.Spec == nil {
		l.snap.Want = nil
		l.snap.Unwired = false
	} else if l.snap.Want == nil || !reflect.DeepEqual(*k.Spec, l.snap.Want.spec) {
		l.snap.Want = want(*k.Spec)
	}
	for name, f := range l.snap.Facts {
		f.Fail = failure{}
		if l.snap.Want == nil || l.snap.Want.nodes[name] == nil {
			f.FirstSeen = time.Time{}
		}
	}
	l.snap.WireFail = failure{}
	if l.snap.Want != nil {
		for name, n := range l.snap.Want.nodes {
			if f := l.fact(name); f.FirstSeen.IsZero() {
				f.FirstSeen = l.x.cfg.Now()
			}
			l.baseline(n)
		}
	}
	for key, o := range l.ops {
		if l.overtaken(key, o) {
			o.behind = true
			o.cancel()
		}
	}
}

// baseline takes the restarts that a running node is said to have had as carried out when nothing is remembered of it, and
// when the controller counts anew.
func (l *labLoop) baseline(n *wantedNode) {
	name := n.spec.Name
	m := l.journal.memo(name)
	if l.snap.container(name) == nil || l.ops[name] != nil || m.Known && n.spec.Restarts >= m.Restarts {
		return
	}
	if err := l.journal.note(record{Node: name, Restarts: &n.spec.Restarts}); err != nil {
		l.x.log.Warn("journal", "lab", l.id, "error", err)
	}
}

// overtaken reports that a step under way does what is not wanted any more.
func (l *labLoop) overtaken(key string, o *op) bool {
	switch o.step.Verb {
	case doWire, doAudit:
		return l.snap.Want == nil || o.step.Key != "" && l.snap.Want.wireKey != o.step.WireKey
	case doOpen:
		return l.snap.Want == nil
	case doRemove, doStop, doUnwire, doForget, doPause, doThaw:
		return false // they leave a clear state soon
	}
	if l.snap.Want == nil {
		return true
	}
	now := l.snap.Want.nodes[key]
	if now == nil || now.hash != o.node.hash || now.spec.Run == hostapi.Stopped {
		return true
	}
	if o.step.Verb == doExec {
		return now.spec.Restarts > o.node.spec.Restarts
	}
	return now.plugKey != o.node.plugKey
}

func (l *labLoop) fact(node string) *facts {
	f := l.snap.Facts[node]
	if f == nil {
		f = &facts{}
		l.snap.Facts[node] = f
	}
	return f
}

// turn looks, plans, and sets workers to what is to be done. It returns when to look again at the latest.
func (l *labLoop) turn() time.Duration {
	now := l.x.cfg.Now()
	wait := l.maybeList(now)
	if !l.observed {
		if status := l.unknown(); l.listErr != nil && !reflect.DeepEqual(status, l.last) {
			l.last = status
			l.x.hub.setLab(status)
		}
		return wait
	}
	l.snap.Now, l.snap.Doubt, l.snap.Stale = now, time.Time{}, l.listing || !l.staleAt.IsZero()
	if now.Before(l.doubtUntil) && l.journal.making() {
		l.snap.Doubt = l.doubtUntil
	}
	begun := time.Now()
	for name, f := range l.snap.Facts {
		f.memo = l.journal.memo(name)
	}
	plan := makePlan(&l.snap)
	l.planned = time.Now()
	l.planTook = l.planned.Sub(begun)
	if l.listErr == nil && !l.upside() {
		for _, st := range plan.Steps {
			l.launch(st)
		}
		if plan.NeedList && l.staleAt.IsZero() {
			l.needList()
			wait = min(wait, 50*time.Millisecond)
		}
		if plan.Quiet() && len(l.ops) == 0 && l.auditDue && l.snap.Want != nil {
			l.auditDue = false
			l.launch(l.audit())
		}
	}
	if !plan.Next.IsZero() {
		wait = min(wait, max(time.Millisecond, plan.Next.Sub(now)))
	}
	return min(wait, l.publish(plan, now))
}

// unknown is the status of a lab that could not be looked at yet.
func (l *labLoop) unknown() hostapi.LabStatus {
	return hostapi.LabStatus{ID: l.id, Generation: l.desired().Generation, Step: "looking at what is there", Nodes: []hostapi.NodeStatus{}, Error: l.listErr}
}

// upside reports that the lab is wanted again while the rest of it is taken down: that ends first.
func (l *labLoop) upside() bool {
	return l.snap.Want != nil && (l.snap.LabBusy[doUnwire] || l.snap.LabBusy[doForget])
}

// pace is how often a lab's whole status is told while it converges: what telling, storing and showing it costs rises with its nodes.
func pace(nodes int) time.Duration {
	return min(100*time.Millisecond+time.Duration(nodes)*2*time.Millisecond, 500*time.Millisecond)
}

// publish tells the lab's status when it changed. It returns how long to wait when it is too early.
func (l *labLoop) publish(plan *Plan, now time.Time) time.Duration {
	quiet := plan.Quiet() && l.listErr == nil
	if due := l.lastAt.Add(pace(max(len(plan.Nodes), len(l.snap.Containers)))); !quiet && now.Before(due) {
		return due.Sub(now)
	}
	l.progress.update(plan.Left, l.generation)
	status := hostapi.LabStatus{
		ID: l.id, Generation: l.generation, Converged: quiet && l.snap.WireFail.Err == nil && l.x.alive.trouble() == nil, Nodes: slices.Clone(plan.Nodes),
		Step: l.progress.step(plan.Left), Done: l.progress.done(plan.Left), Total: l.progress.sum(), Limits: l.limits, Error: l.trouble(),
	}
	if status.Nodes == nil {
		status.Nodes = []hostapi.NodeStatus{}
	}
	if !reflect.DeepEqual(status, l.last) {
		l.last, l.lastAt = status, now
		l.x.hub.setLab(status)
	}
	l.x.seen(l.id)
	return idle
}

// trouble is what keeps the lab as a whole from converging.
func (l *labLoop) trouble() *fault.Error {
	if l.listErr != nil {
		return l.listErr
	}
	if l.snap.WireFail.Err != nil {
		return l.snap.WireFail.Err
	}
	if err := l.x.alive.trouble(); err != nil {
		return err
	}
	if l.snap.Want != nil {
		for i := range l.snap.Want.spec.Nodes {
			if f := l.snap.fact(l.snap.Want.spec.Nodes[i].Name).Fail; f.Err != nil && f.Err.Code == fault.Unavailable {
				return f.Err
			}
		}
	}
	return nil
}
