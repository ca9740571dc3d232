package api_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/tenancy"
	"trunkline/web/api"
)

// by is a client with a token that is made for it.
func by(t *testing.T, address, secret string) *client.Client {
	t.Helper()
	c, err := client.New(address, secret)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestARevokedTokenCutsItsStreams(t *testing.T) {
	c, ready := site(t)
	made, err := c.CreateToken(t.Context(), api.TokenBody{Name: "watcher", Scope: tenancy.ScopeRead, Expires: "1d"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Create(t.Context(), yaml(twoNodes)); err != nil {
		t.Fatal(err)
	}
	watcher := by(t, ready.URL, made.Secret)
	began, ended := make(chan struct{}), make(chan error, 1)
	begin := sync.OnceFunc(func() { close(began) }) // however many events come
	go func() {
		ended <- watcher.Watch(t.Context(), "pair", func(control.Event) bool { begin(); return true })
	}()
	<-began
	started := time.Now()
	if err := c.RevokeToken(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	err = <-ended
	took := time.Since(started)
	if t.Logf("the stream was cut in %s", took); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if !fault.Is(err, fault.Forbidden) || !strings.HasPrefix(err.Error(), "This API token was revoked.") {
		t.Errorf("the stream ends with %v", err)
	}
}

func TestATokenIsRefusedBeyondItsScope(t *testing.T) {
	c, ready := site(t)
	made, err := c.CreateToken(t.Context(), api.TokenBody{Name: "reader", Scope: tenancy.ScopeRead})
	if err != nil || made.Expires.Before(time.Now().Add(89*24*time.Hour)) {
		t.Fatalf("made %+v, %v", made, err)
	}
	reader := by(t, ready.URL, made.Secret)
	if _, err := reader.Labs(t.Context()); err != nil {
		t.Error(err)
	}
	_, err = reader.Create(t.Context(), yaml(twoNodes))
	if !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), `scope "labs"`) {
		t.Errorf("making a lab: %v", err)
	}
	for what, err := range map[string]error{
		"making a token":           func() error { _, err := reader.CreateToken(t.Context(), api.TokenBody{Name: "x"}); return err }(),
		"ending sessions":          func() error { _, err := reader.EndSessions(t.Context(), ""); return err }(),
		"making a service account": func() error { _, err := reader.CreateService(t.Context(), "x", tenancy.Member); return err }(),
	} {
		if !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), `scope "all"`) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := c.CreateToken(t.Context(), api.TokenBody{Name: "x", Expires: "soon"}); !fault.Is(err, fault.Invalid) || fault.Public(err).Field != "expires" {
		t.Errorf("a time that is none: %v", err)
	}
}

func TestServiceAccountsByTheAPI(t *testing.T) {
	c, ready := site(t)
	service, err := c.CreateService(t.Context(), "ci", tenancy.Member)
	if err != nil || service.Name != "ci" {
		t.Fatalf("made %+v, %v", service, err)
	}
	token, err := c.CreateServiceToken(t.Context(), "ci", api.TokenBody{Name: "nightly", Scope: tenancy.ScopeLabs, Expires: "never"})
	if err != nil {
		t.Fatal(err)
	}
	ci := by(t, ready.URL, token.Secret)
	if me, err := ci.Me(t.Context()); err != nil || !me.Service || me.Role != tenancy.Member || me.SiteAdmin {
		t.Errorf("it is %+v, %v", me, err)
	}
	if _, err := ci.Create(t.Context(), yaml(twoNodes)); err != nil {
		t.Error(err)
	}
	if list, err := ci.Services(t.Context()); err != nil || len(list) != 1 || list[0].Tokens != nil {
		t.Errorf("a member sees %+v, %v", list, err)
	}
	if err := c.ChangeServiceRole(t.Context(), "ci", tenancy.Observer); err != nil {
		t.Error(err)
	}
	if _, err := ci.Create(t.Context(), yaml(twoNodes)); !fault.Is(err, fault.Forbidden) {
		t.Errorf("an observer makes a lab: %v", err)
	}
	if err := c.RevokeServiceToken(t.Context(), "ci", token.ID); err != nil {
		t.Error(err)
	}
	if _, err := ci.Me(t.Context()); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("after its token was revoked: %v", err)
	}
	if err := c.RemoveService(t.Context(), "ci"); err != nil {
		t.Error(err)
	}
	if labs, err := c.Labs(t.Context()); err != nil || len(labs) != 1 {
		t.Errorf("its lab stays: %v, %v", labs, err)
	}
}

