package store_test

import (
	"context"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/internal/seal"
	"trunkline/lab/control"
	"trunkline/store"
	"trunkline/tenancy"
)

func init() {
	maps.Copy(unscoped, map[string]string{
		"Reaches": "it says which tenants' labs a person reaches", "ReachByHash": "a link is found by its secret alone", "TakeShare": "a link is found by its secret alone",
		"EndShares": "it follows Reaches, for the controller's own sweep", "LongestShare": "the site's", "SetLongestShare": "the site's",
	})
	maps.Copy(scoped, map[string]func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error){
		"LabObject": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			object, err := s.LabObject(ctx, scope, lab.ID)
			return object != tenancy.ObjectRef{}, err
		},
		"SaveShare": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			share, err := s.SaveShare(ctx, scope, tenancy.Share{ID: "smuggled", Tenant: lab.Tenant, Lab: lab.ID, With: "eve", Level: tenancy.LevelEdit}, "", 9)
			return share.ID != "", err
		},
		"Shares": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			list, err := s.Shares(ctx, scope, lab.ID, time.Time{})
			return len(list) > 0, err
		},
		"ChangeShare": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			seen := false
			err := s.ChangeShare(ctx, scope, lab.ID, "of-"+lab.Tenant, func(*tenancy.Share) error { seen = true; return nil })
			return seen, err
		},
		"DeleteShare": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			share, err := s.DeleteShare(ctx, scope, lab.ID, "of-"+lab.Tenant)
			return share.ID != "", err
		},
		"SendAway": func(ctx context.Context, s *store.Store, scope tenancy.Scope, lab *control.Record) (bool, error) {
			guest, err := s.SendAway(ctx, scope, lab.ID, "g-"+lab.Tenant)
			return guest.ID != "", err
		},
	})
}

// sharing is a workspace whose member mia shares her lab, and people elsewhere.
type sharing struct {
	*house
	shares *tenancy.Shares
	place  tenancy.Workspace
	owner  tenancy.Actor
	mia    tenancy.Actor
	lab    string
}

func everySharing(t *testing.T, test func(*sharing)) {
	t.Helper()
	everyHouse(t, func(h *house) {
		s := &sharing{house: h, shares: tenancy.NewShares(h.store, h.accounts, h.bell, h.clock.now)}
		s.place, s.owner = h.workspace("Physics")
		s.mia = h.in(s.place, "mia", tenancy.Member)
		s.lab = s.newLab(s.mia, "campus")
		test(s)
	})
}

func (s *sharing) newLab(owner tenancy.Actor, name string) string {
	s.t.Helper()
	r := newLab(owner.TenantID, name)
	r.OwnerID, r.Owner = owner.UserID, owner.UserName
	must(s.t, s.store.CreateLab(s.t.Context(), owner.Scope(), r))
	return r.ID
}

// stranger is somebody who is in another workspace.
func (s *sharing) stranger(name string) tenancy.Actor {
	s.t.Helper()
	w, err := s.CreateWorkspace(s.t.Context(), s.admin, "of "+name)
	must(s.t, err)
	return s.in(w, name, tenancy.Owner)
}

func (s *sharing) share(request tenancy.ShareRequest) (tenancy.Share, string) {
	s.t.Helper()
	share, secret, err := s.shares.Share(s.t.Context(), s.mia, s.lab, request)
	must(s.t, err)
	return share, secret
}

// reached is the level at which somebody reaches mia's lab; "" does not at all.
func (s *sharing) reached(actor tenancy.Actor, guests ...string) tenancy.Level {
	s.t.Helper()
	now, err := s.shares.Reach(s.t.Context(), actor, guests, s.lab)
	must(s.t, err)
	if now.Guest == nil {
		if now != actor {
			s.t.Errorf("nothing is shared, and %+v became %+v", actor, now)
		}
		return ""
	}
	if now.Guest.Lab != s.lab || now.TenantID != s.place.ID || actor.TenantID != now.TenantID && (now.Role != "" || now.SiteAdmin) {
		s.t.Errorf("%+v became %+v, %+v", actor, now, now.Guest)
	}
	return now.Guest.Level
}

func (s *sharing) want(actor tenancy.Actor, level tenancy.Level) {
	s.t.Helper()
	if got := s.reached(actor); got != level {
		s.t.Errorf("%s reaches the lab at %q, want %q", actor.UserName, got, level)
	}
}

