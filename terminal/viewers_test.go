package terminal

import (
	"strings"
	"testing"
	"time"
)

func TestTwoViewersSeeTheSameAndBothMayType(t *testing.T) {
	shell := newScripted()
	shell.echo = true
	s := serve(t, Config{})
	session := s.open(t, shell.dial)
	ana := s.look(t, session, "name=ana")
	bo := s.look(t, session, "name=bo")
	ana.kind("from ana ")
	bo.sees("from ana")
	bo.kind("from bo")
	ana.sees("from ana from bo")
	bo.sees("from ana from bo")
}

func TestAWatcherSeesAndCannotTypeOrResizeOrClose(t *testing.T) {
	shell := newScripted()
	s := serve(t, Config{})
	session := s.open(t, shell.dial)
	watcher := s.look(t, session, "role=watch")
	watcher.resize(33, 22)
	watcher.kind("rm -rf /\r")
	watcher.send(map[string]any{"type": "close"})
	watcher.kind("really\r")
	// The answer to a later ping of the protocol proves that all of the above was read.
	if err := watcher.conn.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	control := s.look(t, session, "")
	control.kind("typed by control")
	until(t, "the controller's input", func() bool { return strings.Contains(shell.input(), "typed by control") })
	shell.print("hello both")
	watcher.sees("hello both")
	if got := shell.input(); got != "typed by control" {
		t.Errorf("the shell got %q", got)
	}
	if i := session.Info(); i.Cols != 80 || i.Rows != 24 {
		t.Errorf("a watcher resized the terminal: %+v", i)
	}
}

func TestTheWindowFollowsTheOneWhoTypedLast(t *testing.T) {
	shell := newScripted()
	s := serve(t, Config{})
	session := s.open(t, shell.dial)
	size := func(cols, rows uint16) {
		t.Helper()
		until(t, "the window size", func() bool {
			return shell.lastSize() == [2]uint16{cols, rows} && session.Info().Cols == cols
		})
	}
	ana := s.look(t, session, "name=ana")
	ana.resize(100, 30)
	size(100, 30)
	bo := s.look(t, session, "name=bo")
	bo.resize(60, 20)
	if err := bo.conn.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := shell.lastSize(); got != [2]uint16{100, 30} {
		t.Fatalf("one who only looks resized the terminal to %v", got)
	}
	bo.kind("x")
	size(60, 20)
	ana.message("size", func(m map[string]any) bool { return m["cols"] == 60.0 })
	ana.message("viewers", func(m map[string]any) bool {
		list := m["viewers"].([]any)
		if len(list) != 2 {
			return false
		}
		first, second := list[0].(map[string]any), list[1].(map[string]any)
		return first["name"] == "ana" && first["you"] == true && first["active"] == false && second["name"] == "bo" && second["active"] == true
	})
	bo.leave()
	size(100, 30)
}

func TestASlowViewerDoesNotDelayAQuickOne(t *testing.T) {
	shell := newScripted()
	s := serve(t, Config{Window: 16 << 10, Replay: 128 << 10, Stall: time.Hour})
	session := s.open(t, shell.dial)
	quick := s.look(t, session, "name=quick")
	slow := s.look(t, session, "name=slow&role=watch&still=1")
	line := strings.Repeat("0123456789abcde\n", 64)
	const total = 2 << 20
	for range total / len(line) {
		shell.print(line)
	}
	shell.print("the end")
	quick.sees("the end")
	if quick.count("resync") != 0 || quick.received() != total+len("the end") {
		t.Errorf("the quick one got %d bytes and %d resyncs", quick.received(), quick.count("resync"))
	}
	if got := slow.received(); got > 16<<10 {
		t.Errorf("the slow one was sent %d bytes without an ack", got)
	}
	if slow.count("resync") != 0 {
		t.Error("resynchronised before its terminal had parsed what it had")
	}
	slow.move()
	m := slow.message("resync", nil)
	slow.sees("the end")
	if !strings.HasPrefix(m["restore"].(string), "\x1bc") || m["replay"].(float64) < 32<<10 {
		t.Errorf("resync: %v", m)
	}
	if got := slow.screen(); !strings.HasPrefix(got, "0123456789abcde\n") {
		t.Errorf("a replay starts with a whole line, not with %.20q", got)
	}
}

