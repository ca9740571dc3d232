package fabric

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/digitalocean/go-openvswitch/ovs"

	"trunkline/internal/fault"
)

const (
	datapathSystem = "system"
	datapathNetdev = "netdev"

	// ovsTimeout is how long one command may wait for Open vSwitch, in seconds; a change of a thousand ports takes a few.
	ovsTimeout = 30
	// maxArgs bounds one command's arguments in bytes, well below the kernel's 2 MiB (execve(2)).
	maxArgs = 512 << 10
)

// vswitch talks to one Open vSwitch through its own programs.
type vswitch struct {
	db     string // argument of --db; "" is the system's
	runDir string // where the bridges' control sockets are; "" is the system's
	reads  atomic.Int64
	writes atomic.Int64
}

// newVswitch takes "" (the system's Open vSwitch), a run folder, a socket's path, or "unix:PATH".
func newVswitch(where string) *vswitch {
	path := strings.TrimPrefix(where, "unix:")
	switch info, err := os.Stat(path); {
	case where == "":
		return &vswitch{}
	case err == nil && info.IsDir():
		return &vswitch{db: "unix:" + filepath.Join(path, "db.sock"), runDir: path}
	default:
		return &vswitch{db: "unix:" + path, runDir: filepath.Dir(path)}
	}
}

// howToStartOVS tells people how to start Open vSwitch.
const howToStartOVS = "Start it with `systemctl start openvswitch-switch`, or `/usr/share/openvswitch/scripts/ovs-ctl start` where there is no systemd."

// run executes one of Open vSwitch's programs and returns its output.
func (v *vswitch) run(ctx context.Context, stdin io.Reader, program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, (ovsTimeout+5)*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = stdin
	if v.runDir != "" {
		cmd.Env = append(os.Environ(), "OVS_RUNDIR="+v.runDir)
	}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	if err == nil {
		return out.Bytes(), nil
	}
	return nil, v.explain(ctx, err, program, strings.TrimSpace(complaint.String()))
}

// explain tells "Open vSwitch doesn't answer" from "Open vSwitch said no".
func (v *vswitch) explain(ctx context.Context, err error, program, complaint string) error {
	cause := fmt.Errorf("%s: %w: %s", program, err, complaint)
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(cause, fault.Unavailable, "Open vSwitch isn't installed. Install it with `apt-get install openvswitch-switch`.")
	}
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	var exit *exec.ExitError
	killed := errors.As(err, &exit) && exit.ExitCode() == -1
	for _, sign := range []string{"database connection failed", "failed to connect to socket", "Connection refused", "is not a bridge or a socket"} {
		killed = killed || strings.Contains(complaint, sign)
	}
	if killed {
		return fault.Wrap(cause, fault.Unavailable, "Open vSwitch doesn't answer. %s", howToStartOVS)
	}
	return fault.Wrap(cause, fault.Internal, "Open vSwitch refused a change. The log has its words.")
}

func (v *vswitch) vsctlArgs(args ...string) []string {
	all := []string{fmt.Sprintf("--timeout=%d", ovsTimeout)}
	if v.db != "" {
		all = append(all, "--db="+v.db)
	}
	return append(all, args...)
}

// read runs ovs-vsctl commands that change nothing.
func (v *vswitch) read(ctx context.Context, args ...string) ([]byte, error) {
	v.reads.Add(1)
	return v.run(ctx, nil, "ovs-vsctl", v.vsctlArgs(args...)...)
}

// commit runs ovs-vsctl commands as one transaction, or as few as the kernel's limit on arguments allows. It returns when
// the switch daemon has done what they say.
func (v *vswitch) commit(ctx context.Context, commands [][]string) error {
	for len(commands) > 0 {
		var args []string
		size := 0
		for len(commands) > 0 && size < maxArgs {
			for _, a := range commands[0] {
				size += len(a) + 9 // the terminating zero and its pointer
			}
			args = append(append(args, "--"), commands[0]...)
			commands = commands[1:]
		}
		v.writes.Add(1)
		if _, err := v.run(ctx, nil, "ovs-vsctl", v.vsctlArgs(args...)...); err != nil {
			return err
		}
	}
	return nil
}

// withOpenFlow hands the client for flows to do; its commands run under the context, and their own error is returned: the client's
// wrapping would hide its code.
func (v *vswitch) withOpenFlow(ctx context.Context, do func(*ovs.OpenFlowService) error) error {
	var failed error
	run := func(stdin io.Reader, cmd string, args ...string) ([]byte, error) {
		out, err := v.run(ctx, stdin, cmd, args...)
		failed = errors.Join(failed, err)
		return out, err
	}
	client := ovs.New(
		ovs.Timeout(ovsTimeout),
		ovs.Protocols([]string{ovs.ProtocolOpenFlow14}),
		ovs.Exec(func(cmd string, args ...string) ([]byte, error) { return run(nil, cmd, args...) }),
		ovs.Pipe(run),
	)
	err := do(client.OpenFlow)
	if failed != nil {
		return firstFault(failed)
	}
	return err
}

// dumpFlows returns the flows of a bridge as text, a line each, without counters and with port numbers.
func (v *vswitch) dumpFlows(ctx context.Context, bridge string) ([]byte, error) {
	v.reads.Add(1)
	return v.run(ctx, nil, "ovs-ofctl", fmt.Sprintf("--timeout=%d", ovsTimeout), "--protocols=OpenFlow14", "--no-stats", "--no-names", "dump-flows", bridge)
}

// alive asks the switch daemon itself for its version: the database answers without it, and a change would wait for it until the timeout.
func (v *vswitch) alive(ctx context.Context) (version string, err error) {
	v.reads.Add(1)
	out, err := v.run(ctx, nil, "ovs-appctl", "--timeout=5", "--target=ovs-vswitchd", "version")
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, exec.ErrNotFound) {
			err = fault.Wrap(err, fault.Unavailable, "Open vSwitch's switch daemon doesn't answer. %s", howToStartOVS)
		}
		return "", err
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(first[strings.LastIndexByte(first, ' ')+1:]), nil
}

// answers asks the database.
func (v *vswitch) answers(ctx context.Context) error {
	_, err := v.read(ctx, "--no-wait", "get", "Open_vSwitch", ".", "_uuid")
	return err
}
