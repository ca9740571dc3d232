package fabric

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// enter runs do on a thread of its own inside the namespace. Sockets opened there stay in it; everything under /proc/sys/net is its.
// A thread that can't return is given up with its goroutine, so that no other work ever runs in the wrong namespace.
func (f *Fabric) enter(ns netns.NsHandle, do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := netns.Set(ns); err != nil {
			runtime.UnlockOSThread()
			done <- err
			return
		}
		err := do()
		if back := netns.Set(f.rootNS); back == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// retried repeats what the kernel asks to repeat and nothing else: a dump that changed while it was read, an interrupted call, a full queue.
func retried[T any](ctx context.Context, do func() (T, error)) (T, error) {
	const attempts = 200
	pause := 100 * time.Microsecond
	for try := 1; ; try++ {
		v, err := do()
		if err == nil || try == attempts || !isTransient(err) {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, errors.Join(err, ctx.Err())
		case <-time.After(pause):
		}
		pause = min(pause*2, 20*time.Millisecond)
	}
}

func isTransient(err error) bool {
	return errors.Is(err, netlink.ErrDumpInterrupted) || errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN)
}

// linkNamed returns the link, nil when there is none, and an error when it could not ask.
func linkNamed(ctx context.Context, h *netlink.Handle, name string) (netlink.Link, error) {
	link, err := retried(ctx, func() (netlink.Link, error) { return h.LinkByName(name) })
	if isNoLink(err) {
		return nil, nil
	}
	return link, err
}

func isNoLink(err error) bool {
	var missing netlink.LinkNotFoundError
	return errors.As(err, &missing) || errors.Is(err, unix.ENODEV)
}

// allLinks lists every link of the namespace.
func allLinks(ctx context.Context, h *netlink.Handle) ([]netlink.Link, error) {
	return retried(ctx, h.LinkList)
}
