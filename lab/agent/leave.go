package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"trunkline/hostlink"
	"trunkline/internal/fault"
)

// CheckToken refuses a join token that is not the one the host joined with: it stays unused. The one it joined with may be given again at
// every start. Code: conflict.
func CheckToken(stateDir, token string) error {
	id, err := hostlink.LoadIdentity(identityFile(stateDir))
	if err != nil || id.JoinedWith(token) {
		return err
	}
	return fault.New(fault.Conflict, "This host joined %s as %s before, and the new token was not used. To join anew, let it leave first, which ends the labs on it: "+
		"stop the agent and run “trunkline host leave”, or “trunkline-host leave”.", id.Controller, id.Name)
}

// Leave ends every lab on this host, waits until nothing of them is left, and forgets the identity, so that the host can join again. The
// controller is not told. Code: conflict, while an agent runs on the same state folder.
func (a *Agent) Leave(ctx context.Context) error {
	lock, err := lockState(a.config.StateDir)
	if err != nil {
		return err
	}
	defer lock.Close()
	running, stop := context.WithCancel(ctx)
	defer stop()
	group, running := errgroup.WithContext(running)
	group.Go(func() error { return a.executor.Run(running) })
	group.Go(func() error { defer stop(); return a.clear(running) })
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// Without peers the panel and the ways to other hosts go too.
	if err := errors.Join(a.executor.SetPeers(ctx, nil), a.fabric.SetPeers(ctx, nil)); err != nil {
		return err
	}
	if err := os.Remove(identityFile(a.config.StateDir)); err != nil {
		return fault.Wrap(err, fault.Unavailable, "The labs are gone, but the identity %s could not be removed.", identityFile(a.config.StateDir))
	}
	return nil
}

// clear asks for no labs until nothing of any is left.
func (a *Agent) clear(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := a.executor.Synced(ctx, nil)
		var left []string
		if err == nil {
			left, err = a.executor.Leftovers(ctx)
		}
		switch {
		case err == nil && len(left) == 0:
			return nil
		case err != nil && !fault.Is(err, fault.Conflict): // conflict: the executor has not begun yet
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lockState keeps a second agent off the same state. The kernel drops the lock with the process, however it ends.
func lockState(stateDir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(stateDir, "agent.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "The folder %s is not writable. Run the agent as root, or give another by --state.", stateDir)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fault.Wrap(err, fault.Conflict, "Another agent uses the folder %s. Stop it, or give another by --state.", stateDir)
	}
	return file, nil
}
