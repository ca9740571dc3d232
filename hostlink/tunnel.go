package hostlink

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/hashicorp/yamux"

	"trunkline/internal/fault"
)

// Channel is the kind of a websocket between a host and the controller.
type Channel string

const (
	Control Channel = "control" // requests, events, terminals
	Bulk    Channel = "bulk"    // files, images, captures
)

// Why one side ended the websocket; RFC 6455 leaves 4000 to 4999 to applications.
const (
	closeReplaced websocket.StatusCode = 4001
	closeRemoved  websocket.StatusCode = 4002
	closeIdle     websocket.StatusCode = 4003
	closeStopping                      = websocket.StatusGoingAway
)

// tunnel is one yamux session over one websocket, at either end, with its pings.
type tunnel struct {
	channel Channel
	conn    *wsConn
	mux     *yamux.Session
	cfg     Config
	log     *slog.Logger

	smoothed atomic.Int64 // round trip in nanoseconds, 0 before the first answer
	cause    atomic.Pointer[fault.Error]
	running  sync.WaitGroup

	mu      sync.Mutex
	stopped bool // wait has begun to wait for running
}

// newTunnel starts the session. The controller opens streams, the agent takes them. Whoever makes a tunnel calls wait.
func newTunnel(conn *wsConn, channel Channel, opens bool, cfg Config, log *slog.Logger) (*tunnel, error) {
	settings := &yamux.Config{
		AcceptBacklog:          256,
		KeepAliveInterval:      cfg.KeepAlive, // ours instead: yamux waits WriteTimeout for the answer, which is too long
		ConnectionWriteTimeout: cfg.WriteTimeout,
		MaxStreamWindowSize:    cfg.window(channel),
		StreamOpenTimeout:      cfg.StreamOpenTimeout,
		StreamCloseTimeout:     cfg.StreamCloseTimeout,
		Logger:                 muxLog{log},
	}
	make := yamux.Server
	if opens {
		make = yamux.Client
	}
	mux, err := make(conn, settings)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The tunnel's settings are not usable.")
	}
	tuneTCP(conn.raw, cfg.DetectWithin(), unsentLimit(channel))
	t := &tunnel{channel: channel, conn: conn, mux: mux, cfg: cfg, log: log}
	t.spawn(t.watch)
	if opens {
		t.spawn(t.refuseStreams)
	}
	return t, nil
}

// watch pings at once and then every interval, and ends the tunnel when nothing at all arrived for DetectWithin. Any byte
// counts as life: on a busy line the answer itself may be queued behind data.
func (t *tunnel) watch() {
	ticker := time.NewTicker(t.cfg.pingEvery(t.channel))
	defer ticker.Stop()
	limit := t.cfg.DetectWithin()
	silence := time.NewTimer(limit)
	defer silence.Stop()
	t.spawn(t.ping)
	for {
		select {
		case <-ticker.C:
			t.spawn(t.ping)
		case <-silence.C:
			quiet := t.conn.quiet()
			if quiet >= limit {
				t.drop(fault.New(ErrLost.Code, "%s", ErrLost.Sentence))
				return
			}
			silence.Reset(limit - quiet)
		case <-t.done():
			return
		}
	}
}

// refuseStreams ends the tunnel of a host that opens a stream: only the controller may, and one that nobody reads would
// hold a window of the controller's memory.
func (t *tunnel) refuseStreams() {
	if _, err := t.mux.AcceptStream(); err == nil {
		t.drop(fault.New(fault.Invalid, "The host opened a stream to the controller, which no agent does. Its link was closed."))
	}
}

// ping ends with the answer, with WriteTimeout or with the session.
func (t *tunnel) ping() {
	if rtt, err := t.mux.Ping(); err == nil {
		t.sample(rtt)
	}
}

