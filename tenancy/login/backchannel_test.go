package login_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy/login"
)

var logoutEvents = map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}

func TestLogoutTokensAreCheckedToTheLetter(t *testing.T) {
	for name, c := range map[string]struct {
		bend  func(r *rig, claims map[string]any)
		words string // "": it counts
	}{
		"a person and a session": {func(_ *rig, m map[string]any) { m["sid"] = "s1" }, ""},
		"a person":               {func(*rig, map[string]any) {}, ""},
		"a session":              {func(_ *rig, m map[string]any) { m["sub"], m["sid"] = nil, "s1" }, ""},
		"for several sites":      {func(_ *rig, m map[string]any) { m["aud"], m["azp"] = []string{"x", clientID}, clientID }, ""},
		"of its type":            {func(r *rig, _ map[string]any) { r.a.header = func(h map[string]any) { h["typ"] = "logout+jwt" } }, ""},
		"of no type":             {func(r *rig, _ map[string]any) { r.a.header = func(h map[string]any) { delete(h, "typ") } }, ""},
		"of another type":        {func(r *rig, _ map[string]any) { r.a.header = func(h map[string]any) { h["typ"] = "at+jwt" } }, "another kind of token"},
		"nobody":                 {func(_ *rig, m map[string]any) { m["sub"] = nil }, "neither a person nor a session"},
		"no events":              {func(_ *rig, m map[string]any) { m["events"] = nil }, "does not say that somebody logged out"},
		"another event":          {func(_ *rig, m map[string]any) { m["events"] = map[string]any{"other": map[string]any{}} }, "does not say that somebody logged out"},
		"an event that is null": {func(_ *rig, m map[string]any) {
			m["events"] = map[string]any{"http://schemas.openid.net/event/backchannel-logout": nil}
		}, "does not say that somebody logged out"},
		"a nonce":                 {func(_ *rig, m map[string]any) { m["nonce"] = "n" }, "is an ID token"},
		"no id":                   {func(_ *rig, m map[string]any) { m["jti"] = nil }, "has no id"},
		"for another site":        {func(_ *rig, m map[string]any) { m["aud"] = "x" }, "not for this site"},
		"from a stranger":         {func(_ *rig, m map[string]any) { m["iss"] = "https://evil.example" }, "not from a provider of this site"},
		"from the other provider": {func(r *rig, m map[string]any) { m["iss"] = r.b.URL; r.b.key, r.b.kid = keys()[1], "b" }, "not signed by a key of that provider"},
		"expired":                 {func(r *rig, m map[string]any) { m["exp"] = r.clock.now().Add(-2 * time.Minute).Unix() }, "has expired"},
		"without an end":          {func(_ *rig, m map[string]any) { m["exp"] = nil }, "until when it counts"},
		"old":                     {func(r *rig, m map[string]any) { m["iat"] = r.clock.now().Add(-7 * time.Minute).Unix() }, "older than five minutes"},
		"not signed":              {func(r *rig, _ map[string]any) { r.a.header = func(h map[string]any) { h["alg"] = "none" } }, "not signed at all"},
		"signed by the public key": {func(r *rig, _ map[string]any) {
			r.a.header = func(h map[string]any) { h["alg"] = "HS256" }
			r.a.sign = hs256(&r.a.key.PublicKey)
		}, "shared secret"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			claims := map[string]any{"jti": "one", "sub": "ana", "events": logoutEvents}
			r.a.bend(func() { c.bend(r, claims) })
			ended, _, err := r.LogoutToken(t.Context(), r.a.token(claims))
			if c.words != "" {
				wantCode(t, err, fault.Invalid, c.words)
				return
			}
			must(t, err)
			if ended.Provider != "a" || ended.Issuer != r.a.URL || ended.Subject == "" && ended.SessionID == "" {
				t.Errorf("%+v", ended)
			}
		})
	}
	r := newRig(t)
	for _, text := range []string{"", "a.b", "a.b.c", "a.e30.c", "e30.bnVsbA.c"} {
		_, _, err := r.LogoutToken(t.Context(), text)
		wantCode(t, err, fault.Invalid, "not from a provider of this site")
	}
}

func TestTheBackChannelTakesEachTokenOnce(t *testing.T) {
	r := newRig(t)
	var ended []login.Ended
	var fail error
	handler := httptest.NewServer(r.BackChannel(func(_ context.Context, e login.Ended) error {
		if fail == nil {
			ended = append(ended, e)
		}
		return fail
	}, slog.New(slog.DiscardHandler)))
	defer handler.Close()
	post := func(form url.Values) (int, string) {
		t.Helper()
		answer, err := http.PostForm(handler.URL, form)
		must(t, err)
		defer answer.Body.Close()
		var body strings.Builder
		_, err = copyTo(&body, answer)
		must(t, err)
		if answer.Header.Get("Cache-Control") != "no-store" {
			t.Error("the answer may be kept")
		}
		return answer.StatusCode, body.String()
	}
	token := r.a.token(map[string]any{"jti": "one", "sub": "ana", "sid": "s1", "events": logoutEvents})
	fail = errors.New("the database is away")
	if status, _ := post(url.Values{"logout_token": {token}}); status != http.StatusBadRequest {
		t.Errorf("%d though nobody was logged out", status)
	}
	fail = nil
	if status, body := post(url.Values{"logout_token": {token}}); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	if len(ended) != 1 || ended[0] != (login.Ended{Provider: "a", Issuer: r.a.URL, Subject: "ana", SessionID: "s1"}) {
		t.Errorf("%+v", ended)
	}
	if status, body := post(url.Values{"logout_token": {token}}); status != http.StatusBadRequest || !strings.Contains(body, "taken already") {
		t.Errorf("a second time: %d %s", status, body)
	}
	for name, form := range map[string]url.Values{"nothing": {}, "two tokens": {"logout_token": {token, token}}, "too much": {"logout_token": {strings.Repeat("x", 80<<10)}}} {
		if status, body := post(form); status != http.StatusBadRequest || !strings.Contains(body, "error_description") {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	answer, err := http.Get(handler.URL + "?logout_token=" + token)
	must(t, err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("by GET: %d", answer.StatusCode)
	}
	answer, err = http.Post(handler.URL, "application/json", strings.NewReader(`{"logout_token":"x"}`))
	must(t, err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("as JSON: %d", answer.StatusCode)
	}
	if len(ended) != 1 {
		t.Errorf("%d were logged out", len(ended))
	}
}
