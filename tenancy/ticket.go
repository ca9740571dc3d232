package tenancy

import (
	"sync"
	"time"

	"trunkline/internal/fault"
)

// TicketLife is how long a ticket waits to be used.
const TicketLife = 30 * time.Second

// Bounds of what waits to be used.
const (
	ticketsAtAll   = 10_000
	ticketsOfOne   = 64 // of one browser session: a page that opens again brings back its shells all at once
	ticketRefusal  = "This connection was not asked for by a page of yours just now: its ticket is missing, used, older than 30 seconds or for something else. Reload the page to go on."
	ticketsAreFull = "Too many connections are being opened at this moment. Try again in half a minute."
)

// Tickets let a browser open one connection each. A websocket cannot carry a header of the page's, so a cookie alone would let another site open it; the ticket
// proves that a page of ours has just asked. They are kept in memory: who is connected when the controller restarts asks anew.
type Tickets struct {
	now func() time.Time

	mu     sync.Mutex
	issued map[string]ticket   // by the hash of the secret
	of     map[string][]string // hashes by session, the oldest first
}

type ticket struct {
	session, user, tenant, purpose, path string
	ends                                 time.Time
}

// NewTickets is an empty box; now nil is time.Now.
func NewTickets(now func() time.Time) *Tickets {
	if now == nil {
		now = time.Now
	}
	return &Tickets{now: now, issued: map[string]ticket{}, of: map[string][]string{}}
}

func (a Actor) ticket(purpose, path string) ticket {
	return ticket{session: a.SessionID, user: a.UserID, tenant: a.TenantID, purpose: purpose, path: path}
}

// Issue makes the secret of a ticket for one connection of the actor's session, to that path and for that purpose. Of too many of one session the oldest is worth
// nothing any more. Codes: unauthenticated (no browser session), exhausted.
func (t *Tickets) Issue(actor Actor, purpose, path string) (string, error) {
	if actor.IsNobody() || actor.SessionID == "" {
		return "", fault.New(fault.Unauthenticated, "Sign in first.")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if len(t.issued) >= ticketsAtAll {
		t.sweepLocked(now)
	}
	if len(t.issued) >= ticketsAtAll {
		return "", fault.New(fault.Exhausted, ticketsAreFull)
	}
	if waiting := t.of[actor.SessionID]; len(waiting) >= ticketsOfOne {
		t.dropLocked(waiting[0])
	}
	secret := newSecret("")
	one := actor.ticket(purpose, path)
	one.ends = now.Add(TicketLife)
	hash := HashSecret(secret)
	t.issued[hash] = one
	t.of[actor.SessionID] = append(t.of[actor.SessionID], hash)
	return secret, nil
}

// Redeem takes a ticket, whoever brings it and for whatever: it is worth nothing after that. Code: forbidden.
func (t *Tickets) Redeem(actor Actor, purpose, path, secret string) error {
	refused := fault.New(fault.Forbidden, ticketRefusal)
	if secret == "" || len(secret) > 128 {
		return refused
	}
	hash := HashSecret(secret)
	t.mu.Lock()
	defer t.mu.Unlock()
	one, known := t.issued[hash]
	if !known {
		return refused
	}
	t.dropLocked(hash)
	if !t.now().Before(one.ends) {
		return refused
	}
	want := actor.ticket(purpose, path)
	want.ends = one.ends
	if one != want {
		return refused
	}
	return nil
}

func (t *Tickets) dropLocked(hash string) {
	session := t.issued[hash].session
	delete(t.issued, hash)
	left := t.of[session][:0]
	for _, other := range t.of[session] {
		if other != hash {
			left = append(left, other)
		}
	}
	if t.of[session] = left; len(left) == 0 {
		delete(t.of, session)
	}
}

func (t *Tickets) sweepLocked(now time.Time) {
	for hash, one := range t.issued {
		if !now.Before(one.ends) {
			t.dropLocked(hash)
		}
	}
}
