package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/hostlink"
	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/host"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// site is a whole controller, as trunkline serve runs it, that can be restarted on its port and its data.
type site struct {
	*Controller
	t        *testing.T
	settings Settings
	admin    tenancy.Actor
	stop     func()
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, settings: Settings{Listen: "127.0.0.1:0", Data: t.TempDir(), LostAfter: time.Hour, Log: slog.New(slog.DiscardHandler)}}
	s.start()
	t.Cleanup(func() { s.stop() })
	administrator, err := s.accounts.Administrator(t.Context())
	must(t, err)
	s.admin, err = s.accounts.ActorOf(t.Context(), administrator.ID, "")
	must(t, err)
	s.settings.Listen = strings.TrimPrefix(s.LocalURL, "http://")
	return s
}

func (s *site) start() {
	s.t.Helper()
	c, err := Open(s.t.Context(), s.settings)
	must(s.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	s.Controller = c
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("the controller ended with %v", err)
		}
	})
}

func (s *site) restart() {
	s.t.Helper()
	s.stop()
	s.start()
}

func (s *site) view(name string) control.HostDetail {
	s.t.Helper()
	view, err := s.labs.Host(s.t.Context(), s.admin, name)
	must(s.t, err)
	return view
}

func (s *site) awaitLinked(names ...string) {
	s.t.Helper()
	for _, name := range names {
		await(s.t, name+" to be linked", func() bool { return s.view(name).Connected })
	}
}

// outpost is a compute host without root that joined by a token and keeps a real link.
type outpost struct {
	t    *testing.T
	fake *fakehost.Host
	file string // its identity

	mu    sync.Mutex
	state hostlink.State
}

// join makes a host join by a join token of its own, as its join command does, and run until the test ends.
func (s *site) join(name, underlay string) *outpost {
	s.t.Helper()
	token, err := s.labs.CreateJoinToken(s.t.Context(), s.admin, control.JoinRequest{Name: name})
	must(s.t, err)
	dir := s.t.TempDir()
	o := &outpost{t: s.t, fake: fakehost.New(fakehost.Config{Images: []string{"trunkline/tiny"}}), file: filepath.Join(dir, "identity.json")}
	o.fake.SetUnderlay(netip.MustParseAddr(underlay), 1500)
	identity, err := hostlink.Enrol(s.t.Context(), s.LocalURL, token.Secret, "", nil)
	must(s.t, err)
	must(s.t, hostlink.SaveIdentity(o.file, identity))
	o.run(dir, identity)
	return o
}

func (o *outpost) run(dir string, identity hostlink.Identity) {
	x, err := host.New(host.Config{
		HostID: identity.HostID, Name: identity.Name, StateDir: dir, Engine: o.fake.Engine(), Fabric: o.fake.Fabric(),
		Tail: func(int) []string { return []string{"a line of " + identity.Name} },
	})
	must(o.t, err)
	link, err := hostlink.NewAgent(hostlink.AgentConfig{
		Identity: identity, Keep: func(id hostlink.Identity) error { return hostlink.SaveIdentity(o.file, id) },
		Handler: hostapi.Handler(x), Lasting: func(r *http.Request) bool { return r.URL.Path == "/v1/observe" }, OnState: o.note,
	})
	must(o.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{x.Run, link.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				o.t.Errorf("a host ended with %v", err)
			}
		})
	}
	o.t.Cleanup(func() {
		cancel()
		running.Wait()
		must(o.t, x.Close())
		o.fake.Close()
	})
}

func (o *outpost) note(s hostlink.State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state = s
}

func (o *outpost) now() hostlink.State {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state
}

func (o *outpost) identity() hostlink.Identity {
	o.t.Helper()
	id, err := hostlink.LoadIdentity(o.file)
	must(o.t, err)
	return id
}

func TestHostsThatJoinedByTokensAreKnownToEachOther(t *testing.T) {
	s := newSite(t)
	a, b := s.join("host-a", "192.0.2.1"), s.join("host-b", "192.0.2.2")
	s.awaitLinked("host-a", "host-b")
	for name, want := range map[*outpost]string{a: "host-b 192.0.2.2", b: "host-a 192.0.2.1"} {
		await(t, "the peer "+want, func() bool {
			peers := name.fake.Peers()
			return len(peers) == 1 && peers[0].Name+" "+peers[0].Address.String() == want
		})
	}
	await(t, "ways that are usable", func() bool {
		ways, err := s.labs.Matrix(t.Context(), s.admin)
		return err == nil && len(ways) == 2 && ways[0].Usable && ways[1].Usable
	})
	lines, err := s.labs.HostLog(t.Context(), s.admin, "host-b", 5)
	if err != nil || len(lines) != 1 || !strings.HasPrefix(lines[0], "a line of ") {
		t.Errorf("the log of host-b: %q %v", lines, err)
	}
	if v := s.view("host-a"); v.Address == "" || v.Created.IsZero() || v.Info.UnderlayMTU != 1500 {
		t.Errorf("host-a is %+v", v)
	}
}

