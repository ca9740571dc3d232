package host

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// Config says what an Executor works with.
type Config struct {
	HostID        string
	Name          string // what people call the host
	Version       string // of this build
	StateDir      string // specs, journals, blobs and node folders: outlives the agent
	Engine        Engine // may also be Watcher, Execer, Files, Images and EngineVersion
	Fabric        Fabric // may also be SwitchVersion
	Workers       int    // containers made or removed at once; 0: as many as is fastest
	Resync        time.Duration
	Pulse         time.Duration // how often the switch is asked whether it lives
	Patience      time.Duration // how long after its start the agent of a host with peers waits for the controller before it starts nodes, which may have moved
	InitBinary    string        // the static node init; "": nodes have no gate of ours to wait at
	Making        time.Duration // how long after its start an agent waits for containers that the one before it had asked for
	DefaultLimits Limits
	Now           func() time.Time // nil: the clock
	Log           *slog.Logger
	Tail          func(lines int) []string // the last lines of the agent's log, the oldest first; nil: they are not kept
	UseEvery      time.Duration            // how often it is told what is in use
	RatesEvery    time.Duration            // how often what labs carry is measured, while somebody asks; 0: a second
}

// Limits are given to nodes whose spec leaves them open.
type Limits struct {
	CPU         float64 // cores
	MemoryBytes int64
	ShmBytes    int64
	Pids        int64
}

// workers is how many containers are made or removed at once: an engine waits for disks, mounts and runc for most of the time, and
// was fastest with eight at once on two cores (docs/decisions/0008-deploy-speed.md).
func workers() int { return min(max(8, 2*runtime.NumCPU()), 32) }

// resyncEvery is how often a lab is compared with reality though nothing was heard.
const resyncEvery = 30 * time.Second

// makingPatience is Config.Making where nothing else is set: the engine goes on making what the agent before this one had asked for, and a lab
// is not gone before that is.
const makingPatience = 10 * time.Second

// patience is how long a node that may have moved to another host is not started while the controller has not been heard.
const patience = 30 * time.Second

// Executor converges this host's labs. It implements hostapi.Host.
type Executor struct {
	cfg   Config
	log   *slog.Logger
	specs specs
	dirs  *nodeDirs
	blobs blobs
	tmp   string
	boot  string
	born  time.Time
	list  *lister
	heavy *slots // creating, starting, removing
	light *slots // waiting for commands and for nodes to stop
	hub   *hub
	facts infoCache
	alive switchState
	peers *peering
	where *whereabouts
	meter rateMeter

	daemons chan struct{} // one token: the engine or the switch went or came back
	strange chan struct{} // one token: a container of an unknown lab was heard of

	life  context.Context // ends with Run or Close; labs go on
	end   context.CancelFunc
	loops sync.WaitGroup
	asked sync.WaitGroup // readers of observe

	mu      sync.Mutex
	labs    map[string]*labLoop
	started bool
	closed  bool
	unseen  map[string]bool // labs of the state folder that have not been looked at yet
	looked  chan struct{}   // closed when unseen is empty
	synced  map[string]bool // the labs the controller wants here; nil: it has not said yet
}

// New reads the state folder and prepares the labs found there. It asks neither engine nor fabric and disturbs no agent that runs
// on the same folder: until Run the executor only looks.
func New(cfg Config) (*Executor, error) {
	if cfg.HostID == "" || cfg.StateDir == "" || cfg.Engine == nil || cfg.Fabric == nil {
		return nil, fault.New(fault.Invalid, "The compute host needs an identity, a state folder, an engine and a fabric.")
	}
	if cfg.Workers <= 0 {
		cfg.Workers = workers()
	}
	if cfg.Resync <= 0 {
		cfg.Resync = resyncEvery
	}
	if cfg.Pulse <= 0 {
		cfg.Pulse = pulseEvery
	}
	if cfg.Patience <= 0 {
		cfg.Patience = patience
	}
	if cfg.Making <= 0 {
		cfg.Making = makingPatience
	}
	if cfg.UseEvery <= 0 {
		cfg.UseEvery = useEvery
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	x := &Executor{
		cfg: cfg, log: cfg.Log.With("part", "host"),
		specs: specs{filepath.Join(cfg.StateDir, "labs")},
		blobs: blobs{filepath.Join(cfg.StateDir, "blobs"), filepath.Join(cfg.StateDir, "tmp")},
		tmp:   filepath.Join(cfg.StateDir, "tmp"),
		boot:  bootID(), born: time.Now(),
		list:  newLister(cfg.Engine),
		heavy: newSlots(cfg.Workers), light: newSlots(32 * cfg.Workers),
		hub: newHub(), daemons: make(chan struct{}, 1), strange: make(chan struct{}, 1),
		labs: map[string]*labLoop{}, unseen: map[string]bool{}, looked: make(chan struct{}),
	}
	nodes := filepath.Join(cfg.StateDir, "nodes")
	for _, dir := range []string{x.specs.dir, x.blobs.dir, x.tmp, nodes} {
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "The agent's folder %s cannot be made.", dir)
		}
	}
	var err error
	if x.dirs, err = newNodeDirs(nodes, cfg.InitBinary, cfg.StateDir); err != nil {
		return nil, err
	}
	if x.peers, err = newPeering(filepath.Join(cfg.StateDir, "peers.json")); err != nil {
		return nil, err
	}
	if x.where, err = newWhereabouts(filepath.Join(cfg.StateDir, "underlay.json")); err != nil {
		return nil, err
	}
	x.life, x.end = context.WithCancel(context.Background())
	return x, x.load()
}