func TestALabIsSharedWithPeople(t *testing.T) {
	everySharing(t, func(s *sharing) {
		ctx := s.t.Context()
		otto, eve := s.in(s.place, "otto", tenancy.Observer), s.stranger("eve")
		share, secret := s.share(tenancy.ShareRequest{With: "otto"})
		if secret != "" || share.Name != "otto" || share.Level != tenancy.LevelView || !share.Expires.Equal(s.clock.now().Add(tenancy.ShareLife)) {
			s.t.Errorf("shared %+v", share)
		}
		s.want(otto, "") // an observer sees it by his role
		s.share(tenancy.ShareRequest{With: "otto@example.edu", Level: tenancy.LevelEdit, Life: time.Hour})
		s.want(otto, tenancy.LevelEdit)
		s.want(eve, "")
		s.share(tenancy.ShareRequest{With: "EVE@example.edu", Level: tenancy.LevelConsole})
		s.want(eve, tenancy.LevelConsole)
		list, err := s.shares.Shares(ctx, s.mia, s.lab)
		must(s.t, err)
		if len(list) != 2 || list[0].With != "eve@example.edu" || list[0].Name != "" || list[1].ID != share.ID || list[1].Level != tenancy.LevelEdit {
			s.t.Errorf("the list is %+v", list)
		}
		mine, err := s.shares.SharedWithMe(ctx, eve)
		must(s.t, err)
		if len(mine) != 1 || mine[0].Lab != s.lab || mine[0].Name != "campus" || mine[0].Owner != "mia" || mine[0].By != "mia" || mine[0].Level != tenancy.LevelConsole {
			s.t.Errorf("shared with eve: %+v", mine)
		}
		if mine, err = s.shares.SharedWithMe(ctx, s.mia); err != nil || len(mine) != 0 {
			s.t.Errorf("shared with mia: %+v, %v", mine, err)
		}
		s.clock.move(2 * time.Hour)
		s.want(otto, "")
		s.want(eve, tenancy.LevelConsole)
	})
}

func TestPeopleElsewhereAreFoundByTheirAddressAloneAndAnsweredAlike(t *testing.T) {
	everySharing(t, func(s *sharing) {
		s.stranger("eve")
		there, _ := s.share(tenancy.ShareRequest{With: "eve@example.edu"})
		missing, _ := s.share(tenancy.ShareRequest{With: "eva@example.edu"})
		there.ID, missing.ID, there.UserID = "", "", ""
		if missing.With = "eve@example.edu"; there.With != missing.With || there.Name != missing.Name || !there.Expires.Equal(missing.Expires) || missing.UserID != "" {
			s.t.Errorf("who is there (%+v) is told from who is not (%+v)", there, missing)
		}
		_, _, err := s.shares.Share(s.t.Context(), s.mia, s.lab, tenancy.ShareRequest{With: "Eve Adams"})
		wantCode(s.t, err, fault.Invalid) // a name counts in the workspace only
	})
}

// TestAShareWaitsForAnAddressThatAProviderVouchesFor: whoever makes a local account under the address later does not get it.
func TestAShareWaitsForAnAddressThatAProviderVouchesFor(t *testing.T) {
	everySharing(t, func(s *sharing) {
		ctx := s.t.Context()
		s.share(tenancy.ShareRequest{With: "zoe@example.edu", Level: tenancy.LevelEdit})
		squatter := tenancy.Actor{UserID: s.person("zoe"), UserName: "zoe"}
		s.want(squatter, "")
		come := func(subject, email string, verified bool) tenancy.Actor {
			id := whoIs(subject, email)
			id.EmailVerified = verified
			admitted, err := s.store.Identities(seal.Random()).Admit(ctx, tenancy.Admission{
				Identity: id, Newcomer: tenancy.User{ID: ident.New(), Name: subject}, At: s.clock.now(), SignIn: true,
			})
			must(s.t, err)
			return tenancy.Actor{UserID: admitted.User.ID, UserName: admitted.User.Name}
		}
		s.want(come("liar", "zoe@example.edu", false), "")
		s.want(come("other", "zoe@example.com", true), "")
		s.want(come("zoe", "Zoe@Example.edu", true), tenancy.LevelEdit)
	})
}

