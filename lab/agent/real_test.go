package agent_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/ident"
	"trunkline/lab"
	"trunkline/lab/engine"
	"trunkline/lab/fabric"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

const tiny = "trunkline/tiny:latest"

// real is an executor on this machine's Docker and Open vSwitch, with a host identity of its own.
type real struct {
	t      *testing.T
	id     string
	init   string
	docker *engine.Engine
	x      *host.Executor
	stop   func()
	build  func() // a new executor on the same state folder
}

// unable skips, or fails where the real parts are required.
func unable(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("TRUNKLINE_REQUIRE_REAL") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func newReal(t *testing.T) *real {
	if os.Getenv("TRUNKLINE_NO_REAL") == "1" {
		t.Skip("TRUNKLINE_NO_REAL asks for the fast part only")
	}
	if os.Geteuid() != 0 {
		unable(t, "needs root")
	}
	id, dir := "test"+ident.Long(6), t.TempDir()
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	docker, err := engine.New(engine.Config{HostID: id})
	if err != nil {
		t.Fatal(err)
	}
	images, err := docker.Images(t.Context())
	if err != nil {
		unable(t, "needs Docker: %v", err)
	}
	if !slices.ContainsFunc(images, func(i hostapi.Image) bool { return i.Name == tiny }) {
		unable(t, "needs the image %s; make images builds it", tiny)
	}
	wires, err := fabric.New(fabric.Config{HostID: id, StateDir: dir})
	if err != nil {
		unable(t, "needs the data plane: %v", err)
	}
	if _, _, err := wires.Capabilities(t.Context()); err != nil {
		unable(t, "needs Open vSwitch: %v", err)
	}
	init := filepath.Join(t.TempDir(), "init")
	build := exec.Command("go", "build", "-o", init, "trunkline/cmd/trunkline-init")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the node init does not build: %v\n%s", err, out)
	}
	r := &real{t: t, id: id, init: init, docker: docker}
	r.build = func() {
		x, err := host.New(host.Config{HostID: id, Name: "real", StateDir: dir, Engine: docker, Fabric: wires, InitBinary: init})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- x.Run(ctx) }()
		r.x = x
		r.stop = func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
	}
	r.build()
	t.Cleanup(func() {
		if err := r.x.Remove(context.Background(), "ring"); err == nil {
			r.until("the end of the lab", func(s *hostapi.LabStatus) bool { return s == nil })
		}
		r.stop()
		wires.Close()
		docker.Close()
	})
	return r
}

// until waits for a condition of the lab's status; nil is a lab that is gone.
func (r *real) until(what string, ok func(*hostapi.LabStatus) bool) *hostapi.LabStatus {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var last *hostapi.LabStatus
	for o := range r.x.Observe(ctx) {
		switch {
		case o.Lab != nil:
			last = o.Lab
		case o.Removed != "":
			last = nil
		case !o.Synced:
			continue
		}
		if ok(last) {
			return last
		}
	}
	r.t.Fatalf("waited in vain for %s; last: %+v", what, last)
	return nil
}

func (r *real) apply(spec hostapi.LabSpec) *hostapi.LabStatus {
	r.t.Helper()
	if err := r.x.Apply(r.t.Context(), spec); err != nil {
		r.t.Fatal(err)
	}
	return r.until("convergence", func(s *hostapi.LabStatus) bool {
		return s != nil && s.Converged && s.Generation == spec.Generation
	})
}

// run runs a command in a node and returns its exit code and output.
func (r *real) run(node string, command ...string) (int, string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	stream, err := r.x.Exec(ctx, "ring", node, hostapi.ExecRequest{Command: command})
	if err != nil {
		r.t.Fatalf("%s: %v: %v", node, command, err)
	}
	defer stream.Close()
	stream.CloseWrite()
	var out bytes.Buffer
	for {
		_, data, err := stream.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			r.t.Fatal(err)
		}
		out.Write(data)
	}
	code, err := stream.ExitCode(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	return code, out.String()
}

func (r *real) pings(from, to string) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		code, out := r.run(from, "ping", "-c", "1", "-W", "2", to)
		if code == 0 {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("%s does not reach %s:\n%s", from, to, out)
		}
	}
}

func status(s *hostapi.LabStatus, node string) hostapi.NodeStatus {
	for _, n := range s.Nodes {
		if n.Name == node {
			return n
		}
	}
	return hostapi.NodeStatus{}
}

