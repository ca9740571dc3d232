package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"trunkline/internal/fault"
)

// Recording is a session written down as asciicast v2 (docs.asciinema.org/manual/asciicast/v2): output, window sizes and markers;
// never what is typed. Like a viewer it is a cursor in the ring: a slow writer loses output, which a marker says, and delays nobody.
type Recording struct{ r *recorder }

// Record starts a recording into w from now, beginning with what the session still remembers. When w is an io.Closer it is closed
// at the end. A session that has ended cannot be recorded: conflict.
func (s *Session) Record(w io.Writer) (*Recording, error) {
	release, err := s.manager.hold()
	if err != nil {
		return nil, err
	}
	defer release()
	if _, ended := s.End(); ended {
		return nil, fault.New(fault.Conflict, "This shell has ended, so it cannot be recorded.")
	}
	return &Recording{s.record(w)}, nil
}

// Stop ends the recording, and returns the first error of the writer once everything is written. It may be called after the session ended.
func (r *Recording) Stop() error {
	r.r.stopOnce.Do(func() { close(r.r.stop) })
	<-r.r.done
	return r.r.err
}

// Done is closed when everything is written.
func (r *Recording) Done() <-chan struct{} { return r.r.done }

// recorder is the writing goroutine's. The session's mutex guards wake's meaning only; the rest belongs to the goroutine.
type recorder struct {
	session    *Session
	w          io.Writer
	wake       chan struct{}
	stop       chan struct{}
	stopOnce   sync.Once
	done       chan struct{}
	started    time.Time
	position   uint64
	cols, rows uint16
	rest       []byte // an unfinished UTF-8 character
	err        error
}

// record starts the goroutine. The caller holds work of the manager.
func (s *Session) record(w io.Writer) *recorder {
	r := &recorder{
		session: s, w: w, started: s.config.Now(),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	s.mu.Lock()
	s.recorders = append(s.recorders, r)
	r.cols, r.rows = s.cols, s.rows
	var restore string
	if s.ring.head > 0 {
		r.position, restore = s.ring.replay()
	}
	s.mu.Unlock()
	s.manager.work.Go(func() { r.run(restore) })
	return r
}

func (r *recorder) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run writes until the session ends, it is stopped, or the writer fails.
func (r *recorder) run(restore string) {
	defer close(r.done)
	defer r.finish()
	r.header()
	r.event("o", restore)
	for r.err == nil {
		r.drain()
		select {
		case <-r.wake:
			continue
		case <-r.session.ctx.Done():
		case <-r.stop:
		}
		r.drain()
		break
	}
}

// finish takes the recorder off the session and closes the writer.
func (r *recorder) finish() {
	s := r.session
	s.mu.Lock()
	for i, other := range s.recorders {
		if other == r {
			s.recorders = append(s.recorders[:i:i], s.recorders[i+1:]...)
			break
		}
	}
	s.mu.Unlock()
	if closer, ok := r.w.(io.Closer); ok {
		if err := closer.Close(); err != nil && r.err == nil {
			r.err = err
		}
	}
	if r.err != nil {
		s.config.Log.Warn("terminal recording failed", "node", s.key.Node, "error", r.err)
	}
}

// drain writes all that there is.
func (r *recorder) drain() {
	buf := make([]byte, readSize)
	for r.err == nil {
		gap, resized, n := r.take(buf)
		switch {
		case gap != "":
			r.rest = nil
			r.event("m", "Output is missing here: the recording could not be written fast enough.")
			r.event("o", gap)
		case resized:
			r.event("r", fmt.Sprintf("%dx%d", r.cols, r.rows))
		case n > 0:
			r.output(buf[:n])
		default:
			return
		}
	}
}

// take copies the next thing: what restores the terminal after a gap, a new size, or output.
func (r *recorder) take(buf []byte) (gap string, resized bool, n int) {
	s := r.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.position < s.ring.tail {
		r.position, gap = s.ring.replay()
		return gap, false, 0
	}
	if r.cols != s.cols || r.rows != s.rows {
		r.cols, r.rows = s.cols, s.rows
		return "", true, 0
	}
	if r.position < s.ring.head {
		n = s.ring.read(buf, r.position)
		r.position += uint64(n)
	}
	return "", false, n
}

// output writes bytes as text; a character that is not complete waits for its rest.
func (r *recorder) output(p []byte) {
	data := append(r.rest, p...)
	whole := len(data)
	for back := 1; back < utf8.UTFMax && back <= len(data); back++ {
		if b := data[len(data)-back]; utf8.RuneStart(b) {
			if !utf8.FullRune(data[len(data)-back:]) {
				whole = len(data) - back
			}
			break
		}
	}
	r.rest = append([]byte(nil), data[whole:]...)
	r.event("o", string(data[:whole]))
}

func (r *recorder) header() {
	key := r.session.key
	r.line(map[string]any{
		"version": 2, "width": r.cols, "height": r.rows, "timestamp": r.started.Unix(),
		"title": key.Lab + "/" + key.Node, "env": map[string]string{"TERM": "xterm-256color"},
	})
}

func (r *recorder) event(kind, data string) {
	if data == "" {
		return
	}
	at := r.session.config.Now().Sub(r.started).Seconds()
	r.line([]any{json.Number(fmt.Sprintf("%.6f", max(at, 0))), kind, data})
}

// line writes one JSON line.
func (r *recorder) line(v any) {
	if r.err != nil {
		return
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if r.err = encoder.Encode(v); r.err == nil {
		_, r.err = r.w.Write(b.Bytes())
	}
}
