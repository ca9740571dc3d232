package format_test

import (
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline/internal/fault"
	"trunkline/lab/format"
)

var update = flag.Bool("update", false, "write the golden reports anew")

// labsDir finds the public lab files: TRUNKLINE_LABS, or ../shared/labs beside the checkout.
func labsDir(t testing.TB) string {
	dir := os.Getenv("TRUNKLINE_LABS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "labs")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the public lab files are not here (%s); set TRUNKLINE_LABS to their folder", dir)
	}
	return dir
}

// golden is what is kept of a parse: the report and the numbers, not the lab file.
type golden struct {
	Nodes   int           `json:"nodes"`
	Links   int           `json:"links"`
	Files   []string      `json:"files,omitempty"`
	Mapped  []fault.Place `json:"mapped,omitempty"`
	Changed []fault.Place `json:"changed,omitempty"`
	Dropped []fault.Place `json:"dropped,omitempty"`
	Refused []fault.Place `json:"refused,omitempty"`
}

// inputOf reads a lab file and gives it its own folder as the project.
func inputOf(t testing.TB, file string) format.Input {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(file)
	return format.Input{
		File: filepath.Base(file), Data: data,
		HasFile: func(p string) bool {
			info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(p)))
			return err == nil && info.Mode().IsRegular()
		},
		ReadFile: func(p string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, filepath.FromSlash(p))) },
		ListFiles: func() []string {
			var list []string
			_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
				if err == nil && d.Type().IsRegular() {
					rel, _ := filepath.Rel(dir, p)
					list = append(list, filepath.ToSlash(rel))
				}
				return nil
			})
			return list
		},
	}
}

func goldenOf(result *format.Result, err error) golden {
	g := golden{}
	if result != nil {
		g.Files, g.Mapped, g.Changed, g.Dropped = result.Files, result.Mapped, result.Changed, result.Dropped
		if result.Lab != nil {
			g.Nodes, g.Links = len(result.Lab.Nodes), len(result.Lab.Links)
		}
	}
	if e, ok := err.(*fault.Error); ok {
		g.Refused = e.Details
	}
	return g
}

func compareGolden(t *testing.T, name string, got golden) {
	t.Helper()
	file := filepath.Join("testdata", "reports", name+".golden.json")
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("no golden report; run the test with -update and look at what it wrote: %v", err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), string(text)); diff != "" {
		t.Errorf("the report differs from %s (-want +got):\n%s", file, diff)
	}
}

// skippedFiles are not lab files: template variables and things that labs bind.
func isLabFile(p string) bool {
	name := path.Base(filepath.ToSlash(p))
	return (strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml")) && !strings.Contains(name, "vars.")
}

func goldenName(root, file string) string {
	rel, _ := filepath.Rel(root, file)
	return strings.ReplaceAll(filepath.ToSlash(rel), "/", "__")
}

func TestEveryPublicLabThatShouldImportImports(t *testing.T) {
	root := filepath.Join(labsDir(t), "accept")
	files := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !isLabFile(file) || strings.Contains(d.Name(), "clab_vars") {
			return err
		}
		files++
		t.Run(goldenName(root, file), func(t *testing.T) {
			result, err := format.Parse(inputOf(t, file))
			if err != nil {
				for _, p := range err.(*fault.Error).Details {
					t.Errorf("refused: %s", p)
				}
			}
			compareGolden(t, goldenName(root, file), goldenOf(result, err))
		})
		return nil
	})
	if err != nil || files < 40 {
		t.Fatalf("looked at %d files: %v", files, err)
	}
}

func TestEveryPublicLabThatShouldBeRefusedIsRefusedWithItsLine(t *testing.T) {
	root := filepath.Join(labsDir(t), "refuse")
	entries, err := os.ReadDir(root)
	if err != nil || len(entries) < 18 {
		t.Fatalf("looked at %d files: %v", len(entries), err)
	}
	for _, entry := range entries {
		file := filepath.Join(root, entry.Name())
		t.Run(entry.Name(), func(t *testing.T) {
			result, err := format.Parse(inputOf(t, file))
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("got %v, want a refusal", err)
			}
			for _, p := range err.(*fault.Error).Details {
				if p.Line == 0 || p.Sentence == "" {
					t.Errorf("a complaint without a line or a sentence: %+v", p)
				}
			}
			compareGolden(t, "refused__"+entry.Name(), goldenOf(result, err))
		})
	}
}
