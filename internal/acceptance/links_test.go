package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trunkline/internal/testkit"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
)

const linksFile = `name: links
topology:
  defaults: {kind: linux, image: trunkline/tiny}
  nodes:
    a: {}
    b: {}
    c: {image: trunkline/host}
    sw: {kind: switch, switch: {openflow: {controller: c}}}
  links:
    - endpoints: [a:eth1, b:eth1]
      ipv4: [10.0.1.1/24, 10.0.1.2/24]
    - endpoints: [a:eth2, sw:p1]
      ipv4: [10.0.2.1/24]
    - endpoints: [b:eth2, sw:p2]
      ipv4: [10.0.2.2/24]
`

// TestLinksAndAnOpenFlowSwitchOnARealHost has real containers and a real switch, on a kernel with netem or without.
func TestLinksAndAnOpenFlowSwitchOnARealHost(t *testing.T) {
	r := newRig(t, tiny, host)
	r.stores("links", linksFile)
	r.asks("links", "deploy")
	r.becomes("links", control.Running)
	r.reaches("links/a", "10.0.1.2")
	carrier := func(node, want string) {
		t.Helper()
		err := testkit.Until(t.Context(), within, "carrier "+want+" in "+node, func() error {
			said, err := r.Say(r.limited(), "exec", "links/"+node, "--", "cat", "/sys/class/net/eth1/carrier")
			if err == nil && strings.TrimSpace(said.Out) != want {
				err = exec.ErrNotFound
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	t.Run("a cut takes the carrier in both nodes, and mending gives it back", func(t *testing.T) {
		r.says(0, []string{"Applied"}, "link", "cut", "links", "a:eth1")
		carrier("a", "0")
		carrier("b", "0")
		r.says(0, []string{"Applied"}, "link", "mend", "links", "a:eth1")
		carrier("a", "1")
		carrier("b", "1")
		r.reaches("links/a", "10.0.1.2")
	})
	t.Run("a loss of all one way keeps the carrier and needs no netem", func(t *testing.T) {
		r.says(0, []string{"Applied"}, "link", "set", "links", "a:eth1", "--loss", "100%", "--from", "a")
		err := testkit.Until(t.Context(), within, "silence", func() error {
			if r.pings("links/a", "10.0.1.2") == nil {
				return exec.ErrNotFound
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		carrier("a", "1")
		r.says(0, []string{"Applied"}, "link", "reset", "links", "a:eth1")
		r.reaches("links/a", "10.0.1.2")
	})
	t.Run("a rate is a queue of the kernel", func(t *testing.T) {
		r.says(0, []string{"Applied"}, "link", "set", "links", "a:eth1", "--rate", "3mbit", "--from", "a")
		err := testkit.Until(t.Context(), within, "a queue of 3 Mbit/s", func() error {
			if out := r.host.Run("tc", "qdisc", "show"); !strings.Contains(out, "rate 3Mbit") {
				return exec.ErrNotFound
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		r.reaches("links/a", "10.0.1.2")
	})
	t.Run("a node made anew has its MAC and cables, and nothing that was changed in it", func(t *testing.T) {
		const look = "cat /sys/class/net/eth1/address; ls /root"
		r.says(0, nil, "exec", "links/a", "--", "touch", "/root/changed")
		before := r.says(0, []string{"changed"}, "exec", "links/a", "--", "sh", "-c", look)
		mac, _, _ := strings.Cut(before.Out, "\n")
		had := r.started("links")
		r.says(0, nil, "node", "recreate", "links/a")
		r.until("links", "another container of a", func(l *control.LabDetail) bool {
			return l.State == control.Running && slices.ContainsFunc(l.Nodes, func(n control.NodeView) bool {
				return n.Name == "a" && n.State == hostapi.NodeRunning && n.StartedAt.After(had["a"])
			})
		})
		after := r.says(0, []string{mac}, "exec", "links/a", "--", "sh", "-c", look)
		if strings.Contains(after.Out, "changed") {
			t.Errorf("its files are those from before: %s", after.Out)
		}
		r.reaches("links/a", "10.0.1.2")
		if has := r.started("links"); has["b"] != had["b"] || has["c"] != had["c"] {
			t.Errorf("the others ran since %v, and run since %v", had, has)
		}
	})
	t.Run("a controller in a node programs the switch", func(t *testing.T) {
		if r.pings("links/a", "10.0.2.2") == nil {
			t.Error("frames pass without the controller")
		}
		program := filepath.Join(t.TempDir(), "ofhub")
		build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, "trunkline/internal/testkit/ofhub")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		r.says(0, nil, "cp", program, "links/c:/root/ofhub")
		r.says(0, nil, "exec", "links/c", "--", "sh", "-c", "chmod +x /root/ofhub; /root/ofhub </dev/null >/root/log 2>&1 &")
		r.reaches("links/a", "10.0.2.2")
		r.says(0, []string{"connected"}, "switch", "show", "links/sw", "ports")
	})
}
