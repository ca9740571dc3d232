package main

import (
	"encoding/json"
	"strings"
	"testing"
)

const small = `{
	"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "archMap": [{"architecture": "SCMP_ARCH_X86_64"}],
	"syscalls": [
		{"names": ["read"], "action": "SCMP_ACT_ALLOW"},
		{"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
		{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2114060288, "op": "SCMP_CMP_MASKED_EQ"}],
			"excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390"]}},
		{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}}
	]}`

func TestRulesThatSysAdminUnlocksGoAndItsExceptionsHoldAlways(t *testing.T) {
	made, err := withoutSysAdmin([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		DefaultErrnoRet int
		Syscalls        []rule
	}
	if err := json.Unmarshal(made, &p); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(made), sysAdmin) || strings.Contains(string(made), "mount") {
		t.Errorf("SYS_ADMIN still matters in %s", made)
	}
	if len(p.Syscalls) != 3 || p.DefaultErrnoRet != 1 {
		t.Fatalf("made %s", made)
	}
	clone, clone3 := p.Syscalls[1], p.Syscalls[2]
	if len(clone.Args) == 0 || clone.Excludes == nil || clone.Excludes.Arches[0] != "s390" || len(clone.Excludes.Caps) != 0 {
		t.Errorf("the argument filter on clone became %+v", clone)
	}
	if clone3.Excludes != nil || string(clone3.ErrnoRet) != "38" {
		t.Errorf("clone3 became %+v", clone3)
	}
}

func TestWhatIsNoProfileIsRefused(t *testing.T) {
	if _, err := withoutSysAdmin([]byte("[]")); err == nil {
		t.Error("a list was taken for a profile")
	}
	if err := run(nil, nil); err == nil {
		t.Error("no file was taken for one")
	}
}
