package rights_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/tenancy"
	"trunkline/web"
)

// TestTheMatrixReportsEachVerbThatIsWeakened judges what came back by tables in which one verb is another: a route that declares less than its
// handler asks for, or more, has to be reported.
func TestTheMatrixReportsEachVerbThatIsWeakened(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the matrix once more")
	}
	m := newMatrix(t, seams{})
	found, verbs := 0, map[tenancy.Verb]bool{}
	for _, a := range addresses() {
		if in, _ := inputOf(a); a.verb == "" || a.public || in.bound {
			continue
		}
		m.lines = nil
		for _, wrong := range m.run(a) {
			t.Error(wrong)
		}
		for _, other := range []tenancy.Verb{tenancy.SeeLab, tenancy.ManageSite} {
			declared := a
			declared.verb = other
			if !differs(m.lines, a, declared) {
				continue // the two say the same of everybody
			}
			reported := 0
			for _, l := range m.lines {
				if l.wrong(declared) != "" {
					reported++
				}
			}
			if reported == 0 {
				t.Errorf("nobody notices when %s declares %s instead of %s", a.key, other, a.verb)
			}
			found, verbs[a.verb] = found+1, true
		}
	}
	if found < 100 {
		t.Errorf("only %d wrong declarations were tried", found)
	}
	t.Logf("%d wrong declarations of %d verbs, each reported", found, len(verbs))
}

// differs says whether two declarations expect different things of anybody.
func differs(lines []line, a, b address) bool {
	for _, l := range lines {
		if expected(a, l.caller, l.object) != expected(b, l.caller, l.object) {
			return true
		}
	}
	return false
}

// TestTheMatrixReportsAHandlerThatForgetsToAsk runs pages whose service lets anybody do a thing, as if the check had been removed.
func TestTheMatrixReportsAHandlerThatForgetsToAsk(t *testing.T) {
	m := newMatrix(t, seams{web: func(c *web.Config) { c.Intents = careless{c.Intents} }})
	for _, a := range addresses() {
		if a.key != "POST /labs/:lab/deploy" {
			continue
		}
		wrong := strings.Join(m.run(a), "\n")
		for _, who := range []string{"observer of alpha", "member of alpha", "observer of bravo"} {
			if !strings.Contains(wrong, a.key+" as "+who+": allowed") {
				t.Errorf("nobody notices that the %s deploys: %s", who, wrong)
			}
		}
		return
	}
	t.Error("there is no deploy")
}

// TestTheMatrixReportsEachScopeThatIsForgotten builds the store once more with a hole in each method that takes a scope, and runs the matrix once
// for each: the method sees every tenant, or the other one.
func TestTheMatrixReportsEachScopeThatIsForgotten(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the matrix once for each method of the store")
	}
	root, err := filepath.Abs("../..")
	must(t, err)
	overlay, methods := holes(t, root)
	run := exec.CommandContext(t.Context(), "go", "test", "-buildvcs=false", "-overlay", overlay, "-count=1", "-run", "^TestHoles$", "-v", "trunkline/internal/rights")
	run.Dir = root
	run.Env = append(os.Environ(), "TRUNKLINE_NO_REAL=1", "TRUNKLINE_HOLES="+strings.Join(methods, ","))
	out, err := run.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "holes_test.go") {
			t.Log(strings.TrimSpace(line))
		}
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out[max(0, len(out)-4000):])
	}
}

// holes writes an overlay in which each method of the store may be told another scope, and returns its file and the methods.
func holes(t *testing.T, root string) (overlay string, methods []string) {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{filepath.Join(root, "internal/rights/holes_test.go"): filepath.Join(root, "internal/rights/testdata/holes_test.go")}
	files, err := filepath.Glob(filepath.Join(root, "store", "*.go"))
	must(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, found := pierced(t, file)
		if len(found) == 0 {
			continue
		}
		methods = append(methods, found...)
		copied := filepath.Join(dir, filepath.Base(file))
		must(t, os.WriteFile(copied, text, 0o600))
		replace[file] = copied
	}
	hole := filepath.Join(dir, "hole.go")
	must(t, os.WriteFile(hole, []byte("package store\n\nimport \"trunkline/tenancy\"\n\n"+
		"// Hole tells a method another scope. It is set before and after all else runs.\nvar Hole func(method string, scope tenancy.Scope) tenancy.Scope\n\n"+
		"func pierced(method string, scope tenancy.Scope) tenancy.Scope {\n\tif Hole == nil {\n\t\treturn scope\n\t}\n\treturn Hole(method, scope)\n}\n"), 0o600))
	replace[filepath.Join(root, "store", "hole.go")] = hole
	text, err := json.Marshal(map[string]any{"Replace": replace})
	must(t, err)
	overlay = filepath.Join(dir, "overlay.json")
	must(t, os.WriteFile(overlay, text, 0o600))
	if len(methods) < 30 {
		t.Fatalf("only %d methods take a scope", len(methods))
	}
	return overlay, methods
}

// pierced is the file with a hole at the beginning of each exported method that takes a scope.
func pierced(t *testing.T, file string) (text []byte, methods []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, text, 0)
	must(t, err)
	for i := len(parsed.Decls) - 1; i >= 0; i-- { // from the end, so that what comes before stays where it is
		f, isFunc := parsed.Decls[i].(*ast.FuncDecl)
		if !isFunc || f.Recv == nil || !f.Name.IsExported() {
			continue
		}
		name := scopeOf(f)
		if name == "" {
			continue
		}
		at := set.Position(f.Body.Lbrace).Offset + 1
		text = append(text[:at:at], append(fmt.Appendf(nil, "\n\t%s = pierced(%q, %s)", name, f.Name.Name, name), text[at:]...)...)
		methods = append(methods, f.Name.Name)
	}
	return text, methods
}

// scopeOf is the name of the parameter that is a scope.
func scopeOf(f *ast.FuncDecl) string {
	for _, p := range f.Type.Params.List {
		selector, ok := p.Type.(*ast.SelectorExpr)
		if ok && selector.Sel.Name == "Scope" && len(p.Names) == 1 && p.Names[0].Name != "_" {
			return p.Names[0].Name
		}
	}
	return ""
}
