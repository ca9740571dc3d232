package host_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/lab/host"
	"trunkline/lab/host/fakehost"
)

// late keeps one node's create from happening until the test lets it, long after its caller gave up.
type late struct {
	node  string
	asked chan struct{}
	once  sync.Once
	do    func() error
}

func (l *late) intercept(ctx context.Context, c fakehost.Call, do func() error) error {
	if c.Verb != "create" || c.Node != l.node {
		return do()
	}
	l.once.Do(func() {
		l.do = do
		close(l.asked)
	})
	<-ctx.Done()
	return ctx.Err()
}

// crashAtCreate deploys a ring and drops the executor while the engine is asked for a container, then starts a new one.
func crashAtCreate(t *testing.T) (*rig, *late) {
	r := newRig(t, fakehost.Config{})
	r.making = time.Hour // the engine takes as long as the test does
	l := &late{node: "n2", asked: make(chan struct{})}
	r.fake.Intercept(l.intercept)
	r.start().apply(ring("l1", 4))
	<-l.asked
	r.stop()
	r.start() // the engine holds the name: who asks for it again waits as well
	return r, l
}

func TestALabIsNotGoneWhileTheEngineMakesWhatADeadAgentAskedFor(t *testing.T) {
	r, l := crashAtCreate(t)
	if err := r.x.Remove(t.Context(), "l1"); err != nil {
		t.Fatal(err)
	}
	r.eventually("all but the late container to go", func() bool { return r.fake.Count("l1") == 0 })
	if err := l.do(); err != nil {
		t.Fatal(err)
	}
	r.gone("l1")
	if left, err := r.x.Leftovers(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestAContainerOfAForgottenLabGoesAsSoonAsItIsHeardOf(t *testing.T) {
	r := newRig(t, fakehost.Config{})
	l := &late{node: "n2", asked: make(chan struct{})}
	r.fake.Intercept(l.intercept)
	r.start().apply(ring("l1", 4))
	<-l.asked
	r.stop()
	if err := os.RemoveAll(filepath.Join(r.dir, "labs")); err != nil { // nothing tells the next agent of the lab
		t.Fatal(err)
	}
	r.fake.Intercept(nil)
	r.start()
	if err := r.x.Synced(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r.eventually("the others to go", func() bool { return r.fake.Count("l1") == 0 })
	r.gone("l1")
	if err := l.do(); err != nil {
		t.Fatal(err)
	}
	r.eventually("the late container to go", func() bool { return r.fake.Count("l1") == 0 })
	r.gone("l1")
}

func TestAJournalWithoutALabIsToldAndSweptAway(t *testing.T) {
	r := newRig(t, fakehost.Config{})
	stray := filepath.Join(r.dir, "labs", "old.journal")
	half := filepath.Join(r.dir, "labs", ".old.json.123")
	if err := os.MkdirAll(filepath.Dir(stray), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{stray, half} {
		if err := os.WriteFile(path, []byte("{}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	looking, err := host.New(host.Config{HostID: "h1", StateDir: r.dir, Engine: r.fake.Engine(), Fabric: r.fake.Fabric()})
	if err != nil {
		t.Fatal(err)
	}
	left, err := looking.Leftovers(t.Context())
	if err != nil || !slices.ContainsFunc(left, func(s string) bool { return strings.HasSuffix(s, "old.journal") }) {
		t.Errorf("left over: %v, %v", left, err)
	}
	r.start()
	r.eventually("the files to be swept", func() bool {
		entries, err := os.ReadDir(filepath.Dir(stray))
		return err == nil && len(entries) == 0
	})
	if left, err := r.x.Leftovers(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestALabIsForgottenOnce(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t, fakehost.Config{})
	r.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.start()
	spec := ring("l1", 3)
	r.apply(spec)
	r.converged(spec)
	if err := r.x.Remove(t.Context(), "l1"); err != nil {
		t.Fatal(err)
	}
	r.gone("l1")
	r.stop() // the log has no writer any more
	if n := strings.Count(log.String(), "msg=step part=host lab=l1 verb=forget"); n != 1 {
		t.Errorf("the lab was forgotten %d times: who has its identity next would be forgotten with it", n)
	}
}
