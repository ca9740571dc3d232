package host

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/lab/hostapi"
)

// verb is what a step does.
type verb string

const (
	doCreate  verb = "create"
	doStart   verb = "start"
	doPlug    verb = "plug"
	doRestart verb = "restart" // stop, and start again
	doStop    verb = "stop"
	doPause   verb = "pause"
	doThaw    verb = "thaw"
	doExec    verb = "exec" // one item of the node's program
	doRemove  verb = "remove"
	doWire    verb = "wire"   // of the whole lab
	doOpen    verb = "open"   // the gates of Nodes
	doUnwire  verb = "unwire" // everything of the lab but its containers
	doForget  verb = "forget" // nothing is left: drop the lab
	doAudit   verb = "audit"  // compare all with reality; not planned, but done when nothing else is
)

// step is one thing to do, with the reason a person may read.
type step struct {
	Verb      verb
	Node      string
	Container Container            // the one it is about
	Item      int                  // doExec: which
	Then      []verb               // what the same worker does at once when the step succeeded
	Absent    map[string]bool      // doWire: nodes without interfaces
	Nodes     map[string]string    // doWire, doOpen: node to epoch
	Started   map[string]time.Time // doOpen: when each was started
	Spec      hostapi.LabSpec      // doWire
	WireKey   string               // doWire: of Spec
	Key       string               // doWire: what is wired when it succeeded
	Sole      bool                 // doRemove: the node has no other container
	Alive     []Container          // doAudit
	Reason    string
}

// Snapshot is all that a plan depends on. The planner reads it and changes nothing.
type Snapshot struct {
	Want       *wanted                 // nil: nothing of the lab shall be left
	Reached    map[string][]string     // stages that nodes on other hosts have left behind
	Containers map[string][]*Container // by node; what carries the stamp of this host and this lab
	Facts      map[string]*facts
	Busy       map[string]verb // steps under way, by node
	LabBusy    map[verb]bool   // doWire, doOpen, doUnwire under way
	Wired      string          // Key of the last Wire that succeeded
	WiredNodes map[string]string
	WireFail   failure
	Unwired    bool
	Stale      bool      // a List is due or under way: a container may be there that is not among these
	Doubt      time.Time // not zero: until then the engine may make a container that nobody is told of
	Hold       time.Time // until then no node is started: it may have moved to another host, and the controller has not been heard
	Now        time.Time
}

// Plan is what to do now, what each node is, and when to look again though nothing happened.
type Plan struct {
	Steps    []step
	Nodes    []hostapi.NodeStatus
	Left     [phases]int // units of work that are left, by phase
	NeedList bool        // the next decision wants a fresh List
	Next     time.Time   // zero: nothing is due by time alone
}

// Quiet reports that nothing is left to do, though nodes may have failed.
func (p *Plan) Quiet() bool { return p.Left == [phases]int{} }

// The phases of a convergence, as progress words them.
const (
	phaseRemove = iota
	phaseUp
	phaseWire
	phaseExec
	phases
)

var noFacts facts

func (s *Snapshot) fact(node string) *facts {
	if f := s.Facts[node]; f != nil {
		return f
	}
	return &noFacts
}

// container returns the node's container: of several the one that lives, else the first.
func (s *Snapshot) container(node string) *Container {
	list := s.Containers[node]
	for _, c := range list {
		if alive(c) {
			return c
		}
	}
	if len(list) > 0 {
		return list[0]
	}
	return nil
}

// planner collects a Plan.
type planner struct {
	*Snapshot
	plan    Plan
	stepped map[string]bool // nodes that have a step: a node does one thing at a time
	hold    bool            // a node is on its way up or down: wiring waits for it
}

// makePlan compares what is with what is wanted. It is pure.
func makePlan(s *Snapshot) *Plan {
	p := &planner{Snapshot: s, stepped: map[string]bool{}}
	p.strangers()
	if s.Want == nil {
		p.nothing()
		return &p.plan
	}
	for i := range s.Want.spec.Nodes {
		p.node(s.Want.nodes[s.Want.spec.Nodes[i].Name])
	}
	p.wire()
	p.open()
	p.fixed()
	return &p.plan
}

func (p *planner) add(st step) {
	p.plan.Steps = append(p.plan.Steps, st)
	p.stepped[st.Node] = true
}

// later asks for another look at t.
func (p *planner) later(t time.Time) {
	if p.plan.Next.IsZero() || t.Before(p.plan.Next) {
		p.plan.Next = t
	}
}

// failing reports whether the node's last try of the verb failed and it is too early for the next.
func (p *planner) failing(f failure, v verb) bool {
	if f.Err == nil || f.Verb != v {
		return false
	}
	if f.RetryAt.After(p.Now) {
		p.later(f.RetryAt)
		return true
	}
	return false
}

