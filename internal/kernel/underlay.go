package kernel

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// underlay is the network between the kernels and the machine: a bridge in a namespace of its own, with a tap for each kernel and one
// wire to the machine. Its holder is process 1 of a process namespace that the kernels run in: when it ends, they and the network do.
type underlay struct {
	holder  *exec.Cmd
	subnet  string // first three numbers of its /24; .1 is the machine's
	machine string // the machine's end of the wire
	taps    int
}

// raise makes the underlay. The holder's death signal and its closed input each end everything when the test is killed.
func raise(mtu int) (*underlay, error) {
	subnet, err := freeSubnet()
	if err != nil {
		return nil, err
	}
	u := &underlay{subnet: subnet, machine: fmt.Sprintf("tlk%d", os.Getpid()%1e6)}
	u.holder = exec.Command("sh", "-c", "mount -t proc proc /proc && ip link set lo up && echo ready && exec cat")
	u.holder.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL,
	}
	u.holder.Stderr = os.Stderr
	if _, err := u.holder.StdinPipe(); err != nil { // open as long as this process is there
		return nil, err
	}
	said, err := u.holder.StdoutPipe()
	if err == nil {
		err = u.holder.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("make a namespace for the underlay: %w", err)
	}
	if _, err := io.ReadFull(said, make([]byte, len("ready\n"))); err != nil {
		u.lower()
		return nil, fmt.Errorf("prepare the underlay: %w", err)
	}
	err = errors.Join(
		u.run("ip link add br0 type bridge"),
		u.run(fmt.Sprintf("ip link set br0 mtu %d up", mtu)),
		run(fmt.Sprintf("ip link add %s mtu %d type veth peer name wire mtu %d netns %d", u.machine, mtu, mtu, u.holder.Process.Pid)),
		u.run("ip link set wire master br0 up"),
		run(fmt.Sprintf("ip address add %s.1/24 dev %s", subnet, u.machine)),
		run(fmt.Sprintf("ip link set %s up", u.machine)),
	)
	if err != nil {
		u.lower()
		return nil, err
	}
	return u, nil
}

// freeSubnet is one of the range for tests (RFC 2544) that nobody has here.
func freeSubnet() (string, error) {
	routes, err := exec.Command("ip", "route").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ip route: %w: %s", err, routes)
	}
	for range 100 {
		if subnet := fmt.Sprintf("198.19.%d", rand.IntN(256)); !strings.Contains(string(routes), subnet+".") {
			return subnet, nil
		}
	}
	return "", errors.New("every subnet of 198.19.0.0/16 is in use on this machine")
}

// plug makes a tap on the bridge and gives the kernel behind it an address.
func (u *underlay) plug(mtu int) (tap, address string, err error) {
	tap = fmt.Sprintf("tap%d", u.taps)
	u.taps++
	return tap, fmt.Sprintf("%s.%d", u.subnet, 10+u.taps), errors.Join(
		u.run("ip tuntap add dev "+tap+" mode tap"),
		u.run(fmt.Sprintf("ip link set %s mtu %d master br0 up", tap, mtu)))
}

// inside is how a command line runs in the underlay's namespaces. The command is a child of nsenter there.
func (u *underlay) inside() []string {
	return []string{"nsenter", "--target", fmt.Sprint(u.holder.Process.Pid), "--net", "--pid", "--mount", "--"}
}

func (u *underlay) run(line string) error {
	return runLine(append(u.inside(), strings.Fields(line)...))
}

func run(line string) error { return runLine(strings.Fields(line)) }

func runLine(line []string) error {
	if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(line, " "), err, out)
	}
	return nil
}

// lower ends the holder, and with it every process in its namespace and the network.
func (u *underlay) lower() {
	_ = u.holder.Process.Kill() // one that is gone needs none
	_ = u.holder.Wait()         // it was killed on purpose; closes the pipe, too
}