// load makes a loop for each lab of the state folder.
func (x *Executor) load() error {
	all, err := x.specs.load()
	if err != nil {
		return err
	}
	for id, k := range all {
		l := x.newLoop(id, 0)
		l.desire(k)
		x.labs[id] = l
		x.hub.setLab(l.unknown())
		x.unseen[id] = true
	}
	if len(x.unseen) == 0 {
		close(x.looked)
	}
	return nil
}

// seen says that a lab has been looked at, or could not be.
func (x *Executor) seen(labID string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.unseen[labID] {
		if delete(x.unseen, labID); len(x.unseen) == 0 {
			close(x.looked)
		}
	}
}

// Run converges until ctx ends, and returns after the last goroutine did. Labs go on running.
func (x *Executor) Run(ctx context.Context) error {
	x.mu.Lock()
	if x.started || x.closed {
		x.mu.Unlock()
		return fault.New(fault.Conflict, "This executor was started before.")
	}
	err := x.wakeLocked()
	x.mu.Unlock()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, x.end)
	defer stop()
	x.loops.Go(x.watch)
	x.loops.Go(x.expel)
	x.loops.Go(x.pulse)
	x.loops.Go(x.refresh)
	x.loops.Go(x.patrol)
	x.loops.Go(x.sample)
	if u, ok := x.cfg.Fabric.(Underlay); ok {
		x.loops.Go(func() { x.meet(u) })
		x.loops.Go(func() { x.hear(u) })
	}
	if w, ok := x.cfg.Fabric.(CarrierWatcher); ok {
		x.loops.Go(func() { x.follow(w) })
	}
	<-x.life.Done()
	return x.Close()
}

// wakeLocked takes over the state folder and starts the labs' loops.
func (x *Executor) wakeLocked() error {
	entries, err := os.ReadDir(x.tmp)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The agent's folder %s cannot be read.", x.tmp)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().Before(x.born) { // what an earlier agent left half-way
			os.Remove(filepath.Join(x.tmp, e.Name()))
		}
	}
	if err := x.specs.sweep(x.born); err != nil {
		return err
	}
	for _, l := range x.labs {
		if err := l.journal.open(); err != nil {
			return err
		}
		if l.journal.making() {
			l.doubtUntil = x.born.Add(x.cfg.Making)
		}
		if peers, _ := x.peers.now(); len(peers) > 0 {
			l.hold(x.cfg.Now().Add(x.cfg.Patience))
		}
	}
	x.started = true
	for _, l := range x.labs {
		x.loops.Go(l.run)
	}
	return nil
}

// Close ends all goroutines and waits for them. Labs go on running.
func (x *Executor) Close() error {
	x.mu.Lock()
	x.closed = true
	x.mu.Unlock()
	x.end()
	x.loops.Wait()
	x.asked.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, l := range x.labs {
		l.journal.close()
	}
	return nil
}

// Apply implements hostapi.LabHost.
func (x *Executor) Apply(_ context.Context, spec hostapi.LabSpec) error {
	if err := check(&spec); err != nil {
		return err
	}
	x.limit(&spec)
	err := x.desire(spec.ID, func(now kept) (kept, error) {
		if spec.Generation < now.Generation {
			return now, fault.New(fault.Conflict, "This host has generation %d of the lab already; %d is older.", now.Generation, spec.Generation)
		}
		return kept{Spec: &spec, Generation: spec.Generation, Reached: now.Reached}, nil
	})
	if err == nil {
		x.confirm(spec.ID)
	}
	return err
}

