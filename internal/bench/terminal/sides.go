package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"github.com/coder/websocket"
	"github.com/creack/pty"

	"trunkline/internal/testkit"
)

// shell is our side: a browser's websocket, signed in by the one-time link.
type shell struct {
	conn *websocket.Conn
	seen []byte
}

func openShell(ctx context.Context, p *testkit.Program, labID, node string) (*shell, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	browser := &http.Client{Jar: jar}
	request, err := http.NewRequestWithContext(ctx, "POST", p.SignInLink, nil)
	if err != nil {
		return nil, err
	}
	response, err := browser.Do(request)
	if err != nil {
		return nil, err
	}
	response.Body.Close()
	address := fmt.Sprintf("%s/labs/%s/nodes/%s/shell", p.URL, url.PathEscape(labID), url.PathEscape(node))
	ticket, err := shellTicket(ctx, browser, p.URL, address)
	if err != nil {
		return nil, err
	}
	address += "?cols=80&rows=24&ticket=" + url.QueryEscape(ticket)
	conn, _, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: browser, HTTPHeader: http.Header{"Origin": {p.URL}}})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(1 << 20)
	s := &shell{conn: conn}
	return s, startCat(ctx, s)
}

// shellTicket gets what opens one shell, as a page does.
func shellTicket(ctx context.Context, browser *http.Client, origin, address string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, "POST", address+"/ticket", nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Origin", origin)
	response, err := browser.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var got struct{ Ticket string }
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || got.Ticket == "" {
		return "", fmt.Errorf("no ticket for a shell: %s, %w", response.Status, err)
	}
	return got.Ticket, nil
}

// startCat leaves the echo to the terminal's line discipline on both sides.
func startCat(ctx context.Context, side interface {
	write(context.Context, []byte) error
	until(context.Context, []byte) error
}) error {
	if err := side.write(ctx, []byte("echo re''ady; cat\n")); err != nil {
		return err
	}
	return side.until(ctx, []byte("ready\r\n"))
}

func (s *shell) write(ctx context.Context, b []byte) error {
	return s.conn.Write(ctx, websocket.MessageBinary, b)
}

// until reads up to and including the mark.
func (s *shell) until(ctx context.Context, mark []byte) error {
	for {
		if i := bytes.Index(s.seen, mark); i >= 0 {
			s.seen = s.seen[i+len(mark):]
			return nil
		}
		kind, message, err := s.conn.Read(ctx)
		if err != nil {
			return err
		}
		if kind == websocket.MessageText {
			if bytes.Contains(message, []byte(`"refused"`)) {
				return fmt.Errorf("the shell was refused: %s", message)
			}
			continue
		}
		s.seen = append(s.seen, message...)
		ack, err := json.Marshal(map[string]any{"type": "ack", "bytes": len(message)})
		if err != nil {
			return err
		}
		if err := s.conn.Write(ctx, websocket.MessageText, ack); err != nil {
			return err
		}
	}
}

func (s *shell) key(ctx context.Context, b byte) error {
	if err := s.write(ctx, []byte{b}); err != nil {
		return err
	}
	return s.until(ctx, []byte{b})
}

// line ends the line: the terminal echoes the end of the line and cat repeats the line.
func (s *shell) line(ctx context.Context) error { return endLine(ctx, s) }

func endLine(ctx context.Context, side interface {
	write(context.Context, []byte) error
	until(context.Context, []byte) error
}) error {
	if err := side.write(ctx, []byte("\n")); err != nil {
		return err
	}
	if err := side.until(ctx, []byte("\r\n")); err != nil {
		return err
	}
	return side.until(ctx, []byte("\r\n"))
}

func (s *shell) Close() error { return s.conn.CloseNow() }

// direct is docker exec -it on a terminal of its own.
type direct struct {
	command *exec.Cmd
	tty     *os.File
	seen    []byte
	buf     []byte
}

func openDirect(ctx context.Context, container string) (*direct, error) {
	command := exec.CommandContext(ctx, "docker", "exec", "-it", container, "/bin/sh")
	tty, err := pty.Start(command)
	if err != nil {
		return nil, err
	}
	d := &direct{command: command, tty: tty, buf: make([]byte, 4096)}
	return d, startCat(ctx, d)
}

func (d *direct) write(_ context.Context, b []byte) error {
	_, err := d.tty.Write(b)
	return err
}

func (d *direct) until(_ context.Context, mark []byte) error {
	for {
		if i := bytes.Index(d.seen, mark); i >= 0 {
			d.seen = d.seen[i+len(mark):]
			return nil
		}
		n, err := d.tty.Read(d.buf)
		if err != nil {
			return fmt.Errorf("docker exec ended: %w after %q", err, strings.TrimSpace(string(d.seen)))
		}
		d.seen = append(d.seen, d.buf[:n]...)
	}
}

func (d *direct) key(ctx context.Context, b byte) error {
	if err := d.write(ctx, []byte{b}); err != nil {
		return err
	}
	return d.until(ctx, []byte{b})
}

func (d *direct) line(ctx context.Context) error { return endLine(ctx, d) }

func (d *direct) Close() error {
	err := d.tty.Close()
	_ = d.command.Wait() // ended by its terminal's end
	return err
}
