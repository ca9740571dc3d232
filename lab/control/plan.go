package control

import (
	"context"
	"slices"
	"strings"

	"trunkline/lab"
	"trunkline/tenancy"
)

// Plan is what Deploy would do now, step by step, without doing it. What Deploy would refuse is refused here alike.
func (c *Controller) Plan(ctx context.Context, actor tenancy.Actor, ref string) (steps []PlanStep, err error) {
	discreet := c.discreet(actor)
	defer discreet.hide(&err)
	r, err := c.find(ctx, actor, tenancy.RunLab, ref)
	if err != nil {
		return nil, err
	}
	c.fleet.awaitUsable(ctx, firstHost)
	planned, err := c.plan(ctx, r)
	if err != nil {
		return nil, toldTo(actor, err)
	}
	running, err := c.deployed(ctx, actor.Scope(), r)
	if err != nil {
		return nil, err
	}
	var before *lab.Lab
	if running != nil && r.Desired.Want != WantNothing {
		before = running.Lab
	}
	steps = planSteps(before, r.Revision.Lab, r.Desired.Deployment, planned.Deployment, c.hostName)
	for _, note := range slices.Concat(planned.Notes, planned.GivenUp, planned.Quota.notes(actor.UserID)) {
		steps = append(steps, PlanStep{Verb: "note", Object: "lab " + r.Revision.Lab.Name, Reason: note})
	}
	return discreet.steps(steps), nil
}

// planSteps is the difference of what is deployed (nil: nothing) and what would be, each step with its host, then the nodes that
// move to another host or stay. It is pure.
func planSteps(before, after *lab.Lab, had, planned Deployment, hostName func(id string) string) []PlanStep {
	var steps []PlanStep
	touched := map[string]bool{}
	for _, s := range lab.Diff(before, after) {
		step := PlanStep{Verb: string(s.Verb), Object: s.Object, Reason: s.Reason}
		node, isNode := strings.CutPrefix(s.Object, "node ")
		if isNode {
			touched[node] = true
		} else if link, isLink := strings.CutPrefix(s.Object, "link "); isLink {
			node, _, _ = strings.Cut(link, ":")
		}
		place, placed := planned.Places[node]
		if !placed {
			place = had.Places[node]
		}
		if place.HostID != "" {
			step.Host = hostName(place.HostID)
		}
		was := had.Places[node].HostID
		switch {
		case !isNode || !placed:
		case s.Verb == lab.Create:
			step.Reason += "; " + place.Why
		case was != "" && was != place.HostID:
			step.Verb, step.Reason = "move", s.Reason+"; "+place.Why
		}
		steps = append(steps, step)
	}
	old := nodesByName(before)
	for _, n := range after.Nodes {
		if !touched[n.Name] {
			steps = append(steps, staying(old[n.Name], n, had, planned, hostName))
		}
	}
	return steps
}

func nodesByName(l *lab.Lab) map[string]*lab.Node {
	nodes := map[string]*lab.Node{}
	if l != nil {
		for _, n := range l.Nodes {
			nodes[n.Name] = n
		}
	}
	return nodes
}

// staying is the step of a node whose file says nothing new: its host is another, another image stands in for its own, it was
// stopped, or nothing.
func staying(old, n *lab.Node, had, planned Deployment, hostName func(id string) string) PlanStep {
	at := planned.Places[n.Name]
	step := PlanStep{Verb: "keep", Object: "node " + n.Name, Host: hostName(at.HostID), Reason: "nothing changes; " + at.Why}
	switch {
	case n.Kind != lab.LAN && had.Places[n.Name].HostID != at.HostID:
		step.Verb, step.Reason = "move", at.Why
	case !n.Kind.IsContainer():
	case imageOf(old, had.ImageMap) != imageOf(n, planned.ImageMap):
		step.Verb, step.Reason = string(lab.Recreate), "its image is "+imageOf(n, planned.ImageMap)+" now; that needs a new container"
	case had.Want == WantStop || wantedRun(old, had) != wantedRun(n, planned):
		step.Verb, step.Reason = "start", "it is stopped"
	}
	return step
}

// planWords tells a short plan in one line, the steps first and then what stays: "sw1: change, port p3 to VLAN 20 live; r1, r2 untouched".
func planWords(steps []PlanStep) string {
	said := make([]string, len(steps))
	for i, s := range steps {
		object := strings.TrimPrefix(s.Object, "node ")
		switch s.Verb {
		case "note":
			said[i] = s.Reason
		case "keep":
			said[i] = strings.TrimPrefix(object, "nodes ") + " " + s.Reason
		default:
			said[i] = object + ": " + s.Verb + ", " + s.Reason
		}
	}
	return strings.Join(said, "; ")
}
