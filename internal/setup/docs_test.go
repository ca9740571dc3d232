package setup

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const checkout = "../.."

var (
	decisionPage = regexp.MustCompile(`^([0-9]{4})-[a-z0-9-]+\.md$`)
	indexRow     = regexp.MustCompile(`(?m)^\| \[([0-9]{4})\]\(([^)]+)\) \| (.+) \|$`)
	docLink      = regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`)
	namedPage    = regexp.MustCompile(`docs/[a-z0-9/-]+\.md`)
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(checkout, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestEachDecisionHasANumberOfItsOwnAndIsListed compares the pages with their index.
func TestEachDecisionHasANumberOfItsOwnAndIsListed(t *testing.T) {
	const folder = "docs/decisions"
	entries, err := os.ReadDir(filepath.Join(checkout, folder))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string][]string{}
	for _, row := range indexRow.FindAllStringSubmatch(read(t, folder+"/README.md"), -1) {
		listed[row[2]] = row
	}
	numbers, pages := map[string]string{}, 0
	for _, e := range entries {
		name := decisionPage.FindStringSubmatch(e.Name())
		if name == nil {
			continue
		}
		pages++
		if other := numbers[name[1]]; other != "" {
			t.Errorf("%s and %s have one number", other, e.Name())
		}
		numbers[name[1]] = e.Name()
		if row := listed[e.Name()]; row == nil || row[1] != name[1] {
			t.Errorf("%s is listed as %q", e.Name(), row)
		}
	}
	if pages == 0 || len(listed) != pages {
		t.Errorf("%d pages, %d listed", pages, len(listed))
	}
}

// TestEveryPageThatIsPointedToIsThere follows the links of the documentation, and the pages that the code and the pages of the site name.
func TestEveryPageThatIsPointedToIsThere(t *testing.T) {
	there := func(from, target string) {
		if _, err := os.Stat(target); err != nil {
			t.Errorf("%s points to %s, which is not there", from, target)
		}
	}
	pages, err := filepath.Glob(filepath.Join(checkout, "docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join(checkout, "docs/decisions/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(append(pages, more...), filepath.Join(checkout, "README.md")) {
		text := read(t, strings.TrimPrefix(page, checkout+"/"))
		for _, link := range docLink.FindAllStringSubmatch(text, -1) {
			there(page, filepath.Join(filepath.Dir(page), link[1]))
		}
	}
	for _, folder := range []string{"cmd", "hostlink", "internal", "lab", "store", "templates", "tenancy", "web"} {
		err := filepath.WalkDir(filepath.Join(checkout, folder), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".html" {
				return err
			}
			text, err := os.ReadFile(path)
			for _, page := range namedPage.FindAllString(string(text), -1) {
				there(path, filepath.Join(checkout, page))
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
