package control_test

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/hostlink"
	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// yard is a controller on real SQLite whose hosts say what a test lets them say.
type yard struct {
	*rig
	tunnel *tunnel
	clock  *clock
}

// errOf drops the value.
func errOf[T any](_ T, err error) error { return err }

func newYard(t *testing.T) *yard {
	t.Helper()
	y := &yard{rig: newRig(t), tunnel: &tunnel{}, clock: &clock{now: time.Now().Truncate(time.Microsecond)}} // as the store keeps it
	c, err := control.New(control.Config{
		Labs: y.store, States: y.store, Site: y.store, HostStore: y.store, Identifiers: y.store, Images: y.store, Blobs: y.blobs, Links: y.links,
		Tunnel: y.tunnel, Now: y.clock.Now,
	})
	must(t, err)
	y.control = c
	ended := make(chan error, 1)
	go func() { ended <- c.Run(context.Background()) }()
	t.Cleanup(func() {
		must(t, c.Close())
		must(t, <-ended)
	})
	return y
}

// join enrols a host; link makes it say things.
func (y *yard) join(name string) string {
	y.t.Helper()
	token, err := y.store.CreateJoinToken(y.t.Context(), control.JoinRequest{})
	must(y.t, err)
	id, err := y.store.Enrol(y.t.Context(), hostlink.Enrolment{Token: token.Secret, Name: name, PublicKey: []byte(name)})
	must(y.t, err)
	return id
}

// link links a host with an address on the underlay, and waits until it is known to be connected.
func (y *yard) link(id, address string) *spoken {
	y.t.Helper()
	s := &spoken{say: make(chan hostapi.Observation, 100), log: []string{"one", "two", "three"}}
	s.describe(address)
	y.links.up(id, s, func() {})
	await(y.t, said("the host to be connected"), func() bool { return y.view(id).Connected })
	return s
}

func (y *yard) view(ref string) control.HostDetail {
	y.t.Helper()
	d, err := y.control.Host(y.t.Context(), admin, ref)
	must(y.t, err)
	return d
}

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// tunnel notes what it is asked for.
type tunnel struct {
	mu      sync.Mutex
	dropped map[string]string // reason by host
	rotated []string
}

func (t *tunnel) Rotate(_ context.Context, hostID string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rotated = append(t.rotated, hostID)
	return nil
}

func (t *tunnel) Drop(hostID, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dropped == nil {
		t.dropped = map[string]string{}
	}
	t.dropped[hostID] = reason
}

func (t *tunnel) reason(hostID string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dropped[hostID]
}

// spoken is a linked host that says what a test lets it say, and notes what it is told.
type spoken struct {
	say chan hostapi.Observation
	log []string

	mu    sync.Mutex
	info  hostapi.HostInfo
	told  [][]hostapi.Peer
	apply error
}

// describe is what the host says of itself from now on.
func (s *spoken) describe(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.info = hostapi.HostInfo{DockerVersion: "1", OVSVersion: "1", CPUs: 4}
	if address != "" {
		s.info.Underlay = netip.MustParseAddr(address)
	}
}

func (s *spoken) described() *hostapi.HostInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := s.info
	return &info
}

