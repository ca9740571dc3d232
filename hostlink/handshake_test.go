package hostlink

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline/internal/fault"
)

// stranger is a hand-made agent that does the handshake wrong in one way.
type stranger struct {
	t  *testing.T
	ws *websocket.Conn
}

func (r *rig) stranger(t *testing.T) *stranger {
	t.Helper()
	ws, _, err := Dialer{}.open(t.Context(), r.web.URL+Path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	return &stranger{t: t, ws: ws}
}

// ask sends one message and reads the answer; its "refused" decides.
func (s *stranger) ask(message any) (challenge, *fault.Error) {
	s.t.Helper()
	if err := sendMessage(s.t.Context(), s.ws, message); err != nil {
		s.t.Fatal(err)
	}
	var answer challenge
	if err := receiveMessage(s.t.Context(), s.ws, &answer); err != nil {
		s.t.Fatal(err)
	}
	return answer, answer.Refused
}

func greet(id Identity) hello { return hello{Protocol: ourVersions, Host: id.HostID, Channel: Control} }

func prove(id Identity, h hello, c challenge) proof {
	message := signedBytes(h.Host, h.Channel, c.Epoch, c.Protocol, c.Nonce, nil)
	return proof{Nonce: c.Nonce, Signature: ed25519.Sign(id.PrivateKey, message)}
}

func TestAWrongKeyIsRefused(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	_, id.PrivateKey, _ = ed25519.GenerateKey(rand.Reader)
	run := r.start(id, hiHandler)
	run.state("the wrong key", func(s State) bool {
		return s.Err != nil && s.Err.Sentence == ErrWrongKey.Sentence && s.Err.Code == ErrWrongKey.Code
	})
	if len(r.server.Hosts()) != 0 {
		t.Error("a host with a wrong key is linked")
	}
}

func TestAnUnknownHostIsRefused(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	id.HostID = "host-of-another-controller"
	r.start(id, hiHandler).state("being unknown", func(s State) bool { return s.Err != nil && s.Err.Sentence == ErrHostUnknown.Sentence })
}

func TestAReplayedHandshakeIsRefused(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	h := greet(id)
	first := r.stranger(t)
	asked, refused := first.ask(h)
	if refused != nil {
		t.Fatal(refused)
	}
	captured := prove(id, h, asked)
	if _, refused := first.ask(captured); refused != nil {
		t.Fatalf("the honest handshake: %v", refused)
	}
	second := r.stranger(t)
	again, refused := second.ask(h)
	if refused != nil {
		t.Fatal(refused)
	}
	_, refused = second.ask(captured)
	wantFault(t, refused, ErrReplayed)
	third := r.stranger(t)
	if again, refused = third.ask(h); refused != nil {
		t.Fatal(refused)
	}
	captured.Nonce = again.Nonce // the thief passes the old signature off as fresh
	_, refused = third.ask(captured)
	wantFault(t, refused, ErrWrongKey)
}

func TestOfTwoHandshakesAtOnceTheSlowerIsRefused(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	h := greet(id)
	slow, fast := r.stranger(t), r.stranger(t)
	a, _ := slow.ask(h)
	b, _ := fast.ask(h)
	if a.Epoch != b.Epoch {
		t.Fatalf("epochs %d and %d are offered", a.Epoch, b.Epoch)
	}
	if _, refused := fast.ask(prove(id, h, b)); refused != nil {
		t.Fatal(refused)
	}
	_, refused := slow.ask(prove(id, h, a))
	wantFault(t, refused, ErrSuperseded)
}

func TestABulkChannelNeedsTheEpochOfTheControlChannel(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	h := greet(id)
	h.Channel, h.Epoch = Bulk, 1
	_, refused := r.stranger(t).ask(h)
	wantFault(t, refused, ErrNoControl)
	r.start(id, hiHandler)
	link := r.link(id.HostID, 0)
	h.Epoch = link.Epoch - 1
	_, refused = r.stranger(t).ask(h)
	wantFault(t, refused, ErrNoControl)
	h.Epoch = link.Epoch
	if _, refused = r.stranger(t).ask(h); refused != nil {
		t.Errorf("the right epoch is refused: %v", refused)
	}
}

func TestAHostThatOpensAStreamIsCutOff(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	s := r.stranger(t)
	h := greet(id)
	asked, _ := s.ask(h)
	if _, refused := s.ask(prove(id, h, asked)); refused != nil {
		t.Fatal(refused)
	}
	link := r.link(id.HostID, 0)
	const syn = "\x00\x01\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00" // a yamux window update that opens stream 2
	if err := s.ws.Write(t.Context(), websocket.MessageBinary, []byte(syn)); err != nil {
		t.Fatal(err)
	}
	within(t, time.Minute, "the link ends", func() { <-link.Done() })
	if err := link.Err(); !fault.Is(err, fault.Invalid) {
		t.Errorf("the link ended with %v", err)
	}
}

func TestMalformedHandshakesAreRefused(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	tests := map[string]struct {
		message any
		code    fault.Code
	}{
		"not an object":      {"hello", fault.Invalid},
		"no host":            {hello{Protocol: ourVersions, Channel: Control}, fault.Invalid},
		"unknown channel":    {hello{Protocol: ourVersions, Host: id.HostID, Channel: "side"}, fault.Invalid},
		"negative epoch":     {hello{Protocol: ourVersions, Host: id.HostID, Channel: Control, Epoch: -1}, fault.Invalid},
		"epoch at the end":   {hello{Protocol: ourVersions, Host: id.HostID, Channel: Control, Epoch: 1 << 60}, fault.Invalid},
		"version of the sea": {hello{Protocol: Versions{7, 9}, Host: id.HostID, Channel: Control}, fault.Unsupported},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, refused := r.stranger(t).ask(test.message); refused == nil || refused.Code != test.code {
				t.Errorf("refused with %v, want %s", refused, test.code)
			}
		})
	}
}

