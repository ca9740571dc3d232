package acceptance

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/internal/client"
	"trunkline/internal/testkit"
	"trunkline/lab/control"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

const (
	tiny   = "trunkline/tiny:latest"
	host   = "trunkline/host:latest"
	router = "trunkline/router:latest"

	within = 2 * time.Minute // any single thing a lab of this size is asked for, on a slow machine
)

// rig is a test host with the program running on it.
type rig struct {
	*testkit.Program
	t    *testing.T
	host *testkit.Host
}

func newRig(t *testing.T, images ...string) *rig {
	h := testkit.NewHost(t, images...)
	return &rig{t: t, host: h, Program: h.Up(testkit.Binaries(t), "--egress")}
}

// limited is a context for one wait.
func (r *rig) limited() context.Context {
	ctx, cancel := context.WithTimeout(r.t.Context(), within)
	r.t.Cleanup(cancel)
	return ctx
}

// says runs a command of the program and expects the exit code and the words somewhere in what it prints.
func (r *rig) says(code int, words []string, arguments ...string) testkit.Said {
	r.t.Helper()
	said, err := r.Say(r.limited(), arguments...)
	if err != nil {
		r.t.Fatalf("trunkline %s: %v", strings.Join(arguments, " "), err)
	}
	if said.Code != code {
		r.t.Errorf("trunkline %s exits with %d, wanted %d\n%s%s", strings.Join(arguments, " "), said.Code, code, said.Out, said.Err)
	}
	for _, word := range words {
		if !strings.Contains(said.Out+said.Err, word) {
			r.t.Errorf("trunkline %s does not say %q:\n%s%s", strings.Join(arguments, " "), word, said.Out, said.Err)
		}
	}
	return said
}

// stores imports a lab file from the command line.
func (r *rig) stores(name, yaml string) {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), name+".clab.yml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.says(0, []string{name}, "lab", "create", "-f", file, "--name", name)
}

// asks sends an intent through the API and fails the test when it is refused.
func (r *rig) asks(lab, verb string) {
	r.t.Helper()
	if _, err := r.Client.Intent(r.limited(), lab, verb, nil); err != nil {
		r.t.Fatalf("%s %s: %v", verb, lab, err)
	}
}

// becomes waits for a state of the lab.
func (r *rig) becomes(lab string, state control.State) *control.LabView {
	r.t.Helper()
	view, err := r.AwaitState(r.limited(), lab, state)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.logTail())
	}
	return view
}

// until waits for a named condition of the lab.
func (r *rig) until(lab, condition string, holds func(*control.LabDetail) bool) *control.LabDetail {
	r.t.Helper()
	var last *control.LabDetail
	err := testkit.Until(r.t.Context(), within, condition, func() (err error) {
		if last, err = r.Client.Lab(r.t.Context(), lab); err == nil && !holds(last) {
			err = fmt.Errorf("lab %s is %s: %q", lab, last.State, last.Reason)
		}
		return err
	})
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.logTail())
	}
	return last
}

func (r *rig) logTail() string {
	lines := strings.Split(r.Output(), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// pings sends one echo request from a node, and says whether an answer came.
func (r *rig) pings(node, to string) error {
	said, err := r.Say(r.limited(), "exec", node, "--", "ping", "-c", "1", "-W", "2", to)
	if err == nil && said.Code != 0 {
		err = fmt.Errorf("ping %s from %s: exit code %d\n%s%s", to, node, said.Code, said.Out, said.Err)
	}
	return err
}

// reaches waits until a ping is answered.
func (r *rig) reaches(node, to string) {
	r.t.Helper()
	if err := testkit.Until(r.t.Context(), within, "a ping from "+node+" to "+to, func() error { return r.pings(node, to) }); err != nil {
		r.t.Error(err)
	}
}

// destroys removes what the lab has on the host and waits for it.
func (r *rig) destroys(lab string) {
	r.t.Helper()
	r.says(0, nil, "lab", "destroy", lab, "--wait")
}

// forgets removes the lab altogether.
func (r *rig) forgets(lab string) {
	r.t.Helper()
	if _, err := r.Client.Intent(r.limited(), lab, "destroy", url.Values{"forget": {"true"}}); err != nil {
		r.t.Fatalf("forget %s: %v", lab, err)
	}
}

// nothingIsLeft asks the program's own doctor, and then looks for itself.
func (r *rig) nothingIsLeft() {
	r.t.Helper()
	said, err := r.SayHere(r.limited(), append([]string{"doctor", "--leftovers", "--data", r.host.Data()}, r.host.Flags()...)...)
	if err != nil || said.Code != 0 {
		r.t.Errorf("doctor --leftovers exits with %d: %v\n%s%s", said.Code, err, said.Out, said.Err)
	}
	if err := r.host.AwaitNothing(r.limited()); err != nil {
		r.t.Error(err)
	}
}

// imports stores one file through the API, whatever becomes of it.
func (r *rig) imports(name, yaml string) error {
	_, err := r.Client.Create(r.limited(), client.Import{Name: name, ContentType: "application/yaml", Body: strings.NewReader(yaml)})
	return err
}

// pair is two nodes on one cable: a has 10.0.0.1, b has 10.0.0.2.
func pair(name string) string {
	return fmt.Sprintf(`name: %s
topology:
  kinds:
    linux: {image: %s}
  nodes:
    a: {kind: linux}
    b: {kind: linux}
  links:
    - endpoints: [a:eth1, b:eth1]
      ipv4: [10.0.0.1/24, 10.0.0.2/24]
`, name, tiny)
}

// ring is n nodes in a ring, a switch that each is on as well, and a way out behind the switch.
func ring(name string, n int) string {
	var nodes, links strings.Builder
	for i := range n {
		fmt.Fprintf(&nodes, "    n%d: {kind: linux}\n", i)
		fmt.Fprintf(&links, "    - endpoints: [n%d:eth1, n%d:eth2]\n      ipv4: [10.0.%d.1/30, 10.0.%d.2/30]\n", i, (i+1)%n, i, i)
		fmt.Fprintf(&links, "    - endpoints: [sw:eth%d, n%d:eth3]\n      ipv4: ['', 10.255.0.%d/24]\n", i+1, i, i+10)
	}
	return fmt.Sprintf(`name: %s
topology:
  kinds:
    linux: {image: %s}
  nodes:
    sw: {kind: switch}
    out: {kind: internet, internet: {subnet: 10.255.0.1/24}}
%s  links:
    - endpoints: [sw:uplink, out:eth1]
%s`, name, tiny, nodes.String(), links.String())
}

// replaces stores another version of the lab's file.
func (r *rig) replaces(lab, yaml string) {
	r.t.Helper()
	detail, err := r.Client.Lab(r.limited(), lab)
	if err == nil {
		_, err = r.Client.Create(r.limited(), client.Import{Replace: detail.ID, ContentType: "application/yaml", Body: strings.NewReader(yaml)})
	}
	if err != nil {
		r.t.Fatalf("replace the file of %s: %v", lab, err)
	}
}
