package store_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline/hostlink"
	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/place"
	"trunkline/store"
	"trunkline/tenancy"
)

func TestWhatAnAdministratorSaysOfAHostIsKept(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		_, hostID := seed(t, s)
		other := enrol(t, s, "host-b")
		changed, err := s.ChangeHost(t.Context(), hostID, func(h *control.HostRecord) error {
			h.Name, h.Labels, h.Drained, h.Tenants = "rack1", map[string]string{"zone": "a"}, true, []string{beta}
			h.OverCommit = control.OverCommit{CPU: 4, Memory: 1.5}
			return nil
		})
		must(t, err)
		for _, ref := range []string{hostID, "rack1"} {
			got, err := s.HostRecord(t.Context(), ref)
			must(t, err)
			if diff := cmp.Diff(changed, got, sameRecord); diff != "" || !got.Drained || got.OverCommit.Memory != 1.5 || got.Tenants[0] != beta || got.Labels["zone"] != "a" {
				t.Errorf("by %s (-changed +read):\n%s", ref, diff)
			}
		}
		listed, err := s.Hosts(t.Context())
		must(t, err)
		if diff := cmp.Diff(changed, listed[1], sameRecord); diff != "" {
			t.Errorf("in the list (-changed +read):\n%s", diff)
		}
		for name, change := range map[string]struct {
			id     string
			change func(*control.HostRecord) error
			code   fault.Code
		}{
			"a name that another host has":     {other, func(h *control.HostRecord) error { h.Name = "rack1"; return nil }, fault.Conflict},
			"a workspace that does not exist":  {other, func(h *control.HostRecord) error { h.Tenants = []string{"gamma"}; return nil }, fault.Invalid},
			"a change that refuses":            {other, func(*control.HostRecord) error { return fault.New(fault.Invalid, "No.") }, fault.Invalid},
			"a host that does not exist":       {"nobody", func(*control.HostRecord) error { return nil }, fault.NotFound},
			"a change that clears what it set": {hostID, func(h *control.HostRecord) error { h.Drained, h.Labels, h.Tenants = false, nil, nil; return nil }, ""},
		} {
			if _, err := s.ChangeHost(t.Context(), change.id, change.change); fault.CodeOf(err) != change.code {
				t.Errorf("%s: %v", name, err)
			}
		}
		got, err := s.HostRecord(t.Context(), hostID)
		must(t, err)
		if got.Drained || len(got.Labels) != 0 || len(got.Tenants) != 0 || got.Name != "rack1" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestARevokedHostIsRefusedButSeenUntilItIsRemoved(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		_, hostID := seed(t, s)
		must(t, s.RevokeHost(t.Context(), hostID))
		first, err := s.HostRecord(t.Context(), hostID)
		must(t, err)
		must(t, s.RevokeHost(t.Context(), hostID)) // again
		if _, err := s.HostKeys(t.Context(), hostID); !errors.Is(err, hostlink.ErrHostRevoked) {
			t.Errorf("its keys: %v", err)
		}
		hosts, err := s.Hosts(t.Context())
		must(t, err)
		revoked, err := s.RevokedHosts(t.Context())
		must(t, err)
		if len(hosts) != 0 || len(revoked) != 1 || !revoked[0].RevokedAt.Equal(first.RevokedAt) || first.RevokedAt.IsZero() {
			t.Errorf("%d hosts, revoked %+v", len(hosts), revoked)
		}
		must(t, s.RemoveHost(t.Context(), hostID))
		_, err = s.HostRecord(t.Context(), hostID)
		wantCode(t, err, fault.NotFound)
		wantCode(t, s.RemoveHost(t.Context(), hostID), fault.NotFound)
		wantCode(t, s.RevokeHost(t.Context(), hostID), fault.NotFound)
		if _, err := s.HostKeys(t.Context(), hostID); !errors.Is(err, hostlink.ErrHostUnknown) {
			t.Errorf("its keys: %v", err)
		}
	})
}

// put places nodes of a lab on a host, each promised the same.
func put(t *testing.T, s *store.Store, r *control.Record, hostID string, needs place.Amount, nodes ...string) {
	t.Helper()
	_, err := s.ChangeDesired(t.Context(), tenancy.InTenant(r.Tenant), r.ID, func(r *control.Record) error {
		r.Desired.Want = control.WantRun
		for _, node := range nodes {
			r.Desired.Places[node] = control.Place{HostID: hostID, Needs: needs}
		}
		return nil
	})
	must(t, err)
}

