package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The tests run the real program as a real process. To stand where process 1 stands it has to inherit orphans, which a "child
// subreaper" does without root (prctl(2)); the setting outlives execve, so the test binary sets it and becomes the program.
const reaperEnv = "TRUNKLINE_INIT_TEST_EXEC"

const setChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER, linux/prctl.h

var binary string

func TestMain(m *testing.M) {
	if path := os.Getenv(reaperEnv); path != "" {
		if _, _, errno := syscall.Syscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
			panic(errno)
		}
		if err := os.Unsetenv(reaperEnv); err != nil {
			panic(err)
		}
		panic(syscall.Exec(path, append([]string{path}, os.Args[1:]...), os.Environ()))
	}
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "trunkline-init")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "init")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	return m.Run()
}

// process is one running init with its output.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr *bytes.Buffer
	lines  chan string
	ended  chan int
}

func begin(t *testing.T, args ...string) *process { t.Helper(); return beginWith(t, nil, args...) }

// beginWith starts init with that standard input; nil makes a pipe to write to.
func beginWith(t *testing.T, stdin *os.File, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(self, args...), stderr: &bytes.Buffer{}, lines: make(chan string, 64), ended: make(chan int, 1)}
	p.cmd.Env = append(os.Environ(), reaperEnv+"="+binary)
	p.cmd.Stderr = p.stderr
	stdout, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout = write
	if stdin != nil {
		p.cmd.Stdin = stdin
	} else if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	go p.read(stdout)
	go func() {
		err := p.cmd.Wait()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Errorf("waiting for init: %v", err)
		}
		p.ended <- p.cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

func (p *process) read(r *os.File) {
	defer close(p.lines)
	defer func() { _ = r.Close() }()
	var rest []byte
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		rest = append(rest, buf[:n]...)
		for {
			line, after, found := bytes.Cut(rest, []byte("\n"))
			if !found {
				break
			}
			p.lines <- string(line)
			rest = after
		}
		if err != nil {
			return
		}
	}
}

func (p *process) line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("the output ended; standard error: %s", p.stderr)
		}
		return line
	case <-time.After(time.Minute):
		p.t.Fatal("no output within a minute")
		return ""
	}
}

func (p *process) number() int {
	p.t.Helper()
	n, err := strconv.Atoi(p.line())
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}

