package hostlink

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"time"

	"trunkline/internal/fault"
)

func (d Dialer) proxy() func(*http.Request) (*url.URL, error) {
	if d.Proxy != nil {
		return d.Proxy
	}
	return http.ProxyFromEnvironment
}

// proxyFor is the proxy on the way to an address, or nil.
func (d Dialer) proxyFor(address string) *url.URL {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return nil
	}
	proxy, err := d.proxy()(req)
	if err != nil {
		return nil // dialling meets the same error
	}
	return proxy
}

// tunnelled is the transport for a websocket: an HTTP proxy is always asked for a tunnel, also where there is no TLS,
// since proxies do not pass an upgrade on. Source: RFC 6455, section 4.1.
func (d Dialer) tunnelled(address string) *http.Transport {
	t := d.transport()
	target, err := url.Parse(address)
	if err != nil || target.Scheme != "http" {
		return t
	}
	proxy := d.proxyFor(address)
	if proxy == nil || (proxy.Scheme != "http" && proxy.Scheme != "https") {
		return t
	}
	dial := t.DialContext
	t.Proxy = nil
	t.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
		conn, err := dial(ctx, network, withPort(proxy))
		if err != nil {
			return nil, err
		}
		if proxy.Scheme == "https" {
			settings := d.TLS.Clone()
			if settings == nil {
				settings = &tls.Config{}
			}
			settings.ServerName, settings.NextProtos = proxy.Hostname(), []string{"http/1.1"}
			conn = tls.Client(conn, settings)
		}
		if err := askTunnel(ctx, conn, proxy, to); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return conn, nil
	}
	return t
}

func withPort(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Host
	case u.Scheme == "https":
		return net.JoinHostPort(u.Hostname(), "443")
	}
	return net.JoinHostPort(u.Hostname(), "80")
}

// askTunnel makes a proxy's connection one to the address. Source: RFC 9110, section 9.3.6.
func askTunnel(ctx context.Context, conn net.Conn, proxy *url.URL, to string) error {
	undo := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(past) })
	defer undo()
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: to}, Host: to, Header: http.Header{}}
	if user := proxy.User; user != nil {
		password, _ := user.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := req.Write(conn); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), req) // the controller waits to be spoken to: nothing follows the answer
	if err != nil {
		return err
	}
	if err := proxyRefusal(proxy, answer); err != nil {
		return err
	}
	if !undo() {
		return context.Cause(ctx)
	}
	return conn.SetDeadline(time.Time{})
}

// proxyRefusal is nil when the proxy made the tunnel.
func proxyRefusal(proxy *url.URL, answer *http.Response) error {
	switch answer.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusProxyAuthRequired:
		return fault.New(fault.Unavailable, "The proxy %s wants a user and a password. Write them into https_proxy and http_proxy, as http://user:password@%s.", proxy.Host, proxy.Host)
	}
	return fault.New(fault.Unavailable, "The proxy %s answered “%s” instead of passing the connection on. Let it pass, or name the controller in no_proxy.", proxy.Host, answer.Status)
}