// confirm lets a lab's nodes start: the controller said that they are wanted here.
func (x *Executor) confirm(labID string) {
	x.mu.Lock()
	l := x.labs[labID]
	x.mu.Unlock()
	if l != nil {
		l.confirm()
	}
}

// Remove implements hostapi.LabHost.
func (x *Executor) Remove(_ context.Context, labID string) error {
	if !plainName.MatchString(labID) {
		return fault.New(fault.Invalid, "The lab's identity %q is not a plain name.", labID)
	}
	return x.desire(labID, func(now kept) (kept, error) {
		return kept{Removed: true, Generation: now.Generation}, nil
	})
}

// Reached implements hostapi.FleetHost. The stages are kept on disk: a node that waited and went on does not wait again when the agent restarts.
func (x *Executor) Reached(_ context.Context, labID string, stages map[string][]string) error {
	x.mu.Lock()
	l := x.labs[labID]
	x.mu.Unlock()
	if l == nil || l.desired().Removed {
		return fault.New(fault.NotFound, "This host has no lab %s.", labID)
	}
	return x.desire(labID, func(now kept) (kept, error) {
		if now.Spec == nil {
			return now, fault.New(fault.NotFound, "This host has no lab %s.", labID)
		}
		now.Reached = stages
		return now, nil
	})
}

// desire changes a lab's desired state on disk, then wakes its loop, which it makes when there is none.
func (x *Executor) desire(labID string, change func(kept) (kept, error)) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return fault.New(fault.Unavailable, "The compute host is shutting down.")
	}
	l := x.labs[labID]
	var now kept
	if l != nil {
		now = l.desired()
	}
	next, err := change(now)
	if err != nil {
		return err
	}
	if !now.same(next) {
		if err := x.specs.save(labID, next); err != nil {
			return err
		}
	}
	if l != nil {
		l.desire(next)
		return nil
	}
	l = x.newLoop(labID, x.list.resetsSeen())
	if x.started {
		if err := l.journal.open(); err != nil {
			return err
		}
	}
	l.desire(next)
	x.labs[labID] = l
	x.hub.setLab(l.unknown())
	if x.started {
		x.loops.Go(l.run)
	}
	return nil
}

// forget ends a lab of which nothing is left, unless it has been asked for again meanwhile.
func (x *Executor) forget(l *labLoop) (bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.labs[l.id] != l {
		return true, nil
	}
	if !l.desired().Removed {
		return false, nil
	}
	if err := x.dirs.removeLab(l.id); err != nil {
		return false, err
	}
	if err := l.journal.drop(); err != nil {
		return false, err
	}
	if err := x.specs.forget(l.id); err != nil {
		l.journal.restore()
		return false, err
	}
	delete(x.labs, l.id)
	return true, nil
}

// tellGone tells that the lab is gone, from its loop's goroutine: a status that the loop was about to tell would otherwise come after it, and
// the lab would be seen here for ever. A lab that is wanted again by now has a loop of its own, which tells what is there.
func (x *Executor) tellGone(labID string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.labs[labID] == nil {
		x.hub.removeLab(labID)
	}
}

// Lab implements hostapi.LabHost.
func (x *Executor) Lab(_ context.Context, labID string) (hostapi.LabStatus, error) {
	if status, ok := x.hub.lab(labID); ok {
		return status, nil
	}
	return hostapi.LabStatus{}, fault.New(fault.NotFound, "This host has no lab %s.", labID)
}

// Observe implements hostapi.LabHost.
func (x *Executor) Observe(ctx context.Context) <-chan hostapi.Observation {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		done := make(chan hostapi.Observation)
		close(done)
		return done
	}
	return x.hub.observe(ctx, x.life, x.looked, &x.asked)
}

// limit fills in what the spec leaves open.
func (x *Executor) limit(spec *hostapi.LabSpec) {
	nodes := make([]hostapi.NodeSpec, len(spec.Nodes))
	copy(nodes, spec.Nodes)
	for i := range nodes {
		n, d := &nodes[i], x.cfg.DefaultLimits
		if n.CPU == 0 {
			n.CPU = d.CPU
		}
		if n.MemoryBytes == 0 {
			n.MemoryBytes = d.MemoryBytes
		}
		if n.ShmBytes == 0 {
			n.ShmBytes = d.ShmBytes
		}
		if n.Pids == 0 {
			n.Pids = d.Pids
		}
	}
	spec.Nodes = nodes
}

// loopsNow is a copy of the labs, for going through them without the lock.
func (x *Executor) loopsNow() map[string]*labLoop {
	x.mu.Lock()
	defer x.mu.Unlock()
	return maps.Clone(x.labs)
}