// Observe gives the full set and then what is said.
func (s *spoken) Observe(ctx context.Context, each func(hostapi.Observation) error) error {
	for _, o := range []hostapi.Observation{{Host: s.described()}, {Synced: true}} {
		if err := each(o); err != nil {
			return err
		}
	}
	for {
		select {
		case o := <-s.say:
			if err := each(o); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *spoken) SetPeers(_ context.Context, peers []hostapi.Peer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, slices.Clone(peers))
	return nil
}

// peers is the set it was told last, as "name address" in order of names; "never" before the first.
func (s *spoken) peers() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.told) == 0 {
		return "never"
	}
	var words []string
	for _, p := range s.told[len(s.told)-1] {
		words = append(words, p.Name+" "+p.Address.String())
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func (s *spoken) awaitPeers(t *testing.T, want string) {
	t.Helper()
	await(t, func() string { return fmt.Sprintf("the peers %q; they are %q", want, s.peers()) }, func() bool { return s.peers() == want })
}

func (s *spoken) Log(_ context.Context, lines int) ([]string, error) {
	return s.log[max(0, len(s.log)-lines):], nil
}

func (s *spoken) Reached(context.Context, string, map[string][]string) error { return nil }
func (s *spoken) Remove(context.Context, string) error                       { return nil }
func (s *spoken) Synced(context.Context, []string) error                     { return nil }

func (s *spoken) Apply(context.Context, hostapi.LabSpec) error { return s.apply }

func (s *spoken) MissingBlobs(context.Context, []string) ([]string, error) { return nil, nil }
func (s *spoken) PutBlob(context.Context, string, int64, io.Reader) error  { return nil }

// silent is a linked host of an agent that knows of no other hosts.
type silent struct{ control.Host }

// onlyAdmins calls each method that is for administrators of the site.
var onlyAdmins = map[string]func(ctx context.Context, c *control.Controller, a tenancy.Actor, host string) error{
	"Hosts": func(ctx context.Context, c *control.Controller, a tenancy.Actor, _ string) error {
		return errOf(c.Hosts(ctx, a))
	},
	"Host": func(ctx context.Context, c *control.Controller, a tenancy.Actor, host string) error {
		return errOf(c.Host(ctx, a, host))
	},
	"Matrix": func(ctx context.Context, c *control.Controller, a tenancy.Actor, _ string) error {
		return errOf(c.Matrix(ctx, a))
	},
	"WatchHosts": func(ctx context.Context, c *control.Controller, a tenancy.Actor, _ string) error {
		return errOf(c.WatchHosts(ctx, a))
	},
	"CreateJoinToken": func(ctx context.Context, c *control.Controller, a tenancy.Actor, _ string) error {
		return errOf(c.CreateJoinToken(ctx, a, control.JoinRequest{}))
	},
	"JoinTokens": func(ctx context.Context, c *control.Controller, a tenancy.Actor, _ string) error {
		return errOf(c.JoinTokens(ctx, a))
	},
	"DeleteJoinToken": func(ctx context.Context, c *control.Controller, a tenancy.Actor, _ string) error {
		return c.DeleteJoinToken(ctx, a, "x")
	},
	"ChangeHost": func(ctx context.Context, c *control.Controller, a tenancy.Actor, host string) error {
		name := "host-z"
		return errOf(c.ChangeHost(ctx, a, host, control.HostChange{Name: &name}))
	},
	"RotateHostKey": func(ctx context.Context, c *control.Controller, a tenancy.Actor, host string) error {
		return c.RotateHostKey(ctx, a, host)
	},
	"RevokeHost": func(ctx context.Context, c *control.Controller, a tenancy.Actor, host string) error {
		return c.RevokeHost(ctx, a, host)
	},
	"RemoveHost": func(ctx context.Context, c *control.Controller, a tenancy.Actor, host string) error {
		return c.RemoveHost(ctx, a, host)
	},
	"HostLog": func(ctx context.Context, c *control.Controller, a tenancy.Actor, host string) error {
		return errOf(c.HostLog(ctx, a, host, 0))
	},
	"Offers": func(ctx context.Context, c *control.Controller, a tenancy.Actor, _ string) error {
		return errOf(c.Offers(ctx, a))
	},
	"SaveOffer": func(ctx context.Context, c *control.Controller, a tenancy.Actor, host string) error {
		return c.SaveOffer(ctx, a, control.Offer{Network: "campus", Devices: map[string]string{host: "eno2"}})
	},
	"DeleteOffer": func(ctx context.Context, c *control.Controller, a tenancy.Actor, _ string) error {
		return c.DeleteOffer(ctx, a, "campus")
	},
}

func TestOnlyAdministratorsOfTheSiteSeeAndChangeHosts(t *testing.T) {
	y := newYard(t)
	id := y.join("host-a")
	for method, call := range onlyAdmins {
		t.Run(method, func(t *testing.T) {
			if err := call(t.Context(), y.control, y.eve, id); !fault.Is(err, fault.Forbidden) {
				t.Errorf("an owner of a workspace got %v", err)
			}
			if err := call(t.Context(), y.control, tenancy.Actor{}, id); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("nobody got %v", err)
			}
		})
	}
	if v := y.view(id); v.Name != "host-a" || v.Revoked {
		t.Errorf("somebody changed the host: %+v", v.HostView)
	}
	if y.tunnel.reason(id) != "" || len(y.tunnel.rotated) > 0 {
		t.Error("somebody reached the host's link")
	}
	if all, err := y.control.Offers(t.Context(), admin); err != nil || len(all) > 0 {
		t.Errorf("somebody offered %+v %v", all, err)
	}
}

