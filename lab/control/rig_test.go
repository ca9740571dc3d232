package control_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/hostlink"
	"trunkline/lab/control"
	"trunkline/lab/host"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
	"trunkline/store"
	"trunkline/store/blobs"
	"trunkline/tenancy"
)

// rig is a controller on real SQLite with fake machines behind the real executor and the real wire.
type rig struct {
	t        *testing.T
	store    *store.Store
	blobs    *blobs.Blobs
	links    *links
	control  *control.Controller
	stop     func()
	machines map[string]*machine
	ada      tenancy.Actor // a member of alpha
	eve      tenancy.Actor // an owner of beta
	limits   control.ImportLimits

	grace     time.Duration // 0: a moment
	lostAfter time.Duration // 0: the controller's own
	now       func() time.Time
	states    control.StateStore // nil: the store
}

// localImages are in the fake's words too, which knows no tags.
var localImages = []string{"trunkline/host", "trunkline/router", "trunkline/tiny", "trunkline/dhcp", "trunkline/dns"}

func newRig(t *testing.T) *rig {
	t.Helper()
	return newRigAt(t, store.Config{URL: databaseOf(t)})
}

// newRigAt is newRig on another database, or by another clock.
func newRigAt(t *testing.T, cfg store.Config) *rig {
	t.Helper()
	s, err := store.Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	b, err := blobs.Open(filepath.Join(t.TempDir(), "blobs"))
	must(t, err)
	r := &rig{t: t, store: s, blobs: b, now: cfg.Now, links: newLinks(), machines: map[string]*machine{}}
	for id, tenant := range map[string]string{"ada": "alpha", "eve": "beta"} {
		must(t, s.SaveUser(t.Context(), tenancy.User{ID: id, Email: id, Name: id}))
		must(t, s.EnsureTenant(t.Context(), tenant, tenant, tenancy.Membership{UserID: id, TenantID: tenant, Role: tenancy.Owner}))
	}
	r.ada = tenancy.Actor{UserID: "ada", UserName: "Ada", TenantID: "alpha", Role: tenancy.Member}
	r.eve = tenancy.Actor{UserID: "eve", UserName: "Eve", TenantID: "beta", Role: tenancy.Owner}
	t.Cleanup(func() {
		if r.stop != nil {
			r.stop()
		}
		for _, m := range r.machines {
			m.end()
		}
	})
	return r
}

// start makes a controller and runs it; stop drops it.
func (r *rig) start() *rig {
	r.t.Helper()
	if r.states == nil {
		r.states = r.store
	}
	c, err := control.New(control.Config{
		Labs: r.store, States: r.states, Site: r.store, HostStore: r.store, Identifiers: r.store, Images: r.store, Quotas: r.store, Blobs: r.blobs, Links: r.links,
		Limits: r.limits, Grace: cmp.Or(r.grace, 200*time.Millisecond), LostAfter: r.lostAfter, Now: r.now,
		Log: slog.New(slog.NewTextHandler(logOf{r.t}, nil)),
	})
	must(r.t, err)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(context.Background()) }()
	r.control = c
	r.stop = func() {
		r.stop = nil
		if err := errors.Join(c.Close(), <-ended); err != nil {
			r.t.Errorf("the controller ended with %v", err)
		}
	}
	return r
}

func (r *rig) restart() {
	r.t.Helper()
	r.stop()
	r.start()
}

// machine is one compute host: a fake machine that outlives its agent.
type machine struct {
	t      *testing.T
	id     string
	fake   *fakehost.Host
	caps   *hostapi.Capabilities // nil: the fake's own
	rough  bool                  // labs are taken down while nodes pass their gates: the fake looks too late and complains for nothing
	dir    string
	links  *links
	server *httptest.Server
	stop   func()
}

// limited is a fabric that can do less than the fake.
type limited struct {
	*fakehost.Fabric
	caps hostapi.Capabilities
}

func (l limited) Capabilities(context.Context) (hostapi.Capabilities, []string, error) {
	return l.caps, nil, nil
}

