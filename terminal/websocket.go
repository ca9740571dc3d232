package terminal

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"trunkline/internal/fault"
)

// Close codes of our own; the package comment lists all.
const (
	StatusRemoved   websocket.StatusCode = 4403 // the viewer may no longer look on
	StatusSilent    websocket.StatusCode = 4408 // the viewer did not answer
	StatusManyViews websocket.StatusCode = 4429 // too many viewers
)

const (
	maxMessage   = 128 << 10       // bytes of one message from the browser
	maxReason    = 120             // bytes of a close reason; the protocol allows 123
	drainTime    = 5 * time.Second // how long an ended session waits for a viewer to take the rest
	farewellTime = 2 * time.Second // how long the browser may take to answer a close
)

// ServeOption is something more to say about a viewer.
type ServeOption func(*serving)

type serving struct {
	name   string
	from   *uint64
	typing func()
}

// Typing calls note for each message of input. It must not wait for anything.
func Typing(note func()) ServeOption { return func(o *serving) { o.typing = note } }

// ServeAs names the viewer in the list that all viewers see.
func ServeAs(name string) ServeOption { return func(o *serving) { o.name = name } }

// ResumeFrom goes on with that byte of the session, when the ring still has it: for a browser that lost its connection and kept its terminal.
func ResumeFrom(offset uint64) ServeOption { return func(o *serving) { o.from = &offset } }

// ServeWebsocket makes conn a viewer of session until either ends, and closes conn. ctx must not be the request's context after
// a hijack. It returns nil when the session or the viewer ended in an orderly way; otherwise a fault for the log: the person
// has been told by the close reason. Accept conn without compression: it costs latency and gains little here.
func ServeWebsocket(ctx context.Context, conn *websocket.Conn, session *Session, role Role, options ...ServeOption) error {
	var o serving
	for _, option := range options {
		option(&o)
	}
	defer conn.CloseNow()
	release, err := session.manager.hold()
	if err != nil {
		farewell(conn, goodbye{websocket.StatusGoingAway, fault.Sentence(err)})
		return err
	}
	defer release()
	v, err := session.attach(role, o.name, o.from)
	if err != nil {
		farewell(conn, goodbye{StatusManyViews, fault.Sentence(err)})
		return err
	}
	defer session.detach(v)
	conn.SetReadLimit(maxMessage)
	l := newLine(ctx, conn, v)
	l.typing = o.typing
	return l.serve()
}

// line is a viewer's connection. live ends when the viewer does, with the reason as its cause. raw is only cancelled to cut the
// connection: cancelling a read or write of this websocket library closes it before a close reason is out.
type line struct {
	*viewer
	conn  *websocket.Conn
	live  context.Context
	leave context.CancelCauseFunc
	raw   context.Context
	cut   context.CancelFunc

	typing func() // nil: nobody wants to know
}

func newLine(ctx context.Context, conn *websocket.Conn, v *viewer) *line {
	l := &line{viewer: v, conn: conn}
	l.live, l.leave = context.WithCancelCause(ctx)
	l.raw, l.cut = context.WithCancel(context.WithoutCancel(ctx))
	return l
}

// serve runs the three sides and returns when all have ended.
func (l *line) serve() error {
	defer l.cut()
	var sides sync.WaitGroup
	sides.Go(func() { l.leave(l.receive()) })
	sides.Go(l.keepAlive)
	err := l.send()
	l.leave(nil)
	l.conn.CloseNow()
	sides.Wait()
	return err
}

// send is the writing side: it writes at once what there is, and what gathers meanwhile goes in one message.
func (l *line) send() error {
	buf := make([]byte, readSize)
	ended := l.session.ctx.Done()
	var late <-chan time.Time
	isLate := false
	for {
		f := l.next(buf, isLate)
		var err error
		switch {
		case f.bye != nil:
			l.farewell(*f.bye)
			return nil
		case f.text != nil:
			err = l.conn.Write(l.raw, websocket.MessageText, f.text)
		case f.data != nil:
			err = l.conn.Write(l.raw, websocket.MessageBinary, f.data)
		default:
			select {
			case <-l.wake:
			case <-ended:
				ended = nil
				timer := time.NewTimer(drainTime)
				defer timer.Stop()
				late = timer.C
			case <-late:
				isLate = true
			case <-l.live.Done():
				return l.left()
			}
		}
		if err != nil {
			return l.left()
		}
	}
}

