package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/internal/fault"
)

// tape is a writer that can be read while it is written, and that can be made to stand still or to fail.
type tape struct {
	mu     sync.Mutex
	b      bytes.Buffer
	hold   chan struct{} // when not nil, writes wait for it
	err    error
	closed bool
}

func (p *tape) Write(b []byte) (int, error) {
	if p.hold != nil {
		<-p.hold
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return 0, p.err
	}
	return p.b.Write(b)
}

func (p *tape) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}

// cast parses what was written: the header and the events as kind and data.
func (p *tape) cast(t *testing.T) (header map[string]any, events [][2]string, times []float64) {
	t.Helper()
	p.mu.Lock()
	lines := strings.Split(strings.TrimSuffix(p.b.String(), "\n"), "\n")
	p.mu.Unlock()
	if err := json.Unmarshal([]byte(lines[0]), &header); err != nil {
		t.Fatalf("header %q: %v", lines[0], err)
	}
	for _, line := range lines[1:] {
		var at float64
		var kind, data string
		if err := json.Unmarshal([]byte(line), &[]any{&at, &kind, &data}); err != nil {
			t.Fatalf("event %q: %v", line, err)
		}
		events, times = append(events, [2]string{kind, data}), append(times, at)
	}
	return header, events, times
}

func (p *tape) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

func TestARecordingHoldsOutputSizesAndTimesButNoKeys(t *testing.T) {
	c := newClock()
	m := manager(t, Config{Now: c.Now})
	shell, film := newScripted(), &tape{}
	session, err := m.Open(t.Context(), Key{Tenant: "a", Lab: "lab", Node: "r1"}, Options{Cols: 100, Rows: 30, Record: film}, shell.dial)
	if err != nil {
		t.Fatal(err)
	}
	shell.print("<hello> \xe2\x82")
	until(t, "the greeting", func() bool { return strings.Contains(film.text(), "hello") })
	c.advance(1500 * time.Millisecond)
	shell.print("\xac!\r\n")
	until(t, "the rest of the character", func() bool { return strings.Contains(film.text(), "€!") })
	session.mu.Lock()
	session.resizeLocked(60, 20)
	session.mu.Unlock()
	until(t, "the size", func() bool { return strings.Contains(film.text(), "60x20") })
	shell.print("bye")
	shell.finish(new(int), io.EOF)
	<-session.Done()
	until(t, "the file is closed", func() bool { film.mu.Lock(); defer film.mu.Unlock(); return film.closed })

	header, events, times := film.cast(t)
	if header["version"] != 2.0 || header["width"] != 100.0 || header["height"] != 30.0 || header["title"] != "lab/r1" ||
		header["timestamp"] != float64(newClock().now.Unix()) {
		t.Errorf("header %v", header)
	}
	want := [][2]string{{"o", "<hello> "}, {"o", "€!\r\n"}, {"r", "60x20"}, {"o", "bye"}}
	if len(events) != len(want) {
		t.Fatalf("events %q", events)
	}
	for i := range want {
		if events[i] != want[i] {
			t.Errorf("event %d: %q, want %q", i, events[i], want[i])
		}
	}
	if times[0] != 0 || times[1] != 1.5 {
		t.Errorf("times %v", times)
	}
}

func TestARecordingThatStartsLaterBeginsWithTheScreen(t *testing.T) {
	m := manager(t, Config{})
	session, shell := open(t, m, "a", "n")
	shell.print("\x1b[?2004hbefore ")
	until(t, "output", func() bool { return session.Info().Output > 0 })
	film := &tape{}
	recording, err := session.Record(film)
	if err != nil {
		t.Fatal(err)
	}
	shell.print("after")
	until(t, "the last of it", func() bool { return strings.Contains(film.text(), "after") })
	if err := recording.Stop(); err != nil {
		t.Error(err)
	}
	if err := recording.Stop(); err != nil {
		t.Errorf("a second stop: %v", err)
	}
	shell.print("not recorded")
	_, events, _ := film.cast(t)
	var all string
	for _, e := range events {
		all += e[1]
	}
	if all != "\x1bc\x1b[?2004hbefore after" {
		t.Errorf("recorded %q", all)
	}
	session.Close("Done.")
	if _, err := session.Record(film); !fault.Is(err, fault.Conflict) {
		t.Errorf("recording an ended session: %v", err)
	}
}

func TestASlowRecordingSaysWhatItLostAndDelaysNobody(t *testing.T) {
	s := serve(t, Config{Replay: 128 << 10})
	shell, film := newScripted(), &tape{hold: make(chan struct{})}
	session := s.open(t, shell.dial)
	b := s.look(t, session, "")
	recording, err := session.Record(film)
	if err != nil {
		t.Fatal(err)
	}
	shell.print(strings.Repeat("a line of output\r\n", 20_000) + "the end")
	b.sees("the end")
	close(film.hold)
	until(t, "the recording has caught up", func() bool { return strings.Contains(film.text(), "the end") })
	if err := recording.Stop(); err != nil {
		t.Error(err)
	}
	_, events, _ := film.cast(t)
	gap := false
	for _, e := range events {
		gap = gap || e[0] == "m" && strings.Contains(e[1], "missing")
	}
	if !gap {
		t.Error("the gap is not marked")
	}
}

func TestARecordingThatCannotBeWrittenEndsAloneAndSaysWhy(t *testing.T) {
	s := serve(t, Config{})
	shell, film := newScripted(), &tape{err: errors.New("disk full")}
	session := s.open(t, shell.dial)
	recording, err := session.Record(film)
	if err != nil {
		t.Fatal(err)
	}
	<-recording.Done()
	if err := recording.Stop(); err == nil || err.Error() != "disk full" {
		t.Errorf("got %v", err)
	}
	b := s.look(t, session, "")
	shell.print("still here")
	b.sees("still here")
}