func (p *process) exit() int {
	p.t.Helper()
	select {
	case code := <-p.ended:
		return code
	case <-time.After(time.Minute):
		p.t.Fatal("init did not end within a minute")
		return -1
	}
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// until polls a condition that has a name.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// parent is a process's parent id, and 0 when there is no such process, not even a zombie.
func parent(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	ppid, err := strconv.Atoi(fields[1])
	if err != nil {
		panic(err)
	}
	return ppid
}

func TestItEndsWithTheCommandsExitCode(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	orphan := filepath.Join(dir, "orphan")
	garbage := filepath.Join(dir, "garbage")
	write(t, plain, "echo", 0o644)
	write(t, orphan, "#!/no/such/interpreter\n", 0o755)
	write(t, garbage, "neither ELF nor script", 0o755)
	tests := []struct {
		name   string
		args   []string
		code   int
		stderr string
	}{
		{"a command that succeeds", []string{"--", "true"}, 0, ""},
		{"a command found by its path", []string{"--", "/bin/sh", "-c", "exit 7"}, 7, ""},
		{"a command found in PATH", []string{"--", "sh", "-c", "exit 255"}, 255, ""},
		{"a command ended by a signal", []string{"--", "sh", "-c", "kill -KILL $$"}, 137, ""},
		{"no such command", []string{"--", "nosuchcommand"}, 127, `there is no command "nosuchcommand" in this image`},
		{"no such file", []string{"--", "/no/such"}, 127, "there is no file /no/such in this image"},
		{"no such command, kept", []string{"-keep", "--", "nosuchcommand"}, 127, "there is no command"},
		{"a folder", []string{"--", dir}, 126, "is a folder, not a command"},
		{"a file without its execute bit", []string{"--", plain}, 126, "is not executable; mend it with chmod +x"},
		{"a script whose interpreter is missing", []string{"--", orphan}, 126, "needs an interpreter"},
		{"a file that is no program", []string{"--", garbage}, 126, "is not a program this machine can run"},
		{"no command", []string{"--"}, 125, "there is no command; usage:"},
		{"an unknown option", []string{"-x"}, 125, "unknown option -x; usage:"},
		{"a gate without a path", []string{"-gate"}, 125, "-gate needs a path"},
		{"a gate that is not there", []string{"-gate", filepath.Join(dir, "none"), "--", "true"}, 125, "cannot be opened"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := begin(t, test.args...)
			if code := p.exit(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if got := p.stderr.String(); !strings.Contains(got, test.stderr) || (test.stderr == "") != (got == "") {
				t.Errorf("standard error %q, want it to hold %q", got, test.stderr)
			}
		})
	}
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func TestTheCommandGetsArgumentsEnvironmentAndStreams(t *testing.T) {
	t.Setenv("LESSON", "ospf")
	p := begin(t, "--", "sh", "-c", `read line; echo "$LESSON $1 $line"`, "sh", "two words")
	if _, err := io.WriteString(p.stdin, "typed\n"); err != nil {
		t.Fatal(err)
	}
	if got := p.line(); got != "ospf two words typed" {
		t.Errorf("the command saw %q", got)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestAShellWithNothingToReadStaysAsOnATerminal(t *testing.T) {
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	p := beginWith(t, null, "--", "sh", "-c", "echo $$; exec cat")
	shell := p.number()
	until(t, "the command waits for input", func() bool {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(shell) + "/comm")
		return err == nil && strings.TrimSpace(string(text)) == "cat" && parent(shell) == p.cmd.Process.Pid
	})
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 128+int(syscall.SIGTERM) {
		t.Errorf("exit code %d: the command ended by itself", code)
	}
}

func TestSignalsReachTheCommand(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGWINCH, syscall.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			p := begin(t, "--", "sh", "-c", fmt.Sprintf("trap 'exit 9' %d; echo ready; while :; do sleep 0.01; done", sig))
			if got := p.line(); got != "ready" {
				t.Fatal(got)
			}
			p.signal(sig)
			if code := p.exit(); code != 9 {
				t.Errorf("exit code %d, want the trap's 9", code)
			}
		})
	}
}

// leaveOrphan starts a process in the background whose parent ends at once, and prints its id.
const leaveOrphan = `sh -c 'sleep 1000 </dev/null >/dev/null 2>&1 & echo $!'`

func TestOrphansAreReapedWhileTheCommandRuns(t *testing.T) {
	p := begin(t, "--", "sh", "-c", leaveOrphan+"; read line; exit 4")
	orphan := p.number()
	until(t, "the orphan is init's child", func() bool { return parent(orphan) == p.cmd.Process.Pid })
	if err := syscall.Kill(orphan, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "the orphan is gone, not a zombie", func() bool { return parent(orphan) == 0 })
	if err := p.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != 4 {
		t.Errorf("exit code %d, want the command's 4", code)
	}
}