func TestAHostThatIsNotThereIsNotFound(t *testing.T) {
	y := newYard(t)
	c, ctx := y.control, t.Context()
	drained := true
	for method, err := range map[string]error{
		"Host":          errOf(c.Host(ctx, admin, "nobody")),
		"ChangeHost":    errOf(c.ChangeHost(ctx, admin, "nobody", control.HostChange{Drained: &drained})),
		"RotateHostKey": c.RotateHostKey(ctx, admin, "nobody"),
		"RevokeHost":    c.RevokeHost(ctx, admin, "nobody"),
		"RemoveHost":    c.RemoveHost(ctx, admin, "nobody"),
		"HostLog":       errOf(c.HostLog(ctx, admin, "nobody", 1)),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func TestAHostIsChangedAsAsked(t *testing.T) {
	y := newYard(t)
	id := y.join("host-a")
	y.join("host-b")
	y.link(id, "")
	name, labels, drained, tenants := "rack-1", map[string]string{"rack": "1"}, true, []string{"beta", "alpha", "beta"}
	v, err := y.control.ChangeHost(t.Context(), admin, "host-a", control.HostChange{
		Name: &name, Labels: &labels, Drained: &drained, Tenants: &tenants, OverCommit: &control.OverCommit{CPU: 2, Memory: 1.5},
	})
	must(t, err)
	if v.Name != "rack-1" || v.Labels["rack"] != "1" || !v.Drained || !slices.Equal(v.Tenants, []string{"alpha", "beta"}) || v.OverCommit.CPU != 2 || v.OverCommit.Memory != 1.5 || !v.Connected {
		t.Errorf("%+v", v)
	}
	v, err = y.control.ChangeHost(t.Context(), admin, "rack-1", control.HostChange{})
	must(t, err)
	if v.Name != "rack-1" || !v.Drained || len(v.Tenants) != 2 {
		t.Errorf("a change of nothing changed %+v", v)
	}
	must(t, y.control.RevokeHost(t.Context(), admin, id))
	if _, err := y.control.ChangeHost(t.Context(), admin, id, control.HostChange{Name: &name}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a revoked host was changed: %v", err)
	}
}

func TestAChangeThatMakesNoSenseIsRefusedInWords(t *testing.T) {
	y := newYard(t)
	id := y.join("host-a")
	y.join("host-b")
	text := func(s string) *string { return &s }
	labels := func(k, v string) *map[string]string { return &map[string]string{k: v} }
	many := map[string]string{}
	for i := range 33 {
		many[fmt.Sprint("k", i)] = ""
	}
	for name, c := range map[string]struct {
		change control.HostChange
		code   fault.Code
		field  string
		words  string
	}{
		"a name with capitals":         {control.HostChange{Name: text("Host")}, fault.Invalid, "name", "lower-case letters"},
		"no name":                      {control.HostChange{Name: text("")}, fault.Invalid, "name", "is no name for a host"},
		"a name of 64 letters":         {control.HostChange{Name: text(strings.Repeat("a", 64))}, fault.Invalid, "name", "63"},
		"a name that ends in a hyphen": {control.HostChange{Name: text("a-")}, fault.Invalid, "name", "first and last"},
		"a name that is taken":         {control.HostChange{Name: text("host-b")}, fault.Conflict, "name", "host-b already"},
		"a key with a space":           {control.HostChange{Labels: labels("my rack", "1")}, fault.Invalid, "labels", `"my rack" is no key`},
		"a value with a slash":         {control.HostChange{Labels: labels("rack", "a/b")}, fault.Invalid, "labels", "label rack"},
		"the label that is the name":   {control.HostChange{Labels: labels("host", "x")}, fault.Invalid, "labels", "name already"},
		"33 labels":                    {control.HostChange{Labels: &many}, fault.Invalid, "labels", "32 labels at most"},
		"too much over-commit":         {control.HostChange{OverCommit: &control.OverCommit{CPU: 101}}, fault.Invalid, "overCommit.cpu", "between 0.1 and 100"},
		"too little over-commit":       {control.HostChange{OverCommit: &control.OverCommit{Memory: 0.01}}, fault.Invalid, "overCommit.memory", "between 0.1 and 100"},
		"less than no over-commit":     {control.HostChange{OverCommit: &control.OverCommit{Memory: -1}}, fault.Invalid, "overCommit.memory", "between 0.1 and 100"},
		"a workspace that is not":      {control.HostChange{Tenants: &[]string{"gamma"}}, fault.Invalid, "tenants", "gamma"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := y.control.ChangeHost(t.Context(), admin, id, c.change)
			wantComplaint(t, err, c.code, c.field, c.words)
			if v := y.view(id); v.Name != "host-a" || len(v.Labels) > 0 || len(v.Tenants) > 0 {
				t.Errorf("something was changed all the same: %+v", v.HostView)
			}
		})
	}
}

func wantComplaint(t *testing.T, err error, code fault.Code, field, words string) {
	t.Helper()
	said := fault.Public(err)
	if said.Code != code || said.Field != field || !strings.Contains(said.Sentence, words) {
		t.Errorf("%s in %q: %s (%v)", said.Code, said.Field, said.Sentence, err)
	}
}
