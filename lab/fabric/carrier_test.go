package fabric

import (
	"fmt"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

// carrierWorld is two ends of one cable, on one host or on two, with nodes, kernel and messages played by the test.
type carrierWorld struct {
	sides  [2]*carriers // the same twice when both ends are on one host
	keys   [2]endKey
	device [2]bool // our side is switched on
	node   [2]bool // the node's side is
	exists [2]bool
	events []func()
	mail   []func()
	moves  int
}

var carrierAddrs = [2]netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}

func newCarrierWorld(remote bool) *carrierWorld {
	w := &carrierWorld{node: [2]bool{true, true}, exists: [2]bool{true, true}}
	w.keys = [2]endKey{{lab: "l", cable: "c"}, {lab: "l", cable: "c", b: !remote}}
	w.sides[0] = w.side(0)
	w.sides[1] = w.sides[0]
	if remote {
		w.sides[1] = w.side(1)
	}
	return w
}

func (w *carrierWorld) side(i int) *carriers {
	c := newCarriers()
	c.news = func(string) {}
	c.set = func(device string, _ int, up bool) error {
		w.moves++
		n := int(device[0] - '0')
		w.device[n] = up
		w.event(n)
		return nil
	}
	c.look = func(index int) (up, carrier, ok bool) { return w.device[index-1], w.carrier(index - 1), true }
	c.tell = func(netip.Addr) {
		from, to := w.sides[i], 1-i
		w.mail = append(w.mail, func() {
			all := map[uint32]bool{}
			for _, c := range from.tellable(carrierAddrs[to]) {
				all[c.vni] = c.up
			}
			w.sides[to].heard(carrierAddrs[i], all, true)
		})
	}
	return c
}

// event is what the kernel reports of our side's device later.
func (w *carrierWorld) event(n int) {
	up, carrier := w.device[n], w.device[n] && w.node[n]
	w.events = append(w.events, func() { w.sides[n].saw(fmt.Sprint(n), n+1, up, carrier) })
}

func (w *carrierWorld) end(n int, wanted bool) carrierEnd {
	e := carrierEnd{key: w.keys[n], device: fmt.Sprint(n), watched: true, wanted: wanted, index: n + 1, up: w.device[n], own: w.node[n]}
	if w.sides[0] != w.sides[1] {
		e.remote, e.vni = carrierAddrs[1-n], 5000
	}
	return e
}

func (w *carrierWorld) wire(n int, wanted bool) {
	ends := []carrierEnd{w.end(n, wanted)}
	if w.sides[0] == w.sides[1] {
		ends = []carrierEnd{w.end(0, wanted), w.end(1, wanted)}
	}
	w.sides[n].lower("l", ends)
	w.sides[n].install("l", ends)
}

// calm lets events and messages arrive, in an order the test draws, until there are none. It fails when there is no end to them.
func (w *carrierWorld) calm(t *rapid.T) {
	for steps := 0; len(w.events)+len(w.mail) > 0; steps++ {
		if steps > 200 {
			t.Fatal("the ends never come to rest")
		}
		queue := &w.events
		if len(w.events) == 0 || len(w.mail) > 0 && rapid.Bool().Draw(t, "mail first") {
			queue = &w.mail
		}
		next := (*queue)[0]
		*queue = (*queue)[1:]
		next()
	}
}

func (w *carrierWorld) carrier(n int) bool { return w.device[n] && w.node[n] }

func TestBothEndsOfACableHaveCarrierOrNeither(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		remote := rapid.Bool().Draw(t, "on two hosts")
		w := newCarrierWorld(remote)
		wanted := [2]bool{true, true}
		w.wire(0, true)
		w.wire(1, true)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			n := rapid.IntRange(0, 1).Draw(t, "end")
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1: // the node switches its interface
				w.node[n] = !w.node[n]
				if w.device[n] {
					w.event(n)
				}
			case 2: // the cable is cut or mended at one end, or at both where one host has both
				wanted[n] = !wanted[n]
				if !remote {
					wanted[1-n] = wanted[n]
				}
				w.wire(n, wanted[n])
			case 3: // the agent compares what is with what shall be
				w.wire(n, wanted[n])
			}
			if rapid.Bool().Draw(t, "wait") {
				w.calm(t)
			}
		}
		w.calm(t)
		all := wanted[0] && wanted[1] && w.node[0] && w.node[1]
		for n := range 2 {
			if w.carrier(n) != all {
				t.Fatalf("end %d has carrier %t; wanted %v, nodes' interfaces up %v, devices %v", n, w.carrier(n), wanted, w.node, w.device)
			}
		}
	})
}

