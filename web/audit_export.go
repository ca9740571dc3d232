package web

import (
	"bufio"
	"net/http"
)

// exporting sends an export in pieces, its head with the first line.
type exporting struct {
	w     http.ResponseWriter
	name  string
	begun bool
	out   *bufio.Writer
}

func (e *exporting) begin() {
	if e.begun {
		return
	}
	e.begun = true
	h := e.w.Header()
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Content-Disposition", Attachment(e.name))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	e.w.WriteHeader(http.StatusOK)
	e.out = bufio.NewWriterSize(patientWriter{e.w, http.NewResponseController(e.w)}, 64<<10)
}

func (e *exporting) Write(p []byte) (int, error) {
	e.begin()
	return e.out.Write(p)
}

// flush sends what is left; a browser that went away needs no answer.
func (e *exporting) flush() error { return ignoreGone(e.out.Flush()) }
