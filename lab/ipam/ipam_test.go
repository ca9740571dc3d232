package ipam_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/edit"
	"trunkline/lab/format"
	"trunkline/lab/ipam"
)

func parse(t fataler, text string) *lab.Lab {
	t.Helper()
	result, err := format.Parse(format.Input{File: "lab.yml", Data: []byte(text)})
	if err != nil {
		t.Fatalf("%v\n%s", fault.Public(err).Details, text)
	}
	return result.Lab
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// fill fills a lab file and reads it again.
func fill(t fataler, text string) (string, *lab.Lab, ipam.Filled) {
	t.Helper()
	filled := ipam.Fill(parse(t, text))
	edited, err := edit.Apply("lab.yml", []byte(text), filled.Ops)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return string(edited.Text), parse(t, string(edited.Text)), filled
}

const campus = `name: campus
topology:
  nodes:
    r1: {kind: router}
    r2: {kind: router}
    sw:
      kind: switch
      interfaces: {p1: {access: 10}, p2: {access: 10}, p3: {access: 20}, p4: {access: 20}, p5: {trunk: [10, 20]}}
    h1: {kind: linux, image: i}
    h2: {kind: linux, image: i}
    h3: {kind: linux, image: i}
    out: {kind: internet}
  links:
    - endpoints: [r1:eth1, r2:eth1]
    - endpoints: [sw:p1, h1:eth1]
    - endpoints: [sw:p2, r1:eth2]
    - endpoints: [sw:p3, h2:eth1]
    - endpoints: [sw:p4, r2:eth2]
    - endpoints: [sw:p5, h3:eth1]
    - endpoints: [r1:eth3, out:eth1]
`

func TestEverythingEmptyIsFilled(t *testing.T) {
	text, l, _ := fill(t, campus)
	of := func(end string) string {
		for _, k := range l.Links {
			for _, e := range []lab.Endpoint{k.A, k.B} {
				if e.String() == end {
					return strings.Trim(fmt.Sprint(e.Addresses), "[]")
				}
			}
		}
		return "nothing"
	}
	for end, want := range map[string]string{
		"r1:eth1": "10.96.0.0/31 fd00:0:0:96::/127", "r2:eth1": "10.96.0.1/31 fd00:0:0:96::1/127",
		"r1:eth2": "10.64.10.1/24 fd00:64:0:a::1/64", "h1:eth1": "10.64.10.11/24 fd00:64:0:a::b/64",
		"r2:eth2": "10.64.20.1/24 fd00:64:0:14::1/64", "h2:eth1": "10.64.20.11/24 fd00:64:0:14::b/64",
		"r1:eth3": "10.255.0.2/24", "h3:eth1": "",
	} {
		if got := of(end); got != want {
			t.Errorf("%s has %s, want %s", end, got, want)
		}
	}
	if lo := l.Node("r2").Interface("lo").Addresses; fmt.Sprint(lo) != "[10.254.0.2/32 fd00:0:0:254::2/128]" {
		t.Errorf("the loopback of r2 is %v", lo)
	}
	for node, via := range map[string]string{"h1": "10.64.10.1", "h2": "10.64.20.1", "r1": "10.255.0.1"} {
		if r := l.Node(node).Routing; r == nil || r.Static[0].Via.String() != via || r.Static[0].To.Bits() != 0 {
			t.Errorf("the route of %s is %+v in\n%s", node, r, text)
		}
	}
	if marks := ipam.Conflicts(l); len(marks) > 0 {
		t.Errorf("what was filled conflicts: %v", marks)
	}
	if again, _, filled := fill(t, text); again != text {
		t.Errorf("filled again: %+v", filled.Ops)
	}
}

func TestPoolsAndFamiliesAreTheLabs(t *testing.T) {
	text := strings.Replace(campus, "topology:\n", "topology:\n  addressing: {mode: fill, loopbacks: [10.0.0.0/30], links: [192.0.2.0/24], lans: [198.51.100.0/24], ipv6: false}\n", 1)
	_, l, filled := fill(t, text)
	if a := l.Links[0].A.Addresses; fmt.Sprint(a) != "[192.0.2.0/31]" {
		t.Errorf("the link has %v", a)
	}
	if len(filled.Left) != 1 || !strings.Contains(filled.Left[0].Sentence, "used up") {
		t.Errorf("one LAN has no room: %v", filled.Left)
	}
}

func TestConflictsAreMarkedWithTheirLine(t *testing.T) {
	base := "name: x\ntopology:\n  nodes: {a: {kind: linux, image: i}, b: {kind: linux, image: i}, c: {kind: linux, image: i}, lan: {kind: lan}}\n  links:\n"
	for _, c := range []struct {
		name, links, words string
		line               int
		ends               string
	}{
		{"one address twice", "    - {endpoints: [a:eth1, b:eth1], ipv4: [10.0.0.1/24, 10.0.0.1/24]}\n", "has too", 5, "b:eth1 a:eth1"},
		{"one subnet on two links", "    - {endpoints: [a:eth1, b:eth1], ipv4: [10.0.0.1/24, 10.0.0.2/24]}\n    - {endpoints: [a:eth2, c:eth1], ipv4: [10.0.0.3/24, 10.0.0.4/24]}\n", "two networks", 6, "a:eth2 a:eth1"},
		{"a subnet in another", "    - {endpoints: [a:eth1, b:eth1], ipv4: [10.0.0.1/16, 10.0.0.2/16]}\n    - {endpoints: [a:eth2, c:eth1], ipv4: [10.0.1.3/24, 10.0.1.4/24]}\n", "lies in", 6, "a:eth2 a:eth1"},
		{"an address outside", "    - {endpoints: [a:eth1, lan:p1], ipv4: [10.0.0.1/24, \"\"]}\n    - {endpoints: [b:eth1, lan:p2], ipv4: [10.0.0.2/24, \"\"]}\n    - {endpoints: [c:eth1, lan:p3], ipv4: [10.9.0.3/24, \"\"]}\n", "without a router", 7, "c:eth1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			marks := ipam.Conflicts(parse(t, base+c.links))
			if len(marks) != 1 || marks[0].Line != c.line || !strings.Contains(marks[0].Sentence, c.words) {
				t.Fatalf("got %+v", marks)
			}
			var ends []string
			for _, e := range ipam.Marks(parse(t, base+c.links))[0].Ends {
				ends = append(ends, e.Node+":"+e.Interface)
			}
			if got := strings.Join(ends, " "); got != c.ends {
				t.Errorf("it is about %s, want %s", got, c.ends)
			}
		})
	}
}

