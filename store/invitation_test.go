package store_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/tenancy"
)

const here = "192.0.2.1"

func TestPeopleComeByInvitation(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		w, ada := h.workspace("Physics")
		invitation, secret, err := h.Invite(ctx, ada, tenancy.InviteRequest{Role: tenancy.Observer, Uses: 3, Domain: "@Example.EDU"})
		must(h.t, err)
		if !strings.HasPrefix(secret, tenancy.InvitationPrefix) || invitation.Domain != "example.edu" || !invitation.Expires.Equal(h.clock.now().Add(tenancy.InvitationLife)) {
			h.t.Errorf("made %+v", invitation)
		}
		seen, tenant, err := h.LookAtInvitation(ctx, secret, here)
		must(h.t, err)
		if tenant.Name != "Physics" || seen != invitation {
			h.t.Errorf("it leads to %+v by %+v", tenant, seen)
		}
		mia := tenancy.Actor{UserID: h.person("mia"), Address: here}
		accepted, err := h.Accept(ctx, mia, secret)
		must(h.t, err)
		if accepted.Already || accepted.Role != tenancy.Observer || h.now(mia.UserID, w.ID).Role != tenancy.Observer {
			h.t.Errorf("accepted %+v", accepted)
		}
		accepted, err = h.Accept(ctx, mia, secret)
		must(h.t, err)
		if accepted, err2 := h.Accept(ctx, ada, secret); err2 != nil || !accepted.Already || accepted.Role != tenancy.Owner {
			h.t.Errorf("an owner who follows it: %+v, %v", accepted, err2)
		}
		open, err := h.Invitations(ctx, ada)
		must(h.t, err)
		if !accepted.Already || len(open) != 1 || open[0].Used != 1 {
			h.t.Errorf("who is in took a use: %+v", open)
		}
		must(h.t, h.store.SaveUser(ctx, tenancy.User{ID: "far", Email: "far@example.education"}))
		_, err = h.Accept(ctx, tenancy.Actor{UserID: "far", Address: here}, secret)
		wantCode(h.t, err, fault.Forbidden)
		_, raise, err := h.Invite(ctx, ada, tenancy.InviteRequest{Role: tenancy.Manager})
		must(h.t, err)
		_, err = h.Accept(ctx, mia, raise)
		must(h.t, err)
		if got := h.now(mia.UserID, w.ID).Role; got != tenancy.Manager {
			h.t.Errorf("mia is %s", got)
		}
		_, err = h.Accept(ctx, mia, raise)
		wantCode(h.t, err, fault.NotFound) // its one use is gone, also for whom it let in
	})
}

func TestAStrangerMakesAnAccountAndComesIn(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		w, ada := h.workspace("Physics")
		_, secret, err := h.Invite(ctx, ada, tenancy.InviteRequest{Uses: 5, Domain: "example.edu"})
		must(h.t, err)
		_, _, err = h.AcceptAsNew(ctx, secret, "zoe@example.com", "Zoe", goodPassword, here)
		wantCode(h.t, err, fault.Forbidden)
		_, err = h.store.UserByEmail(ctx, "zoe@example.com")
		wantCode(h.t, err, fault.NotFound) // no account without its workspace
		_, _, err = h.AcceptAsNew(ctx, secret, "zoe@example.edu", "Zoe", "short", here)
		wantCode(h.t, err, fault.Invalid)
		actor, accepted, err := h.AcceptAsNew(ctx, secret, "zoe@example.edu", "Zoe", goodPassword, here)
		must(h.t, err)
		if actor.TenantID != w.ID || actor.Role != tenancy.Member || actor.UserName != "Zoe" || accepted.Workspace.Name != "Physics" {
			h.t.Errorf("got %+v, %+v", actor, accepted)
		}
		_, _, err = h.AcceptAsNew(ctx, secret, "zoe@example.edu", "Zoe", goodPassword, here)
		wantCode(h.t, err, fault.Conflict)
		open, err := h.Invitations(ctx, ada)
		must(h.t, err)
		if open[0].Used != 1 {
			h.t.Errorf("a refused newcomer took a use: %+v", open)
		}
		_, err = h.accounts.SignIn(ctx, "zoe@example.edu", goodPassword, here)
		must(h.t, err)
	})
}

