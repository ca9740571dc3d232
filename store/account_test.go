package store_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/hostlink"
	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/store"
	"trunkline/tenancy"
)

var _ hostlink.Authority = (*store.Store)(nil)

const goodPassword = "three words in a row"

// accounts begin now: the store has its own clock, and must not find everything expired.
func accounts(s *store.Store) (*tenancy.Accounts, *clock) {
	c := &clock{at: time.Now().UTC().Truncate(time.Second)}
	return tenancy.NewAccounts(s, s, s, c.now), c
}

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }
func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	c.at = c.at.Add(d)
	c.mu.Unlock()
}

func TestTheFirstAdministratorComesInByLinkAndThenByPassword(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		a, _ := accounts(s)
		ctx := t.Context()
		early, err := a.AdministratorLink(ctx)
		must(t, err)
		link, err := a.AdministratorLink(ctx) // a second start
		must(t, err)
		_, err = a.UseSignInLink(ctx, early)
		wantCode(t, err, fault.Unauthenticated)
		actor, err := a.UseSignInLink(ctx, link)
		must(t, err)
		if !actor.SiteAdmin || actor.TenantID != tenancy.DefaultTenant || actor.Role != tenancy.Owner {
			t.Fatalf("got %+v", actor)
		}
		_, err = a.UseSignInLink(ctx, link)
		wantCode(t, err, fault.Unauthenticated)
		wantCode(t, a.SetPassword(ctx, actor, "ada@example.net", "Ada", "short"), fault.Invalid)
		must(t, a.SetPassword(ctx, actor, " Ada@Example.net ", "Ada", goodPassword))
		again, err := a.SignIn(ctx, "ada@example.NET", goodPassword, "192.0.2.1")
		must(t, err)
		if again.UserID != actor.UserID || again.UserName != "Ada" {
			t.Errorf("got %+v", again)
		}
		administrators, err := s.Administrators(ctx)
		must(t, err)
		if len(administrators) != 1 {
			t.Errorf("%d administrators after two starts", len(administrators))
		}
	})
}

func TestALinkExpires(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		a, c := accounts(s)
		link, err := a.AdministratorLink(t.Context())
		must(t, err)
		c.move(25 * time.Hour)
		_, err = a.UseSignInLink(t.Context(), link)
		wantCode(t, err, fault.Unauthenticated)
	})
}

func TestALinkIsUsedOnceByTwoAtOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		a, _ := accounts(s)
		link, err := a.AdministratorLink(t.Context())
		must(t, err)
		var won atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, err := a.UseSignInLink(t.Context(), link); err == nil {
					won.Add(1)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("the link worked %d times", won.Load())
		}
	})
}

func TestWrongNameAndWrongPasswordAnswerAlike(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		a, _ := accounts(s)
		user, err := a.Administrator(t.Context())
		must(t, err)
		must(t, a.SetPassword(t.Context(), tenancy.Actor{UserID: user.ID}, "ada", "", goodPassword))
		var sentences []string
		for _, try := range [][2]string{{"ada", "not the password"}, {"bob", goodPassword}, {"", ""}, {"not an address!", goodPassword}} {
			_, err := a.SignIn(t.Context(), try[0], try[1], "192.0.2.1")
			wantCode(t, err, fault.Unauthenticated)
			sentences = append(sentences, fault.Sentence(err))
		}
		for _, sentence := range sentences {
			if sentence != sentences[0] {
				t.Errorf("%q differs from %q", sentence, sentences[0])
			}
		}
	})
}

func TestAnAdministratorWithoutPasswordCannotSignInWithNone(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		a, _ := accounts(s)
		_, err := a.Administrator(t.Context())
		must(t, err)
		_, err = a.SignIn(t.Context(), "", "", "192.0.2.1")
		wantCode(t, err, fault.Unauthenticated)
	})
}

func TestGuessingIsSlowedDown(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		a, c := accounts(s)
		var err error
		tries := 0
		for ; tries < 50 && !fault.Is(err, fault.Exhausted); tries++ {
			_, err = a.SignIn(t.Context(), "ada", "a guess", "192.0.2.1")
		}
		if tries > 15 {
			t.Fatalf("%d guesses at one account passed", tries)
		}
		c.move(time.Minute)
		_, err = a.SignIn(t.Context(), "ada", "a guess", "192.0.2.1")
		wantCode(t, err, fault.Unauthenticated)
	})
}

func TestATokenStandsForItsUserUntilItIsRevoked(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		a, c := accounts(s)
		ctx := t.Context()
		user, err := a.Administrator(ctx)
		must(t, err)
		actor, err := a.ActorOf(ctx, user.ID, "")
		must(t, err)
		token, secret, err := a.CreateToken(ctx, actor, tenancy.TokenRequest{Name: "ci"})
		must(t, err)
		if !strings.HasPrefix(secret, tenancy.TokenPrefix) || !strings.HasPrefix(secret, token.Prefix) {
			t.Errorf("secret %q, prefix %q", secret, token.Prefix)
		}
		_, _, err = a.CreateToken(ctx, actor, tenancy.TokenRequest{Name: "ci"})
		wantCode(t, err, fault.Conflict)
		c.move(time.Hour)
		by, err := a.ActorOfToken(ctx, secret)
		must(t, err)
		if by.UserID != user.ID || by.TokenID != token.ID || by.TenantID != tenancy.DefaultTenant {
			t.Errorf("got %+v", by)
		}
		listed, err := a.Tokens(ctx, actor)
		must(t, err)
		if len(listed) != 1 || !listed[0].LastUsed.Equal(c.now()) {
			t.Errorf("listed %+v", listed)
		}
		wantCode(t, a.RevokeToken(ctx, tenancy.Actor{UserID: "somebody else", Role: tenancy.Owner}, token.ID), fault.NotFound)
		must(t, a.RevokeToken(ctx, actor, token.ID))
		for _, bad := range []string{secret, "", "tlk_", "tlk_" + strings.Repeat("x", 43)} {
			_, err = a.ActorOfToken(ctx, bad)
			wantCode(t, err, fault.Unauthenticated)
		}
	})
}

