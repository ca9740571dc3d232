package fabric

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// tinyController speaks OpenFlow 1.3 from inside a node: it greets, sends what it is given, and keeps the errors that it is answered.
type tinyController struct {
	listener net.Listener
	send     [][]byte
	done     sync.WaitGroup

	mu     sync.Mutex
	errors []uint32 // type and code, of the last connection
	begun  int      // connections
	seen   int      // connections that got as far as a barrier's reply
}

// controllerIn starts one in a node's namespace, on its loopback.
func (r *rig) controllerIn(node string, send ...[]byte) *tinyController {
	r.t.Helper()
	c := &tinyController{send: send}
	err := r.in(node, func() (err error) {
		c.listener, err = net.Listen("tcp4", "127.0.0.1:6653")
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	c.done.Go(c.accept)
	r.t.Cleanup(c.stop)
	return c
}

func (c *tinyController) stop() { c.listener.Close() }

func (c *tinyController) accept() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return
		}
		c.done.Go(func() { c.serve(conn) })
	}
}

func message(kind byte, xid uint32, body ...byte) []byte {
	m := binary.BigEndian.AppendUint16([]byte{4, kind}, uint16(8+len(body)))
	return append(binary.BigEndian.AppendUint32(m, xid), body...)
}

func (c *tinyController) serve(conn net.Conn) {
	defer conn.Close()
	c.mu.Lock()
	c.begun++
	c.errors = nil
	c.mu.Unlock()
	conn.Write(message(0, 1)) // hello
	for i, m := range c.send {
		binary.BigEndian.PutUint32(m[4:], uint32(100+i))
		conn.Write(m)
	}
	conn.Write(message(20, 99)) // barrier
	header := make([]byte, 8)
	for {
		if _, err := io.ReadFull(conn, header); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint16(header[2:])-8)
		if _, err := io.ReadFull(conn, body); err != nil {
			return
		}
		c.mu.Lock()
		switch header[1] {
		case 1:
			c.errors = append(c.errors, binary.BigEndian.Uint32(body))
		case 2: // echo
			conn.Write(message(3, binary.BigEndian.Uint32(header[4:]), body...))
		case 21:
			c.seen++
		}
		c.mu.Unlock()
	}
}

func (c *tinyController) state() (seen int, errors []uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen, slices.Clone(c.errors)
}

// flowMod adds a flow from one port to others (OpenFlow 1.3, A.3.4.1).
func flowMod(in uint32, actions ...[]byte) []byte {
	body := make([]byte, 16, 96)                                                                                                  // cookie and mask
	body = append(body, 0, 0, 0, 0, 0, 0, 0, 10)                                                                                  // table 0, add, no timeouts, priority 10
	body = append(body, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)                       // no buffer, any port and group
	body = append(binary.BigEndian.AppendUint32(append(body, 0, 1, 0, 12, 0x80, 0, 0, 4), in), 0, 0, 0, 0)                        // OXM: in_port
	list := slices.Concat(actions...)                                                                                             //
	body = append(binary.BigEndian.AppendUint16(append(body, 0, 4), uint16(8+len(list))), append([]byte{0, 0, 0, 0}, list...)...) // apply actions
	return message(14, 0, body...)
}

func output(port uint32) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0, 0, 0, 16}, port), 0xff, 0xff, 0, 0, 0, 0, 0, 0)
}

// conntrack is Nicira's action ct(commit,zone=0).
func conntrack() []byte {
	return append([]byte{0xff, 0xff, 0, 24, 0, 0, 0x23, 0x20, 0, 35, 0, 1}, make([]byte, 12)...)
}