// strangers removes the lab's containers whose node is not wanted, and a node's surplus ones.
func (p *planner) strangers() {
	names := make([]string, 0, len(p.Containers))
	for name := range p.Containers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		reason := "the lab has no such node any more"
		keep := (*Container)(nil)
		if p.Want == nil {
			reason = "the lab is removed"
		} else if p.Want.nodes[name] != nil {
			keep, reason = p.container(name), "the node has another container"
		}
		for _, c := range p.Containers[name] {
			if c != keep {
				p.remove(name, c, reason)
			}
		}
	}
	for name := range p.Busy { // one that is made right now for a node that is wanted no more
		if len(p.Containers[name]) == 0 && (p.Want == nil || p.Want.nodes[name] == nil) {
			p.plan.Left[phaseRemove]++
		}
	}
}

func (p *planner) remove(name string, c *Container, reason string) {
	p.hold = true
	if p.Busy[name] == "" {
		if p.failing(p.fact(name).Fail, doRemove) {
			p.hold = false
		} else if !p.stepped[name] {
			p.add(step{Verb: doRemove, Node: name, Container: *c, Sole: len(p.Containers[name]) == 1, Reason: reason})
		}
	}
	p.plan.Left[phaseRemove]++
}

// nothing takes down what is left beside containers, at the same time as they go, and forgets the lab after both.
func (p *planner) nothing() {
	if !p.Unwired {
		p.plan.Left[phaseWire]++
		if !p.LabBusy[doUnwire] && !p.LabBusy[doWire] && !p.LabBusy[doAudit] && !p.LabBusy[doOpen] && !p.plugging() && !p.failing(p.WireFail, doUnwire) {
			p.add(step{Verb: doUnwire, Reason: "the lab is removed"})
		}
		return
	}
	if p.plan.Left[phaseRemove] == 0 && len(p.Busy) == 0 {
		p.plan.Left[phaseWire]++
		if !p.Doubt.IsZero() {
			p.later(p.Doubt)
			return
		}
		if p.Stale { // a create that was cancelled may have been carried out
			return
		}
		if !p.LabBusy[doForget] && !p.failing(p.WireFail, doForget) {
			p.add(step{Verb: doForget, Reason: "nothing of the lab is left"})
		}
	}
}

// plugging reports that a worker may be making interfaces, which Unwire would miss.
func (p *planner) plugging() bool {
	for _, v := range p.Busy {
		switch v {
		case doCreate, doStart, doRestart, doPlug:
			return true
		}
	}
	return false
}

// wire plans one Wire for all nodes that came up or went away since the last.
func (p *planner) wire() {
	there, absent := map[string]string{}, map[string]bool{}
	var key strings.Builder
	key.WriteString(p.Want.wireKey)
	for i := range p.Want.spec.Nodes {
		name := p.Want.spec.Nodes[i].Name
		c := p.container(name)
		if alive(c) && p.fact(name).Plugged == plugged(c, p.Want.nodes[name]) {
			there[name] = epoch(c)
			fmt.Fprintf(&key, " %s=%s", name, there[name])
		} else {
			absent[name] = true
		}
	}
	if key.String() == p.Wired && !p.LabBusy[doWire] {
		return
	}
	p.plan.Left[phaseWire]++
	if p.hold || p.LabBusy[doWire] || p.LabBusy[doAudit] || p.failing(p.WireFail, doWire) {
		return
	}
	reason := fmt.Sprintf("%d nodes came or went, or cables changed", len(there))
	if p.Wired == "" {
		reason = fmt.Sprintf("%d nodes are there and nothing is cabled", len(there))
	}
	p.add(step{Verb: doWire, Spec: p.Want.spec, WireKey: p.Want.wireKey, Absent: absent, Nodes: there, Key: key.String(), Reason: reason})
}

// open plans the gates of all nodes whose interfaces are there and cabled.
func (p *planner) open() {
	ready, started := map[string]string{}, map[string]time.Time{}
	for i := range p.Want.spec.Nodes {
		name := p.Want.spec.Nodes[i].Name
		c := p.container(name)
		if !alive(c) || c.State == "paused" || p.Busy[name] == doStop || p.Busy[name] == doRemove || p.Busy[name] == doRestart {
			continue
		}
		if p.linked(name, c) && p.fact(name).Opened != epoch(c) {
			ready[name], started[name] = epoch(c), c.StartedAt
		}
	}
	if len(ready) == 0 {
		return
	}
	if p.plan.Left[phaseWire] == 0 {
		p.plan.Left[phaseWire]++
	}
	if !p.LabBusy[doOpen] {
		p.add(step{Verb: doOpen, Nodes: ready, Started: started, Reason: "all interfaces are plugged and cabled"})
	}
}
