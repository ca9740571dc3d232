package tenancy

import (
	"errors"
	"testing"
	"time"

	"trunkline/internal/fault"
)

var november = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

func TestEveryRefusalOfAQuotaSaysWhichAndByHowMuch(t *testing.T) {
	ada := Whose{UserID: "ada", Name: "Ada"}
	cases := []struct {
		whose    Whose
		resource Resource
		limit    int64
		used     int64
		wanted   int64
		sentence string
	}{
		{ada, QuotaLabs, 3, 3, 1, "Your limit of stored labs is 3: there are 3, and this needs 1 more, which is 1 too many. Delete a lab that nobody needs, or ask an owner of this workspace for more."},
		{Whose{}, QuotaNodes, 10, 8, 4, "This workspace's limit of running nodes is 10: 8 run, and this needs 4 more, which is 2 too many. Stop a lab or some nodes, or ask an administrator of the site for more."},
		{ada, QuotaCPU, 4500, 4000, 1250, "Your limit of vCPU is 4.5: 4 in use, and this needs 1.25 more, which is 0.75 too much. Stop a lab or some nodes, or give the nodes less, or ask an owner of this workspace for more."},
		{Whose{}, QuotaMemory, 8 << 30, 6 << 30, 4 << 30, "This workspace's limit of memory is 8 GiB: 6 GiB in use, and this needs 4 GiB more, which is 2 GiB too much. Stop a lab or some nodes, or give the nodes less, or ask an administrator of the site for more."},
		{ada, QuotaDisk, 1 << 30, 1 << 30, 300 << 20, "Your limit of disk space is 1 GiB: 1 GiB in use, and this needs 300 MiB more, which is 300 MiB too much. Destroy or delete a lab, or leave out large files, or ask an owner of this workspace for more."},
		{ada, QuotaUploads, 1 << 20, 0, 3 << 20, "Your limit of uploads a day is 1 MiB: 0 B came today, and this needs 3 MiB more, which is 2 MiB too much. Send less, or wait until midnight UTC, or ask an owner of this workspace for more."},
		{Whose{}, QuotaHours, 36_000, 36_000, 1, "This workspace's limit of running hours is 10 h a month, and 10 h are used. The hours begin anew on 1 December; ask an administrator of the site for more before that."},
	}
	for _, c := range cases {
		err := Check(c.whose, Limits{c.resource: c.limit}, Amounts{c.resource: c.used}, Amounts{c.resource: c.wanted}, november)
		public := fault.Public(err)
		if err == nil || public.Code != fault.Exhausted || public.Field != string(c.resource) || public.Sentence != c.sentence {
			t.Errorf("%s: %s in %q:\n%s\nwant\n%s", c.resource, public.Code, public.Field, public.Sentence, c.sentence)
		}
		for name, free := range map[string]Limits{"nothing is said": nil, "unlimited": {c.resource: Unlimited}, "it fits": {c.resource: c.used + c.wanted}} {
			if err := Check(c.whose, free, Amounts{c.resource: c.used}, Amounts{c.resource: c.wanted}, november); err != nil {
				t.Errorf("%s, when %s: %v", c.resource, name, err)
			}
		}
		if err := Check(c.whose, Limits{c.resource: 0}, Amounts{c.resource: c.used}, Amounts{c.resource: -1}, november); err != nil {
			t.Errorf("%s cannot be given back over a limit that was lowered: %v", c.resource, err)
		}
	}
	err := Check(ada, Limits{QuotaNodes: 1, QuotaCPU: 1000}, nil, Amounts{QuotaNodes: 2, QuotaCPU: 2000}, november)
	if public := fault.Public(err); len(public.Details) != 2 || public.Details[1].Field != "cpu" {
		t.Errorf("of two limits at once it tells %+v", public.Details)
	}
	over, is := errors.AsType[*Overrun](err)
	if !is || fault.Sentence(over.To("boss"))[:11] != "Ada's limit" {
		t.Errorf("another reads %q", fault.Sentence(over.To("boss")))
	}
	if Check(ada, Limits{QuotaEgress: 1}, nil, Amounts{QuotaEgress: 5}, november) != nil {
		t.Error("a rate is used up")
	}
}