func TestWhatHostsHavePromisedIsCountedAndKeepsThemFromBeingRemoved(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		_, a := seed(t, s)
		b := enrol(t, s, "host-b")
		one, two, theirs := createLab(t, s, alpha, "one"), createLab(t, s, alpha, "two"), createLab(t, s, beta, "one")
		put(t, s, one, a, place.Amount{CPU: 0.5, Memory: 3 << 30, PIDs: 1024, Interfaces: 2}, "r1", "r2")
		put(t, s, one, b, place.Amount{CPU: 1, Memory: 1 << 30}, "r3")
		put(t, s, two, a, place.Amount{CPU: 0.25, Memory: 1 << 30, PIDs: 100, Interfaces: 1}, "r1")
		put(t, s, theirs, a, place.Amount{CPU: 2}, "r1")
		given, err := s.Given(t.Context(), "")
		must(t, err)
		want := map[string]control.Given{
			a: {Amount: place.Amount{CPU: 3.25, Memory: 7 << 30, PIDs: 2148, Interfaces: 5}, Nodes: 4, Labs: 3, TenantLabs: map[string]int{alpha: 2, beta: 1}},
			b: {Amount: place.Amount{CPU: 1, Memory: 1 << 30}, Nodes: 1, Labs: 1, TenantLabs: map[string]int{alpha: 1}},
		}
		if diff := cmp.Diff(want, given); diff != "" {
			t.Errorf("given:\n%s", diff)
		}
		given, err = s.Given(t.Context(), one.ID)
		must(t, err)
		want = map[string]control.Given{
			a: {Amount: place.Amount{CPU: 2.25, Memory: 1 << 30, PIDs: 100, Interfaces: 1}, Nodes: 2, Labs: 2, TenantLabs: map[string]int{alpha: 1, beta: 1}},
		}
		if diff := cmp.Diff(want, given); diff != "" {
			t.Errorf("given to other labs:\n%s", diff)
		}
		placed, err := s.PlacedOn(t.Context(), a)
		must(t, err)
		if diff := cmp.Diff([]control.HostLab{
			{ID: one.ID, Name: "one", Tenant: alpha, State: control.Stored, Nodes: 2},
			{ID: two.ID, Name: "two", Tenant: alpha, State: control.Stored, Nodes: 1},
			{ID: theirs.ID, Name: "one", Tenant: beta, State: control.Stored, Nodes: 1},
		}, placed); diff != "" {
			t.Errorf("placed on it:\n%s", diff)
		}
		for id, says := range map[string]string{a: "3 labs are placed", b: "A lab is placed"} {
			err := s.RemoveHost(t.Context(), id)
			wantCode(t, err, fault.Conflict)
			if !strings.Contains(fault.Sentence(err), says) {
				t.Errorf("%q does not say %q", fault.Sentence(err), says)
			}
		}
		must(t, s.DeleteLab(t.Context(), inAlpha, one.ID))
		for deploy, code := range []fault.Code{"", fault.Conflict} { // a deploy that settled does not go back, one under way may
			c := enrol(t, s, "host-c")
			_, err = s.ChangeDesired(t.Context(), inAlpha, two.ID, func(r *control.Record) error {
				r.Desired.Deploy, r.Desired.Back = int64(deploy), &control.Deployment{Places: map[string]control.Place{"r1": {HostID: c}}}
				return nil
			})
			must(t, err)
			if err := s.RemoveHost(t.Context(), c); fault.CodeOf(err) != code {
				t.Errorf("deploy %d: %v", deploy, err)
			}
		}
		must(t, s.RemoveHost(t.Context(), b))
		_, err = s.ChangeDesired(t.Context(), inAlpha, two.ID, func(r *control.Record) error {
			r.Desired.Places["r2"] = control.Place{HostID: b}
			return nil
		})
		wantCode(t, err, fault.Conflict)
	})
}

func newKey(t *testing.T) ed25519.PublicKey {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	must(t, err)
	return public
}

func TestAHostHasTwoKeysWhileOneIsChanged(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		_, hostID := seed(t, s)
		other := enrol(t, s, "host-b")
		old, err := s.HostKey(ctx, hostID)
		must(t, err)
		foreign, err := s.HostKey(ctx, other)
		must(t, err)
		wantKeys := func(want ...ed25519.PublicKey) {
			t.Helper()
			keys, err := s.HostKeys(ctx, hostID)
			must(t, err)
			if diff := cmp.Diff(want, keys); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
		}
		wantKeys(old)
		next, third := newKey(t), newKey(t)
		must(t, s.AddKey(ctx, hostID, old)) // it has it
		must(t, s.AddKey(ctx, hostID, next))
		must(t, s.AddKey(ctx, hostID, next))
		wantKeys(old, next)
		wantCode(t, s.AddKey(ctx, hostID, foreign), fault.Conflict)
		wantCode(t, s.AddKey(ctx, other, next), fault.Conflict)
		wantCode(t, s.KeepOnly(ctx, hostID, third), fault.Conflict)
		wantCode(t, s.KeepOnly(ctx, hostID, foreign), fault.Conflict)
		must(t, s.KeepOnly(ctx, hostID, next))
		wantKeys(next)
		h, err := s.HostRecord(ctx, hostID)
		must(t, err)
		if h.RotatedAt.IsZero() {
			t.Error("nobody sees when the key was changed")
		}
		must(t, s.KeepOnly(ctx, hostID, next)) // again
		must(t, s.AddKey(ctx, hostID, third))
		must(t, s.KeepOnly(ctx, hostID, next)) // the change was given up
		wantKeys(next)
		if again, err := s.HostRecord(ctx, hostID); err != nil || !again.RotatedAt.Equal(h.RotatedAt) {
			t.Errorf("keeping the key counts as a change: %v, %v", again.RotatedAt, err)
		}
		must(t, s.AddKey(ctx, other, old)) // nobody's any more
		must(t, s.RevokeHost(ctx, hostID))
		for _, err := range []error{s.AddKey(ctx, hostID, third), s.KeepOnly(ctx, hostID, next)} {
			if !errors.Is(err, hostlink.ErrHostRevoked) {
				t.Errorf("of a revoked host: %v", err)
			}
		}
	})
}

