package terminal

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestKeysReachTheShellAndItsAnswerComesBack(t *testing.T) {
	s := serve(t, Config{})
	b := s.look(t, s.open(t, dialShell), "")
	b.kind("echo $((6*7))-answer\r")
	b.sees("42-answer")
}

func TestResizeReachesTheShell(t *testing.T) {
	s := serve(t, Config{})
	session := s.open(t, dialShell)
	b := s.look(t, session, "")
	b.resize(133, 41)
	b.message("size", func(m map[string]any) bool { return m["cols"] == 133.0 && m["rows"] == 41.0 })
	until(t, "the session has the size", func() bool { i := session.Info(); return i.Cols == 133 && i.Rows == 41 })
	b.kind("stty size\r")
	b.sees("41 133")
	b.resize(0, 0) // a hidden page
	b.kind("echo still; stty size\r")
	until(t, "the size is still the old one", func() bool { return strings.Count(b.screen(), "41 133") == 2 })
}

func TestAReloadKeepsTheShellAndReplays(t *testing.T) {
	s := serve(t, Config{})
	session := s.open(t, dialShell)
	b := s.look(t, session, "")
	b.kind("X=kept-$$; echo shown-$X\r")
	b.sees("shown-kept-")
	b.leave()
	until(t, "the viewer is gone", func() bool { return len(session.Info().Viewers) == 0 })

	again := s.look(t, session, "")
	again.sees("shown-kept-")
	hello := again.message("ready", nil)
	if hello["resumed"] != false || !strings.HasPrefix(hello["restore"].(string), "\x1bc") || hello["replay"].(float64) == 0 {
		t.Errorf("a reload must reset and replay: %v", hello)
	}
	again.kind("echo again-$X\r")
	again.sees("again-kept-")
}

func TestABrowserThatLostItsConnectionGoesOnWhereItStopped(t *testing.T) {
	s := serve(t, Config{})
	session := s.open(t, dialShell)
	b := s.look(t, session, "")
	b.kind("echo before-$((1+1))\r")
	b.sees("before-2\r\n$ ")
	b.leave()
	until(t, "the viewer is gone", func() bool { return len(session.Info().Viewers) == 0 })

	again := s.look(t, session, fmt.Sprintf("from=%d", b.received()))
	hello := again.message("ready", nil)
	if hello["resumed"] != true || hello["restore"] != "" || hello["replay"] != 0.0 {
		t.Errorf("nothing is to be reset: %v", hello)
	}
	again.kind("echo after-$((1+2))\r")
	again.sees("after-3")
	if strings.Contains(again.screen(), "before") {
		t.Errorf("old bytes came again: %q", again.screen())
	}
}

func TestCtrlCAnswersPromptlyWhileYesFloods(t *testing.T) {
	s := serve(t, Config{Stall: time.Hour})
	typed := make(chan string, 100)
	session := s.open(t, func(ctx context.Context, cols, rows uint16) (Stream, error) {
		shell, err := dialShell(ctx, cols, rows)
		return overheard{shell, typed}, err
	})
	b := s.look(t, session, "")
	b.kind("yes\r")
	until(t, "a megabyte of y", func() bool { return b.received() > 1<<20 })
	b.halt() // so that what was on the way when the key arrived can be counted
	until(t, "the session reads no more", func() bool { return session.hasRoom() == full })
	sent := b.received()
	b.kind("\x03")
	for !strings.Contains(<-typed, "\x03") {
	}
	b.kind("echo stopped-$((40+2))\r")
	b.move()
	b.sees("stopped-42")
	// Whatever the tunnel holds comes first: window, backlog, one read, and the kernel's buffers; not more.
	if after := b.received() - sent; after > 1<<20 {
		t.Errorf("%d bytes came between Ctrl-C and the prompt", after)
	}
}

// overheard is a shell whose input is told once it has it.
type overheard struct {
	Stream
	typed chan<- string
}

func (o overheard) Write(p []byte) (int, error) {
	n, err := o.Stream.Write(p)
	o.typed <- string(p[:n])
	return n, err
}

func TestABigFileArrivesWhole(t *testing.T) {
	s := serve(t, Config{Stall: time.Hour})
	b := s.look(t, s.open(t, dialShell), "")
	b.kind("stty -onlcr; seq 1 200000; echo done-$((1+1))\r")
	b.sees("done-2")
	var want strings.Builder
	for i := 1; i <= 200000; i++ {
		fmt.Fprintln(&want, i)
	}
	if !strings.Contains(b.screen(), want.String()) {
		t.Errorf("lines are missing; %d bytes came, %d resyncs", b.received(), b.count("resync"))
	}
	if b.count("resync") != 0 {
		t.Error("the only viewer was resynchronised although the program could wait for it")
	}
}

func TestTheExitCodeReachesTheViewer(t *testing.T) {
	s := serve(t, Config{})
	session := s.open(t, dialShell)
	b := s.look(t, session, "")
	b.kind("exit 7\r")
	m := b.message("exit", nil)
	if m["code"] != 7.0 || m["cause"] != "exit" || m["reason"] != "The shell ended with exit code 7." {
		t.Errorf("exit message: %v", m)
	}
	if code, reason := b.farewell(); code != 1000 || !strings.Contains(reason, "exit code 7") {
		t.Errorf("closed with %d %q", code, reason)
	}
	late := s.look(t, session, "") // a page that reloads just now
	if m := late.message("exit", nil); m["code"] != 7.0 {
		t.Errorf("a late viewer is told: %v", m)
	}
}
