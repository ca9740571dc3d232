// Package fault is the one error type that crosses package and process borders.
//
// It knows a closed set of codes, one plain sentence for a person, and the cause for the log. It refuses to know
// about HTTP frameworks, databases or languages: a code maps to a status here and nowhere else.
package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Code says what kind of failure it is. The set is closed; codes cross the wire, sentences are never matched.
type Code string

const (
	Invalid         Code = "invalid"         // the caller sent something wrong and can mend it
	Unauthenticated Code = "unauthenticated" // nobody is signed in, or the token is unknown or expired
	Forbidden       Code = "forbidden"       // signed in, and allowed to know the thing exists, but not to do this
	NotFound        Code = "not_found"       // missing, or another tenant's: the two answer alike
	Conflict        Code = "conflict"        // the thing's present state does not allow this
	Exhausted       Code = "exhausted"       // a quota, pool or limit is used up
	Unavailable     Code = "unavailable"     // could not ask, or not now; trying again may help
	Unsupported     Code = "unsupported"     // this build, host or kernel cannot do it
	Internal        Code = "internal"        // our mistake
)

var statusOf = map[Code]int{
	Invalid:         http.StatusUnprocessableEntity,
	Unauthenticated: http.StatusUnauthorized,
	Forbidden:       http.StatusForbidden,
	NotFound:        http.StatusNotFound,
	Conflict:        http.StatusConflict,
	Exhausted:       http.StatusTooManyRequests,
	Unavailable:     http.StatusServiceUnavailable,
	Unsupported:     http.StatusNotImplemented,
	Internal:        http.StatusInternalServerError,
}

// Error carries a code, a sentence that says what is wrong and what to do next, where it is, and the cause.
type Error struct {
	Code     Code    `json:"code"`
	Sentence string  `json:"message"`
	Field    string  `json:"field,omitempty"`   // form field or path of the field, such as "topology.nodes.r1.image"
	Details  []Place `json:"details,omitempty"` // one entry per complaint when there are several
	Cause    error   `json:"-"`
}

// Place is one complaint with its position in a file. Line and Column count from 1; 0 means unknown.
type Place struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Field    string `json:"field,omitempty"`
	Sentence string `json:"message"`
}

// String renders file:line:column: sentence, leaving out what is unknown.
func (p Place) String() string {
	switch {
	case p.File != "" && p.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Sentence)
	case p.Line > 0:
		return fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, p.Sentence)
	case p.File != "":
		return p.File + ": " + p.Sentence
	}
	return p.Sentence
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Sentence + ": " + e.Cause.Error()
	}
	return e.Sentence
}

func (e *Error) Unwrap() error { return e.Cause }

// New makes an error whose sentence is formatted for a person.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Sentence: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause that only the log sees.
func Wrap(cause error, code Code, format string, args ...any) *Error {
	return &Error{Code: code, Sentence: fmt.Sprintf(format, args...), Cause: cause}
}

// InField names the form field or document path the error belongs to.
func (e *Error) InField(field string) *Error { e.Field = field; return e }

// CodeOf returns the code of the first Error in the chain. A cancelled or timed-out context is Unavailable;
// anything else unknown is Internal; nil is "".
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Unavailable
	}
	return Internal
}

// Is reports whether err carries the code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }

// Sentence returns what a person may read of err. Unknown errors are never shown: they get a general sentence.
func Sentence(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Sentence
	}
	switch CodeOf(err) {
	case Unavailable:
		return "That took too long or was cancelled. Try again."
	default:
		return "Something went wrong on our side. The log has the details."
	}
}

// Public returns the part of err that may cross the wire or reach a page.
func Public(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return &Error{Code: e.Code, Sentence: e.Sentence, Field: e.Field, Details: e.Details}
	}
	return &Error{Code: CodeOf(err), Sentence: Sentence(err)}
}

// Status is the HTTP status for a code; an unknown code is 500.
func Status(code Code) int {
	if s, ok := statusOf[code]; ok {
		return s
	}
	return http.StatusInternalServerError
}
