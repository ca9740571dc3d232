package main

import (
	"encoding/json"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
)

const campusFile = `name: campus
topology:
  defaults: {kind: linux, image: trunkline/tiny}
  nodes:
    a: {}
    b: {}
    c: {}
    sw:
      kind: switch
      switch: {stp: rstp}
      interfaces: {p1: {access: 10}, p2: {access: 10}, p3: {access: 20}}
  links:
    - endpoints: [a:eth1, sw:p1]
    - endpoints: [b:eth1, sw:p2]
    - endpoints: [c:eth1, sw:p3]
    - endpoints: [a:eth2, b:eth2]
`

func TestASwitchIsShownByTheCommandLine(t *testing.T) {
	run := site(t)
	machine := fakeHost(t, run)
	deployFile(t, run, "campus", campusFile)
	var detail control.LabDetail
	printed, err := run("lab", "show", "campus", "-o", "json")
	if err != nil || json.Unmarshal([]byte(printed), &detail) != nil {
		t.Fatalf("%s, %v", printed, err)
	}
	mac := becomes(t, run, "No address is known", "switch", "show", "campus/sw", "mac")
	machine.Send(detail.ID, "a", "eth1", 12, 1200)
	mac = becomes(t, run, "a:eth1", "switch", "show", "campus/sw", "mac")
	if lines := strings.Split(strings.TrimSpace(mac), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[1], "10 ") || !strings.Contains(lines[1], "p1") {
		t.Errorf("the addresses are\n%s", mac)
	}
	for table, wants := range map[string][]string{
		"vlan":  {"10    p1, p2    -       1", "20    p3        -       0"},
		"stp":   {"RSTP", "this bridge", "hello 2 s", "designated", "forwarding"},
		"ports": {"p1    a:eth1  up     10     12", "p2    b:eth1  up     10     0", "p3    c:eth1  up     20     0"},
	} {
		printed, err := run("switch", "show", "campus/sw", table)
		for _, want := range wants {
			if err != nil || !strings.Contains(printed, want) {
				t.Errorf("%s does not show %q: %v\n%s", table, want, err, printed)
			}
		}
	}
	printed, err = run("switch", "show", "campus/sw", "-o", "json")
	var view hostapi.SwitchView
	if err != nil || json.Unmarshal([]byte(printed), &view) != nil || len(view.Ports) != 3 || view.Ports[0].In.Bytes != 1200 {
		t.Errorf("as JSON: %v\n%s", err, printed)
	}
	if _, err := run("switch", "show", "campus/a"); !fault.Is(err, fault.Invalid) {
		t.Errorf("a container: %v", err)
	}
	if _, err := run("switch", "show", "campus/sw", "arp"); err == nil || !strings.Contains(err.Error(), "mac, vlan, stp or ports") {
		t.Errorf("another table: %v", err)
	}
}

func TestALinkIsSetCutMendedAndResetByTheCommandLine(t *testing.T) {
	run := site(t)
	machine := fakeHost(t, run)
	deployFile(t, run, "campus", campusFile)
	for _, step := range []struct {
		line  string
		says  string // by the command
		shows string // by link ls afterwards
	}{
		{"link set campus a:eth2 --delay 20ms --loss 1% --rate 10mbit --from a", "Applied to what runs", "a:eth2 b:eth2  10 Mbit/s, 20ms, loss 1%  -"},
		{"link set campus a,b --delay 5ms --dry-run", "Nothing was changed", "a:eth2 b:eth2  10 Mbit/s, 20ms, loss 1%  -"},
		{"link set campus b:eth2 --delay 0 --loss 0 --rate 0", "Applied", "a:eth2 b:eth2  -            -            -"},
		{"link cut campus a:eth2", "Applied", "cut"},
		{"link mend campus a:eth2", "Applied", "a:eth2 b:eth2  -            -            -"},
		{"link cut campus a:eth2 --from b", "Applied", "a:eth2 b:eth2  -            cut          -"},
		{"link set campus a:eth2 --flap 5s/1s", "Applied", "flaps, down 1s of 5s"},
		{"link set campus a:eth2 --preset satellite", "Applied", "Mbit/s"},
		{"link reset campus a:eth2", "Applied", "a:eth2 b:eth2  -            -            -"},
	} {
		if printed, err := run(strings.Fields(step.line)...); err != nil || !strings.Contains(printed, step.says) {
			t.Errorf("%s: %v\n%s", step.line, err, printed)
		}
		if printed, err := run("link", "ls", "campus"); err != nil || !strings.Contains(printed, step.shows) {
			t.Errorf("after %s the links are: %v\n%s", step.line, err, printed)
		}
	}
	if starts := machine.Calls()["start"]; starts != 3 {
		t.Errorf("three containers were started %d times", starts)
	}
	for line, code := range map[string]fault.Code{
		"link cut campus a:eth9":              fault.NotFound,
		"link cut none a:eth1":                fault.NotFound,
		"link set campus a:eth2":              fault.Invalid,
		"link set campus a:eth2 --delay much": fault.Invalid,
		"link set campus a:eth2 --preset 9g":  fault.Invalid,
		"link cut campus a:eth2 --from c":     fault.Invalid,
	} {
		if _, err := run(strings.Fields(line)...); !fault.Is(err, code) {
			t.Errorf("%s: %v, wanted %s", line, err, code)
		}
	}
}
