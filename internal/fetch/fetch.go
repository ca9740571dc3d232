// Package fetch makes the HTTP clients with which the server asks addresses that people gave it.
//
// It knows which addresses are this site's own business and refuses to connect there: the check is made on the address that is dialled, after
// names were resolved, so that neither a redirect nor a name that changes its address leads inside. Answers are bounded, in bytes and in time.
// It refuses to know what is asked for.
package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"trunkline/internal/fault"
)

// Limits of every client.
const (
	MaxBody      = 1 << 20 // bytes of an answer's body
	maxHeader    = 64 << 10
	maxRedirects = 3
	wholeTime    = 15 * time.Second // one request with its redirects
	dialTime     = 5 * time.Second
)

// Options of a client. The zero value reaches public addresses by https alone.
type Options struct {
	// AllowPrivate lets the client reach private and loopback addresses, and use plain http. Link-local addresses stay refused: cloud machines
	// give away their credentials there.
	AllowPrivate bool
	// Allow lets the client reach one address more, and use plain http. nil: none.
	Allow func(netip.AddrPort) bool
}

// Client makes a client that keeps no cookies, uses no proxy, follows at most three redirects of GET requests and none of others. Answers of more
// than MaxBody bytes are a *TooLarge error.
func Client(o Options) *http.Client {
	dialer := &net.Dialer{Timeout: dialTime, Control: o.control}
	return &http.Client{
		Timeout: wholeTime,
		Transport: bounded{&http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: 10 * time.Second, IdleConnTimeout: 30 * time.Second,
			MaxResponseHeaderBytes: maxHeader, MaxIdleConnsPerHost: 2, MaxConnsPerHost: 16, ForceAttemptHTTP2: true,
		}, o},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			switch {
			case len(via) > maxRedirects:
				return &Refused{Why: "it redirects more than three times"}
			case via[0].Method != http.MethodGet:
				return http.ErrUseLastResponse
			case via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https":
				return &Refused{Why: "it redirects from https to " + r.URL.Scheme}
			}
			return nil
		},
	}
}

// Refused is why an address was not asked. Find it by errors.As.
type Refused struct{ Why string }

func (r *Refused) Error() string { return r.Why }

// TooLarge is an answer of more than MaxBody bytes.
type TooLarge struct{}

func (*TooLarge) Error() string { return fmt.Sprintf("the answer is larger than %d bytes", MaxBody) }

// control sees each address that is about to be dialled: https://pkg.go.dev/net#Dialer
func (o Options) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return &Refused{Why: "its address cannot be read"}
	}
	if o.Allow != nil && o.Allow(at) {
		return nil
	}
	kind := Kind(at.Addr())
	if kind == Public || o.AllowPrivate && (kind == Private || kind == Loopback) {
		return nil
	}
	return &Refused{Why: fmt.Sprintf("its address %s is %s", at.Addr(), kind)}
}

// bounded reads whole answers, up to the limit, and refuses schemes.
type bounded struct {
	next http.RoundTripper
	o    Options
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && (r.URL.Scheme != "http" || !b.o.AllowPrivate && b.o.Allow == nil) {
		return nil, &Refused{Why: "its address begins with " + r.URL.Scheme + ":// and not with https://"}
	}
	answer, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, MaxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > MaxBody {
		return nil, &TooLarge{}
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// Explain turns a client's error into a fault: who was asked, and why there is no answer. An address that may not be asked is fault.Forbidden,
// an answer that is too large fault.Invalid, all else fault.Unavailable.
func Explain(err error, who string) error {
	if refused, ok := errors.AsType[*Refused](err); ok {
		return fault.Wrap(err, fault.Forbidden, "%s is not asked: %s.", who, refused.Why)
	}
	if _, large := errors.AsType[*TooLarge](err); large {
		return fault.Wrap(err, fault.Invalid, "%s answered with more than 1 MiB. That is refused.", who)
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "%s did not answer. Try again in a moment.", who)
}
