package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwarding are the headers by which proxies say who asked them. Anybody can send them.
var forwarding = []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-Ip", "Forwarded"}

type tlsKey struct{}

// byTLS says that who asked came by TLS, to us or to a proxy that is trusted.
func byTLS(r *http.Request) bool {
	by, _ := r.Context().Value(tlsKey{}).(bool)
	return by || r.TLS != nil
}

// behind makes of a request that a trusted proxy passed on the one that its client made: all that follows, limits, sessions and the audit, sees
// the client's address. From anybody else these headers are taken away unread.
func behind(proxies []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, believed := peerOf(r), false
		if believed = trusts(proxies, peer); believed {
			r = r.WithContext(r.Context()) // a copy: the server's own is not changed
			if client := clientOf(proxies, peer, r.Header.Values("X-Forwarded-For")); client != peer {
				r.RemoteAddr = net.JoinHostPort(client.String(), "0")
			}
			if proto := r.Header.Values("X-Forwarded-Proto"); len(proto) == 1 && strings.EqualFold(strings.TrimSpace(proto[0]), "https") {
				r = r.WithContext(context.WithValue(r.Context(), tlsKey{}, true))
			}
		}
		if slices.ContainsFunc(forwarding, func(name string) bool { return r.Header[name] != nil }) {
			if !believed {
				r = r.WithContext(r.Context())
			}
			r.Header = r.Header.Clone()
			for _, name := range forwarding {
				r.Header.Del(name)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// clientOf goes back along the chain of proxies, from the last, as far as each is trusted. What cannot be read ends it: who is last believed is
// the client.
func clientOf(proxies []netip.Prefix, peer netip.Addr, forwarded []string) netip.Addr {
	chain := strings.Split(strings.Join(forwarded, ","), ",")
	client := peer
	for i := len(chain) - 1; i >= 0; i-- {
		text := strings.TrimSpace(chain[i])
		if host, _, err := net.SplitHostPort(text); err == nil {
			text = host
		}
		before, err := netip.ParseAddr(strings.Trim(text, "[]"))
		if err != nil {
			return client
		}
		client = before.Unmap().WithZone("")
		if !trusts(proxies, client) {
			return client
		}
	}
	return client
}

func trusts(proxies []netip.Prefix, at netip.Addr) bool {
	return at.IsValid() && slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(at) })
}

// peerOf is who opened the connection.
func peerOf(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}
