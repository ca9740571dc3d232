package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// nodeDirs makes the folder that each node finds at /.trunkline: init, which becomes its process 1, and gate, the FIFO at
// which init waits until the node's interfaces are there. The node's hosts and resolv.conf are in it as well.
type nodeDirs struct {
	root string // nodes/<lab>/<node>
	init string // our own copy, on the same file system so that each node gets a hard link; "" when nodes have none
}

// newNodeDirs copies the init binary once, under its hash: nodes made by an older agent keep theirs.
func newNodeDirs(root, initBinary, copies string) (*nodeDirs, error) {
	d := &nodeDirs{root: root}
	if initBinary == "" {
		return d, nil
	}
	content, err := os.ReadFile(initBinary)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The node init %s cannot be read. It is part of the installation: build or install it.", initBinary)
	}
	sum := sha256.Sum256(content)
	d.init = filepath.Join(copies, "init-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(d.init); err == nil {
		return d, nil
	}
	if err := writeFile(d.init, content); err != nil {
		return nil, err
	}
	return d, os.Chmod(d.init, 0o755)
}

func (d *nodeDirs) path(labID, node string) string { return filepath.Join(d.root, labID, node) }

// make makes the folder of a node that does not run, and what belongs in it. Repeating it changes nothing.
func (d *nodeDirs) make(labID string, n *hostapi.NodeSpec) (string, error) {
	node := n.Name
	dir := d.path(labID, node)
	err := os.MkdirAll(dir, 0o755)
	if err == nil && d.init != "" {
		if err = os.Link(d.init, filepath.Join(dir, "init")); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	if err == nil {
		if err = syscall.Mkfifo(filepath.Join(dir, "gate"), 0o644); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	if err != nil {
		return "", fault.Wrap(err, fault.Exhausted, "The folder of node %s cannot be made on the compute host. Is its disk full?", node)
	}
	return dir, writeNames(dir, node, n.Hosts, n.DNS)
}

func (d *nodeDirs) remove(labID, node string) error {
	if err := os.RemoveAll(d.path(labID, node)); err != nil {
		return fault.Wrap(err, fault.Internal, "The folder of node %s cannot be removed from the compute host.", node)
	}
	os.Remove(filepath.Join(d.root, labID)) // only when it was the last
	return nil
}

func (d *nodeDirs) removeLab(labID string) error {
	if err := os.RemoveAll(filepath.Join(d.root, labID)); err != nil {
		return fault.Wrap(err, fault.Internal, "The folders of the lab's nodes cannot be removed from the compute host.")
	}
	return nil
}

// labs lists the labs that have folders, with their nodes.
func (d *nodeDirs) labs() (map[string][]string, error) {
	all := map[string][]string{}
	labs, err := os.ReadDir(d.root)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The agent's folder %s cannot be read.", d.root)
	}
	for _, l := range labs {
		nodes, err := os.ReadDir(filepath.Join(d.root, l.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Wrap(err, fault.Internal, "The agent's folder %s cannot be read.", l.Name())
		}
		all[l.Name()] = nil
		for _, n := range nodes {
			all[l.Name()] = append(all[l.Name()], n.Name())
		}
	}
	return all, nil
}

// open lets the node's init go on. It reports whether somebody was waiting: a FIFO opened for writing without blocking answers
// ENXIO when nobody reads (fifo(7)).
func (d *nodeDirs) open(labID, node string) (bool, error) {
	fd, err := syscall.Open(filepath.Join(d.path(labID, node), "gate"), syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	switch {
	case err == nil:
		return true, syscall.Close(fd)
	case errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENOENT):
		return false, nil
	}
	return false, fault.Wrap(err, fault.Internal, "The gate of node %s cannot be opened.", node)
}

// gatePatience is how long after its start an init may take to come to its gate; one not seen by then has passed it already.
const gatePatience = 3 * time.Second

// gateLooks is how often one that is late is looked for all the same, a fifth of a second in all: where everything stood still for longer than
// its patience, the init goes on in the same moment as we do.
const gateLooks = 8

// openAll opens the gates of the nodes and calls passed for each that is through. started tells when each was started: a gate
// at which nobody waits yet is tried again until its node's patience is over.
func (d *nodeDirs) openAll(ctx context.Context, labID string, started map[string]time.Time, passed func(nodes []string)) error {
	rest := maps.Clone(started)
	looks := 0
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		looks++
		var through []string
		for node, at := range rest {
			waited, err := d.open(labID, node)
			if err != nil {
				return err
			}
			if waited || looks >= gateLooks && time.Since(at) > gatePatience {
				through = append(through, node)
				delete(rest, node)
			}
		}
		if len(through) > 0 {
			passed(through)
		}
		if len(rest) == 0 {
			return nil
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// sleep waits, or returns ctx's error when it ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
