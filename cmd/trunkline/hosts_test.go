package main

import (
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/cli"
	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/web/api"
)

func TestJoiningByTheCommandLine(t *testing.T) {
	run := site(t)
	printed, err := run("hosts", "join", "--name", "rack3-7", "--label", "zone=a", "--label", "rack=3", "--life", "8h")
	if err != nil || !regexp.MustCompile(`^trunkline host --controller http://127\.0\.0\.1:\d+ --token \S+\n$`).MatchString(printed) {
		t.Fatalf("it prints %q, %v", printed, err)
	}
	printed, err = run("hosts", "join", "-o", "json")
	var token api.NewJoinToken
	if err != nil || json.Unmarshal([]byte(printed), &token) != nil || token.Command == "" || time.Until(token.ExpiresAt) > time.Hour {
		t.Fatalf("as JSON: %s, %v", printed, err)
	}
	printed, err = run("hosts", "tokens", "ls")
	if err != nil || !strings.Contains(printed, "rack3-7") || !strings.Contains(printed, "rack=3 zone=a") || !strings.Contains(printed, "any machine") || strings.Contains(printed, token.Secret) {
		t.Errorf("the list: %s, %v", printed, err)
	}
	if _, err := run("hosts", "tokens", "rm", token.ID); err != nil {
		t.Error(err)
	}
	if printed, err := run("hosts", "tokens", "ls"); err != nil || strings.Contains(printed, token.ID) {
		t.Errorf("after it was revoked: %s, %v", printed, err)
	}
}

func TestHostsWithoutAnySayWhatToDo(t *testing.T) {
	run := site(t)
	for command, says := range map[string]string{
		"hosts ls":       "trunkline hosts join prints the command that adds one",
		"hosts matrix":   "With a second host",
		"networks":       "none is offered to this workspace",
		"hosts offer ls": "NETWORK  INTERFACES  VLANS",
	} {
		if printed, err := run(strings.Fields(command)...); err != nil || !strings.Contains(printed, says) {
			t.Errorf("%s: %s, %v", command, printed, err)
		}
	}
}

func TestHostCommandsThatAreWrongEndWithTheRightCode(t *testing.T) {
	run := site(t)
	usage := func(err error) bool { _, wrong := errors.AsType[cli.UsageError](err); return wrong }
	is := func(code fault.Code) func(error) bool { return func(err error) bool { return fault.Is(err, code) } }
	for command, right := range map[string]func(error) bool{
		"hosts show none":                           is(fault.NotFound),
		"hosts rename none attic":                   is(fault.NotFound),
		"hosts label none a=b":                      is(fault.NotFound),
		"hosts drain none":                          is(fault.NotFound),
		"hosts rotate none":                         is(fault.NotFound),
		"hosts revoke none --yes":                   is(fault.NotFound),
		"hosts remove none -y":                      is(fault.NotFound),
		"hosts log none -n 5":                       is(fault.NotFound),
		"hosts tokens rm none":                      is(fault.NotFound),
		"hosts offer rm none":                       is(fault.NotFound),
		"hosts offer set campus --vlan 1=x":         is(fault.Invalid),
		"hosts join --life 1000h":                   is(fault.Invalid),
		"hosts rename none":                         usage,
		"hosts label none":                          usage,
		"hosts set none":                            usage,
		"hosts offer set campus --vlan x=y":         usage,
		"hosts offer set campus --vlan 4000-4095=y": usage,
		"hosts offer set campus --vlan 120":         usage,
		"hosts grow":                                usage,
		"networks and more":                         usage,
	} {
		if printed, err := run(strings.Fields(command)...); !right(err) || printed != "" {
			t.Errorf("%s: %v; it printed %q", command, err, printed)
		}
	}
}

