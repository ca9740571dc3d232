package tenancy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline/internal/fault"
)

// Resource is something that a quota limits. The set is closed; names are stored.
type Resource string

const (
	QuotaLabs    Resource = "labs"    // stored labs
	QuotaNodes   Resource = "nodes"   // containers that shall run
	QuotaCPU     Resource = "cpu"     // thousandths of a core that those may use
	QuotaMemory  Resource = "memory"  // bytes that those may use
	QuotaDisk    Resource = "disk"    // bytes of project files, and a flat amount for each container that is kept
	QuotaUploads Resource = "uploads" // bytes taken in on one day, UTC
	QuotaEgress  Resource = "egress"  // bits a second of each lab's ways out, each direction: a rate, which nobody uses up
	QuotaHours   Resource = "hours"   // seconds of labs that run, in one month, UTC
)

// Resources lists every resource in the order in which people read them.
var Resources = []Resource{QuotaLabs, QuotaNodes, QuotaCPU, QuotaMemory, QuotaDisk, QuotaUploads, QuotaHours, QuotaEgress}

// Amounts is how much of each resource, in the units given at Resource. What is absent is none.
type Amounts map[Resource]int64

// Plus adds up.
func (a Amounts) Plus(b Amounts) Amounts {
	sum := maps.Clone(a)
	if sum == nil {
		sum = Amounts{}
	}
	for resource, amount := range b {
		sum[resource] += amount
	}
	return sum
}

// Minus is what a has more than b; less than nothing where it has less.
func (a Amounts) Minus(b Amounts) Amounts {
	left := Amounts{}.Plus(a)
	for resource, amount := range b {
		left[resource] -= amount
	}
	return left
}

// Limits is the most of each resource. What is absent is not limited here: whatever lies below counts.
type Limits map[Resource]int64

// Unlimited lifts a limit that lies below.
const Unlimited int64 = -1

// Over lays limits over others: what they say wins.
func (l Limits) Over(below Limits) Limits {
	all := Limits{}
	maps.Copy(all, below)
	maps.Copy(all, l)
	return all
}

// Of is the limit of one resource; limited is false where there is none.
func (l Limits) Of(resource Resource) (limit int64, limited bool) {
	limit, said := l[resource]
	return limit, said && limit != Unlimited
}

// Whose tells whose limits they are: a person's in a tenant, or, zero, the tenant's own.
type Whose struct {
	UserID string
	Name   string
}

// Overrun is why something does not fit into limits. It is the cause of the fault that Check returns, so that the sentence can be told to another reader.
type Overrun struct {
	Whose  Whose
	Limits Limits
	Used   Amounts
	Wanted Amounts
	Over   []Resource // those that there is too little of
	Now    time.Time
}

func (o *Overrun) Error() string {
	words := make([]string, len(o.Over))
	for i, resource := range o.Over {
		words[i] = string(resource)
	}
	return "over the limit of " + strings.Join(words, ", ")
}

// Check says by its error whether what is wanted fits beside what is used. Only resources that something is wanted of are looked at, so that whoever is over a
// limit which was lowered can still give back. Code: exhausted, with the resource as its field and one detail for each when there are several; its cause is
// an Overrun.
func Check(whose Whose, limits Limits, used, wanted Amounts, now time.Time) error {
	o := &Overrun{Whose: whose, Limits: limits, Used: used, Wanted: wanted, Now: now}
	for _, resource := range Resources {
		limit, limited := limits.Of(resource)
		if limited && resource != QuotaEgress && wanted[resource] > 0 && used[resource]+wanted[resource] > limit {
			o.Over = append(o.Over, resource)
		}
	}
	if len(o.Over) == 0 {
		return nil
	}
	return o.To(whose.UserID)
}

// To is the fault as the reader of that id reads it.
func (o *Overrun) To(reader string) error {
	refusal := fault.Wrap(o, fault.Exhausted, "%s", o.sentence(o.Over[0], reader)).InField(string(o.Over[0]))
	if len(o.Over) > 1 {
		for _, resource := range o.Over {
			refusal.Details = append(refusal.Details, fault.Place{Field: string(resource), Sentence: o.sentence(resource, reader)})
		}
	}
	return refusal
}

// resourceWords are how sentences speak of a resource: what is limited, how something of it is spent, and what to do when it is used up.
var resourceWords = map[Resource]struct{ noun, spent, too, mend string }{
	QuotaLabs:    {"stored labs", "there are %s", "many", "Delete a lab that nobody needs"},
	QuotaNodes:   {"running nodes", "%s run", "many", "Stop a lab or some nodes"},
	QuotaCPU:     {"vCPU", "%s in use", "much", "Stop a lab or some nodes, or give the nodes less"},
	QuotaMemory:  {"memory", "%s in use", "much", "Stop a lab or some nodes, or give the nodes less"},
	QuotaDisk:    {"disk space", "%s in use", "much", "Destroy or delete a lab, or leave out large files"},
	QuotaUploads: {"uploads a day", "%s came today", "much", "Send less, or wait until midnight UTC"},
	QuotaHours:   {"running hours a month", "%s are used", "much", "Wait until the hours begin anew"},
}

