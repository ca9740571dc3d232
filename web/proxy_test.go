package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOnlyATrustedProxySaysWhoAsks(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		proxies []netip.Prefix
		peer    string
		sent    http.Header
		address string
		tls     bool
	}{
		"nobody is trusted":                   {nil, "10.0.0.1:9", http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Proto": {"https"}}, "10.0.0.1", false},
		"somebody else than the proxy":        {trusted, "198.51.100.7:9", http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Proto": {"https"}}, "198.51.100.7", false},
		"the proxy":                           {trusted, "10.0.0.1:9", http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Proto": {"https"}}, "203.0.113.9", true},
		"the proxy, by http":                  {trusted, "10.0.0.1:9", http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Proto": {"http"}}, "203.0.113.9", false},
		"what the client made up before it":   {trusted, "10.0.0.1:9", http.Header{"X-Forwarded-For": {"192.0.2.1, 203.0.113.9"}}, "203.0.113.9", false},
		"a made up one that looks trusted":    {trusted, "10.0.0.1:9", http.Header{"X-Forwarded-For": {"10.9.9.9, 203.0.113.9, 10.0.0.2"}}, "203.0.113.9", false},
		"several headers are one list":        {trusted, "10.0.0.1:9", http.Header{"X-Forwarded-For": {"192.0.2.1", "203.0.113.9", "10.0.0.2"}}, "203.0.113.9", false},
		"nothing but proxies":                 {trusted, "10.0.0.1:9", http.Header{"X-Forwarded-For": {"10.0.0.3, 10.0.0.2"}}, "10.0.0.3", false},
		"rubbish ends the chain":              {trusted, "10.0.0.1:9", http.Header{"X-Forwarded-For": {"192.0.2.1, rubbish, 10.0.0.2"}}, "10.0.0.2", false},
		"only rubbish":                        {trusted, "10.0.0.1:9", http.Header{"X-Forwarded-For": {"<script>"}}, "10.0.0.1", false},
		"no header":                           {trusted, "10.0.0.1:9", http.Header{}, "10.0.0.1", false},
		"with a port":                         {trusted, "10.0.0.1:9", http.Header{"X-Forwarded-For": {"203.0.113.9:4711"}}, "203.0.113.9", false},
		"IPv6":                                {trusted, "[fd00::1]:9", http.Header{"X-Forwarded-For": {"2001:db8::5"}}, "2001:db8::5", false},
		"IPv6 in brackets, with a port":       {trusted, "[fd00::1]:9", http.Header{"X-Forwarded-For": {"[2001:db8::5]:99"}}, "2001:db8::5", false},
		"IPv4 inside of IPv6":                 {trusted, "[::ffff:10.0.0.1]:9", http.Header{"X-Forwarded-For": {"::ffff:203.0.113.9"}}, "203.0.113.9", false},
		"two protocols are none":              {trusted, "10.0.0.1:9", http.Header{"X-Forwarded-Proto": {"https", "http"}}, "10.0.0.1", false},
		"other headers are never believed":    {trusted, "10.0.0.1:9", http.Header{"X-Real-Ip": {"203.0.113.9"}, "Forwarded": {"for=203.0.113.9"}}, "10.0.0.1", false},
		"an address that cannot be read, too": {trusted, "@", http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "@", false},
	} {
		t.Run(name, func(t *testing.T) {
			asked := httptest.NewRequest("GET", "/", nil)
			asked.RemoteAddr, asked.Header = c.peer, c.sent
			behind(c.proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if at := address(r); at != c.address || byTLS(r) != c.tls {
					t.Errorf("it comes from %s, by TLS %t", at, byTLS(r))
				}
				for _, name := range forwarding {
					if r.Header.Get(name) != "" {
						t.Errorf("%s is passed on", name)
					}
				}
			})).ServeHTTP(httptest.NewRecorder(), asked)
			if asked.RemoteAddr != c.peer {
				t.Error("the server's own request was changed")
			}
		})
	}
}
