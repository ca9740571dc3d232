package web

import (
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"trunkline/internal/fault"
)

// patience is how long an upload or a download may stand still.
const patience = time.Minute

// patientReader moves the connection's read deadline on with every read, so that a slow upload lives and a dead one ends.
type patientReader struct {
	io.ReadCloser
	rc *http.ResponseController
}

func (p patientReader) Read(b []byte) (int, error) {
	_ = p.rc.SetReadDeadline(time.Now().Add(patience)) // a writer without deadlines has none to miss
	return p.ReadCloser.Read(b)
}

// patientBody lets the body take as long as it moves.
func (r *Request) patientBody() {
	r.HTTP().Body = patientReader{r.HTTP().Body, http.NewResponseController(r.Writer())}
}

// putAnswer says where an upload landed.
type putAnswer struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

// putFile streams a body into a node: PUT …/files?path=/root/&name=a.img. Without a path it goes into /root/.
func (s *Server) putFile(r *Request) error {
	target, name := r.Query("path"), path.Base(strings.ReplaceAll(r.Query("name"), `\`, "/"))
	if target == "" {
		target = "/root/"
	}
	switch {
	case !strings.HasPrefix(target, "/"):
		return fault.New(fault.Invalid, "Name a path inside the node that begins with /, such as /root/.").InField("path")
	case strings.HasSuffix(target, "/") && (name == "." || name == "/" || name == ".."):
		return fault.New(fault.Invalid, "Say how the file is called: add name= to a folder's path.").InField("name")
	case r.HTTP().ContentLength < 0:
		return fault.New(fault.Invalid, "Say how large the file is: send Content-Length.")
	}
	r.patientBody()
	size := r.HTTP().ContentLength
	body := &counting{Reader: r.HTTP().Body}
	final, err := s.NodeIO.PutFile(r.Context(), r.Actor, r.Param("lab"), r.Param("node"), target, name, size, body)
	if err != nil {
		if body.n < size && body.err != nil && body.err != io.EOF {
			return fault.Wrap(err, fault.Invalid, "The upload was cut off after %d of %d bytes. Nothing was left in the node; send it again.", body.n, size)
		}
		return err
	}
	return r.JSON(http.StatusOK, putAnswer{Path: final, Bytes: size})
}

// counting remembers how far a body was read and why it ended.
type counting struct {
	io.Reader
	n   int64
	err error
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	c.err = err
	return n, err
}

// getFile sends a file of a node, or a folder as tar.
func (s *Server) getFile(r *Request) error {
	from := r.Query("path")
	if !strings.HasPrefix(from, "/") {
		return fault.New(fault.Invalid, "Name a path inside the node that begins with /, such as /etc/hosts.").InField("path")
	}
	content, info, err := s.NodeIO.GetFile(r.Context(), r.Actor, r.Param("lab"), r.Param("node"), from)
	if err != nil {
		return err
	}
	defer content.Close()
	name := path.Base(path.Clean(from))
	if name == "/" || name == "." {
		name = r.Param("node")
	}
	h := r.Writer().Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	switch {
	case info.IsDir:
		h.Set("Content-Type", "application/x-tar")
		name += ".tar"
	case info.Size >= 0:
		h.Set("Content-Length", strconv.FormatInt(info.Size, 10))
	}
	h.Set("Content-Disposition", Attachment(name))
	r.Writer().WriteHeader(http.StatusOK)
	if r.HTTP().Method == http.MethodHead {
		return nil
	}
	rc := http.NewResponseController(r.Writer())
	if _, err := io.Copy(patientWriter{r.Writer(), rc}, content); err != nil && r.Context().Err() == nil {
		return fault.Wrap(err, fault.Unavailable, "The download of %s broke off.", from)
	}
	return nil
}

// patientWriter moves the write deadline on with every write.
type patientWriter struct {
	io.Writer
	rc *http.ResponseController
}

func (p patientWriter) Write(b []byte) (int, error) {
	_ = p.rc.SetWriteDeadline(time.Now().Add(patience)) // a writer without deadlines has none to miss
	return p.Writer.Write(b)
}
