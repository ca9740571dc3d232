package host

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cgroupRoot is where control groups are mounted (cgroups(7)).
const cgroupRoot = "/sys/fs/cgroup"

// usage are the files that tell what a container uses: of version 2 (cpu.stat, memory.current) or 1 (cpuacct.usage, memory.usage_in_bytes).
type usage struct {
	cpu, memory string
	v2          bool
}

// usageOf finds the files of a process's control group; ok is false when there are none. A process that runs in a namespace of control
// groups sees paths from inside it; we are outside, and see them whole.
func usageOf(pid int) (usage, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return usage{}, false
	}
	return usageFrom(string(text), func(path string) bool { _, err := os.Stat(path); return err == nil })
}

// usageFrom reads lines of number, controllers and path.
func usageFrom(text string, there func(path string) bool) (usage, bool) {
	var u usage
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 || parts[2] == "/" {
			continue
		}
		if parts[1] == "" {
			if at := filepath.Join(cgroupRoot, parts[2]); there(filepath.Join(at, "memory.current")) {
				return usage{cpu: filepath.Join(at, "cpu.stat"), memory: filepath.Join(at, "memory.current"), v2: true}, true
			}
			continue
		}
		for _, controller := range strings.Split(parts[1], ",") {
			switch controller {
			case "cpuacct":
				for _, mounted := range []string{"cpuacct", parts[1], "cpu,cpuacct"} {
					if at := filepath.Join(cgroupRoot, mounted, parts[2], "cpuacct.usage"); u.cpu == "" && there(at) {
						u.cpu = at
					}
				}
			case "memory":
				if at := filepath.Join(cgroupRoot, "memory", parts[2], "memory.usage_in_bytes"); there(at) {
					u.memory = at
				}
			}
		}
	}
	return u, u.cpu != "" || u.memory != ""
}

// read gives the processor time used so far and the memory used now. What can't be read is zero.
func (u usage) read() (cpu time.Duration, memory int64) {
	if text, err := os.ReadFile(u.cpu); err == nil {
		cpu = u.cpuTime(text)
	}
	if text, err := os.ReadFile(u.memory); err == nil {
		memory, _ = strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	}
	return cpu, memory
}

func (u usage) cpuTime(text []byte) time.Duration {
	if !u.v2 {
		ns, _ := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
		return time.Duration(ns)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "usage_usec "); ok {
			us, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
			return time.Duration(us) * time.Microsecond
		}
	}
	return 0
}
