package login

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// calm is an HTTP client for the provider's keys. go-oidc asks for them whenever a signature does not fit, and anybody can send such a token
// to the back channel: beyond a few requests, the last answer is given again.
func (c *client) calm(keysURL string) *http.Client {
	if u, err := url.Parse(keysURL); err == nil {
		keysURL = u.String() // as requests write it
	}
	slow := *c.http
	slow.Transport = &calmed{next: c.http.Transport, url: keysURL, now: c.now, limit: rate.NewLimiter(rate.Every(5*time.Second), 5)}
	return &slow
}

type calmed struct {
	next  http.RoundTripper
	url   string
	now   func() time.Time
	limit *rate.Limiter

	mu   sync.Mutex
	last []byte
}

func (k *calmed) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.String() != k.url {
		return k.next.RoundTrip(r)
	}
	k.mu.Lock()
	last := k.last
	k.mu.Unlock()
	if last != nil && !k.limit.AllowN(k.now(), 1) {
		return &http.Response{StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(last)), ContentLength: int64(len(last))}, nil
	}
	answer, err := k.next.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		return answer, err
	}
	body, err := io.ReadAll(answer.Body) // bounded already
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	k.mu.Lock()
	k.last = body
	k.mu.Unlock()
	return answer, nil
}