// sample smooths round trips as RFC 6298 does: seven parts of the old, one of the new.
func (t *tunnel) sample(rtt time.Duration) {
	rtt = max(rtt, 1)
	for {
		old := t.smoothed.Load()
		next := int64(rtt)
		if old > 0 {
			next = old + (int64(rtt)-old)/8
		}
		if t.smoothed.CompareAndSwap(old, next) {
			return
		}
	}
}

func (t *tunnel) rtt() time.Duration { return time.Duration(t.smoothed.Load()) }

func (t *tunnel) done() <-chan struct{} { return t.mux.CloseChan() }

func (t *tunnel) ended() bool { return t.mux.IsClosed() }

// end says why, waits at most CloseTimeout for the other side to have read it, and closes the session.
func (t *tunnel) end(cause *fault.Error, code websocket.StatusCode) {
	t.cause.CompareAndSwap(nil, cause)
	t.conn.leave(code, closeReason(cause.Sentence), t.cfg.CloseTimeout)
	_ = t.mux.Close()
}

// drop closes the session of a connection that is dead already.
func (t *tunnel) drop(cause *fault.Error) {
	t.cause.CompareAndSwap(nil, cause)
	_ = t.conn.raw.Close()
	_ = t.mux.Close()
}

// spawn runs f as a goroutine that wait waits for; false, and nothing runs, when the tunnel is over.
func (t *tunnel) spawn(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return false
	}
	t.running.Go(f)
	return true
}

// wait returns when the session is closed and every goroutine of the tunnel has ended.
func (t *tunnel) wait() {
	<-t.done()
	_ = t.mux.Close() // the second caller waits for the first
	t.mu.Lock()
	t.stopped = true
	t.mu.Unlock()
	t.running.Wait()
}

// err says why the tunnel ended, in words for the requests it cut; nil while it lives.
func (t *tunnel) err() *fault.Error {
	if !t.ended() {
		return nil
	}
	if cause := t.cause.Load(); cause != nil {
		return cause
	}
	why := t.conn.why()
	switch websocket.CloseStatus(why) {
	case closeReplaced:
		return fault.Wrap(why, ErrReplaced.Code, "%s", ErrReplaced.Sentence)
	case closeRemoved:
		return fault.Wrap(why, ErrHostRevoked.Code, "%s", removedSentence(why))
	case closeIdle:
		return fault.Wrap(why, errIdle.Code, "%s", errIdle.Sentence)
	case closeStopping:
		return fault.Wrap(why, fault.Unavailable, "The other side is stopping. The link comes back with it.")
	}
	return fault.Wrap(why, ErrLost.Code, "%s", ErrLost.Sentence)
}

func removedSentence(why error) string {
	if closed, ok := errors.AsType[websocket.CloseError](why); ok && closed.Reason != "" {
		return closed.Reason
	}
	return ErrHostRevoked.Sentence
}

// explain turns an error of a request or stream into one a person can act on. Errors of the caller's own making, such
// as a cancelled context, pass as they are.
func (t *tunnel) explain(err error) error {
	if err == nil {
		return nil
	}
	if _, known := errors.AsType[*fault.Error](err); known {
		return err
	}
	if errors.Is(err, yamux.ErrRemoteGoAway) {
		return fault.Wrap(err, ErrStopping.Code, "%s", ErrStopping.Sentence)
	}
	if cause := t.err(); cause != nil {
		return fault.Wrap(err, cause.Code, "%s", cause.Sentence)
	}
	if errors.Is(err, yamux.ErrConnectionReset) {
		return fault.Wrap(err, fault.Unavailable, "The host cut this request, as an agent does that is stopping. Try again.")
	}
	return err
}

// closeReason cuts a sentence to what a close frame holds: 123 bytes, whole characters.
func closeReason(sentence string) string {
	const most = 123
	if len(sentence) <= most {
		return sentence
	}
	cut := 0
	for i := range sentence {
		if i > most-len("…") {
			break
		}
		cut = i
	}
	return sentence[:cut] + "…"
}
