package testkit

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
)

// underlay is the bridge in this machine's namespace that joins the test hosts of a run and lets the test reach them. It is there
// as long as a host is.
var underlay struct {
	mu     sync.Mutex
	hosts  int
	next   int
	bridge string
	subnet string // first three numbers of its /24
}

// joinUnderlay gives a namespace an eth0 on the underlay and returns its address.
func joinUnderlay(name string, pid int) (address string, err error) {
	u := &underlay
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.hosts == 0 {
		if err := raiseUnderlayLocked(); err != nil {
			return "", err
		}
	}
	u.hosts++
	u.next++
	address = fmt.Sprintf("%s.%d", u.subnet, 1+u.next)
	end := strings.Replace(name, "tlh-", "tlk", 1)
	return address, run(
		fmt.Sprintf("ip link add %s type veth peer name eth0 netns %d", end, pid),
		fmt.Sprintf("ip link set %s master %s up", end, u.bridge),
		fmt.Sprintf("nsenter --target %d --net -- ip address add %s/24 dev eth0", pid, address),
		fmt.Sprintf("nsenter --target %d --net -- ip link set eth0 up", pid),
		fmt.Sprintf("nsenter --target %d --net -- ip route add default via %s.1", pid, u.subnet),
	)
}

// raiseUnderlayLocked takes a subnet of the range for tests (RFC 2544) that nobody has here.
func raiseUnderlayLocked() error {
	routes, err := exec.Command("ip", "route").CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip route: %w: %s", err, routes)
	}
	u := &underlay
	number := rand.IntN(250)
	for strings.Contains(string(routes), fmt.Sprintf("198.18.%d.", number)) {
		number = (number + 1) % 250
	}
	u.subnet, u.bridge, u.next = fmt.Sprintf("198.18.%d", number), fmt.Sprintf("tkbr%d", number), 0
	return run(
		"ip link add "+u.bridge+" type bridge",
		fmt.Sprintf("ip address add %s.1/24 dev %s", u.subnet, u.bridge),
		"ip link set "+u.bridge+" up",
	)
}

// leaveUnderlay removes the bridge with the last host.
func leaveUnderlay() error {
	u := &underlay
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.hosts--; u.hosts > 0 {
		return nil
	}
	return run("ip link delete " + u.bridge)
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
