// Package agent puts a compute host together: engine, fabric, executor and the link to the controller.
//
// It knows constructors and the order of starting and stopping. It refuses to know how anything is done, and the controller: it is told
// an address and has an identity.
package agent

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"trunkline/hostlink"
	"trunkline/images"
	"trunkline/internal/fault"
	"trunkline/lab/agent/logtail"
	"trunkline/lab/engine"
	"trunkline/lab/fabric"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

// Config is what an administrator decides about a compute host.
type Config struct {
	StateDir   string // identity, specs, project files, leases: outlives the agent
	Controller string // URL; "" takes the one the host enrolled at
	InitBinary string // the static node init
	Egress     bool   // internet nodes here may reach the outside
	Docker     string // the engine's socket; "" is the system's
	OVS        string // Open vSwitch's run folder or socket; "" is the system's
	Version    string
	Underlay   netip.Addr   // where tunnels of other hosts reach this one; unset: the address from which it reaches the controller, or else the world
	Limits     host.Limits  // for nodes that name none; the controller fills in its own before
	Log        *slog.Logger // its last lines are kept for the host's page; a handler made by logtail.New keeps those before New as well
}

// Agent is a compute host. New makes it, Run runs it, Close frees what New took.
type Agent struct {
	config   Config
	identity hostlink.Identity
	engine   *engine.Engine
	fabric   *fabric.Fabric
	executor *host.Executor
	tail     *logtail.Tail
}

// identityFile holds the host's key.
func identityFile(stateDir string) string { return filepath.Join(stateDir, "identity.json") }

// Enrolled reports whether the host has an identity. Codes of a damaged one: forbidden, invalid.
func Enrolled(stateDir string) (bool, error) {
	_, err := hostlink.LoadIdentity(identityFile(stateDir))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// Enrol exchanges a join token for an identity and keeps it.
func Enrol(ctx context.Context, stateDir, controller, token, name string, labels map[string]string) error {
	if err := os.MkdirAll(stateDir, 0o711); err != nil {
		return fault.Wrap(err, fault.Invalid, "The folder %s cannot be made.", stateDir)
	}
	identity, err := hostlink.Enrol(ctx, controller, token, name, labels)
	if err != nil {
		return err
	}
	return hostlink.SaveIdentity(identityFile(stateDir), identity)
}

// New opens the engine, the fabric and what was kept. It fails without an identity, and needs neither Docker nor Open vSwitch to answer.
func New(c Config) (*Agent, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	tail := logtail.New(c.Log.Handler())
	c.Log = slog.New(tail)
	a := &Agent{config: c, tail: tail}
	if err := a.open(); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *Agent) open() (err error) {
	c := a.config
	if a.identity, err = hostlink.LoadIdentity(identityFile(c.StateDir)); err != nil {
		return err
	}
	if a.engine, err = engine.New(engine.Config{HostID: a.identity.HostID, Address: c.Docker, Seccomp: images.Seccomp(), Log: c.Log}); err != nil {
		return err
	}
	a.fabric, err = fabric.New(fabric.Config{
		HostID: a.identity.HostID, Name: a.identity.Name, StateDir: c.StateDir, Egress: c.Egress, OVSDB: c.OVS, Log: c.Log,
		Underlay: c.Underlay, Controller: hostName(cmp.Or(c.Controller, a.identity.Controller)),
	})
	if err != nil {
		return err
	}
	a.executor, err = host.New(host.Config{
		HostID: a.identity.HostID, Name: a.identity.Name, Version: c.Version, StateDir: c.StateDir,
		Engine: a.engine, Fabric: a.fabric, InitBinary: c.InitBinary, DefaultLimits: c.Limits, Log: c.Log, Tail: a.tail.Lines,
	})
	return err
}

// hostName is the host of the controller's address; "" when it has none.
func hostName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Run converges and keeps the link until ctx ends. Labs go on running. Code: conflict, while another agent runs on the same state folder.
func (a *Agent) Run(ctx context.Context) error {
	lock, err := lockState(a.config.StateDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	link, err := hostlink.NewAgent(hostlink.AgentConfig{
		Keep:       func(id hostlink.Identity) error { return hostlink.SaveIdentity(identityFile(a.config.StateDir), id) },
		Controller: a.config.Controller, Identity: a.identity, Handler: hostapi.Handler(a.executor), Version: a.config.Version, Logger: a.config.Log,
		Lasting: func(r *http.Request) bool { return r.URL.Path == "/v1/observe" },
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.executor.Run(ctx) })
	group.Go(func() error { return link.Run(ctx) })
	return group.Wait()
}

// Leftovers lists in words what carries this host's stamp and belongs to no lab it shall have.
func (a *Agent) Leftovers(ctx context.Context) ([]string, error) { return a.executor.Leftovers(ctx) }

// Engine is what runs containers here.
func (a *Agent) Engine() *engine.Engine { return a.engine }

// Fabric is the data plane.
func (a *Agent) Fabric() *fabric.Fabric { return a.fabric }

// Close frees what New took. Labs go on running.
func (a *Agent) Close() error {
	var errs []error
	if a.executor != nil {
		errs = append(errs, a.executor.Close())
	}
	if a.fabric != nil {
		errs = append(errs, a.fabric.Close())
	}
	if a.engine != nil {
		errs = append(errs, a.engine.Close())
	}
	return errors.Join(errs...)
}
