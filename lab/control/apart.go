package control

import (
	"fmt"
	"slices"
)

// showApart puts into a running lab's state which of its hosts do not reach each other: cables between them carry nothing, whatever
// the hosts themselves report.
func (c *Controller) showApart(e *entry, o *Observed) {
	if o.State != Running && o.State != Degraded {
		return
	}
	var pairs []string
	for _, p := range e.pairs {
		if c.fleet.apart(p.A, p.B) {
			a, b := c.hostName(p.A), c.hostName(p.B)
			pairs = append(pairs, min(a, b)+" and "+max(a, b))
		}
	}
	if len(pairs) == 0 {
		return
	}
	slices.Sort(pairs)
	said := fmt.Sprintf("Hosts %s do not reach each other, so cables between them carry nothing. Open UDP between them: the hosts page shows the ways.", some(pairs))
	if o.Reason != "" {
		said = o.Reason + " " + said
	}
	o.State, o.Reason = Degraded, said
}
