package control

import (
	"context"
	"reflect"

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
	before := &lab.Lab{}
	if running != nil && r.Desired.Want != WantNothing {
		before = running.Lab
	}
	hostOf := func(node string) string {
		return c.hostName(planned.Places[node].HostID)
	}
	return planSteps(before, r.Revision.Lab, r, planned, hostOf), nil
}

// planSteps compares what is deployed with what would be: what goes first, then nodes in file order, then links. It is pure.
func planSteps(before, after *lab.Lab, r *Record, planned Deployment, hostOf func(node string) string) []PlanStep {
	var steps []PlanStep
	for _, k := range before.Links {
		if linkOf(after, k.ID()) == nil {
			steps = append(steps, PlanStep{Verb: "disconnect", Object: "link " + k.ID(), Reason: "it is not in the file any more"})
		}
	}
	for _, n := range before.Nodes {
		if after.Node(n.Name) == nil {
			steps = append(steps, PlanStep{Verb: "remove", Object: "node " + n.Name, Reason: "it is not in the file any more"})
		}
	}
	for _, n := range after.Nodes {
		steps = append(steps, nodeStep(before.Node(n.Name), n, r, planned, hostOf(n.Name)))
	}
	for _, k := range after.Links {
		step := PlanStep{Object: "link " + k.ID(), Host: hostOf(k.A.Node)}
		switch old := linkOf(before, k.ID()); {
		case old == nil:
			step.Verb, step.Reason = "connect", "it is new"
		case !reflect.DeepEqual(plainLink(old), plainLink(k)):
			step.Verb, step.Reason = "change", "the file says otherwise now"
		default:
			step.Verb, step.Reason = "keep", "nothing changes"
		}
		steps = append(steps, step)
	}
	return steps
}

func nodeStep(old, n *lab.Node, r *Record, planned Deployment, host string) PlanStep {
	step := PlanStep{Object: "node " + n.Name, Host: host}
	switch {
	case old == nil:
		step.Verb, step.Reason = "create", planned.Places[n.Name].Why
	case !reflect.DeepEqual(plainNode(old), plainNode(n)) || imageOf(old, r.Desired.ImageMap) != imageOf(n, planned.ImageMap):
		step.Verb, step.Reason = "change", "the file or the image map says otherwise now"
	case r.Desired.Want == WantStop || wantedRun(old, r.Desired.Deployment) != wantedRun(n, planned):
		step.Verb, step.Reason = "start", "it is stopped"
	default:
		step.Verb, step.Reason = "keep", "nothing changes"
	}
	return step
}

func linkOf(l *lab.Lab, id string) *lab.Link {
	for _, k := range l.Links {
		if k.ID() == id {
			return k
		}
	}
	return nil
}

// plainNode and plainLink leave out where in the file it stands: that is no change of the network.
func plainNode(n *lab.Node) lab.Node {
	plain := *n
	plain.Line, plain.X, plain.Y = 0, nil, nil
	return plain
}

func plainLink(k *lab.Link) lab.Link {
	plain := *k
	plain.Line = 0
	return plain
}