func TestManyOrphansAtOnceAreAllReaped(t *testing.T) {
	const many = 200
	p := begin(t, "--", "sh", "-c", fmt.Sprintf(`sh -c 'for i in $(seq %d); do (read x <&3; exit 0) 3<&0 & echo $!; done'; echo all; exec sleep 1000 <&-`, many))
	var pids []int
	for {
		line := p.line()
		if line == "all" {
			break
		}
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if len(pids) != many {
		t.Fatalf("%d orphans, want %d", len(pids), many)
	}
	if err := p.stdin.Close(); err != nil { // they all end now
		t.Fatal(err)
	}
	until(t, "no orphan is left", func() bool {
		return !slices.ContainsFunc(pids, func(pid int) bool { return parent(pid) == p.cmd.Process.Pid })
	})
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
}

func TestKeptItStaysAfterTheCommandEnded(t *testing.T) {
	p := begin(t, "-keep", "--", "sh", "-c", "echo $$; "+leaveOrphan+"; exit 3")
	command, orphan := p.number(), p.number()
	until(t, "the command has ended", func() bool { return parent(command) == 0 })
	until(t, "the orphan is init's child", func() bool { return parent(orphan) == p.cmd.Process.Pid })
	if err := syscall.Kill(orphan, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// Only an init that still works can reap it: the orphan cannot go elsewhere.
	until(t, "the orphan is reaped", func() bool { return parent(orphan) == 0 })
	if parent(p.cmd.Process.Pid) != os.Getpid() {
		t.Fatal("init is gone")
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 3 {
		t.Errorf("exit code %d, want the command's 3", code)
	}
}

func TestKeptWithoutACommandItEndsWhenAsked(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	p := begin(t, "-keep", "-gate", fifo, "--")
	openGate(t, fifo)
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 && code != 143 { // 143 when the signal arrives before init has seen the gate open
		t.Errorf("exit code %d, want 0", code)
	}
}

func TestKeptAndAskedToEndItEndsWithTheCommand(t *testing.T) {
	p := begin(t, "-keep", "--", "sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done")
	p.line()
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 5 {
		t.Errorf("exit code %d, want 5", code)
	}
}

// openGate does what the agent does: it opens the FIFO without blocking, which fails with ENXIO while nobody waits there.
func openGate(t *testing.T, fifo string) {
	t.Helper()
	until(t, "init waits at the gate", func() bool {
		fd, err := syscall.Open(fifo, syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
		if err == nil {
			err = syscall.Close(fd)
		}
		if err != nil && err != syscall.ENXIO {
			t.Fatal(err)
		}
		return err == nil
	})
}

func TestTheCommandStartsWhenTheGateOpens(t *testing.T) {
	dir := t.TempDir()
	fifo, plugged := filepath.Join(dir, "gate"), filepath.Join(dir, "plugged")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	p := begin(t, "-gate", fifo, "--", "cat", plugged)
	until(t, "init sleeps at the gate", func() bool { return waitsInOpen(p.cmd.Process.Pid, fifo) })
	if running := children(t, p.cmd.Process.Pid); len(running) > 0 {
		t.Fatalf("the command runs already: %v", running)
	}
	write(t, plugged, "eth1 is there\n", 0o600)
	openGate(t, fifo)
	if got := p.line(); got != "eth1 is there" {
		t.Errorf("the command saw %q", got)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// waitsInOpen tells whether a thread of the process is inside openat(2) of the file. On a busy machine one may be seen there that opens another, even
// before the program began.
func waitsInOpen(pid int, path string) bool {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		call, err := os.ReadFile(file) // a thread may end while we look
		if fields := strings.Fields(string(call)); err == nil && len(fields) > 2 && fields[0] == strconv.Itoa(syscall.SYS_OPENAT) && textAt(pid, fields[2], len(path)+1) == path+"\x00" {
			return true
		}
	}
	return false
}

// textAt reads a process's memory at an address such as 0xc000012345; "" when it can't be read.
func textAt(pid int, address string, size int) string {
	at, err := strconv.ParseInt(address, 0, 64)
	if err != nil {
		return ""
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return ""
	}
	defer memory.Close()
	text := make([]byte, size)
	if _, err := memory.ReadAt(text, at); err != nil {
		return ""
	}
	return string(text)
}

// children are the processes whose parent is pid, zombies included.
func children(t *testing.T, pid int) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, entry := range entries {
		if child, err := strconv.Atoi(entry.Name()); err == nil && parent(child) == pid {
			found = append(found, child)
		}
	}
	return found
}

func TestASignalEndsTheWaitAtTheGate(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	p := begin(t, "-keep", "-gate", fifo, "--", "echo", "must not run")
	until(t, "init sleeps at the gate", func() bool { return waitsInOpen(p.cmd.Process.Pid, fifo) })
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
	if line, ok := <-p.lines; ok {
		t.Errorf("the command ran and said %q", line)
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		if err := exec.Command(binary, "--", "/bin/true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFloor(b *testing.B) {
	for b.Loop() {
		if err := exec.Command("/bin/true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}
