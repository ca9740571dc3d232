package host

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// EngineVersion is an engine that tells its version and that of its API.
type EngineVersion interface {
	Version(ctx context.Context) (engine, api string, err error)
}

// SwitchVersion is a fabric that tells the version of its switch.
type SwitchVersion interface {
	Version(ctx context.Context) (string, error)
}

// UserNamespaces is an engine that tells whether root in a container is another user outside.
type UserNamespaces interface {
	UserNamespaces(ctx context.Context) (bool, error)
}

// infoCache is the description last told.
type infoCache struct {
	mu   sync.Mutex
	info *hostapi.HostInfo
}

// set reports whether the description is news.
func (c *infoCache) set(info hostapi.HostInfo) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.info != nil && reflect.DeepEqual(*c.info, info) {
		return false
	}
	c.info = &info
	return true
}

// underlay is the address last told; false when none was.
func (c *infoCache) underlay() (netip.Addr, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.info == nil {
		return netip.Addr{}, false
	}
	return c.info.Underlay, true
}

// Info implements hostapi.Facts.
func (x *Executor) Info(ctx context.Context) (hostapi.HostInfo, error) {
	return x.describe(ctx), ctx.Err()
}

// Images implements hostapi.Facts.
func (x *Executor) Images(ctx context.Context) ([]hostapi.Image, error) {
	lister, ok := x.cfg.Engine.(Images)
	if !ok {
		return nil, fault.New(fault.Unsupported, "This host's engine cannot list its images.")
	}
	return lister.Images(ctx)
}

// describe never fails: what could not be asked is one of the problems.
func (x *Executor) describe(ctx context.Context) hostapi.HostInfo {
	info := hostapi.HostInfo{
		Name: x.cfg.Name, Version: x.cfg.Version, Protocol: hostapi.Version, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(),
		Kernel: kernelRelease(), MemoryBytes: memoryBytes(),
	}
	info.DiskBytes, _, _ = diskBytes(x.cfg.StateDir)
	problem := func(err error) { info.Problems = append(info.Problems, fault.Sentence(err)) }
	if v, ok := x.cfg.Engine.(EngineVersion); ok {
		version, _, err := v.Version(ctx)
		if err != nil {
			problem(err)
		}
		info.DockerVersion = version
	}
	if lister, ok := x.cfg.Engine.(Images); ok && len(info.Problems) == 0 {
		images, err := lister.Images(ctx)
		if err != nil {
			problem(err)
		}
		info.Images = images
	}
	capabilities, problems, err := x.cfg.Fabric.Capabilities(ctx)
	if err != nil {
		problem(err)
	}
	info.Capabilities, info.Problems = capabilities, append(info.Problems, problems...)
	if u, ok := x.cfg.Engine.(UserNamespaces); ok && info.DockerVersion != "" {
		if on, err := u.UserNamespaces(ctx); err == nil {
			info.Capabilities.UserNamespaces = on
		}
	}
	if v, ok := x.cfg.Fabric.(SwitchVersion); ok && err == nil {
		if info.OVSVersion, err = v.Version(ctx); err != nil {
			problem(err)
		}
	}
	if u, ok := x.cfg.Fabric.(Underlay); ok {
		address, mtu, err := x.whereabouts(ctx, u, info.OVSVersion != "" && x.alive.trouble() == nil)
		if err != nil {
			problem(err)
		}
		info.Underlay, info.UnderlayMTU = address, mtu
	}
	if err := x.peers.trouble(); err != nil {
		problem(err)
	}
	return info
}

func kernelRelease() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func memoryBytes() int64 {
	var s syscall.Sysinfo_t
	if syscall.Sysinfo(&s) != nil {
		return 0
	}
	return int64(s.Totalram) * int64(s.Unit)
}

// strayAge is how old a half-written file must be for nobody to be writing it.
const strayAge = time.Minute

// Leftovers implements hostapi.Facts. It does not need Run: a check of a host whose agent is down asks in the same way.
func (x *Executor) Leftovers(ctx context.Context) ([]string, error) {
	keep := map[string]bool{}
	for id, l := range x.loopsNow() {
		if !l.desired().Removed {
			keep[id] = true
		}
	}
	left := []string{}
	containers, err := x.cfg.Engine.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range containers {
		if !keep[c.Stamp.Lab] {
			left = append(left, fmt.Sprintf("container %.12s (%s) of node %s in lab %s", c.ID, c.State, c.Stamp.Node, c.Stamp.Lab))
		}
	}
	wiring, err := x.cfg.Fabric.Leftovers(ctx, keep)
	if err != nil {
		return nil, err
	}
	left = append(left, wiring...)
	dirs, err := x.dirs.labs()
	if err != nil {
		return nil, err
	}
	for id := range dirs {
		if !keep[id] {
			left = append(left, "folder "+x.dirs.path(id, ""))
		}
	}
	strays, err := x.specs.strays(x.born.Add(-strayAge))
	if err != nil {
		return nil, err
	}
	for _, path := range strays {
		left = append(left, "file "+path)
	}
	slices.Sort(left)
	return left, nil
}
