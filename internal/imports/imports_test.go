package imports

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"
)

type pkg struct {
	ImportPath string
	Name       string
	Doc        string
	Imports    []string
	GoFiles    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Name,Doc,Imports,GoFiles", "trunkline/...")
	var out, complaints bytes.Buffer
	list.Stdout, list.Stderr = &out, &complaints
	if err := list.Run(); err != nil {
		t.Fatalf("go list: %v\n%s", err, complaints.String())
	}
	var found []pkg
	for decoder := json.NewDecoder(&out); ; {
		var p pkg
		err := decoder.Decode(&p)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, p)
	}
	if len(found) < 20 {
		t.Fatalf("go list found %d packages only", len(found))
	}
	return found
}

// under reports whether path is the package or below it.
func under(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

const (
	docker    = "github.com/docker/docker"
	echo      = "github.com/labstack/echo"
	gorm      = "gorm.io"
	netlink   = "github.com/vishvananda"
	yamux     = "github.com/hashicorp/yamux"
	ovs       = "github.com/digitalocean/go-openvswitch"
	goOIDC    = "github.com/coreos/go-oidc"
	websocket = "github.com/coder/websocket"
)

// forbidden is who may not import what, and why.
var forbidden = []struct {
	from   string
	not    []string
	reason string
}{
	{"trunkline/lab/place", []string{"os", "net", "time", "database/sql", "trunkline/store"}, "placement is pure: equal input, equal places"},
	{"trunkline/lab/format", []string{"os", "net/http", docker, gorm}, "a parser that reads the server's files or environment would leak them"},
	{"trunkline/web", []string{gorm, docker, netlink, yamux, ovs, "trunkline/store", "trunkline/lab/host", "trunkline/lab/engine", "trunkline/lab/fabric", "trunkline/hostlink"}, "pages ask services, which check tenants"},
	{"trunkline/templates", []string{"trunkline/web", "trunkline/store", "trunkline/lab/control", "trunkline/tenancy"}, "templates get view structs and nothing to call"},
	{"trunkline/tenancy", []string{"net/http", gorm, "trunkline/lab", "trunkline/store", "trunkline/web"}, "rights are decided without knowing transport, storage or labs"},
	{"trunkline/tenancy/login", []string{gorm, echo, "trunkline/lab", "trunkline/store", "trunkline/web"}, "who somebody is is asked of providers, and kept and shown by others"},
	{"trunkline/hostlink", []string{"trunkline/lab", "trunkline/terminal", "trunkline/store", echo, gorm}, "the tunnel carries bytes"},
	{"trunkline/terminal", []string{"trunkline/lab", "trunkline/store", docker, echo, gorm}, "shells work over any stream"},
	{"trunkline/store", []string{"trunkline/web", "trunkline/lab/host", "trunkline/terminal"}, "storage knows nothing of who asks"},
	{"trunkline/lab/control", []string{gorm, docker, echo, netlink, "trunkline/store", "trunkline/web", "trunkline/lab/host", "trunkline/lab/engine", "trunkline/lab/fabric"}, "the controller decides; others store, show and do"},
	{"trunkline/lab/hostapi", []string{docker, gorm, echo, yamux, netlink, websocket}, "the wire types are the same over any transport"},
	{"trunkline/cmd/trunkline-host", []string{gorm, "github.com/mattn", "trunkline/store", "trunkline/web"}, "the agent alone is static: no cgo, no SQL"},
	{"trunkline/cmd/trunkline-init", []string{"net", "fmt", "log"}, "every node runs it: it has to start in a millisecond"},
}

// apart is which package has a rule of its own, and not that of the package above it.
var apart = map[string]string{"trunkline/tenancy/login": "trunkline/tenancy"}

// onlyIn is which library has one home.
var onlyIn = []struct {
	library string
	homes   []string
	reason  string
}{
	{docker, []string{"trunkline/lab/engine", "trunkline/internal/bench"}, "the Docker client is frozen: its successor must be a change to one package"},
	{netlink, []string{"trunkline/lab/fabric"}, "only the fabric touches interfaces"},
	{ovs, []string{"trunkline/lab/fabric"}, "only the fabric touches Open vSwitch"},
	{yamux, []string{"trunkline/hostlink"}, "only the tunnel knows how it is made"},
	{gorm, []string{"trunkline/store"}, "queries are scoped in one place"},
	{goOIDC, []string{"trunkline/tenancy/login"}, "one place turns claims into memberships"},
	{"github.com/yuin/goldmark", []string{"trunkline/internal/markdown"}, "what people write is drawn in one place, and sanitised there"},
	{"github.com/microcosm-cc/bluemonday", []string{"trunkline/internal/markdown"}, "what people write is drawn in one place, and sanitised there"},
	{echo, []string{"trunkline/web"}, "echo's v4 line ends: leaving it must be a day's work"},
}

func TestNobodyImportsWhatItMustNotKnow(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			for _, rule := range forbidden {
				if !under(p.ImportPath, rule.from) || rule.from == apart[p.ImportPath] {
					continue
				}
				for _, not := range rule.not {
					if imported == not || strings.Contains(not, "/") && under(imported, not) {
						t.Errorf("%s imports %s: %s", p.ImportPath, imported, rule.reason)
					}
				}
			}
			for _, rule := range onlyIn {
				if under(imported, rule.library) && !underAny(p.ImportPath, rule.homes) {
					t.Errorf("%s imports %s: %s", p.ImportPath, imported, rule.reason)
				}
			}
		}
	}
}

func underAny(path string, roots []string) bool {
	for _, root := range roots {
		if under(path, root) {
			return true
		}
	}
	return false
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 {
			continue // tests only
		}
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command "
		}
		if !strings.HasPrefix(p.Doc, want) {
			t.Errorf("%s: the package comment begins %.40q and not %q", p.ImportPath, p.Doc, want)
		}
	}
}
