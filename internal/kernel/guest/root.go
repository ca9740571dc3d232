package main

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// modules is where Debian's package user-mode-linux keeps its kernel's modules.
const modules = "/usr/lib/uml/modules"

// mount is one mount below the new root.
type mount struct {
	source, target, kind, options string
	flags                         uintptr
}

// makeRoot puts a writable layer in memory over the machine's file system and moves there, so that nothing of what happens in this
// kernel reaches the machine. Only the shared folder is the machine's own.
func makeRoot(shared string) error {
	const build = "/tmp" // hidden from now on by a tmpfs that the new root lies on
	steps := []mount{
		{"proc", "/proc", "proc", "", 0},
		{"layer", build, "tmpfs", "mode=755", 0},
	}
	if err := mountAll("", steps); err != nil {
		return err
	}
	if err := loadOverlay(); err != nil {
		return err
	}
	upper, work, root := build+"/upper", build+"/work", build+"/root"
	for _, folder := range []string{upper, work, root} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("overlay", root, "overlay", 0, "lowerdir=/,upperdir="+upper+",workdir="+work); err != nil {
		return fmt.Errorf("lay memory over the machine's file system: %w", err)
	}
	if err := mountAll(root, append(ordinaryMounts(), mount{"none", shared, "hostfs", shared, 0})); err != nil {
		return err
	}
	return enter(root)
}

// ordinaryMounts are those of any Linux machine, with version 1 control groups: runc wants a BPF that this kernel has not for version 2.
func ordinaryMounts() []mount {
	mounts := []mount{
		{"proc", "/proc", "proc", "", 0},
		{"sysfs", "/sys", "sysfs", "", 0},
		{"devtmpfs", "/dev", "devtmpfs", "", 0},
		{"devpts", "/dev/pts", "devpts", "ptmxmode=666", 0},
		{"shm", "/dev/shm", "tmpfs", "", 0},
		{"run", "/run", "tmpfs", "mode=755", 0},
		{"tmp", "/tmp", "tmpfs", "", 0},
		{"docker", "/var/lib/docker", "tmpfs", "mode=711", 0},
		{"containerd", "/var/lib/containerd", "tmpfs", "mode=711", 0},
		{"trunkline", "/var/lib/trunkline", "tmpfs", "mode=711", 0}, // a Trunkline that runs on this machine has an identity there
		{"groups", "/sys/fs/cgroup", "tmpfs", "mode=755", 0},
		{modules, "/lib/modules", "", "", unix.MS_BIND},
	}
	for _, group := range []string{"cpu,cpuacct", "memory", "devices", "freezer", "pids", "blkio"} {
		mounts = append(mounts, mount{"group", "/sys/fs/cgroup/" + group, "cgroup", group, 0})
	}
	return mounts
}

func mountAll(root string, mounts []mount) error {
	for _, m := range mounts {
		target := root + m.target
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		source := m.source
		if m.flags&unix.MS_BIND != 0 {
			source = root + source
		}
		if err := unix.Mount(source, target, m.kind, m.flags, m.options); err != nil {
			return fmt.Errorf("mount %s on %s: %w", m.kind, target, err)
		}
	}
	return nil
}

// loadOverlay loads the one module that is needed before modprobe finds its folder.
func loadOverlay() error {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err
	}
	module, err := os.Open(filepath.Join(modules, unix.ByteSliceToString(name.Release[:]), "kernel/fs/overlayfs/overlay.ko"))
	if err != nil {
		return err
	}
	defer module.Close()
	if err := unix.FinitModule(int(module.Fd()), "", 0); err != nil && err != unix.EEXIST {
		return fmt.Errorf("load %s: %w", module.Name(), err)
	}
	return nil
}

// enter makes a mounted folder the root and lets the old one go.
func enter(root string) error {
	const old = "/mnt"
	if err := os.MkdirAll(root+old, 0o755); err != nil {
		return err
	}
	if err := unix.PivotRoot(root, root+old); err != nil {
		return fmt.Errorf("make %s the root: %w", root, err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	return unix.Unmount(old, unix.MNT_DETACH)
}
