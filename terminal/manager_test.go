package terminal

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/internal/fault"
)

func open(t *testing.T, m *Manager, tenant, node string) (*Session, *scripted) {
	t.Helper()
	shell := newScripted()
	session, err := m.Open(t.Context(), Key{Tenant: tenant, Lab: "l", Node: node}, Options{Owner: "ana"}, shell.dial)
	if err != nil {
		t.Fatal(err)
	}
	return session, shell
}

func manager(t *testing.T, c Config) *Manager {
	t.Helper()
	m := NewManager(c)
	t.Cleanup(m.Close)
	return m
}

func TestSessionsOfAnotherTenantDoNotExist(t *testing.T) {
	m := manager(t, Config{})
	session, _ := open(t, m, "a", "n1")
	id := session.ID()
	if len(id) < 26 {
		t.Errorf("the identifier %q can be guessed", id)
	}
	for name, key := range map[string]Key{
		"another tenant's":   {Tenant: "b", Session: id},
		"no tenant":          {Session: id},
		"another lab":        {Tenant: "a", Lab: "other", Session: id},
		"another node":       {Tenant: "a", Node: "other", Session: id},
		"one that never was": {Tenant: "a", Session: "x"},
	} {
		_, err := m.Attach(key)
		if !fault.Is(err, fault.NotFound) || err.Error() != errNotFound().Error() {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := m.Attach(Key{Tenant: "a", Lab: "l", Node: "n1", Session: id}); err != nil || got != session {
		t.Errorf("its own: %v", err)
	}
	if got := m.List("b", ""); len(got) != 0 {
		t.Errorf("the other tenant sees %v", got)
	}
	if got := m.List("a", "l"); len(got) != 1 || got[0].Key.Session != id || got[0].Owner != "ana" || got[0].Detached.IsZero() {
		t.Errorf("its own tenant sees %+v", got)
	}
}

func TestLimitsAreSaidClearly(t *testing.T) {
	m := manager(t, Config{PerTenant: 2, Total: 3})
	first, _ := open(t, m, "a", "n1")
	open(t, m, "a", "n2")
	refuse := func(tenant, want string) {
		t.Helper()
		_, err := m.Open(t.Context(), Key{Tenant: tenant, Lab: "l", Node: "n"}, Options{}, newScripted().dial)
		if !fault.Is(err, fault.Exhausted) || !strings.Contains(fault.Sentence(err), want) {
			t.Errorf("got %v", err)
		}
	}
	refuse("a", "2 shells are open in this workspace")
	open(t, m, "b", "n1")
	refuse("c", "3 shells open")
	first.Close("Done.")
	open(t, m, "a", "n3")
}

func TestOpeningTwiceWithOneIdentifierGivesOneSession(t *testing.T) {
	m := manager(t, Config{})
	key := Key{Tenant: "a", Lab: "l", Node: "n", Session: "abcdefghijklmnopqrstuvwxyz"}
	dials := make(chan struct{}, 2)
	hold := make(chan struct{})
	dial := func(ctx context.Context, _, _ uint16) (Stream, error) {
		dials <- struct{}{}
		<-hold
		return newScripted(), nil
	}
	var both sync.WaitGroup
	var got [2]*Session
	for i := range got {
		both.Go(func() { got[i], _ = m.Open(t.Context(), key, Options{}, dial) })
	}
	<-dials
	close(hold)
	both.Wait()
	if got[0] == nil || got[0] != got[1] || len(dials) != 0 {
		t.Errorf("two sessions: %v, %d more dials", got, len(dials))
	}
	other := key
	other.Node = "m"
	if _, err := m.Open(t.Context(), other, Options{}, dial); !fault.Is(err, fault.Conflict) {
		t.Errorf("another node with the same identifier: %v", err)
	}
	got[0].Close("Done.")
	if _, err := m.Open(t.Context(), key, Options{}, dial); !fault.Is(err, fault.Conflict) {
		t.Errorf("an ended session: %v", err)
	}
	key.Session = "guess"
	if _, err := m.Open(t.Context(), key, Options{}, dial); !fault.Is(err, fault.Invalid) {
		t.Errorf("a poor identifier: %v", err)
	}
}

func TestAFailedOrCancelledDialLeavesNothing(t *testing.T) {
	m := manager(t, Config{PerTenant: 1})
	key := Key{Tenant: "a", Lab: "l", Node: "n"}
	want := fault.New(fault.Conflict, "The node is stopped.")
	_, err := m.Open(t.Context(), key, Options{}, func(context.Context, uint16, uint16) (Stream, error) { return nil, want })
	if !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	late := newScripted()
	_, err = m.Open(ctx, key, Options{}, func(inner context.Context, _, _ uint16) (Stream, error) {
		cancel()
		<-inner.Done()
		return late, nil
	})
	if !fault.Is(err, fault.Unavailable) || !late.closed {
		t.Errorf("cancelled: %v, stream closed: %v", err, late.closed)
	}
	session, _ := open(t, m, "a", "n") // the place is free
	if err := session.ctx.Err(); err != nil {
		t.Errorf("the session's context: %v", err)
	}
}

func TestTheSessionOutlivesTheRequestThatOpenedIt(t *testing.T) {
	m := manager(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	var inner context.Context
	session, err := m.Open(ctx, Key{Tenant: "a", Lab: "l", Node: "n"}, Options{}, func(c context.Context, _, _ uint16) (Stream, error) {
		inner = c
		return newScripted(), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if inner.Err() != nil {
		t.Error("the stream's context ended with the request")
	}
	session.Close("Done.")
	if inner.Err() == nil {
		t.Error("the stream's context outlived the session")
	}
}

func TestADetachedSessionEndsAfterTheGraceTime(t *testing.T) {
	c := newClock()
	s := serve(t, Config{Now: c.Now})
	shell := newScripted()
	session := s.open(t, shell.dial)
	b := s.look(t, session, "")
	s.sweep(c.advance(time.Hour))
	if _, ended := session.End(); ended {
		t.Fatal("a session with a viewer must live")
	}
	b.leave()
	until(t, "detached", func() bool { return len(session.Info().Viewers) == 0 })
	s.sweep(c.advance(10*time.Minute - time.Second))
	if _, ended := session.End(); ended {
		t.Fatal("ended before the grace time")
	}
	s.sweep(c.advance(time.Second))
	end, ended := session.End()
	if !ended || end.Cause != CauseIdle || end.Code != nil || end.Reason != "Nobody was connected for 10 minutes, so the shell was closed." {
		t.Fatalf("end: %+v %v", end, ended)
	}
	late := s.look(t, session, "")
	if m := late.message("exit", nil); m["cause"] != "idle" || m["code"] != nil {
		t.Errorf("a late viewer is told %v", m)
	}
	late.farewell()
	until(t, "the late viewer left", func() bool { return len(session.Info().Viewers) == 0 })
	s.sweep(c.advance(time.Minute))
	if _, err := s.Attach(session.Key()); !fault.Is(err, fault.NotFound) {
		t.Errorf("an ended session is kept: %v", err)
	}
}

func TestAnIdleSessionEndsWhenThatIsWanted(t *testing.T) {
	c := newClock()
	s := serve(t, Config{Now: c.Now, Idle: time.Hour})
	session := s.open(t, newScripted().dial)
	b := s.look(t, session, "")
	c.advance(30 * time.Minute)
	b.kind("x")
	shellGot := func() bool { session.mu.Lock(); defer session.mu.Unlock(); return session.lastUse.Equal(c.Now()) }
	until(t, "the key counts as use", shellGot)
	s.sweep(c.advance(59 * time.Minute))
	if _, ended := session.End(); ended {
		t.Fatal("ended too early")
	}
	s.sweep(c.advance(time.Minute))
	if m := b.message("exit", nil); m["reason"] != "Nothing happened in this shell for 1 hour, so it was closed." {
		t.Errorf("exit: %v", m)
	}
}

func TestEveryEndReachesTheViewer(t *testing.T) {
	for name, c := range map[string]struct {
		do     func(*server, *scripted)
		cause  string
		reason string
		code   any
	}{
		"the shell ends": {func(_ *server, sh *scripted) { sh.finish(new(int), io.EOF) }, "exit", "The shell ended.", 0.0},
		"the host link is lost": {
			func(_ *server, sh *scripted) { sh.finish(nil, io.ErrUnexpectedEOF) }, "lost", "The connection to the node was lost", nil},
		"the stream just ends": {func(_ *server, sh *scripted) { sh.finish(nil, io.EOF) }, "lost", "The connection to the node was lost", nil},
		"the host says why": {
			func(_ *server, sh *scripted) { sh.finish(nil, fault.New(fault.Unavailable, "The host is away.")) }, "lost", "The host is away.", nil},
		"the node is stopped": {
			func(s *server, _ *scripted) {
				s.CloseWhere(func(k Key) bool { return k.Node == "n1" }, "The node n1 was stopped.")
			}, "closed", "The node n1 was stopped.", nil},
		"the controller stops": {func(s *server, _ *scripted) { s.Close() }, "shutdown", "Trunkline is stopping", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, Config{})
			shell := newScripted()
			b := s.look(t, s.open(t, shell.dial), "")
			shell.print("last words")
			b.sees("last words")
			c.do(s, shell)
			m := b.message("exit", nil)
			if m["cause"] != c.cause || !strings.HasPrefix(m["reason"].(string), c.reason) || m["code"] != c.code {
				t.Errorf("exit: %v", m)
			}
			code, reason := b.farewell()
			if want := map[bool]int{true: 1001, false: 1000}[c.cause == "shutdown"]; int(code) != want || !strings.HasPrefix(reason, c.reason) {
				t.Errorf("closed with %d %q", code, reason)
			}
		})
	}
}

func TestTheTabEndsTheShellOnPurpose(t *testing.T) {
	s := serve(t, Config{})
	session := s.open(t, newScripted().dial)
	b := s.look(t, session, "name=ana")
	other := s.look(t, session, "role=watch")
	b.send(map[string]any{"type": "close"})
	if m := other.message("exit", nil); m["reason"] != "The shell was closed by ana." {
		t.Errorf("exit: %v", m)
	}
}

func TestOutputBeforeTheEndIsNotLost(t *testing.T) {
	s := serve(t, Config{Window: 4 << 10})
	shell := newScripted()
	b := s.look(t, s.open(t, shell.dial), "")
	shell.print(strings.Repeat("x", 60<<10) + "last words")
	shell.finish(new(int), io.EOF)
	b.message("exit", nil)
	if got := b.screen(); !strings.HasSuffix(got, "last words") || b.received() != 60<<10+len("last words") {
		t.Errorf("%d bytes came before the exit", b.received())
	}
}

func TestAViewerWhoseRightsEndedLeavesAndTheOthersStay(t *testing.T) {
	s := serve(t, Config{})
	shell := newScripted()
	session := s.open(t, shell.dial)
	ana, bo := s.look(t, session, "name=ana"), s.look(t, session, "name=bo")
	n := s.DropViewers(func(k Key, v ViewerInfo) bool { return k.Tenant == "t" && v.Name == "bo" }, "You are no longer a member of this workspace.")
	if n != 1 {
		t.Errorf("dropped %d", n)
	}
	if code, reason := bo.farewell(); code != StatusRemoved || !strings.Contains(reason, "no longer a member") {
		t.Errorf("closed with %d %q", code, reason)
	}
	shell.print("still here")
	ana.sees("still here")
}

func TestRunSweepsAndClosesAtTheEnd(t *testing.T) {
	m := NewManager(Config{})
	session, _ := open(t, m, "a", "n")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if end, ended := session.End(); !ended || end.Cause != CauseShutdown {
		t.Errorf("end: %+v", end)
	}
	if _, err := m.Open(t.Context(), Key{Tenant: "a", Lab: "l", Node: "n"}, Options{}, newScripted().dial); !fault.Is(err, fault.Unavailable) {
		t.Errorf("open after close: %v", err)
	}
}

func TestFewEndedSessionsAreKept(t *testing.T) {
	c := newClock()
	m := manager(t, Config{PerTenant: 2, Now: c.Now})
	var sessions []*Session
	for range 4 {
		session, _ := open(t, m, "a", "n")
		session.Close("Done.")
		c.advance(time.Second)
		sessions = append(sessions, session)
	}
	for i, session := range sessions {
		_, err := m.Attach(session.Key())
		if kept := err == nil; kept != (i >= 2) {
			t.Errorf("session %d kept: %v", i, kept)
		}
	}
}

func TestALongReasonIsShortenedForTheCloseAndWholeInTheMessage(t *testing.T) {
	s := serve(t, Config{})
	session := s.open(t, newScripted().dial)
	b := s.look(t, session, "")
	long := "x" + strings.Repeat("é", 200)
	session.Close(long)
	if m := b.message("exit", nil); m["reason"] != long {
		t.Errorf("exit: %v", m)
	}
	if _, reason := b.farewell(); reason != "x"+strings.Repeat("é", 59) {
		t.Errorf("closed with %q", reason)
	}
}

func TestRolesAreParsed(t *testing.T) {
	for text, want := range map[string]Role{"": Control, "control": Control, "watch": Watch, "root": ""} {
		got, err := ParseRole(text)
		if got != want || (err != nil) != (want == "") || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
}