func TestVersionsAreNegotiatedAndAMismatchSaysWhichSideIsOld(t *testing.T) {
	tests := map[string]struct {
		controller, agent Versions
		chosen            int
		says              string
	}{
		"the same":              {Versions{1, 1}, Versions{1, 1}, 1, ""},
		"the highest of both":   {Versions{1, 4}, Versions{2, 3}, 3, ""},
		"touching ranges":       {Versions{3, 5}, Versions{1, 3}, 3, ""},
		"the agent is old":      {Versions{3, 5}, Versions{1, 2}, 0, "update Trunkline on the host"},
		"the controller is old": {Versions{1, 2}, Versions{3, 5}, 0, "update Trunkline on the controller"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			chosen, err := negotiate(test.controller, test.agent)
			if chosen != test.chosen || !strings.Contains(fault.Sentence(err), test.says) || (err == nil) != (test.says == "") {
				t.Errorf("got %d, %v", chosen, err)
			}
		})
	}
}

func TestTheAgentRefusesAnOlderEpochOrADoubtfulChallenge(t *testing.T) {
	good := challenge{Protocol: 1, Nonce: make([]byte, 32), Epoch: 8}
	with := func(change func(*challenge)) challenge { c := good; change(&c); return c }
	control := hello{Protocol: ourVersions, Channel: Control, Epoch: 7}
	bulk := hello{Protocol: ourVersions, Channel: Bulk, Epoch: 8}
	tests := map[string]struct {
		asked    challenge
		greeting hello
		code     fault.Code
	}{
		"a newer epoch":          {good, control, ""},
		"the same epoch":         {with(func(c *challenge) { c.Epoch = 7 }), control, fault.Conflict},
		"an older epoch":         {with(func(c *challenge) { c.Epoch = 3 }), control, fault.Conflict},
		"bulk of this session":   {good, bulk, ""},
		"bulk of another":        {with(func(c *challenge) { c.Epoch = 9 }), bulk, fault.Conflict},
		"a short nonce":          {with(func(c *challenge) { c.Nonce = c.Nonce[:8] }), control, fault.Invalid},
		"a version nobody spoke": {with(func(c *challenge) { c.Protocol = 2 }), control, fault.Unsupported},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := acceptable(test.asked, test.greeting); fault.CodeOf(err) != test.code {
				t.Errorf("got %v, want %q", err, test.code)
			}
		})
	}
}

func TestAnOldControllerCannotTakeTheHostBackInTime(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	stale := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ws, err := websocket.Accept(w, req, nil)
		if err != nil {
			return
		}
		defer func() { _ = ws.CloseNow() }()
		var h hello
		if receiveMessage(req.Context(), ws, &h) == nil {
			_ = sendMessage(req.Context(), ws, challenge{Protocol: 1, Nonce: make([]byte, 32), Epoch: h.Epoch})
			_, _, _ = ws.Read(context.Background())
		}
	}))
	t.Cleanup(stale.Close)
	run := r.start(id, hiHandler, func(c *AgentConfig) { c.Controller = stale.URL })
	run.state("the older epoch", func(s State) bool {
		return s.Err != nil && s.Err.Code == fault.Conflict && strings.Contains(s.Err.Sentence, "only one controller")
	})
}

