package host

import (
	"runtime"
	"testing"
)

func TestWhatIsInUseIsReadFromTheKernel(t *testing.T) {
	before := parseCPU([]byte("cpu  100 10 50 800 40 0 0 0 7 0\ncpu0 1 2 3 4 5\n"))
	after := parseCPU([]byte("cpu  150 10 100 880 60 0 0 0 9 0\n"))
	if before != (cpuTime{busy: 160, idle: 840}) {
		t.Errorf("read %+v: guest time is part of user time", before)
	}
	if got, want := after.coresSince(before), 0.5*float64(runtime.NumCPU()); got != want {
		t.Errorf("%v cores were busy, want %v", got, want)
	}
	for name, text := range map[string]string{"nothing": "", "another file": "MemTotal: 1 kB\n", "a word": "cpu  1 x 3 4 5 6 7 8\n"} {
		if got := parseCPU([]byte(text)); got != (cpuTime{}) {
			t.Errorf("%s: read %+v", name, got)
		}
	}
	if got := before.coresSince(after); got != 0 {
		t.Errorf("counters that went back give %v", got)
	}
	if got := parseMemory([]byte("MemTotal:       1000 kB\nMemFree:         10 kB\nMemAvailable:    400 kB\n")); got != 600<<10 {
		t.Errorf("%d bytes are in use", got)
	}
	if got := parseMemory([]byte("MemTotal: 1000 kB\n")); got != 0 {
		t.Errorf("half an answer gives %d", got)
	}
	if size, used, err := diskBytes(t.TempDir()); err != nil || size <= 0 || used <= 0 || used > size {
		t.Errorf("the disk has %d bytes and uses %d, %v", size, used, err)
	}
	if _, _, err := diskBytes("/nowhere/at/all"); err == nil {
		t.Error("a path that is not there has a disk")
	}
}
