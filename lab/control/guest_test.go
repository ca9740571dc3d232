package control

import (
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

func TestAGuestReadsNoHostsName(t *testing.T) {
	d := newDiscretion([]string{"lab-host-1", "lab-host-10", "", "east"})
	for text, want := range map[string]string{
		"Host lab-host-1 is not connected.":                               "A host is not connected.",
		"Lab campus waits for host lab-host-10.":                          "Lab campus waits for a host.",
		"No host fits: lab-host-1 is full, east is drained.":              "No host fits: a host is full, a host is drained.",
		"lab-host-100 is no host of ours, nor is northeast, nor east.org": "lab-host-100 is no host of ours, nor is northeast, nor east.org",
		"lab-host-1":           "a host",
		"It is on lab-host-1.": "It is on a host.",
		"":                     "",
	} {
		if got := d.text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	failed := fault.New(fault.Unavailable, "Host east is full.")
	failed.Details = []fault.Place{{Sentence: "r1: host east has no room"}}
	var err error = failed
	d.hide(&err)
	if fault.Sentence(err) != "A host is full." || fault.Public(err).Details[0].Sentence != "r1: a host has no room" || !fault.Is(err, fault.Unavailable) {
		t.Errorf("the error is %+v", fault.Public(err))
	}
	if failed.Sentence != "Host east is full." || failed.Details[0].Sentence != "r1: host east has no room" {
		t.Error("what others are told has changed, too")
	}
	err = tenancy.Check(tenancy.Whose{UserID: "u-mia", Name: "Mia"}, tenancy.Limits{tenancy.QuotaNodes: 3}, tenancy.Amounts{tenancy.QuotaNodes: 2}, tenancy.Amounts{tenancy.QuotaNodes: 2}, time.Now())
	d.hide(&err)
	if text := fault.Public(err); text.Code != fault.Exhausted || text.Field != string(tenancy.QuotaNodes) || strings.ContainsAny(text.Sentence, "0123456789") || strings.Contains(text.Sentence, "Mia") {
		t.Errorf("a guest is told of a quota: %+v", text)
	}
	detail := &LabDetail{
		LabView: LabView{Reason: "Host east is away.", Error: failed},
		Nodes:   []NodeView{{NodeStatus: hostapi.NodeStatus{Name: "r1", Reason: "east is away"}, Host: "east", Placed: "east has the most room"}},
	}
	shown := d.detail(detail)
	if n := shown.Nodes[0]; n.Host != "" || n.Placed != "" || strings.Contains(n.Reason, "east") || strings.Contains(shown.Reason+shown.Error.Sentence, "east") {
		t.Errorf("shown is %+v", shown)
	}
	if detail.Nodes[0].Host != "east" {
		t.Error("what others are shown has changed, too")
	}
	var none *discretion
	none.hide(&err)
	if none.text("east") != "east" || none.detail(detail) != detail {
		t.Error("a member is not shown everything")
	}
}

func TestOnlyGuestsAreTreatedWithDiscretion(t *testing.T) {
	c := &Controller{names: map[string]string{"h1": "east"}}
	guest := &tenancy.GuestOf{Lab: "l1", Level: tenancy.LevelEdit}
	for name, actor := range map[string]tenancy.Actor{
		"a member": {UserID: "u", TenantID: "t", Role: tenancy.Observer}, "a member with a share": {UserID: "u", TenantID: "t", Role: tenancy.Observer, Guest: guest},
	} {
		if c.discreet(actor) != nil {
			t.Errorf("%s is not shown everything", name)
		}
	}
	if d := c.discreet(tenancy.Actor{UserID: "u", TenantID: "t", Guest: guest}); d == nil || d.text("east") != "a host" {
		t.Error("a guest is shown hosts' names")
	}
}
