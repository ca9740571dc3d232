package store_test

import (
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func TestMembersAreListedChangedAndRemoved(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		w, ada := h.workspace("Physics")
		bob, mia, otto := h.in(w, "bob", tenancy.Manager), h.in(w, "mia", tenancy.Member), h.in(w, "otto", tenancy.Observer)
		other, err := h.CreateWorkspace(ctx, h.admin, "Maths")
		must(h.t, err)
		eve := h.in(other, "eve", tenancy.Owner)

		members, err := h.Members(ctx, bob)
		must(h.t, err)
		var names []string
		for _, m := range members {
			names = append(names, m.Name+" "+string(m.Role))
		}
		if got := strings.Join(names, ", "); got != "ada owner, bob manager, mia member, otto observer" || members[2].Email != "mia@example.edu" || members[0].Source != tenancy.ByHand || !members[0].Joined.Equal(h.clock.now()) {
			h.t.Errorf("the members are %s: %+v", got, members)
		}
		if members, err = h.Members(ctx, mia); err != nil || members[0].Email != "" || members[2].Email == "" {
			h.t.Errorf("a member sees addresses of others, or not her own: %+v, %v", members, err)
		}
		for _, who := range []tenancy.Actor{bob, mia, otto} {
			wantCode(h.t, h.ChangeRole(ctx, who, otto.UserID, tenancy.Owner), fault.Forbidden)
			wantCode(h.t, h.RemoveMember(ctx, who, otto.UserID), fault.Forbidden)
			wantCode(h.t, h.Transfer(ctx, who, otto.UserID), fault.Forbidden)
		}
		wantCode(h.t, h.ChangeRole(ctx, ada, mia.UserID, "god"), fault.Invalid)
		for _, stranger := range []string{eve.UserID, "nobody"} { // somebody of another workspace is as good as nobody
			for _, err := range []error{h.ChangeRole(ctx, ada, stranger, tenancy.Observer), h.RemoveMember(ctx, ada, stranger), h.Transfer(ctx, ada, stranger)} {
				if err == nil || err.Error() != "There is no such member here." {
					h.t.Errorf("%s: %v", stranger, err)
				}
			}
		}
		heard, stop := h.bell.Listen(mia, "")
		defer stop()
		must(h.t, h.ChangeRole(ctx, ada, mia.UserID, tenancy.Observer))
		if got := (<-heard).Reason; got != "Your role in this workspace was changed to observer by ada." {
			h.t.Error(got)
		}
		if now := h.now(mia.UserID, w.ID); now.Role != tenancy.Observer {
			h.t.Errorf("mia is %s", now.Role)
		}
		_, secret, err := h.accounts.CreateToken(ctx, mia, tenancy.TokenRequest{Name: "ci"})
		must(h.t, err)
		must(h.t, h.RemoveMember(ctx, ada, mia.UserID))
		if got := (<-heard).Reason; got != "You were removed from this workspace by ada." {
			h.t.Error(got)
		}
		_, err = h.accounts.ActorOf(ctx, mia.UserID, w.ID)
		wantCode(h.t, err, fault.NotFound)
		h.in(w, "mia", tenancy.Member) // a token of before does not come back with its person
		_, err = h.accounts.ActorOfToken(ctx, secret)
		wantCode(h.t, err, fault.Unauthenticated)
		must(h.t, h.LeaveWorkspace(ctx, otto))
		wantCode(h.t, h.LeaveWorkspace(ctx, tenancy.Actor{UserID: otto.UserID}), fault.Forbidden)
	})
}

