package setup

import (
	"regexp"
	"strings"
	"testing"
)

var (
	asvsRow   = regexp.MustCompile(`(?m)^\| ([0-9]+\.[0-9]+\.[0-9]+) \| (.+) \| (.*) \| (.+) \|$`)
	namedTest = regexp.MustCompile("`([a-z0-9/_]+_test\\.go):(Test[A-Za-z0-9]+)`")
)

// TestEachPromiseOfSecurityNamesATestThatIsThere reads the table of docs/security.md.
func TestEachPromiseOfSecurityNamesATestThatIsThere(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range asvsRow.FindAllStringSubmatch(read(t, "docs/security.md"), -1) {
		number, proofs := row[1], namedTest.FindAllStringSubmatch(row[4], -1)
		if seen[number] {
			t.Errorf("%s is there twice", number)
		}
		seen[number] = true
		if len(proofs) == 0 || strings.Count(row[4], "`") != 2*len(proofs) {
			t.Errorf("%s names no test, or not only tests: %s", number, row[4])
		}
		for _, proof := range proofs {
			if !strings.Contains(read(t, proof[1]), "\nfunc "+proof[2]+"(") {
				t.Errorf("%s is proved by %s in %s, which is not there", number, proof[2], proof[1])
			}
		}
	}
	if len(seen) < 60 {
		t.Errorf("only %d requirements are in the table", len(seen))
	}
}
