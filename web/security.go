package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"runtime/debug"
	"strings"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/tenancy"
)

type nonceKey struct{}

func nonceOf(ctx context.Context) string {
	nonce, _ := ctx.Value(nonceKey{}).(string)
	return nonce
}

// secureHeaders sets the content security policy and its kin. Only scripts and styles with this answer's nonce run, and
// what those load; nothing is taken from elsewhere, nothing may frame us.
func secureHeaders(tls bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nonce := rand.Text()
		h := w.Header()
		h.Set("Content-Security-Policy", strings.Join([]string{
			"default-src 'none'",
			"script-src 'nonce-" + nonce + "' 'strict-dynamic'",
			"style-src 'self' 'nonce-" + nonce + "'",
			"img-src 'self' data:",
			"font-src 'self'",
			"connect-src 'self' " + websocketOrigin(tls, r.Host),
			"form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'", "manifest-src 'self'",
		}, "; "))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
		if tls {
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		next.ServeHTTP(&guarded{ResponseWriter: w}, r.WithContext(context.WithValue(r.Context(), nonceKey{}, nonce)))
	})
}

// websocketOrigin is named for browsers in which 'self' does not cover websockets.
func websocketOrigin(tls bool, host string) string {
	if strings.ContainsAny(host, " ;,'\"") {
		return ""
	}
	if tls {
		return "wss://" + host
	}
	return "ws://" + host
}

type requestKey struct{}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// identify gives each request a number that its log line, its audit entry and its error page share.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := ident.New()
		w.Header().Set("X-Request-Id", id)
		ctx := tenancy.FromOrigin(context.WithValue(r.Context(), requestKey{}, id), tenancy.Origin{Address: address(r), RequestID: id})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// recovering turns a panic into an answer; the server's other requests go on.
func (s *Server) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			s.Log.Error("panic", "request", requestID(r.Context()), "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
			s.answerBare(w, r, fault.New(fault.Internal, "Something went wrong on our side. The log has the details under %s.", requestID(r.Context())))
		}()
		next.ServeHTTP(w, r)
	})
}

// denyCrossOrigin answers a form that another site sent in somebody's name.
func (s *Server) denyCrossOrigin(w http.ResponseWriter, r *http.Request) {
	s.Log.Info("a request of another site was refused", "request", requestID(r.Context()), "path", r.URL.Path, "origin", r.Header.Get("Origin"))
	s.answerBare(w, r, fault.New(fault.Forbidden, "This request came from another site, so it was refused. Open Trunkline itself and try again."))
}
