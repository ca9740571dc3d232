package tenancy

import "sync"

// Revocation says that rights may have ended or changed: of a person, in a tenant, of a session. An empty field stands for all of its kind.
type Revocation struct {
	UserID    string
	TenantID  string
	SessionID string
	TokenID   string
	Reason    string // a sentence for whom it concerns
}

// Revocations is the bell that long-lived connections listen to. Publish after what it tells is committed: who hears it asks anew what is
// still allowed, so one ring too many does no harm. The zero value is ready, and a nil one is never rung.
type Revocations struct {
	mu        sync.Mutex
	listeners map[*revocationListener]struct{}
}

type revocationListener struct {
	who   Revocation
	all   bool // whomever it concerns
	heard chan Revocation
}

// Listen hears what concerns the actor, and the session where one is named, until stop is called. What is not taken at once is kept: at most
// one, the first, because hearing it means to ask anew about everything.
func (r *Revocations) Listen(actor Actor, sessionID string) (heard <-chan Revocation, stop func()) {
	if r == nil {
		return nil, func() {}
	}
	return r.listen(&revocationListener{who: Revocation{UserID: actor.UserID, TenantID: actor.TenantID, SessionID: sessionID, TokenID: actor.TokenID}, heard: make(chan Revocation, 1)})
}

// ListenToAll hears every ring, until stop is called.
func (r *Revocations) ListenToAll() (heard <-chan Revocation, stop func()) {
	if r == nil {
		return nil, func() {}
	}
	return r.listen(&revocationListener{all: true, heard: make(chan Revocation, 1)})
}

func (r *Revocations) listen(l *revocationListener) (heard <-chan Revocation, stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listeners == nil {
		r.listeners = map[*revocationListener]struct{}{}
	}
	r.listeners[l] = struct{}{}
	return l.heard, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.listeners, l)
	}
}

// Publish tells everybody whom it concerns, and waits for nobody.
func (r *Revocations) Publish(v Revocation) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for l := range r.listeners {
		if !l.all && !v.concerns(l.who) {
			continue
		}
		select {
		case l.heard <- v:
		default: // it has one to hear already
		}
	}
}

func (v Revocation) concerns(who Revocation) bool {
	fits := func(named, is string) bool { return named == "" || named == is }
	return fits(v.UserID, who.UserID) && fits(v.TenantID, who.TenantID) && fits(v.SessionID, who.SessionID) && fits(v.TokenID, who.TokenID)
}