func TestWhoMayShareAndWithWhat(t *testing.T) {
	everySharing(t, func(s *sharing) {
		ctx := s.t.Context()
		manager, otto, eve := s.in(s.place, "max", tenancy.Manager), s.in(s.place, "otto", tenancy.Member), s.stranger("eve")
		guest, _, err := s.shares.Share(ctx, manager, s.lab, tenancy.ShareRequest{With: "eve@example.edu", Level: tenancy.LevelEdit})
		must(s.t, err)
		_, _, err = s.shares.Share(ctx, otto, s.lab, tenancy.ShareRequest{})
		wantCode(s.t, err, fault.Forbidden)
		_, _, err = s.shares.Share(ctx, tenancy.Actor{}, s.lab, tenancy.ShareRequest{})
		wantCode(s.t, err, fault.Unauthenticated)
		_, foreign := s.shares.Shares(ctx, eve, s.lab)
		wantCode(s.t, foreign, fault.NotFound)
		_, missing := s.shares.Shares(ctx, eve, "000000000000")
		if strings.ReplaceAll(fault.Sentence(foreign), s.lab, "000000000000") != fault.Sentence(missing) {
			s.t.Errorf("another's lab (%v) is told from a missing one (%v)", foreign, missing)
		}
		reached, err := s.shares.Reach(ctx, eve, nil, s.lab)
		must(s.t, err)
		_, _, err = s.shares.Share(ctx, reached, s.lab, tenancy.ShareRequest{})
		wantCode(s.t, err, fault.Forbidden) // who may change it may not share it on
		_, err = s.shares.Shares(ctx, reached, s.lab)
		wantCode(s.t, err, fault.Forbidden)
		wantCode(s.t, s.shares.EndShare(ctx, otto, s.lab, guest.ID), fault.Forbidden)
		for name, request := range map[string]tenancy.ShareRequest{
			"oneself": {With: "mia"}, "no such level": {Level: "all"}, "too long": {Life: 181 * 24 * time.Hour}, "too short": {Life: time.Second},
			"uses of a person": {With: "otto", Uses: 3}, "guests who edit": {Level: tenancy.LevelEdit, Guests: true}, "below nobody": {Uses: -1}, "too many": {Uses: 1001},
		} {
			if _, _, err := s.shares.Share(ctx, s.mia, s.lab, request); !fault.Is(err, fault.Invalid) || fault.Public(err).Field == "" {
				s.t.Errorf("%s: %v", name, err)
			}
		}
		_, _, err = s.shares.Share(ctx, manager, s.lab, tenancy.ShareRequest{With: "mia"})
		wantCode(s.t, err, fault.Invalid)
		wantCode(s.t, s.shares.SetLongest(ctx, s.mia, 30*24*time.Hour), fault.Forbidden)
		must(s.t, s.shares.SetLongest(ctx, s.admin, 5*24*time.Hour))
		short, _ := s.share(tenancy.ShareRequest{})
		if !short.Expires.Equal(s.clock.now().Add(5 * 24 * time.Hour)) {
			s.t.Errorf("it works until %v", short.Expires)
		}
		_, _, err = s.shares.Share(ctx, s.mia, s.lab, tenancy.ShareRequest{Life: 6 * 24 * time.Hour})
		wantCode(s.t, err, fault.Invalid)
	})
}

func TestPeopleComeByALink(t *testing.T) {
	everySharing(t, func(s *sharing) {
		ctx := s.t.Context()
		eve, otto := s.stranger("eve"), s.stranger("otto")
		share, secret := s.share(tenancy.ShareRequest{Level: tenancy.LevelConsole, Uses: 1})
		if !strings.HasPrefix(secret, tenancy.SharePrefix) || share.Link == nil || share.Link.Uses != 1 {
			s.t.Fatalf("made %+v", share)
		}
		seen, link, err := s.shares.LookAtLink(ctx, secret, here)
		must(s.t, err)
		if seen.Name != "campus" || seen.Owner != "mia" || seen.Level != tenancy.LevelConsole || link.Guests || link.Used != 0 {
			s.t.Errorf("it shows %+v, %+v", seen, link)
		}
		_, _, err = s.shares.OpenLinkAsGuest(ctx, secret, "Ann", nil, tenancy.Origin{Address: here})
		wantCode(s.t, err, fault.Forbidden)
		opened, err := s.shares.OpenLink(ctx, s.mia, secret) // her own, which takes no use
		must(s.t, err)
		if opened.Lab != s.lab {
			s.t.Errorf("opened %+v", opened)
		}
		for range 2 { // coming again takes no further use
			if _, err := s.shares.OpenLink(ctx, eve, secret); err != nil {
				s.t.Fatal(err)
			}
		}
		s.want(eve, tenancy.LevelConsole)
		_, err = s.shares.OpenLink(ctx, otto, secret)
		wantCode(s.t, err, fault.NotFound)
		s.want(otto, "")
		list, err := s.shares.Shares(ctx, s.mia, s.lab)
		must(s.t, err)
		if len(list) != 1 || list[0].Link.Used != 1 || len(list[0].People) != 1 || list[0].People[0].Name != "eve" || !list[0].People[0].Account {
			s.t.Fatalf("the list is %+v", list)
		}
		must(s.t, s.shares.EndShare(ctx, s.mia, s.lab, list[0].People[0].ID))
		s.want(eve, "")
		_, err = s.shares.OpenLink(ctx, eve, secret)
		wantCode(s.t, err, fault.NotFound) // who was sent away does not come again by it
		_, err = s.shares.OpenLink(ctx, tenancy.Actor{UserID: otto.UserID, TokenID: "t"}, secret)
		wantCode(s.t, err, fault.Forbidden)
	})
}

