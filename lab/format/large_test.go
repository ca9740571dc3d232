package format_test

import (
	"fmt"
	"strings"
	"testing"

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