// portUp is a port-mod that switches the bridge's own port on.
func portUp() []byte {
	body := []byte{0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	return message(16, 0, append(body, make([]byte, 8)...)...)
}

func TestAControllerInANodeProgramsASwitchAndNothingElse(t *testing.T) {
	r := newRig(t)
	spec := onSwitch("of", 3, hostapi.SegmentSpec{Name: "sw", Kind: lab.Switch, Controller: &hostapi.ControllerSpec{Node: "c", Port: lab.OpenFlowPort}})
	spec.Nodes = append(spec.Nodes, nodeSpec("c")) // no interface: it needs none
	r.up(spec)
	r.reachesNot("h1", "10.0.0.2") // secure: nothing passes without the controller
	if v := r.view(spec, "sw"); v.Controller == nil || v.Controller.Connected {
		t.Errorf("without a controller the view says %+v", v.Controller)
	}
	c := r.controllerIn("c", flowMod(1, output(2)), flowMod(2, output(1)), flowMod(3, output(0xfffffffe)), flowMod(3, conntrack(), output(1)), portUp())
	start := time.Now()
	eventually(t, "the controller's flows", func() bool { return r.ping("h1", "10.0.0.2", 56, 200*time.Millisecond) == nil })
	t.Logf("from the controller's start to the first ping by its flows: %.2f s", time.Since(start).Seconds())
	r.reachesNot("h3", "10.0.0.2")
	const notPermitted = 1<<16 | 5
	eventually(t, "two refusals", func() bool {
		seen, errors := c.state()
		return seen > 0 && slices.Equal(errors, []uint32{notPermitted, notPermitted})
	})
	eventually(t, "the view to say so", func() bool {
		v := r.view(spec, "sw")
		c.mu.Lock()
		defer c.mu.Unlock()
		return v.Controller.Connected && v.Controller.Refused == 2*c.begun && v.Ports[2].Number == 3
	})
	t.Run("what its flows send to the bridge's own port goes nowhere", func(t *testing.T) {
		own := r.names.segment("of", "sw")
		before := must(r.ovs.ofctl(t.Context(), "dump-ports", own))
		if err := r.ping("h3", "10.0.0.1", 56, 100*time.Millisecond); err == nil {
			t.Error("h3 got an answer")
		}
		after := must(r.ovs.ofctl(t.Context(), "dump-ports", own))
		if b, a := parsePorts(before)["LOCAL"].Out, parsePorts(after)["LOCAL"].Out; a != b {
			t.Errorf("the own port was sent frames: %+v, before %+v", a, b)
		}
	})
	t.Run("wiring again writes nothing", func(t *testing.T) {
		kernel, ovs := r.writes.Load(), r.ovs.writes.Load()
		r.wire(spec)
		if r.writes.Load() != kernel || r.ovs.writes.Load() != ovs {
			t.Error("it wrote")
		}
	})
	t.Run("a new agent takes the switch over", func(t *testing.T) {
		second, err := New(r.cfg)
		if err != nil {
			t.Fatal(err)
		}
		r.dropRelays(nil) // as when the first agent ended
		next := &rig{Fabric: second, t: t, nodes: r.nodes}
		next.plug(spec)
		next.wire(spec)
		seen, _ := c.state()
		eventually(t, "the switch to come back", func() bool { now, _ := c.state(); return now > seen })
		next.reaches("h1", "10.0.0.2")
		if err := second.Close(); err != nil {
			t.Fatal(err)
		}
		r.wire(spec)
	})
	t.Run("without a controller the switch learns by itself", func(t *testing.T) {
		spec.Segments[0].Controller = nil
		r.wire(spec)
		r.reaches("h3", "10.0.0.2")
		if v := r.view(spec, "sw"); v.Controller != nil || r.learnt(spec, "sw", 2) != "p2/0" {
			t.Errorf("the view says %+v", v)
		}
	})
	if err := r.Unwire(t.Context(), "of"); err != nil {
		t.Fatal(err)
	}
	r.clean()
}

func TestASwitchWhoseControllerIsAwayMayLearn(t *testing.T) {
	r := newRig(t)
	spec := onSwitch("alone", 2, hostapi.SegmentSpec{Name: "sw", Kind: lab.Switch, Controller: &hostapi.ControllerSpec{Node: "h1", Port: lab.OpenFlowPort, Fail: lab.FailStandalone}})
	r.up(spec)
	start := time.Now()
	if err := waitFor(time.Minute, "the switch to learn by itself", func() bool { return r.ping("h1", "10.0.0.2", 56, 200*time.Millisecond) == nil }); err != nil {
		t.Fatal(err) // three probes of three seconds go by before Open vSwitch does
	}
	t.Logf("after %.1f s", time.Since(start).Seconds())
}
