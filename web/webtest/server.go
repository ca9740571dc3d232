package webtest

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"trunkline/terminal"
	"trunkline/web"
)

// Site is the pages on a world.
type Site struct {
	World  *World
	Web    *web.Server
	Shells *terminal.Manager
}

// NewSite puts the pages on a new world. change may set more of the configuration; nil leaves it.
func NewSite(log *slog.Logger, change func(*web.Config)) (*Site, error) {
	if log == nil {
		log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	w := New()
	shells := terminal.NewManager(terminal.Config{Log: log})
	c := web.Config{
		Labs: w, Intents: w, Watching: w, NodeIO: w, Hosts: w, Fleet: w, Policies: w, Accounts: w, Tokens: w, Shells: shells,
		Sessions: NewSessions(), Examples: Examples{}, Version: "dev", Log: log,
	}
	if change != nil {
		change(&c)
	}
	server, err := web.New(c)
	if err != nil {
		return nil, err
	}
	return &Site{World: w, Web: server, Shells: shells}, nil
}

// Close ends everything.
func (s *Site) Close() {
	s.Web.Close()
	s.Shells.Close()
	s.World.Close()
}

// Sessions is a store of sessions in memory.
type Sessions struct {
	mu   sync.Mutex
	kept map[string]session
}

type session struct {
	data   []byte
	expiry time.Time
}

// NewSessions makes an empty store.
func NewSessions() *Sessions { return &Sessions{kept: map[string]session{}} }

// Find returns a session that has not expired.
func (s *Sessions) Find(token string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, found := s.kept[token]
	if !found || time.Now().After(one.expiry) {
		return nil, false, nil
	}
	return one.data, true, nil
}

// Commit keeps a session.
func (s *Sessions) Commit(token string, b []byte, expiry time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[token] = session{b, expiry}
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