// addHost enrols a machine, starts its agent, and waits until a running controller knows what it can.
func (r *rig) addHost(name string, cfg fakehost.Config, caps *hostapi.Capabilities) *machine {
	r.t.Helper()
	token, err := r.store.CreateJoinToken(r.t.Context(), control.JoinRequest{})
	must(r.t, err)
	id, err := r.store.Enrol(r.t.Context(), hostlink.Enrolment{Token: token.Secret, Name: name, PublicKey: []byte(name)})
	must(r.t, err)
	if cfg.Images == nil {
		cfg.Images = localImages
	}
	m := &machine{t: r.t, id: id, fake: fakehost.New(cfg), caps: caps, dir: r.t.TempDir(), links: r.links}
	r.machines[name] = m
	m.fake.SetUnderlay(underlayOf(len(r.machines)), 1500)
	m.start(name)
	if r.stop != nil {
		r.awaitFit(func(v control.HostView) bool { return v.Info.Underlay.IsValid() })
	}
	return m
}

// awaitFit waits until every linked machine can be placed on. A deploy waits for hosts that are about to say what they can, but not for long.
func (r *rig) awaitFit(ok func(control.HostView) bool) {
	r.t.Helper()
	await(r.t, said("the linked hosts to be fit for labs"), func() bool {
		views, err := r.control.Hosts(r.t.Context(), site)
		must(r.t, err)
		return !slices.ContainsFunc(views, func(v control.HostView) bool {
			return r.links.linked(v.ID) && !(v.Connected && v.Info.DockerVersion != "" && ok(v))
		})
	})
}

// underlayOf is the address of the nth machine on the underlay.
func underlayOf(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}) }

// start runs the agent and links it.
func (m *machine) start(name string) {
	m.t.Helper()
	var fabric host.Fabric = m.fake.Fabric()
	if m.caps != nil {
		fabric = limited{m.fake.Fabric(), *m.caps}
	}
	x, err := host.New(host.Config{HostID: m.id, Name: name, StateDir: m.dir, Engine: m.fake.Engine(), Fabric: fabric, Workers: 4, RatesEvery: 10 * time.Millisecond})
	must(m.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx) }()
	m.server = httptest.NewServer(hostapi.Handler(x))
	m.link()
	m.stop = func() {
		m.stop = nil
		m.unlink()
		m.server.CloseClientConnections()
		cancel()
		must(m.t, <-ended)
		m.server.Close()
	}
}

// link announces the agent to the controller under a new epoch.
func (m *machine) link() {
	address := m.server.Listener.Addr().String()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}}
	m.links.up(m.id, &hostapi.Client{HTTP: &http.Client{Transport: transport}}, transport.CloseIdleConnections)
}

func (m *machine) unlink() { m.links.down(m.id) }

func (m *machine) end() {
	if m.stop != nil {
		m.stop()
	}
	m.fake.Close()
	if wrong := m.fake.Wrong(); len(wrong) > 0 && !m.rough {
		m.t.Errorf("a real host would have suffered: %v", wrong)
	}
}

// links is a set of linked hosts that tests change by hand.
type links struct {
	mu       sync.Mutex
	epoch    int64
	live     map[string]control.LinkEvent
	release  map[string]func()
	watchers map[chan control.LinkEvent]bool
}

func newLinks() *links {
	return &links{live: map[string]control.LinkEvent{}, release: map[string]func(){}, watchers: map[chan control.LinkEvent]bool{}}
}

func (l *links) Watch(ctx context.Context) <-chan control.LinkEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(chan control.LinkEvent, 1000)
	for _, e := range l.live {
		out <- e
	}
	l.watchers[out] = true
	context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.watchers, out)
		close(out)
	})
	return out
}

func (l *links) up(hostID string, client control.Host, release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch++
	l.live[hostID], l.release[hostID] = control.LinkEvent{HostID: hostID, Epoch: l.epoch, Host: client}, release
	for w := range l.watchers {
		w <- l.live[hostID]
	}
}

