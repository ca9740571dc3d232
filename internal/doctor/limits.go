package doctor

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// limit is a kernel setting that a few hundred nodes run into, with the least that lets them run.
type limit struct {
	check   string
	setting string
	least   int64
	why     string
}

var limits = []limit{
	{"inotify instances", "fs.inotify.max_user_instances", 512, "services in nodes that watch files fail to start"},
	{"inotify watches", "fs.inotify.max_user_watches", 65536, "services in nodes that watch files fail to start"},
	{"Neighbour table", "net.ipv4.neigh.default.gc_thresh3", 4096, "nodes on one segment lose each other's addresses"},
	{"Terminals", "kernel.pty.max", 1024, "no more shells can be opened"},
	{"Process ids", "kernel.pid_max", 32768, "nodes cannot start processes"},
	{"Kernel keys", "kernel.keys.maxkeys", 200, "Docker cannot start more than about that many containers"},
}

func limitChecks() []Finding {
	var findings []Finding
	for _, l := range limits {
		value, err := readSetting(l.setting)
		if err != nil {
			continue // this kernel has no such limit
		}
		found := fmt.Sprintf("%s = %d", l.setting, value)
		if value < l.least {
			findings = append(findings, Finding{l.check, Limited, found + ": with hundreds of nodes, " + l.why, fmt.Sprintf("sysctl -w %s=%d", l.setting, l.least)})
			continue
		}
		findings = append(findings, Finding{l.check, OK, found, ""})
	}
	return append(findings, openFilesCheck())
}

func readSetting(name string) (int64, error) {
	text, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// leastOpenFiles covers a hundred shells, uploads and captures with room to spare.
const leastOpenFiles = 4096

func openFilesCheck() Finding {
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &now); err != nil {
		return Finding{"Open files", Limited, err.Error(), "ulimit -n 65536"}
	}
	found := fmt.Sprintf("%d at most", now.Max)
	if now.Max < leastOpenFiles {
		return Finding{"Open files", Limited, found, "ulimit -n 65536, or LimitNOFILE=65536 in the unit"}
	}
	return Finding{"Open files", OK, found, ""}
}

func rootCheck() Finding {
	if os.Geteuid() == 0 {
		return Finding{"Rights", OK, "root", ""}
	}
	return Finding{"Rights", Broken, "not root: interfaces and ports cannot be made", "Run it with sudo."}
}

// leastFree is room for images, uploads and logs.
const leastFree = 2 << 30

func diskCheck(folder string) Finding {
	var fs unix.Statfs_t
	for unix.Statfs(folder, &fs) != nil && folder != "/" && folder != "" {
		folder = folder[:strings.LastIndexByte(folder, '/')]
		if folder == "" {
			folder = "/"
		}
	}
	free := int64(fs.Bavail) * fs.Bsize
	found := fmt.Sprintf("%d MiB free at %s", free>>20, folder)
	if free < leastFree {
		return Finding{"Disk", Limited, found, "Free some space; docker system df shows what images and containers take."}
	}
	return Finding{"Disk", OK, found, ""}
}

func kernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}
