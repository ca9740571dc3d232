package login

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"trunkline/internal/fault"
)

// Ended is whose sessions a provider says have ended: OpenID Connect Back-Channel Logout 1.0 section 2.4. With a SessionID it is that session alone,
// otherwise every session of the Subject.
type Ended struct {
	Provider  string
	Issuer    string
	Subject   string
	SessionID string
}

const (
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
	logoutType  = "logout+jwt"
	logoutWhat  = "logout token"

	logoutBody = 64 << 10        // bytes of a request
	logoutAge  = 5 * time.Minute // beyond that, a logout token is of another time, whatever it says of its end
)

// BackChannel takes logout tokens from providers, at BackChannelPath. end ends the sessions; when it fails, the provider may send the same token
// again. log gets what was refused and why.
func (s *Service) BackChannel(end func(context.Context, Ended) error, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			refuseLogout(w, http.StatusMethodNotAllowed, "Logout tokens are sent by POST.")
			return
		}
		err := s.takeLogout(w, r, end)
		if err == nil {
			w.WriteHeader(http.StatusOK)
			return
		}
		log.Warn("a logout token was refused", "code", string(fault.CodeOf(err)), "err", err)
		refuseLogout(w, http.StatusBadRequest, fault.Sentence(err)) // the status for every failure: section 2.8
	})
}

func refuseLogout(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_request", "error_description": sentence}) // whoever asked has gone
}

func (s *Service) takeLogout(w http.ResponseWriter, r *http.Request, end func(context.Context, Ended) error) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return fault.New(fault.Invalid, "A logout token comes as a form (application/x-www-form-urlencoded).")
	}
	r.Body = http.MaxBytesReader(w, r.Body, logoutBody)
	if err := r.ParseForm(); err != nil {
		return fault.Wrap(err, fault.Invalid, "The form cannot be read, or has more than 64 KiB.")
	}
	tokens := r.PostForm["logout_token"]
	if len(tokens) != 1 || tokens[0] == "" {
		return fault.New(fault.Invalid, "The form has no logout_token, or more than one.")
	}
	ended, release, err := s.LogoutToken(r.Context(), tokens[0])
	if err != nil {
		return err
	}
	if err := end(r.Context(), ended); err != nil {
		release()
		return err
	}
	return nil
}

// LogoutToken checks a logout token and says whose sessions have ended. Each counts once; release lets it count again, for when they could not be
// ended. Codes: invalid, unavailable (the provider's keys could not be had).
func (s *Service) LogoutToken(ctx context.Context, raw string) (ended Ended, release func(), err error) {
	c, err := s.addressed(ctx, raw)
	if err != nil {
		return Ended{}, nil, err
	}
	m, err := c.meet(ctx, time.Time{})
	if err != nil {
		return Ended{}, nil, err
	}
	t, err := c.verify(ctx, m, logoutWhat, raw)
	if err != nil {
		return Ended{}, nil, err
	}
	now := s.cfg.Now()
	if err := c.checkLogout(t, now); err != nil {
		return Ended{}, nil, err
	}
	key := c.provider.Issuer + "\x00" + t.TokenID
	if !s.logout.take(key, now, instant(t.Issued).Add(logoutAge+2*skew)) {
		return Ended{}, nil, fault.New(fault.Invalid, "This logout token was taken already.")
	}
	ended = Ended{Provider: c.provider.ID, Issuer: c.provider.Issuer, Subject: t.Subject, SessionID: t.SessionID}
	return ended, func() { s.logout.forget(key) }, nil
}

// addressed finds the provider that a token says it is from and the client that it says it is for. Nothing of it is proven yet.
func (s *Service) addressed(ctx context.Context, raw string) (*client, error) {
	unknown := fault.New(fault.Invalid, "The logout token is not from a provider of this site, or not for this site.")
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, unknown
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var says struct {
		Issuer   string          `json:"iss"`
		Audience json.RawMessage `json:"aud"`
	}
	if err != nil || json.Unmarshal(payload, &says) != nil {
		return nil, unknown
	}
	var audience []string
	if json.Unmarshal(says.Audience, &audience) != nil {
		var one string
		if json.Unmarshal(says.Audience, &one) != nil {
			return nil, unknown
		}
		audience = []string{one}
	}
	providers, err := s.cfg.Providers.Providers(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range providers { // also one that is disabled: it may still end what it began
		if p.Issuer == says.Issuer && slices.Contains(audience, p.ClientID) {
			return s.clientOf(p), nil
		}
	}
	return nil, unknown
}

// checkLogout is the list of section 2.6.
func (c *client) checkLogout(t *signed, now time.Time) error {
	wrong := func(why string) error {
		return fault.New(fault.Invalid, "The logout token of %s %s.", c.provider.Name, why)
	}
	if err := c.check(logoutWhat, t, now); err != nil {
		return err
	}
	var events map[string]json.RawMessage
	var empty map[string]any
	switch {
	case t.typ != "" && !strings.EqualFold(t.typ, logoutType) && !strings.EqualFold(t.typ, "JWT"):
		return wrong("is another kind of token")
	case json.Unmarshal(t.Events, &events) != nil || json.Unmarshal(events[logoutEvent], &empty) != nil || empty == nil:
		return wrong("does not say that somebody logged out")
	case len(t.Nonce) > 0:
		return wrong("has a nonce: it is an ID token")
	case t.TokenID == "" || len(t.TokenID) > 512:
		return wrong("has no id, by which a second use would be seen")
	case t.Subject == "" && t.SessionID == "":
		return wrong("names neither a person nor a session")
	case now.Sub(instant(t.Issued)) > logoutAge+skew:
		return wrong("is older than five minutes")
	}
	return nil
}
