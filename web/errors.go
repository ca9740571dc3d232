package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"trunkline/internal/fault"
	"trunkline/templates"
)

// answerError is the one place that answers a failed request: as JSON, as a toast, or as a page.
func (s *Server) answerError(r *Request, err error) {
	if r.echo.Response().Committed {
		return // a stream broke off; it was logged
	}
	problem := fault.Public(err)
	status := fault.Status(problem.Code)
	switch {
	case isAPI(r.HTTP()):
		_ = r.JSON(status, map[string]any{"error": problem}) // a struct of strings and numbers
	case problem.Code == fault.Unauthenticated:
		s.toSignIn(r)
	case r.IsFragment():
		h := r.Writer().Header()
		h.Set("HX-Retarget", "#toasts")
		h.Set("HX-Reswap", "beforeend")
		s.orBare(r, r.Fragment(status, templates.Toast{Kind: "error", Sentence: problem.Sentence, Details: places(problem.Details)}))
	default:
		s.orBare(r, r.Page(status, s.errorView(r, status, problem)))
	}
}

// errorView shows the request's number only for our own mistakes: other pages are equal for whoever asks.
func (s *Server) errorView(r *Request, status int, problem *fault.Error) templates.Error {
	v := templates.Error{Status: status, Sentence: problem.Sentence, Details: places(problem.Details), SignedIn: !r.Actor.IsNobody()}
	if problem.Code == fault.Internal || problem.Code == fault.Unavailable {
		v.RequestID = r.ID
	}
	return v
}

// orBare answers in plain text when even the error page cannot be made.
func (s *Server) orBare(r *Request, err error) {
	if err != nil {
		s.Log.Error("the error page could not be made", "request", r.ID, "err", err)
		s.answerBare(r.Writer(), r.HTTP(), err)
	}
}

// answerBare answers without templates and session.
func (s *Server) answerBare(w http.ResponseWriter, r *http.Request, err error) {
	problem := fault.Public(err)
	if problem.Code == fault.Internal || problem.Code == fault.Unavailable {
		s.Log.Error("request failed", "request", requestID(r.Context()), "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if isAPI(r) {
		body, _ := json.Marshal(map[string]any{"error": problem}) // a struct of strings and numbers
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(fault.Status(problem.Code))
		w.Write(body)
		return
	}
	http.Error(w, problem.Sentence, fault.Status(problem.Code))
}

// toSignIn sends somebody who is not signed in to the sign-in page, and back afterwards.
func (s *Server) toSignIn(r *Request) {
	next := "/labs"
	if r.HTTP().Method == http.MethodGet && !r.IsFragment() {
		next = r.HTTP().URL.RequestURI()
	} else if u, err := url.Parse(r.HTTP().Header.Get("HX-Current-URL")); err == nil && u.Path != "" {
		next = u.RequestURI()
	}
	_ = r.Redirect("/sign-in?next=" + url.QueryEscape(localPath(next))) // it only writes headers
}

// places are the complaints of an error, as a page shows them.
func places(details []fault.Place) []templates.Place {
	var list []templates.Place
	for _, d := range details {
		list = append(list, templates.Place{File: d.File, Line: d.Line, Column: d.Column, Field: d.Field, Sentence: d.Sentence})
	}
	return list
}

// logRequest writes the one line of a request: debug when all is well, info when the caller can mend it, error when we must.
func (s *Server) logRequest(r *Request, one route, started time.Time, err error) {
	level := slog.LevelDebug
	attrs := []any{
		"request", r.ID, "method", one.method, "route", one.path, "user", r.Actor.UserID, "tenant", r.Actor.TenantID,
		"took", time.Since(started).Round(time.Microsecond).String(),
	}
	if err != nil {
		level = slog.LevelInfo
		code := fault.CodeOf(err)
		if r.Context().Err() == nil && (code == fault.Internal || code == fault.Unavailable) {
			level = slog.LevelError
		}
		attrs = append(attrs, "code", string(code), "err", err)
	}
	s.Log.Log(r.Context(), level, "request", attrs...)
}
