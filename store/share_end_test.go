package store_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/tenancy"
)

// TestWhatEndsAShare: rights end at once, and the sweep makes it final and tells who has something open.
func TestWhatEndsAShare(t *testing.T) {
	for name, end := range map[string]func(s *sharing, share tenancy.Share){
		"it is taken back": func(s *sharing, share tenancy.Share) {
			must(s.t, s.shares.EndShare(s.t.Context(), s.mia, s.lab, share.ID))
		},
		"its time is over": func(s *sharing, _ tenancy.Share) { s.clock.move(tenancy.ShareLife + time.Second) },
		"who made it left": func(s *sharing, _ tenancy.Share) {
			must(s.t, s.RemoveMember(s.t.Context(), s.owner, s.mia.UserID))
		},
		"who made it may only look on now": func(s *sharing, _ tenancy.Share) {
			must(s.t, s.ChangeRole(s.t.Context(), s.owner, s.mia.UserID, tenancy.Observer))
		},
		"the lab is gone": func(s *sharing, _ tenancy.Share) {
			must(s.t, s.store.DeleteLab(s.t.Context(), s.mia.Scope(), s.lab))
		},
		"the workspace is deleted": func(s *sharing, _ tenancy.Share) {
			_, err := s.DeleteWorkspace(s.t.Context(), s.owner, s.place.Name)
			must(s.t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			everySharing(t, func(s *sharing) {
				ctx := s.t.Context()
				eve, otto := s.stranger("eve"), s.stranger("otto")
				share, _ := s.share(tenancy.ShareRequest{With: "eve@example.edu"})
				_, secret := s.share(tenancy.ShareRequest{Guests: true})
				_, err := s.shares.OpenLink(ctx, otto, secret)
				must(s.t, err)
				s.want(eve, tenancy.LevelView)
				guest, err := s.shares.Reach(ctx, eve, nil, s.lab)
				must(s.t, err)
				heard, stop := s.bell.Listen(guest, "")
				defer stop()
				end(s, share)
				s.want(eve, "")
				if again, err := s.shares.Again(ctx, guest); err == nil && again.Guest != nil {
					s.t.Errorf("eve is still %+v", again)
				}
				if name != "it is taken back" {
					s.want(otto, "")
					_, _, err = s.shares.LookAtLink(ctx, secret, here)
					wantCode(s.t, err, fault.NotFound)
				}
				if _, err := s.shares.Sweep(ctx); err != nil {
					s.t.Fatal(err)
				}
				if name == "the lab is gone" {
					return // its own end is told to who watches it
				}
				select {
				case told := <-heard:
					if told.TenantID != s.place.ID || told.Reason == "" {
						s.t.Errorf("heard %+v", told)
					}
				default:
					s.t.Error("nobody who has it open is told")
				}
			})
		})
	}
}

func TestAShareThatEndedDoesNotComeBackWithItsMakersRights(t *testing.T) {
	everySharing(t, func(s *sharing) {
		ctx := s.t.Context()
		eve := s.stranger("eve")
		s.share(tenancy.ShareRequest{With: "eve@example.edu"})
		must(s.t, s.ChangeRole(ctx, s.owner, s.mia.UserID, tenancy.Observer))
		next, err := s.shares.Sweep(ctx)
		must(s.t, err)
		must(s.t, s.ChangeRole(ctx, s.owner, s.mia.UserID, tenancy.Manager))
		s.want(eve, "")
		if !next.IsZero() {
			s.t.Errorf("the next ends at %v, and none is left", next)
		}
	})
}

func TestALevelThatChangesCountsAtOnce(t *testing.T) {
	everySharing(t, func(s *sharing) {
		ctx := s.t.Context()
		eve := s.stranger("eve")
		share, _ := s.share(tenancy.ShareRequest{With: "eve@example.edu", Level: tenancy.LevelEdit})
		guest, err := s.shares.Reach(ctx, eve, nil, s.lab)
		must(s.t, err)
		heard, stop := s.bell.Listen(guest, "")
		defer stop()
		changed, err := s.shares.ChangeShare(ctx, s.mia, s.lab, share.ID, tenancy.ShareChange{Level: tenancy.LevelView, Life: time.Hour})
		must(s.t, err)
		if changed.Level != tenancy.LevelView || !changed.Expires.Equal(s.clock.now().Add(time.Hour)) {
			s.t.Errorf("it is %+v now", changed)
		}
		s.want(eve, tenancy.LevelView)
		if told := <-heard; told.Reason != "mia has changed what you may do with lab campus: you may look on now." {
			s.t.Errorf("heard %+v", told)
		}
		for _, wrong := range []tenancy.ShareChange{{Level: "all"}, {Life: time.Second}, {Life: 9999 * time.Hour}} {
			_, err = s.shares.ChangeShare(ctx, s.mia, s.lab, share.ID, wrong)
			wantCode(s.t, err, fault.Invalid)
		}
		link, _ := s.share(tenancy.ShareRequest{Guests: true})
		_, err = s.shares.ChangeShare(ctx, s.mia, s.lab, link.ID, tenancy.ShareChange{Level: tenancy.LevelEdit})
		wantCode(s.t, err, fault.Invalid)
		other := s.newLab(s.mia, "other")
		_, err = s.shares.ChangeShare(ctx, s.mia, other, share.ID, tenancy.ShareChange{Level: tenancy.LevelEdit})
		wantCode(s.t, err, fault.NotFound) // of another lab
	})
}

