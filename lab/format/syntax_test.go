package format_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/format"
)

func TestBrokenYAMLIsFoundOnTheLineThatBreaksIt(t *testing.T) {
	long := strings.Repeat("# a comment\n", 200) + "name: x\ntopology:\n  nodes:\n"
	for i := range 100 {
		long += fmt.Sprintf("    n%d: {kind: linux,\n      image: i}\n", i)
	}
	for _, c := range []struct {
		name, text string
		line       int
		says       string
	}{
		{"an open list at the end", "name: x\ntopology:\n  nodes: [a\n", 3, "YAML breaks here"},
		{"a line indented too little", "name: x\ntopology:\n  nodes:\n    a:\n      kind: linux\n   b:\n      kind: linux\n", 6, "YAML breaks here"},
		{"a tab for indentation", "name: x\ntopology:\n\tnodes: {}\n", 3, "spaces only"},
		{"a colon within text", "name: x\ntopology:\n  nodes:\n    a: b: c\n", 4, "YAML breaks here"},
		{"an alias to nothing", "name: x\ntopology:\n  nodes: *n\n", 3, "YAML breaks here"},
		{"far down in a long file", long + "   bad:\n", 404, "YAML breaks here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := format.Parse(format.Input{File: "x.yml", Data: []byte(c.text)})
			details := err.(*fault.Error).Details
			if len(details) != 1 || details[0].Line != c.line || !strings.Contains(details[0].Sentence, c.says) {
				t.Errorf("want line %d, got:\n%s", c.line, list(details))
			}
		})
	}
}

func TestTheSearchForTheBrokenLineIsBounded(t *testing.T) {
	text := "name: x\ntopology:\n  nodes:\n" + strings.Repeat("    - [a,\n       b,\n       c]\n", 1000) + "  bad\n x: {\n"
	begin := time.Now()
	_, err := format.Parse(format.Input{File: "x.yml", Data: []byte(text)})
	if took := time.Since(begin); err == nil || took > 20*time.Second {
		t.Errorf("took %s: %v", took, err)
	}
}
