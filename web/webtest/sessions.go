package webtest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// Sessions is a store of sessions in memory: what pages remember, and whose they are.
type Sessions struct {
	mu   sync.Mutex
	kept map[string]*session // by the hash of the browser's secret
}

type session struct {
	data   []byte
	expiry time.Time
	of     *tenancy.Session // nil: nobody is signed in
}

// NewSessions makes an empty store.
func NewSessions() *Sessions { return &Sessions{kept: map[string]*session{}} }

// Find returns a session that has not expired.
func (s *Sessions) Find(token string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.kept[token]
	if one == nil || len(one.data) == 0 || time.Now().After(one.expiry) {
		return nil, false, nil
	}
	return one.data, true, nil
}

// Commit keeps what pages remember.
func (s *Sessions) Commit(token string, b []byte, expiry time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.kept[token]; one != nil {
		one.data = b
		return nil
	}
	s.kept[token] = &session{data: b, expiry: expiry}
	return nil
}

// Delete forgets a session.
func (s *Sessions) Delete(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, token)
	return nil
}

// FindCtx is Find.
func (s *Sessions) FindCtx(_ context.Context, token string) ([]byte, bool, error) {
	return s.Find(token)
}

// CommitCtx is Commit.
func (s *Sessions) CommitCtx(_ context.Context, token string, b []byte, expiry time.Time) error {
	return s.Commit(token, b, expiry)
}

// DeleteCtx is Delete.
func (s *Sessions) DeleteCtx(_ context.Context, token string) error { return s.Delete(token) }

// BeginSession says whose the session of a token is.
func (s *Sessions) BeginSession(_ context.Context, token string, of tenancy.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[token] = &session{expiry: of.Expires, of: &of}
	return nil
}

var noSession = fault.New(fault.NotFound, "There is no such session.")

// byIDLocked returns a session and its token.
func (s *Sessions) byIDLocked(id string) (string, *session) {
	for token, one := range s.kept {
		if one.of != nil && one.of.ID == id {
			return token, one
		}
	}
	return "", nil
}

// RenameSession gives the session another token.
func (s *Sessions) RenameSession(_ context.Context, id, token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, one := s.byIDLocked(id)
	if one == nil {
		return noSession
	}
	delete(s.kept, before)
	s.kept[token] = one
	return nil
}

// Session returns one.
func (s *Sessions) Session(_ context.Context, key tenancy.SessionKey) (tenancy.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.kept[key.TokenHash]
	if key.TokenHash == "" {
		_, one = s.byIDLocked(key.ID)
	}
	if one == nil || one.of == nil {
		return tenancy.Session{}, noSession
	}
	return *one.of, nil
}

// SessionsOf lists a person's.
func (s *Sessions) SessionsOf(_ context.Context, userID string) ([]tenancy.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []tenancy.Session
	for _, one := range s.kept {
		if one.of != nil && one.of.UserID == userID && time.Now().Before(one.expiry) {
			list = append(list, *one.of)
		}
	}
	slices.SortFunc(list, func(a, b tenancy.Session) int { return cmp.Or(b.Seen.Compare(a.Seen), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// TouchSession notes a request.
func (s *Sessions) TouchSession(_ context.Context, id string, seen, expires time.Time, address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, one := s.byIDLocked(id)
	if one == nil {
		return noSession
	}
	one.expiry = expires
	one.of.Seen, one.of.Expires, one.of.Address = seen, expires, address
	return nil
}

// EndSessions deletes those chosen.
func (s *Sessions) EndSessions(_ context.Context, where tenancy.SessionsWhere) ([]tenancy.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fits := func(wanted, is string) bool { return wanted == "" || wanted == is }
	var ended []tenancy.Session
	for token, one := range s.kept {
		if one.of == nil || one.of.ID == where.Except && where.Except != "" {
			continue
		}
		by := one.of.By
		if fits(where.ID, one.of.ID) && fits(where.UserID, one.of.UserID) && fits(where.Provider, by.Provider) &&
			fits(where.Issuer, by.Issuer) && fits(where.Subject, by.Subject) && fits(where.SID, by.SID) {
			delete(s.kept, token)
			ended = append(ended, *one.of)
		}
	}
	return ended, nil
}
