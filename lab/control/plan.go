package control

import (
	"context"
	"strings"

	"trunkline/lab"
	"trunkline/tenancy"
)

// Plan is what Deploy would do now, step by step, without doing it. What Deploy would refuse is refused here alike.
func (c *Controller) Plan(ctx context.Context, actor tenancy.Actor, ref string) ([]PlanStep, error) {
	r, err := c.find(ctx, actor, tenancy.RunLab, ref)
	if err != nil {
		return nil, err
	}
	planned, err := c.plan(ctx, r)
	if err != nil {
		return nil, err
	}
	running, err := c.deployed(ctx, actor.Scope(), r)
	if err != nil {
		return nil, err
	}
	var before *lab.Lab
	if running != nil && r.Desired.Want != WantNothing {
		before = running.Lab
	}
	return planSteps(before, r.Revision.Lab, r.Desired.Deployment, planned, c.hostName), nil
}

// planSteps is the difference of what is deployed (nil: nothing) and what would be, each step with its host, then the nodes that
// stay. It is pure.
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
		if s.Verb == lab.Create && isNode {
			step.Reason += "; " + place.Why
		}
		steps = append(steps, step)
	}
	for _, n := range after.Nodes {
		if !touched[n.Name] {
			steps = append(steps, staying(before.Node(n.Name), n, had, planned, hostName))
		}
	}
	return steps
}

// staying is the step of a node whose file says nothing new: another image stands in for its own, it was stopped, or nothing.
func staying(old, n *lab.Node, had, planned Deployment, hostName func(id string) string) PlanStep {
	step := PlanStep{Verb: "keep", Object: "node " + n.Name, Host: hostName(planned.Places[n.Name].HostID), Reason: "nothing changes"}
	switch {
	case !n.Kind.IsContainer():
	case imageOf(old, had.ImageMap) != imageOf(n, planned.ImageMap):
		step.Verb, step.Reason = string(lab.Recreate), "its image is "+imageOf(n, planned.ImageMap)+" now; that needs a new container"
	case had.Want == WantStop || wantedRun(old, had) != wantedRun(n, planned):
		step.Verb, step.Reason = "start", "it is stopped"
	}
	return step
}
