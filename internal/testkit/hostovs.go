package testkit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// schema is where Debian's openvswitch-common keeps the database's schema.
const schema = "/usr/share/openvswitch/vswitch.ovsschema"

// OVSFolder is the run folder of the host's Open vSwitch.
func (h *Host) OVSFolder() string { return filepath.Join(h.Dir, "ovs") }

// StartOVS starts the host's Open vSwitch, with the database it had before, and waits until it answers.
func (h *Host) StartOVS() {
	h.t.Helper()
	if err := h.startOVS(); err != nil {
		h.t.Fatalf("start Open vSwitch: %v", err)
	}
}

func (h *Host) startOVS() (err error) {
	folder := h.OVSFolder()
	database, socket := filepath.Join(folder, "conf.db"), filepath.Join(folder, "db.sock")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := os.Stat(database); errors.Is(err, fs.ErrNotExist) {
		if out, err := h.Command(ctx, "ovsdb-tool", "create", database, schema).CombinedOutput(); err != nil {
			return fmt.Errorf("ovsdb-tool: %w: %s", err, out)
		}
	}
	_ = os.Remove(socket) // of one that was killed
	h.database, err = h.daemon("ovsdb-server", database, "--remote=punix:"+socket, "--pidfile", "--unixctl="+filepath.Join(folder, "ovsdb.ctl"), "--verbose=console:warn")
	if err != nil {
		return err
	}
	err = Until(ctx, daemonWithin, "an answer of the switch's database", func() error {
		out, err := h.Command(ctx, "ovs-vsctl", "--timeout=2", "--no-wait", "--db=unix:"+socket, "init").CombinedOutput()
		if err != nil {
			return fmt.Errorf("ovs-vsctl init: %w: %s", err, out)
		}
		return nil
	})
	if err != nil {
		return err
	}
	h.vswitchd, err = h.daemon("ovs-vswitchd", "unix:"+socket, "--pidfile", "--verbose=console:warn")
	if err != nil {
		return err
	}
	err = Until(ctx, daemonWithin, "the switch's control socket", func() error {
		out, err := h.Command(ctx, "ovs-appctl", "--timeout=2", "version").CombinedOutput()
		if err != nil {
			return fmt.Errorf("ovs-appctl: %w: %s", err, out)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return h.raiseUnderlay()
}

// KillOVS ends both daemons as a crash does; the database's file stays.
func (h *Host) KillOVS() {
	endProcess(h.vswitchd, syscall.SIGKILL)
	endProcess(h.database, syscall.SIGKILL)
	h.vswitchd, h.database = nil, nil
}
