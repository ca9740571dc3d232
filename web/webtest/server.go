package webtest

import (
	"io"
	"log/slog"

	"trunkline/tenancy"
	"trunkline/terminal"
	"trunkline/web"
)

// Site is the pages on a world.
type Site struct {
	World  *World
	Web    *web.Server
	Shells *terminal.Manager
	Quota  *Quota
}

// NewSite puts the pages on a new world. change may set more of the configuration; nil leaves it.
func NewSite(log *slog.Logger, change func(*web.Config)) (*Site, error) {
	if log == nil {
		log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	w := New()
	shells := terminal.NewManager(terminal.Config{Log: log})
	quotas, limits := NewQuotas(w)
	c := web.Config{
		Quotas: quotas,
		Labs:   w, Intents: w, Watching: w, NodeIO: w, Hosts: w, Fleet: w, Policies: w, Accounts: w, Tokens: w, Editing: w, Switches: w, Shells: shells,
		Services: w, Sessions: NewSessions(), Examples: Examples{}, Version: "dev", Log: log,
	}
	if change != nil {
		change(&c)
	}
	if c.Bell == nil {
		c.Bell = &tenancy.Revocations{}
	}
	if c.SignedIn == nil {
		bell, _ := c.Bell.(*tenancy.Revocations)
		c.SignedIn = tenancy.NewSessions(tenancy.SessionConfig{Store: c.Sessions.(tenancy.SessionStore), Bell: bell})
	}
	server, err := web.New(c)
	if err != nil {
		return nil, err
	}
	return &Site{World: w, Web: server, Shells: shells, Quota: limits}, nil
}

// Close ends everything.
func (s *Site) Close() {
	s.Web.Close()
	s.Shells.Close()
	s.World.Close()
}
