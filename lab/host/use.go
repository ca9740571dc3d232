package host

import (
	"bufio"
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// useEvery is how often it is told what is in use.
const useEvery = 10 * time.Second

// sample tells now and then what is in use. What the machine does not tell is left at zero: a chart with a gap is no reason to stop.
func (x *Executor) sample() {
	before := readCPU()
	for sleep(x.life, jitter(x.cfg.UseEvery)) == nil {
		now := readCPU()
		use := hostapi.Use{At: x.cfg.Now(), CPU: now.coresSince(before), MemoryBytes: memoryInUse(), Nodes: x.running()}
		_, use.DiskBytes, _ = diskBytes(x.cfg.StateDir)
		before = now
		x.hub.setUse(use)
		if x.moved() {
			x.describeAgain()
		}
	}
}

// running counts the nodes whose container runs.
func (x *Executor) running() int {
	n := 0
	for _, l := range x.loopsNow() {
		n += l.running()
	}
	return n
}

func (l *labLoop) running() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, c := range l.refs {
		if c.State == "running" {
			n++
		}
	}
	return n
}

// cpuTime is what the first line of /proc/stat counts, in ticks of all cores together (proc_stat(5)).
type cpuTime struct{ busy, idle uint64 }

func readCPU() cpuTime {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return cpuTime{}
	}
	return parseCPU(text)
}

// parseCPU reads "cpu user nice system idle iowait irq softirq steal guest guest_nice". Guests are counted in user and nice already.
func parseCPU(stat []byte) cpuTime {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := strings.Fields(string(line))
	var t cpuTime
	if len(fields) < 6 || fields[0] != "cpu" {
		return t
	}
	for i, field := range fields[1:min(len(fields), 9)] {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return cpuTime{}
		}
		if i == 3 || i == 4 { // idle, iowait
			t.idle += n
		} else {
			t.busy += n
		}
	}
	return t
}

// coresSince is how many cores were busy on average since before.
func (t cpuTime) coresSince(before cpuTime) float64 {
	busy, all := t.busy-before.busy, t.busy+t.idle-before.busy-before.idle
	if t.busy < before.busy || t.idle < before.idle || all == 0 { // iowait may go back
		return 0
	}
	return float64(busy) / float64(all) * float64(runtime.NumCPU())
}

func memoryInUse() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	return parseMemory(text)
}

// parseMemory is MemTotal less MemAvailable, in bytes (proc_meminfo(5)).
func parseMemory(meminfo []byte) int64 {
	values := map[string]int64{}
	lines := bufio.NewScanner(bytes.NewReader(meminfo))
	for lines.Scan() && len(values) < 2 {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "MemTotal:" && fields[0] != "MemAvailable:" {
			continue
		}
		if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
			values[fields[0]] = kib << 10
		}
	}
	if len(values) < 2 {
		return 0
	}
	return values["MemTotal:"] - values["MemAvailable:"]
}

// diskBytes are the size of the file system that holds path, and what of it is in use.
func diskBytes(path string) (size, used int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, 0, fault.Wrap(err, fault.Internal, "The file system of %s does not tell how full it is.", path)
	}
	return int64(s.Blocks) * s.Bsize, int64(s.Blocks-s.Bfree) * s.Bsize, nil
}
