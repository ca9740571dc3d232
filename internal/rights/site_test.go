package rights_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"trunkline/hostlink"
	"trunkline/internal/app"
	"trunkline/internal/testkit"
	"trunkline/lab/control"
	"trunkline/lab/host"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
	"trunkline/store"
	"trunkline/web"
)

// site is a whole controller as trunkline serve runs it, with one compute host that needs no root.
type site struct {
	t      testing.TB
	store  *store.Store
	app    *app.Controller
	url    string
	data   string // the controller's folder
	client *http.Client
	a, b   *tenant
	calls  int
	count  int // of names that were made
	vlan   int // the last one that was offered
}

// seams puts a test's own parts between the controller's.
type seams struct {
	database string // "": SQLite in memory's file system
	control  func(*control.Config)
	web      func(*web.Config)
}

func newSite(t testing.TB, between seams) *site {
	t.Helper()
	s := &site{t: t, client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 16},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	s.data = scratch(t)
	settings := app.Settings{Listen: "127.0.0.1:0", Data: s.data, Database: between.database, LostAfter: time.Hour, Log: slog.New(slog.DiscardHandler)}
	settings.Seams.Control = func(c *control.Config) {
		s.store = c.Labs.(*store.Store)
		if between.control != nil {
			between.control(c)
		}
	}
	settings.Seams.Web = between.web
	c, err := app.Open(t.Context(), settings)
	must(t, err)
	s.app, s.url = c, c.LocalURL
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		cancel()
		must(t, <-ended)
	})
	_, err = c.Announce(t.Context())
	must(t, err)
	s.join("host-a", "192.0.2.1")
	return s
}

// scratch is a folder in memory where there is one: thousands of small transactions need no disk.
func scratch(t testing.TB) string {
	t.Helper()
	if dir, err := os.MkdirTemp("/dev/shm", "trunkline-rights-*"); err == nil {
		t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
		return dir
	}
	return t.TempDir()
}

// join lets a host join by a token and run until the test ends.
func (s *site) join(name, underlay string) {
	s.t.Helper()
	secret, err := s.app.JoinToken(s.t.Context(), name, time.Hour)
	must(s.t, err)
	dir := s.t.TempDir()
	fake := fakehost.New(fakehost.Config{Images: []string{"trunkline/tiny", "trunkline/host"}})
	fake.SetUnderlay(netip.MustParseAddr(underlay), 1500)
	identity, err := hostlink.Enrol(s.t.Context(), s.url, secret, "", nil)
	must(s.t, err)
	x, err := host.New(host.Config{HostID: identity.HostID, Name: name, StateDir: dir, Engine: fake.Engine(), Fabric: fake.Fabric(), Tail: func(int) []string { return nil }})
	must(s.t, err)
	link, err := hostlink.NewAgent(hostlink.AgentConfig{
		Identity: identity, Keep: func(id hostlink.Identity) error {
			return hostlink.SaveIdentity(filepath.Join(dir, "identity.json"), id)
		},
		Handler: hostapi.Handler(x), Lasting: func(r *http.Request) bool { return r.URL.Path == "/v1/observe" },
	})
	must(s.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{x.Run, link.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				s.t.Errorf("the host ended with %v", err)
			}
		})
	}
	s.t.Cleanup(func() {
		cancel()
		running.Wait()
		must(s.t, x.Close())
		fake.Close()
	})
	must(s.t, testkit.Until(s.t.Context(), time.Minute, name+" is linked", func() error {
		hosts, err := s.store.Hosts(s.t.Context())
		if err == nil {
			for _, h := range hosts {
				if h.Name == name && !h.LastSeen.IsZero() && h.Info.Name != "" {
					return nil
				}
			}
			err = fmt.Errorf("it is not")
		}
		return err
	}))
}

// name makes a name that nothing has yet, of a fixed length.
func (s *site) name(prefix string) string {
	s.count++
	return fmt.Sprintf("%s-%05d", prefix, s.count)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
