package login_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is a provider that behaves, until a test bends it.
type fake struct {
	*httptest.Server
	t   testing.TB
	now func() time.Time

	mu       sync.Mutex
	key      *rsa.PrivateKey
	kid      string
	keysPath string
	codes    map[string]url.Values // code to the authorisation request that it is for
	refresh  map[string]bool       // refresh tokens that count
	access   map[string]bool
	asked    map[string]int // requests by path
	down     map[string]int // path to the status that it answers with
	person   map[string]any // claims of userinfo
	serial   int

	// bends, each nil or changing what would be sent
	metadata func(map[string]any)
	header   func(map[string]any)
	claims   func(map[string]any)
	sign     func(head, payload string) string
	tokens   func(map[string]any)
	discover http.HandlerFunc
}

var keys = sync.OnceValue(func() []*rsa.PrivateKey {
	var made []*rsa.PrivateKey
	for range 3 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		made = append(made, key)
	}
	return made
})

const clientID, clientSecret = "trunkline", "a secret of the client"

func newFake(t testing.TB, now func() time.Time) *fake {
	f := &fake{t: t, now: now, key: keys()[0], kid: "one", keysPath: "/keys", codes: map[string]url.Values{}, refresh: map[string]bool{}, access: map[string]bool{},
		asked: map[string]int{}, down: map[string]int{}, person: map[string]any{"sub": "ana", "email": "ana@example.org", "email_verified": true, "name": "Ana", "groups": []any{"staff"}}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) bend(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) count(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[path]
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[r.URL.Path]++
	if status := f.down[r.URL.Path]; status != 0 {
		http.Error(w, "down", status)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		f.serveMetadata(w, r)
	case f.keysPath:
		f.answer(w, http.StatusOK, map[string]any{"keys": []any{jwk(f.kid, &f.key.PublicKey)}})
	case "/authorize":
		f.serial++
		code := fmt.Sprint("code", f.serial)
		f.codes[code] = r.URL.Query()
		back := r.URL.Query().Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {r.URL.Query().Get("state")}, "iss": {f.URL}}.Encode()
		http.Redirect(w, r, back, http.StatusFound)
	case "/token":
		f.serveToken(w, r)
	case "/userinfo":
		if !f.access[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		f.answer(w, http.StatusOK, f.person)
	default:
		http.NotFound(w, r)
	}
}

func (f *fake) serveMetadata(w http.ResponseWriter, r *http.Request) {
	if f.discover != nil {
		f.discover(w, r)
		return
	}
	m := map[string]any{
		"issuer": f.URL, "authorization_endpoint": f.URL + "/authorize", "token_endpoint": f.URL + "/token", "userinfo_endpoint": f.URL + "/userinfo",
		"jwks_uri": f.URL + f.keysPath, "end_session_endpoint": f.URL + "/end?tenant=1", "code_challenge_methods_supported": []string{"S256"},
		"authorization_response_iss_parameter_supported": true, "id_token_signing_alg_values_supported": []string{"RS256"},
	}
	if f.metadata != nil {
		f.metadata(m)
	}
	f.answer(w, http.StatusOK, m)
}

func (f *fake) serveToken(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if secret, _ = url.QueryUnescape(secret); id != clientID || secret != clientSecret {
		f.answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	_ = r.ParseForm()
	form := r.PostForm
	claims := map[string]any{"sub": f.person["sub"], "sid": "session1"}
	switch form.Get("grant_type") {
	case "authorization_code":
		request, known := f.codes[form.Get("code")]
		challenge := sha256.Sum256([]byte(form.Get("code_verifier")))
		if !known || request.Get("redirect_uri") != form.Get("redirect_uri") || request.Get("code_challenge_method") != "S256" ||
			request.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]) {
			f.answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
			return
		}
		delete(f.codes, form.Get("code"))
		claims["nonce"] = request.Get("nonce")
	case "refresh_token":
		if !f.refresh[form.Get("refresh_token")] {
			f.answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
			return
		}
		delete(f.refresh, form.Get("refresh_token"))
	}
	f.serial++
	access, refresh := fmt.Sprint("access", f.serial), fmt.Sprint("refresh", f.serial)
	f.access[access], f.refresh[refresh] = true, true
	tokens := map[string]any{"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": 3600, "id_token": f.tokenLocked(claims)}
	if f.tokens != nil {
		f.tokens(tokens)
	}
	f.answer(w, http.StatusOK, tokens)
}

// token signs claims, to which it adds what every token has.
func (f *fake) token(claims map[string]any) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tokenLocked(claims)
}

func (f *fake) tokenLocked(claims map[string]any) string {
	head := map[string]any{"alg": "RS256", "kid": f.kid, "typ": "JWT"}
	all := map[string]any{"iss": f.URL, "aud": clientID, "exp": f.now().Add(time.Hour).Unix(), "iat": f.now().Unix()}
	for name, value := range claims {
		all[name] = value
	}
	if f.header != nil {
		f.header(head)
	}
	if f.claims != nil {
		f.claims(all)
	}
	for name, value := range all {
		if value == nil {
			delete(all, name)
		}
	}
	sign := f.sign
	if sign == nil {
		sign = rs256(f.key)
	}
	return sign(part(head), part(all))
}

func part(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func rs256(key *rsa.PrivateKey) func(head, payload string) string {
	return func(head, payload string) string {
		sum := sha256.Sum256([]byte(head + "." + payload))
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			panic(err)
		}
		return head + "." + payload + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
}

// hs256 signs with a public key as the secret: https://auth0.com/blog/critical-vulnerabilities-in-json-web-token-libraries
func hs256(key *rsa.PublicKey) func(head, payload string) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err)
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return func(head, payload string) string {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(head + "." + payload))
		return head + "." + payload + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
}

func jwk(kid string, key *rsa.PublicKey) map[string]any {
	return map[string]any{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())}
}

func (f *fake) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		f.t.Logf("the fake provider could not answer: %v", err) // whoever asked has seen enough
	}
}