func TestBrowsersAndPlainRequestsAreTurnedAway(t *testing.T) {
	r := newRig(t, quick())
	tests := map[string]struct {
		method, origin string
		status         int
	}{
		"a browser":          {http.MethodGet, "http://evil.example", http.StatusForbidden},
		"no websocket":       {http.MethodGet, "", http.StatusUpgradeRequired},
		"another method":     {http.MethodPut, "", http.StatusMethodNotAllowed},
		"an empty enrolment": {http.MethodPost, "", http.StatusUnprocessableEntity},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), test.method, r.web.URL+Path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.origin != "" {
				req.Header.Set("Origin", test.origin)
			}
			transport := &http.Transport{DisableKeepAlives: true}
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			if resp.StatusCode != test.status {
				t.Errorf("status %d, want %d", resp.StatusCode, test.status)
			}
		})
	}
}

// secure is a controller behind TLS, and the roots an agent needs for it.
func (r *rig) secure(t *testing.T) (*httptest.Server, *tls.Config) {
	t.Helper()
	web := httptest.NewUnstartedServer(r.mux())
	web.EnableHTTP2 = true // as a real one has it; the agent must not fall for it
	web.StartTLS()
	t.Cleanup(func() { _ = r.server.Close(); web.Close() })
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	return web, &tls.Config{RootCAs: roots}
}

func TestOverTLSTheProofIsBoundToTheConnection(t *testing.T) {
	r := newRig(t, quick())
	web, trust := r.secure(t)
	id := r.enrol("alpha")
	for _, scheme := range []string{"https", "wss"} {
		run := r.start(id, hiHandler, func(c *AgentConfig) {
			c.Controller, c.TLS = strings.Replace(web.URL, "https", scheme, 1), trust
		})
		s := run.state("linked over TLS", func(s State) bool { return s.Linked })
		link := r.link(id.HostID, s.Epoch-1)
		if got := mustGet(t, link.Client, "/tls"); got != "hi /tls" {
			t.Errorf("%s: got %q", scheme, got)
		}
		run.stop()
	}
}

func TestAnInspectingProxyIsNoticed(t *testing.T) {
	r := newRig(t, quick())
	web, trust := r.secure(t)
	id := r.enrol("alpha")
	inner := &tls.Config{RootCAs: trust.RootCAs, ServerName: "example.com"}
	middle, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	forwardAll(t, middle, func() (net.Conn, error) { return tls.Dial("tcp", web.Listener.Addr().String(), inner) })
	run := r.start(id, hiHandler, func(c *AgentConfig) {
		c.Controller, c.TLS = "https://"+middle.Addr().String(), trust
	})
	run.state("the proxy between", func(s State) bool { return s.Err != nil && s.Err.Sentence == ErrBinding.Sentence })
}

func TestEnrollingTakesEachTokenOnceAndSaysWhatIsWrong(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha") // uses token-for-alpha
	r.directory.tokens["old"] = ErrTokenExpired
	if id.HostID == "" || id.Name != "alpha" || id.Controller != r.web.URL || r.directory.requests[0].Labels["zone"] != "a" {
		t.Errorf("identity %+v, request %+v", id, r.directory.requests[0])
	}
	for token, want := range map[string]*fault.Error{"token-for-alpha": ErrTokenUsed, "old": ErrTokenExpired, "made-up": ErrTokenUnknown} {
		_, err := Enrol(t.Context(), r.web.URL, token, "beta", nil)
		wantFault(t, err, want)
	}
	if _, err := Enrol(t.Context(), "ftp://nowhere", "x", "beta", nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("a bad address: %v", err)
	}
	if _, err := Enrol(t.Context(), "http://127.0.0.1:1", "x", "beta", nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestAKeyTheHostDoesNotHoldCannotBeEnrolled(t *testing.T) {
	r := newRig(t, quick())
	r.directory.tokens["t"] = nil
	public, _, _ := ed25519.GenerateKey(rand.Reader)
	_, other, _ := ed25519.GenerateKey(rand.Reader)
	e := Enrolment{Protocol: ourVersions, Token: "t", Name: "x", PublicKey: public, Signature: ed25519.Sign(other, enrolmentBytes("t", public))}
	data, _ := json.Marshal(e)
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Post(r.web.URL+Path, "application/json", strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusUnprocessableEntity || len(r.directory.keys) != 0 {
		t.Errorf("status %d, %d keys recorded", resp.StatusCode, len(r.directory.keys))
	}
}

func TestAHandshakeThatStandsStillIsCut(t *testing.T) {
	cfg := quick()
	cfg.HandshakeTimeout = 100 * time.Millisecond
	r := newRig(t, cfg)
	s := r.stranger(t)
	within(t, time.Minute, "the controller gives up on a silent dial", func() {
		if _, _, err := s.ws.Read(t.Context()); err == nil {
			t.Error("the silent dial got an answer")
		}
	})
}
