package testkit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// ErrNoPostgres says that this machine has no PostgreSQL server to start.
var ErrNoPostgres = errors.New("no PostgreSQL server is installed (apt-get install postgresql)")

// Postgres is a server of its own on a temporary cluster: nothing of it outlives Stop.
type Postgres struct {
	URL    string
	dir    string
	server *exec.Cmd
	ended  chan struct{}
}

// StartPostgres makes a cluster and starts a server on it, listening on loopback.
func StartPostgres(ctx context.Context) (*Postgres, error) {
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(programs) == 0 {
		return nil, ErrNoPostgres
	}
	bin := slices.Max(programs)
	owner, err := serverOwner()
	if err != nil {
		return nil, err
	}
	p := &Postgres{}
	if p.dir, err = os.MkdirTemp("", "trunkline-postgres-*"); err != nil {
		return nil, err
	}
	if err := p.start(ctx, bin, owner); err != nil {
		return nil, errors.Join(err, os.RemoveAll(p.dir))
	}
	return p, nil
}

// serverOwner is the user postgres where we are root, since the server refuses to run as root; nil means ourselves.
func serverOwner() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPostgres, err)
	}
	uid, uidErr := strconv.Atoi(account.Uid)
	gid, gidErr := strconv.Atoi(account.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(uidErr, gidErr)
}

func (p *Postgres) start(ctx context.Context, bin string, owner *syscall.Credential) error {
	if owner != nil {
		if err := os.Chown(p.dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	cluster := filepath.Join(p.dir, "cluster")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata", cluster, "--auth", "trust", "--username", "trunkline", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = p.dir, &syscall.SysProcAttr{Credential: owner}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	for tries := 1; ; tries++ {
		if again, err := p.serve(ctx, bin, cluster, owner); !again || tries == 10 {
			return err
		}
	}
}

// serve starts the server on a free port and waits until it takes connections. It has ended when that fails; again: by itself, as it does when
// somebody takes the port between our look and its own.
func (p *Postgres) serve(ctx context.Context, bin, cluster string, owner *syscall.Credential) (again bool, err error) {
	port, err := freePort()
	if err != nil {
		return false, err
	}
	p.ended = make(chan struct{})
	p.server = exec.Command(filepath.Join(bin, "postgres"), "-D", cluster, "-k", p.dir, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off")
	p.server.Dir, p.server.SysProcAttr = p.dir, &syscall.SysProcAttr{Credential: owner, Pdeathsig: syscall.SIGQUIT}
	if err := p.server.Start(); err != nil {
		return false, err
	}
	alive, cancel := context.WithCancel(ctx)
	go func() { // ends with the server
		_ = p.server.Wait()
		close(p.ended)
		cancel()
	}()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	p.URL = "postgres://trunkline@" + address + "/postgres?sslmode=disable"
	err = Until(alive, time.Minute, "PostgreSQL takes connections", func() error { // by its own socket: the port may be another's
		return exec.CommandContext(alive, filepath.Join(bin, "pg_isready"), "-q", "-h", p.dir, "-p", strconv.Itoa(port)).Run()
	})
	if err == nil {
		return false, nil
	}
	again = alive.Err() != nil && ctx.Err() == nil
	p.kill()
	return again, err
}

// Stop ends the server and removes its cluster.
func (p *Postgres) Stop() error {
	p.kill()
	return os.RemoveAll(p.dir)
}

func (p *Postgres) kill() {
	_ = p.server.Process.Signal(syscall.SIGQUIT) // one that is gone needs none
	<-p.ended
}

// freePort is a port of loopback that nobody listened on a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
