package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// ptyStream is a shell of this machine on a real pseudo-terminal.
type ptyStream struct {
	master *os.File
	cmd    *exec.Cmd
	once   sync.Once
	waited chan struct{}
}

// dialShell starts /bin/sh on a pseudo-terminal.
func dialShell(_ context.Context, cols, rows uint16) (Stream, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, err
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, err
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer slave.Close()
	s := &ptyStream{master: os.NewFile(uintptr(fd), "ptmx"), cmd: exec.Command("/bin/sh"), waited: make(chan struct{})}
	s.cmd.Env = []string{"PS1=$ ", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm-256color", "ENV="}
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = slave, slave, slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.Resize(cols, rows); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = s.cmd.Wait(); close(s.waited) }()
	return s, nil
}

func (s *ptyStream) Read(p []byte) (int, error) {
	n, err := s.master.Read(p)
	if errors.Is(err, syscall.EIO) { // Linux: the last process on the terminal is gone
		<-s.waited
		return n, io.EOF
	}
	return n, err
}

func (s *ptyStream) Write(p []byte) (int, error) { return s.master.Write(p) }

func (s *ptyStream) Resize(cols, rows uint16) error {
	raw, err := s.master.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) {
		inner = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: cols, Row: rows})
	})
	return errors.Join(err, inner)
}

func (s *ptyStream) ExitCode() (int, bool) {
	select {
	case <-s.waited:
		return s.cmd.ProcessState.ExitCode(), true
	default:
		return 0, false
	}
}

// Close hangs up: the kernel sends SIGHUP to the terminal's processes.
func (s *ptyStream) Close() error {
	var err error
	s.once.Do(func() {
		err = s.master.Close()
		_ = unix.Kill(-s.cmd.Process.Pid, unix.SIGKILL)
		<-s.waited
	})
	return err
}
