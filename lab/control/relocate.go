package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/place"
	"trunkline/tenancy"
)

// A place that was not found is looked for again when hosts change, but not more often than leastPlace, and now and then anyway.
const (
	retryPlace = 15 * time.Second
	leastPlace = 2 * time.Second
)

// plight is what befell a lab's hosts and is being mended. It is for people, and found out anew after a restart.
type plight struct {
	Reason string
	Step   string
	Down   bool      // nodes do not run because of it
	Stuck  bool      // nothing can be done for now
	At     time.Time // when another try is due
	Failed []string  // nodes that were bad before they moved
	Moving []string  // nodes on their way
}

func (p plight) retryIn(now time.Time) time.Duration {
	switch left := p.At.Sub(now); {
	case !p.Stuck:
		return 0
	case left > 0:
		return max(left, time.Millisecond)
	}
	return leastPlace // it is due, and something else of the lab comes first
}

// show puts it into the lab's state, beside what else is wrong.
func (p plight) show(o *Observed) {
	shown := o.State == Running || o.State == Degraded || o.State == Stopped || p.Stuck && (o.State == Deploying || o.State == Planning)
	if p.Reason == "" || !shown {
		return
	}
	if (p.Stuck || p.Down) && o.State == Running {
		o.State = Degraded
	}
	o.Step = cmp.Or(p.Step, o.Step) // a host's step is a part of it
	if o.Reason == "" || o.State == Running {
		o.Reason = p.Reason
	} else if o.Reason != p.Reason {
		o.Reason += " " + p.Reason
	}
}

// relocate places nodes anew whose host is lost, all at once, and moves nodes off a host that is being drained, a few at a time:
// each runs at its new place before the next one moves. It reports whether the lab shall be something else now.
func (c *Controller) relocate(ctx context.Context, e *entry, sides []hostSide) (bool, error) {
	r := e.record
	if e.running == nil || r.Desired.Want == WantNothing {
		c.unstick(e)
		return false, nil
	}
	lost := c.lostSides(e, sides)
	drained := c.drainedSides(sides)
	switch {
	case len(lost) == 0 && len(drained) == 0:
		if e.plight.Stuck || atRest(r, sides) {
			c.unstick(e)
		}
		return false, nil
	case e.plight.Stuck && c.cfg.Now().Before(e.plight.At) && !c.hostsChanged(e.id):
		return false, nil
	case len(lost) > 0:
		return c.replace(ctx, e, lost)
	case !atRest(r, sides) || r.UnderWay():
		return false, nil // one after the other
	}
	return c.drain(ctx, e, drained, sides)
}

// lostSides are the hosts that have been away for too long, of a lab that runs and does not want to wait for them.
func (c *Controller) lostSides(e *entry, sides []hostSide) []hostSide {
	if e.record.Desired.Want != WantRun || e.runningLab().LostPolicy() == lab.LostWait {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(sides), func(s hostSide) bool {
		return !s.Placed || s.Connected || s.LostFor < c.cfg.LostAfter
	})
}

// drainedSides are the linked hosts that an administrator empties.
func (c *Controller) drainedSides(sides []hostSide) []hostSide {
	return slices.DeleteFunc(slices.Clone(sides), func(s hostSide) bool { return !s.Placed || !s.Connected || !c.fleet.drained(s.ID) })
}

// drained reports that an administrator empties the host.
func (f *fleet) drained(hostID string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.roster[hostID].Drained
}

// replace places the nodes of lost hosts anew; the others stay.
func (c *Controller) replace(ctx context.Context, e *entry, lost []hostSide) (bool, error) {
	names, nodes := make([]string, len(lost)), 0
	for i, side := range lost {
		names[i] = side.Name
		nodes += side.Nodes
	}
	c.placing.Lock()
	defer c.placing.Unlock()
	anew, err := c.placeAnew(ctx, e)
	if err != nil {
		return false, c.getStuck(e, fmt.Sprintf("Host %s is lost, and %s of it cannot be placed anew", some(names), count(nodes, "node")), err)
	}
	done := plight{Down: true, Reason: fmt.Sprintf("Host %s is lost: %s of it %s on other hosts now.", some(names), count(nodes, "node"), verb(nodes, "starts", "start"))}
	return c.settleAnew(ctx, e, anew, done)
}

