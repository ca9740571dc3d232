package hostlink

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"trunkline/internal/fault"
)

// Link is the controller's live link to one host. It is dead for good once Done is closed; a host that comes back has a
// new Link with a higher Epoch.
type Link struct {
	HostID     string
	Epoch      int64
	Agent      string       // version of the agent
	RemoteAddr string       // where the host dialled from
	Since      time.Time    // when it linked
	Client     *http.Client // over the control channel; any URL of the form http://host/…

	tunnel   *tunnel
	log      *slog.Logger
	bulk     bulkChannel
	turn     int           // of those that Server.report has
	checked  chan struct{} // closed once its key was asked about again, see Server.recheck
	rotating sync.Mutex    // held by the one Rotate at work
}

func newLink(s *Server, g guest, t *tunnel, remote string, log *slog.Logger) *Link {
	link := &Link{
		HostID: g.Host, Epoch: g.epoch, Agent: g.Agent, RemoteAddr: remote, Since: time.Now(),
		tunnel: t, log: log, turn: rand.IntN(1 << 16), checked: make(chan struct{}),
	}
	link.Client = clientOf(newTransport(t))
	link.bulk.init(link, s.cfg)
	return link
}

// Bulk is a client whose requests go over the bulk channel, for files, images and captures. The channel is opened by the
// first request and closed when idle; a request that cannot open it fails with fault.Unavailable.
func (l *Link) Bulk() (*http.Client, error) {
	if err := l.Err(); err != nil {
		return nil, err
	}
	return l.bulk.client, nil
}

// Upgrade sends a request that asks for a 101 upgrade and returns the stream both sides then own. ctx bounds the asking,
// not the stream. The stream also has CloseWrite() error: the host then reads io.EOF and may go on writing; Close hangs up.
// A host that answers otherwise has its fault error returned. Without an Upgrade header, "trunkline" is asked for.
func (l *Link) Upgrade(ctx context.Context, req *http.Request) (io.ReadWriteCloser, error) {
	return upgrade(ctx, l.Client, req)
}

// UpgradeBulk is Upgrade over the bulk channel.
func (l *Link) UpgradeBulk(ctx context.Context, req *http.Request) (io.ReadWriteCloser, error) {
	client, err := l.Bulk()
	if err != nil {
		return nil, err
	}
	return upgrade(ctx, client, req)
}

// RTT is the smoothed round trip of the control channel, measured at every ping; 0 before the first answer.
func (l *Link) RTT() time.Duration { return l.tunnel.rtt() }

// Done is closed when the link has ended.
func (l *Link) Done() <-chan struct{} { return l.tunnel.done() }

// Err is why the link ended, as a fault error; nil while it lives.
func (l *Link) Err() error {
	if err := l.tunnel.err(); err != nil {
		return err
	}
	return nil
}

func upgrade(ctx context.Context, client *http.Client, req *http.Request) (io.ReadWriteCloser, error) {
	req = req.Clone(ctx)
	if req.Header.Get("Upgrade") == "" {
		req.Header.Set("Upgrade", "trunkline")
	}
	req.Header.Set("Connection", "Upgrade")
	resp, err := client.Do(req)
	if err != nil {
		return nil, plain(err)
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp.Body.(io.ReadWriteCloser), nil
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, faultOf(resp)
}

// plain takes away http.Client's wrapping, whose text names a URL that means nothing to people.
func plain(err error) error {
	if known, ok := errors.AsType[*fault.Error](err); ok {
		return known
	}
	return err
}

// faultOf reads the error a handler answered with.
func faultOf(resp *http.Response) error {
	remote := &fault.Error{}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxEnrolBody))
	if err == nil && json.Unmarshal(data, remote) == nil && remote.Code != "" && remote.Sentence != "" {
		return remote
	}
	return fault.Wrap(err, fault.Internal, "The other side answered “%s” where another answer was due.", resp.Status)
}