func TestAnEndHeldDownByTheFarEndIsNotToldAsDown(t *testing.T) {
	w := newCarrierWorld(true)
	rapid.Check(t, func(t *rapid.T) {
		w = newCarrierWorld(true)
		w.wire(0, true)
		w.wire(1, true)
		w.calm(t)
		w.node[0] = false
		w.event(0)
		w.calm(t)
		if w.device[1] || !w.sides[1].tellable(carrierAddrs[0])[0].up {
			t.Fatalf("the far device is on: %t; it tells %v", w.device[1], w.sides[1].tellable(carrierAddrs[0]))
		}
		moves := w.moves
		w.wire(1, true) // repeating changes nothing
		w.calm(t)
		if w.moves != moves {
			t.Fatalf("a repeated run switched %d times", w.moves-moves)
		}
	})
}

func TestAPeerThatHasNeverSpokenTakesNoCarrierAndADeadOneDoes(t *testing.T) {
	w := newCarrierWorld(true)
	w.wire(0, true)
	if !w.device[0] {
		t.Error("a peer that has never spoken takes carrier")
	}
	w.sides[0].lose(carrierAddrs[1], true)
	if !w.device[0] {
		t.Error("a peer that has never spoken takes carrier when it doesn't answer")
	}
	w.sides[0].lose(carrierAddrs[1], false)
	w.sides[0].heard(carrierAddrs[1], map[uint32]bool{5000: true}, true)
	w.sides[0].lose(carrierAddrs[1], true)
	if w.device[0] {
		t.Error("the end of a dead host's cable has carrier")
	}
	w.sides[0].lose(carrierAddrs[1], false)
	if !w.device[0] {
		t.Error("the host is back, carrier isn't")
	}
	w.sides[0].heard(carrierAddrs[1], map[uint32]bool{}, true)
	if w.device[0] {
		t.Error("a cable that its far host doesn't have any more has carrier")
	}
	w.sides[0].heard(carrierAddrs[1], map[uint32]bool{5000: true}, false)
	if !w.device[0] {
		t.Error("a change that is told alone isn't heeded")
	}
}

func TestALateReportSwitchesNothing(t *testing.T) {
	w := newCarrierWorld(false)
	w.wire(0, true)
	moves := w.moves
	w.sides[0].saw("0", 1, false, false) // of before it was switched on
	if w.moves != moves || !w.device[0] || !w.device[1] {
		t.Errorf("it switched %d times; devices %v", w.moves-moves, w.device)
	}
	w.device[0] = false // by somebody else
	w.sides[0].saw("0", 1, false, false)
	if w.moves != moves+1 || !w.device[0] {
		t.Errorf("it switched %d times; devices %v", w.moves-moves, w.device)
	}
}

func TestADeviceThatBecomesTheEndOfAnotherCableGetsItsCarrierBack(t *testing.T) {
	w := newCarrierWorld(false)
	w.wire(0, true)
	ends := []carrierEnd{w.end(0, true), w.end(1, true)} // as read before the old cable is taken away
	for i := range ends {
		ends[i].key.cable = "another"
	}
	w.sides[0].lower("l", ends)
	if w.device[0] || w.device[1] {
		t.Error("the ends of a cable that is gone have carrier")
	}
	if err := w.sides[0].install("l", ends); err != nil || !w.device[0] || !w.device[1] {
		t.Errorf("devices %v, %v", w.device, err)
	}
}