func TestTheProgramWaitsForItsOnlyViewerUntilThatOneStandsStill(t *testing.T) {
	shell := newScripted()
	s := serve(t, Config{Window: 16 << 10, Replay: 128 << 10, Stall: 50 * time.Millisecond, Unattended: 1 << 30})
	session := s.open(t, shell.dial)
	b := s.look(t, session, "still=1")
	shell.print(strings.Repeat("x", 1<<20))
	until(t, "the program runs on without the viewer", func() bool { return shell.unread() == 0 })
	if got := b.received(); got > 16<<10 {
		t.Errorf("%d bytes in flight", got)
	}
	shell.print("the end")
	b.move()
	b.message("resync", nil)
	b.sees("the end")
}

func TestOutputThatNobodyTakesIsReadSlowlyUntilSomebodyComes(t *testing.T) {
	shell := newScripted()
	s := serve(t, Config{Unattended: 64 << 10})
	session := s.open(t, shell.dial)
	shell.print(strings.Repeat("x", 4<<20)) // would take a minute
	until(t, "the first of it was read", func() bool { return session.Info().Output >= 64<<10 })
	if shell.unread() == 0 {
		t.Error("a flood that nobody looks at was read at full speed")
	}
	b := s.look(t, session, "")
	until(t, "all was read", func() bool { return shell.unread() == 0 })
	shell.print("the end")
	b.sees("the end")
}

func TestTheProgramIsHeldBackWhileItsViewerIsFull(t *testing.T) {
	shell := newScripted()
	s := serve(t, Config{Window: 16 << 10, Stall: time.Hour})
	session := s.open(t, shell.dial)
	b := s.look(t, session, "still=1")
	shell.print(strings.Repeat("x", 1<<20))
	until(t, "a full viewer", func() bool { return b.received() == 16<<10 })
	until(t, "the session reads no more", func() bool { return session.hasRoom() == full })
	if taken := 1<<20 - shell.unread(); taken > backlog+16<<10+readSize {
		t.Errorf("%d bytes were read ahead", taken)
	}
	b.kind("\x03")
	until(t, "input passes all the same", func() bool { return shell.input() == "\x03" })
	b.move()
	until(t, "everything arrived", func() bool { return b.received() == 1<<20 })
}

func TestAProgramThatDoesNotReadStopsNeitherOutputNorTheSession(t *testing.T) {
	shell := newScripted()
	shell.deaf = true
	s := serve(t, Config{PendingInput: 4 << 10, Stall: time.Hour, Window: 8 << 10})
	session := s.open(t, shell.dial)
	b := s.look(t, session, "")
	for range 8 {
		b.kind(strings.Repeat("p", 4<<10))
	}
	shell.print(strings.Repeat("x", 1<<20)) // acks wait behind the paste
	until(t, "output goes on being read", func() bool { return shell.unread() == 0 })
	session.Close("Enough.")
	if m := b.message("exit", nil); m["reason"] != "Enough." {
		t.Errorf("exit: %v", m)
	}
}