// left ends a viewer whose connection or context ended, and says why.
func (l *line) left() error {
	cause := context.Cause(l.live)
	if g, ok := errors.AsType[goodbye](cause); ok {
		l.farewell(g)
		return fault.Wrap(cause, fault.Invalid, "%s", g.reason)
	}
	if cause != nil && !errors.Is(cause, errGone) {
		l.farewell(goodbye{websocket.StatusGoingAway, "The controller closes this connection. Connect again in a moment."})
	}
	return nil // when the browser went away the session lives on
}

// Error lets a goodbye travel as the cause of a context's end.
func (g goodbye) Error() string { return g.reason }

// Removal is the cause to end a viewer's context with when it may no longer look on: the browser is told the reason, and does not come back.
func Removal(reason string) error { return goodbye{StatusRemoved, reason} }

// errGone is the cause when the browser went away.
var errGone = errors.New("the browser went away")

// keepAlive pings. A browser that does not answer is told to connect again, should it ever read it. When the session has ended
// and the browser takes neither the rest nor the reason, the connection is cut.
func (l *line) keepAlive() {
	ticker := time.NewTicker(l.session.config.Ping)
	defer ticker.Stop()
	ended := l.session.ctx.Done()
	var cut <-chan time.Time
	for {
		select {
		case <-l.live.Done():
			return
		case <-ended:
			ended = nil
			timer := time.NewTimer(drainTime + farewellTime)
			defer timer.Stop()
			cut = timer.C
			continue
		case <-cut:
			l.cut()
			continue
		case <-ticker.C:
		}
		wait, stop := context.WithTimeout(l.raw, l.session.config.Ping)
		err := l.conn.Ping(wait)
		stop()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			l.leave(errGone)
			return
		}
		if err != nil {
			l.leave(goodbye{StatusSilent, "This page did not answer in time. Connect again to go on in the same shell."})
			l.cut()
			return
		}
	}
}

// request is a text message of the browser.
type request struct {
	Type  string `json:"type"`
	Cols  int    `json:"cols"`
	Rows  int    `json:"rows"`
	Bytes int    `json:"bytes"`
}

// receive is the reading side. It returns why it ended.
func (l *line) receive() error {
	for {
		kind, data, err := l.conn.Read(l.raw)
		if err != nil {
			return errGone
		}
		if kind == websocket.MessageBinary {
			if l.typing != nil {
				l.typing()
			}
			if err := l.session.typed(l.live, l.viewer, data); err != nil {
				return err
			}
			continue
		}
		var r request
		if err := json.Unmarshal(data, &r); err != nil {
			return goodbye{websocket.StatusInvalidFramePayloadData, "The page sent a message that is not JSON as agreed. Reload the page."}
		}
		switch r.Type {
		case "ack":
			if r.Bytes < 0 {
				return goodbye{websocket.StatusPolicyViolation, "The page acknowledged a negative number of bytes. Reload the page."}
			}
			l.ack(r.Bytes)
		case "resize":
			l.resize(r.Cols, r.Rows)
		case "close":
			if l.role == Control {
				l.session.Close(closedBy(l.name))
			}
		}
	}
}

func closedBy(name string) string {
	if name == "" {
		return "The shell was closed."
	}
	return "The shell was closed by " + name + "."
}

// farewell says goodbye, and does not wait long for the answer.
func (l *line) farewell(g goodbye) {
	l.leave(nil)
	impatience := time.AfterFunc(farewellTime, l.cut)
	defer impatience.Stop()
	farewell(l.conn, g)
}

// farewell closes conn with a code and a reason that fits. A browser that is gone cannot be told, so the error is of no use.
func farewell(conn *websocket.Conn, g goodbye) {
	for len(g.reason) > maxReason {
		_, size := utf8.DecodeLastRuneInString(g.reason)
		g.reason = g.reason[:len(g.reason)-size]
	}
	_ = conn.Close(g.code, strings.ToValidUTF8(g.reason, ""))
}
