package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
)

// Request is one request to a page: what a handler reads from and answers to. It hides echo.
type Request struct {
	server *Server
	echo   echo.Context
	Actor  tenancy.Actor // who may what here: in the workspace that is chosen, or a guest of one lab
	Self   tenancy.Actor // who is signed in, in the workspace that is chosen
	ID     string
}

// handler answers a request or returns why not; the one error handler then answers.
type handler func(*Server, *Request) error

// maxForm is the largest body of a route that does not say otherwise.
const maxForm = 1 << 20

func (s *Server) newRequest(c echo.Context) *Request {
	actor := ActorFrom(c.Request().Context())
	return &Request{server: s, echo: c, ID: requestID(c.Request().Context()), Actor: actor, Self: actor}
}

// adapt makes an echo handler of a route: who asks, how much may be sent, and one log line.
func (s *Server) adapt(one route) echo.HandlerFunc {
	limit := one.body
	if limit == 0 {
		limit = maxForm
	}
	return func(c echo.Context) error {
		started := time.Now()
		actor, err := s.actorOfSession(c.Request())
		c.SetRequest(c.Request().WithContext(withActor(c.Request().Context(), actor)))
		r := s.newRequest(c)
		if err == nil {
			err = s.admitGuest(r)
		}
		if limit > 0 {
			c.Request().Body = http.MaxBytesReader(c.Response(), c.Request().Body, limit)
		}
		c.Response().Header().Set("Cache-Control", "no-store") // pages are people's own; what may be kept says so itself
		shallow(c.Request())
		switch {
		case err != nil && !one.public:
		case !one.public && r.Actor.IsNobody():
			err = fault.New(fault.Unauthenticated, "Sign in to go on.")
		default:
			if err = s.admit(one, r); err == nil {
				err = s.risen(r)
			}
			if err == nil {
				err = one.handle(s, r)
			}
		}
		s.logRequest(r, one, started, err)
		if err != nil {
			s.answerError(r, err)
		}
		if takesSecret(one) && c.Response().Status == http.StatusNotFound {
			s.noteWrong(r.HTTP())
		}
		return nil
	}
}

// Context ends when the browser goes away.
func (r *Request) Context() context.Context { return r.echo.Request().Context() }

// HTTP is the request itself, for bodies and streams.
func (r *Request) HTTP() *http.Request { return r.echo.Request() }

// Writer is the answer itself, for streams.
func (r *Request) Writer() http.ResponseWriter { return r.echo.Response() }

// Param is a part of the path.
func (r *Request) Param(name string) string { return r.echo.Param(name) }

// Query is a value behind the question mark.
func (r *Request) Query(name string) string { return r.echo.QueryParam(name) }

// Form reads an ordinary form; a body that is too large is fault.Invalid.
func (r *Request) Form() (Form, error) {
	if err := r.HTTP().ParseForm(); err != nil {
		return Form{}, bodyFault(err)
	}
	return Form{r.HTTP().PostForm}, nil
}

// Form is the values that were sent.
type Form struct{ values map[string][]string }

// Text is a value without the white space around it.
func (f Form) Text(name string) string { return strings.TrimSpace(f.Raw(name)) }

// Has says that a value was sent, be it an empty one.
func (f Form) Has(name string) bool { return len(f.values[name]) > 0 }

