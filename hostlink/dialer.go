package hostlink

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"trunkline/internal/fault"
)

// Dialer reaches a controller. The zero value trusts the system's certificates and respects the proxy environment.
type Dialer struct {
	TLS   *tls.Config                           // nil: the system's roots
	Proxy func(*http.Request) (*url.URL, error) // nil: http.ProxyFromEnvironment
}

// transport is made for one dial: nothing is pooled, and HTTP/2 has no websockets here.
func (d Dialer) transport() *http.Transport {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return &http.Transport{
		Proxy: d.proxy(),
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &corkConn{Conn: conn}, nil
		},
		OnProxyConnectResponse: func(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
			return proxyRefusal(proxy, answer)
		},
		TLSClientConfig:     d.TLS.Clone(),
		TLSHandshakeTimeout: 10 * time.Second,
		DisableKeepAlives:   true,
		Protocols:           protocols,
	}
}

// open makes the websocket and returns it with the connection it runs on.
func (d Dialer) open(ctx context.Context, address string) (*websocket.Conn, net.Conn, error) {
	var used atomic.Pointer[net.Conn]
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { used.Store(&info.Conn) },
	})
	ws, resp, err := websocket.Dial(ctx, address, &websocket.DialOptions{
		HTTPClient:      clientOf(d.tunnelled(address)),
		CompressionMode: websocket.CompressionDisabled,
	})
	if err == nil {
		ws.SetReadLimit(maxHandshakeMessage)
		return ws, *used.Load(), nil
	}
	if resp == nil || resp.Body == nil {
		return nil, nil, d.unreachable(err, address)
	}
	remote := &fault.Error{}
	if json.NewDecoder(resp.Body).Decode(remote) == nil && remote.Code != "" && remote.Sentence != "" {
		return nil, nil, remote
	}
	return nil, nil, fault.Wrap(err, fault.Unavailable, "The server at %s answered “%s”: it is no Trunkline controller, or it is starting. Check the address.", hostOf(address), resp.Status)
}

// dial opens a websocket and proves the identity on it. newest is the highest epoch this host has had.
func (d Dialer) dial(ctx context.Context, address string, id Identity, channel Channel, newest int64, version string) (*wsConn, int64, error) {
	ws, conn, err := d.open(ctx, address)
	if err != nil {
		return nil, 0, err
	}
	greeting := hello{Protocol: ourVersions, Host: id.HostID, Channel: channel, Epoch: newest, Agent: version}
	epoch, err := introduce(ctx, ws, conn, id.PrivateKey, greeting)
	if err != nil {
		_ = ws.CloseNow()
		return nil, 0, err
	}
	return newWSConn(ws, conn), epoch, nil
}

// introduce is the agent's side of the handshake.
func introduce(ctx context.Context, ws *websocket.Conn, conn net.Conn, key ed25519.PrivateKey, greeting hello) (int64, error) {
	if err := sendMessage(ctx, ws, greeting); err != nil {
		return 0, err
	}
	var asked challenge
	if err := receiveMessage(ctx, ws, &asked); err != nil {
		return 0, err
	}
	if asked.Refused != nil {
		return 0, asked.Refused
	}
	if err := acceptable(asked, greeting); err != nil {
		return 0, err
	}
	var exporter, binding []byte
	if asked.Bind {
		secured, ok := conn.(*tls.Conn)
		if !ok {
			return 0, fault.New(fault.Forbidden, "The controller speaks TLS but this connection does not: something between them opens it. Use the controller's https address.")
		}
		state := secured.ConnectionState()
		var err error
		if exporter, err = exporterOf(&state); err != nil {
			return 0, err
		}
		binding = digest(exporter)
	}
	message := signedBytes(greeting.Host, greeting.Channel, asked.Epoch, asked.Protocol, asked.Nonce, exporter)
	answer := proof{Nonce: asked.Nonce, Binding: binding, Signature: ed25519.Sign(key, message)}
	if err := sendMessage(ctx, ws, answer); err != nil {
		return 0, err
	}
	var last welcome
	if err := receiveMessage(ctx, ws, &last); err != nil {
		return 0, err
	}
	if last.Refused != nil {
		return 0, last.Refused
	}
	return asked.Epoch, nil
}

// acceptable is what the agent demands of a challenge: a fresh nonce, a version it speaks, and for control an epoch
// newer than any before, so that a controller restored from an old state cannot take the host back in time.
func acceptable(asked challenge, greeting hello) error {
	switch {
	case len(asked.Nonce) < 16:
		return fault.New(fault.Invalid, "The controller's challenge is too short to be safe.")
	case asked.Protocol < greeting.Protocol.Min || asked.Protocol > greeting.Protocol.Max:
		return fault.New(fault.Unsupported, "The controller chose host link version %d; this agent speaks %d to %d.", asked.Protocol, greeting.Protocol.Min, greeting.Protocol.Max)
	case greeting.Channel == Control && asked.Epoch <= greeting.Epoch:
		return fault.New(fault.Conflict, "The controller offers session %d, but this host already had session %d. Make sure that only one controller answers at this address.", asked.Epoch, greeting.Epoch)
	case greeting.Channel == Bulk && asked.Epoch != greeting.Epoch:
		return fault.New(fault.Conflict, "The controller offers a bulk channel for session %d; this is session %d.", asked.Epoch, greeting.Epoch)
	}
	return nil
}

// endpoint is the address of the host link of a controller given as http, https, ws or wss URL.
func endpoint(controller string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(controller))
	if err != nil {
		return "", badAddress(err, controller)
	}
	switch u.Scheme {
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	case "http", "https":
	default:
		return "", badAddress(nil, controller)
	}
	if u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", badAddress(nil, controller)
	}
	if base := strings.TrimRight(u.Path, "/"); strings.HasSuffix(base, Path) {
		u.Path = base
	} else {
		u.Path = base + Path
	}
	return u.String(), nil
}

// isLoopback tells whether the address is this machine, where dialling often costs nothing.
func isLoopback(address string) bool {
	name := hostOf(address)
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	ip, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return name == "localhost" || (err == nil && ip.IsLoopback())
}

func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Host
	}
	return address
}

func badAddress(cause error, address string) error {
	return fault.Wrap(cause, fault.Invalid, "“%s” is no controller address. Write it as https://controller.example.net, with a port if there is one.", address)
}

// unreachable says who does not answer: the controller, or what is on the way to it.
func (d Dialer) unreachable(cause error, address string) error {
	if known, ok := errors.AsType[*fault.Error](cause); ok {
		return known
	}
	if proxy := d.proxyFor(address); proxy != nil {
		return fault.Wrap(cause, fault.Unavailable, "The controller at %s does not answer through the proxy %s. Check both, and the variables https_proxy, http_proxy and no_proxy.", hostOf(address), proxy.Host)
	}
	return fault.Wrap(cause, fault.Unavailable, "The controller at %s does not answer. Check that it runs and that this host can reach it.", hostOf(address))
}
