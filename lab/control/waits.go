package control

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// stageHost is a linked host that can be told what happens on other hosts; *hostapi.Client is one.
type stageHost interface {
	Reached(ctx context.Context, labID string, stages map[string][]string) error
}

// reached is what a host was told of the nodes elsewhere that its nodes wait for.
type reached struct {
	epoch  int64
	stages map[string][]string
}

// retryReached is how soon a host is told again that could not be.
const retryReached = time.Second

// forward tells each host which stages the nodes on other hosts have left behind that its own nodes wait for: on every change, and
// anew over each link. It returns when to try again; 0: when something changes.
func (c *Controller) forward(ctx context.Context, e *entry, sides []hostSide) time.Duration {
	running := e.runningLab()
	if running == nil || e.record.Desired.Want != WantRun {
		return 0
	}
	due := stagesFor(running, e.record.Desired.Places, sides)
	var telling sync.WaitGroup
	var mu sync.Mutex
	var again time.Duration
	had := e.reached
	e.reached = map[string]reached{} // of hosts where nothing waits, nothing is remembered
	for _, side := range sides {
		stages, waits := due[side.ID]
		told, before := had[side.ID]
		switch {
		case !waits || !side.Connected || side.Status == nil:
			continue
		case before && told.epoch == side.Epoch && maps.EqualFunc(told.stages, stages, slices.Equal):
			mu.Lock()
			e.reached[side.ID] = told
			mu.Unlock()
			continue
		}
		telling.Go(func() {
			err := c.tellReached(ctx, side, e.id, stages)
			mu.Lock()
			defer mu.Unlock()
			if err == nil || fault.Is(err, fault.Unsupported) { // an agent that is too old to wait for other hosts is not asked again
				e.reached[side.ID] = reached{side.Epoch, stages}
				return
			}
			again = retryReached
			if ctx.Err() == nil {
				c.log.Warn("A host could not be told of nodes that its nodes wait for; it is told again.", "lab", e.id, "host", side.ID, "err", err)
			}
		})
	}
	telling.Wait()
	return again
}

func (c *Controller) tellReached(ctx context.Context, side hostSide, labID string, stages map[string][]string) error {
	host, _, err := c.fleet.reach(side.ID, side.Name)
	if err != nil {
		return err
	}
	teller, able := host.(stageHost)
	if !able {
		return nil // nothing waits on a host that takes no part in labs on several
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return teller.Reached(ctx, labID, stages)
}

// stagesFor is, for each host with a node that waits for one elsewhere, the stages that those have left behind. It is pure.
func stagesFor(l *lab.Lab, places map[string]Place, sides []hostSide) map[string]map[string][]string {
	var due map[string]map[string][]string
	for _, n := range l.Nodes {
		for _, w := range n.Stages {
			at, from := places[n.Name].HostID, places[w.Node].HostID
			if at == from {
				continue
			}
			if due == nil {
				due = map[string]map[string][]string{}
			}
			if due[at] == nil {
				due[at] = map[string][]string{}
			}
			due[at][w.Node] = stagesOf(w.Node, from, sides)
		}
	}
	return due
}

func stagesOf(node, hostID string, sides []hostSide) []string {
	for _, side := range sides {
		if side.ID != hostID || side.Status == nil {
			continue
		}
		i := slices.IndexFunc(side.Status.Nodes, func(s hostapi.NodeStatus) bool { return s.Name == node })
		if i >= 0 {
			return slices.Clone(side.Status.Nodes[i].Stages)
		}
	}
	return nil
}
