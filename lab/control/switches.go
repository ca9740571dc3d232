package control

import (
	"context"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// SwitchHost is a linked host that shows what its switches have learnt; *hostapi.Client is one.
type SwitchHost interface {
	// Codes: not_found, conflict (not made yet), unsupported (an older agent).
	Switch(ctx context.Context, labID, name string) (hostapi.SwitchView, error)
}

// SwitchView is what a switch, hub or lan has learnt. Of a lan on several hosts it is all parts together.
type SwitchView = hostapi.SwitchView

// Switch returns the live tables of a switch, hub or lan of a lab. Codes: not_found, invalid (another kind of node), conflict (the lab does not
// run), unavailable (the host is away), unsupported (its agent is of an earlier release).
func (c *Controller) Switch(ctx context.Context, actor tenancy.Actor, ref, node string) (_ SwitchView, err error) {
	defer c.discreet(actor).hide(&err)
	r, running, err := c.runningLab(ctx, actor, ref)
	if err != nil {
		return SwitchView{}, err
	}
	n := running.Node(node)
	switch {
	case n == nil:
		return SwitchView{}, noNode(r, node)
	case n.Kind != lab.Switch && n.Kind != lab.Hub && n.Kind != lab.LAN:
		return SwitchView{}, fault.New(fault.Invalid, "%s is of kind %s: only switches, hubs and lans have such tables.", node, n.Kind)
	}
	var view SwitchView
	for i, hostID := range c.partsOf(r, running, n) {
		host, err := c.switchHost(hostID)
		if err != nil {
			return SwitchView{}, err
		}
		part, err := host.Switch(ctx, r.ID, node)
		if fault.Is(err, fault.Unsupported) {
			return SwitchView{}, fault.Wrap(err, fault.Unsupported, "The agent of host %s is of an earlier release and cannot show what switches have learnt. Bring it to the controller's release.", c.hostName(hostID))
		}
		if err != nil {
			return SwitchView{}, err
		}
		if i == 0 {
			view = part
		} else {
			joinParts(&view, part)
		}
	}
	return view, nil
}

// runningLab finds what runs of a lab that the actor may see.
func (c *Controller) runningLab(ctx context.Context, actor tenancy.Actor, ref string) (*Record, *lab.Lab, error) {
	r, err := c.find(ctx, actor, tenancy.SeeLab, ref)
	if err != nil {
		return nil, nil, err
	}
	running, err := c.deployed(ctx, actor.Scope(), r)
	if err != nil {
		return nil, nil, err
	}
	if running == nil || r.Desired.Want == WantNothing {
		return nil, nil, fault.New(fault.Conflict, "Lab %s is not deployed. Deploy it first.", r.Name)
	}
	return r, running.Lab, nil
}

func (c *Controller) switchHost(hostID string) (SwitchHost, error) {
	linked, _, err := c.fleet.reach(hostID, c.hostName(hostID))
	if err != nil {
		return nil, err
	}
	host, able := linked.(SwitchHost)
	if !able {
		return nil, fault.New(fault.Unsupported, "Host %s cannot show what its switches have learnt.", c.hostName(hostID))
	}
	return host, nil
}

// partsOf lists the hosts that have a part of a segment: of a lan those of its members, else its own.
func (c *Controller) partsOf(r *Record, l *lab.Lab, n *lab.Node) []string {
	var hosts []string
	add := func(node string) {
		if id := r.Desired.Places[node].HostID; id != "" && !slices.Contains(hosts, id) {
			hosts = append(hosts, id)
		}
	}
	if n.Kind == lab.LAN {
		for _, k := range l.LinksOf(n.Name) {
			for _, end := range []string{k.A.Node, k.B.Node} {
				if member := l.Node(end); member != nil && member.Kind != lab.LAN {
					add(end)
				}
			}
		}
	}
	if len(hosts) == 0 {
		add(n.Name)
	}
	slices.Sort(hosts)
	return hosts
}

// joinParts adds another host's part of a lan. What a part learnt by way of another part is told by that one.
func joinParts(view *SwitchView, part SwitchView) {
	view.Ports = append(view.Ports, part.Ports...)
	known := map[string]int{}
	for i, m := range view.MACs {
		known[m.MAC] = i
	}
	for _, m := range part.MACs {
		i, twice := known[m.MAC]
		switch {
		case !twice:
			view.MACs = append(view.MACs, m)
		case m.Owner != "" || view.MACs[i].Owner == "" && strings.Contains(view.MACs[i].Port, " "):
			view.MACs[i] = m // the part that the station is at
		}
	}
	if len(view.VLANs) == 0 {
		view.VLANs = part.VLANs
	}
}
