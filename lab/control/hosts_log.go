package control

import (
	"context"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// How many lines of an agent's log are shown.
const (
	logLines     = 200
	logLinesMost = 1000
)

// HostLog is the last lines of the agent's log, the oldest first; lines 0 is 200. Codes: not_found, invalid, unavailable (it is not linked),
// unsupported (its agent is too old).
func (c *Controller) HostLog(ctx context.Context, actor tenancy.Actor, ref string, lines int) ([]string, error) {
	r, err := c.findHost(ctx, actor, tenancy.SeeHosts, ref)
	if err != nil {
		return nil, err
	}
	if lines == 0 {
		lines = logLines
	}
	if lines < 0 || lines > logLinesMost {
		return nil, fault.New(fault.Invalid, "Ask for 1 to %d lines of the log.", logLinesMost).InField("lines")
	}
	linked, _, err := c.fleet.reach(r.ID, r.Name)
	if err != nil {
		return nil, err
	}
	host, able := linked.(FleetHost)
	if !able {
		return nil, fault.New(fault.Unsupported, "The agent of host %s is too old to send its log. Update it.", r.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return host.Log(ctx, lines)
}
