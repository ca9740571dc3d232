package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline/hostlink"
	"trunkline/internal/fault"
	"trunkline/internal/seal"
	"trunkline/lab/control"
	"trunkline/store"
	"trunkline/store/blobs"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
	"trunkline/terminal"
	"trunkline/web"
	"trunkline/web/api"
)

// Controller is every part of trunkline serve. Open makes it, Run runs it until its context ends.
type Controller struct {
	settings Settings
	log      *slog.Logger

	lock     *os.File
	store    *store.Store
	audit    *store.AuditLog
	accounts *tenancy.Accounts
	signedIn *tenancy.Sessions
	acting   *tenancy.TakeOvers   // administrators who act as somebody else
	door     *door                // by which people come in who sign in elsewhere
	bell     *tenancy.Revocations // rung when somebody's rights may have ended
	reaper   *tenancy.Reaper
	shares   *tenancy.Shares
	labs     *control.Controller
	tunnel   *hostlink.Server
	shells   *terminal.Manager
	web      *web.Server
	listener net.Listener

	// LocalURL is where this machine reaches the controller, known once Open returned.
	LocalURL string
}

// controllerFolder holds the database and project files, for the controller's eyes only.
const controllerFolder = "controller"

// drain is how long requests in flight may take when the controller stops. Streams end at once: their clients come back.
const drain = 5 * time.Second

