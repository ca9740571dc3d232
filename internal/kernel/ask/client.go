package ask

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client asks one guest. Its methods may be called at the same time.
type Client struct {
	base string
	http *http.Client
}

// NewClient is for the guest at an address without its prefix length.
func NewClient(address string) *Client {
	return &Client{base: "http://" + net.JoinHostPort(address, strconv.Itoa(Port)), http: &http.Client{}}
}

func (c *Client) open(ctx context.Context, method, path string, in any) (io.ReadCloser, error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16)) // the status says enough without it
		return nil, &Refusal{strings.TrimSpace(string(text))}
	}
	return response.Body, nil
}

// Refusal is the guest's own error, where others are of the way to it.
type Refusal struct{ Sentence string }

func (r *Refusal) Error() string { return "the guest says: " + r.Sentence }

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	body, err := c.open(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(body).Decode(out)
}

// Booted waits for the end of the boot. A guest that cannot be reached yet is an error as well; one that failed is a Refusal.
func (c *Client) Booted(ctx context.Context) (booted Booted, err error) {
	return booted, c.call(ctx, http.MethodGet, "/booted", nil, &booted)
}

// Run runs a command to its end and returns what it printed, whatever its exit code.
func (c *Client) Run(ctx context.Context, place Place, line ...string) (ran Ran, err error) {
	return ran, c.call(ctx, http.MethodPost, "/run", Command{place, line}, &ran)
}

// Output is the standard output of a command that must succeed.
func (c *Client) Output(ctx context.Context, place Place, line ...string) (string, error) {
	ran, err := c.Run(ctx, place, line...)
	if err == nil && ran.Code != 0 {
		err = fmt.Errorf("exit code %d: %s", ran.Code, strings.TrimSpace(ran.Out+ran.Err))
	}
	if err != nil {
		return ran.Out, fmt.Errorf("%s: %w", strings.Join(line, " "), err)
	}
	return ran.Out, nil
}

// SetLink turns an interface on or off and says when, before the kernel was told.
func (c *Client) SetLink(ctx context.Context, place Place, up bool) (m Moment, err error) {
	return m, c.call(ctx, http.MethodPost, "/link", SetLink{place, up}, &m)
}

// Carrier follows the carrier of an interface until ctx ends; the channel is closed then, or when the guest ends the stream.
func (c *Client) Carrier(ctx context.Context, place Place) (<-chan Carrier, error) {
	return stream[Carrier](ctx, c, "/carrier", place)
}

// Frames gives every frame that arrives at an interface until ctx ends. It listens when the call returns.
func (c *Client) Frames(ctx context.Context, place Place) (<-chan Frame, error) {
	return stream[Frame](ctx, c, "/frames", place)
}

// Send sends a frame as it is.
func (c *Client) Send(ctx context.Context, place Place, frame []byte) (m Moment, err error) {
	return m, c.call(ctx, http.MethodPost, "/frames?"+place.query(), frame, &m)
}

func (p Place) query() string {
	return url.Values{"node": {p.Node}, "interface": {p.Interface}}.Encode()
}

// stream reads JSON lines. The first tells that the guest is at it.
func stream[T any](ctx context.Context, c *Client, path string, place Place) (<-chan T, error) {
	body, err := c.open(ctx, http.MethodGet, path+"?"+place.query(), nil)
	if err != nil {
		return nil, err
	}
	lines := make(chan T, 1024) // more than any test waits for
	go func() {
		defer close(lines)
		defer body.Close()
		for decoder := json.NewDecoder(body); ; {
			var line T
			if decoder.Decode(&line) != nil {
				return // ctx ended, or the guest did
			}
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines, nil
}

// Clock is how far the guest's clock is ahead of this machine's, and the bound of that figure's error.
type Clock struct {
	Ahead, Error time.Duration
}

// Clock asks for the time n times and believes the quickest answer, as NTP does (RFC 5905, section 8).
func (c *Client) Clock(ctx context.Context, n int) (Clock, error) {
	best := Clock{Error: time.Hour}
	for range n {
		asked := time.Now()
		var m Moment
		if err := c.call(ctx, http.MethodGet, "/clock", nil, &m); err != nil {
			return best, err
		}
		answered := time.Now()
		if half := answered.Sub(asked) / 2; half < best.Error {
			best = Clock{Ahead: time.Unix(0, m.At).Sub(asked.Add(half)), Error: half}
		}
	}
	if best.Error == time.Hour {
		return best, errors.New("the clock was not asked for")
	}
	return best, nil
}

// Here translates a moment of the guest's clock to this machine's.
func (k Clock) Here(m Moment) time.Time { return time.Unix(0, m.At).Add(-k.Ahead) }