func TestJoinTokensAreListedUntilTheyAreUsedDeletedOrExpired(t *testing.T) {
	everyAddress(t, func(t *testing.T, address string) {
		ctx := t.Context()
		c := &clock{at: time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)}
		s := openWith(t, store.Config{URL: address, Now: c.now})
		named, err := s.CreateJoinToken(ctx, control.JoinRequest{Name: "host-a", Labels: map[string]string{"rack": "1"}, Life: 30 * 24 * time.Hour})
		must(t, err)
		c.move(time.Second)
		plain, err := s.CreateJoinToken(ctx, control.JoinRequest{})
		must(t, err)
		if !strings.HasPrefix(named.Secret, "tlj_") || named.Secret == plain.Secret || !plain.ExpiresAt.Equal(c.now().Add(time.Hour)) {
			t.Errorf("got %+v and %+v", named, plain)
		}
		for _, life := range []time.Duration{-time.Second, 31 * 24 * time.Hour} {
			_, err := s.CreateJoinToken(ctx, control.JoinRequest{Life: life})
			wantCode(t, err, fault.Invalid)
		}
		listed := func() []control.JoinToken {
			t.Helper()
			tokens, err := s.JoinTokens(ctx)
			must(t, err)
			return tokens
		}
		secret := named.Secret
		named.Secret, plain.Secret = "", ""
		if diff := cmp.Diff([]control.JoinToken{named, plain}, listed(), sameRecord); diff != "" {
			t.Errorf("listed:\n%s", diff)
		}
		wantCode(t, s.DeleteJoinToken(ctx, "nothing"), fault.NotFound)
		must(t, s.DeleteJoinToken(ctx, plain.ID))
		_, err = s.Enrol(ctx, hostlink.Enrolment{Token: secret, Name: "x", PublicKey: newKey(t)})
		must(t, err)
		if left := listed(); len(left) != 0 {
			t.Errorf("still listed: %+v", left)
		}
		wantCode(t, s.DeleteJoinToken(ctx, named.ID), fault.NotFound)
		_, err = s.CreateJoinToken(ctx, control.JoinRequest{})
		must(t, err)
		c.move(time.Hour)
		if left := listed(); len(left) != 0 {
			t.Errorf("an expired one is listed: %+v", left)
		}
		enrolAgain := func() error {
			_, err := s.Enrol(ctx, hostlink.Enrolment{Token: secret, Name: "x", PublicKey: newKey(t)})
			return err
		}
		must(t, s.Prune(ctx, c.now().Add(29*24*time.Hour)))
		if err := enrolAgain(); !errors.Is(err, hostlink.ErrTokenUsed) {
			t.Errorf("a month later: %v", err)
		}
		must(t, s.Prune(ctx, c.now().Add(30*24*time.Hour)))
		if err := enrolAgain(); !errors.Is(err, hostlink.ErrTokenUnknown) {
			t.Errorf("after that: %v", err)
		}
	})
}

func TestAHostBringsItsLabelsWhereItsTokenHasNone(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		for name, c := range map[string]struct{ token, want map[string]string }{
			"host-a": {nil, map[string]string{"rack": "own"}},
			"host-b": {map[string]string{}, map[string]string{"rack": "own"}},
			"host-c": {map[string]string{"rack": "token"}, map[string]string{"rack": "token"}},
		} {
			secret := joinToken(t, s, control.JoinRequest{Labels: c.token})
			_, err := s.Enrol(t.Context(), hostlink.Enrolment{Token: secret, Name: name, PublicKey: newKey(t), Labels: map[string]string{"rack": "own"}})
			must(t, err)
			h, err := s.HostRecord(t.Context(), name)
			must(t, err)
			if diff := cmp.Diff(c.want, h.Labels); diff != "" {
				t.Errorf("%s:\n%s", name, diff)
			}
		}
	})
}

func TestAJoinTokenIsUsedOnceByManyAtOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, s *store.Store) {
		secret := joinToken(t, s, control.JoinRequest{})
		var joined atomic.Int32
		var all sync.WaitGroup
		for range 16 {
			key := newKey(t)
			all.Go(func() {
				_, err := s.Enrol(context.Background(), hostlink.Enrolment{Token: secret, Name: "host", PublicKey: key})
				switch {
				case err == nil:
					joined.Add(1)
				case !errors.Is(err, hostlink.ErrTokenUsed):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if joined.Load() != 1 {
			t.Errorf("%d hosts joined by one token", joined.Load())
		}
	})
}