func TestAProviderIsChangedFromTheVersionThatWasRead(t *testing.T) {
	c, _ := site(t)
	settings := api.ProviderSettings{Name: "Campus", Issuer: "http://127.0.0.1:1", ClientID: "trunkline", AllowPrivate: true, Base: "whatever"}
	made, err := c.SaveProvider(t.Context(), "campus", settings, false)
	if err != nil || made.Version == "" {
		t.Fatalf("made %+v, %v", made, err)
	}
	settings.Base, settings.Name = made.Version, "Campus A"
	changed, err := c.SaveProvider(t.Context(), "campus", settings, false)
	if err != nil || changed.Version == made.Version {
		t.Fatalf("changed to %+v, %v", changed, err)
	}
	settings.Name = "Campus B"
	for _, dryRun := range []bool{true, false} {
		if _, err := c.SaveProvider(t.Context(), "campus", settings, dryRun); !fault.Is(err, fault.Conflict) || fault.Public(err).Field != "base" {
			t.Errorf("from a version of before: %v", err)
		}
	}
	if now, err := c.Provider(t.Context(), "campus"); err != nil || now.Name != "Campus A" || now.Version != changed.Version {
		t.Errorf("it is %+v, %v", now, err)
	}
}

// browserOf is a browser in which the administrator is signed in by the one-time link.
func browserOf(t *testing.T, address, link string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := b.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if u, _ := url.Parse(address); len(jar.Cookies(u)) == 0 {
		t.Fatalf("the link answers %s", response.Status)
	}
	return b
}

func TestSessionsByTheAPI(t *testing.T) {
	c, ready := site(t)
	b := browserOf(t, ready.URL, ready.SignInLink)
	list, err := c.Sessions(t.Context(), "")
	if err != nil || len(list) != 1 || list[0].Current || list[0].Address != "127.0.0.1" {
		t.Fatalf("listed %+v, %v", list, err)
	}
	if err := c.EndSession(t.Context(), list[0].ID); err != nil {
		t.Fatal(err)
	}
	response, err := b.Get(ready.URL + api.Prefix + "/me")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("the browser is answered %s", response.Status)
	}
	if n, err := c.EndSessions(t.Context(), ""); err != nil || n != 0 {
		t.Errorf("%d more were ended, %v", n, err)
	}
	if err := c.EndSession(t.Context(), list[0].ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("a second time: %v", err)
	}
}

func TestABrowsersSessionRunsNoCommandsByTheSocket(t *testing.T) {
	c, ready := site(t)
	if _, err := c.Create(t.Context(), yaml(twoNodes)); err != nil {
		t.Fatal(err)
	}
	b := browserOf(t, ready.URL, ready.SignInLink)
	for _, origin := range []string{ready.URL, "https://evil.example"} {
		_, response, err := websocket.Dial(t.Context(), strings.Replace(ready.URL, "http", "ws", 1)+api.Prefix+"/labs/pair/nodes/a/exec", &websocket.DialOptions{
			HTTPClient: b, HTTPHeader: http.Header{"Origin": {origin}},
		})
		if err == nil || response == nil || response.StatusCode != http.StatusForbidden {
			t.Errorf("from %s: %v, %v", origin, response, err)
		}
	}
}
