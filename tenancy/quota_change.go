package tenancy

import (
	"fmt"
	"maps"
	"slices"

	"trunkline/internal/fault"
)

// saidLimit is one limit that was said, or taken back.
type saidLimit struct {
	amount int64
	said   bool
}

// parseLimits reads what is said. Of several mistakes each is a detail.
func parseLimits(texts map[Resource]string) (map[Resource]saidLimit, error) {
	said := map[Resource]saidLimit{}
	var wrong []fault.Place
	for _, resource := range slices.Sorted(maps.Keys(texts)) {
		amount, is, err := ParseLimit(resource, texts[resource])
		if err != nil {
			public := fault.Public(err)
			wrong = append(wrong, fault.Place{Field: public.Field, Sentence: public.Sentence})
			continue
		}
		said[resource] = saidLimit{amount, is}
	}
	switch len(wrong) {
	case 0:
		return said, nil
	case 1:
		return nil, fault.New(fault.Invalid, "%s", wrong[0].Sentence).InField(wrong[0].Field)
	}
	refusal := fault.New(fault.Invalid, "%d of the limits cannot be read.", len(wrong)).InField(wrong[0].Field)
	refusal.Details = wrong
	return nil, refusal
}

// changed lays what is said over what was.
func changed(before Limits, said map[Resource]saidLimit) Limits {
	after := Limits{}
	maps.Copy(after, before)
	for resource, limit := range said {
		if delete(after, resource); limit.said {
			after[resource] = limit.amount
		}
	}
	return after
}

// within refuses limits of a person, of those said now, that are above the workspace's. Unlimited means: as much as the workspace has.
func within(person, workspace Limits, said map[Resource]saidLimit) error {
	for _, resource := range Resources {
		amount, limited := person.Of(resource)
		whole, bounded := workspace.Of(resource)
		if said[resource].said && limited && bounded && amount > whole {
			return fault.New(fault.Invalid, "A person cannot have more than the whole workspace, which has %s of %s. Give at most that, or unlimited for as much as there is.",
				Amount(resource, whole), resource.noun()).InField(string(resource))
		}
	}
	return nil
}

func texts(limits Limits) map[Resource]string {
	all := map[Resource]string{}
	for resource := range limits {
		all[resource] = LimitText(resource, limits)
	}
	return all
}

// over tells what is used beyond the limits as they are now, of the target itself.
func over(target QuotaTarget, at aimed, limits QuotaLimits, use QuotaUse) []string {
	most, used := limits.OfWorkspace(), use.Workspace
	switch target {
	case ForPerson:
		most, used = limits.OfPerson(at.userID), use.People[at.userID]
	case ForWorkspace:
	default:
		return nil
	}
	var all []string
	for _, resource := range Resources {
		limit, limited := most.Of(resource)
		if !limited || used[resource] <= limit || resource == QuotaEgress {
			continue
		}
		what := "Nothing is ended, and nothing more begins until there is less."
		if resource == QuotaHours {
			what = "Labs that run stop now; nothing of them is lost."
		}
		all = append(all, fmt.Sprintf("Of %s %s are used, %s more than allowed from now on. %s",
			resource.noun(), Amount(resource, used[resource]), Amount(resource, used[resource]-limit), what))
	}
	return all
}
