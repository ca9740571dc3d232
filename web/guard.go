package web

import (
	"io"
	"net/http"
	"strings"

	"trunkline/internal/fault"
)

// sandboxed is the policy of a download: even where a browser shows it, nothing in it runs or asks for anything.
const sandboxed = "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox"

// guarded looks at an answer as it begins: what people have made and download is sandboxed.
type guarded struct {
	http.ResponseWriter
	begun bool
}

// Unwrap is for http.ResponseController.
func (g *guarded) Unwrap() http.ResponseWriter { return g.ResponseWriter }

// Flush is for those who ask for a http.Flusher.
func (g *guarded) Flush() {
	g.begin()
	_ = http.NewResponseController(g.ResponseWriter).Flush() // a writer without it has nothing to flush
}

func (g *guarded) WriteHeader(status int) {
	if status >= 200 {
		g.begin()
	}
	g.ResponseWriter.WriteHeader(status)
}

func (g *guarded) Write(b []byte) (int, error) {
	g.begin()
	return g.ResponseWriter.Write(b)
}

// ReadFrom keeps large downloads as cheap as they were.
func (g *guarded) ReadFrom(r io.Reader) (int64, error) {
	g.begin()
	return io.Copy(g.ResponseWriter, r)
}

func (g *guarded) begin() {
	if g.begun {
		return
	}
	g.begun = true
	h := g.Header()
	if strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
		h.Set("Content-Security-Policy", sandboxed)
		h.Set("Cache-Control", "no-store")
	}
}

// maxDepth is how deep JSON may be nested: the deepest of ours has six levels.
const maxDepth = 64

// shallow refuses JSON that is nested too deeply, as it is read: decoding it would cost far more than sending it.
func shallow(r *http.Request) {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if kind = strings.TrimSpace(kind); r.Body != nil && strings.HasSuffix(kind, "json") {
		r.Body = &depth{ReadCloser: r.Body}
	}
}

// depth counts brackets outside of strings.
type depth struct {
	io.ReadCloser
	at              int
	inside, escaped bool
}

var errTooDeep = fault.New(fault.Invalid, "This JSON is nested more than %d levels deep.", maxDepth)

func (d *depth) Read(b []byte) (int, error) {
	n, err := d.ReadCloser.Read(b)
	for _, c := range b[:n] {
		switch {
		case d.escaped:
			d.escaped = false
		case d.inside && c == '\\':
			d.escaped = true
		case c == '"':
			d.inside = !d.inside
		case d.inside:
		case c == '{' || c == '[':
			if d.at++; d.at > maxDepth {
				return 0, errTooDeep
			}
		case c == '}' || c == ']':
			d.at--
		}
	}
	return n, err
}
