package store_test

import (
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

func TestAPasswordIsChangedByWhoKnowsTheOldOne(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		physics, _ := h.workspace("Physics")
		bob := h.withPassword(physics, "bob", tenancy.Member)
		err := h.accounts.ChangePassword(ctx, bob, "a wrong guess", "five other words in a row")
		wantCode(h.t, err, fault.Invalid)
		if got := fault.Public(err).Field; got != "current" {
			h.t.Errorf("the field is %q", got)
		}
		wantCode(h.t, h.accounts.ChangePassword(ctx, bob, goodPassword, "password123"), fault.Invalid)
		must(h.t, h.accounts.ChangePassword(ctx, bob, goodPassword, "five other words in a row"))
		_, err = h.accounts.SignIn(ctx, "bob", goodPassword, "192.0.2.1")
		wantCode(h.t, err, fault.Unauthenticated)
		for range 200 { // guesses are bounded as at the door
			if err = h.accounts.ChangePassword(ctx, bob, "a wrong guess", goodPassword); fault.Is(err, fault.Exhausted) {
				break
			}
		}
		wantCode(h.t, err, fault.Exhausted)
		h.clock.move(time.Hour)
		must(h.t, h.accounts.ChangePassword(ctx, bob, "five other words in a row", goodPassword))
	})
}

func TestWhoForgotThePasswordComesInByALinkOfWhoMayMore(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		physics, owner := h.workspace("Physics")
		chemistry, err := h.CreateWorkspace(ctx, h.admin, "Chemistry")
		must(h.t, err)
		teacher := h.withPassword(physics, "tess", tenancy.Manager)
		bob, both := h.withPassword(physics, "bob", tenancy.Member), h.withPassword(physics, "both", tenancy.Member)
		elsewhere := h.withPassword(chemistry, "eve", tenancy.Owner)
		h.in(chemistry, "both", tenancy.Observer)
		must(h.t, h.accounts.SetPassword(ctx, both, "", "", goodPassword)) // h.in made the account anew
		robot := tenancy.ServiceAccount{ID: "robot", Name: "robot", Role: tenancy.Member}
		must(h.t, h.store.CreateService(ctx, owner.Scope(), robot))
		for _, c := range []struct {
			who  tenancy.Actor
			whom string
			code fault.Code
		}{
			{bob, teacher.UserID, fault.Forbidden}, {teacher, owner.UserID, fault.Forbidden}, {teacher, teacher.UserID, fault.Conflict},
			{teacher, both.UserID, fault.Forbidden}, {owner, elsewhere.UserID, fault.NotFound}, {owner, "nobody", fault.NotFound}, {owner, robot.ID, fault.NotFound},
			{elsewhere, bob.UserID, fault.NotFound}, {tenancy.Actor{}, bob.UserID, fault.Unauthenticated},
		} {
			_, _, err := h.accounts.LinkFor(ctx, c.who, c.whom)
			wantCode(h.t, err, c.code)
		}
		early, _, err := h.accounts.LinkFor(ctx, teacher, bob.UserID)
		must(h.t, err)
		link, expires, err := h.accounts.LinkFor(ctx, owner, bob.UserID)
		must(h.t, err)
		if want := h.clock.now().Add(time.Hour); !expires.Equal(want) {
			h.t.Errorf("it ends at %v, not %v", expires, want)
		}
		_, err = h.accounts.UseSignInLink(ctx, early)
		wantCode(h.t, err, fault.Unauthenticated)
		came, err := h.accounts.UseSignInLink(ctx, link)
		must(h.t, err)
		if came.UserID != bob.UserID || came.Role != tenancy.Member || came.SiteAdmin {
			h.t.Errorf("came in as %+v", came)
		}
		late, _, err := h.accounts.LinkFor(ctx, teacher, bob.UserID)
		must(h.t, err)
		h.clock.move(time.Hour)
		_, err = h.accounts.UseSignInLink(ctx, late)
		wantCode(h.t, err, fault.Unauthenticated)
		root := h.admin
		root.TenantID = physics.ID
		if _, _, err = h.accounts.LinkFor(ctx, root, both.UserID); err != nil {
			h.t.Errorf("the site's administrator: %v", err)
		}
	})
}

// withPassword is somebody in a workspace who signs in by a password.
func (h *house) withPassword(workspace tenancy.Workspace, name string, role tenancy.Role) tenancy.Actor {
	h.t.Helper()
	actor := h.in(workspace, name, role)
	must(h.t, h.accounts.SetPassword(h.t.Context(), actor, name, name, goodPassword))
	return actor
}
