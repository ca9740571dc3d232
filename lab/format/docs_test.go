package format_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryLabInTheDocumentationIsTaken keeps docs/lab-file.md true.
func TestEveryLabInTheDocumentationIsTaken(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "lab-file.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	for _, block := range blocks {
		lab, _, _ := strings.Cut(block, "```")
		result := mustParse(t, lab)
		if len(result.Changed) > 0 || len(result.Dropped) > 0 {
			t.Errorf("%s: changed\n%s\ndropped\n%s", result.Lab.Name, list(result.Changed), list(result.Dropped))
		}
		checkRoundTrip(t, result.Lab)
	}
	if len(blocks) < 3 {
		t.Errorf("only %d labs found", len(blocks))
	}
}