// Open opens the database, builds the parts and listens. On error nothing is left open.
func Open(ctx context.Context, s Settings) (*Controller, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	c := &Controller{settings: s, log: s.Log}
	if err := c.open(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *Controller) open(ctx context.Context) (err error) {
	s := c.settings
	// The data folder lets others through to the host's state, which engines with user namespaces mount as nobody; the controller's folder does not.
	if err := errors.Join(os.MkdirAll(s.Data, 0o711), os.MkdirAll(filepath.Join(s.Data, controllerFolder), 0o700)); err != nil {
		return fault.Wrap(err, fault.Invalid, "The data folder %s cannot be made. Give another by --data.", s.Data)
	}
	if c.lock, err = lockFolder(s.Data); err != nil {
		return err
	}
	if c.listener, err = net.Listen("tcp", s.Listen); err != nil {
		return fault.Wrap(err, fault.Unavailable, "Nobody can listen on %s: another program does, or the address is not this machine's. Give another by --listen.", s.Listen)
	}
	c.LocalURL = localURL(c.listener.Addr())
	database := s.Database
	if database == "" {
		database = filepath.Join(s.Data, controllerFolder, "trunkline.db")
	}
	if c.store, err = store.Open(ctx, store.Config{URL: database}); err != nil {
		return err
	}
	c.audit = c.store.OpenAudit(c.log)
	return c.build(ctx)
}

// build makes the parts, each of those before it.
func (c *Controller) build(ctx context.Context) error {
	files, err := blobs.Open(filepath.Join(c.settings.Data, controllerFolder, "files"))
	if err != nil {
		return err
	}
	c.accounts = tenancy.NewAccounts(c.store, c.store, c.store, time.Now).WithAudit(c.audit)
	c.bell = &tenancy.Revocations{}
	keys, err := seal.File(filepath.Join(c.settings.Data, controllerFolder, "secret.key"))
	if err != nil {
		return err
	}
	kept := c.store.Sessions().WithKeys(keys)
	c.signedIn = tenancy.NewSessions(tenancy.SessionConfig{
		Store: kept, Bell: c.bell, Audit: c.audit, Idle: c.settings.SessionIdle, Absolute: c.settings.SessionLife,
	})
	c.accounts.WithSessions(c.signedIn).WithBell(c.bell)
	services := tenancy.NewServices(c.store, c.accounts, c.bell)
	workspaces := tenancy.NewWorkspaces(c.store, c.accounts, c.bell, time.Now).WithAudit(c.audit)
	c.shares = tenancy.NewShares(c.store, c.accounts, c.bell, time.Now).WithAudit(c.audit)
	c.acting = tenancy.NewTakeOvers(c.accounts, c.bell, c.audit, time.Now)
	c.tunnel = hostlink.NewServer(joined{c.store, c.audit}, hostlink.ServerConfig{Logger: c.log})
	c.labs, err = control.New(c.settings.Seams.control(control.Config{
		Labs: c.store, States: c.store, Site: c.store, HostStore: c.store, Identifiers: c.store, Images: c.store, Blobs: files, Links: links{c.tunnel}, Tunnel: c.tunnel,
		Quotas: c.store, LostAfter: c.settings.LostAfter, Audit: c.audit, Log: c.log,
	}))
	if err != nil {
		return err
	}
	c.reaper = &tenancy.Reaper{Tenants: c.store, Labs: labEnder{c.labs}, Audit: c.audit, Log: c.log}
	c.shells = terminal.NewManager(terminal.Config{Log: c.log})
	public := c.settings.PublicURL
	if public == "" {
		public = c.LocalURL
	}
	if err := c.openDoor(ctx, keys, public); err != nil {
		return err
	}
	proxies, err := c.settings.proxies()
	if err != nil {
		return err
	}
	c.web, err = web.New(c.settings.Seams.web(web.Config{
		Proxies: proxies,
		Labs:    c.labs, Intents: c.labs, Watching: c.labs, NodeIO: c.labs, Hosts: c.labs, Fleet: c.labs, Policies: c.labs, Editing: c.labs, Switches: c.labs,
		Accounts: c.accounts, Tokens: c.accounts, Shells: c.shells, Sessions: kept, SignedIn: c.signedIn, Examples: gallery{},
		Quotas: c.quotas(), Workspaces: workspaces, Bell: c.bell, Acting: c.acting, Audit: c.audit, Trail: tenancy.NewAudits(c.audit, c.audit), SSO: c.door.pages(c.accounts),
		PublicURL: public, Version: c.settings.Version, Log: c.log,
		API: api.New(api.Config{
			Switches: c.labs, Links: c.labs, Editing: c.labs,
			Labs: c.labs, Intents: c.labs, Watching: c.labs, NodeIO: c.labs, Hosts: c.labs, Fleet: c.labs, Policies: c.labs, Tokens: c.accounts,
			Quotas: c.quotas(), Workspaces: workspaces, Bell: c.bell, Accounts: c.accounts, SignedIn: c.signedIn, Providers: c.door.admin, Audit: c.audit, Trail: tenancy.NewAudits(c.audit, c.audit),
			Shares:   c.shares,
			Services: services, Authenticate: web.Authenticated, PublicURL: public, Version: c.settings.Version, Log: c.log,
		}),
		Shares:   c.shares,
		Services: services, Mounts: map[string]http.Handler{hostlink.Path: c.tunnel, login.BackChannelPath: c.backChannel()},
	}))
	return err
}

// Run serves until ctx ends, then drains and closes everything. Labs go on running on their hosts.
func (c *Controller) Run(ctx context.Context) error {
	defer c.close()
	server := &http.Server{
		Handler: c.web.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ignoreCancel(c.shares.Run(ctx)) })
	group.Go(func() error { return ignoreCancel(c.labs.Run(ctx)) })
	group.Go(func() error { return ignoreCancel(c.shells.Run(ctx)) })
	group.Go(func() error { return ignoreCancel(c.reaper.Run(ctx)) })
	group.Go(func() error { return ignoreCancel(c.audit.Run(ctx)) })
	group.Go(func() error { return ignoreCancel(c.watchPeople(ctx)) })
	group.Go(func() error {
		if err := server.Serve(c.listener); !errors.Is(err, http.ErrServerClosed) {
			return fault.Wrap(err, fault.Unavailable, "The web server ended.")
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		c.shells.Close()
		c.web.Close()
		if err := c.tunnel.Close(); err != nil {
			c.log.Warn("the host link did not end cleanly", "err", err)
		}
		draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if err := server.Shutdown(draining); err != nil {
			return server.Close()
		}
		return nil
	})
	return group.Wait()
}

func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Announce makes the one-time sign-in link and an administrator's token, and writes the ready files.
func (c *Controller) Announce(ctx context.Context) (Ready, error) {
	secret, err := c.accounts.AdministratorLink(ctx)
	if err != nil {
		return Ready{}, err
	}
	token, err := c.accounts.AdministratorToken(ctx, "this machine", 0)
	if err != nil {
		return Ready{}, err
	}
	public := c.settings.PublicURL
	if public == "" {
		public = c.LocalURL
	}
	ready := Ready{URL: public, SignInLink: public + "/sign-in/" + secret, Token: token, PID: os.Getpid(), Version: c.settings.Version}
	local := ready
	local.URL = c.LocalURL // clients on this machine need no way around
	if err := local.write(filepath.Join(c.settings.Data, "ready.json")); err != nil {
		return Ready{}, err
	}
	if c.settings.ReadyFile != "" {
		if err := ready.write(c.settings.ReadyFile); err != nil {
			return Ready{}, err
		}
	}
	return ready, nil
}

// JoinToken lets one host join within its life.
func (c *Controller) JoinToken(ctx context.Context, hostName string, life time.Duration) (string, error) {
	token, err := c.store.CreateJoinToken(ctx, control.JoinRequest{Name: hostName, Life: life})
	return token.Secret, err
}

// close ends what Open made, in the opposite order. It may be called on a half-made controller.
func (c *Controller) close() {
	var err error
	if c.shells != nil {
		c.shells.Close()
	}
	if c.tunnel != nil {
		err = errors.Join(err, c.tunnel.Close())
	}
	if c.labs != nil {
		err = errors.Join(err, c.labs.Close())
	}
	if c.acting != nil {
		err = errors.Join(err, c.acting.Close(context.Background()))
	}
	if c.audit != nil {
		c.audit.Close()
	}
	if c.store != nil {
		err = errors.Join(err, c.store.Close())
	}
	if c.listener != nil {
		_ = c.listener.Close() // the server has closed it already when it ran
	}
	if c.lock != nil {
		err = errors.Join(err, c.lock.Close())
	}
	if err != nil {
		c.log.Warn("not everything ended cleanly", "err", err)
	}
}