func (l *links) down(hostID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, linked := l.live[hostID]
	if !linked {
		return
	}
	delete(l.live, hostID)
	for w := range l.watchers {
		w <- control.LinkEvent{HostID: hostID, Epoch: e.Epoch}
	}
	l.release[hostID]()
}

func (l *links) linked(hostID string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, linked := l.live[hostID]
	return linked
}

// project is a FileSource of texts, in order of their paths.
type project struct {
	paths []string
	files map[string]string
}

func files(all map[string]string) *project {
	p := &project{files: all}
	for name := range all {
		p.paths = append(p.paths, name)
	}
	slices.Sort(p.paths)
	return p
}

func (p *project) Next() (string, uint32, io.Reader, error) {
	if len(p.paths) == 0 {
		return "", 0, nil, io.EOF
	}
	name := p.paths[0]
	p.paths = p.paths[1:]
	return name, 0o644, strings.NewReader(p.files[name]), nil
}

// ring is a lab file of n tiny nodes in a circle.
func ring(name string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\ntopology:\n  defaults: {kind: linux, image: trunkline/tiny}\n  nodes:\n", name)
	for i := range n {
		fmt.Fprintf(&b, "    n%d: {}\n", i+1)
	}
	b.WriteString("  links:\n")
	for i := range n {
		fmt.Fprintf(&b, "    - endpoints: [\"n%d:eth1\", \"n%d:eth2\"]\n", i+1, (i+1)%n+1)
	}
	return b.String()
}

// create imports a lab file as Ada.
func (r *rig) create(text string, more ...map[string]string) string {
	r.t.Helper()
	all := map[string]string{"lab.clab.yml": text}
	for _, m := range more {
		for name, content := range m {
			all[name] = content
		}
	}
	detail, report, err := r.control.Import(r.t.Context(), r.ada, control.ImportRequest{}, files(all))
	if err != nil {
		r.t.Fatalf("%v: %+v", err, report.Refused)
	}
	return detail.ID
}

// replace gives the lab a new version as Ada.
func (r *rig) replace(labID, text string) {
	r.t.Helper()
	_, report, err := r.control.Import(r.t.Context(), r.ada, control.ImportRequest{Replace: labID}, files(map[string]string{"lab.clab.yml": text}))
	if err != nil {
		r.t.Fatalf("%v: %+v", err, report.Refused)
	}
}

func (r *rig) deploy(labID string) {
	r.t.Helper()
	r.awaitFit(func(control.HostView) bool { return true })
	must(r.t, r.control.Deploy(r.t.Context(), r.ada, labID))
}

func (r *rig) get(labID string) *control.LabDetail {
	r.t.Helper()
	detail, err := r.control.Get(r.t.Context(), r.ada, labID)
	must(r.t, err)
	return detail
}

// until waits until the lab is in one of the states, and returns it.
func (r *rig) until(labID string, states ...control.State) *control.LabDetail {
	r.t.Helper()
	var last *control.LabDetail
	await(r.t, func() string {
		return fmt.Sprintf("the lab to be %v; it is %s: %s (%d of %d, %s)", states, last.State, last.Reason, last.Done, last.Total, last.Step)
	}, func() bool {
		last = r.get(labID)
		return slices.Contains(states, last.State)
	})
	return last
}

// await polls a condition, and says what it waited for when it does not come true.
func await(t *testing.T, what func() string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited too long for %s", what())
		}
	}
}

func said(sentence string) func() string { return func() string { return sentence } }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hold keeps the machine's calls of one verb waiting until release, or until their context ends.
func (m *machine) hold(verb string) (release func()) { return m.holdAfter(verb, 0) }

// holdAfter lets so many calls of the verb through before.
func (m *machine) holdAfter(verb string, first int64) (release func()) {
	held := make(chan struct{})
	var calls atomic.Int64
	m.fake.Intercept(func(ctx context.Context, c fakehost.Call, do func() error) error {
		if c.Verb == verb && calls.Add(1) > first {
			select {
			case <-held:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return do()
	})
	return sync.OnceFunc(func() { close(held) })
}

// logOf shows the controller's log with the test that failed.
type logOf struct{ t *testing.T }

func (w logOf) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}
