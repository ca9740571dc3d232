package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// commandDetail is what somebody ran in a node. What looks like a secret in it is taken out.
type commandDetail struct {
	Shell     string   `json:"shell,omitempty"` // names it until it is closed
	Command   []string `json:"command,omitempty"`
	User      string   `json:"user,omitempty"`
	WorkDir   string   `json:"workDir,omitempty"`
	Variables []string `json:"variables,omitempty"` // their names alone
	TTY       bool     `json:"tty,omitempty"`
}

// closedDetail is how a shell ended.
type closedDetail struct {
	Shell   string  `json:"shell"`
	Seconds float64 `json:"seconds"`
	Exit    *int    `json:"exit,omitempty"` // of the shell itself, where it ended by itself
	Failed  string  `json:"failed,omitempty"`
}

// recordExec keeps that a shell is opened or a command run, before it begins. ended is called when it could not begin, or with the connection when it has. A shell is a
// terminal without a command of its own.
func (c *Controller) recordExec(ctx context.Context, actor tenancy.Actor, r *Record, node string, request hostapi.ExecRequest) (begun func(*hostapi.ExecConn, error), err error) {
	detail := commandDetail{
		Command: tenancy.AuditCommandLine(request.Command), User: request.User, WorkDir: request.WorkDir, TTY: request.TTY && len(request.Command) > 0,
	}
	verb := tenancy.AuditCommand
	if len(request.Command) == 0 {
		verb, detail.Shell = tenancy.AuditShellOpen, ident.New()
	} else {
		detail.Variables = slices.Sorted(maps.Keys(request.Env))
	}
	event := actor.AuditEvent(verb, auditNode(r, node))
	event.After = detail
	if err := tenancy.RecordFirst(ctx, c.cfg.Audit, event); err != nil {
		return nil, err
	}
	if verb == tenancy.AuditCommand || c.cfg.Audit == nil {
		return func(*hostapi.ExecConn, error) {}, nil
	}
	began := c.cfg.Now()
	event.Verb = tenancy.AuditShellClose
	return func(conn *hostapi.ExecConn, failed error) {
		if failed != nil {
			event.After = closedDetail{Shell: detail.Shell, Failed: fault.Sentence(failed)}
			c.recordLater(ctx, event)
			return
		}
		conn.WhenClosed(func() {
			closed := closedDetail{Shell: detail.Shell, Seconds: c.cfg.Now().Sub(began).Round(time.Millisecond).Seconds()}
			if code, known := conn.ExitCode(); known {
				closed.Exit = &code
			}
			event := event
			event.After = closed
			c.recordLater(ctx, event)
		})
	}, nil
}

// later counts the events that are written while nobody waits for them. Close waits.
type later struct {
	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup
}

// recordLater keeps an event of people's work beside what the caller does: a shell's end may be told while a terminal or the whole controller ends.
func (c *Controller) recordLater(ctx context.Context, event tenancy.AuditEvent) {
	event.At = c.cfg.Now()
	ctx = context.WithoutCancel(ctx)
	keep := func() {
		if err := tenancy.Record(ctx, c.cfg.Audit, event); err != nil {
			c.log.Warn("An event could not be written to the audit.", "verb", string(event.Verb), "object", event.Object.ID, "err", err)
		}
	}
	c.later.mu.Lock()
	defer c.later.mu.Unlock()
	if c.later.closed {
		go keep() // the audit itself has the last word, and a log
		return
	}
	c.later.work.Go(keep)
}

func (l *later) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.work.Wait()
}

// fileDetail is a file that went into a node or came out of it.
type fileDetail struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256,omitempty"` // of what went over the wire, where it went whole; a folder goes as tar
	Folder bool   `json:"folder,omitempty"`
	Broken bool   `json:"broken,omitempty"` // it was cut off
}

// summing counts and sums what is read.
type summing struct {
	io.Reader
	sum   hash.Hash
	bytes int64
	ended bool
}

func newSumming(r io.Reader) *summing { return &summing{Reader: r, sum: sha256.New()} }

func (s *summing) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.sum.Write(p[:n])
	s.bytes += int64(n)
	s.ended = s.ended || err == io.EOF
	return n, err
}

func (s *summing) hash() string { return hex.EncodeToString(s.sum.Sum(nil)) }

// recordedDownload tells the audit what was sent, when it is closed.
type recordedDownload struct {
	*summing
	content io.Closer
	once    sync.Once
	done    func(*summing)
}

func (d *recordedDownload) Close() error {
	err := d.content.Close()
	d.once.Do(func() { d.done(d.summing) })
	return err
}

// recordGet lets the audit know of a file that is taken out of a node, once it has gone.
func (c *Controller) recordGet(ctx context.Context, actor tenancy.Actor, r *Record, node, target string, info hostapi.FileInfo, content io.ReadCloser) io.ReadCloser {
	if c.cfg.Audit == nil {
		return content
	}
	event := actor.AuditEvent(tenancy.AuditDownload, auditNode(r, node))
	return &recordedDownload{summing: newSumming(content), content: content, done: func(s *summing) {
		detail := fileDetail{Path: target, Bytes: s.bytes, Folder: info.IsDir}
		if whole := s.ended || !info.IsDir && s.bytes == info.Size; whole {
			detail.SHA256 = s.hash()
		} else {
			detail.Broken = true
		}
		event.After = detail
		c.recordLater(ctx, event)
	}}
}
