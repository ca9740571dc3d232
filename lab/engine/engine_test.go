package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
	"trunkline/lab/host"
	"trunkline/lab/hostapi"
)

const testImage = "trunkline/tiny:latest"

// realEngine gives an engine with a stamp of its own and removes what it stamped. Without Docker the test is skipped, or fails where real parts are required.
func realEngine(t *testing.T) *Engine {
	t.Helper()
	e, err := New(Config{HostID: "engine-test-" + ident.New(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.imageFacts(t.Context(), testImage); err != nil || os.Getuid() != 0 {
		if os.Getenv("TRUNKLINE_REQUIRE_REAL") != "" {
			t.Fatalf("real parts are required, and there is no Docker with %s for root: %v", testImage, err)
		}
		t.Skipf("needs root and Docker with %s: %v", testImage, err)
	}
	t.Cleanup(func() {
		found, err := e.List(context.Background())
		if err != nil {
			t.Errorf("could not look for leftovers: %v", err)
		}
		for _, c := range found {
			if err := e.Remove(context.Background(), c.ID); err != nil {
				t.Errorf("could not remove leftovers: %v", err)
			}
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// nodeDir makes what the agent mounts at /.trunkline: the real init and a gate.
func nodeDir(t *testing.T) (dir, gate string) {
	t.Helper()
	dir = t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "init"), "trunkline/cmd/trunkline-init")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build init: %v\n%s", err, out)
	}
	gate = filepath.Join(dir, "gate")
	if err := syscall.Mkfifo(gate, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir, gate
}

// openGate lets init go on; opening a FIFO for writing blocks until init reads it.
func openGate(t *testing.T, gate string) {
	t.Helper()
	f, err := os.OpenFile(gate, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func start(t *testing.T, e *Engine, change func(*host.ContainerSpec)) (id string) {
	t.Helper()
	dir, gate := nodeDir(t)
	spec := host.ContainerSpec{
		Stamp:    host.Stamp{Host: e.hostID, Lab: ident.New(), Node: "n1"},
		SpecHash: "h1",
		Node:     hostapi.NodeSpec{Name: "n1", Hostname: "n1", Image: testImage, Pids: 64, MemoryBytes: 64 << 20},
		InitDir:  dir,
	}
	if change != nil {
		change(&spec)
	}
	id, err := e.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	begun, err := e.Start(t.Context(), id)
	if err != nil || begun.PID <= 1 {
		t.Fatalf("start: %+v, %v", begun, err)
	}
	openGate(t, gate)
	return id
}

func TestANodeHasItsOwnNamesAndANetworkOfItsOwn(t *testing.T) {
	e := realEngine(t)
	id := start(t, e, func(c *host.ContainerSpec) {
		for file, text := range map[string]string{host.HostsFile: "10.0.0.9\tpeer\n", host.ResolverFile: "nameserver 10.0.0.53\n"} {
			if err := os.WriteFile(filepath.Join(c.InitDir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		c.Node.Sysctls = map[string]string{"net.ipv4.ip_forward": "1"}
	})
	for command, want := range map[string]string{
		"cat /etc/hosts":                    "10.0.0.9\tpeer\n",
		"cat /etc/resolv.conf":              "nameserver 10.0.0.53\n",
		"hostname":                          "n1\n",
		"cat /etc/hostname":                 "n1\n",
		"cat /proc/sys/net/ipv4/ip_forward": "1\n",
		"ls /sys/class/net":                 "lo\n",
		"cat /sys/class/net/lo/carrier":     "1\n",
	} {
		if got, code := run(t, e, id, "sh", "-c", command); got != want || code != 0 {
			t.Errorf("%s answers %q, %d; want %q", command, got, code, want)
		}
	}
	begun, err := e.Start(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", begun.PID))
	if err != nil {
		t.Fatal(err)
	}
	if ours, err := os.Readlink("/proc/self/ns/net"); err != nil || ours == theirs {
		t.Errorf("the node is in the host's network namespace %s: %v", theirs, err)
	}
}

// run executes a command and returns its output and exit code.
func run(t *testing.T, e *Engine, id string, command ...string) (string, int) {
	t.Helper()
	stream, err := e.Exec(t.Context(), id, hostapi.ExecRequest{Command: command})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var out bytes.Buffer
	for {
		_, data, err := stream.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		out.Write(data)
	}
	code, err := stream.ExitCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), code
}

func TestAStampedContainerIsListedAndGoesWhenRemoved(t *testing.T) {
	e := realEngine(t)
	id := start(t, e, nil)
	found, err := e.List(t.Context())
	if err != nil || len(found) != 1 {
		t.Fatalf("listed %v, %v", found, err)
	}
	c := found[0]
	if begun, err := e.Start(t.Context(), id); err != nil || begun.PID != c.PID || !begun.At.Equal(c.StartedAt) { // it runs already
		t.Errorf("its start says %+v, %v; listed is %+v", begun, err, c)
	}
	if c.ID != id || c.State != "running" || c.SpecHash != "h1" || c.Stamp.Node != "n1" || c.PID <= 1 || c.StartedAt.IsZero() {
		t.Errorf("listed %+v", c)
	}
	for range 2 { // removing what is gone is no error
		if err := e.Remove(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := e.List(t.Context()); err != nil || len(found) != 0 {
		t.Errorf("after removal: %v, %v", found, err)
	}
}

func TestANodeHasOnlyThePrivilegesItNeeds(t *testing.T) {
	e := realEngine(t)
	id := start(t, e, nil)
	status, _ := run(t, e, id, "/bin/busybox", "grep", "-E", "^(NoNewPrivs|CapBnd)", "/proc/1/status")
	if !strings.Contains(status, "NoNewPrivs:\t1") {
		t.Errorf("no_new_privs is off: %s", status)
	}
	const wanted = "CapBnd:\t00000000000034eb" // CHOWN DAC_OVERRIDE FOWNER KILL SETGID SETUID NET_BIND_SERVICE NET_ADMIN NET_RAW
	if !strings.Contains(status, wanted) {
		t.Errorf("capabilities are %s, wanted %s", status, wanted)
	}
	links, _ := run(t, e, id, "/bin/busybox", "ls", "/sys/class/net")
	if strings.Contains(links, "eth0") {
		t.Errorf("the engine gave the node a network: %s", links)
	}
}

func TestFilesGoInBeforeTheStart(t *testing.T) {
	e := realEngine(t)
	text := "hostname r1\n"
	sum := sha256.Sum256([]byte(text))
	blob := hex.EncodeToString(sum[:])
	id := start(t, e, func(c *host.ContainerSpec) {
		c.Node.Files = []hostapi.FileSpec{{Target: "/etc/frr/deep/frr.conf", Blob: blob, Size: int64(len(text)), Mode: 0o640}}
		c.OpenBlob = func(got string) (io.ReadCloser, int64, error) {
			if got != blob {
				t.Errorf("asked for blob %s", got)
			}
			return io.NopCloser(strings.NewReader(text)), int64(len(text)), nil
		}
	})
	got, code := run(t, e, id, "/bin/busybox", "sh", "-c", "cat /etc/frr/deep/frr.conf; stat -c %a /etc/frr/deep/frr.conf /etc/frr/deep")
	if code != 0 || got != text+"640\n755\n" {
		t.Errorf("exit %d, content and modes %q", code, got)
	}
}

func TestAFileThatCannotBeReadLeavesNoContainer(t *testing.T) {
	e := realEngine(t)
	dir, _ := nodeDir(t)
	_, err := e.Create(t.Context(), host.ContainerSpec{
		Stamp: host.Stamp{Host: e.hostID, Lab: ident.New(), Node: "n1"}, InitDir: dir,
		Node:     hostapi.NodeSpec{Name: "n1", Image: testImage, Files: []hostapi.FileSpec{{Target: "/a", Blob: "b", Size: 1}}},
		OpenBlob: func(string) (io.ReadCloser, int64, error) { return nil, 0, io.ErrUnexpectedEOF },
	})
	if err == nil {
		t.Fatal("the container was made without its file")
	}
	if found, err := e.List(t.Context()); err != nil || len(found) != 0 {
		t.Errorf("left behind: %v, %v", found, err)
	}
}

func TestAnImageThatIsNotThereIsNamed(t *testing.T) {
	e := realEngine(t)
	dir, _ := nodeDir(t)
	_, err := e.Create(t.Context(), host.ContainerSpec{
		Stamp: host.Stamp{Host: e.hostID, Lab: ident.New(), Node: "n1"}, InitDir: dir,
		Node: hostapi.NodeSpec{Name: "n1", Image: "no/such:image"},
	})
	if !fault.Is(err, fault.NotFound) || !strings.Contains(fault.Sentence(err), "no/such:image") {
		t.Errorf("got %v", err)
	}
}

func TestAnEngineThatIsDownIsUnavailableAndNotEmpty(t *testing.T) {
	e, err := New(Config{HostID: "x", Address: "unix://" + filepath.Join(t.TempDir(), "none.sock")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.List(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestExecKeepsTheTwoStreamsApartAndTheExitCode(t *testing.T) {
	e := realEngine(t)
	id := start(t, e, nil)
	stream, err := e.Exec(t.Context(), id, hostapi.ExecRequest{Command: []string{"/bin/busybox", "sh", "-c", "cat; echo oops >&2; exit 7"}})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if _, err := io.WriteString(stream, "typed"); err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got := map[hostapi.FrameKind]string{}
	for {
		kind, data, err := stream.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[kind] += string(data)
	}
	code, err := stream.ExitCode(t.Context())
	if got[hostapi.FrameStdout] != "typed" || got[hostapi.FrameStderr] != "oops\n" || code != 7 || err != nil {
		t.Errorf("got %q, exit %d, %v", got, code, err)
	}
}

func TestClosingATerminalEndsItsShell(t *testing.T) {
	e := realEngine(t)
	id := start(t, e, nil)
	stream, err := e.Exec(t.Context(), id, hostapi.ExecRequest{TTY: true, Cols: 101, Rows: 33})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(stream, "stty size; echo $TERM\n"); err != nil {
		t.Fatal(err)
	}
	var seen strings.Builder
	for !strings.Contains(seen.String(), "33 101\r\nxterm-256color") {
		_, data, err := stream.Next()
		if err != nil {
			t.Fatalf("%v after %q", err, seen.String())
		}
		seen.Write(data)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	e.endings.Wait()
	for end := time.Now().Add(time.Minute); ; {
		processes, _ := run(t, e, id, "/bin/busybox", "ps")
		if !strings.Contains(processes, " -l") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the shell is still there:\n%s", processes)
		}
	}
}

func TestTarsGoInAndOutOfARunningNode(t *testing.T) {
	e := realEngine(t)
	id := start(t, e, nil)
	run(t, e, id, "/bin/busybox", "sh", "-c", "mkdir /d; echo hello > /d/f")
	out, stat, err := e.GetTar(t.Context(), id, "/d/f")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if stat.Name != "f" || stat.Size != 6 || stat.IsDir {
		t.Errorf("stat is %+v", stat)
	}
	run(t, e, id, "/bin/busybox", "mkdir", "/e")
	if err := e.PutTar(t.Context(), id, "/e", out); err != nil {
		t.Fatal(err)
	}
	if text, _ := run(t, e, id, "/bin/busybox", "cat", "/e/f"); text != "hello\n" {
		t.Errorf("the file came out as %q", text)
	}
	if _, err := e.Stat(t.Context(), id, "/none"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a missing path: %v", err)
	}
}

func TestEventsTellOfADeath(t *testing.T) {
	e := realEngine(t)
	events, err := e.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id := start(t, e, nil)
	if err := e.Stop(t.Context(), id, time.Second); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(time.Minute)
	for {
		select {
		case event, open := <-events:
			if !open {
				t.Fatal("the stream ended")
			}
			if event.ID == id && event.Event == "die" && event.Stamp.Node == "n1" {
				return
			}
		case <-deadline:
			t.Fatal("no event told of the death")
		}
	}
}

func TestPauseIsRepeatable(t *testing.T) {
	e := realEngine(t)
	id := start(t, e, nil)
	for _, on := range []bool{true, true, false, false} {
		if err := e.Pause(t.Context(), id, on); err != nil {
			t.Fatalf("pause %v: %v", on, err)
		}
		found, err := e.List(t.Context())
		if err != nil || len(found) != 1 || (found[0].State == "paused") != on {
			t.Fatalf("pause %v: %+v, %v", on, found, err)
		}
	}
}
