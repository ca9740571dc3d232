package picture_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/lab"
	"trunkline/lab/picture"
)

func small() *lab.Lab {
	return &lab.Lab{
		Name: `a & "b" <c>`,
		Nodes: []*lab.Node{
			{Name: "r1", Kind: lab.Router, Interfaces: []lab.Interface{{Name: "eth1", Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/31")}}}},
			{Name: "h1", Kind: lab.Linux}, {Name: "out", Kind: lab.Internet},
		},
		Links: []*lab.Link{
			{Type: lab.VEth, A: lab.Endpoint{Node: "r1", Interface: "eth1"}, B: lab.Endpoint{Node: "h1", Interface: "eth1"}, AtoB: lab.Impairment{Delay: 20 * time.Millisecond, RateBits: 10e6, Loss: 1.5}},
			{Type: lab.VEth, A: lab.Endpoint{Node: "h1", Interface: "eth2"}, B: lab.Endpoint{Node: "r1", Interface: "eth2"}, Cut: true},
			{Type: lab.VEth, A: lab.Endpoint{Node: "r1", Interface: "eth3"}, B: lab.Endpoint{Node: "out", Interface: "in"}},
			{Type: lab.Dummy, A: lab.Endpoint{Node: "h1", Interface: "d0"}},
		},
	}
}

func TestMermaidHoldsNodesCablesAndWhatTheyDo(t *testing.T) {
	got := picture.Mermaid(small(), picture.Names{Interfaces: true, Addresses: true})
	want := `---
title: "a \u0026 \"b\" \u003cc\u003e"
---
flowchart LR
  n0(("r1"))
  n1("h1")
  n2{{"out"}}
  n0 ---|"eth1 10.0.0.1/31 – 20ms, 10 Mbit/s, 1.5% loss – eth1"| n1
  n1 -.-|"eth2 – cut – eth2"| n0
  n0 ---|"eth3 – in"| n2
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSVGIsWellFormedAndShowsEverything(t *testing.T) {
	at := map[string]picture.Point{"r1": {0, 0}, "h1": {200, 0}, "out": {0, 150}}
	svg := string(picture.SVG(small(), at, func(lab.Kind) string { return `<circle cx="12" cy="12" r="9"/>` }, picture.Names{Interfaces: true, Addresses: true}))
	wellFormed(t, svg)
	for _, want := range []string{">r1<", ">h1<", ">out<", "eth1 10.0.0.1/31", "20ms, 10 Mbit/s, 1.5% loss", `stroke-dasharray="5 5"`, "a &amp; &#34;b&#34; &lt;c&gt;", `viewBox="-60 -60 320 270"`} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture does not hold %q", want)
		}
	}
	if n := strings.Count(svg, "<path d="); n != 3 {
		t.Errorf("%d cables are drawn, want 3", n)
	}
}

func TestNoTextOfALabBreaksThePicture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := small()
		l.Name = rapid.String().Draw(t, "name")
		l.Nodes[0].Name = rapid.StringN(1, 20, -1).Draw(t, "node")
		l.Links[0].A.Node = l.Nodes[0].Name
		svg := picture.SVG(l, nil, func(lab.Kind) string { return "" }, picture.Names{Interfaces: true})
		wellFormed(t, string(svg))
		const head, nodes, cables = 4, 3, 1 // the other cables lead to a node that is called otherwise now
		if lines := strings.Count(picture.Mermaid(l, picture.Names{}), "\n"); l.Nodes[0].Name != "r1" && lines != head+nodes+cables {
			t.Fatalf("a text of the lab made another line: %d", lines)
		}
	})
}

func wellFormed(t rapid.TB, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("no XML: %v\n%s", err, text)
		}
	}
}
