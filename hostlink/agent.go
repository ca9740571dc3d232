package hostlink

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"trunkline/internal/fault"
)

// AgentConfig makes an Agent.
type AgentConfig struct {
	Config
	Dialer
	Controller string               // URL; "" takes the identity's
	Identity   Identity             // from Enrol or LoadIdentity
	Keep       func(Identity) error // saves a changed identity, whole or not at all, before it returns; nil: the host's key cannot be changed
	Handler    http.Handler         // serves the controller's requests; paths under /link/ are the package's own
	Version    string               // of the agent, for people
	Logger     *slog.Logger         // nil: silent
	OnState    func(State)          // nil, or called in order from Run on every change; must not block

	// Lasting says which requests go on until they are cancelled, such as a stream of events: their context ends as soon
	// as the agent begins to stop, so that a drain does not wait for them. Nil: none. See also Draining.
	Lasting func(*http.Request) bool
}

// State is where an agent's link stands.
type State struct {
	Linked bool
	Epoch  int64         // of the session while Linked
	Err    *fault.Error  // why not Linked; nil before the first try
	Next   time.Duration // until the next try, while not Linked
}

// Agent is the host's end: it keeps a link to the controller and serves the controller's requests on it.
type Agent struct {
	cfg     AgentConfig
	tune    Config
	address string
	log     *slog.Logger

	keys     keyring
	epoch    int64          // the newest had; only Run uses it
	handlers sync.WaitGroup // requests in progress, of all sessions
}

// NewAgent checks the configuration.
func NewAgent(cfg AgentConfig) (*Agent, error) {
	if err := cfg.Identity.Check(); err != nil {
		return nil, err
	}
	if cfg.Controller == "" {
		cfg.Controller = cfg.Identity.Controller
	}
	address, err := endpoint(cfg.Controller)
	if err != nil {
		return nil, err
	}
	if cfg.Handler == nil {
		cfg.Handler = http.NotFoundHandler()
	}
	if cfg.OnState == nil {
		cfg.OnState = func(State) {}
	}
	if cfg.Lasting == nil {
		cfg.Lasting = func(*http.Request) bool { return false }
	}
	tune := cfg.withDefaults()
	if cfg.BackoffMax == 0 && isLoopback(address) {
		tune.BackoffMax = tune.BackoffMin // the controller is a process of this machine: it may appear any moment
	}
	log := orDiscard(cfg.Logger).With("host", cfg.Identity.HostID, "controller", hostOf(address))
	return &Agent{
		cfg: cfg, tune: tune, address: address, log: log,
		keys: keyring{keep: cfg.Keep, id: cfg.Identity, log: log},
	}, nil
}

// steady is how long a session must have lived for the back-off to start over: a host whose sessions are refused or
// replaced at once must not dial in a tight loop.
const steady = 2 * time.Second

// crowded is the attempt to go on from when another agent took this identity's place: two of them would otherwise push
// each other out several times a second.
const crowded = 5

// Run keeps the host linked until ctx ends; then it drains: the controller is told to open nothing new, requests in
// flight get DrainTimeout to finish, and the link is closed. It returns nil, after its last goroutine has ended. A
// refusal does not end Run, since the controller's mind or version may change: it is logged and passed to OnState.
func (a *Agent) Run(ctx context.Context) error {
	defer a.settle()
	said := "" // the last reason logged, so that a lasting one is logged once
	for attempt := 0; ctx.Err() == nil; attempt++ {
		lived, err := a.link(ctx)
		if ctx.Err() != nil {
			return nil
		}
		switch {
		case websocket.CloseStatus(err) == closeReplaced:
			attempt = max(attempt, crowded)
		case lived >= steady:
			attempt, said = 0, ""
		case fault.Is(err, fault.Unauthenticated):
			a.keys.refused()
		}
		if reason := fault.Sentence(err); reason != said {
			a.log.Warn("This host is not linked.", "reason", reason, "err", err)
			said = reason
		}
		wait := a.wait(attempt, err)
		a.cfg.OnState(State{Err: fault.Public(err), Next: wait})
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return nil
}

// wait is how long to wait before the next try. A refusal that only a person can undo, such as a revoked host's, is asked
// about again after RefusedWait, give or take half; what the controller said when it cut a link is no answer to a dial yet.
func (a *Agent) wait(attempt int, why error) time.Duration {
	if fault.Is(why, fault.Forbidden) && websocket.CloseStatus(why) == -1 {
		return time.Duration((0.5 + rand.Float64()) * float64(a.tune.RefusedWait))
	}
	return Backoff(attempt, a.tune.BackoffMin, a.tune.BackoffMax, rand.Float64())
}

// link is one session from dialling to its end; lived is how long it was linked.
func (a *Agent) link(ctx context.Context) (lived time.Duration, err error) {
	t, err := a.dial(ctx, Control, a.epoch)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	a.log.Info("This host is linked.", "epoch", a.epoch)
	a.cfg.OnState(State{Linked: true, Epoch: a.epoch})
	s := newSession(a, t, a.epoch)
	s.serve(ctx)
	return time.Since(start), t.err() // never nil: serve returned because the tunnel ended
}

// dial opens one channel. A control channel raises the epoch.
func (a *Agent) dial(ctx context.Context, channel Channel, epoch int64) (*tunnel, error) {
	ctx, cancel := context.WithTimeout(ctx, a.tune.HandshakeTimeout)
	defer cancel()
	id := a.keys.current()
	conn, given, err := a.cfg.dial(ctx, a.address, id, channel, epoch, a.cfg.Version)
	if err != nil {
		return nil, err
	}
	if channel == Control {
		a.keys.accepted(id.PrivateKey)
		a.epoch = given
	}
	t, err := newTunnel(conn, channel, false, a.tune, a.log.With("channel", channel, "epoch", given))
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return t, nil
}

// settle waits for handlers that are still at work after their session ended. Their contexts are done and their streams
// closed; one that takes no notice is named in the log rather than waited for.
func (a *Agent) settle() {
	done := make(chan struct{})
	go func() { defer close(done); a.handlers.Wait() }()
	timer := time.NewTimer(a.tune.DrainTimeout)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		a.log.Error("Some requests go on although their link is closed; the agent stops without them.")
	}
}
