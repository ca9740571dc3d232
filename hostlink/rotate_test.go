package hostlink

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/internal/fault"
)

// disk is an identity file that can fail.
type disk struct {
	t    *testing.T
	path string

	mu     sync.Mutex
	writes int
	broken func(write int, id Identity) bool // write counts from 1
}

func newDisk(t *testing.T, id Identity) *disk {
	t.Helper()
	d := &disk{t: t, path: filepath.Join(t.TempDir(), "identity.json")}
	if err := SaveIdentity(d.path, id); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *disk) keep(id Identity) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	if d.broken != nil && d.broken(d.writes, id) {
		return fault.New(fault.Unavailable, "The disk is full.")
	}
	return SaveIdentity(d.path, id)
}

func (d *disk) breakOn(when func(write int, id Identity) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes, d.broken = 0, when
}

func (d *disk) identity() Identity {
	d.t.Helper()
	id, err := LoadIdentity(d.path)
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

// boot starts an agent from what the disk holds.
func (r *rig) boot(d *disk, change ...func(*AgentConfig)) *runner {
	return r.start(d.identity(), hiHandler, append(change, func(c *AgentConfig) { c.Keep = d.keep })...)
}

func TestAKeyChangesWhileTheHostIsLinked(t *testing.T) {
	r := newRig(t, quick())
	old := r.enrol("alpha")
	d := newDisk(t, old)
	run := r.boot(d)
	link := r.link(old.HostID, 0)
	for range 2 {
		before := d.identity()
		if err := r.server.Rotate(t.Context(), old.HostID); err != nil {
			t.Fatal(err)
		}
		now := d.identity()
		if now.PrivateKey.Equal(before.PrivateKey) || len(now.NextKey) != 0 || now.HostID != old.HostID || now.Name != old.Name {
			t.Errorf("after the change the identity is %+v", now)
		}
		keys, err := r.directory.HostKeys(t.Context(), old.HostID)
		if err != nil || len(keys) != 1 || !keys[0].Equal(now.PrivateKey.Public()) {
			t.Errorf("the controller holds %d keys, %v", len(keys), err)
		}
	}
	if link.Err() != nil {
		t.Errorf("the link did not outlive the change: %v", link.Err())
	}
	if client, err := link.Bulk(); err != nil || mustGet(t, client, "/bulk") != "hi /bulk" {
		t.Errorf("the bulk channel, which is dialled with the new key: %v", err)
	}
	link.tunnel.drop(fault.New(fault.Unavailable, "Cut by the test."))
	run.state("linked again by the running agent", func(s State) bool { return s.Linked && s.Epoch > link.Epoch })
	run.stop()
	r.start(old, hiHandler).state("the refusal of the old key", func(s State) bool { return s.Err != nil && s.Err.Sentence == ErrWrongKey.Sentence })
	r.boot(d).state("linked with the new key", func(s State) bool { return s.Linked })
}

// TestACrashInTheMiddleOfAChangeLeavesAKeyThatWorks breaks each step in turn, restarts both sides from what they have
// stored, and expects a link and a next change that goes through.
func TestACrashInTheMiddleOfAChangeLeavesAKeyThatWorks(t *testing.T) {
	broken := fault.New(fault.Unavailable, "The database is away.")
	tests := map[string]struct {
		disk      func(write int, id Identity) bool
		call      string
		keys      int // at the controller after the failure
		keysAfter int // and once the host has linked again
	}{
		"the host cannot save the new key":               {disk: func(w int, _ Identity) bool { return w == 1 }, keys: 1, keysAfter: 1},
		"the controller cannot store the new key":        {call: "AddKey", keys: 1, keysAfter: 1},
		"the host cannot make the new key its only one":  {disk: func(w int, _ Identity) bool { return w == 2 }, keys: 2, keysAfter: 2},
		"the controller cannot forget the old key (yet)": {call: "KeepOnly", keys: 2, keysAfter: 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, quick())
			id := r.enrol("alpha")
			d := newDisk(t, id)
			run := r.boot(d)
			epoch := r.link(id.HostID, 0).Epoch
			d.breakOn(test.disk)
			if test.call != "" {
				r.directory.failing(test.call, broken)
			}
			if err := r.server.Rotate(t.Context(), id.HostID); !fault.Is(err, fault.Unavailable) {
				t.Errorf("Rotate: %v", err)
			}
			run.stop()
			if keys, _ := r.directory.HostKeys(t.Context(), id.HostID); len(keys) != test.keys {
				t.Errorf("the controller holds %d keys, want %d", len(keys), test.keys)
			}
			d.breakOn(nil)
			r.directory.failing(test.call, nil)
			r.boot(d)
			epoch = r.link(id.HostID, epoch).Epoch
			r.until("the controller holds the keys it should", func() bool {
				keys, _ := r.directory.HostKeys(t.Context(), id.HostID)
				return len(keys) == test.keysAfter
			})
			if err := r.server.Rotate(t.Context(), id.HostID); err != nil {
				t.Errorf("the next change: %v", err)
			}
			keys, _ := r.directory.HostKeys(t.Context(), id.HostID)
			if now := d.identity(); len(keys) != 1 || !keys[0].Equal(now.PrivateKey.Public()) || len(now.NextKey) != 0 {
				t.Errorf("the controller holds %d keys, the host %+v", len(keys), now)
			}
		})
	}
}

