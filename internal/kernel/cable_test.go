package kernel

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"trunkline/internal/kernel/ask"
)

// end is one end of a cable: an interface of a node.
func end(node, iface string) ask.Place { return ask.Place{Node: node, Interface: iface} }

// The two cables of the lab, and its segment.
var (
	nearCable = [2]ask.Place{end("a1", "eth1"), end("a2", "eth1")}
	farCable  = [2]ask.Place{end("a1", "eth2"), end("b1", "eth1")}
	segment   = [2]ask.Place{end("a1", "eth3"), end("b1", "eth3")} // two members on two hosts
)

func (r *rig) ask(place ask.Place) *ask.Client { return r.on[place.Node].Ask }

func (r *rig) passesFullPackets(t *testing.T) {
	const sent = 20
	lost := best(0, func() float64 { return r.unheard("a1", b1Far, sent, 50*time.Millisecond, "-M", "do", "-s", "1472") })
	t.Logf("%.0f of %d packets of 1500 bytes that must not be fragmented come back from the other kernel, over an underlay of %d", sent-lost, sent, underMTU)
	if lost > 0 {
		t.Errorf("%.0f of %d packets of 1500 bytes with DF did not come back", lost, sent)
	}
	larger, err := r.on["a1"].Ask.Run(t.Context(), ask.Place{Node: "a1"}, "ping", "-c", "1", "-W", "1", "-M", "do", "-s", "1473", b1Far)
	if err != nil || larger.Code == 0 {
		t.Errorf("a packet of 1501 bytes passes an interface of 1500 (%v)", err)
	}
}

func (r *rig) joinsSegments(t *testing.T) {
	for _, from := range []string{"a1", "a2", "b1"} {
		for i, to := range []string{"10.0.3.1", "10.0.3.2", "10.0.3.3"} {
			if lost := best(0, func() float64 { return r.unheard(from, to, 10, 20*time.Millisecond) }); lost > 0 {
				t.Errorf("in the segment %s does not hear %.0f of 10 from member %d", from, lost, i+1)
			}
		}
	}
}

// reserved is a VLAN that no frame in a bridged network bears (IEEE 802.1Q, 9.6). A cable is no bridge and carries it.
const reserved = "a frame of VLAN 4095"

// wireFrames are whole frames that a plain bridge would keep for itself, or change.
func wireFrames(t *testing.T) map[string][]byte {
	sender := "020000000001"
	frames := map[string]string{
		// IEEE 802.1D, 9.3.1: a configuration message to the bridge group address, in an LLC frame of 38 bytes.
		"a BPDU": "0180c2000000" + sender + "0026424203" + "0000000000" + "8000020000000001" + "00000000" + "8000020000000001" + "8001" + "0000" + "1400" + "0200" + "0f00",
		// IEEE 802.1AB: chassis id, port id, time to live, end.
		"an LLDP frame":         "0180c200000e" + sender + "88cc" + "020704020000000001" + "0405056574683" + "1" + "06020078" + "0000",
		"a tagged frame":        "ffffffffffff" + sender + "8100" + "6abc" + "88b6" + hex.EncodeToString(bytes.Repeat([]byte("tag."), 12)),
		"a double tagged frame": "ffffffffffff" + sender + "88a8" + "0fa0" + "8100" + "0001" + "88b6" + hex.EncodeToString(bytes.Repeat([]byte("QinQ"), 12)),
		reserved:                "ffffffffffff" + sender + "8100" + "0fff" + "88b6" + hex.EncodeToString(bytes.Repeat([]byte("4095"), 12)),
		"a full tagged frame":   "ffffffffffff" + sender + "8100" + "0064" + "88b6" + hex.EncodeToString(bytes.Repeat([]byte("full"), 375)),
	}
	decoded := map[string][]byte{}
	for name, text := range frames {
		frame, err := hex.DecodeString(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		decoded[name] = append(frame, make([]byte, max(0, 60-len(frame)))...) // the least frame of Ethernet
	}
	return decoded
}

func (r *rig) carriesEveryFrame(t *testing.T) {
	for where, cable := range map[string][2]ask.Place{"on one host": nearCable, "across hosts": farCable, "in a segment": segment} {
		for name, frame := range wireFrames(t) {
			if cable == segment && (name == reserved || frame[0] != 0xff) {
				continue // a bridge's own protocols end at a bridge
			}
			for _, way := range [][2]ask.Place{cable, {cable[1], cable[0]}} {
				if err := r.crosses(t.Context(), way[0], way[1], frame); err != nil {
					t.Errorf("%s from %s to %s, %s: %v", name, way[0].Node, way[1].Node, where, err)
				}
			}
		}
	}
	if !t.Failed() {
		t.Log("BPDU, LLDP, 802.1Q, 802.1ad, VLAN 4095 and a full tagged frame cross cables on one host and across hosts unchanged, both ways; tagged ones a segment, too")
	}
}

// crosses sends a frame at one place and waits for the very same bytes at the other.
func (r *rig) crosses(ctx context.Context, from, to ask.Place, frame []byte) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	arriving, err := r.ask(to).Frames(ctx, to)
	if err != nil {
		return err
	}
	if _, err := r.ask(from).Send(ctx, from, frame); err != nil {
		return err
	}
	others := 0
	for arrived := range arriving {
		if bytes.Equal(arrived.Bytes, frame) {
			return nil
		}
		if bytes.Equal(arrived.Bytes[:min(12, len(arrived.Bytes))], frame[:12]) {
			return fmt.Errorf("%x arrives as %x", frame, arrived.Bytes)
		}
		others++
	}
	return fmt.Errorf("it does not arrive within 10 s; %d other frames do", others)
}
