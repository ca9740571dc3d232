// Package ask is what a test asks of a kernel it has booted: the wire types and the client.
//
// It knows requests and answers. It refuses to know how a kernel is booted (internal/kernel) and how it does what it is asked
// (internal/kernel/guest).
package ask

import (
	"fmt"
	"strings"
	"time"
)

// ConfigVariable names the guest's configuration on the kernel's command line; the kernel hands it on as init's environment.
const ConfigVariable = "TRUNKLINE_GUEST"

// Port is where the guest answers, on its address of the underlay.
const Port = 7

// Config is what a kernel has to become. Paths are inside the shared folder.
type Config struct {
	Name       string   `json:"name"`    // host name
	Address    string   `json:"address"` // of its NIC, with the prefix length
	MTU        int      `json:"mtu"`     // of the underlay
	Shared     string   `json:"shared"`  // folder of the machine that both see
	Images     string   `json:"images"`  // archive for docker load
	Agent      string   `json:"agent"`   // the agent's program; the node init is beside it
	Arguments  []string `json:"arguments"`
	Logs       string   `json:"logs"`   // folder for what daemons and the agent print
	BootWithin string   `json:"within"` // a duration
}

// Booted is how long each step of the boot took, in order.
type Booted struct {
	Steps []Step `json:"steps"`
}

func (b Booted) String() string {
	var said []string
	for _, s := range b.Steps {
		said = append(said, fmt.Sprintf("%s %.1f s", s.What, s.Took.Seconds()))
	}
	return strings.Join(said, ", ")
}

// Step is one step of a boot.
type Step struct {
	What string        `json:"what"`
	Took time.Duration `json:"took"`
}

// Place is where something is done: in the network namespace of a node, or of the kernel itself when Node is empty.
type Place struct {
	Node      string `json:"node,omitempty"`
	Interface string `json:"interface,omitempty"`
}

// Command is a command line of the machine's own programs.
type Command struct {
	Place
	Line []string `json:"line"`
}

// Ran is how a command ended.
type Ran struct {
	Code int    `json:"code"`
	Out  string `json:"out"`
	Err  string `json:"err"`
}

// Moment is a time on the guest's clock, in nanoseconds since 1970.
type Moment struct {
	At int64 `json:"at"`
}

// Carrier is what an interface's carrier was at a moment: the first is how it is, the rest are changes as the kernel tells them.
type Carrier struct {
	Moment
	Up bool `json:"up"`
}

// Frame is a whole Ethernet frame as it arrived, with its tag.
type Frame struct {
	Moment
	Bytes []byte `json:"bytes"`
}

// SetLink turns an interface on or off.
type SetLink struct {
	Place
	Up bool `json:"up"`
}