func TestAHostWhoseKeyIsRefusedTriesTheOneToCome(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	d := newDisk(t, id)
	run := r.boot(d)
	r.link(id.HostID, 0)
	d.breakOn(func(w int, _ Identity) bool { return w == 2 })
	if err := r.server.Rotate(t.Context(), id.HostID); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("Rotate: %v", err)
	}
	run.stop()
	d.breakOn(nil)
	next := d.identity().NextKey
	if err := r.directory.KeepOnly(t.Context(), id.HostID, publicOf(next)); err != nil { // as a file restored from before would have it
		t.Fatal(err)
	}
	r.boot(d).state("linked with the other key", func(s State) bool { return s.Linked })
	r.until("the key that works is the only one", func() bool {
		now := d.identity()
		return now.PrivateKey.Equal(next) && len(now.NextKey) == 0
	})
}

func TestAKeyThatCannotBeChangedSaysWhy(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	if err := r.server.Rotate(t.Context(), id.HostID); !fault.Is(err, fault.Unavailable) {
		t.Errorf("of a host that is away: %v", err)
	}
	run := r.start(id, hiHandler)
	link := r.link(id.HostID, 0)
	if err := r.server.Rotate(t.Context(), id.HostID); !fault.Is(err, fault.Unsupported) {
		t.Errorf("of a host that cannot save it: %v", err)
	}
	link.rotating.Lock()
	if err := r.server.Rotate(t.Context(), id.HostID); !fault.Is(err, fault.Conflict) {
		t.Errorf("while another is at work: %v", err)
	}
	link.rotating.Unlock()
	run.stop()
	if err := link.ask(t.Context(), pathKey, keyRequest{}, http.StatusOK, nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("over a link that ended: %v", err)
	}
	plain := NewServer(struct{ Authority }{r.directory}, ServerConfig{})
	if err := plain.Rotate(t.Context(), id.HostID); !fault.Is(err, fault.Unsupported) {
		t.Errorf("with a store that keeps one key: %v", err)
	}
	if err := plain.Close(); err != nil {
		t.Error(err)
	}
}

// TestAnAgentOneMinorBehindKeepsWorking runs an agent that does not know the requests of this version yet.
func TestAnAgentOneMinorBehindKeepsWorking(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	r.start(id, http.NotFoundHandler())
	link := r.link(id.HostID, 0)
	if err := link.ask(t.Context(), "/link/of-the-next-version", struct{}{}, http.StatusOK, nil); !fault.Is(err, fault.Unsupported) {
		t.Errorf("a request it does not know: %v", err)
	}
	if link.Err() != nil {
		t.Errorf("the link ended: %v", link.Err())
	}
}

// slowDirectory revokes a host after its proof was judged and before its link is registered.
type slowDirectory struct {
	*directory
	asked atomic.Int32
}

func (d *slowDirectory) HostKeys(ctx context.Context, id string) (keys []ed25519.PublicKey, err error) {
	keys, err = d.directory.HostKeys(ctx, id)
	if d.asked.Add(1) == 1 {
		d.revoke(id)
	}
	return keys, err
}

func TestAHostRevokedWhileItDialsIsCut(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	r.server.authority = &slowDirectory{directory: r.directory}
	run := r.start(id, hiHandler)
	run.state("the refusal", func(s State) bool { return s.Err != nil && s.Err.Sentence == ErrHostRevoked.Sentence })
	r.until("no link is left", func() bool { return len(r.server.Hosts()) == 0 })
}

// lateDirectory answers whether a link may stay only when a change of keys is over, or has had the time to be.
type lateDirectory struct {
	*directory
	asked atomic.Int32
	kept  chan struct{}
}

func (d *lateDirectory) HostKeys(ctx context.Context, id string) ([]ed25519.PublicKey, error) {
	if d.asked.Add(1) == 2 {
		select {
		case <-d.kept:
		case <-time.After(300 * time.Millisecond): // the condition is time itself
		}
	}
	return d.directory.HostKeys(ctx, id)
}

func (d *lateDirectory) KeepOnly(ctx context.Context, id string, key ed25519.PublicKey) error {
	defer close(d.kept)
	return d.directory.KeepOnly(ctx, id, key)
}

func TestAKeyChangesOnlyOnceTheOneThatLetTheLinkInWasCheckedAgain(t *testing.T) {
	r := newRig(t, quick())
	id := r.enrol("alpha")
	r.server.authority = &lateDirectory{directory: r.directory, kept: make(chan struct{})}
	run := r.boot(newDisk(t, id))
	link := r.link(id.HostID, 0)
	if err := r.server.Rotate(t.Context(), id.HostID); err != nil {
		t.Fatal(err)
	}
	<-link.checked
	run.stop()
	<-link.Done()
	if err := link.Err(); !strings.Contains(fault.Sentence(err), "stopping") {
		t.Errorf("the link did not outlive the change: %v", err)
	}
}

func TestARevokedHostDialsSeldom(t *testing.T) {
	cfg := quick()
	cfg.RefusedWait = 0 // the default
	r := newRig(t, cfg)
	id := r.enrol("alpha")
	r.directory.revoke(id.HostID)
	s := r.start(id, hiHandler).state("the refusal", func(s State) bool { return s.Err != nil })
	wantFault(t, s.Err, ErrHostRevoked)
	if least, most := (Config{}).withDefaults().RefusedWait/2, (Config{}).withDefaults().RefusedWait*3/2; s.Next < least || s.Next > most {
		t.Errorf("the next try is in %v, want %v to %v", s.Next, least, most)
	}
}
