package format_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/format"
)

func manyNodes(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "    n%d: {kind: linux, image: i}\n", i)
	}
	return text.String()
}

// ring is a lab file of n nodes in a ring, each with what a usual node has.
func ring(n int) []byte {
	var text strings.Builder
	text.WriteString("name: ring\ntopology:\n  defaults: {kind: linux, image: alpine, env: {A: b}, exec: [echo up]}\n  nodes:\n")
	for i := range n {
		fmt.Fprintf(&text, "    n%d:\n      labels: {graph-posX: %d, graph-posY: 7}\n      exec:\n        - ip route add default via 10.0.0.%d\n", i, i, i%250)
	}
	text.WriteString("  links:\n")
	for i := range n {
		fmt.Fprintf(&text, "    - endpoints: [n%d:eth1, n%d:eth2]\n      mtu: 9000\n", i, (i+1)%n)
	}
	return []byte(text.String())
}

func BenchmarkParseThousandNodes(b *testing.B) {
	data := ring(1000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := format.Parse(format.Input{File: "ring.clab.yml", Data: data}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFormatThousandNodes(b *testing.B) {
	result, err := format.Parse(format.Input{File: "ring.clab.yml", Data: ring(1000)})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := format.Format(result.Lab); err != nil {
			b.Fatal(err)
		}
	}
}

// TestTheWorstFilesCostLittle reads files of the largest size that are wrong everywhere.
func TestTheWorstFilesCostLittle(t *testing.T) {
	fill := func(head, line string) string {
		var text strings.Builder
		text.WriteString(head)
		for i := 0; text.Len() < format.MaxBytes-100; i++ {
			fmt.Fprintf(&text, line, i)
		}
		return text.String()
	}
	nodes := header + "  nodes:\n" + manyNodes(5000)
	for name, text := range map[string]string{
		"unknown fields":            fill("name: x\ntopology:\n  nodes:\n    a:\n", "      field%d: 1\n"),
		"links to nowhere":          fill(nodes+"  links:\n", "    - endpoints: [x%d:eth1, y:eth1]\n"),
		"one interface for all":     fill(nodes+"  links:\n", "    - endpoints: [n1:eth1, n%d:eth1]\n"),
		"variables":                 fill("name: x\ntopology:\n  nodes:\n", "    a%d: ${V}${W\n"),
		"one long line of brackets": strings.Repeat("[", format.MaxBytes),
		"one long line of aliases":  "a: &a x\nb: [" + strings.Repeat("*a, ", format.MaxBytes/4-10) + "]\n",
		"host links of one name":    fill(twoNodes+"  links:\n", "    - endpoints: [a:e%d, 'host:x']\n"),
	} {
		begin := time.Now()
		_, err := format.Parse(format.Input{File: "x", Data: []byte(text)})
		took := time.Since(begin)
		t.Logf("%s: %s", name, took)
		if fault.CodeOf(err) != fault.Invalid || took > time.Minute {
			t.Errorf("%s: took %s, %v", name, took, err)
		}
	}
}
