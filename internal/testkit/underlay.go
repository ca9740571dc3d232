package testkit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
)

// wires are the two bridges in this machine's namespace that join the test hosts of a run: by the first the test and its controller
// reach them, the second is the underlay of tunnels. They are there as long as a host is.
var wires struct {
	mu       sync.Mutex
	hosts    int
	next     int
	access   string // bridges
	underlay string
	number   int // of both /24 subnets: 198.18.N and 198.19.N (RFC 2544)
}

// tunnelMTU lets 1500-byte frames of labs pass in a tunnel: the userspace datapath does not fragment.
const tunnelMTU = 1600

// underlayBridge is the Open vSwitch bridge that a host's tunnels leave by: the userspace datapath wants one.
const underlayBridge = "br-phy"

// ControllerAddress is where a controller in the test's own namespace is reached by every host.
func ControllerAddress() string { return fmt.Sprintf("198.18.%d.1", wires.number) }

// joinWires gives a namespace eth0 on the access bridge, with the address returned first, and eth1 on the underlay, which gets its
// address, the second, with StartOVS.
func joinWires(name string, pid int) (address, underlay string, err error) {
	w := &wires
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hosts == 0 {
		if err := raiseWiresLocked(); err != nil {
			return "", "", err
		}
	}
	w.hosts++
	w.next++
	address, underlay = fmt.Sprintf("198.18.%d.%d", w.number, 1+w.next), fmt.Sprintf("198.19.%d.%d", w.number, 1+w.next)
	end := strings.Replace(name, "tlh-", "tlk", 1)
	far := strings.Replace(name, "tlh-", "tlu", 1)
	inside := fmt.Sprintf("nsenter --target %d --net -- ", pid)
	return address, underlay, run(
		fmt.Sprintf("ip link add %s type veth peer name eth0 netns %d", end, pid),
		fmt.Sprintf("ip link set %s master %s up", end, w.access),
		inside+fmt.Sprintf("ip address add %s/24 dev eth0", address),
		inside+"ip link set eth0 up",
		inside+fmt.Sprintf("ip route add default via 198.18.%d.1", w.number),
		fmt.Sprintf("ip link add %s mtu %d type veth peer name eth1 mtu %d netns %d", far, tunnelMTU, tunnelMTU, pid),
		fmt.Sprintf("ip link set %s master %s up", far, w.underlay),
		inside+"ethtool --offload eth1 tx off",
		inside+"ip link set eth1 up",
	)
}

// raiseUnderlay puts eth1 into the bridge that tunnels leave by, with the host's address there, as the network set-up of a machine does
// at each start of Open vSwitch.
func (h *Host) raiseUnderlay() error {
	h.Run("ovs-vsctl", "--timeout=60", "--", "--may-exist", "add-br", underlayBridge, "--", "set", "Bridge", underlayBridge, "datapath_type=netdev",
		"--", "--may-exist", "add-port", underlayBridge, "eth1", "--", "set", "Interface", underlayBridge, fmt.Sprintf("mtu_request=%d", tunnelMTU))
	inside := strings.Join(h.inside(), " ") + " "
	return Until(context.Background(), daemonWithin, "the address of the underlay", func() error {
		return run(inside+"ip address replace "+h.Underlay+"/24 dev "+underlayBridge, inside+"ip link set "+underlayBridge+" up")
	})
}

// CutUnderlay takes the host off the underlay, or puts it back. Its link to the controller stays.
func (h *Host) CutUnderlay(off bool) {
	h.t.Helper()
	state := map[bool]string{true: "down", false: "up"}[off]
	if err := run("ip link set " + strings.Replace(h.Name, "tlh-", "tlu", 1) + " " + state); err != nil {
		h.t.Fatal(err)
	}
}

// raiseWiresLocked takes subnets of the range for tests that nobody has here.
func raiseWiresLocked() error {
	routes, err := exec.Command("ip", "route").CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip route: %w: %s", err, routes)
	}
	w := &wires
	number := rand.IntN(250)
	for strings.Contains(string(routes), fmt.Sprintf("198.18.%d.", number)) || strings.Contains(string(routes), fmt.Sprintf("198.19.%d.", number)) {
		number = (number + 1) % 250
	}
	w.number, w.access, w.underlay, w.next = number, fmt.Sprintf("tkbr%d", number), fmt.Sprintf("tkul%d", number), 0
	return run(
		"ip link add "+w.access+" type bridge",
		fmt.Sprintf("ip address add 198.18.%d.1/24 dev %s", number, w.access),
		"ip link set "+w.access+" up",
		fmt.Sprintf("ip link add %s mtu %d type bridge mcast_snooping 0", w.underlay, tunnelMTU),
		fmt.Sprintf("ip address add 198.19.%d.1/24 dev %s", number, w.underlay),
		"ip link set "+w.underlay+" up",
	)
}

// leaveWires removes the bridges with the last host.
func leaveWires() error {
	w := &wires
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hosts--; w.hosts > 0 {
		return nil
	}
	return run("ip link delete "+w.access, "ip link delete "+w.underlay)
}

// run runs commands without quoting, one after the other.
func run(commands ...string) error {
	for _, line := range commands {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, out)
		}
	}
	return nil
}
