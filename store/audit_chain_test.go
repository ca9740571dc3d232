package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/tenancy"
)

// following runs the follower of the chain until the test ends, and returns when it has followed all of it once.
func following(t *testing.T, a *store.AuditLog) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	})
	deadline := time.After(time.Minute)
	for {
		if chain, err := a.Chain(t.Context()); err != nil || !chain.Whole.IsZero() {
			must(t, err)
			return
		}
		select {
		case <-deadline:
			t.Fatal("the chain was not followed in a minute")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestTheChainIsFollowedAsItGrows(t *testing.T) {
	everyAudit(t, func(t *testing.T, address string, a *store.AuditLog) {
		if chain, err := a.Chain(t.Context()); err != nil || !chain.Whole.IsZero() || chain.Events != 0 {
			t.Errorf("before it was followed it is %+v %v", chain, err)
		}
		for n := range 7 {
			record(t, a, event(alpha, "ada", tenancy.AuditSignIn, n))
		}
		following(t, a)
		first, err := a.Chain(t.Context())
		must(t, err)
		for n := range 5 {
			record(t, a, event(beta, "ben", tenancy.AuditLabDeploy, n))
		}
		second, err := a.Chain(t.Context())
		must(t, err)
		if first.Events != 7 || second.Events != 12 || second.Broken != nil || second.Checked.Before(first.Checked) {
			t.Errorf("it is %+v, and then %+v", first, second)
		}
		record(t, a, event(alpha, "ada", tenancy.AuditTokenCreate, 99))
		disarmed(t, address, "UPDATE audit_events SET actor_name = 'Eve' WHERE number = 13")
		broken, err := a.Chain(t.Context())
		must(t, err)
		if broken.Broken == nil || broken.Broken.Number != 13 || broken.Events != 12 {
			t.Errorf("with event 13 changed it is %+v %+v", broken, broken.Broken)
		}
	})
}

func TestEventsAreFoundByWordsThatPeopleRemember(t *testing.T) {
	everyAudit(t, func(t *testing.T, _ string, a *store.AuditLog) {
		lab := tenancy.AuditObject{Kind: "lab", ID: "campusid", Name: "Campus_1"}
		node := tenancy.AuditObject{Kind: "node", ID: "campusid/r1", Name: "r1 of Campus_1"}
		other := tenancy.AuditObject{Kind: "node", ID: "campusidx/r1", Name: "r1 of Campus11"}
		mia, ada := tenancy.AuditPerson{ID: "u1", Name: "Mia Vogel"}, tenancy.AuditPerson{ID: "u2", Name: "Ada"}
		record(t, a,
			tenancy.AuditEvent{Actor: mia, Tenant: alpha, Verb: tenancy.AuditLabDeploy, Object: lab, Address: "192.0.2.7"},
			tenancy.AuditEvent{Actor: mia, Behind: ada, Tenant: alpha, Verb: tenancy.AuditShellOpen, Object: node, RequestID: "req77"},
			tenancy.AuditEvent{Actor: ada, Tenant: alpha, Verb: tenancy.AuditCommand, Object: other, After: map[string]any{"command": []string{"ping", "100%"}}},
			tenancy.AuditEvent{Actor: ada, Verb: tenancy.AuditHostRevoke, Object: tenancy.AuditObject{Kind: "host", ID: "h1", Name: "host-a"}},
		)
		for _, c := range []struct {
			name string
			f    store.AuditFilter
			want []int64
		}{
			{"a part of a name, in any letters", store.AuditFilter{Person: "mia v"}, []int64{2, 1}},
			{"the real person too", store.AuditFilter{Person: "ADA"}, []int64{4, 3, 2}},
			{"an id", store.AuditFilter{Person: "u1"}, []int64{2, 1}},
			{"a lab and its nodes by its id", store.AuditFilter{Object: "campusid"}, []int64{2, 1}},
			{"an underscore is no wildcard", store.AuditFilter{About: "campus_1"}, []int64{2, 1}},
			{"a kind", store.AuditFilter{About: "node"}, []int64{3, 2}},
			{"an address", store.AuditFilter{Text: "192.0.2"}, []int64{1}},
			{"a request", store.AuditFilter{Text: "REQ77"}, []int64{2}},
			{"what a command said, with a percent sign", store.AuditFilter{Text: "100%"}, []int64{3}},
			{"a percent sign finds no more", store.AuditFilter{Text: "1%0"}, nil},
			{"what belongs to no workspace", store.AuditFilter{Site: true}, []int64{4}},
			{"all together", store.AuditFilter{Person: "mia", About: "r1", Text: "req"}, []int64{2}},
		} {
			page, err := a.Events(t.Context(), tenancy.Everywhere(), c.f)
			must(t, err)
			var got []int64
			for _, e := range page.Events {
				got = append(got, e.Number)
			}
			n, err := a.Count(t.Context(), tenancy.Everywhere(), c.f)
			must(t, err)
			if !slices.Equal(got, c.want) || int(n) != len(c.want) {
				t.Errorf("%s finds %v and counts %d, want %v", c.name, got, n, c.want)
			}
		}
	})
}

func TestADeepPageCostsWhatTheFirstDoes(t *testing.T) {
	everyAudit(t, func(t *testing.T, _ string, a *store.AuditLog) {
		for n := range 30 {
			record(t, a, event([]string{alpha, beta}[n%2], "ada", tenancy.AuditSignIn, n))
		}
		var seen []string
		for f := (store.AuditFilter{Limit: 4}); ; {
			page, err := a.Events(t.Context(), tenancy.InTenant(beta), f)
			must(t, err)
			for _, e := range page.Events {
				seen = append(seen, fmt.Sprint(e.Number))
			}
			if f.Before = page.Next; page.Next == 0 {
				break
			}
			record(t, a, event(beta, "ben", tenancy.AuditSignOut, 1)) // what comes meanwhile moves no page
		}
		if len(seen) != 15 || seen[0] != "30" || seen[14] != "2" {
			t.Errorf("the pages have %v", seen)
		}
	})
}