func TestALimitIsReadAsPeopleWriteIt(t *testing.T) {
	for _, c := range []struct {
		resource Resource
		text     string
		want     int64
		back     string
	}{
		{QuotaMemory, "8 GiB", 8 << 30, "8 GiB"}, {QuotaMemory, " 8gib ", 8 << 30, "8 GiB"}, {QuotaMemory, "1.5 G", 3 << 29, "1.5 GiB"}, {QuotaDisk, "20 GB", 20e9, "20000000000 B"},
		{QuotaUploads, "512 MiB", 512 << 20, "512 MiB"}, {QuotaMemory, "unlimited", Unlimited, "unlimited"}, {QuotaMemory, "0", 0, "0 B"},
		{QuotaCPU, "2.5", 2500, "2.5"}, {QuotaCPU, "2,5", 2500, "2.5"}, {QuotaCPU, "4 vCPUs", 4000, "4"}, {QuotaCPU, "0.125", 125, "0.125"},
		{QuotaNodes, "40", 40, "40"}, {QuotaLabs, "0", 0, "0"}, {QuotaHours, "40", 144_000, "40 h"}, {QuotaHours, "90 min", 5400, "1.5 h"}, {QuotaHours, "2 days", 172_800, "48 h"},
		{QuotaEgress, "10 Mbit/s", 10e6, "10 Mbit/s"}, {QuotaEgress, "1Gbps", 1e9, "1 Gbit/s"}, {QuotaEgress, "64k", 64_000, "64 kbit/s"},
	} {
		got, said, err := ParseLimit(c.resource, c.text)
		if err != nil || !said || got != c.want {
			t.Errorf("%s %q is %d, %t, %v; want %d", c.resource, c.text, got, said, err, c.want)
		}
		if text := LimitText(c.resource, Limits{c.resource: got}); text != c.back {
			t.Errorf("%s %q is written %q, want %q", c.resource, c.text, text, c.back)
		}
	}
	for _, text := range []string{"", "default", "  "} {
		if _, said, err := ParseLimit(QuotaNodes, text); said || err != nil {
			t.Errorf("%q says something: %v", text, err)
		}
	}
	for resource, texts := range map[Resource][]string{
		QuotaMemory: {"8", "-1", "8 potatoes", "GiB", "1e9", "9999999 TiB"}, QuotaNodes: {"2.5", "-1", "ten"}, QuotaEgress: {"10", "1 bit/s", "0"}, QuotaHours: {"x h"}, "cakes": {"1"},
	} {
		for _, text := range texts {
			if _, _, err := ParseLimit(resource, text); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s %q is taken: %v", resource, text, err)
			}
		}
	}
}

func TestHoursBelongToTheirMonth(t *testing.T) {
	from := time.Date(2026, 12, 31, 23, 0, 0, 500_000_000, time.UTC)
	months, rest := MonthSeconds(from, time.Date(2027, 2, 1, 1, 0, 0, 0, time.UTC))
	if months[202612] != 3599 || months[202701] != 31*86_400 || months[202702] != 3600 || len(months) != 3 {
		t.Errorf("%v", months)
	}
	if !rest.Equal(time.Date(2027, 2, 1, 1, 0, 0, 0, time.UTC)) {
		t.Errorf("counted until %s", rest)
	}
	total, at := int64(0), from
	for now := from; now.Before(from.Add(100 * time.Second)); now = now.Add(333 * time.Millisecond) { // asked often, no part of a second is lost but at a month's end
		var months map[int64]int64
		months, at = MonthSeconds(at, now)
		for _, n := range months {
			total += n
		}
	}
	if total != 99 {
		t.Errorf("%d seconds of 99.9", total)
	}
}

func TestLimitsLieOverEachOther(t *testing.T) {
	q := QuotaLimits{
		SiteWorkspace: Limits{QuotaNodes: 100, QuotaEgress: 5e6}, SitePerson: Limits{QuotaNodes: 10, QuotaLabs: 5}, Workspace: Limits{QuotaNodes: Unlimited},
		Person: Limits{QuotaLabs: 7}, People: map[string]Limits{"ada": {QuotaLabs: 9, QuotaEgress: 1e6}, "ben": {QuotaEgress: 9e6}},
	}
	if _, limited := q.OfWorkspace().Of(QuotaNodes); limited {
		t.Error("unlimited does not lift the default")
	}
	for person, want := range map[string][3]int64{"ada": {9, 10, 1e6}, "ben": {7, 10, 5e6}, "eve": {7, 10, 5e6}} {
		labs, _ := q.OfPerson(person).Of(QuotaLabs)
		nodes, _ := q.OfPerson(person).Of(QuotaNodes)
		if got := [3]int64{labs, nodes, q.Rate(person)}; got != want {
			t.Errorf("%s may have %v, want %v", person, got, want)
		}
	}
}
