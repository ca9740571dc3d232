package lab

import "strings"

// Capabilities are those a lab may ask for. SYS_ADMIN is only recorded: routers get it with its power taken away by the
// host's seccomp profile (FRR checks for it and never uses it), every other node does not get it.
var Capabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW",
	"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_ADMIN", "SYS_CHROOT", "SYS_NICE", "SYS_PTRACE",
}

// CapabilityAllowed reports whether a lab may ask for the capability, written without CAP_ in upper case.
func CapabilityAllowed(name string) bool {
	for _, c := range Capabilities {
		if c == name {
			return true
		}
	}
	return false
}

// sysctlAllowed are the names outside net.* that Linux keeps for each IPC or UTS namespace and Docker sets.
var sysctlAllowed = []string{
	"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
	"kernel.shm_rmid_forced", "kernel.domainname", "kernel.hostname",
}

// SysctlAllowed reports whether a lab may set the sysctl in its nodes: net.*, which is a network namespace's own, and what
// the IPC and UTS namespaces keep (sysctl(5), docker run --sysctl). Dots or slashes separate.
func SysctlAllowed(name string) bool {
	name = strings.ReplaceAll(name, "/", ".")
	for i := 0; i < len(name); i++ {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("._-", c) < 0 {
			return false
		}
	}
	if strings.Contains(name, "..") || strings.HasSuffix(name, ".") {
		return false
	}
	if strings.HasPrefix(name, "net.") && len(name) > len("net.") || strings.HasPrefix(name, "fs.mqueue.") {
		return true
	}
	for _, s := range sysctlAllowed {
		if s == name {
			return true
		}
	}
	return false
}