// ringSpec is three nodes; link i joins n<i> and n<i+1> in 10.9.<i>.0/24.
func ringSpec() hostapi.LabSpec {
	spec := hostapi.LabSpec{ID: "ring", Name: "ring", Generation: 1}
	for i := range 3 {
		before := (i + 2) % 3
		spec.Nodes = append(spec.Nodes, hostapi.NodeSpec{
			Name: fmt.Sprintf("n%d", i), Hostname: fmt.Sprintf("n%d", i), Kind: lab.Linux, Image: tiny, Run: hostapi.Running, Pids: 64, MemoryBytes: 64 << 20,
			Interfaces: []hostapi.InterfaceSpec{
				{Name: "eth1", MAC: fmt.Sprintf("02:09:00:00:%02x:01", i), MTU: 1500, Addresses: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.9.%d.1/24", i))}},
				{Name: "eth2", MAC: fmt.Sprintf("02:09:00:00:%02x:02", i), MTU: 1500, Addresses: []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.9.%d.2/24", before))}},
			},
			Exec: []string{"sh -c 'echo started >> /root/starts || echo started >> /tmp/starts'"},
		})
		next := fmt.Sprintf("n%d", (i+1)%3)
		spec.Cables = append(spec.Cables, hostapi.CableSpec{ID: fmt.Sprintf("n%d:eth1 %s:eth2", i, next),
			A: hostapi.PortRef{Node: fmt.Sprintf("n%d", i), Interface: "eth1"}, B: hostapi.PortRef{Node: next, Interface: "eth2"}})
	}
	return spec
}

func TestRealLab(t *testing.T) {
	r := newReal(t)
	spec := ringSpec()
	begun := time.Now()
	s := r.apply(spec)
	t.Logf("three nodes in a ring took %s", time.Since(begun).Round(time.Millisecond))
	if s.Error != nil {
		t.Fatal(s.Error)
	}
	for i := range 3 {
		if st := status(s, fmt.Sprintf("n%d", i)); st.State != hostapi.NodeRunning || len(st.Interfaces) != 2 || len(st.Execs) != 1 || st.Execs[0].ExitCode != 0 {
			t.Errorf("n%d is %+v", i, st)
		}
		r.pings(fmt.Sprintf("n%d", i), fmt.Sprintf("10.9.%d.2", i))
	}

	t.Run("a new agent adopts what runs", func(t *testing.T) {
		r.stop()
		r.build()
		after := r.until("convergence", func(s *hostapi.LabStatus) bool { return s != nil && s.Converged })
		if a, b := status(s, "n0"), status(after, "n0"); a.ContainerID != b.ContainerID || len(b.Execs) != 1 {
			t.Errorf("before %+v, after %+v", a, b)
		}
		if _, out := r.run("n0", "sh", "-c", "cat /root/starts /tmp/starts 2>/dev/null"); strings.Count(out, "started") != 1 {
			t.Errorf("the exec step ran again: %q", out)
		}
		r.pings("n0", "10.9.0.2")
	})
	t.Run("a restarted node keeps its links, names and MACs", func(t *testing.T) {
		spec.Generation, spec.Nodes = 2, slices.Clone(spec.Nodes)
		spec.Nodes[1].Restarts = 1
		after := r.apply(spec)
		if st := status(after, "n1"); st.State != hostapi.NodeRunning || st.Restarts != 1 {
			t.Errorf("n1 is %+v", st)
		}
		if _, out := r.run("n1", "cat", "/sys/class/net/eth1/address"); strings.TrimSpace(out) != "02:09:00:00:01:01" {
			t.Errorf("eth1 has the MAC %q", out)
		}
		r.pings("n0", "10.9.0.2")
		r.pings("n1", "10.9.1.2")
	})
	t.Run("a container that somebody removed is made again", func(t *testing.T) {
		old := status(s, "n2").ContainerID
		if err := r.docker.Remove(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		r.until("another n2", func(s *hostapi.LabStatus) bool {
			st := status(s, "n2")
			return s.Converged && st.State == hostapi.NodeRunning && st.ContainerID != old
		})
		r.pings("n2", "10.9.2.2")
		r.pings("n1", "10.9.1.2")
	})
	t.Run("a node is stopped, paused and started", func(t *testing.T) {
		for i, want := range []hostapi.RunState{hostapi.Stopped, hostapi.Running, hostapi.Paused, hostapi.Running} {
			spec.Generation, spec.Nodes = int64(10+i), slices.Clone(spec.Nodes)
			spec.Nodes[0].Run = want
			if st := status(r.apply(spec), "n0"); string(st.State) != string(want) {
				t.Errorf("n0 shall be %s and is %s: %s", want, st.State, st.Reason)
			}
		}
		r.pings("n0", "10.9.0.2")
		r.pings("n2", "10.9.2.2")
	})
	t.Run("a container that is ended from outside is shown and can be restarted", func(t *testing.T) {
		id := status(r.until("the lab", func(s *hostapi.LabStatus) bool { return s != nil }), "n1").ContainerID
		if err := r.docker.Stop(t.Context(), id, time.Second); err != nil {
			t.Fatal(err)
		}
		ended := r.until("n1's end", func(s *hostapi.LabStatus) bool { return status(s, "n1").State == hostapi.NodeExited && s.Converged })
		if st := status(ended, "n1"); st.ExitCode == nil || st.Reason == "" {
			t.Errorf("n1 is %+v", st)
		}
		spec.Generation, spec.Nodes = 20, slices.Clone(spec.Nodes)
		spec.Nodes[1].Restarts = 2
		if st := status(r.apply(spec), "n1"); st.State != hostapi.NodeRunning || st.ContainerID != id {
			t.Errorf("n1 is %+v", st)
		}
		r.pings("n1", "10.9.1.2")
	})
	t.Run("files go in and come out", func(t *testing.T) {
		content := strings.Repeat("trunkline ", 100_000)
		if err := r.x.PutFile(t.Context(), "ring", "n0", hostapi.PutFile{Path: "/tmp/big", Size: int64(len(content)), Mode: 0o640}, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		back, info, err := r.x.GetFile(t.Context(), "ring", "n0", "/tmp/big")
		if err != nil {
			t.Fatal(err)
		}
		defer back.Close()
		if got, err := io.ReadAll(back); err != nil || string(got) != content || info.Size != int64(len(content)) || info.Mode != 0o640 {
			t.Errorf("%d bytes came back, %+v, %v", len(got), info, err)
		}
	})
	t.Run("nothing is left", func(t *testing.T) {
		if err := r.x.Remove(t.Context(), "ring"); err != nil {
			t.Fatal(err)
		}
		r.until("the end of the lab", func(s *hostapi.LabStatus) bool { return s == nil })
		if left, err := r.x.Leftovers(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	})
}
