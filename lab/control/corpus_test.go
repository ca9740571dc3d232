package control

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/format"
)

// corpus is the folder of real lab files written by others.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("TRUNKLINE_LABS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "labs")
	}
	if _, err := os.Stat(filepath.Join(dir, "accept")); err != nil {
		t.Skipf("the public lab files are not here (%v); name their folder in TRUNKLINE_LABS", err)
	}
	return filepath.Join(dir, "accept")
}

func TestEveryRealLabThatIsTakenCanBeCompiled(t *testing.T) {
	root := corpus(t)
	taken := 0
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".yml") && !strings.HasSuffix(file, ".yaml") || strings.Contains(file, "vars") {
			return err
		}
		project := projectAt(t, filepath.Dir(file))
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		result, err := format.Parse(format.Input{
			File: filepath.Base(file), Data: data,
			HasFile: func(p string) bool { return project[p].Path != "" },
			ListFiles: func() []string {
				var all []string
				for p := range project {
					all = append(all, p)
				}
				return all
			},
			ReadFile: func(p string) ([]byte, error) { return os.ReadFile(filepath.Join(filepath.Dir(file), p)) },
		})
		if err != nil {
			t.Logf("%s is refused: %s", file, fault.Sentence(err))
			return nil
		}
		taken++
		var files []ProjectFile
		for _, f := range project {
			files = append(files, f)
		}
		out, err := compile(compileInput{LabID: "lab000000001", Tenant: "t", Generation: 1, Lab: result.Lab, Files: files, Deployment: Deployment{Want: WantRun}})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			return nil
		}
		checkCables(t, file, out)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if taken < 20 {
		t.Errorf("only %d real labs were taken", taken)
	}
}

// projectAt lists the small files below a folder.
func projectAt(t *testing.T, dir string) map[string]ProjectFile {
	t.Helper()
	files := map[string]ProjectFile{}
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		below, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(below)
		files[name] = ProjectFile{Path: name, SHA256: strings.Repeat("0", 64), Mode: 0o644}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// checkCables checks that each end of a cable is an interface or port that the spec makes, and is used once.
func checkCables(t *testing.T, file string, out compiled) {
	t.Helper()
	ends := map[string]int{}
	for _, n := range whole(out).Nodes {
		for _, i := range n.Interfaces {
			if i.Name != "lo" && !i.Dummy {
				ends[path.Join(n.Name, i.Name)]++
			}
		}
	}
	for _, s := range whole(out).Segments {
		for _, p := range s.Ports {
			ends[path.Join(s.Name, p.Name)]++
		}
	}
	for _, n := range whole(out).Internets {
		for _, i := range n.Interfaces {
			ends[path.Join(n.Name, i)]++
		}
	}
	for _, c := range whole(out).Cables {
		ends[path.Join(c.A.Node, c.A.Interface)]--
		ends[path.Join(c.B.Node, c.B.Interface)]--
	}
	for end, n := range ends {
		if n != 0 {
			t.Errorf("%s: %s is there %d times more than it is cabled", file, end, n)
		}
	}
}
