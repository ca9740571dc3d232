package control

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// discretion takes out of what a guest of one lab is shown on which hosts it runs, and what its people use. A nil one takes out nothing.
type discretion struct{ hosts []string }

// discreet is what the actor must not be shown: hosts' names, when all that he has here is one lab.
func (c *Controller) discreet(actor tenancy.Actor) *discretion {
	if !actor.OnlyGuest() {
		return nil
	}
	c.mu.Lock()
	names := slices.Collect(maps.Values(c.names))
	c.mu.Unlock()
	return newDiscretion(names)
}

func newDiscretion(names []string) *discretion {
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) }) // lab-host-10 before lab-host-1
	return &discretion{hosts: names}
}

// text puts “a host” where a host's name stands.
func (d *discretion) text(text string) string {
	if d == nil || text == "" {
		return text
	}
	for _, name := range d.hosts {
		for from := 0; ; {
			at := strings.Index(text[from:], name)
			if at < 0 {
				break
			}
			at += from
			end := at + len(name)
			if partOfName(text, at-1) || partOfName(text, end) && !endOfSentence(text, end) {
				from = end
				continue
			}
			word := "a host"
			before := text[:at]
			switch {
			case strings.HasSuffix(before, "Host "):
				before, word = strings.TrimSuffix(before, "Host "), "A host"
			case strings.HasSuffix(before, "host "):
				before = strings.TrimSuffix(before, "host ")
			}
			text = before + word + text[end:]
			from = len(before) + len(word)
		}
	}
	return text
}

// partOfName reports that the character at i belongs to a longer name.
func partOfName(text string, i int) bool {
	if i < 0 || i >= len(text) {
		return false
	}
	c := text[i]
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// endOfSentence reports that what stands at i is a full stop with nothing of a name after it.
func endOfSentence(text string, i int) bool { return text[i] == '.' && !partOfName(text, i+1) }

func (d *discretion) fault(e *fault.Error) *fault.Error {
	if d == nil || e == nil {
		return e
	}
	hidden := *e
	hidden.Sentence = d.text(e.Sentence)
	hidden.Details = slices.Clone(e.Details)
	for i := range hidden.Details {
		hidden.Details[i].Sentence = d.text(hidden.Details[i].Sentence)
	}
	return &hidden
}

// hide takes hosts' names, and how much others use, out of an error, which keeps its code and cause.
func (d *discretion) hide(err *error) {
	if d != nil && *err != nil {
		public := fault.Public(*err)
		if over, quota := errors.AsType[*tenancy.Overrun](*err); quota {
			public = fault.New(fault.Exhausted, "A limit of the lab's owner or workspace does not leave room for this. Ask who shared the lab with you.").InField(string(over.Over[0]))
		}
		public.Cause = *err
		*err = d.fault(public)
	}
}

func (d *discretion) lab(v LabView) LabView {
	if d == nil {
		return v
	}
	v.Reason, v.Step, v.Error = d.text(v.Reason), d.text(v.Step), d.fault(v.Error)
	return v
}

func (d *discretion) node(n NodeView) NodeView {
	if d == nil {
		return n
	}
	n.Host, n.Placed, n.Reason = "", "", d.text(n.Reason)
	return n
}

func (d *discretion) detail(l *LabDetail) *LabDetail {
	if d == nil || l == nil {
		return l
	}
	shown := *l
	shown.LabView = d.lab(l.LabView)
	shown.Nodes = make([]NodeView, len(l.Nodes))
	for i, n := range l.Nodes {
		shown.Nodes[i] = d.node(n)
	}
	return &shown
}

func (d *discretion) steps(steps []PlanStep) []PlanStep {
	if d == nil {
		return steps
	}
	for i := range steps {
		steps[i].Host, steps[i].Reason = "", d.text(steps[i].Reason)
	}
	return steps
}

// events passes events on without what is not for the watcher. It ends when the events end or ctx does.
func (d *discretion) events(ctx context.Context, h *hub, events <-chan Event) <-chan Event {
	if d == nil {
		return events
	}
	out := make(chan Event)
	h.running.Go(func() {
		defer close(out)
		for e := range events {
			if e.Lab != nil {
				hidden := d.lab(*e.Lab)
				e.Lab = &hidden
			}
			if e.Node != nil {
				hidden := d.node(*e.Node)
				e.Node = &hidden
			}
			select {
			case out <- e:
			case <-ctx.Done():
				return
			case <-h.closed:
				return
			}
		}
	})
	return out
}

// mayForget says by its error whether the actor may remove the lab for good: a share gives everything with a lab but that.
func mayForget(actor tenancy.Actor, r *Record) error {
	if actor.Guest == nil || tenancy.Allow(actor.WithoutGuest(), tenancy.RunLab, objectRef(r)) == nil {
		return nil
	}
	return fault.New(fault.Forbidden, "Only its owner or a manager of its workspace may remove lab %s for good. You may destroy what runs of it.", r.Name)
}
