package terminal

import (
	"context"
	"crypto/rand"
	"regexp"
	"slices"
	"sync"
	"time"

	"trunkline/internal/fault"
)

// sweepEvery is how often sessions are looked through for those that have outlived their time.
const sweepEvery = 5 * time.Second

// Manager keeps all sessions of a controller. It owns their goroutines and those of their viewers: Close waits for them.
type Manager struct {
	config Config
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	sessions map[name]*place
}

// name is what a session is found by. The tenant is part of it, so another tenant's session does not exist.
type name struct{ tenant, session string }

// place is where a session is or will be: opened is closed when dialling is over, with session or err set.
type place struct {
	key     Key
	opened  chan struct{}
	session *Session
	err     error
}

// NewManager makes a manager; zero values in c mean the defaults. Call Run, and Close at the end.
func NewManager(c Config) *Manager {
	m := &Manager{config: c.withDefaults(), sessions: make(map[name]*place)}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// Run ends sessions whose time is over until ctx is cancelled, and then closes the manager.
func (m *Manager) Run(ctx context.Context) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.sweep(m.config.Now())
		case <-m.ctx.Done():
			m.Close()
			return nil
		case <-ctx.Done():
			m.Close()
			return nil
		}
	}
}

// Close ends all sessions, tells their viewers that the controller stops, and returns when the last goroutine has ended. It
// may be called more than once.
func (m *Manager) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.cancel()
	for _, s := range m.all() {
		s.end(End{Cause: CauseShutdown, Reason: "Trunkline is stopping, so this shell ended. Open a new one in a moment."})
	}
	m.work.Wait()
}

// Open starts a session by dial, or returns the running one when key names it (so that a browser may repeat a request). An empty
// key.Session is chosen here; one that the caller chose must be unguessable: 20 to 64 letters, digits, _ or -. ctx bounds
// the dialling only. Errors: invalid, conflict (the identifier is used for another node, or has ended), exhausted (a limit), unavailable
// (the manager is closed), and what dial returns.
func (m *Manager) Open(ctx context.Context, key Key, o Options, dial Dial) (*Session, error) {
	if key.Tenant == "" || key.Lab == "" || key.Node == "" {
		return nil, fault.New(fault.Invalid, "A shell needs a tenant, a lab and a node.")
	}
	if key.Session == "" {
		key.Session = rand.Text()
	} else if !goodID.MatchString(key.Session) {
		return nil, fault.New(fault.Invalid, "The identifier of a terminal session needs 20 to 64 letters, digits, _ or -.").InField("session")
	}
	if o.Cols == 0 || o.Rows == 0 {
		o.Cols, o.Rows = 80, 24
	}
	p, mine, err := m.reserve(key)
	if err != nil {
		return nil, err
	}
	if !mine {
		return p.wait(ctx, key)
	}
	defer m.work.Done()
	session, err := m.start(ctx, key, o, dial)
	m.mu.Lock()
	p.session, p.err = session, err
	if err != nil {
		delete(m.sessions, nameOf(key))
	}
	closed := m.closed
	m.mu.Unlock()
	close(p.opened)
	if session != nil && closed { // Close may have looked before the session was there
		session.end(End{Cause: CauseShutdown, Reason: "Trunkline is stopping, so this shell ended. Open a new one in a moment."})
	}
	return session, err
}

var goodID = regexp.MustCompile(`^[A-Za-z0-9_-]{20,64}$`)

func nameOf(key Key) name { return name{key.Tenant, key.Session} }

// reserve takes a place, or returns the one that has the name. A new place counts as work until Open is done with it.
func (m *Manager) reserve(key Key) (p *place, mine bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, false, errClosed()
	}
	if p, ok := m.sessions[nameOf(key)]; ok {
		return p, false, nil
	}
	m.forgetLocked(key.Tenant)
	live, ofTenant := 0, 0
	for _, p := range m.sessions {
		if !p.liveLocked() {
			continue
		}
		live++
		if p.key.Tenant == key.Tenant {
			ofTenant++
		}
	}
	switch {
	case ofTenant >= m.config.PerTenant:
		return nil, false, fault.New(fault.Exhausted, "%d shells are open in this workspace, which is the limit. Close one that is no longer needed and try again.", ofTenant)
	case live >= m.config.Total:
		return nil, false, fault.New(fault.Exhausted, "This Trunkline has %d shells open, which is its limit. Try again later or ask the administrator to raise it.", live)
	}
	p = &place{key: key, opened: make(chan struct{})}
	m.sessions[nameOf(key)] = p
	m.work.Add(1)
	return p, true, nil
}

// forgetLocked keeps the ended sessions of a tenant as few as its running ones may be: the oldest goes first.
func (m *Manager) forgetLocked(tenant string) {
	var ended []*place
	for _, p := range m.sessions {
		if p.key.Tenant == tenant && !p.liveLocked() {
			ended = append(ended, p)
		}
	}
	if len(ended) < m.config.PerTenant {
		return
	}
	oldest := slices.MinFunc(ended, func(a, b *place) int { return a.session.started.Compare(b.session.started) })
	delete(m.sessions, nameOf(oldest.key))
}

