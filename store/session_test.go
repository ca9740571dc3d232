package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/internal/seal"
	"trunkline/store"
	"trunkline/tenancy"
)

var _ tenancy.SessionStore = (*store.Sessions)(nil)

// browsers is sessions on a database, with a clock that is moved by hand.
type browsers struct {
	*tenancy.Sessions
	store *store.Store
	kept  *store.Sessions
	bell  *tenancy.Revocations
	clock *clock
	ada   tenancy.Actor
	bob   tenancy.Actor
}

func everyBrowsers(t *testing.T, test func(t *testing.T, h browsers)) {
	everyAddress(t, func(t *testing.T, address string) {
		c := &clock{at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
		s := openWith(t, store.Config{URL: address, Now: c.now})
		h := browsers{store: s, kept: s.Sessions().WithKeys(seal.Random()), bell: &tenancy.Revocations{}, clock: c}
		h.Sessions = tenancy.NewSessions(tenancy.SessionConfig{Store: h.kept, Bell: h.bell, Now: c.now})
		h.ada, h.bob = somebody(t, s, "ada"), somebody(t, s, "bob")
		test(t, h)
	})
}

func somebody(t *testing.T, s *store.Store, name string) tenancy.Actor {
	t.Helper()
	user := tenancy.User{ID: ident.New(), Email: name, Name: name, Created: time.Now()}
	must(t, s.SaveUser(t.Context(), user))
	return tenancy.Actor{UserID: user.ID, UserName: name, Address: "192.0.2.7"}
}

// begin makes a session and returns its id.
func (h browsers) begin(t *testing.T, secret string, actor tenancy.Actor, by tenancy.SignedInBy) string {
	t.Helper()
	id, err := h.Begin(t.Context(), secret, actor, by, "Firefox")
	must(t, err)
	must(t, h.kept.CommitCtx(t.Context(), tenancy.HashSecret(secret), []byte("data"), h.clock.now().Add(tenancy.SessionAbsolute)))
	return id
}

func TestASessionKnowsWhoseItIsAndHowItBegan(t *testing.T) {
	everyBrowsers(t, func(t *testing.T, h browsers) {
		ctx := t.Context()
		by := tenancy.SignedInBy{Provider: "uni", Issuer: "https://id.example.edu", Subject: "42", SID: "s-1", IDToken: "a.b.c"}
		id := h.begin(t, "secret", h.ada, by)
		got, err := h.Current(ctx, id)
		must(t, err)
		want := tenancy.Session{ID: id, UserID: h.ada.UserID, By: by, Created: h.clock.now(), Seen: h.clock.now(),
			Expires: h.clock.now().Add(tenancy.SessionIdle), Address: "192.0.2.7", Agent: "Firefox"}
		if got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if text := dumpSessions(t, h); strings.Contains(text, "a.b.c") {
			t.Errorf("the ID token rests readable: %s", text)
		}
		h.ada.SessionID = id
		list, err := h.List(ctx, h.ada)
		must(t, err)
		if len(list) != 1 || !list[0].Current || list[0].By.IDToken != "" {
			t.Errorf("listed %+v", list)
		}
		data, found, err := h.kept.FindCtx(ctx, tenancy.HashSecret("secret"))
		if err != nil || !found || string(data) != "data" {
			t.Errorf("pages remember %q, %v, %v", data, found, err)
		}
	})
}

// dumpSessions is what of the ID tokens is in the database.
func dumpSessions(t *testing.T, h browsers) string {
	t.Helper()
	bare := h.store.Sessions() // without the keys
	var all []string
	for _, actor := range []tenancy.Actor{h.ada, h.bob} {
		list, err := bare.SessionsOf(t.Context(), actor.UserID)
		must(t, err)
		for _, one := range list {
			session, err := bare.Session(t.Context(), tenancy.SessionKey{ID: one.ID})
			must(t, err)
			all = append(all, session.By.IDToken)
		}
	}
	return strings.Join(all, " ")
}

func TestSessionsEndByTheClock(t *testing.T) {
	everyBrowsers(t, func(t *testing.T, h browsers) {
		ctx := t.Context()
		idle := h.begin(t, "idle", h.ada, tenancy.SignedInBy{})
		h.begin(t, "busy", h.ada, tenancy.SignedInBy{})
		h.clock.move(tenancy.SessionIdle - time.Minute)
		_, err := h.Current(ctx, idle)
		must(t, err)
		_, err = h.Seen(ctx, "busy", "198.51.100.1")
		must(t, err)
		h.clock.move(time.Minute)
		_, err = h.Current(ctx, idle)
		wantCode(t, err, fault.Unauthenticated)
		if !strings.Contains(fault.Sentence(err), "Nothing was done here") {
			t.Errorf("an idle session ends with %q", fault.Sentence(err))
		}
		if _, found, _ := h.kept.FindCtx(ctx, tenancy.HashSecret("idle")); found {
			t.Error("pages still remember an idle session")
		}
		for range int(tenancy.SessionAbsolute/time.Hour) - 13 {
			h.clock.move(time.Hour)
			session, err := h.Seen(ctx, "busy", "198.51.100.1")
			must(t, err)
			if session.Address != "198.51.100.1" {
				t.Fatalf("last seen from %s", session.Address)
			}
		}
		h.clock.move(2 * time.Hour)
		_, err = h.Seen(ctx, "busy", "198.51.100.1")
		wantCode(t, err, fault.Unauthenticated)
		if !strings.Contains(fault.Sentence(err), "for as long as this site lets anybody") {
			t.Errorf("an old session ends with %q", fault.Sentence(err))
		}
		must(t, h.store.Prune(ctx, h.clock.now()))
		for _, secret := range []string{"idle", "busy"} {
			_, err = h.kept.Session(ctx, tenancy.SessionKey{TokenHash: tenancy.HashSecret(secret)})
			wantCode(t, err, fault.NotFound)
		}
	})
}

func TestTheLastRequestIsNotedOnceAMinute(t *testing.T) {
	everyBrowsers(t, func(t *testing.T, h browsers) {
		id := h.begin(t, "secret", h.ada, tenancy.SignedInBy{})
		began := h.clock.now()
		for _, step := range []struct {
			wait time.Duration
			seen time.Time
		}{{59 * time.Second, began}, {time.Second, began.Add(time.Minute)}, {30 * time.Second, began.Add(time.Minute)}, {time.Hour, began.Add(time.Hour + 90*time.Second)}} {
			h.clock.move(step.wait)
			_, err := h.Seen(t.Context(), "secret", "192.0.2.8")
			must(t, err)
			stored, err := h.kept.Session(t.Context(), tenancy.SessionKey{ID: id})
			must(t, err)
			if !stored.Seen.Equal(step.seen) || !stored.Expires.Equal(step.seen.Add(tenancy.SessionIdle)) {
				t.Errorf("after %s more: seen %s, expires %s", step.wait, stored.Seen, stored.Expires)
			}
		}
	})
}

func TestSessionsAreChosenToEnd(t *testing.T) {
	at := func(issuer, subject, sid string) tenancy.SignedInBy {
		return tenancy.SignedInBy{Provider: "p-" + issuer, Issuer: issuer, Subject: subject, SID: sid}
	}
	for name, one := range map[string]struct {
		where func(h browsers, ids map[string]string) tenancy.SessionsWhere
		ended []string
	}{
		"all of a person": {func(h browsers, _ map[string]string) tenancy.SessionsWhere {
			return tenancy.SessionsWhere{UserID: h.ada.UserID}
		}, []string{"a1", "a2", "a3"}},
		"all but one of a person": {func(h browsers, ids map[string]string) tenancy.SessionsWhere {
			return tenancy.SessionsWhere{UserID: h.ada.UserID, Except: ids["a1"]}
		}, []string{"a2", "a3"}},
		"one of a person": {func(h browsers, ids map[string]string) tenancy.SessionsWhere {
			return tenancy.SessionsWhere{UserID: h.ada.UserID, ID: ids["a2"]}
		}, []string{"a2"}},
		"somebody else's": {func(h browsers, ids map[string]string) tenancy.SessionsWhere {
			return tenancy.SessionsWhere{UserID: h.bob.UserID, ID: ids["a2"]}
		}, nil},
		"of an identity": {func(browsers, map[string]string) tenancy.SessionsWhere {
			return tenancy.SessionsWhere{Issuer: "x", Subject: "1"}
		}, []string{"a2", "a3"}},
		"of a provider's session": {func(browsers, map[string]string) tenancy.SessionsWhere {
			return tenancy.SessionsWhere{Issuer: "x", SID: "s2"}
		}, []string{"a3"}},
		"the sid of another issuer": {func(browsers, map[string]string) tenancy.SessionsWhere {
			return tenancy.SessionsWhere{Issuer: "y", SID: "s2"}
		}, nil},
		"of a provider": {func(browsers, map[string]string) tenancy.SessionsWhere { return tenancy.SessionsWhere{Provider: "p-y"} }, []string{"b1"}},
	} {
		t.Run(name, func(t *testing.T) {
			everyBrowsers(t, func(t *testing.T, h browsers) {
				ids := map[string]string{
					"a1": h.begin(t, "a1", h.ada, tenancy.SignedInBy{}), "a2": h.begin(t, "a2", h.ada, at("x", "1", "s1")),
					"a3": h.begin(t, "a3", h.ada, at("x", "1", "s2")), "b1": h.begin(t, "b1", h.bob, at("y", "1", "s1")),
				}
				heard := map[string]<-chan tenancy.Revocation{}
				for key, id := range ids {
					actor := h.ada
					if key == "b1" {
						actor = h.bob
					}
					rings, stop := h.bell.Listen(actor, id)
					defer stop()
					heard[key] = rings
				}
				n, err := h.EndWhere(t.Context(), one.where(h, ids), "Because.")
				must(t, err)
				if n != len(one.ended) {
					t.Errorf("%d ended, want %d", n, len(one.ended))
				}
				for key, id := range ids {
					_, err := h.Current(t.Context(), id)
					_, remembered, _ := h.kept.FindCtx(t.Context(), tenancy.HashSecret(key))
					rung := len(heard[key]) > 0
					if ended := slices.Contains(one.ended, key); ended != fault.Is(err, fault.Unauthenticated) || ended != rung || ended == remembered {
						t.Errorf("%s: over: %v, told: %v, remembered: %v", key, err, rung, remembered)
					} else if ended {
						if told := <-heard[key]; told.Reason != "Because." || told.SessionID != id {
							t.Errorf("%s was told %+v", key, told)
						}
					}
				}
			})
		})
	}
}

func TestNothingChosenEndsNothing(t *testing.T) {
	everyBrowsers(t, func(t *testing.T, h browsers) {
		id := h.begin(t, "a", h.ada, tenancy.SignedInBy{})
		for _, where := range []tenancy.SessionsWhere{{}, {Issuer: "x"}, {Subject: "1"}, {SID: "s"}, {Except: "other"}} {
			_, err := h.EndWhere(t.Context(), where, "No.")
			wantCode(t, err, fault.Internal)
		}
		_, err := h.Current(t.Context(), id)
		must(t, err)
	})
}

func TestOnlyAdministratorsEndSessionsOfOthers(t *testing.T) {
	everyBrowsers(t, func(t *testing.T, h browsers) {
		ctx := t.Context()
		id := h.begin(t, "a", h.ada, tenancy.SignedInBy{})
		wantCode(t, h.End(ctx, h.bob, id), fault.NotFound)
		missing := h.End(ctx, h.bob, "nothing")
		if got := h.End(ctx, h.bob, id); fault.Sentence(got) != fault.Sentence(missing) {
			t.Errorf("somebody else's session answers %q, a missing one %q", fault.Sentence(got), fault.Sentence(missing))
		}
		_, err := h.EndOf(ctx, h.bob, h.ada.UserID)
		wantCode(t, err, fault.Forbidden)
		_, err = h.ListOf(ctx, h.bob, h.ada.UserID)
		wantCode(t, err, fault.Forbidden)
		admin := h.bob
		admin.SiteAdmin = true
		list, err := h.ListOf(ctx, admin, h.ada.UserID)
		must(t, err)
		n, err := h.EndOf(ctx, admin, h.ada.UserID)
		must(t, err)
		if len(list) != 1 || n != 1 {
			t.Errorf("listed %d, ended %d", len(list), n)
		}
		_, err = h.Current(ctx, id)
		wantCode(t, err, fault.Unauthenticated)
	})
}

func TestARenewedSessionHasOneSecret(t *testing.T) {
	everyBrowsers(t, func(t *testing.T, h browsers) {
		ctx := t.Context()
		id := h.begin(t, "old", h.ada, tenancy.SignedInBy{})
		must(t, h.Renew(ctx, id, "new"))
		_, err := h.Seen(ctx, "old", "")
		wantCode(t, err, fault.Unauthenticated)
		session, err := h.Seen(ctx, "new", "")
		must(t, err)
		if session.ID != id {
			t.Errorf("the session is %s, was %s", session.ID, id)
		}
		// A request that began before, and stores what pages remember only now, does not bring the old secret back.
		must(t, h.kept.CommitCtx(ctx, tenancy.HashSecret("old"), []byte("late"), h.clock.now().Add(time.Hour)))
		_, err = h.Seen(ctx, "old", "")
		wantCode(t, err, fault.Unauthenticated)
		wantCode(t, h.Renew(ctx, "nothing", "x"), fault.NotFound)
	})
}

func TestAChangedPasswordEndsOtherSessions(t *testing.T) {
	everyBrowsers(t, func(t *testing.T, h browsers) {
		ctx := t.Context()
		here, there := h.begin(t, "here", h.ada, tenancy.SignedInBy{}), h.begin(t, "there", h.ada, tenancy.SignedInBy{})
		bobs := h.begin(t, "bob", h.bob, tenancy.SignedInBy{})
		accounts := tenancy.NewAccounts(h.store, h.store, h.store, h.clock.now).WithSessions(h.Sessions)
		h.ada.SessionID = here
		must(t, accounts.SetPassword(ctx, h.ada, "", "", goodPassword))
		for _, id := range []string{here, bobs} {
			_, err := h.Current(ctx, id)
			must(t, err)
		}
		_, err := h.Current(ctx, there)
		wantCode(t, err, fault.Unauthenticated)
	})
}

func TestWhatAnIDTokenIsWithoutItsKey(t *testing.T) {
	everyBrowsers(t, func(t *testing.T, h browsers) {
		id := h.begin(t, "a", h.ada, tenancy.SignedInBy{Provider: "uni", Issuer: "x", Subject: "1", IDToken: "a.b.c"})
		other := h.store.Sessions().WithKeys(seal.Random())
		session, err := other.Session(t.Context(), tenancy.SessionKey{ID: id})
		must(t, err)
		if session.By.IDToken != "" || session.By.Provider != "uni" {
			t.Errorf("got %+v", session.By)
		}
	})
}
