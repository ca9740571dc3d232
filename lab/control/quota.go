package control

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"trunkline/lab"
	"trunkline/tenancy"
)

// QuotaStore knows what people may use and do use. What labs hold it reserves by itself, in the transactions of LabStore and StateStore.
type QuotaStore interface {
	// Quota is everything that is said about limits in the scope's tenant, and how much is used there.
	Quota(ctx context.Context, scope tenancy.Scope) (tenancy.QuotaLimits, tenancy.QuotaUse, error)
	// TakeUpload charges a person for bytes before they come: so many as may come of most, and least at least. Codes: not_found, exhausted.
	TakeUpload(ctx context.Context, scope tenancy.Scope, person tenancy.Whose, least, most int64) (tenancy.UploadLease, error)
	GiveBackUpload(ctx context.Context, scope tenancy.Scope, userID string, lease tenancy.UploadLease) error
}

// quota reads limits and use of a tenant; without a store nothing is limited.
func (c *Controller) quota(ctx context.Context, tenant string) (tenancy.QuotaLimits, tenancy.QuotaUse, error) {
	if c.cfg.Quotas == nil {
		return tenancy.QuotaLimits{}, tenancy.QuotaUse{}, nil
	}
	return c.cfg.Quotas.Quota(ctx, tenancy.InTenant(tenant))
}

// ownerOf is who is charged for a lab.
func ownerOf(r *Record) tenancy.Whose { return tenancy.Whose{UserID: r.OwnerID, Name: r.Owner} }

// toldTo words a refusal for the one who reads it: his own limit is “your limit”, another's has the other's name.
func toldTo(actor tenancy.Actor, err error) error {
	if over, is := errors.AsType[*tenancy.Overrun](err); is {
		return over.To(actor.UserID)
	}
	return err
}

// allowance is what a deploy would take more than the lab holds, and what may be taken.
type allowance struct {
	limits tenancy.QuotaLimits
	use    tenancy.QuotaUse
	takes  tenancy.Amounts
	owner  tenancy.Whose
}

// allow finds out what a deploy takes and refuses it beforehand: the transaction that stores it has the last word.
func (c *Controller) allow(ctx context.Context, r *Record, d Deployment) (allowance, error) {
	a := allowance{owner: ownerOf(r)}
	var err error
	if a.limits, a.use, err = c.quota(ctx, r.Tenant); err != nil {
		return a, err
	}
	running, err := c.deployed(ctx, tenancy.Everywhere(), r)
	if err != nil {
		return a, err
	}
	var held tenancy.Amounts
	if running != nil {
		held = Reserved(r.Desired.Deployment, running.Lab, c.cfg.Defaults)
	}
	a.takes = Reserved(d, r.Revision.Lab, c.cfg.Defaults).Minus(held)
	if r.Desired.Want != WantRun {
		a.takes[tenancy.QuotaHours] = 1
	}
	return a, tenancy.CheckQuota(a.limits, a.use, a.owner, a.takes, c.cfg.Now())
}

// notes say what the deploy takes, and what is left then of what is limited; nothing where nothing is.
func (a allowance) notes(reader string) []string {
	var takes []string
	for _, resource := range []tenancy.Resource{tenancy.QuotaNodes, tenancy.QuotaCPU, tenancy.QuotaMemory, tenancy.QuotaDisk} {
		switch amount := a.takes[resource]; {
		case amount > 0:
			takes = append(takes, quantity(resource, amount)+" more")
		case amount < 0:
			takes = append(takes, quantity(resource, -amount)+" less")
		}
	}
	if len(takes) == 0 {
		return nil
	}
	all := []string{"Takes of the quotas: " + strings.Join(takes, ", ") + "."}
	whose := "Of your limits"
	if a.owner.UserID != reader {
		whose = "Of the limits of " + a.owner.Name
	}
	for _, of := range []struct {
		words  string
		limits tenancy.Limits
		used   tenancy.Amounts
	}{{whose, a.limits.OfPerson(a.owner.UserID), a.use.People[a.owner.UserID]}, {"Of this workspace's limits", a.limits.OfWorkspace(), a.use.Workspace}} {
		var left []string
		for _, resource := range tenancy.Resources {
			limit, limited := of.limits.Of(resource)
			if !limited || resource == tenancy.QuotaEgress || resource == tenancy.QuotaUploads || resource == tenancy.QuotaLabs {
				continue
			}
			takes := a.takes[resource]
			if resource == tenancy.QuotaHours {
				takes = 0
			}
			left = append(left, quantity(resource, max(0, limit-of.used[resource]-takes)))
		}
		if len(left) > 0 {
			all = append(all, of.words+" there are left then: "+strings.Join(left, ", ")+".")
		}
	}
	if len(all) == 1 {
		return nil
	}
	return all
}

// quantity is an amount with what it is of.
func quantity(resource tenancy.Resource, amount int64) string {
	words := map[tenancy.Resource]string{
		tenancy.QuotaNodes: "running nodes", tenancy.QuotaCPU: "vCPU", tenancy.QuotaMemory: "memory", tenancy.QuotaDisk: "disk", tenancy.QuotaHours: "running hours",
	}
	word := words[resource]
	switch resource {
	case tenancy.QuotaNodes:
		if amount == 1 {
			word = "running node"
		}
		return fmt.Sprintf("%d %s", amount, word)
	case tenancy.QuotaCPU:
		return tenancy.Amount(resource, amount) + " " + word
	case tenancy.QuotaHours:
		return tenancy.Amount(resource, amount) + " of running"
	}
	return tenancy.Amount(resource, amount) + " of " + word
}

// waysOut counts a lab's ways out: internet nodes, and nodes with one of their own.
func waysOut(l *lab.Lab) int {
	ways := 0
	for _, n := range l.Nodes {
		if n.Kind == lab.Internet || n.Egress && n.Kind.IsContainer() {
			ways++
		}
	}
	return ways
}

// leastWay is the slowest way out: below it not even a name is looked up in time.
const leastWay = 8_000

// wayRate is each way's part of what the lab may send: the ways of a lab are on several hosts, so that none can lend to another.
func wayRate(d Deployment, l *lab.Lab) int64 {
	ways := waysOut(l)
	if d.EgressRate <= 0 || ways == 0 {
		return 0
	}
	return max(d.EgressRate/int64(ways), leastWay)
}