// sentence says which limit, whose, how much of it is used, how much is wanted, by how much that is over, and what to do.
func (o *Overrun) sentence(resource Resource, reader string) string {
	words, limit := resourceWords[resource], o.Limits[resource]
	used, wanted := o.Used[resource], o.Wanted[resource]
	owner, ask := "This workspace's", "an administrator of the site"
	if o.Whose.UserID != "" {
		owner, ask = possessive(o.Whose.Name), "an owner of this workspace"
		if o.Whose.UserID == reader {
			owner = "Your"
		}
	}
	if resource == QuotaHours {
		return fmt.Sprintf("%s limit of running hours is %s a month, and %s are used. The hours begin anew on %s; ask %s for more before that.",
			owner, Amount(resource, limit), Amount(resource, used), NextMonth(o.Now).Format("2 January"), ask)
	}
	return fmt.Sprintf("%s limit of %s is %s: %s, and this needs %s more, which is %s too %s. %s, or ask %s for more.",
		owner, words.noun, Amount(resource, limit), fmt.Sprintf(words.spent, Amount(resource, used)), Amount(resource, wanted),
		Amount(resource, used+wanted-limit), words.too, words.mend, ask)
}

func possessive(name string) string {
	if name == "" {
		return "The lab owner's"
	}
	return name + "'s"
}

// QuotaLimits is everything that is said about limits in one tenant.
type QuotaLimits struct {
	SiteWorkspace Limits            // default of every workspace
	SitePerson    Limits            // default of every person in a workspace
	Workspace     Limits            // of this one, by an administrator of the site
	Person        Limits            // default of each person in it, by its owners
	People        map[string]Limits // of single ones, by user id, by its owners
}

// OfWorkspace is what the tenant may use.
func (q QuotaLimits) OfWorkspace() Limits { return q.Workspace.Over(q.SiteWorkspace) }

// OfEach is what a person may use whom nobody gave limits of his own.
func (q QuotaLimits) OfEach() Limits { return q.Person.Over(q.SitePerson) }

// OfPerson is what one person may use in the tenant, the tenant's own limits aside.
func (q QuotaLimits) OfPerson(userID string) Limits { return q.People[userID].Over(q.OfEach()) }

// Rate is what each lab of the person may send and receive through its ways out: the smaller of both limits in bits a second, 0 without one.
func (q QuotaLimits) Rate(userID string) int64 {
	rate := int64(0)
	for _, limits := range []Limits{q.OfWorkspace(), q.OfPerson(userID)} {
		if limit, limited := limits.Of(QuotaEgress); limited && (rate == 0 || limit < rate) {
			rate = limit
		}
	}
	return rate
}

// QuotaUse is how much is used in one tenant: by all, and by each person.
type QuotaUse struct {
	Workspace Amounts
	People    map[string]Amounts // by user id
	Names     map[string]string  // of those who own labs
}

// CheckQuota looks at the person's limits and then at the tenant's.
func CheckQuota(limits QuotaLimits, use QuotaUse, person Whose, wanted Amounts, now time.Time) error {
	if err := Check(person, limits.OfPerson(person.UserID), use.People[person.UserID], wanted, now); err != nil {
		return err
	}
	return Check(Whose{}, limits.OfWorkspace(), use.Workspace, wanted, now)
}

// Day and Month are the periods in which uploads and running hours count, UTC. They are stored.
func Day(at time.Time) int64 {
	year, month, day := at.UTC().Date()
	return int64(year)*10_000 + int64(month)*100 + int64(day)
}

// Month is the calendar month in which running hours count, UTC.
func Month(at time.Time) int64 { return Day(at) / 100 }

// NextMonth is when the next one begins.
func NextMonth(at time.Time) time.Time {
	year, month, _ := at.UTC().Date()
	return time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC)
}

// MonthSeconds divides the time between two moments among the months that it is in, in whole seconds. The rest of a second is not counted: rest is the moment
// up to which it is.
func MonthSeconds(from, to time.Time) (seconds map[int64]int64, rest time.Time) {
	seconds = map[int64]int64{}
	for from.Before(to) {
		end := NextMonth(from)
		if to.Before(end) {
			end = from.Add(to.Sub(from).Truncate(time.Second))
		}
		if n := int64(end.Sub(from) / time.Second); n > 0 {
			seconds[Month(from)] += n
		}
		if end.Equal(from) || to.Before(NextMonth(from)) {
			return seconds, end
		}
		from = end
	}
	return seconds, from
}

// known reports whether there is such a resource.
func (r Resource) known() bool { return slices.Contains(Resources, r) }

// UploadLease is bytes that a person was charged for on a day.
type UploadLease struct {
	Day   int64
	Bytes int64
}
