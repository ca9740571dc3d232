package acceptance

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/hostapi"
)

// sight is what a lab's file says and what its nodes look like from inside.
type sight struct {
	begun  time.Time
	id     string
	source string
	state  control.State
	reason string
	lab    *lab.Lab
	nodes  map[string]nodeSight // the containers
	ways   []way
	passed map[way]bool
}

type nodeSight struct {
	state     hostapi.NodeState
	container string
	started   string // its first process, in ticks of the kernel
	ports     map[string]portSight
}

type portSight struct {
	index, mtu int
	mac        string
	carrier    bool
	addresses  []string
}

// way is one ping, and whether the file says that it is answered.
type way struct {
	node, port, to, by string
	open               bool
}

// look reads the file, looks into every container and sends all pings.
func (e *edits) look() (sight, error) {
	begun := time.Now()
	detail, err := e.f.Client.Lab(e.f.t.Context(), "edited")
	if err != nil {
		return sight{}, err
	}
	s := sight{begun: begun, id: detail.ID, source: detail.Source, state: detail.State, reason: detail.Reason, lab: detail.Lab, nodes: map[string]nodeSight{}, passed: map[way]bool{}}
	s.ways = ways(s.lab)
	if s.state != control.Running {
		return s, fmt.Errorf("the lab is %s: %q", s.state, s.reason)
	}
	var mu sync.Mutex
	group := errgroup.Group{}
	group.SetLimit(4)
	for _, n := range detail.Nodes {
		if !n.Kind.IsContainer() {
			continue
		}
		group.Go(func() error {
			one := nodeSight{state: n.State, container: n.ContainerID}
			said, err := e.inside(n.Name, script(n.Name, s.ways))
			one.ports = readPorts(said)
			if _, after, found := strings.Cut(said, "\nstarted "); found {
				one.started, _, _ = strings.Cut(after, "\n")
			}
			mu.Lock()
			defer mu.Unlock()
			s.nodes[n.Name] = one
			for _, w := range s.ways {
				if w.node == n.Name && strings.Contains(said, "\nanswered "+w.port+" "+w.to+"\n") {
					s.passed[w] = true
				}
			}
			return err
		})
	}
	return s, group.Wait()
}

// inside runs a shell script in a node.
func (e *edits) inside(node, script string) (string, error) {
	conn, err := e.f.Client.Exec(e.f.limited(), "edited", node, hostapi.ExecRequest{Command: []string{"sh", "-c", script}})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	var out bytes.Buffer
	_, err = io.Copy(&out, conn)
	return "\n" + out.String(), err
}

func script(node string, ways []way) string {
	var b strings.Builder
	b.WriteString("echo started $(cut -d ' ' -f 22 /proc/1/stat)\nip addr\n")
	for _, w := range ways {
		if w.node == node {
			fmt.Fprintf(&b, "(ping -c 1 -W 1 -I %[1]s %[2]s >/dev/null 2>&1 && echo answered %[1]s %[2]s) &\n", w.port, w.to)
		}
	}
	b.WriteString("wait\ntrue\n")
	return b.String()
}

var portLine = regexp.MustCompile(`^(\d+): ([^:@]+)[^ ]*: <([^>]*)> mtu (\d+)`)

// readPorts reads what busybox' ip addr prints.
func readPorts(said string) map[string]portSight {
	ports := map[string]portSight{}
	name := ""
	for line := range strings.Lines(said) {
		if m := portLine.FindStringSubmatch(line); m != nil {
			name = m[2]
			p := portSight{carrier: slices.Contains(strings.Split(m[3], ","), "LOWER_UP")}
			p.index, _ = strconv.Atoi(m[1])
			p.mtu, _ = strconv.Atoi(m[4])
			ports[name] = p
			continue
		}
		words := strings.Fields(line)
		if len(words) < 2 || name == "" {
			continue
		}
		p := ports[name]
		switch {
		case words[0] == "link/ether":
			p.mac = words[1]
		case words[0] == "inet", words[0] == "inet6" && !strings.HasPrefix(words[1], "fe80:"):
			p.addresses = append(p.addresses, words[1])
		}
		ports[name] = p
	}
	return ports
}

