// Command seccompgen makes the seccomp profile of lab nodes from Docker's default profile: it leaves out every rule that the capability
// SYS_ADMIN would unlock.
//
// FRR's daemons refuse to start unless SYS_ADMIN is in their permitted set, but need it only for VRFs made of network namespaces. Under
// this profile the capability is there, and mount, setns, unshare, bpf or clone with new namespaces still answer EPERM.
//
// It knows the profile's format and refuses to know which system calls are dangerous: Docker's list says that. Use:
//
//	go run ./images/seccompgen default.json >images/seccomp.json
//
// default.json is profiles/seccomp/default.json of the Go module github.com/moby/profiles/seccomp.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

const sysAdmin = "CAP_SYS_ADMIN"

// profile keeps every field it does not touch as it is.
type profile struct {
	DefaultAction   json.RawMessage   `json:"defaultAction"`
	DefaultErrnoRet json.RawMessage   `json:"defaultErrnoRet,omitempty"`
	ArchMap         json.RawMessage   `json:"archMap,omitempty"`
	Syscalls        []json.RawMessage `json:"syscalls"`
}

// rule is one entry of syscalls.
type rule struct {
	Names    json.RawMessage `json:"names"`
	Action   json.RawMessage `json:"action"`
	ErrnoRet json.RawMessage `json:"errnoRet,omitempty"`
	Args     json.RawMessage `json:"args,omitempty"`
	Comment  string          `json:"comment,omitempty"`
	Includes *filter         `json:"includes,omitempty"`
	Excludes *filter         `json:"excludes,omitempty"`
}

// filter says for which capabilities, machines and kernels a rule holds.
type filter struct {
	Arches    []string `json:"arches,omitempty"`
	Caps      []string `json:"caps,omitempty"`
	MinKernel string   `json:"minKernel,omitempty"`
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "seccompgen:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: seccompgen default.json")
	}
	in, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	made, err := withoutSysAdmin(in)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	_, err = out.Write(made)
	return err
}

// withoutSysAdmin returns the profile that holds for a node whether or not it has SYS_ADMIN.
func withoutSysAdmin(in []byte) ([]byte, error) {
	var p profile
	if err := json.Unmarshal(in, &p); err != nil {
		return nil, err
	}
	var kept []json.RawMessage
	for _, raw := range p.Syscalls {
		var r rule
		if err := json.Unmarshal(raw, &r); err != nil {
			return nil, err
		}
		if r.Includes != nil && slices.Contains(r.Includes.Caps, sysAdmin) {
			continue
		}
		if r.Excludes != nil {
			// The argument filter on clone(2) holds only without SYS_ADMIN: here it holds always.
			r.Excludes.Caps = slices.DeleteFunc(r.Excludes.Caps, func(c string) bool { return c == sysAdmin })
			if len(r.Excludes.Caps) == 0 && len(r.Excludes.Arches) == 0 && r.Excludes.MinKernel == "" {
				r.Excludes = nil
			}
		}
		out, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		kept = append(kept, out)
	}
	p.Syscalls = kept
	made, err := json.MarshalIndent(p, "", "\t")
	return append(made, '\n'), err
}
