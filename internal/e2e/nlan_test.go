package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline/examples"
	"trunkline/internal/client"
	"trunkline/internal/testkit"
	"trunkline/lab/control"
)

// TestTheNLANNetworkDoesWhatItsAuthorsPromise rebuilds the public NLAN network, nine routers and sixteen hosts, in both its forms, and holds its
// published acceptance facts against the real thing.
func TestTheNLANNetworkDoesWhatItsAuthorsPromise(t *testing.T) {
	program := realProgram(t)
	for _, form := range []string{"bgp", "ospf"} {
		t.Run(form, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			n := network{t: t, ctx: ctx, program: program, lab: "nlan-" + form}
			n.deployExample()
			if form == "bgp" {
				n.awaitSessions()
			}
			n.awaitRoutes()
			if form == "bgp" {
				n.reflectorStaysOutside()
			}
			if err := program.NLANReachesAll(ctx, n.lab); err != nil {
				t.Fatal(err)
			}
			if out, err := program.Run(ctx, "lab", "destroy", n.lab, "--wait"); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

type network struct {
	t       *testing.T
	ctx     context.Context
	program *testkit.Program
	lab     string
}

func (n network) deployExample() {
	n.t.Helper()
	source, err := examples.Files(n.lab)
	if err != nil {
		n.t.Fatal(err)
	}
	for {
		path, _, content, err := source.Next()
		if err != nil {
			n.t.Fatalf("the example has no %s: %v", examples.LabFile, err)
		}
		if path == examples.LabFile {
			if _, err := n.program.Client.Create(n.ctx, client.Import{Body: content, ContentType: "application/yaml", File: path}); err != nil {
				n.t.Fatal(err)
			}
			break
		}
	}
	if _, err := n.program.Client.Intent(n.ctx, n.lab, "deploy", nil); err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.program.AwaitState(n.ctx, n.lab, control.Running); err != nil {
		n.t.Fatal(err)
	}
}

func (n network) exec(node string, command ...string) (string, error) {
	return n.program.Run(n.ctx, append([]string{"exec", n.lab + "/" + node, "--"}, command...)...)
}

// awaitSessions counts the ends of the twelve BGP sessions: each has two.
func (n network) awaitSessions() {
	n.t.Helper()
	routers := []string{"pe1", "pe2", "pe3", "pe4", "rr", "ce1", "ce2", "ce3", "ce4"}
	err := testkit.Until(n.ctx, 3*time.Minute, "the twelve BGP sessions are established", func() error {
		ends := 0
		for _, router := range routers {
			out, err := n.exec(router, "vtysh", "-c", "show ip bgp summary json")
			if err != nil {
				return err
			}
			ends += strings.Count(out, `"state":"Established"`)
		}
		if ends != 24 {
			return fmt.Errorf("%d of 24 ends are", ends)
		}
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

// awaitRoutes wants on ce1 every prefix that NLAN's authors list, by one of its two provider edges.
func (n network) awaitRoutes() {
	n.t.Helper()
	wanted := []string{"10.200.1.0/24", "10.200.2.0/24"}
	for _, access := range []string{"201.12", "202.12", "203.13", "203.14", "204.13", "204.14"} {
		wanted = append(wanted, "10."+access+".0/24")
	}
	for site := 2; site <= 4; site++ {
		wanted = append(wanted, fmt.Sprintf("172.21.%d.0/24", site), fmt.Sprintf("172.22.%d.0/24", site), fmt.Sprintf("10.1.2.%d", site))
	}
	for pe := 1; pe <= 4; pe++ {
		wanted = append(wanted, fmt.Sprintf("10.1.1.%d", pe))
	}
	err := testkit.Until(n.ctx, 3*time.Minute, "ce1 knows every network", func() error {
		out, err := n.exec("ce1", "ip", "route")
		if err != nil {
			return err
		}
		for _, prefix := range wanted {
			if !strings.Contains(out, "\n"+prefix+" ") && !strings.HasPrefix(out, prefix+" ") {
				return fmt.Errorf("%s is missing in:\n%s", prefix, out)
			}
		}
		if !strings.Contains(out, "10.201.11.1") || !strings.Contains(out, "10.202.11.1") {
			return fmt.Errorf("one of the two uplinks is unused:\n%s", out)
		}
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

// reflectorStaysOutside: the route reflector speaks no eBGP, so customers do not learn its loopback.
func (n network) reflectorStaysOutside() {
	n.t.Helper()
	out, err := n.exec("ce1", "ip", "route")
	if err != nil {
		n.t.Fatal(err)
	}
	if strings.Contains(out, "10.1.1.5 ") {
		n.t.Errorf("ce1 knows the route reflector's loopback:\n%s", out)
	}
}
