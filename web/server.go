package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/labstack/echo/v4"

	"trunkline/internal/fault"
	"trunkline/static"
	"trunkline/templates"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
	"trunkline/terminal"
	"trunkline/web/presence"
)

// Config is what the pages are made of. Everything but API, Examples, Ready, Metrics, Workspaces, Bell, Audit and Trail must be set.
type Config struct {
	Labs     Labs
	Shares   Shares // nil: labs are not shared one by one
	Intents  Intents
	Watching Watching
	NodeIO   NodeIO
	Hosts    Hosts
	Fleet    Fleet
	Policies ImagePolicies
	Accounts Accounts
	Tokens   Tokens
	Shells   *terminal.Manager
	Sessions scs.CtxStore // what pages remember in a session
	SignedIn Sessions     // whose session it is, and until when
	Examples Examples

	Switches   Switches   // nil: nothing is shown of what switches have learnt
	Editing    Editing    // nil: labs are changed by replacing their file
	Workspaces Workspaces // nil: people are in one workspace each, which is not shown
	Quotas     Quotas     // nil: there are no pages of quotas
	Bell       Bell       // nil: lost rights count at the next heartbeat

	Services Services // nil: workspaces have no service accounts

	Audit  tenancy.Auditor // nil: nothing is recorded
	Acting Acting          // nil: nobody acts as somebody else
	Trail  Trail           // what was recorded; nil: there is no page of it
	SSO    SSO             // zero: nobody signs in by a provider

	Proxies   []netip.Prefix // whose word on where a request comes from is believed; none: nobody's
	PublicURL string         // scheme and host that people type, such as https://lab.example.org; "" when it is not known
	Version   string
	Log       *slog.Logger
	Ready     func(context.Context) error // what /readyz asks; nil: always ready
	API       http.Handler                // mounted at /api/v1/; it reads its actor by Authenticated
	Metrics   http.Handler                // mounted at /metrics
	Mounts    map[string]http.Handler     // further prefixes without sessions, such as "/hostlink"
}

// Server is the pages, their streams and the assets.
type Server struct {
	Config
	sessions *scs.SessionManager
	pages    *templates.Set
	assets   *static.Assets
	cross    *http.CrossOriginProtection
	origin   string // of the public address, as browsers write it; "" when it is not known
	tickets  *tenancy.Tickets
	secure   bool // people reach us by TLS
	handler  http.Handler
	beside   []string // patterns mounted beside the table of routes
	limits   limits

	ctx    context.Context // ends with Close; streams and websockets end with it
	cancel context.CancelFunc
	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup // streams and websockets

	onlookers onlookers // of shells
	present   presence.Board
}

// New builds the routes. It fails when a template or the public address is wrong.
func New(c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Examples == nil {
		c.Examples = noExamples{}
	}
	if c.Bell == nil {
		c.Bell = (*tenancy.Revocations)(nil)
	}
	s := &Server{Config: c, tickets: tenancy.NewTickets(nil), limits: newLimits()}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.trust(c.PublicURL); err != nil {
		return nil, err
	}
	var err error
	if s.assets, err = static.Embedded(); err != nil {
		return nil, err
	}
	if s.pages, err = templates.New(s.assets); err != nil {
		return nil, err
	}
	s.sessions = s.newSessions()
	s.API = s.withGuests(c.API)
	s.handler = s.compose()
	return s, nil
}

// trust takes the public address: its scheme decides on the cookie, its origin may post and open websockets.
func (s *Server) trust(public string) error {
	s.cross = http.NewCrossOriginProtection()
	if public == "" {
		return nil
	}
	u, err := url.Parse(public)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fault.New(fault.Invalid, "The public address %q is not of the form https://lab.example.org.", public)
	}
	s.secure = u.Scheme == "https"
	s.origin = canonicalOrigin(u)
	if err := s.cross.AddTrustedOrigin(s.origin); err != nil {
		return fault.Wrap(err, fault.Invalid, "The public address %q is not of the form https://lab.example.org.", public)
	}
	return nil
}

// Handler answers every request. Serve it with a ReadHeaderTimeout, and without ReadTimeout and WriteTimeout: uploads and
// streams set their own deadlines.
func (s *Server) Handler() http.Handler { return s.handler }

// Close ends the streams and websockets and returns when the last has ended. Requests that are not streams are the
// http.Server's to drain.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.work.Wait()
}

// hold counts a stream until release is called, and gives it a context that ends with the request or the server.
func (s *Server) hold(parent context.Context) (ctx context.Context, release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, fault.New(fault.Unavailable, "Trunkline is stopping. Try again in a moment.")
	}
	s.work.Add(1)
	ctx, cancel := context.WithCancel(parent)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { stop(); cancel(); s.work.Done() }, nil
}

// compose puts the layers around each other: what needs no session stands outside of it.
func (s *Server) compose() http.Handler {
	mux := http.NewServeMux()
	mount := func(pattern string, handler http.Handler) {
		mux.Handle(pattern, handler)
		s.beside = append(s.beside, pattern)
	}
	mount("/static/", s.assets)
	mount("GET /healthz", http.HandlerFunc(s.health))
	mount("GET /readyz", http.HandlerFunc(s.ready))
	mount("GET /favicon.ico", http.HandlerFunc(s.favicon))
	if s.Metrics != nil {
		mount("GET /metrics", s.Metrics)
	}
	if s.API != nil {
		mount("/api/v1/", s.apiSession(s.API))
	}
	for prefix, handler := range s.Mounts {
		mount(prefix, handler)
	}
	mux.Handle("/", s.sessions.LoadAndSave(s.router()))
	s.cross.AddInsecureBypassPattern("POST " + login.BackChannelPath) // providers send it, with a signed token and no cookie
	s.cross.SetDenyHandler(http.HandlerFunc(s.denyCrossOrigin))
	return behind(s.Proxies, s.identify(s.recovering(secureHeaders(s.secure, s.cross.Handler(mux)))))
}

// Beside lists what is mounted beside the table of routes, as patterns of net/http.
func (s *Server) Beside() []string { return slices.Clone(s.beside) }

// router registers the table of routes with echo, which is not seen outside of this file and request.go.
func (s *Server) router() http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		// The page of a missing address knows who asks as well; when that cannot be found out, it is shown to nobody.
		if actor, unknown := s.actorOfSession(c.Request()); unknown == nil {
			c.SetRequest(c.Request().WithContext(withActor(c.Request().Context(), actor)))
		}
		s.answerError(s.newRequest(c), fromEcho(err))
	}
	for _, one := range routes {
		e.Add(one.method, one.path, s.adapt(one))
	}
	return e
}

// fromEcho makes faults of what echo's router finds.
func fromEcho(err error) error {
	if he, ok := err.(*echo.HTTPError); ok {
		switch he.Code {
		case http.StatusNotFound:
			return fault.New(fault.NotFound, "There is no such page.")
		case http.StatusMethodNotAllowed:
			return fault.New(fault.NotFound, "There is no such page for this kind of request.")
		}
	}
	return err
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("ok\n"))
}

// ready answers whether requests can be served, for load balancers and start scripts.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if s.Ready != nil {
		if err := s.Ready(ctx); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			w.Write([]byte(fault.Sentence(err) + "\n"))
			return
		}
	}
	w.Write([]byte("ready\n"))
}

func (s *Server) favicon(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, s.assets.URL("img/mark.svg"), http.StatusFound)
}

// isAPI says that the caller is a program and wants JSON.
func isAPI(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.Header.Get("Accept"), "application/json")
}
