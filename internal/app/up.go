package app

import (
	"context"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline/internal/fault"
	"trunkline/lab/agent"
)

// HostFolder is where a host inside trunkline up keeps its state, below the data folder.
const HostFolder = "host"

// joinLife is how long this machine's own join token works: it is used at once.
const joinLife = time.Minute

// Up is a controller with a compute host beside it. The host dials the controller over the real link on loopback.
type Up struct {
	*Controller
	host agent.Config
}

// OpenUp opens the controller; the host is opened by Run, since it enrols over the link.
func OpenUp(ctx context.Context, s Settings, h agent.Config) (*Up, error) {
	c, err := Open(ctx, s)
	if err != nil {
		return nil, err
	}
	h.StateDir = filepath.Join(s.Data, HostFolder)
	h.Controller = c.LocalURL
	return &Up{Controller: c, host: h}, nil
}

// Run serves and converges until ctx ends.
func (u *Up) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return u.Controller.Run(ctx) })
	group.Go(func() error { return u.runHost(ctx) })
	return group.Wait()
}

func (u *Up) runHost(ctx context.Context) error {
	enrolled, err := agent.Enrolled(u.host.StateDir)
	if err == nil && !enrolled {
		err = u.enrol(ctx)
	}
	if err != nil {
		return ignoreCancel(err)
	}
	a, err := agent.New(u.host)
	if err != nil {
		return err
	}
	err = a.Run(ctx)
	if closing := a.Close(); err == nil {
		err = closing
	}
	return ignoreCancel(err)
}

// enrol makes this machine a host as any other joins: by a one-time token over the link. The listener takes the request before the server
// serves, so there is nothing to wait for.
func (u *Up) enrol(ctx context.Context) error {
	token, err := u.JoinToken(ctx, "", joinLife)
	if err != nil {
		return err
	}
	err = agent.Enrol(ctx, u.host.StateDir, u.LocalURL, token, "", nil)
	if err != nil && !fault.Is(err, fault.Unavailable) {
		return fault.Wrap(err, fault.CodeOf(err), "This machine could not join its own controller: %s", fault.Sentence(err))
	}
	return err
}
