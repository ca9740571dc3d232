package control

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// Config is what a Controller is made of. Stores, Blobs and Links are required.
type Config struct {
	Labs        LabStore
	States      StateStore
	Site        SiteStore
	HostStore   HostStore
	Identifiers Identifiers
	Images      ImageStore
	Quotas      QuotaStore // nil: nothing is limited but what the stores refuse by themselves
	Blobs       Blobs
	Links       Links
	Tunnel      Tunnel          // nil: keys are not rotated, and a revoked host's link ends with its next dial
	Audit       tenancy.Auditor // nil: nothing is recorded
	Log         *slog.Logger    // nil: silent

	Defaults  NodeDefaults  // zero fields: 1 core, 512 MiB, 1024 processes
	Limits    ImportLimits  // zero fields: 256 MiB in all, 64 MiB a file, 5,000 files
	Grace     time.Duration // a host lost for less changes no lab's state; 0: 5 s
	LostAfter time.Duration // a host away for longer is lost: its nodes are placed anew where the lab's policy says so; 0: 2 min
	Workers   int           // labs looked at at once; 0: 8
	Now       func() time.Time
}

// ImportLimits bound what one lab's folder may hold.
type ImportLimits struct {
	TotalBytes int64
	FileBytes  int64
	Files      int
}

func (c Config) withDefaults() Config {
	c.Defaults = c.Defaults.WithDefaults()
	setDefault(&c.Limits.TotalBytes, 256<<20)
	setDefault(&c.Limits.FileBytes, 64<<20)
	setDefault(&c.Limits.Files, 5000)
	setDefault(&c.Grace, 5*time.Second)
	setDefault(&c.LostAfter, 2*time.Minute)
	setDefault(&c.Workers, 8)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Controller keeps labs as they shall be.
type Controller struct {
	cfg   Config
	log   *slog.Logger
	hub   *hub
	bell  *bell // something changed of the hosts
	queue *queue
	fleet *fleet

	stop    context.CancelFunc // ends Run
	life    context.Context
	started sync.Once
	ended   chan struct{} // closed when Run has returned, or was never called

	later later // what the audit is told beside all else
	rates rateFeeds

	enrolling sync.Mutex // held while enrolled hosts are read or changed

	placing sync.Mutex // held from choosing places until they are stored, with identifiers taken or given back on the way

	quotaBell chan struct{} // limits were changed, or a lab begins to run

	mu      sync.Mutex
	entries map[string]*entry
	stuck   map[string]bool   // labs whose nodes found no place; true: hosts changed since
	names   map[string]string // of hosts, by id

	warnings map[string]string // of quotas, by lab
}

// New makes a Controller; Run starts it. The caller closes it.
func New(cfg Config) (*Controller, error) {
	if cfg.Labs == nil || cfg.States == nil || cfg.Site == nil || cfg.HostStore == nil || cfg.Identifiers == nil || cfg.Images == nil ||
		cfg.Blobs == nil || cfg.Links == nil {
		return nil, fault.New(fault.Internal, "The controller was made without one of its stores or without links.")
	}
	cfg = cfg.withDefaults()
	life, stop := context.WithCancel(context.Background())
	c := &Controller{
		cfg: cfg, log: cfg.Log, hub: newHub(), bell: newBell(), queue: newQueue(), fleet: newFleet(cfg.Log, cfg.Now),
		quotaBell: make(chan struct{}, 1),
		stop:      stop, life: life, ended: make(chan struct{}), entries: map[string]*entry{}, stuck: map[string]bool{}, names: map[string]string{},
	}
	c.fleet.touched = c.wake
	c.fleet.placed = c.placedOn
	c.fleet.learnt = c.hostLearnt
	c.fleet.refresh = c.readHosts
	c.fleet.refused = c.hostRefused
	c.fleet.sampled = c.hostUsed
	c.fleet.changed = c.bell.ring
	return c, nil
}

// Run reconciles until ctx ends or Close is called. It goes on with whatever was under way when the controller last ended.
func (c *Controller) Run(ctx context.Context) error {
	first := false
	c.started.Do(func() { first = true })
	switch {
	case !first && c.life.Err() != nil:
		return nil // it was closed before it began
	case !first:
		return fault.New(fault.Internal, "The controller was started twice.")
	}
	defer close(c.ended)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	if err := c.resume(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	var running sync.WaitGroup
	for range c.cfg.Workers {
		running.Go(func() { c.work(ctx) })
	}
	running.Go(func() { c.fleet.run(ctx, c.cfg.Links) })
	running.Go(func() { c.keepHouse(ctx) })
	running.Go(func() { c.keepQuotas(ctx) })
	running.Go(func() { c.freeStuck(ctx) })
	running.Go(func() { c.ringWhenLost(ctx) })
	<-ctx.Done()
	c.queue.close()
	running.Wait()
	c.saveAll()
	return nil
}

// Close ends Run, waits for it, and closes every watcher's channel. Labs go on running.
func (c *Controller) Close() error {
	c.stop()
	c.started.Do(func() { close(c.ended) })
	<-c.ended
	c.hub.close()
	c.bell.close()
	c.later.close()
	c.rates.running.Wait()
	return nil
}

// resume reads what was under way.
func (c *Controller) resume(ctx context.Context) error {
	if err := c.readHosts(ctx); err != nil {
		return err
	}
	if err := c.freeForgotten(ctx); err != nil {
		return err
	}
	ids, err := c.cfg.States.ToReconcile(ctx, tenancy.Everywhere())
	if err != nil {
		return err
	}
	for _, id := range ids {
		seen, err := c.cfg.States.OnHosts(ctx, tenancy.Everywhere(), id)
		if err != nil {
			return err
		}
		for hostID, status := range seen {
			c.fleet.remember(hostID, id, status)
		}
	}
	c.wake(ids...)
	return nil
}

// wake asks for a look at the labs.
func (c *Controller) wake(labIDs ...string) {
	for _, id := range labIDs {
		c.queue.add(id)
	}
}

// placedOn lists the labs that a host shall have, and those that it may have still.
func (c *Controller) placedOn(ctx context.Context, hostID string) (wanted, leaving []string, err error) {
	return c.cfg.States.LabsOn(ctx, tenancy.Everywhere(), hostID)
}

// housekeeping is how often expired things and unused files are deleted.
const housekeeping = time.Hour

// blobGrace keeps files of an import that is under way from being collected.
const blobGrace = time.Hour

// keepHouse deletes what has expired, at the start and then every hour.
func (c *Controller) keepHouse(ctx context.Context) {
	ticker := time.NewTicker(housekeeping)
	defer ticker.Stop()
	for {
		if err := c.cleanOnce(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("Housekeeping did not end well and is tried again in an hour.", "err", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c *Controller) cleanOnce(ctx context.Context) error {
	now := c.cfg.Now()
	if err := c.cfg.Site.Prune(ctx, now); err != nil {
		return err
	}
	inUse, err := c.cfg.Site.BlobsInUse(ctx)
	if err != nil {
		return err
	}
	_, err = c.cfg.Blobs.Collect(inUse, now.Add(-blobGrace))
	return err
}
