package control

import (
	"context"
	"fmt"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// How often running hours and rates are looked at without any reason, and how long before the end everybody is warned once more.
const (
	keepEvery = time.Minute
	lastCall  = 15 * time.Minute
	warnAt    = 80 // of 100 parts that are used
)

// QuotasChanged has running hours and rates looked at now: a limit was changed, or a lab begins to run.
func (c *Controller) QuotasChanged() {
	select {
	case c.quotaBell <- struct{}{}:
	default: // it rings already
	}
}

// keepQuotas ends labs whose hours are used up, warns of it before, and makes ways out as fast as they may be, until ctx ends. Hours themselves need no keeping:
// they follow from when labs began to run.
func (c *Controller) keepQuotas(ctx context.Context) {
	if c.cfg.Quotas == nil {
		return
	}
	for {
		wait, err := c.keepOnce(ctx)
		if err != nil && ctx.Err() == nil {
			c.log.Warn("Quotas could not be looked after and are tried again.", "err", err)
			wait = time.Second
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-c.quotaBell:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// keepOnce looks at every tenant in which something runs, and says when the next one has to be looked at.
func (c *Controller) keepOnce(ctx context.Context) (time.Duration, error) {
	records, err := c.cfg.Labs.Labs(ctx, tenancy.Everywhere())
	if err != nil {
		return 0, err
	}
	running := map[string][]*Record{}
	for _, r := range records {
		if r.Desired.Want == WantRun {
			running[r.Tenant] = append(running[r.Tenant], r)
		}
	}
	wait, warnings := keepEvery, map[string]string{}
	for tenant, labs := range running {
		limits, use, err := c.quota(ctx, tenant)
		if err != nil {
			return 0, err
		}
		next, err := c.keepHours(ctx, labs, limits, use, warnings)
		if err != nil {
			return 0, err
		}
		wait = min(wait, max(next, time.Second))
		for _, r := range labs {
			if err := c.keepRate(ctx, r, limits.Rate(r.OwnerID)); err != nil {
				return 0, err
			}
		}
	}
	c.warn(warnings)
	return wait, nil
}

// keepHours ends the labs of a tenant whose hours are used up, and notes warnings for the others.
func (c *Controller) keepHours(ctx context.Context, labs []*Record, limits tenancy.QuotaLimits, use tenancy.QuotaUse, warnings map[string]string) (time.Duration, error) {
	of := map[string]int{}
	for _, r := range labs {
		of[r.OwnerID]++
	}
	now, wait := c.cfg.Now(), keepEvery
	for _, r := range labs {
		for _, h := range []hours{
			hoursOf("the workspace's", limits.OfWorkspace(), use.Workspace, len(labs), now),
			hoursOf("the owner's", limits.OfPerson(r.OwnerID), use.People[r.OwnerID], of[r.OwnerID], now),
		} {
			if h.over {
				if err := c.endHours(ctx, r, h.reason); err != nil {
					return 0, err
				}
				delete(warnings, r.ID)
				break
			}
			if h.warning != "" {
				warnings[r.ID] = h.warning
			}
			wait = min(wait, h.next)
		}
	}
	return wait, nil
}

// hours is how a limit of running hours stands.
type hours struct {
	over    bool
	reason  string        // why labs end
	warning string        // why they will; "" while there is time
	next    time.Duration // when this changes, as long as as many labs run
}

// hoursOf is pure. labs is how many use them up at once.
func hoursOf(whose string, limits tenancy.Limits, used tenancy.Amounts, labs int, now time.Time) hours {
	limit, limited := limits.Of(tenancy.QuotaHours)
	if !limited || labs == 0 {
		return hours{next: keepEvery}
	}
	spent := used[tenancy.QuotaHours]
	month, anew := now.UTC().Month(), tenancy.NextMonth(now).Format("2 January")
	if spent >= limit {
		return hours{over: true, next: keepEvery, reason: fmt.Sprintf("It was stopped because %s running hours for %s are used up (%s). Nothing of it is lost: it can be deployed again on %s, or when there are more.",
			whose, month, tenancy.Amount(tenancy.QuotaHours, limit), anew)}
	}
	until := func(seconds int64) time.Duration { return time.Duration(seconds) * time.Second / time.Duration(labs) }
	end := until(limit - spent)
	h := hours{next: end}
	switch {
	case end <= lastCall:
		h.warning = fmt.Sprintf("It stops at %s, when %s running hours for %s are used up. Nothing of it is lost.",
			now.Add(end).UTC().Round(time.Minute).Format("15:04 UTC"), whose, month)
	case spent*100 >= limit*warnAt:
		h.warning = fmt.Sprintf("More than %d %% of %s running hours for %s (%s) are used. Labs stop when all are.", warnAt, whose, month, tenancy.Amount(tenancy.QuotaHours, limit))
		h.next = end - lastCall
	default:
		h.next = min(end-lastCall, until(limit*warnAt/100-spent))
	}
	h.next = max(h.next, time.Second)
	return h
}

// endHours stops a lab as a person would, and says why.
func (c *Controller) endHours(ctx context.Context, r *Record, reason string) error {
	var before, after Desired
	_, err := c.cfg.States.ChangeDesired(ctx, tenancy.Everywhere(), r.ID, func(r *Record) error {
		before = r.Desired
		if r.Desired.Want != WantRun {
			return fault.New(fault.Conflict, "The lab does not run any more.")
		}
		r.Desired.Want, r.Desired.Back, r.Desired.Returning, r.Desired.Note = WantStop, nil, false, reason
		r.Desired.Generation++
		after = r.Desired
		return nil
	})
	switch {
	case fault.Is(err, fault.Conflict), fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	}
	c.log.Info("A lab was stopped: running hours are used up.", "lab", r.ID, "tenant", r.Tenant, "owner", r.OwnerID)
	c.changed(r.ID)
	site := tenancy.Actor{UserName: "Trunkline", TenantID: r.Tenant}
	return c.recordIntent(ctx, site, r, intent{verb: tenancy.AuditLabStop}, before, after)
}

// keepRate makes the ways out of a lab that runs as fast as they may be from now on. A deploy under way gets it with its end.
func (c *Controller) keepRate(ctx context.Context, r *Record, rate int64) error {
	if r.Desired.EgressRate == rate || r.UnderWay() {
		return nil
	}
	running, err := c.running(ctx, r)
	if err != nil || running == nil {
		return err
	}
	_, err = c.cfg.States.ChangeDesired(ctx, tenancy.Everywhere(), r.ID, func(stored *Record) error {
		d := &stored.Desired
		if d.Want != WantRun || d.Revision != running.Number {
			return fault.New(fault.Conflict, "The lab was changed meanwhile.")
		}
		if d.EgressRate = rate; waysOut(running.Lab) > 0 {
			d.Generation++
		}
		return nil
	})
	if fault.Is(err, fault.Conflict) || fault.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil {
		c.changed(r.ID)
	}
	return err
}

// running is the deployed version of a record from a list; nil when there is none any more.
func (c *Controller) running(ctx context.Context, r *Record) (*Revision, error) {
	if r.Desired.Revision == 0 {
		return nil, nil
	}
	revision, err := c.cfg.Labs.Revision(ctx, tenancy.Everywhere(), r.ID, r.Desired.Revision)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return revision, err
}

// warn replaces the warnings, and has the labs looked at whose warning is another one now.
func (c *Controller) warn(warnings map[string]string) {
	c.mu.Lock()
	var changed []string
	for id, warning := range warnings {
		if c.warnings[id] != warning {
			changed = append(changed, id)
		}
	}
	for id := range c.warnings {
		if warnings[id] == "" {
			changed = append(changed, id)
		}
	}
	c.warnings = warnings
	c.mu.Unlock()
	c.wake(changed...)
}

// showWarning puts the lab's warning into its state. A lab that runs as asked goes on running.
func (c *Controller) showWarning(labID string, o *Observed) {
	c.mu.Lock()
	warning := c.warnings[labID]
	c.mu.Unlock()
	if warning == "" || strings.Contains(o.Reason, warning) || o.State != Running && o.State != Degraded {
		return
	}
	if o.Reason != "" {
		o.Reason += " "
	}
	o.Reason += warning
}