func TestOfManyWhoComeForTheLastUseOneWins(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		w, ada := h.workspace("Physics")
		_, secret, err := h.Invite(ctx, ada, tenancy.InviteRequest{Uses: 1})
		must(h.t, err)
		people := make([]string, 64)
		for i := range people {
			people[i] = h.person("p" + ident.New())
		}
		var won, missed atomic.Int32
		var all sync.WaitGroup
		for _, id := range people {
			all.Go(func() {
				_, err := h.Accept(ctx, tenancy.Actor{UserID: id, Address: id}, secret)
				switch {
				case err == nil:
					won.Add(1)
				case fault.Is(err, fault.NotFound):
					missed.Add(1)
				default:
					h.t.Error(err)
				}
			})
		}
		all.Wait()
		members, err := h.store.Members(ctx, tenancy.InTenant(w.ID))
		must(h.t, err)
		if won.Load() != 1 || missed.Load() != 63 || len(members) != 2 {
			h.t.Errorf("%d came in, %d did not, and there are %d members", won.Load(), missed.Load(), len(members))
		}
	})
}

func TestOnePersonWhoComesOftenTakesOneUse(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		_, ada := h.workspace("Physics")
		_, secret, err := h.Invite(ctx, ada, tenancy.InviteRequest{Uses: 20})
		must(h.t, err)
		mia := tenancy.Actor{UserID: h.person("mia"), Address: here}
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if _, err := h.Accept(ctx, mia, secret); err != nil {
					h.t.Error(err)
				}
			})
		}
		all.Wait()
		open, err := h.Invitations(ctx, ada)
		must(h.t, err)
		if open[0].Used != 1 {
			h.t.Errorf("%d uses were taken", open[0].Used)
		}
	})
}

func TestAnInvitationIsNotAboveItsInviter(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		w, ada := h.workspace("Physics")
		bob, mia := h.in(w, "bob", tenancy.Manager), h.in(w, "mia", tenancy.Member)
		_, _, err := h.Invite(ctx, mia, tenancy.InviteRequest{Role: tenancy.Observer})
		wantCode(h.t, err, fault.Forbidden)
		_, err = h.Invitations(ctx, mia)
		wantCode(h.t, err, fault.Forbidden)
		_, _, err = h.Invite(ctx, bob, tenancy.InviteRequest{Role: tenancy.Owner})
		wantCode(h.t, err, fault.Forbidden)
		for field, request := range map[string]tenancy.InviteRequest{
			"role": {Role: "god"}, "life": {Life: 91 * 24 * time.Hour}, "uses": {Uses: 1001}, "domain": {Domain: "example"},
		} {
			_, _, err := h.Invite(ctx, ada, request)
			if problem := fault.Public(err); problem.Code != fault.Invalid || problem.Field != field {
				h.t.Errorf("%s: %v in %q", field, err, problem.Field)
			}
		}
		owners, _, err := h.Invite(ctx, ada, tenancy.InviteRequest{Role: tenancy.Owner})
		must(h.t, err)
		wantCode(h.t, h.RevokeInvitation(ctx, bob, owners.ID), fault.Forbidden)
		other, err := h.CreateWorkspace(ctx, h.admin, "Maths")
		must(h.t, err)
		eve := h.in(other, "eve", tenancy.Owner)
		theirs, missing := h.RevokeInvitation(ctx, eve, owners.ID), h.RevokeInvitation(ctx, eve, "none")
		wantCode(h.t, theirs, fault.NotFound)
		if theirs.Error() != missing.Error() {
			h.t.Errorf("%v differs from %v", theirs, missing)
		}
		must(h.t, h.RevokeInvitation(ctx, ada, owners.ID))
	})
}

func TestAnInvitationExpiresIsRevokedAndGuessingIsSlowedDown(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		_, ada := h.workspace("Physics")
		one, secret, err := h.Invite(ctx, ada, tenancy.InviteRequest{Life: time.Hour})
		must(h.t, err)
		must(h.t, h.RevokeInvitation(ctx, ada, one.ID))
		_, _, err = h.LookAtInvitation(ctx, secret, here)
		wantCode(h.t, err, fault.NotFound)
		_, secret, err = h.Invite(ctx, ada, tenancy.InviteRequest{Life: time.Hour})
		must(h.t, err)
		h.clock.move(time.Hour)
		_, err = h.Accept(ctx, tenancy.Actor{UserID: h.person("mia"), Address: here}, secret)
		wantCode(h.t, err, fault.NotFound)
		must(h.t, h.store.Prune(ctx, h.clock.now()))
		tries := 0
		for err = nil; tries < 50 && !fault.Is(err, fault.Exhausted); tries++ {
			_, _, err = h.LookAtInvitation(ctx, "tli_guess", "192.0.2.9")
		}
		if tries > 25 {
			h.t.Errorf("%d guesses passed", tries)
		}
		_, good, err := h.Invite(ctx, ada, tenancy.InviteRequest{})
		must(h.t, err)
		_, _, err = h.LookAtInvitation(ctx, good, "192.0.2.9")
		wantCode(h.t, err, fault.Exhausted)
		_, _, err = h.LookAtInvitation(ctx, good, here) // others are not slowed down
		must(h.t, err)
	})
}