// Raw is a value as it was sent, for passwords and files.
func (f Form) Raw(name string) string {
	if v := f.values[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// bodyFault names the cause when a body cannot be read.
func bodyFault(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.Wrap(err, fault.Invalid, "That is more than the %d KiB that this form takes. Send large files as an upload.", tooLarge.Limit>>10)
	}
	return fault.Wrap(err, fault.Invalid, "The form was cut off or is damaged. Send it again.")
}

// IsFragment reports that htmx asks for a part of a page.
func (r *Request) IsFragment() bool { return r.HTTP().Header.Get("HX-Request") == "true" }

// Page answers with a whole page.
func (r *Request) Page(status int, view templates.View) error {
	return r.render(status, func(frame templates.Frame) ([]byte, error) {
		r.addWorkspaces(&frame)
		if r.Actor.Behind.ID != "" {
			frame.ActingFor = r.Actor.Behind.Name
		}
		frame.Audit = r.server.Trail != nil && tenancy.Allow(r.Actor, tenancy.SeeAudit, tenancy.ObjectRef{Tenant: r.Actor.TenantID}) == nil
		return r.server.pages.Page(frame, view)
	})
}

// Fragment answers with a part of a page.
func (r *Request) Fragment(status int, view templates.View) error {
	return r.render(status, func(frame templates.Frame) ([]byte, error) { return r.server.pages.Fragment(frame, view) })
}

func (r *Request) render(status int, make func(templates.Frame) ([]byte, error)) error {
	body, err := make(r.frame())
	if err != nil {
		return fault.Wrap(err, fault.Internal, "This page could not be made. The log has the details.")
	}
	return r.html(status, body)
}

func (r *Request) html(status int, body []byte) error {
	h := r.Writer().Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "HX-Request")
	r.Writer().WriteHeader(status)
	_, err := r.Writer().Write(body)
	return ignoreGone(err)
}

// ignoreGone: a browser that went away needs no answer.
func ignoreGone(error) error { return nil }

// frame is what every page shows around its view.
func (r *Request) frame() templates.Frame {
	theme := ""
	if c, err := r.HTTP().Cookie("theme"); err == nil && (c.Value == "dark" || c.Value == "light") {
		theme = c.Value
	}
	return templates.Frame{
		Nonce: nonceOf(r.Context()), Path: r.HTTP().URL.Path, Theme: theme, Version: r.server.Version,
		UserName: r.Self.UserName, Role: string(r.Self.Role), SiteAdmin: r.Self.SiteAdmin, SignedIn: !r.Self.IsNobody(),
		GuestName: r.guestName(), Flash: r.takeFlash(),
	}
}

// JSON answers with a value.
func (r *Request) JSON(status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "This answer could not be made. The log has the details.")
	}
	r.Writer().Header().Set("Content-Type", "application/json")
	r.Writer().Header().Set("Cache-Control", "no-store")
	r.Writer().WriteHeader(status)
	_, err = r.Writer().Write(body)
	return ignoreGone(err)
}

// Done answers a form that has been carried out: htmx gets a toast and stays where it is, a plain browser goes to next.
func (r *Request) Done(next, sentence string) error {
	if !r.IsFragment() {
		r.flash(sentence)
		return r.Redirect(next)
	}
	if sentence != "" {
		body, _ := json.Marshal(map[string]any{"trunkline:toast": map[string]string{"text": sentence}}) // strings only
		r.Writer().Header().Set("HX-Trigger", asciiJSON(body))
	}
	r.Writer().WriteHeader(http.StatusNoContent)
	return nil
}

// Redirect goes to a page of ours after a form; anything that could lead elsewhere goes to the labs.
func (r *Request) Redirect(path string) error {
	path = localPath(path)
	if r.IsFragment() {
		r.Writer().Header().Set("HX-Redirect", path)
		r.Writer().WriteHeader(http.StatusNoContent)
		return nil
	}
	http.Redirect(r.Writer(), r.HTTP(), path, http.StatusSeeOther)
	return nil
}

// localPath keeps redirects inside: one leading slash, no second one, no backslash, no control characters.
func localPath(path string) string {
	unsafe := !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsRune(path, '\\') ||
		strings.ContainsFunc(path, func(c rune) bool { return c < ' ' || c == 0x7f })
	if unsafe {
		return "/labs"
	}
	return path
}

// asciiJSON escapes what may not stand in a header.
func asciiJSON(body []byte) string {
	var b strings.Builder
	for _, c := range string(body) {
		switch {
		case c < 0x80:
			b.WriteRune(c)
		case c > 0xffff:
			c -= 0x10000
			writeEscape(&b, 0xd800+(c>>10))
			writeEscape(&b, 0xdc00+(c&0x3ff))
		default:
			writeEscape(&b, c)
		}
	}
	return b.String()
}

func writeEscape(b *strings.Builder, c rune) {
	const digits = "0123456789abcdef"
	b.WriteString(`\u`)
	for shift := 12; shift >= 0; shift -= 4 {
		b.WriteByte(digits[c>>shift&15])
	}
}