// liveLocked says whether the place counts for limits.
func (p *place) liveLocked() bool {
	if p.session == nil {
		return true
	}
	_, ended := p.session.End()
	return !ended
}

// wait returns the session that another call opens or has opened.
func (p *place) wait(ctx context.Context, key Key) (*Session, error) {
	if p.key != key {
		return nil, fault.New(fault.Conflict, "That terminal session belongs to another node. Open a new one.")
	}
	select {
	case <-p.opened:
	case <-ctx.Done():
		return nil, fault.Wrap(ctx.Err(), fault.Unavailable, "Opening the shell took too long or was cancelled. Try again.")
	}
	if p.err != nil {
		return nil, p.err
	}
	if end, ended := p.session.End(); ended {
		return nil, fault.New(fault.Conflict, "That terminal session has ended: %s Open a new one.", end.Reason)
	}
	return p.session, nil
}

// start dials and starts the session's goroutines.
func (m *Manager) start(ctx context.Context, key Key, o Options, dial Dial) (*Session, error) {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	giveUp := context.AfterFunc(ctx, cancel)
	stop := context.AfterFunc(m.ctx, cancel)
	stream, err := dial(inner, o.Cols, o.Rows)
	abandoned := !giveUp()
	if !stop() || abandoned {
		cancel()
		if err == nil {
			stream.Close()
		}
		if m.ctx.Err() != nil {
			return nil, errClosed()
		}
		return nil, fault.Wrap(context.Cause(ctx), fault.Unavailable, "Opening the shell took too long or was cancelled. Try again.")
	}
	if err != nil {
		cancel()
		return nil, err
	}
	s := newSession(m, key, o, stream, inner, cancel)
	if o.Record != nil {
		s.record(o.Record)
	}
	m.work.Go(s.readLoop)
	m.work.Go(s.writeLoop)
	return s, nil
}

func errClosed() error {
	return fault.New(fault.Unavailable, "Trunkline is stopping. Try again in a moment.")
}

// hold counts a viewer as work until release is called.
func (m *Manager) hold() (release func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed()
	}
	m.work.Add(1)
	return m.work.Done, nil
}

// Attach finds a session by tenant and identifier. Lab and Node of the key are compared when they are not empty. A session that has just
// ended is found too, so that its viewer can be told why. Another tenant's, a wrong or a forgotten one are not found alike.
func (m *Manager) Attach(key Key) (*Session, error) {
	m.mu.Lock()
	p := m.sessions[nameOf(key)]
	m.mu.Unlock()
	if p == nil || key.Lab != "" && key.Lab != p.key.Lab || key.Node != "" && key.Node != p.key.Node {
		return nil, errNotFound()
	}
	select {
	case <-p.opened:
	default:
		return nil, errNotFound() // nobody knows its name yet
	}
	if p.err != nil {
		return nil, errNotFound()
	}
	return p.session, nil
}

func errNotFound() error {
	return fault.New(fault.NotFound, "There is no such terminal session. It may have ended; open a new shell.")
}

// List describes the running sessions of a lab, or of all labs of the tenant when lab is empty, the oldest first.
func (m *Manager) List(tenant, lab string) []Info {
	list := []Info{}
	for _, s := range m.all() {
		if _, ended := s.End(); !ended && s.key.Tenant == tenant && (lab == "" || s.key.Lab == lab) {
			list = append(list, s.Info())
		}
	}
	slices.SortFunc(list, func(a, b Info) int { return a.Started.Compare(b.Started) })
	return list
}

// CloseWhere ends the sessions that match; reason is a sentence that their viewers are shown. It returns how many.
func (m *Manager) CloseWhere(match func(Key) bool, reason string) int {
	n := 0
	for _, s := range m.all() {
		if _, ended := s.End(); !ended && match(s.key) {
			s.Close(reason)
			n++
		}
	}
	return n
}

// DropViewers disconnects the viewers that match, for instance of one whose rights ended; their sessions go on for the others.
// It returns how many.
func (m *Manager) DropViewers(match func(Key, ViewerInfo) bool, reason string) int {
	n := 0
	for _, s := range m.all() {
		n += s.drop(func(v ViewerInfo) bool { return match(s.key, v) }, reason)
	}
	return n
}

// all returns the sessions that have been opened.
func (m *Manager) all() []*Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sessions []*Session
	for _, p := range m.sessions {
		if p.session != nil {
			sessions = append(sessions, p.session)
		}
	}
	return sessions
}

// sweep ends the sessions whose time is over at now, and forgets those that ended long enough ago.
func (m *Manager) sweep(now time.Time) {
	for _, s := range m.all() {
		if e, over := s.expiry(now); over {
			s.end(e)
		}
		if s.forgotten(now) {
			m.mu.Lock()
			delete(m.sessions, nameOf(s.key))
			m.mu.Unlock()
		}
	}
}
