package hostapi_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/host"
	"trunkline/lab/host/fakehost"
	"trunkline/lab/hostapi"
)

// rig is a client, the handler over real HTTP, an executor, and a fake machine below.
type rig struct {
	*hostapi.Client
	fake *fakehost.Host
	dir  string
	url  string
}

func newRig(t *testing.T) *rig {
	fake, dir := fakehost.New(fakehost.Config{}), t.TempDir()
	x, err := host.New(host.Config{HostID: "h1", Name: "fake", Version: "test", StateDir: dir, Engine: fake.Engine(), Fabric: fake.Fabric(), Log: slog.New(slog.DiscardHandler),
		Tail: func(n int) []string { return []string{"one", "two", "three"}[max(0, 3-n):] }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx) }()
	server := httptest.NewServer(hostapi.Handler(x))
	r := &rig{Client: &hostapi.Client{HTTP: toward(server)}, fake: fake, dir: dir, url: server.URL}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		server.CloseClientConnections()
		server.Close()
		fake.Close()
	})
	return r
}

// toward dials the server whatever the address says, as the host link's transport does.
func toward(server *httptest.Server) *http.Client {
	address := server.Listener.Addr().String()
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}}}
}

// up brings a lab of one node up.
func (r *rig) up(t *testing.T) {
	t.Helper()
	spec := hostapi.LabSpec{ID: "l1", Name: "one", Generation: 1, Nodes: []hostapi.NodeSpec{
		{Name: "r1", Kind: lab.Linux, Hostname: "r1", Image: "trunkline/tiny:latest", Run: hostapi.Running},
		{Name: "r2", Kind: lab.Linux, Hostname: "r2", Image: "trunkline/tiny:latest", Run: hostapi.Stopped},
	}}
	if err := r.Apply(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	r.until(t, func(o hostapi.Observation) bool { return o.Lab != nil && o.Lab.ID == "l1" && o.Lab.Converged })
}

var errEnough = errors.New("enough")

func (r *rig) until(t *testing.T, ok func(hostapi.Observation) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := r.Observe(ctx, func(o hostapi.Observation) error {
		if ok(o) {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("waited in vain: %v", err)
	}
}

func TestALabOverHTTP(t *testing.T) {
	r := newRig(t)
	r.up(t)
	status, err := r.Lab(t.Context(), "l1")
	if err != nil || len(status.Nodes) != 2 || status.Nodes[0].State != hostapi.NodeRunning || status.Nodes[1].State != hostapi.NodeStopped {
		t.Errorf("the lab is %+v, %v", status, err)
	}
	if _, err := r.Lab(t.Context(), "l2"); !fault.Is(err, fault.NotFound) || fault.Sentence(err) != "This host has no lab l2." {
		t.Errorf("a missing lab answers %v", err)
	}
	if err := r.Apply(t.Context(), hostapi.LabSpec{ID: "l1", Generation: 0}); !fault.Is(err, fault.Conflict) {
		t.Errorf("an older generation answers %v", err)
	}
	info, err := r.Info(t.Context())
	if err != nil || info.Name != "fake" || info.Version != "test" || info.CPUs == 0 || info.MemoryBytes == 0 {
		t.Errorf("the host is %+v, %v", info, err)
	}
	if images, err := r.Images(t.Context()); err != nil || len(images) != 5 {
		t.Errorf("the images are %v, %v", images, err)
	}
	if err := r.Synced(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	there := false
	r.until(t, func(o hostapi.Observation) bool {
		there = there || o.Lab != nil
		return o.Removed == "l1" || o.Synced && !there // gone before we looked, or while we did
	})
	if left, err := r.Leftovers(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := r.Remove(t.Context(), "l1"); err != nil {
		t.Errorf("removing what is gone answers %v", err)
	}
}

func TestObserveStartsWithTheFullSet(t *testing.T) {
	r := newRig(t)
	r.up(t)
	r.until(t, func(o hostapi.Observation) bool { return o.Host != nil }) // it is described by now
	var kinds []string
	r.until(t, func(o hostapi.Observation) bool {
		switch {
		case o.Lab != nil:
			kinds = append(kinds, "lab")
		case o.Host != nil:
			kinds = append(kinds, "host")
		}
		return o.Synced
	})
	slices.Sort(kinds)
	if kinds = slices.Compact(kinds); !slices.Equal(kinds, []string{"host", "lab"}) { // what changes meanwhile is told again
		t.Errorf("before Synced came %v", kinds)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := r.Observe(ctx, func(o hostapi.Observation) error { cancel(); return nil }); err != nil {
		t.Errorf("an observer that ends by itself gets %v", err)
	}
}

func TestVersionsThatDifferAreRefused(t *testing.T) {
	r := newRig(t)
	for _, version := range []string{"", "2", "2.0", "1.4", "1.x", "-1", "0"} {
		request, err := http.NewRequest(http.MethodGet, r.url+"/v1/info", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(hostapi.VersionHeader, version)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusNotImplemented || !strings.Contains(string(body), `"unsupported"`) || response.Header.Get(hostapi.VersionHeader) != hostapi.Version {
			t.Errorf("version %q answers %s %s, %v", version, response.Status, body, err)
		}
	}
}

func TestAHostThatDoesNotAnswerIsUnavailable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	c := &hostapi.Client{HTTP: toward(server)}
	if err := c.Remove(t.Context(), "l1"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("an answer without a reason gives %v", err)
	}
	server.Close()
	if _, err := c.Info(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("no answer gives %v", err)
	}
	c.Bulk = func() (*http.Client, error) { return nil, errors.New("no second session") }
	if err := c.PutBlob(t.Context(), "x", 1, strings.NewReader("x")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("no bulk session gives %v", err)
	}
}

func TestExecOverAnUpgrade(t *testing.T) {
	r := newRig(t)
	r.up(t)
	t.Run("a command's output and exit code come back", func(t *testing.T) {
		conn, err := r.Exec(t.Context(), "l1", "r1", hostapi.ExecRequest{Command: []string{"echo", "hello", "there"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		out, err := io.ReadAll(conn)
		if code, known := conn.ExitCode(); err != nil || string(out) != "hello there\n" || code != 0 || !known {
			t.Errorf("got %q, %d %v, %v", out, code, known, err)
		}
	})
	t.Run("an exit code that is not zero is kept", func(t *testing.T) {
		conn, err := r.Exec(t.Context(), "l1", "r1", hostapi.ExecRequest{Command: []string{"exit", "7"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.ReadAll(conn); err != nil {
			t.Fatal(err)
		}
		if code, _ := conn.ExitCode(); code != 7 {
			t.Errorf("exit code %d, want 7", code)
		}
	})
	t.Run("a shell answers what is typed", func(t *testing.T) {
		conn, err := r.Exec(t.Context(), "l1", "r1", hostapi.ExecRequest{TTY: true, Cols: 80, Rows: 24})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.Resize(132, 50); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("echo typed\rexit 3\r")); err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(conn)
		if code, _ := conn.ExitCode(); err != nil || code != 3 || !strings.Contains(string(out), "\r\ntyped\r\n") {
			t.Errorf("got %q, %d, %v", out, code, err)
		}
	})
	t.Run("much input comes through in order", func(t *testing.T) {
		conn, err := r.Exec(t.Context(), "l1", "r1", hostapi.ExecRequest{Command: []string{"cat"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		sent := make([]byte, 3*hostapi.MaxFrame+17)
		rand.Read(sent)
		go func() {
			conn.Write(sent)
		}()
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("what came back differs, %v", err)
		}
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(conn); err != nil || len(rest) != 0 {
			t.Errorf("after the end came %q, %v", rest, err)
		}
	})
	t.Run("the context ends it", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		conn, err := r.Exec(ctx, "l1", "r1", hostapi.ExecRequest{Command: []string{"cat"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		cancel()
		if _, err := io.ReadAll(conn); !fault.Is(err, fault.Unavailable) {
			t.Errorf("a command that was cut off ends with %v", err)
		}
	})
	for _, c := range []struct {
		name, lab, node string
		request         hostapi.ExecRequest
		code            fault.Code
	}{
		{"a node of another lab is not found", "l2", "r1", hostapi.ExecRequest{Command: []string{"true"}}, fault.NotFound},
		{"a missing node is not found", "l1", "r9", hostapi.ExecRequest{Command: []string{"true"}}, fault.NotFound},
		{"a stopped node conflicts", "l1", "r2", hostapi.ExecRequest{Command: []string{"true"}}, fault.Conflict},
		{"nothing to run is invalid", "l1", "r1", hostapi.ExecRequest{}, fault.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := r.Exec(t.Context(), c.lab, c.node, c.request); !fault.Is(err, c.code) {
				t.Errorf("answers %v, want %s", err, c.code)
			}
		})
	}
}

// broken gives n bytes and then breaks.
type broken struct{ n int }

func (b *broken) Read(p []byte) (int, error) {
	if b.n <= 0 {
		return 0, errors.New("the cable was pulled")
	}
	n := min(len(p), b.n)
	b.n -= n
	return n, nil
}

func (r *rig) spooled(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, dir := range []string{"tmp", "blobs"} {
		entries, err := os.ReadDir(filepath.Join(r.dir, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestFilesGoInAndOut(t *testing.T) {
	r := newRig(t)
	r.up(t)
	content := make([]byte, 5<<20)
	rand.Read(content)
	put := hostapi.PutFile{Path: "/root/ein Name ☃.bin", Size: int64(len(content)), Mode: 0o600}
	if err := r.PutFile(t.Context(), "l1", "r1", put, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	info, err := r.StatFile(t.Context(), "l1", "r1", put.Path)
	if err != nil || info.Size != put.Size || info.Mode != 0o600 || info.Name != "ein Name ☃.bin" {
		t.Errorf("stat says %+v, %v", info, err)
	}
	back, info, err := r.GetFile(t.Context(), "l1", "r1", put.Path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(back)
	back.Close()
	if err != nil || !bytes.Equal(got, content) || info.Size != put.Size {
		t.Errorf("%d bytes came back of %d, %v", len(got), info.Size, err)
	}
	folder, info, err := r.GetFile(t.Context(), "l1", "r1", "/root")
	if err != nil || !info.IsDir || info.Size != -1 {
		t.Fatalf("the folder is %+v, %v", info, err)
	}
	archive, err := io.ReadAll(folder)
	folder.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.PutFile(t.Context(), "l1", "r1", hostapi.PutFile{Path: "/copy", Size: -1, Tar: true}, bytes.NewReader(archive)); err != nil {
		t.Fatal(err)
	}
	if info, err := r.StatFile(t.Context(), "l1", "r1", "/copy"+put.Path); err != nil || info.Size != put.Size {
		t.Errorf("the unpacked copy is %+v, %v", info, err)
	}
	if names := r.spooled(t); len(names) != 0 {
		t.Errorf("the host keeps %v", names)
	}
	for name, c := range map[string]struct {
		node, path string
		code       fault.Code
	}{
		"a missing file is not found":    {"r1", "/nowhere", fault.NotFound},
		"a relative path is invalid":     {"r1", "etc/hosts", fault.Invalid},
		"a missing node is not found":    {"r7", "/etc/hosts", fault.NotFound},
		"one without container conflict": {"r2", "/etc/hosts", fault.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := r.StatFile(t.Context(), "l1", c.node, c.path); !fault.Is(err, c.code) {
				t.Errorf("stat answers %v, want %s", err, c.code)
			}
			if _, _, err := r.GetFile(t.Context(), "l1", c.node, c.path); !fault.Is(err, c.code) {
				t.Errorf("get answers %v, want %s", err, c.code)
			}
		})
	}
}

func TestAnUploadThatIsCutOffLeavesNothing(t *testing.T) {
	r := newRig(t)
	r.up(t)
	const whole = 8 << 20
	cut := map[string]func() error{
		"a file": func() error {
			return r.PutFile(t.Context(), "l1", "r1", hostapi.PutFile{Path: "/root/half", Size: whole}, &broken{whole / 2})
		},
		"a file of unknown size": func() error {
			return r.PutFile(t.Context(), "l1", "r1", hostapi.PutFile{Path: "/root/half", Size: -1}, &broken{whole / 2})
		},
		"a blob": func() error {
			sum := sha256.Sum256(make([]byte, whole))
			return r.PutBlob(t.Context(), hex.EncodeToString(sum[:]), whole, &broken{whole / 2})
		},
	}
	for name, try := range cut {
		t.Run(name, func(t *testing.T) {
			if err := try(); !fault.Is(err, fault.Unavailable) {
				t.Errorf("answers %v", err)
			}
			if _, err := r.StatFile(t.Context(), "l1", "r1", "/root/half"); !fault.Is(err, fault.NotFound) {
				t.Errorf("the node has half a file: %v", err)
			}
			deadline := time.Now().Add(time.Minute)
			for len(r.spooled(t)) != 0 { // the host hears of the cut a moment later
				if time.Now().After(deadline) {
					t.Fatalf("the host keeps %v", r.spooled(t))
				}
				runtime.Gosched()
			}
		})
	}
}

func TestABlobIsKeptUnderItsHash(t *testing.T) {
	r := newRig(t)
	content := bytes.Repeat([]byte("x"), 1<<20)
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:])
	if missing, err := r.MissingBlobs(t.Context(), []string{hash}); err != nil || !slices.Equal(missing, []string{hash}) {
		t.Errorf("missing %v, %v", missing, err)
	}
	if err := r.PutBlob(t.Context(), hash, int64(len(content)), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if missing, err := r.MissingBlobs(t.Context(), []string{hash}); err != nil || len(missing) != 0 {
		t.Errorf("missing %v, %v", missing, err)
	}
	if err := r.PutBlob(t.Context(), hash, 3, strings.NewReader("abc")); !fault.Is(err, fault.Invalid) {
		t.Errorf("another content under that hash answers %v", err)
	}
}