func verb(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

// placement is where the nodes of a deployment go.
type placement struct {
	places  map[string]Place
	givenUp []string
	hosts   []place.Candidate
}

// placeAnew asks for the deployed lab's places as the hosts are now.
func (c *Controller) placeAnew(ctx context.Context, e *entry) (placement, error) {
	r, l := e.record, e.running.Lab
	c.heedHosts(e)
	s, err := c.survey(ctx, r, l, r.Desired.ImageMap)
	if err != nil {
		return placement{}, err
	}
	spread, err := s.spread(l, r.Desired.ImageMap, r.Desired.Places)
	if err != nil {
		return placement{}, err
	}
	places := placesOf(l, spread)
	for name, was := range r.Desired.Places {
		if now, there := places[name]; there && now.HostID == was.HostID {
			places[name] = was // it is there for the reason that it was put there for
		}
	}
	return placementOf(l, places, s.hosts), nil
}

func placementOf(l *lab.Lab, places map[string]Place, hosts []place.Candidate) placement {
	return placement{places: places, givenUp: givenUp(l, places, hosts), hosts: hosts}
}

// getStuck notes why nothing can be done for now. What is no refusal of placement is an error, and tried again as one.
func (c *Controller) getStuck(e *entry, what string, why error) error {
	if _, refused := errors.AsType[*fault.Error](why); !refused || fault.Is(why, fault.Internal) {
		return why
	}
	e.plight = plight{Stuck: true, At: c.cfg.Now().Add(retryPlace), Reason: what + ": " + fault.Sentence(why)}
	return nil
}

// heedHosts has the lab looked at when hosts change from now on. It comes before they are surveyed: a change in between counts too.
func (c *Controller) heedHosts(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stuck[e.id] = false
}

// unstick forgets what befell the lab.
func (c *Controller) unstick(e *entry) {
	c.mu.Lock()
	delete(c.stuck, e.id)
	c.mu.Unlock()
	e.plight = plight{}
}

// hostsChanged reports that hosts changed since they were last surveyed for the lab.
func (c *Controller) hostsChanged(labID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stuck[labID]
}

// freeStuck has every lab that is stuck looked at when something changed of the hosts, until ctx ends.
func (c *Controller) freeStuck(ctx context.Context) {
	for range c.bell.listen(ctx) {
		c.mu.Lock()
		var labs []string
		for id := range c.stuck {
			c.stuck[id] = true
			labs = append(labs, id)
		}
		c.mu.Unlock()
		c.wake(labs...)
		if len(labs) > 0 {
			pause(ctx, leastPlace)
		}
	}
}

// settleAnew stores the new places as a generation of its own. An intent that came between wins. placing is held.
func (c *Controller) settleAnew(ctx context.Context, e *entry, anew placement, done plight) (bool, error) {
	r := e.record
	d := r.Desired.Deployment
	if maps.EqualFunc(d.Places, anew.places, func(a, b Place) bool { return a.HostID == b.HostID }) {
		return false, nil // the host came back meanwhile
	}
	d.Places, d.VNIs = anew.places, nil
	offers, err := c.offersTo(ctx, r.Tenant)
	if err != nil {
		return false, err
	}
	out, err := compile(compileInput{LabID: r.ID, Tenant: r.Tenant, Lab: e.running.Lab, Files: e.running.Files, Deployment: d, Defaults: c.cfg.Defaults, Offers: offers})
	if err != nil {
		return false, c.getStuck(e, "The lab cannot run on other hosts", err)
	}
	generation := r.Desired.Generation
	err = c.store(ctx, tenancy.Everywhere(), r, nil, out.Crossing, func(stored *Record, vnis map[string]uint32) error {
		if stored.Desired.Generation != generation {
			return fault.New(fault.Conflict, "The lab was changed meanwhile.")
		}
		stored.Desired.Places, stored.Desired.VNIs, stored.Desired.GivenUp = anew.places, vnis, anew.givenUp
		stored.Desired.Generation++
		return nil
	})
	if fault.Is(err, fault.Conflict) {
		c.changed(e.id)
		return true, nil
	}
	if err != nil {
		return false, c.getStuck(e, "The lab cannot run on other hosts", err)
	}
	c.unstick(e)
	e.plight = done
	c.changed(e.id)
	return true, nil
}

// mostAtOnce bounds how many nodes of a lab a drain moves together: one, but for large labs.
const (
	mostAtOnce = 8
	oneOf      = 50
)

// drain moves the next nodes off, in the order of the file; nodes that want to be together move together.
func (c *Controller) drain(ctx context.Context, e *entry, drained, sides []hostSide) (bool, error) {
	r, l := e.record, e.running.Lab
	names, leaving, left := make([]string, len(drained)), map[string]bool{}, 0
	for i, side := range drained {
		names[i], leaving[side.ID] = side.Name, true
		left += side.Nodes
	}
	if bad := newlyBad(e, sides); len(bad) > 0 {
		e.plight = plight{Stuck: true, At: c.cfg.Now().Add(leastPlace), Moving: e.plight.Moving, Failed: e.plight.Failed,
			Reason: fmt.Sprintf("Host %s is being drained, and waits: %s since it moved. %s left there.", some(names), some(bad), count(left, "node"))}
		return false, nil
	}
	c.placing.Lock()
	defer c.placing.Unlock()
	target, err := c.placeAnew(ctx, e)
	if err != nil {
		return false, c.getStuck(e, fmt.Sprintf("Host %s is being drained, and %s there cannot move", some(names), count(left, "node")), err)
	}
	moving := nextToMove(l, r.Desired.Places, target.places, leaving)
	if len(moving) == 0 {
		return false, nil
	}
	places := maps.Clone(r.Desired.Places)
	for _, name := range moving {
		places[name] = target.places[name]
	}
	settleMeshes(l, places)
	bad, _ := badNodes(r, l, sides)
	done := plight{Moving: moving, Failed: bad, Step: fmt.Sprintf("moving %s to %s", some(moving), c.hostName(places[moving[0]].HostID)),
		Reason: fmt.Sprintf("Host %s is being drained: %s left there.", some(names), count(left-len(moving), "node"))}
	return c.settleAnew(ctx, e, placementOf(l, places, target.hosts), done)
}

// newlyBad lists what is wrong with nodes that have just moved and was not before.
func newlyBad(e *entry, sides []hostSide) []string {
	if len(e.plight.Moving) == 0 {
		return nil
	}
	var found []string
	bad, _ := badNodes(e.record, e.running.Lab, sides)
	for _, sentence := range bad {
		for _, name := range e.plight.Moving {
			if !slices.Contains(e.plight.Failed, sentence) && len(sentence) > len(name) && sentence[:len(name)+1] == name+" " {
				found = append(found, sentence)
			}
		}
	}
	return found
}

// nextToMove picks the first nodes that leave a drained host, whole groups of them. It is pure.
func nextToMove(l *lab.Lab, places, target map[string]Place, leaving map[string]bool) []string {
	var all []string
	for _, n := range l.Nodes {
		if leaving[places[n.Name].HostID] && places[n.Name].HostID != target[n.Name].HostID {
			all = append(all, n.Name)
		}
	}
	// A lan follows its members; one that is left alone goes last.
	isLAN := func(name string) bool { n := l.Node(name); return n.Kind == lab.LAN }
	rest := slices.DeleteFunc(slices.Clone(all), isLAN)
	if len(rest) == 0 {
		return all
	}
	atOnce := min(max(len(l.Nodes)/oneOf, 1), mostAtOnce)
	var moving []string
	for len(moving) < atOnce && len(rest) > 0 {
		group := groupOf(l, rest[0])
		moving = append(moving, slices.DeleteFunc(slices.Clone(rest), func(name string) bool { return !group[name] })...)
		rest = slices.DeleteFunc(rest, func(name string) bool { return group[name] })
	}
	return moving
}

// groupOf is every node that the node wants to be on one host with, directly or by others, and itself.
func groupOf(l *lab.Lab, name string) map[string]bool {
	group, labels := map[string]bool{name: true}, map[string]bool{}
	for grown := true; grown; {
		grown = false
		for _, n := range l.Nodes {
			asks := n.Placement().Together
			if !group[n.Name] && !slices.ContainsFunc(asks, func(label string) bool { return labels[label] }) {
				continue
			}
			grown = grown || !group[n.Name]
			group[n.Name] = true
			for _, label := range asks {
				grown = grown || !labels[label]
				labels[label] = true
			}
		}
	}
	return group
}
