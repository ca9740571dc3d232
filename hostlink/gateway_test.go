package hostlink

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"trunkline/internal/fault"
)

// gateway is an HTTP proxy as sites have them: it makes tunnels, passes plain requests on, knows where every name is, and
// may want a password.
type gateway struct {
	*httptest.Server
	to   string // address that every name stands for
	pass string // user:password, or ""

	mu      sync.Mutex
	asked   []string // "CONNECT host:port" or "POST host:port", in order
	running sync.WaitGroup
}

func newGateway(t *testing.T, to, pass string, secure bool) *gateway {
	t.Helper()
	g := &gateway{to: to, pass: pass}
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(g.serve))
	if secure {
		g.StartTLS()
	} else {
		g.Start()
	}
	t.Cleanup(func() { g.Close(); g.running.Wait() })
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.asked = append(g.asked, r.Method+" "+r.Host)
	g.mu.Unlock()
	given := &http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
	user, password, _ := given.BasicAuth()
	if g.pass != "" && user+":"+password != g.pass {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if r.Method != http.MethodConnect {
		g.forward(w, r)
		return
	}
	out, err := net.Dial("tcp", g.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
	in, early, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = out.Close()
		return
	}
	g.running.Go(func() { _, _ = io.Copy(out, early); _ = out.Close() })
	g.running.Go(func() { _, _ = io.Copy(in, out); _ = in.Close() })
}

// forward passes one plain request on, without what is meant for the next hop only, as RFC 9110 section 7.6.1 wants it: upgrades end here.
func (g *gateway) forward(w http.ResponseWriter, r *http.Request) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+g.to+r.URL.Path, r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	out.Host, out.Header["Content-Type"] = r.Host, r.Header["Content-Type"]
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(out)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

func (g *gateway) requests() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.asked, ", ")
}

// TestMain runs an agent instead of the tests where a test starts this program for that: the proxy variables are read once a process.
func TestMain(m *testing.M) {
	if controller := os.Getenv("HOSTLINK_TEST_CONTROLLER"); controller != "" {
		if err := beAgent(controller, os.Getenv("HOSTLINK_TEST_TOKEN")); err != nil {
			fmt.Fprintln(os.Stderr, fault.Sentence(err), err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// beAgent enrols and keeps a link until standard input ends.
func beAgent(controller, token string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	id, err := Enrol(ctx, controller, token, "behind-a-proxy", nil)
	if err != nil {
		return err
	}
	agent, err := NewAgent(AgentConfig{Identity: id, Handler: hiHandler})
	if err != nil {
		return err
	}
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	return agent.Run(ctx)
}

// process is an agent in a process of its own; the function returned ends it and returns what it said on failure.
func process(t *testing.T, controller, token string, environment ...string) (end func() (string, error)) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append([]string{"HOSTLINK_TEST_CONTROLLER=" + controller, "HOSTLINK_TEST_TOKEN=" + token}, environment...)
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	command.Stderr = &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	var ended error
	end = func() (string, error) {
		once.Do(func() { _ = input.Close(); ended = command.Wait() })
		return said.String(), ended
	}
	t.Cleanup(func() { _, _ = end() })
	return end
}

func (r *rig) token(name string) string {
	r.directory.mu.Lock()
	defer r.directory.mu.Unlock()
	r.directory.tokens[name] = nil
	return name
}

func TestTheProxyVariablesAreRespected(t *testing.T) {
	const name = "example.com" // what the test's certificate is for; nobody asks the world, only the gateway
	for _, scheme := range []string{"http", "https"} {
		for _, proxy := range []string{"http", "https"} {
			t.Run(scheme+" through a proxy that speaks "+proxy, func(t *testing.T) {
				r := newRig(t, Config{})
				address := r.web.Listener.Addr().String()
				var trusted []byte
				if scheme == "https" {
					web, _ := r.secure(t)
					address = web.Listener.Addr().String()
					trusted = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
				}
				g := newGateway(t, address, "ann:secret", proxy == "https")
				if proxy == "https" {
					trusted = append(trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.Certificate().Raw})...)
				}
				roots := filepath.Join(t.TempDir(), "roots.pem")
				if err := os.WriteFile(roots, trusted, 0o600); err != nil {
					t.Fatal(err)
				}
				via := strings.Replace(g.URL, "://", "://ann:secret@", 1)
				end := process(t, scheme+"://"+name, r.token("t"), scheme+"_proxy="+via, "SSL_CERT_FILE="+roots)
				link := r.link("host-1", 0)
				if got := mustGet(t, link.Client, "/control"); got != "hi /control" {
					t.Errorf("over control: %q", got)
				}
				client, err := link.Bulk()
				if err != nil {
					t.Fatal(err)
				}
				if got := mustGet(t, client, "/bulk"); got != "hi /bulk" {
					t.Errorf("over bulk: %q", got)
				}
				want := "POST example.com, CONNECT example.com:80, CONNECT example.com:80"
				if scheme == "https" {
					want = "CONNECT example.com:443, CONNECT example.com:443, CONNECT example.com:443"
				}
				if got := g.requests(); got != want {
					t.Errorf("the proxy was asked %s, want %s", got, want)
				}
				if said, err := end(); err != nil {
					t.Errorf("%v: %s", err, said)
				}
			})
		}
	}
}

func TestTheControllerNamedInNoProxyIsDialledDirectly(t *testing.T) {
	r := newRig(t, quick())
	address := outward(t)
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Fatal(err)
	}
	forwardAll(t, listener, func() (net.Conn, error) { return net.Dial("tcp", r.web.Listener.Addr().String()) })
	g := newGateway(t, r.web.Listener.Addr().String(), "", false)
	end := process(t, "http://"+listener.Addr().String(), r.token("t"), "HTTP_PROXY="+g.URL, "NO_PROXY=localhost,"+address)
	link := r.link("host-1", 0)
	client, err := link.Bulk()
	if err != nil || mustGet(t, client, "/bulk") != "hi /bulk" {
		t.Errorf("over bulk: %v", err)
	}
	if asked := g.requests(); asked != "" {
		t.Errorf("the proxy was asked %s", asked)
	}
	if said, err := end(); err != nil {
		t.Errorf("%v: %s", err, said)
	}
}

// outward is an address of this machine that is not loopback, for which the proxy variables never count.
func outward(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback, for which no proxy is asked")
	return ""
}

func TestAProxyThatRefusesIsNamed(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	locked := newGateway(t, r.web.Listener.Addr().String(), "ann:secret", false)
	for _, scheme := range []string{"http", "https"} {
		run := r.start(id, hiHandler, func(c *AgentConfig) {
			c.Controller = scheme + "://example.com"
			c.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(locked.URL) }
		})
		s := run.state("a refusal", func(s State) bool { return s.Err != nil })
		if s.Err.Code != fault.Unavailable || !strings.Contains(s.Err.Sentence, "wants a user and a password") {
			t.Errorf("%s: %+v", scheme, s.Err)
		}
		run.stop()
	}
	gone := r.start(id, hiHandler, func(c *AgentConfig) {
		c.Controller = "http://example.com"
		c.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse("http://127.0.0.1:1") }
	})
	gone.state("a proxy that is not there", func(s State) bool {
		return s.Err != nil && strings.Contains(s.Err.Sentence, "through the proxy 127.0.0.1:1")
	})
	gone.stop()
}
