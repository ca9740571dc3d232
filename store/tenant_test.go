package store_test

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/store"
	"trunkline/tenancy"
)

func init() {
	maps.Copy(unscoped, map[string]string{
		"Workspaces": "it takes the person", "CreateTenant": "it makes a tenant", "EndedTenants": "it is the controller's own work",
		"OpenTenants": "the site's", "SetOpenTenants": "the site's",
		"InvitationByHash": "an invitation is found by its secret alone", "Accept": "an invitation is found by its secret alone",
	})
	maps.Copy(scoped, map[string]func(context.Context, *store.Store, tenancy.Scope, *control.Record) (bool, error){
		"RenameTenant": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			return renames(ctx, s, scope, lab.Tenant)
		},
		"EndTenant": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			_ = s.EndTenant(ctx, scope, time.Now().Add(time.Hour), "eve") // of one's own it succeeds, of none it does not
			defer s.EndTenant(ctx, scope, time.Time{}, "")
			return !open1(ctx, s, lab.Tenant), nil
		},
		"RemoveTenant": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			gone, _ := s.RemoveTenant(ctx, scope)
			return gone, nil
		},
		"Members": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			members, err := s.Members(ctx, scope)
			return slices.ContainsFunc(members, func(m tenancy.TenantMember) bool { return m.UserID == "only-"+lab.Tenant }), err
		},
		"ChangeMembers": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			seen := false
			_ = s.ChangeMembers(ctx, scope, func(members []tenancy.TenantMember) ([]tenancy.MemberChange, error) {
				seen = slices.ContainsFunc(members, func(m tenancy.TenantMember) bool { return m.UserID == "only-"+lab.Tenant })
				return []tenancy.MemberChange{{UserID: "only-" + lab.Tenant}}, nil
			})
			return seen, nil
		},
		"SaveInvitation": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			err := s.SaveInvitation(ctx, scope, tenancy.Invitation{ID: "smuggled", TenantID: lab.Tenant, Uses: 1}, "hash")
			return err == nil, nil
		},
		"Invitations": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			list, err := s.Invitations(ctx, scope, time.Now())
			return len(list) > 0, err
		},
		"DeleteInvitation": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			return false, s.DeleteInvitation(ctx, scope, "of-"+lab.Tenant)
		},
	})
}

func renames(ctx context.Context, s *store.Store, scope tenancy.Scope, theirs string) (bool, error) {
	_ = s.RenameTenant(ctx, scope, "renamed")
	all, err := s.Workspaces(ctx, "")
	return !slices.ContainsFunc(all, func(w tenancy.Workspace) bool { return w.ID == theirs && w.Name == theirs }), err
}

func open1(ctx context.Context, s *store.Store, id string) bool {
	all, err := s.Workspaces(ctx, "")
	return err == nil && slices.ContainsFunc(all, func(w tenancy.Workspace) bool { return w.ID == id && w.Ends.IsZero() })
}

// house is workspaces with people in them, on a clock that is moved by hand.
type house struct {
	*tenancy.Workspaces
	t        *testing.T
	store    *store.Store
	accounts *tenancy.Accounts
	bell     *tenancy.Revocations
	clock    *clock
	admin    tenancy.Actor
	address  string
}

func everyHouse(t *testing.T, test func(*house)) {
	t.Helper()
	everyAddress(t, func(t *testing.T, address string) {
		if !strings.HasPrefix(address, "postgres") {
			address = filepath.Join(t.TempDir(), "house.db") // a name that needs no escaping
		}
		c := &clock{at: time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)}
		s := openWith(t, store.Config{URL: address, Now: c.now})
		h := &house{t: t, store: s, accounts: tenancy.NewAccounts(s, s, s, c.now), bell: &tenancy.Revocations{}, clock: c, address: address}
		h.Workspaces = tenancy.NewWorkspaces(s, h.accounts, h.bell, c.now)
		user, err := h.accounts.Administrator(t.Context())
		must(t, err)
		h.admin, err = h.accounts.ActorOf(t.Context(), user.ID, "")
		must(t, err)
		test(h)
	})
}

// person makes somebody who is in no workspace.
func (h *house) person(name string) string {
	h.t.Helper()
	must(h.t, h.store.SaveUser(h.t.Context(), tenancy.User{ID: "u-" + name, Email: name + "@example.edu", Name: name}))
	return "u-" + name
}

// in is somebody with a role in the workspace.
func (h *house) in(workspace tenancy.Workspace, name string, role tenancy.Role) tenancy.Actor {
	h.t.Helper()
	id := h.person(name)
	must(h.t, h.store.ChangeMembers(h.t.Context(), tenancy.InTenant(workspace.ID), func([]tenancy.TenantMember) ([]tenancy.MemberChange, error) {
		return []tenancy.MemberChange{{UserID: id, Role: role}}, nil
	}))
	return h.now(id, workspace.ID)
}