// network draws a random lab file.
func network(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("name: x\ntopology:\n  nodes:\n")
	n := rapid.IntRange(2, 9).Draw(t, "nodes")
	for i := range n {
		fmt.Fprintf(&b, "    n%d: {kind: %s, image: i}\n", i, rapid.SampledFrom([]string{"router", "linux"}).Draw(t, "kind"))
	}
	b.WriteString("    lan: {kind: lan}\n  links:\n")
	for i := range rapid.IntRange(1, 14).Draw(t, "links") {
		a, c := rapid.IntRange(0, n-1).Draw(t, "a"), rapid.IntRange(0, n).Draw(t, "b")
		other := fmt.Sprintf("n%d:x%d", c, i)
		if c == n {
			other = fmt.Sprintf("lan:p%d", i)
		}
		fmt.Fprintf(&b, "    - endpoints: [n%d:e%d, %s]\n", a, i, other)
	}
	return b.String()
}

func TestWhatIsFilledNeverConflictsAndStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, l, _ := fill(t, network(t))
		for _, mark := range ipam.Conflicts(l) {
			if !strings.Contains(mark.Sentence, "has too") { // a node twice on one segment may be marked by its own routes only
				t.Fatalf("%v\n%s", mark, text)
			}
		}
		given := map[string][]netip.Prefix{}
		for _, k := range l.Links {
			given[k.A.String()], given[k.B.String()] = k.A.Addresses, k.B.Addresses
		}
		edited, err := edit.Apply("lab.yml", []byte(text), []edit.Op{{Op: edit.AddNode, Kind: "router"}, {Op: edit.AddLink, A: edit.End{Node: "r1"}, B: edit.End{Node: l.Nodes[0].Name}}})
		if err != nil {
			t.Fatalf("%v", err)
		}
		_, after, _ := fill(t, string(edited.Text))
		for _, k := range after.Links {
			for _, e := range []lab.Endpoint{k.A, k.B} {
				if had, old := given[e.String()]; old && fmt.Sprint(had) != fmt.Sprint(e.Addresses) {
					t.Fatalf("%s had %v and has %v", e, had, e.Addresses)
				}
			}
		}
	})
}
