package acceptance

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"trunkline/internal/testkit"
)

// fleet is a controller with compute hosts that joined it by their join commands: host-a, host-b and so on.
type fleet struct {
	rig
	hosts  []*testkit.Host
	agents []*testkit.Agent
}

var joinCommand = regexp.MustCompile(`--controller (\S+) --token (\S+)`)

// newFleet makes as many hosts as there are label sets, such as "zone=a".
func newFleet(t *testing.T, images []string, labels ...string) *fleet {
	t.Helper()
	binary := testkit.Binaries(t)
	f := &fleet{rig: rig{t: t}}
	for range labels {
		f.hosts = append(f.hosts, testkit.NewHost(t, images...))
	}
	controller, err := testkit.Serve(t.Context(), binary, t.TempDir(), "--lost-after", "5s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(controller.Stop)
	controller.Pin()
	f.Program = controller
	for i, h := range f.hosts {
		said := f.says(0, nil, "hosts", "join", "--name", name(i), "--label", labels[i])
		command := joinCommand.FindStringSubmatch(said.Out)
		if command == nil {
			t.Fatalf("trunkline hosts join prints no join command:\n%s", said.Out)
		}
		agent, err := h.Join(binary, command[1], command[2])
		if err != nil {
			t.Fatal(err)
		}
		f.agents = append(f.agents, agent)
	}
	f.awaitConnected(len(labels))
	return f
}

func name(i int) string { return "host-" + string(rune('a'+i)) }

// awaitConnected waits until so many hosts are linked.
func (f *fleet) awaitConnected(n int) {
	f.t.Helper()
	err := testkit.Until(f.t.Context(), within, fmt.Sprintf("%d linked hosts", n), func() error {
		hosts, err := f.Client.Hosts(f.t.Context())
		if err != nil {
			return err
		}
		var linked []string
		for _, h := range hosts {
			if h.Connected {
				linked = append(linked, h.Name)
			}
		}
		if len(linked) != n {
			return fmt.Errorf("linked are %q", linked)
		}
		return nil
	})
	if err != nil {
		f.t.Fatalf("%v\n%s", err, f.logTail())
	}
}

// revive brings a crashed host back.
func (f *fleet) revive(i int) {
	f.t.Helper()
	f.hosts[i].StartOVS()
	f.hosts[i].StartDocker()
	if err := f.agents[i].Start(); err != nil {
		f.t.Fatal(err)
	}
}

// nothingIsLeftAnywhere asks each host's doctor, and then looks; once the hosts have left their controller there is nothing at all.
func (f *fleet) nothingIsLeftAnywhere() {
	f.t.Helper()
	var asking sync.WaitGroup
	for i, h := range f.hosts {
		asking.Go(func() {
			line := append([]string{"doctor", "--leftovers", "--data", h.Data()}, h.Flags()...)
			out, err := h.Command(f.limited(), f.Binary, line...).CombinedOutput()
			if err != nil {
				f.t.Errorf("doctor --leftovers on %s: %v\n%s", name(i), err, out)
			}
			if err := h.AwaitNoLabs(f.limited()); err != nil {
				f.t.Errorf("%s: %v", name(i), err)
			}
			if err := f.agents[i].Leave(f.limited()); err != nil {
				f.t.Error(err)
			}
			if err := h.AwaitNothing(f.limited()); err != nil {
				f.t.Errorf("%s after it has left: %v", name(i), err)
			}
		})
	}
	asking.Wait()
}

// placed is how many nodes of the lab are on each host, by name.
func (f *fleet) placed(lab string) map[string]int {
	f.t.Helper()
	detail, err := f.Client.Lab(f.limited(), lab)
	if err != nil {
		f.t.Fatal(err)
	}
	on := map[string]int{}
	for _, node := range detail.Nodes {
		on[node.Host]++
		if strings.TrimSpace(node.Placed) == "" && node.Host != "" {
			f.t.Errorf("node %s is on %s for no reason that is told", node.Name, node.Host)
		}
	}
	return on
}