func TestARotatedKeyLinksAfterARestartAndTheOldOneDoesNot(t *testing.T) {
	s := newSite(t)
	a := s.join("host-a", "192.0.2.1")
	s.join("host-b", "192.0.2.2")
	s.awaitLinked("host-a", "host-b")
	old := a.identity()
	must(t, s.labs.RotateHostKey(t.Context(), s.admin, "host-a"))
	if fresh := a.identity(); fresh.HostID != old.HostID || bytes.Equal(fresh.PrivateKey, old.PrivateKey) {
		t.Error("the host kept its old key")
	}
	if !s.view("host-a").Connected {
		t.Error("the link ended")
	}
	s.restart()
	s.awaitLinked("host-a", "host-b")
	refusal := s.dial(old)
	if !fault.Is(refusal, fault.Unauthenticated) || fault.Sentence(refusal) != hostlink.ErrWrongKey.Sentence {
		t.Errorf("the old key got %v", refusal)
	}
	s.awaitLinked("host-a", "host-b")
}

// dial tries to link with an identity until the controller has answered, and returns what it said.
func (s *site) dial(id hostlink.Identity) error {
	s.t.Helper()
	answer := make(chan error, 100)
	agent, err := hostlink.NewAgent(hostlink.AgentConfig{Identity: id, OnState: func(st hostlink.State) {
		switch {
		case st.Linked:
			answer <- nil
		case st.Err != nil:
			answer <- st.Err
		}
	}})
	must(s.t, err)
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- agent.Run(ctx) }()
	said := <-answer
	cancel()
	must(s.t, <-ended)
	return said
}

func TestARevokedHostIsCutOffAtOnceAndRefusedWithTheReason(t *testing.T) {
	s := newSite(t)
	a, b := s.join("host-a", "192.0.2.1"), s.join("host-b", "192.0.2.2")
	s.awaitLinked("host-a", "host-b")
	await(t, "host-a to know host-b", func() bool { return len(a.fake.Peers()) == 1 })
	began := time.Now()
	must(t, s.labs.RevokeHost(t.Context(), s.admin, "host-b"))
	if _, linked := s.tunnel.Link(b.identity().HostID); linked || s.view("host-b").Connected {
		t.Error("the link is there when Revoke has returned")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	await(t, "the host to know why", func() bool { st := b.now(); return !st.Linked && fault.Is(st.Err, fault.Forbidden) })
	await(t, "host-a to forget host-b", func() bool { return len(a.fake.Peers()) == 0 })
	refusal := s.dial(b.identity())
	if !fault.Is(refusal, fault.Forbidden) || fault.Sentence(refusal) != hostlink.ErrHostRevoked.Sentence {
		t.Errorf("the next dial got %v", refusal)
	}
	s.restart()
	s.awaitLinked("host-a")
	if refusal := s.dial(b.identity()); fault.Sentence(refusal) != hostlink.ErrHostRevoked.Sentence {
		t.Errorf("after a restart the next dial got %v", refusal)
	}
	must(t, s.labs.RemoveHost(t.Context(), s.admin, "host-b"))
	if _, err := s.labs.Host(t.Context(), s.admin, "host-b"); !fault.Is(err, fault.NotFound) {
		t.Errorf("removed, and still there: %v", err)
	}
}

func TestWhatRanOnARevokedHostRunsOnAnother(t *testing.T) {
	s := newSite(t)
	s.join("host-a", "192.0.2.1")
	s.awaitLinked("host-a")
	lab, report, err := s.labs.Import(t.Context(), s.admin, control.ImportRequest{}, &oneFile{text: "name: x\n" +
		"topology:\n  nodes:\n    n1: {kind: linux, image: trunkline/tiny}\n    n2: {kind: linux, image: trunkline/tiny}\n" +
		"  links:\n    - endpoints: [\"n1:eth1\", \"n2:eth1\"]\n"})
	if err != nil {
		t.Fatalf("%v: %+v", err, report.Refused)
	}
	must(t, s.labs.Deploy(t.Context(), s.admin, lab.ID))
	runsOn := func(name string) func() bool {
		return func() bool {
			now, err := s.labs.Get(t.Context(), s.admin, lab.ID)
			return err == nil && now.State == control.Running && now.Nodes[0].Host == name && now.Nodes[1].Host == name
		}
	}
	await(t, "the lab to run on host-a", runsOn("host-a"))
	b := s.join("host-b", "192.0.2.2")
	s.awaitLinked("host-b")
	must(t, s.labs.RevokeHost(t.Context(), s.admin, "host-a")) // a lost one would be waited for for an hour
	await(t, "both containers to run on host-b", func() bool { return len(b.fake.Running(lab.ID)) == 2 })
	await(t, "the lab to run on host-b", runsOn("host-b"))
}

// oneFile is a project of a lab file alone.
type oneFile struct {
	text string
	read bool
}

func (f *oneFile) Next() (string, uint32, io.Reader, error) {
	if f.read {
		return "", 0, nil, io.EOF
	}
	f.read = true
	return "x.clab.yml", 0o644, strings.NewReader(f.text), nil
}

func TestSettingsAreCheckedByTheFlagsName(t *testing.T) {
	good := Settings{Listen: "127.0.0.1:0", Data: t.TempDir()}
	must(t, good.Check())
	for field, change := range map[string]func(*Settings){
		"lost-after": func(s *Settings) { s.LostAfter = time.Second },
		"listen":     func(s *Settings) { s.Listen = "here" },
		"public-url": func(s *Settings) { s.PublicURL = "lab.example.org" },
		"data":       func(s *Settings) { s.Data = "data" },
	} {
		s := good
		change(&s)
		if err := s.Check(); fault.Public(err).Field != field || !strings.Contains(fault.Sentence(err), "--"+field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// await polls a condition, and says what it waited for when it does not come true.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited too long for %s", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
