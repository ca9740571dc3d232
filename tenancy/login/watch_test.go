package login_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
)

// desk keeps one person in memory.
type desk struct {
	mu     sync.Mutex
	person login.Identity
	held   []tenancy.Grant
	gone   bool
	kept   int
	told   []login.Notice
	fail   error
}

func (d *desk) ToCheck(_ context.Context, provider string, _ time.Time, _ int) ([]tenancy.LinkedIdentity, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if provider != d.person.Provider || d.gone {
		return nil, nil
	}
	p := d.person
	return []tenancy.LinkedIdentity{{Provider: p.Provider, Issuer: p.Issuer, Subject: p.Subject, AccessToken: p.AccessToken, RefreshToken: p.RefreshToken, Expiry: p.Expiry}}, nil
}

func (d *desk) KeepTokens(_ context.Context, id login.Identity) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.person, d.kept = id, d.kept+1
	return nil
}

func (d *desk) Reassess(_ context.Context, id login.Identity, o tenancy.Outcome) (tenancy.Admitted, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return tenancy.Admitted{}, d.fail
	}
	held := asHeld(d.held)
	d.person, d.held = id, o.Settle(held)
	return tenancy.Admitted{Settled: tenancy.Settled{Changes: tenancy.Compare(held, d.held)}}, nil
}

func (d *desk) Withdraw(_ context.Context, _, _, _ string) (tenancy.Admitted, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := asHeld(d.held)
	d.gone, d.held = true, nil
	return tenancy.Admitted{Settled: tenancy.Settled{Changes: tenancy.Compare(held, nil)}}, nil
}

func (d *desk) watch() login.Watch {
	return login.Watch{People: d, Desk: d, Every: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
		Rules: func(context.Context, string) ([]tenancy.Rule, error) {
			return []tenancy.Rule{{ID: "1", Claim: "groups", Match: "staff", Tenant: "net", Role: tenancy.Member}}, nil
		},
		Told: func(_ context.Context, n login.Notice) { d.mu.Lock(); d.told = append(d.told, n); d.mu.Unlock() },
	}
}

func TestWhoeverIsHereIsAskedAboutAgain(t *testing.T) {
	r := newRig(t)
	d := &desk{person: r.signIn("a"), held: []tenancy.Grant{{TenantID: "net", Role: tenancy.Member}}}
	w := d.watch()
	must(t, r.Round(t.Context(), w))
	if len(d.told) != 0 || len(d.held) != 1 {
		t.Fatalf("nothing had changed, and %+v was told", d.told)
	}
	// The provider fails half way: the new tokens are kept, so that the next round does not pass for a thief.
	r.a.bend(func() { r.a.down["/userinfo"] = http.StatusBadGateway })
	must(t, r.Round(t.Context(), w))
	if d.kept != 1 || len(d.told) != 0 || len(d.held) != 1 {
		t.Fatalf("kept %d times, told %+v", d.kept, d.told)
	}
	r.a.bend(func() { clear(r.a.down) })
	// So does our database.
	d.fail = fault.New(fault.Unavailable, "The database is away.")
	must(t, r.Round(t.Context(), w))
	d.fail = nil
	r.a.bend(func() { r.a.person["groups"] = []any{} })
	must(t, r.Round(t.Context(), w))
	if len(d.told) != 1 || d.told[0].Gone || len(d.told[0].Admitted.Changes) != 1 || len(d.held) != 0 {
		t.Fatalf("the group is gone, and %+v was told", d.told)
	}
	r.a.bend(func() { clear(r.a.refresh) })
	must(t, r.Round(t.Context(), w))
	if len(d.told) != 2 || !d.told[1].Gone || !d.gone || d.told[1].Identity.Subject != "ana" || d.told[1].Reason == "" {
		t.Fatalf("the person is gone, and %+v was told", d.told)
	}
}

func TestWatchingGoesOnUntilItIsEnded(t *testing.T) {
	r := newRig(t)
	d := &desk{person: r.signIn("a"), held: []tenancy.Grant{{TenantID: "net", Role: tenancy.Member}}}
	told := make(chan login.Notice, 8)
	w := d.watch()
	w.Told = func(_ context.Context, n login.Notice) { told <- n }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Watching(ctx, w) }()
	r.a.bend(func() { r.a.person["groups"] = []any{} })
	if n := <-told; n.Gone {
		t.Errorf("%+v", n)
	}
	r.a.bend(func() { r.a.down["/userinfo"] = http.StatusUnauthorized })
	if n := <-told; !n.Gone {
		t.Errorf("%+v", n)
	}
	cancel()
	must(t, <-ended)
}
