package login_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/seal"
	"trunkline/tenancy/login"
)

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now().Truncate(time.Second)} }

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }
func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// listed is a ProviderStore of a few.
type listed struct {
	mu  sync.Mutex
	all []login.Provider
}

func (l *listed) Providers(context.Context) ([]login.Provider, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]login.Provider(nil), l.all...), nil
}

func (l *listed) Provider(ctx context.Context, id string) (login.Provider, error) {
	all, _ := l.Providers(ctx)
	for _, p := range all {
		if p.ID == id {
			return p, nil
		}
	}
	return login.Provider{}, fault.New(fault.NotFound, "There is no such provider.")
}

func (l *listed) change(change func([]login.Provider)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l.all)
}

const site = "https://lab.example.org"

// rig is a service with providers a and b.
type rig struct {
	*login.Service
	t      testing.TB
	clock  *clock
	a, b   *fake
	listed *listed
	keys   *seal.Ring
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, clock: newClock(), keys: seal.Random()}
	r.a, r.b = newFake(t, r.clock.now), newFake(t, r.clock.now)
	r.listed = &listed{all: []login.Provider{settings("a", r.a.URL), settings("b", r.b.URL)}}
	r.Service = r.restart()
	return r
}

// restart makes a service that remembers nothing but what is sealed.
func (r *rig) restart() *login.Service {
	r.t.Helper()
	s, err := login.New(login.Config{Providers: r.listed, Keys: r.keys, PublicURL: site + "/", Now: r.clock.now})
	must(r.t, err)
	return s
}

func settings(id, issuer string) login.Provider {
	return login.Provider{ID: id, Name: strings.ToUpper(id), Issuer: issuer, ClientID: clientID, ClientSecret: clientSecret, AllowPrivate: true}
}

// attempt is one sign-in as a browser makes it.
type attempt struct {
	provider string
	start    login.Start
	query    url.Values
}

// begin starts a sign-in and lets the provider say yes.
func (r *rig) begin(providerID string) *attempt {
	r.t.Helper()
	start, err := r.Begin(r.t.Context(), providerID, "/labs", "", "__Host-")
	must(r.t, err)
	return &attempt{provider: providerID, start: start, query: r.consent(start.URL)}
}

// consent follows the address to the provider and returns the query of where it leads back to.
func (r *rig) consent(address string) url.Values {
	r.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(strings.Replace(address, "https://127.0.0.1", "http://127.0.0.1", 1)) // TLS is not what is tested
	must(r.t, err)
	answer.Body.Close()
	back, err := answer.Location()
	must(r.t, err)
	if !strings.HasPrefix(back.String(), site+login.ReturnPath) {
		r.t.Fatalf("the provider leads to %s", back)
	}
	return back.Query()
}

func (r *rig) finish(a *attempt) (login.Finished, error) {
	name, value := login.CookieOf(a.query, "__Host-"), ""
	if name == a.start.Cookie.Name {
		value = a.start.Cookie.Value
	}
	return r.Finish(r.t.Context(), a.provider, a.query, name, value)
}

// signIn is a sign-in that works.
func (r *rig) signIn(providerID string) login.Identity {
	r.t.Helper()
	done, err := r.finish(r.begin(providerID))
	must(r.t, err)
	return done.Identity
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, code fault.Code, words string) {
	t.Helper()
	if fault.CodeOf(err) != code || !strings.Contains(fault.Sentence(err), words) {
		t.Fatalf("%s: %v; want %s and %q in it", fault.CodeOf(err), err, code, words)
	}
}

func copyTo(w io.Writer, answer *http.Response) (int64, error) { return io.Copy(w, answer.Body) }