// asWritten says what is not as the file says.
func (s sight) asWritten() error {
	for _, name := range containers(s.lab) {
		if n := s.nodes[name]; n.state != hostapi.NodeRunning {
			return fmt.Errorf("%s is %q", name, n.state)
		}
	}
	if len(s.nodes) != len(containers(s.lab)) {
		return fmt.Errorf("%d containers run, the file has %d", len(s.nodes), len(containers(s.lab)))
	}
	plugged := map[string]int{}
	for _, link := range s.lab.Links {
		for _, end := range []lab.Endpoint{link.A, link.B} {
			if !s.lab.Node(end.Node).Kind.IsContainer() {
				continue
			}
			plugged[end.Node]++
			if err := s.portAsWritten(link, end); err != nil {
				return err
			}
		}
	}
	for name, n := range s.nodes {
		for port := range n.ports {
			if !strings.HasPrefix(port, "eth") {
				plugged[name]++
			}
		}
		if len(n.ports) != plugged[name] {
			return fmt.Errorf("%s has the interfaces %v, which is not what the file says", name, n.ports)
		}
	}
	for _, w := range s.ways {
		if s.passed[w] != w.open {
			return fmt.Errorf("a ping from %s %s to %s (%s): answered is %t, the file says %t", w.node, w.port, w.to, w.by, s.passed[w], w.open)
		}
	}
	return nil
}

func (s sight) portAsWritten(link *lab.Link, end lab.Endpoint) error {
	is, there := s.nodes[end.Node].ports[end.Interface]
	if !there {
		return fmt.Errorf("%s is not there", end)
	}
	wanted := []string{}
	for _, a := range addresses(s.lab, end) {
		wanted = append(wanted, a.String())
	}
	has := slices.Clone(is.addresses)
	slices.Sort(wanted)
	slices.Sort(has)
	mtu := link.MTU
	if mtu == 0 {
		mtu = 1500
	}
	switch {
	case is.carrier != !link.Cut:
		return fmt.Errorf("%s has carrier: %t, and cut is %t", end, is.carrier, link.Cut)
	case !slices.Equal(wanted, has):
		return fmt.Errorf("%s has the addresses %q, wanted %q", end, has, wanted)
	case is.mtu != mtu:
		return fmt.Errorf("%s has MTU %d, wanted %d", end, is.mtu, mtu)
	}
	return nil
}

// addresses are those of an end: what the link says, and what its node says.
func addresses(l *lab.Lab, end lab.Endpoint) []netip.Prefix {
	all := slices.Clone(end.Addresses)
	for _, i := range l.Node(end.Node).Interfaces {
		if i.Name == end.Interface {
			for _, a := range i.Addresses {
				if !slices.Contains(all, a) {
					all = append(all, a)
				}
			}
		}
	}
	return all
}

// tap is one end of a cable at a container, with what is at the other end.
type tap struct {
	end     lab.Endpoint
	far     lab.Endpoint
	passes  bool // both ways
	address netip.Prefix
	vlan    int // of a switch's port
}

// ways are the pings whose answer the file decides: along every cable, and between neighbours on the same network of a switch or segment.
// Where a node has a network twice its routes decide, and nothing is asked.
func ways(l *lab.Lab) (all []way) {
	networks := map[netip.Prefix][]tap{}
	var order []netip.Prefix
	count := map[string]int{}
	for _, link := range l.Links {
		for i, end := range []lab.Endpoint{link.A, link.B} {
			far := []lab.Endpoint{link.B, link.A}[i]
			if !l.Node(end.Node).Kind.IsContainer() {
				continue
			}
			for _, a := range addresses(l, end) {
				t := tap{end: end, far: far, address: a, passes: !link.Cut && !link.AtoB.IsCut() && !link.BtoA.IsCut(), vlan: vlanOf(l, far)}
				if networks[a.Masked()] == nil {
					order = append(order, a.Masked())
				}
				networks[a.Masked()] = append(networks[a.Masked()], t)
				count[end.Node+" "+a.Masked().String()]++
			}
		}
	}
	for _, network := range order {
		taps := slices.DeleteFunc(networks[network], func(t tap) bool { return count[t.end.Node+" "+network.String()] > 1 })
		for i := range taps {
			from, to := taps[i], taps[(i+1)%len(taps)]
			if from.end.Node == to.end.Node || len(taps) == 2 && i == 1 {
				continue
			}
			w := way{node: from.end.Node, port: from.end.Interface, to: to.address.Addr().String(), by: "to " + to.end.String()}
			joined := from.far.Node == to.far.Node && from.vlan == to.vlan
			if l.Node(from.far.Node).Kind.IsContainer() {
				joined = from.far.String() == to.end.String()
			}
			w.open = joined && from.passes && to.passes
			all = append(all, w)
		}
	}
	return all
}

// vlanOf is the VLAN that untagged frames have behind a port.
func vlanOf(l *lab.Lab, port lab.Endpoint) int {
	for _, i := range l.Node(port.Node).Interfaces {
		if i.Name == port.Interface {
			return max(i.Access, i.Native)
		}
	}
	return 0
}
