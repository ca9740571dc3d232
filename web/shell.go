package web

import (
	"context"
	"encoding/json"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
	"trunkline/terminal"
)

// shell is the websocket of one terminal tab: …/shell?ticket=SECRET&session=ID&from=OFFSET&cols=80&rows=24. Without a session a new shell is
// opened; without a ticket that the page has just got for it there is none. The protocol is package terminal's, and one message of ours before it, because a browser cannot read a refused
// handshake: {"type":"refused","code":"not_found","reason":"…"}.
func (s *Server) shell(r *Request) error {
	if err := s.checkOrigin(r.HTTP()); err != nil {
		return err
	}
	ctx, release, err := s.hold(context.WithoutCancel(r.Context()))
	if err != nil {
		return err
	}
	defer release()
	conn, err := websocket.Accept(r.Writer(), r.HTTP(), &websocket.AcceptOptions{InsecureSkipVerify: true}) // checkOrigin has, more exactly
	if err != nil {
		r.echo.Response().Committed = true // Accept has answered
		return fault.Wrap(err, fault.Forbidden, "The shell's connection was refused.")
	}
	defer conn.CloseNow()
	if err := s.tickets.Redeem(r.Actor, shellPurpose, r.HTTP().URL.EscapedPath(), r.Query("ticket")); err != nil {
		refuseShell(ctx, conn, err)
		return err
	}
	heard, unheard, err := s.hear(ctx, r)
	if err != nil {
		refuseShell(ctx, conn, err)
		return err
	}
	defer unheard()
	session, role, err := s.openShell(ctx, r)
	if err != nil {
		refuseShell(ctx, conn, err)
		return err
	}
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	var typed atomic.Bool
	go s.watchRights(ctx, r, session, heard, &typed, leave)
	options := []terminal.ServeOption{terminal.ServeAs(r.Actor.ShownName()), terminal.Typing(func() { typed.Store(true) })}
	if from, err := strconv.ParseUint(r.Query("from"), 10, 64); err == nil {
		options = append(options, terminal.ResumeFrom(from))
	}
	return terminal.ServeWebsocket(ctx, conn, session, role, options...)
}

// shellRole: who may not work in nodes may look on.
func shellRole(actor tenancy.Actor, lab control.LabView) terminal.Role {
	if mayOn(actor, tenancy.UseNode, lab) {
		return terminal.Control
	}
	return terminal.Watch
}

// openShell attaches to the session named, or starts a shell. The lab is asked for first, which settles the rights.
func (s *Server) openShell(ctx context.Context, r *Request) (*terminal.Session, terminal.Role, error) {
	detail, err := s.Labs.Get(ctx, r.Actor, r.Param("lab"))
	if err != nil {
		return nil, "", err
	}
	role := shellRole(r.Actor, detail.LabView)
	node := r.Param("node")
	key := terminal.Key{Tenant: r.Actor.TenantID, Lab: detail.ID, Node: node, Session: r.Query("session")}
	if key.Session != "" {
		session, err := s.Shells.Attach(key)
		if err != nil {
			return nil, "", err
		}
		return session, role, s.recordOnlooker(ctx, r, session, detail.LabView)
	}
	view, err := nodeView(detail, node)
	if err != nil {
		return nil, "", err
	}
	if !view.Container {
		return nil, "", fault.New(fault.Unsupported, "%s is a %s: it has no shell.", node, view.KindWord)
	}
	cols, rows := size(r.Query("cols"), 80), size(r.Query("rows"), 24)
	options := terminal.Options{Cols: cols, Rows: rows, Owner: r.Actor.ShownName()}
	session, err := s.Shells.Open(ctx, key, options, func(ctx context.Context, cols, rows uint16) (terminal.Stream, error) {
		stream, err := s.NodeIO.Exec(ctx, r.Actor, detail.ID, node, hostapi.ExecRequest{
			TTY: true, Cols: cols, Rows: rows, Env: map[string]string{"TERM": "xterm-256color", "COLORTERM": "truecolor"},
		})
		if err != nil {
			return nil, err // not the nil *ExecConn: that would be a stream
		}
		return stream, nil
	})
	if err == nil {
		s.onlookers.came(session, onlooker(r.Actor))
	}
	return session, role, err
}

// size reads columns or rows.
func size(text string, otherwise uint16) uint16 {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n < 1 || n > 1000 {
		return otherwise
	}
	return uint16(n)
}

// refuseShell tells the page why there is no shell.
func refuseShell(ctx context.Context, conn *websocket.Conn, err error) {
	problem := fault.Public(err)
	text, _ := json.Marshal(map[string]string{"type": "refused", "code": string(problem.Code), "reason": problem.Sentence}) // strings only
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if conn.Write(ctx, websocket.MessageText, text) == nil {
		_ = conn.Close(websocket.StatusNormalClosure, "") // the browser may be gone already
	}
}

// watchRights ends a viewer whose rights have ended: at once when the bell rings, else at the next heartbeat. Who types is not idle.
func (s *Server) watchRights(ctx context.Context, r *Request, session *terminal.Session, heard <-chan tenancy.Revocation, typed *atomic.Bool, leave func(error)) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		var told tenancy.Revocation
		select {
		case <-ctx.Done():
			return
		case <-session.Done():
			return
		case told = <-heard:
		case <-tick.C:
			if typed.Swap(false) {
				s.stillActing(r.Actor)
				_, _ = s.SignedIn.Used(ctx, r.Actor.SessionID, r.Actor.Address) // when it is over, ended says so
			}
		}
		if reason := s.ended(ctx, r, told); reason != "" {
			leave(terminal.Removal(reason))
			return
		}
	}
}