// now is the actor as loaded anew.
func (h *house) now(userID, tenantID string) tenancy.Actor {
	h.t.Helper()
	actor, err := h.accounts.ActorOf(h.t.Context(), userID, tenantID)
	must(h.t, err)
	return actor
}

// workspace is a new one that its administrator has made and given to ada.
func (h *house) workspace(name string) (tenancy.Workspace, tenancy.Actor) {
	h.t.Helper()
	w, err := h.CreateWorkspace(h.t.Context(), h.admin, name)
	must(h.t, err)
	ada := h.in(w, "ada", tenancy.Owner)
	must(h.t, h.LeaveWorkspace(h.t.Context(), h.now(h.admin.UserID, w.ID)))
	return w, ada
}

func TestWorkspacesAreMadeByAdministratorsOrByEverybody(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		w, ada := h.workspace("  Physics \t 101 ")
		if w.Name != "Physics 101" {
			h.t.Errorf("it is named %q", w.Name)
		}
		_, err := h.CreateWorkspace(ctx, ada, "Maths")
		wantCode(h.t, err, fault.Forbidden)
		wantCode(h.t, h.SetOpenToEveryone(ctx, ada, true), fault.Forbidden)
		must(h.t, h.SetOpenToEveryone(ctx, h.admin, true))
		maths, err := h.CreateWorkspace(ctx, ada, "Maths")
		must(h.t, err)
		_, err = h.CreateWorkspace(ctx, ada, "Maths")
		wantCode(h.t, err, fault.Conflict)
		for _, bad := range []string{"", "   ", "a\x00b", string(make([]rune, 61))} {
			_, err := h.CreateWorkspace(ctx, ada, bad)
			wantCode(h.t, err, fault.Invalid)
		}
		mine, err := h.Workspaces.Workspaces(ctx, ada)
		must(h.t, err)
		if len(mine) != 2 || mine[0].ID != maths.ID || mine[0].Role != tenancy.Owner || mine[0].Members != 1 || mine[1].ID != w.ID {
			h.t.Errorf("ada is in %+v", mine)
		}
		found, err := h.FindWorkspace(ctx, ada, "Maths")
		must(h.t, err)
		wantCode(h.t, h.RenameWorkspace(ctx, h.now(ada.UserID, found.ID), "Physics 101"), fault.Conflict)
		must(h.t, h.RenameWorkspace(ctx, h.now(ada.UserID, found.ID), "Algebra"))
		_, err = h.FindWorkspace(ctx, ada, "Maths")
		wantCode(h.t, err, fault.NotFound)
		_, err = h.FindWorkspace(ctx, ada, "Default") // it is there, and ada is not in it
		wantCode(h.t, err, fault.NotFound)
		_, err = h.EveryWorkspace(ctx, ada)
		wantCode(h.t, err, fault.Forbidden)
		all, err := h.EveryWorkspace(ctx, h.admin)
		must(h.t, err)
		if len(all) != 3 {
			h.t.Errorf("the site has %+v", all)
		}
		wantCode(h.t, h.RenameWorkspace(ctx, h.in(w, "mia", tenancy.Manager), "Mine"), fault.Forbidden)
	})
}

