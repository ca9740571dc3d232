package fetch_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/internal/fetch"
)

func TestEveryAddressIsOfOneKind(t *testing.T) {
	for kind, addresses := range map[fetch.Reach]string{
		fetch.Public:    "1.1.1.1 93.184.216.34 2606:4700:4700::1111 64:ff9b::101:101 2002:101:101::1 ::ffff:8.8.8.8",
		fetch.Private:   "10.1.2.3 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 fd00::1 fec0::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:c0a8:1::1 ::10.0.0.1",
		fetch.Loopback:  "127.0.0.1 127.9.9.9 ::1 ::ffff:127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::",
		fetch.LinkLocal: "169.254.169.254 fe80::1 fe80::1%eth0 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe",
		fetch.Special:   "0.0.0.0 0.1.2.3 255.255.255.255 224.0.0.1 240.0.0.1 198.18.0.1 192.0.2.1 :: ff02::1 2001:db8::1 2001::1 100::1 4000::1 5f00::1",
	} {
		for address := range strings.FieldsSeq(addresses) {
			if got := fetch.Kind(netip.MustParseAddr(address)); got != kind {
				t.Errorf("%s is %s, want %s", address, got, kind)
			}
		}
	}
	if fetch.Kind(netip.Addr{}) != fetch.Special {
		t.Error("no address at all is public")
	}
}

func TestInsideAddressesAreRefusedWhateverLeadsThere(t *testing.T) {
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Error("the inside was asked"); w.WriteHeader(200) }))
	defer inside.Close()
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/in":
			http.Redirect(w, r, inside.URL, http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}
	}))
	defer outside.Close()
	public := netip.MustParseAddrPort(strings.TrimPrefix(outside.URL, "http://"))
	asIfPublic := fetch.Options{Allow: func(a netip.AddrPort) bool { return a == public }}
	for name, c := range map[string]struct {
		o    fetch.Options
		at   string
		want string
	}{
		"an address of the machine itself":    {asIfPublic, inside.URL, "127.0.0.1 is of the machine itself"},
		"a name that leads to the machine":    {asIfPublic, strings.Replace(inside.URL, "127.0.0.1", "localhost", 1), "is of the machine itself"},
		"a redirect inside":                   {asIfPublic, outside.URL + "/in", "127.0.0.1 is of the machine itself"},
		"redirects without end":               {asIfPublic, outside.URL + "/round", "more than three times"},
		"a redirect to a file":                {asIfPublic, outside.URL + "/file", "begins with file://"},
		"plain http where nothing is allowed": {fetch.Options{}, inside.URL, "not with https://"},
		"a private address":                   {fetch.Options{}, "https://10.255.255.1/", "10.255.255.1 is private"},
		"a cloud machine's credentials":       {fetch.Options{AllowPrivate: true}, "http://169.254.169.254/latest", "link-local"},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := fetch.Client(c.o).Get(c.at)
			if err == nil {
				answer.Body.Close()
				t.Fatal("it was asked")
			}
			if err := fetch.Explain(err, "It"); !fault.Is(err, fault.Forbidden) || !strings.Contains(fault.Sentence(err), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAnswersAreBoundedAndPostsAreNotRedirected(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fits":
			io.WriteString(w, strings.Repeat("x", fetch.MaxBody))
		case "/large":
			for range 80 {
				io.WriteString(w, strings.Repeat("x", 64<<10))
			}
		case "/move":
			http.Redirect(w, r, "/fits", http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	client := fetch.Client(fetch.Options{AllowPrivate: true})
	answer, err := client.Get(server.URL + "/fits")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil || len(body) != fetch.MaxBody {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	_, err = client.Get(server.URL + "/large")
	if err := fetch.Explain(err, "It"); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Sentence(err), "more than 1 MiB") {
		t.Errorf("%v", err)
	}
	answer, err = client.Post(server.URL+"/move", "text/plain", strings.NewReader("secret"))
	if err != nil || answer.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("a POST was redirected: %v, %v", answer, err)
	}
	server.Close()
	_, err = client.Get(server.URL)
	if err := fetch.Explain(err, "It"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}
