package host

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/lab/hostapi"
)

// comesToItsGate is an init that comes to its gate after a while. It reports whether it was let through by the end.
func comesToItsGate(t *testing.T, gate string, after time.Duration) (through func() bool) {
	t.Helper()
	came := make(chan int, 1)
	go func() {
		time.Sleep(after) // of the bubble's time
		fd, err := unix.Open(gate, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
		}
		came <- fd
	}()
	return func() bool {
		fd := <-came
		defer unix.Close(fd)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n > 0 && err == nil
	}
}

// A machine that stood still for longer than an init's patience goes on with both at once: the init is not left at its gate.
func TestAnInitThatStoodStillWithTheMachineIsLetThrough(t *testing.T) {
	for _, c := range []struct {
		name    string
		after   time.Duration
		through bool
	}{
		{"one that was started just now", time.Second, true},
		{"one that goes on as soon as we do", 20 * time.Millisecond, true},
		{"one that comes long after", time.Minute, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				d := &nodeDirs{root: root}
				dir, err := d.make("l1", &hostapi.NodeSpec{Name: "n1"})
				if err != nil {
					t.Fatal(err)
				}
				started := time.Now()
				if c.after != time.Second {
					started = started.Add(-2 * gatePatience)
				}
				through := comesToItsGate(t, filepath.Join(dir, "gate"), c.after)
				told := 0
				if err := d.openAll(t.Context(), "l1", map[string]time.Time{"n1": started}, func(nodes []string) { told += len(nodes) }); err != nil || told != 1 {
					t.Errorf("told of %d nodes, %v", told, err)
				}
				if got := through(); got != c.through {
					t.Errorf("let through: %v, want %v", got, c.through)
				}
			})
		})
	}
}