func TestADeletedWorkspaceIsClosedRestoredAndInTheEndGone(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		w, ada := h.workspace("Physics")
		bob := h.in(w, "bob", tenancy.Manager)
		_, secret, err := h.accounts.CreateToken(ctx, bob, tenancy.TokenRequest{Name: "ci"})
		must(h.t, err)
		_, link, err := h.Invite(ctx, bob, tenancy.InviteRequest{})
		must(h.t, err)
		must(h.t, h.store.CreateLab(ctx, bob.Scope(), newLab(w.ID, "campus")))
		_, err = h.DeleteWorkspace(ctx, bob, "Physics")
		wantCode(h.t, err, fault.Forbidden)
		_, err = h.DeleteWorkspace(ctx, ada, "Phisics")
		wantCode(h.t, err, fault.Invalid)
		_, err = h.DeleteWorkspace(ctx, h.admin, "Default")
		wantCode(h.t, err, fault.Conflict)
		heard, stop := h.bell.Listen(bob, "")
		defer stop()
		ended, err := h.DeleteWorkspace(ctx, ada, "Physics")
		must(h.t, err)
		if got := (<-heard).Reason; got != "The workspace Physics was deleted by ada. Its owners can restore it for seven days." {
			h.t.Error(got)
		}
		if !ended.Ends.Equal(h.clock.now().Add(tenancy.GraceTime)) {
			h.t.Errorf("it ends %v", ended.Ends)
		}
		_, err = h.accounts.ActorOf(ctx, bob.UserID, w.ID)
		wantCode(h.t, err, fault.NotFound)
		_, err = h.accounts.ActorOfToken(ctx, secret)
		wantCode(h.t, err, fault.Unauthenticated)
		_, _, err = h.LookAtInvitation(ctx, link, "192.0.2.1")
		wantCode(h.t, err, fault.NotFound)
		mine, err := h.Workspaces.Workspaces(ctx, bob)
		must(h.t, err)
		if len(mine) != 0 {
			h.t.Errorf("bob still sees %+v", mine)
		}
		_, err = h.RestoreWorkspace(ctx, bob, w.ID)
		wantCode(h.t, err, fault.NotFound)
		_, err = h.RestoreWorkspace(ctx, ada, "Physics")
		must(h.t, err)
		h.now(bob.UserID, w.ID)
		_, err = h.accounts.ActorOfToken(ctx, secret)
		must(h.t, err)
		_, err = h.RestoreWorkspace(ctx, ada, w.ID)
		wantCode(h.t, err, fault.Conflict)

		_, err = h.DeleteWorkspace(ctx, ada, "Physics")
		must(h.t, err)
		_, err = h.RestoreWorkspace(ctx, h.admin, w.ID) // an administrator who is no member
		must(h.t, err)
		_, err = h.DeleteWorkspace(ctx, ada, "Physics")
		must(h.t, err)
		labs := &ender{h: h}
		reaper := &tenancy.Reaper{Tenants: h.store, Labs: labs, Now: h.clock.now, Log: quiet}
		must(h.t, reaper.Reap(ctx))
		if labs.asked != 0 {
			h.t.Fatal("labs were ended within the grace time")
		}
		h.clock.move(tenancy.GraceTime)
		_, err = h.RestoreWorkspace(ctx, ada, w.ID)
		wantCode(h.t, err, fault.Conflict)
		must(h.t, reaper.Reap(ctx)) // asks for the labs to end
		must(h.t, reaper.Reap(ctx)) // none is left
		all, err := h.EveryWorkspace(ctx, h.admin)
		must(h.t, err)
		if len(all) != 1 || labs.asked != 2 {
			h.t.Errorf("left are %+v, after asking %d times", all, labs.asked)
		}
		_, err = h.CreateWorkspace(ctx, h.admin, "Physics") // the name is free again
		must(h.t, err)
	})
}

// ender forgets the labs after it was asked once.
type ender struct {
	h     *house
	asked int
}

func (e *ender) EndLabs(ctx context.Context, tenantID string) (int, error) {
	e.asked++
	labs, err := e.h.store.Labs(ctx, tenancy.InTenant(tenantID))
	for _, lab := range labs {
		must(e.h.t, e.h.store.DeleteLab(ctx, tenancy.InTenant(tenantID), lab.ID))
	}
	return len(labs), err
}

func TestIdentifiersOfADeletedWorkspaceRestBeforeItIsGone(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		w, ada := h.workspace("Physics")
		lab := newLab(w.ID, "campus")
		must(h.t, h.store.CreateLab(ctx, ada.Scope(), lab))
		_, err := h.store.VNIs(ctx, ada.Scope(), lab.ID, []string{"a"})
		must(h.t, err)
		_, err = h.store.RemoveTenant(ctx, tenancy.InTenant(w.ID))
		wantCode(h.t, err, fault.Conflict)
		_, err = h.DeleteWorkspace(ctx, ada, "Physics")
		must(h.t, err)
		h.clock.move(tenancy.GraceTime)
		remove := func(want bool) {
			h.t.Helper()
			gone, err := h.store.RemoveTenant(ctx, tenancy.InTenant(w.ID))
			must(h.t, err)
			if gone != want {
				h.t.Fatalf("gone: %v, want %v", gone, want)
			}
		}
		remove(false) // its lab is there
		must(h.t, h.store.FreeVNIs(ctx, tenancy.InTenant(w.ID), lab.ID))
		must(h.t, h.store.DeleteLab(ctx, tenancy.InTenant(w.ID), lab.ID))
		remove(false) // its identifier rests
		h.clock.move(48 * time.Hour)
		must(h.t, h.store.Prune(ctx, h.clock.now()))
		remove(true)
	})
}

func TestAnAdministratorTakesOnAWorkspaceThatHasLostItsOwners(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		w, ada := h.workspace("Physics")
		_, err := h.AdoptWorkspace(ctx, ada, w.ID)
		wantCode(h.t, err, fault.Forbidden)
		_, err = h.AdoptWorkspace(ctx, h.admin, "none")
		wantCode(h.t, err, fault.NotFound)
		_, err = h.AdoptWorkspace(ctx, h.admin, w.ID)
		must(h.t, err)
		if actor := h.now(h.admin.UserID, w.ID); actor.Role != tenancy.Owner {
			h.t.Errorf("the administrator is %q", actor.Role)
		}
	})
}