func TestGuestsComeWithoutAnAccount(t *testing.T) {
	everySharing(t, func(s *sharing) {
		ctx, from := s.t.Context(), tenancy.Origin{Address: here}
		_, secret := s.share(tenancy.ShareRequest{Level: tenancy.LevelConsole, Uses: 2, Guests: true, Life: 48 * time.Hour})
		_, _, err := s.shares.OpenLinkAsGuest(ctx, secret, " ", nil, from)
		wantCode(s.t, err, fault.Invalid)
		ann, _, err := s.shares.OpenLinkAsGuest(ctx, secret, "Ann", nil, from)
		must(s.t, err)
		actor, err := s.shares.Reach(ctx, tenancy.Actor{}, []string{ann}, s.lab)
		must(s.t, err)
		if actor.UserName != "Ann (guest)" || !actor.HasNoAccount() || !actor.OnlyGuest() || actor.Guest.Level != tenancy.LevelConsole || !actor.Guest.Until.Equal(s.clock.now().Add(tenancy.GuestLife)) {
			s.t.Errorf("Ann is %+v, %+v", actor, actor.Guest)
		}
		other := s.newLab(s.mia, "secret")
		if elsewhere, err := s.shares.Reach(ctx, tenancy.Actor{}, []string{ann}, other); err != nil || !elsewhere.IsNobody() {
			s.t.Errorf("Ann reaches another lab as %+v, %v", elsewhere, err)
		}
		if again, err := s.shares.Again(ctx, actor); err != nil || again.UserID != actor.UserID || again.Guest == nil {
			s.t.Errorf("Ann is %+v again, %v", again, err)
		}
		s.clock.move(25 * time.Hour)
		if s.reached(tenancy.Actor{}, ann) != "" {
			s.t.Error("a guest stays for ever")
		}
		if again, err := s.shares.Again(ctx, actor); err == nil && again.Guest != nil {
			s.t.Errorf("a guest whose time is over is %+v", again)
		}
		again, _, err := s.shares.OpenLinkAsGuest(ctx, secret, "Ann", []string{ann}, from)
		must(s.t, err)
		if again != ann || s.reached(tenancy.Actor{}, ann) != tenancy.LevelConsole {
			s.t.Errorf("Ann came again as %s", again)
		}
		if s.reached(tenancy.Actor{}, "0000") != "" || s.reached(tenancy.Actor{}, "") != "" {
			s.t.Error("nobody reaches the lab")
		}
		if eve := s.stranger("eve"); s.reached(eve, ann) != tenancy.LevelConsole {
			s.t.Error("who signs in as well loses what the link gave")
		}
	})
}

func TestOfManyWhoComeAtOnceExactlySoManyGetIn(t *testing.T) {
	everySharing(t, func(s *sharing) {
		ctx := s.t.Context()
		const uses, people = 5, 40
		_, secret := s.share(tenancy.ShareRequest{Uses: uses, Guests: true})
		var won, lost atomic.Int64
		var coming sync.WaitGroup
		for i := range people {
			user := tenancy.Actor{UserID: s.person("p" + ident.New()), UserName: "p", Address: ident.New()}
			coming.Go(func() {
				var err error
				if i%2 == 0 {
					_, err = s.shares.OpenLink(ctx, user, secret)
				} else {
					_, _, err = s.shares.OpenLinkAsGuest(ctx, secret, "Guest", nil, tenancy.Origin{Address: user.Address})
				}
				switch fault.CodeOf(err) {
				case "":
					won.Add(1)
				case fault.NotFound:
					lost.Add(1)
				default:
					s.t.Error(err)
				}
			})
		}
		coming.Wait()
		list, err := s.shares.Shares(ctx, s.mia, s.lab)
		must(s.t, err)
		if won.Load() != uses || lost.Load() != people-uses || list[0].Link.Used != uses || len(list[0].People) != uses {
			s.t.Errorf("%d got in, %d did not, %d uses, %d people; want %d in", won.Load(), lost.Load(), list[0].Link.Used, len(list[0].People), uses)
		}
	})
}
