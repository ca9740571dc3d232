package web

import (
	"crypto/sha256"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/limit"
)

// remembered is how many keys each limit remembers at most: 10 000 take a few megabytes.
const remembered = 10_000

// limits bound what one person, program or address may ask for. They are generous: a person with a browser never meets them, and a script that
// does is told how long to wait. Sign-in and invitations have their own, in package tenancy.
type limits struct {
	calls   *limit.Keyed // of the API, by token, session, or address of who has neither
	uploads *limit.Keyed // by person
	wrong   *limit.Keyed // secrets and tokens that are none, by address
}

func newLimits() limits {
	return limits{
		calls:   limit.New(20*time.Millisecond, 1000, remembered),
		uploads: limit.New(time.Second, 120, remembered),
		wrong:   limit.New(2*time.Second, 60, remembered), // a class behind one address mistypes too
	}
}

// tooMany refuses for as long as wait, and says so in the header that programs read (RFC 9110, 10.2.3).
func tooMany(w http.ResponseWriter, wait time.Duration, what string) error {
	seconds := max(int(math.Ceil(wait.Seconds())), 1)
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	unit := "seconds"
	if seconds == 1 {
		unit = "second"
	}
	return fault.New(fault.Exhausted, "%s Try again in %d %s.", what, seconds, unit)
}

const (
	manyCalls   = "There were too many requests."
	manyUploads = "There were too many uploads in a short time."
	manyWrong   = "There were too many wrong secrets from your address."
)

// caller is the key of who calls the API: never the secret itself.
func (s *Server) caller(r *http.Request) string {
	secret, kind := bearer(r), "token "
	if secret == "" {
		kind = "session "
		if cookie, err := r.Cookie(s.sessions.Cookie.Name); err == nil {
			secret = cookie.Value
		}
	}
	if secret == "" {
		return "address " + address(r)
	}
	sum := sha256.Sum256([]byte(secret))
	return kind + string(sum[:])
}

// bearer is the API token that a request carries.
func bearer(r *http.Request) string {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

// admitCall says whether the API may be called once more. Wrong tokens count by address: each would be a caller of its own.
func (s *Server) admitCall(w http.ResponseWriter, r *http.Request) error {
	now := time.Now()
	if bearer(r) != "" {
		if wait := s.limits.wrong.Left(address(r), now); wait > 0 {
			return tooMany(w, wait, manyWrong)
		}
	}
	if wait := s.limits.calls.Take(s.caller(r), now); wait > 0 {
		return tooMany(w, wait, manyCalls)
	}
	return nil
}

// noteWrong counts a secret that is none.
func (s *Server) noteWrong(r *http.Request) { s.limits.wrong.Take(address(r), time.Now()) }

// admitUpload says whether the person may upload once more.
func (s *Server) admitUpload(w http.ResponseWriter, user string) error {
	if wait := s.limits.uploads.Take(user, time.Now()); wait > 0 {
		return tooMany(w, wait, manyUploads)
	}
	return nil
}

// isUpload says that a call of the API brings a file and not an object of ours.
func isUpload(r *http.Request) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return (r.Method == http.MethodPost || r.Method == http.MethodPut) && r.ContentLength != 0 && !strings.HasSuffix(strings.TrimSpace(kind), "json")
}

// admit is what a route asks of a request before its handler: that it is not one too many.
func (s *Server) admit(one route, r *Request) error {
	if one.body < 0 && !r.Actor.IsNobody() {
		return s.admitUpload(r.Writer(), r.Actor.UserID)
	}
	if takesSecret(one) {
		if wait := s.limits.wrong.Left(address(r.HTTP()), time.Now()); wait > 0 {
			return tooMany(r.Writer(), wait, manyWrong)
		}
	}
	return nil
}

// takesSecret says that the address itself is the key to something.
func takesSecret(one route) bool { return strings.Contains(one.path, "/:secret") }