func TestAnswersToOldQueriesAreNotTyped(t *testing.T) {
	shell := newScripted()
	s := serve(t, Config{})
	session := s.open(t, shell.dial)
	first := s.look(t, session, "")
	shell.print("\x1b[c prompt")
	first.sees("prompt")
	first.kind("\x1b[?1;2c")
	until(t, "the answer to the first", func() bool { return shell.input() == "\x1b[?1;2c" })

	second := s.look(t, session, "still=1")
	second.sees("prompt")
	second.kind("\x1b[?1;2c") // its terminal parsed the replayed query
	second.move()
	second.kind("a") // now it is the active one
	until(t, "the key", func() bool { return strings.HasSuffix(shell.input(), "a") })
	if got := shell.input(); got != "\x1b[?1;2ca" {
		t.Errorf("the shell got %q", got)
	}
	second.kind("\x1b[3;4R")
	first.kind("\x1b[5;6R") // both terminals see a new query; only the active one's answer counts
	if err := first.conn.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the answer of the active one", func() bool { return strings.HasSuffix(shell.input(), "\x1b[3;4R") })
	if strings.Contains(shell.input(), "5;6") {
		t.Error("two terminals answered one query")
	}
}

func TestAReloadedPageDoesNotAnswerWhatItReplays(t *testing.T) {
	shell := newScripted()
	s := serve(t, Config{})
	session := s.open(t, shell.dial)
	first := s.look(t, session, "")
	shell.print("\x1b[6n prompt")
	first.sees("prompt")
	first.leave()
	until(t, "the viewer is gone", func() bool { return len(session.Info().Viewers) == 0 })

	again := s.look(t, session, "still=1")
	again.sees("prompt")
	again.kind("\x1b[24;80R") // the terminal answers while it parses, before it acknowledges
	again.kind("k")           // keys pass meanwhile
	again.move()
	again.kind("\x1b[3;4R") // the answer to a new query
	until(t, "the new answer", func() bool { return strings.HasSuffix(shell.input(), "\x1b[3;4R") })
	if got := shell.input(); got != "k\x1b[3;4R" {
		t.Errorf("the shell got %q", got)
	}
}

func TestReportsAreToldFromKeys(t *testing.T) {
	for name, c := range map[string]struct {
		input string
		want  bool
	}{
		"device attributes":             {"\x1b[?1;2c", true},
		"secondary attributes":          {"\x1b[>0;276;0c", true},
		"cursor position":               {"\x1b[24;80R", true},
		"cursor position in row 1":      {"\x1b[1;80R", true},
		"status":                        {"\x1b[0n", true},
		"mode":                          {"\x1b[?2004;1$y", true},
		"focus in":                      {"\x1b[I", true},
		"window size":                   {"\x1b[8;24;80t", true},
		"colour":                        {"\x1b]11;rgb:0000/0000/0000\x1b\\", true},
		"setting":                       {"\x1bP1$r0m\x1b\\", true},
		"kitty keyboard flags":          {"\x1b[?0u", true},
		"a letter":                      {"c", false},
		"escape":                        {"\x1b", false},
		"alt and a bracket":             {"\x1b[", false},
		"arrow":                         {"\x1b[A", false},
		"application arrow":             {"\x1bOA", false},
		"F3 with shift":                 {"\x1b[1;2R", false},
		"delete":                        {"\x1b[3~", false},
		"mouse":                         {"\x1b[<0;3;4M", false},
		"a paste":                       {"\x1b[200~c\x1b[201~", false},
		"an arrow and then a c":         {"\x1b[Ac", false},
		"a key in kitty's keyboard":     {"\x1b[97;5u", false},
		"text that ends like an answer": {"nc", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isReport([]byte(c.input)); got != c.want {
				t.Errorf("isReport(%q) = %v", c.input, got)
			}
		})
	}
}

func TestAPageThatDoesNotAnswerIsLetGo(t *testing.T) {
	shell := newScripted()
	s := serve(t, Config{Ping: 50 * time.Millisecond})
	session := s.open(t, shell.dial)
	mute := s.dialMute(t, session)
	until(t, "the mute viewer was there", func() bool { session.mu.Lock(); defer session.mu.Unlock(); return session.seen })
	until(t, "the mute viewer is let go", func() bool { return len(session.Info().Viewers) == 0 })
	_ = mute.CloseNow()
	if _, ended := session.End(); ended {
		t.Error("the session must outlive its viewer")
	}
}

func TestNonsenseIsAnsweredWithAReason(t *testing.T) {
	s := serve(t, Config{})
	session := s.open(t, newScripted().dial)
	b := s.look(t, session, "")
	b.sendRaw("{")
	if code, reason := b.farewell(); code != 1007 || !strings.Contains(reason, "Reload the page") {
		t.Errorf("closed with %d %q", code, reason)
	}
	b = s.look(t, session, "")
	b.send(map[string]any{"type": "ack", "bytes": -1})
	if code, _ := b.farewell(); code != 1008 {
		t.Errorf("closed with %d", code)
	}
	b = s.look(t, session, "")
	b.send(map[string]any{"type": "from the future"})
	b.send(map[string]any{"type": "ack", "bytes": 1 << 40})
	b.kind("alive")
	if _, ended := session.End(); ended {
		t.Error("the session ended")
	}
	until(t, "no viewer but the last", func() bool { return len(session.Info().Viewers) == 1 })
}

func TestTooManyViewersAreToldSo(t *testing.T) {
	s := serve(t, Config{Viewers: 1})
	session := s.open(t, newScripted().dial)
	s.look(t, session, "")
	code, reason := s.refused(t, session)
	if code != StatusManyViews || !strings.Contains(reason, "limit") {
		t.Errorf("closed with %d %q", code, reason)
	}
}
