// Package logtail keeps the last lines that a program logged, so that they can be read from afar.
//
// It knows slog records and a ring of lines in memory. It refuses to know where the log itself goes: that is the handler's which it wraps.
package logtail

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
)

// Kept is how many lines a Tail remembers, and maxLine how long one may be.
const (
	Kept    = 1000
	maxLine = 2000
)

// Tail is a slog.Handler that passes every record on and remembers it as a line of text, "time=… level=… msg=… key=value".
type Tail struct {
	inner slog.Handler
	text  slog.Handler // writes to ring
	ring  *ring
}

// New wraps a handler. A Tail is returned as it is.
func New(inner slog.Handler) *Tail {
	if t, ok := inner.(*Tail); ok {
		return t
	}
	r := &ring{}
	everything := slog.Level(-1 << 10) // Enabled asks the inner handler
	return &Tail{inner: inner, text: slog.NewTextHandler(r, &slog.HandlerOptions{Level: everything}), ring: r}
}

// Lines returns the last n lines, the oldest first; fewer when there are fewer.
func (t *Tail) Lines(n int) []string { return t.ring.last(n) }

// Enabled implements slog.Handler.
func (t *Tail) Enabled(ctx context.Context, level slog.Level) bool {
	return t.inner.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (t *Tail) Handle(ctx context.Context, record slog.Record) error {
	t.text.Handle(ctx, record.Clone()) // a ring never fails
	return t.inner.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (t *Tail) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Tail{inner: t.inner.WithAttrs(attrs), text: t.text.WithAttrs(attrs), ring: t.ring}
}

// WithGroup implements slog.Handler.
func (t *Tail) WithGroup(name string) slog.Handler {
	return &Tail{inner: t.inner.WithGroup(name), text: t.text.WithGroup(name), ring: t.ring}
}

// ring is the last lines. One Write is one line, as slog.TextHandler writes it.
type ring struct {
	mu    sync.Mutex
	lines []string
	next  int // where the next line goes once lines is full
}

func (r *ring) Write(p []byte) (int, error) {
	line := bytes.TrimRight(p, "\n")
	text := string(bytes.ToValidUTF8(line[:min(len(line), maxLine)], nil))
	if len(line) > maxLine {
		text += " …"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) < Kept {
		r.lines = append(r.lines, text)
	} else {
		r.lines[r.next] = text
		r.next = (r.next + 1) % Kept
	}
	return len(p), nil
}

func (r *ring) last(n int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = min(max(n, 0), len(r.lines))
	out := make([]string, 0, n)
	for i := len(r.lines) - n; i < len(r.lines); i++ {
		out = append(out, r.lines[(r.next+i)%len(r.lines)])
	}
	return out
}