func TestLinksAreNotGuessed(t *testing.T) {
	everySharing(t, func(s *sharing) {
		ctx := s.t.Context()
		share, secret := s.share(tenancy.ShareRequest{})
		codes := map[fault.Code]int{}
		for range 30 {
			_, _, err := s.shares.LookAtLink(ctx, tenancy.SharePrefix+ident.Long(40), "198.51.100.7")
			codes[fault.CodeOf(err)]++
		}
		if codes[fault.NotFound] != 20 || codes[fault.Exhausted] != 10 {
			s.t.Errorf("wrong links are answered %v", codes)
		}
		if _, _, err := s.shares.LookAtLink(ctx, secret, here); err != nil {
			s.t.Errorf("others are kept out, too: %v", err)
		}
		for _, wrong := range []string{"", share.ID, strings.TrimPrefix(secret, tenancy.SharePrefix), secret + "a"} {
			if _, _, err := s.shares.LookAtLink(ctx, wrong, here); !fault.Is(err, fault.NotFound) {
				s.t.Errorf("%q: %v", wrong, err)
			}
		}
	})
}

func TestALabIsNotSharedWithoutEnd(t *testing.T) {
	everySharing(t, func(s *sharing) {
		ctx := s.t.Context()
		for i := range 3 {
			_, err := s.store.SaveShare(ctx, s.mia.Scope(), tenancy.Share{ID: ident.New(), Tenant: s.place.ID, Lab: s.lab, With: "p" + ident.New(), Level: tenancy.LevelView}, "", 2)
			if (err == nil) != (i < 2) {
				s.t.Errorf("share %d: %v", i, err)
			}
		}
	})
}

// TestRunEndsSharesInTime: nobody asks, and who has something open is told within two seconds.
func TestRunEndsSharesInTime(t *testing.T) {
	everySharing(t, func(s *sharing) {
		var later atomic.Int64 // how much later than it is
		now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		shares := tenancy.NewShares(s.store, s.accounts, s.bell, now)
		ctx, cancel := context.WithCancel(s.t.Context())
		defer cancel()
		done := make(chan error, 1)
		eve := s.stranger("eve")
		otto := s.stranger("otto")
		_, _, err := shares.Share(ctx, s.mia, s.lab, tenancy.ShareRequest{With: "eve@example.edu"})
		must(s.t, err)
		short, err := s.store.SaveShare(ctx, s.mia.Scope(), tenancy.Share{
			ID: ident.New(), Tenant: s.place.ID, Lab: s.lab, With: "otto@example.edu", UserID: otto.UserID, Level: tenancy.LevelView,
			By: s.mia.UserID, ByName: "mia", Created: now(), Expires: now().Add(time.Hour),
		}, "", 9)
		must(s.t, err)
		listen := func(who tenancy.Actor) <-chan tenancy.Revocation {
			guest, err := shares.Reach(ctx, who, nil, s.lab)
			must(s.t, err)
			heard, stop := s.bell.Listen(guest, "")
			s.t.Cleanup(stop)
			return heard
		}
		ottos := listen(otto)
		later.Store(int64(time.Until(short.Expires) - 700*time.Millisecond)) // it was open for long when its time is almost over
		short.Expires = time.Now().Add(700 * time.Millisecond)
		go func() { done <- shares.Run(ctx) }()
		told := <-ottos
		if late := time.Since(short.Expires); late > 10*time.Second || !strings.Contains(told.Reason, "is over") {
			s.t.Errorf("told %v after its end: %q", late, told.Reason)
		}
		eves := listen(eve)
		began := time.Now()
		must(s.t, s.ChangeRole(ctx, s.owner, s.mia.UserID, tenancy.Observer))
		told = <-eves
		if late := time.Since(began); late > 10*time.Second || told.Reason != "mia may no longer share lab campus." {
			s.t.Errorf("told %v after mia lost her role: %q", late, told.Reason)
		}
		cancel()
		if err := <-done; err != context.Canceled {
			s.t.Errorf("Run ended with %v", err)
		}
	})
}

func TestWhatIsSharedIsAudited(t *testing.T) {
	everySharing(t, func(s *sharing) {
		ctx := s.t.Context()
		kept := &kept{}
		s.shares.WithAudit(kept)
		eve := s.stranger("eve")
		share, _ := s.share(tenancy.ShareRequest{With: "eve@example.edu"})
		_, secret := s.share(tenancy.ShareRequest{Guests: true})
		_, _, err := s.shares.OpenLinkAsGuest(ctx, secret, "Ann", nil, tenancy.Origin{Address: here})
		must(s.t, err)
		_, err = s.shares.OpenLink(ctx, eve, secret)
		must(s.t, err)
		must(s.t, s.shares.EndShare(ctx, s.mia, s.lab, share.ID))
		s.clock.move(tenancy.ShareLife)
		_, err = s.shares.Sweep(ctx)
		must(s.t, err)
		var told []string
		for _, e := range kept.events {
			told = append(told, string(e.Verb)+" by "+e.Actor.Name)
			if e.Tenant != s.place.ID || e.Object.ID != s.lab || e.Object.Name != "campus" {
				s.t.Errorf("%s is of %q in %q", e.Verb, e.Object.Name, e.Tenant)
			}
		}
		want := []string{"share-lab by mia", "share-lab by mia", "open-share by Ann (guest)", "open-share by eve", "end-share by mia", "end-share by Trunkline"}
		if !slices.Equal(told, want) {
			s.t.Errorf("the audit tells %q, want %q", told, want)
		}
	})
}

// kept is an audit in memory.
type kept struct{ events []tenancy.AuditEvent }

func (k *kept) Record(_ context.Context, e tenancy.AuditEvent) error {
	k.events = append(k.events, e)
	return nil
}