func TestLabelsAreSetAndTakenAway(t *testing.T) {
	for _, c := range []struct {
		name    string
		changes []string
		want    string
	}{
		{"one more", []string{"ssd=yes"}, "rack=3 ssd=yes zone=a"},
		{"another value", []string{"zone=b"}, "rack=3 zone=b"},
		{"one away, one more", []string{"rack-", "row=9"}, "row=9 zone=a"},
		{"away what is not there", []string{"colour-"}, "rack=3 zone=a"},
		{"a value that ends in a dash", []string{"zone=a-"}, "rack=3 zone=a-"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := map[string]string{"zone": "a", "rack": "3"}
			after, err := relabel(before, c.changes)
			if err != nil || labelWords(after) != c.want || labelWords(before) != "rack=3 zone=a" {
				t.Errorf("after %q, before %q, %v", labelWords(after), labelWords(before), err)
			}
		})
	}
	for _, wrong := range []string{"zone", "=a", "-", ""} {
		if after, err := relabel(nil, []string{wrong}); err == nil {
			t.Errorf("%q was taken: %v", wrong, slices.Collect(maps.Keys(after)))
		}
	}
}

func TestHowHostsReachEachOtherIsPrinted(t *testing.T) {
	var out strings.Builder
	printMatrix(&out, []control.HostReach{
		{From: "a", To: "b", Known: true, Usable: true, RTT: 420 * time.Microsecond, MTU: 1500},
		{From: "b", To: "a", Known: true, Usable: true, RTT: 12 * time.Millisecond, MTU: 1400, Problem: "Frames of more than 1400 bytes are lost."},
		{From: "a", To: "c", Known: true}, {From: "c", To: "a"},
	})
	want := "FROM / TO\ta\tb\tc\na\t-\t0.42ms 1500\tno\nb\t12.00ms 1400\t-\t?\nc\t?\t?\t-\n\n" +
		"Frames of more than 1400 bytes are lost.\na and c do not reach each other: let UDP port 4789 through between them.\n"
	if out.String() != want {
		t.Errorf("printed\n%s\nwanted\n%s", out.String(), want)
	}
}

func TestAHostIsPrintedWithWhatItHasAndLacks(t *testing.T) {
	d := api.HostDetail{Promised: api.Promised{CPU: 6.5, MemoryBytes: 19 << 30}}
	d.Name, d.Connected, d.RTT, d.Drained, d.Nodes = "host-a", true, 1240*time.Microsecond, true, 3
	d.OverCommit = control.OverCommit{CPU: 2, Memory: 1}
	d.Info.Version, d.Info.CPUs, d.Info.MemoryBytes, d.Info.Capabilities.RateLimit = "0.2.0", 16, 64<<30, true
	d.Labs = []control.HostLab{{Name: "campus", Tenant: "Physics", State: control.Running, Nodes: 5}}
	d.Reach = []control.HostReach{{To: "host-b", Known: true}}
	var out strings.Builder
	printHost(&out, d)
	for _, line := range []string{"state\tdraining\n", "link\t1.24ms round trip", "cores\t16, 6.5 promised of 32\n", "memory\t64 GiB, 19 GiB promised of 64 GiB\n",
		"lacks\tkernel datapath, delay and loss, way out, user namespaces\n", "campus\tPhysics\trunning\t5\n", "host-b\tno\t\t"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("there is no %q in\n%s", line, out.String())
		}
	}
}

func TestAHostIsLostOnlyAfterTheGrace(t *testing.T) {
	for want, h := range map[string]control.HostView{
		"connected":    {Connected: true},
		"disconnected": {LastSeen: time.Now()},
		"lost":         {LastSeen: time.Now(), Lost: true},
		"not here yet": {},
		"revoked":      {Lost: true, Revoked: true},
	} {
		if got := hostState(h); got != want {
			t.Errorf("%+v is %s, want %s", h, got, want)
		}
	}
}

func TestALabIsPrintedWithTheReasonsOfItsPlaces(t *testing.T) {
	var out strings.Builder
	printPlacement(&out, []control.NodeView{{Host: "host-a", Placed: "next to r2", Kind: "router"}, {Kind: "linux"}})
	if want := "NODE\tKIND\tSTATE\tHOST\tIMAGE\tWHY\n\trouter\t\thost-a\t\tnext to r2\n\tlinux\t\t\t\t\n"; out.String() != want {
		t.Errorf("printed %q", out.String())
	}
}
