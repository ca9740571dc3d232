package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// within does something on a thread in the network namespace of a node, or of the kernel itself when node is empty. What is opened or
// started in it stays there.
func within(ctx context.Context, node string, do func() error) error {
	if node == "" {
		return do()
	}
	pid, err := processOf(ctx, node)
	if err != nil {
		return err
	}
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	defer namespace.Close()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- do()
	}()
	return <-done
}

// socket is a raw socket whose reads end when it is closed.
type socket struct {
	*os.File
	index  int // of the interface it is about
	buffer []byte
	aux    []byte
}

// openSocket opens a socket of the thread's namespace for one interface; prepare binds it.
func openSocket(iface string, family, protocol int, prepare func(fd, index int) error) (*socket, error) {
	link, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", iface, err)
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, err
	}
	if err := prepare(fd, link.Index); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return &socket{File: os.NewFile(uintptr(fd), iface), index: link.Index, buffer: make([]byte, 1<<17), aux: make([]byte, 256)}, nil
}

// receive waits for one message; both slices are valid until the next.
func (s *socket) receive() (message, aux []byte, from unix.Sockaddr, err error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return nil, nil, nil, err
	}
	var n, m int
	err = errors.Join(err, raw.Read(func(fd uintptr) bool {
		n, m, _, from, err = unix.Recvmsg(int(fd), s.buffer, s.aux, 0)
		return !errors.Is(err, unix.EAGAIN)
	}))
	return s.buffer[:max(n, 0)], s.aux[:max(m, 0)], from, err
}