func TestTheAdministratorsTokenReplacesTheOneOfAnEarlierStart(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		a, c := accounts(s)
		first, err := a.AdministratorToken(t.Context(), "this machine", time.Hour)
		must(t, err)
		second, err := a.AdministratorToken(t.Context(), "this machine", time.Hour)
		must(t, err)
		_, err = a.ActorOfToken(t.Context(), first)
		wantCode(t, err, fault.Unauthenticated)
		actor, err := a.ActorOfToken(t.Context(), second)
		must(t, err)
		if !actor.SiteAdmin {
			t.Errorf("got %+v", actor)
		}
		c.move(2 * time.Hour)
		_, err = a.ActorOfToken(t.Context(), second)
		wantCode(t, err, fault.Unauthenticated)
	})
}

func TestAMemberOfOneTenantIsNobodyInAnother(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		seed(t, s)
		a, _ := accounts(s)
		must(t, s.SaveUser(t.Context(), tenancy.User{ID: "eve", Email: "eve"}))
		must(t, s.EnsureTenant(t.Context(), alpha, alpha, tenancy.Membership{UserID: "eve", TenantID: alpha, Role: tenancy.Observer}))
		_, err := a.ActorOf(t.Context(), "eve", beta)
		_, missing := a.ActorOf(t.Context(), "eve", "no such tenant")
		wantCode(t, err, fault.NotFound)
		if err.Error() != missing.Error() {
			t.Errorf("%v differs from %v", err, missing)
		}
		_, err = a.ActorOf(t.Context(), "gone", "")
		wantCode(t, err, fault.Unauthenticated)
	})
}

func TestTwoPeopleCannotHaveOneAddress(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		must(t, s.SaveUser(t.Context(), tenancy.User{ID: "1", Email: "ada"}))
		must(t, s.SaveUser(t.Context(), tenancy.User{ID: "2"}))
		must(t, s.SaveUser(t.Context(), tenancy.User{ID: "3"}))
		wantCode(t, s.SaveUser(t.Context(), tenancy.User{ID: "2", Email: "ada"}), fault.Conflict)
	})
}

func TestAJoinTokenEnrolsOneHost(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		token := joinToken(t, s, control.JoinRequest{Labels: map[string]string{"rack": "1"}})
		enrol := func(token string, key byte) (string, error) {
			return s.Enrol(ctx, hostlink.Enrolment{Token: token, Name: "host-a", PublicKey: []byte{key}})
		}
		id, err := enrol(token, 1)
		must(t, err)
		_, err = enrol(token, 2)
		if !errors.Is(err, hostlink.ErrTokenUsed) {
			t.Errorf("second use: %v", err)
		}
		_, err = enrol("tlj_unknown", 2)
		if !errors.Is(err, hostlink.ErrTokenUnknown) {
			t.Errorf("unknown: %v", err)
		}
		stale := joinToken(t, s, control.JoinRequest{Life: time.Nanosecond})
		_, err = enrol(stale, 2)
		if !errors.Is(err, hostlink.ErrTokenExpired) {
			t.Errorf("expired: %v", err)
		}
		key, err := s.HostKey(ctx, id)
		must(t, err)
		if len(key) != 1 || key[0] != 1 {
			t.Errorf("key %v", key)
		}
		_, err = s.HostKey(ctx, "nobody")
		if !errors.Is(err, hostlink.ErrHostUnknown) {
			t.Errorf("unknown host: %v", err)
		}
		other := joinToken(t, s, control.JoinRequest{})
		_, err = enrol(other, 3)
		must(t, err)
		must(t, s.SaveHostInfo(ctx, id, hostapi.HostInfo{Name: "host-a", CPUs: 2}))
		at := time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)
		must(t, s.Seen(ctx, id, hostlink.Sighting{At: at, Addr: "192.0.2.7:1", Epoch: 3}))
		hosts, err := s.Hosts(ctx)
		must(t, err)
		if len(hosts) != 2 || hosts[0].Name != "host-a" || hosts[0].Info.CPUs != 2 || !hosts[0].LastSeen.Equal(at) || !strings.HasPrefix(hosts[1].Name, "host-a-") {
			t.Errorf("hosts %+v", hosts)
		}
	})
}

func TestSessionsExpireAndArePruned(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		sessions := s.Sessions()
		must(t, sessions.CommitCtx(ctx, "a", []byte("1"), time.Now().Add(time.Hour)))
		must(t, sessions.CommitCtx(ctx, "a", []byte("2"), time.Now().Add(time.Hour)))
		must(t, sessions.CommitCtx(ctx, "old", []byte("3"), time.Now().Add(-time.Hour)))
		data, found, err := sessions.FindCtx(ctx, "a")
		if err != nil || !found || string(data) != "2" {
			t.Errorf("%q, %v, %v", data, found, err)
		}
		if _, found, err := sessions.FindCtx(ctx, "old"); found || err != nil {
			t.Errorf("an expired session was found: %v", err)
		}
		must(t, s.Prune(ctx, time.Now()))
		if _, found, _ := sessions.FindCtx(ctx, "a"); !found {
			t.Error("a live session was pruned")
		}
		must(t, s.Prune(ctx, time.Now().Add(2*time.Hour)))
		must(t, sessions.DeleteCtx(ctx, "a"))
		if _, found, _ := sessions.FindCtx(ctx, "a"); found {
			t.Error("a session outlived its pruning")
		}
	})
}
