package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/internal/fault"
)

// errorBody is every error's body: {"error": {"code": …, "message": …}}.
type errorBody struct {
	Fault *fault.Error `json:"error"`
	cause error
}

func (e *errorBody) Error() string { return e.Fault.Sentence }
func (e *errorBody) Unwrap() error { return e.cause }

// GetStatus makes it a huma.StatusError.
func (e *errorBody) GetStatus() int { return fault.Status(e.Fault.Code) }

// public keeps of an error what may leave, with the cause for the log.
func public(err error) error {
	return &errorBody{Fault: fault.Public(err), cause: err}
}

func init() { huma.NewErrorWithContext = newError }

// newError is how huma makes the errors it finds itself: values that do not fit the description.
func newError(_ huma.Context, status int, message string, causes ...error) huma.StatusError {
	code := codeOf(status)
	for _, cause := range causes {
		var own *errorBody
		if errors.As(cause, &own) {
			return own
		}
		if _, ok := errors.AsType[*fault.Error](cause); ok {
			return &errorBody{Fault: fault.Public(cause), cause: cause}
		}
	}
	if status >= 500 {
		return &errorBody{Fault: fault.Public(errors.Join(causes...)), cause: errors.Join(causes...)}
	}
	problem := fault.New(code, "%s.", strings.TrimSuffix(strings.ToUpper(message[:1])+message[1:], "."))
	for _, cause := range causes {
		var detail *huma.ErrorDetail
		if errors.As(cause, &detail) {
			problem.Details = append(problem.Details, fault.Place{Field: detail.Location, Sentence: detail.Message})
		} else if cause != nil {
			problem.Details = append(problem.Details, fault.Place{Sentence: cause.Error()})
		}
	}
	return &errorBody{Fault: problem}
}

func codeOf(status int) fault.Code {
	switch status {
	case http.StatusUnauthorized:
		return fault.Unauthenticated
	case http.StatusForbidden:
		return fault.Forbidden
	case http.StatusNotFound:
		return fault.NotFound
	case http.StatusConflict:
		return fault.Conflict
	case http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return fault.Exhausted
	}
	if status >= 500 {
		return fault.Internal
	}
	return fault.Invalid
}

// writeError answers a request that has not been answered yet, and logs what is our fault.
func (a *API) writeError(w http.ResponseWriter, r *http.Request, err error) {
	problem := fault.Public(err)
	if problem.Code == fault.Internal {
		a.Log.Error("an API request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if problem.Code == fault.Unauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer realm="trunkline"`)
	}
	body, _ := json.Marshal(errorBody{Fault: problem}) // a struct of strings and numbers
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(fault.Status(problem.Code))
	w.Write(body)
}
