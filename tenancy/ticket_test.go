package tenancy

import (
	"testing"
	"time"

	"trunkline/internal/fault"
)

var ada = Actor{UserID: "ada", TenantID: "physics", SessionID: "s1"}

const adasShell = "/labs/campus/nodes/r1/shell"

func TestATicketIsForOneConnectionOfOneSession(t *testing.T) {
	with := func(change func(*Actor)) Actor { a := ada; change(&a); return a }
	for name, c := range map[string]struct {
		actor         Actor
		purpose, path string
		wait          time.Duration
		ok            bool
	}{
		"as it was made":    {ada, "shell", adasShell, TicketLife - time.Second, true},
		"too late":          {ada, "shell", adasShell, TicketLife, false},
		"another session":   {with(func(a *Actor) { a.SessionID = "s2" }), "shell", adasShell, 0, false},
		"no session":        {with(func(a *Actor) { a.SessionID = "" }), "shell", adasShell, 0, false},
		"another person":    {with(func(a *Actor) { a.UserID = "bob" }), "shell", adasShell, 0, false},
		"another workspace": {with(func(a *Actor) { a.TenantID = "maths" }), "shell", adasShell, 0, false},
		"another path":      {ada, "shell", "/labs/campus/nodes/r2/shell", 0, false},
		"another purpose":   {ada, "capture", adasShell, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
			box := NewTickets(func() time.Time { return now })
			secret, err := box.Issue(ada, "shell", adasShell)
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(c.wait)
			if err := box.Redeem(c.actor, c.purpose, c.path, secret); (err == nil) != c.ok || err != nil && !fault.Is(err, fault.Forbidden) {
				t.Errorf("got %v", err)
			}
			if err := box.Redeem(ada, "shell", adasShell, secret); !fault.Is(err, fault.Forbidden) {
				t.Errorf("used a second time: %v", err)
			}
		})
	}
}

func TestTicketsAreNotGivenToWhoHasNoSession(t *testing.T) {
	box := NewTickets(nil)
	for _, actor := range []Actor{{}, {UserID: "ada", TokenID: "t"}} {
		if _, err := box.Issue(actor, "shell", adasShell); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%+v: %v", actor, err)
		}
	}
	for _, secret := range []string{"", "nothing", string(make([]byte, 1000))} {
		if err := box.Redeem(ada, "shell", adasShell, secret); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%q: %v", secret, err)
		}
	}
}

func TestTicketsAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	box := NewTickets(func() time.Time { return now })
	first, _ := box.Issue(ada, "shell", adasShell)
	var last string
	for range ticketsOfOne {
		last, _ = box.Issue(ada, "shell", adasShell)
	}
	if err := box.Redeem(ada, "shell", adasShell, first); !fault.Is(err, fault.Forbidden) {
		t.Errorf("the oldest of too many: %v", err)
	}
	if err := box.Redeem(ada, "shell", adasShell, last); err != nil {
		t.Errorf("the newest: %v", err)
	}
	for i := len(box.issued); i < ticketsAtAll; i++ {
		other := ada
		other.SessionID = "s" + string(rune('0'+i%10)) + time.Duration(i).String()
		if _, err := box.Issue(other, "shell", adasShell); err != nil {
			t.Fatal(err)
		}
	}
	late := ada
	late.SessionID = "late"
	if _, err := box.Issue(late, "shell", adasShell); !fault.Is(err, fault.Exhausted) {
		t.Errorf("beyond the bound: %v", err)
	}
	now = now.Add(TicketLife)
	if _, err := box.Issue(late, "shell", adasShell); err != nil {
		t.Errorf("once they are too old: %v", err)
	}
	if len(box.issued) != 1 || len(box.of) != 1 {
		t.Errorf("%d tickets of %d sessions are left", len(box.issued), len(box.of))
	}
}
