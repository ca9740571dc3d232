package images

import (
	"encoding/json"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// label matches one NAME=VALUE of a LABEL instruction.
var label = regexp.MustCompile(`(trunkline\.[a-z-]+)=(\S+)`)

func TestEveryDockerfileSaysWhatTheTableSays(t *testing.T) {
	for _, image := range All() {
		content, err := os.ReadFile(path.Join(path.Base(image.Name), "Dockerfile"))
		if err != nil {
			t.Fatal(err)
		}
		_, instruction, found := strings.Cut(string(content), "\nLABEL ")
		if !found {
			t.Fatalf("%s: no LABEL in its Dockerfile", image.Name)
		}
		got := map[string]string{}
		for _, match := range label.FindAllStringSubmatch(instruction, -1) {
			got[match[1]] = match[2]
		}
		if want := image.Labels(); !maps.Equal(got, want) {
			t.Errorf("%s: the Dockerfile has the labels %v, the table %v", image.Name, got, want)
		}
	}
}

func TestEachKindHasItsImage(t *testing.T) {
	for kind, want := range map[string]string{"linux": "trunkline/host", "router": "trunkline/router", "dhcp": "trunkline/dhcp", "dns": "trunkline/dns"} {
		if image, ok := ForKind(kind); !ok || image.Name != want {
			t.Errorf("kind %s has the image %q, want %s", kind, image.Name, want)
		}
	}
	if image, ok := ForKind("switch"); ok {
		t.Errorf("a switch is no container, but has the image %s", image.Name)
	}
}

func TestTheProfileGivesSysAdminNoPower(t *testing.T) {
	var p struct {
		DefaultAction string
		Syscalls      []struct {
			Names    []string
			Action   string
			Args     []struct{ Op string }
			Includes struct{ Caps []string }
			Excludes struct{ Caps []string }
		}
	}
	if err := json.Unmarshal([]byte(Seccomp()), &p); err != nil {
		t.Fatal(err)
	}
	if p.DefaultAction != "SCMP_ACT_ERRNO" {
		t.Errorf("what is not named is %s, want refused", p.DefaultAction)
	}
	closed := []string{"mount", "umount2", "move_mount", "open_tree", "fsopen", "setns", "unshare", "pivot_root", "sethostname", "quotactl", "fanotify_init", "lookup_dcookie"}
	allowed := map[string]bool{}
	for _, rule := range p.Syscalls {
		if slices.Contains(rule.Includes.Caps, "CAP_SYS_ADMIN") || slices.Contains(rule.Excludes.Caps, "CAP_SYS_ADMIN") {
			t.Errorf("a rule on %v depends on SYS_ADMIN", rule.Names)
		}
		if rule.Action != "SCMP_ACT_ALLOW" {
			continue
		}
		for _, name := range rule.Names {
			allowed[name] = true
			if slices.Contains(closed, name) {
				t.Errorf("%s is allowed", name)
			}
			if name == "clone" && len(rule.Args) == 0 {
				t.Error("clone is allowed with every flag, new namespaces included")
			}
			if name == "clone3" {
				t.Error("clone3 is allowed, whose flags no filter can see")
			}
		}
	}
	for _, name := range []string{"clone", "read", "socket", "execve"} {
		if !allowed[name] {
			t.Errorf("%s is refused", name)
		}
	}
}