func TestTheLastOwnerStays(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		w, ada := h.workspace("Physics")
		bob := h.in(w, "bob", tenancy.Member)
		for _, err := range []error{h.LeaveWorkspace(ctx, ada), h.RemoveMember(ctx, ada, ada.UserID), h.ChangeRole(ctx, ada, ada.UserID, tenancy.Manager)} {
			wantCode(h.t, err, fault.Conflict)
			if !strings.HasPrefix(err.Error(), "The last owner of a workspace cannot be ") {
				h.t.Error(err)
			}
		}
		wantCode(h.t, h.Transfer(ctx, ada, ada.UserID), fault.Invalid)
		must(h.t, h.Transfer(ctx, ada, bob.UserID))
		ada, bob = h.now(ada.UserID, w.ID), h.now(bob.UserID, w.ID)
		if ada.Role != tenancy.Manager || bob.Role != tenancy.Owner {
			h.t.Errorf("after the transfer ada is %s, bob is %s", ada.Role, bob.Role)
		}
		must(h.t, h.LeaveWorkspace(ctx, ada))
	})
}

func TestWhatAProviderGivesIsTheProvidersToTake(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		w, ada := h.workspace("Physics")
		mia := h.in(w, "mia", tenancy.Member)
		exec := execSQLite
		if strings.HasPrefix(h.address, "postgres") {
			exec = execPostgres
		}
		exec(h.t, h.address, "INSERT INTO memberships (user_id, tenant_id, role, source, created_at) VALUES ('u-mia', '"+w.ID+"', 'manager', 'campus', 1)")
		members, err := h.Members(ctx, ada)
		must(h.t, err)
		if m := members[1]; len(members) != 2 || m.Role != tenancy.Manager || m.Source != "campus" || m.ByHand != tenancy.Member {
			h.t.Errorf("mia is %+v of %d", m, len(members))
		}
		wantCode(h.t, h.ChangeRole(ctx, ada, mia.UserID, tenancy.Member), fault.Conflict)
		wantCode(h.t, h.RemoveMember(ctx, ada, mia.UserID), fault.Conflict)
		must(h.t, h.ChangeRole(ctx, ada, mia.UserID, tenancy.Owner))
		if got := h.now(mia.UserID, w.ID).Role; got != tenancy.Owner {
			h.t.Errorf("mia is %s", got)
		}
	})
}

func TestTwoOwnersWhoRemoveEachOtherLeaveOne(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		w, ada := h.workspace("Physics")
		bob := h.in(w, "bob", tenancy.Owner)
		for range 10 {
			var refused atomic.Int32
			var all sync.WaitGroup
			for _, pair := range [][2]tenancy.Actor{{ada, bob}, {bob, ada}} {
				all.Go(func() {
					if err := h.RemoveMember(ctx, pair[0], pair[1].UserID); err != nil {
						refused.Add(1)
						if !fault.Is(err, fault.Conflict) {
							h.t.Error(err)
						}
					}
				})
			}
			all.Wait()
			members, err := h.store.Members(ctx, tenancy.InTenant(w.ID))
			must(h.t, err)
			if refused.Load() != 1 || len(members) != 1 {
				h.t.Fatalf("%d were refused, left is %+v", refused.Load(), members)
			}
			h.in(w, "ada", tenancy.Owner)
			h.in(w, "bob", tenancy.Owner)
		}
	})
}

func TestAnInvitationEndsWithTheRightToGiveIt(t *testing.T) {
	everyHouse(t, func(h *house) {
		ctx := h.t.Context()
		w, ada := h.workspace("Physics")
		bob := h.in(w, "bob", tenancy.Owner)
		for _, role := range []tenancy.Role{tenancy.Observer, tenancy.Member, tenancy.Manager, tenancy.Owner} {
			_, _, err := h.Invite(ctx, bob, tenancy.InviteRequest{Role: role})
			must(h.t, err)
			h.clock.move(time.Second)
		}
		left := func(want int) {
			h.t.Helper()
			open, err := h.Invitations(ctx, ada)
			must(h.t, err)
			if len(open) != want {
				h.t.Errorf("%d invitations are open, want %d: %+v", len(open), want, open)
			}
		}
		left(4)
		must(h.t, h.ChangeRole(ctx, ada, bob.UserID, tenancy.Manager))
		left(3)
		must(h.t, h.ChangeRole(ctx, ada, bob.UserID, tenancy.Member))
		left(0)
	})
}
