package fabric

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// Agents of different hosts exchange Ethernet frames of a type for local experiments (IEEE 802, clause 9.2.4) inside the tunnels that labs
// use, under an identifier that no lab can have. A signal is
//
//	destination  6  what shall happen to it: reflectMAC, reflectedMAC or agentMAC
//	source       6  the peer: towards it, or from it; the panel writes it from the tunnel's address, so it can't be forged
//	0x88b5       2
//	"TL"         2
//	version      1
//	kind         1
//	length       2  of the body
//	body            numbers in network order
//	padding
//
// A probe comes back from the panel of the peer without its agent: what a probe says of the way is true also while an agent is restarted.
const (
	signalType    = 0x88b5
	signalVNI     = 1
	signalVersion = 1

	kindProbe = 1 // instance 8, sequence 4, size of what follows the Ethernet header 2
	kindState = 2 // instance 8, sequence 4, flags 1, part 1, parts 1, count 2, then for each cable its identifier 3 and whether it is up 1

	reflectMAC   = "02:74:72:00:00:01" // the peer's panel sends it back
	reflectedMAC = "02:74:72:00:00:02" // it was sent back
	agentMAC     = "02:74:72:00:00:03" // for the peer's agent

	etherHeader  = 14
	signalHeader = 6
	probeBody    = 14
	stateBody    = 17
	cableState   = 4
	smallest     = 46 // payload of an Ethernet frame

	// cablesPerFrame keeps a signal below 1,200 bytes, which pass on any underlay.
	cablesPerFrame = 280
)

const flagHears = 1 // of a state: its sender hears whom it is for

// probeSignal is a probe, as sent and as it comes back.
type probeSignal struct {
	instance uint64 // of the agent's run
	sequence uint32
	size     int // of the frame's payload
}

// stateSignal tells which cables that lead to the receiver have carrier at the sender's end: all of them, in so many parts of one sequence number.
type stateSignal struct {
	instance    uint64
	sequence    uint32
	hears       bool
	part, parts int
	cables      []cableCarrier
}

// cableCarrier is whether one end of a cable has carrier.
type cableCarrier struct {
	vni uint32
	up  bool
}

var errSignal = errors.New("not a signal of this version")

func newSignal(dst string, peer netip.Addr, kind byte, body []byte, size int) []byte {
	frame := make([]byte, 0, etherHeader+max(size, signalHeader+len(body)))
	frame = append(frame, macBytes(dst)...)
	frame = append(frame, macBytes(peerMAC(peer))...)
	frame = binary.BigEndian.AppendUint16(frame, signalType)
	frame = append(frame, 'T', 'L', signalVersion, kind)
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(body)))
	frame = append(frame, body...)
	return append(frame, make([]byte, max(0, etherHeader+max(size, smallest)-len(frame)))...)
}

func (p probeSignal) encode(peer netip.Addr) []byte {
	body := binary.BigEndian.AppendUint64(nil, p.instance)
	body = binary.BigEndian.AppendUint32(body, p.sequence)
	body = binary.BigEndian.AppendUint16(body, uint16(p.size))
	return newSignal(reflectMAC, peer, kindProbe, body, p.size)
}

func (s stateSignal) encode(peer netip.Addr) []byte {
	body := binary.BigEndian.AppendUint64(nil, s.instance)
	body = binary.BigEndian.AppendUint32(body, s.sequence)
	flags := byte(0)
	if s.hears {
		flags |= flagHears
	}
	body = append(body, flags, byte(s.part), byte(s.parts))
	body = binary.BigEndian.AppendUint16(body, uint16(len(s.cables)))
	for _, c := range s.cables {
		up := uint32(0)
		if c.up {
			up = 1
		}
		body = binary.BigEndian.AppendUint32(body, c.vni<<8|up)
	}
	return newSignal(agentMAC, peer, kindState, body, 0)
}

// decodeSignal reads a frame: one of the two is set, or the error. Whatever the bytes are, it reads none that aren't there.
func decodeSignal(frame []byte) (*probeSignal, *stateSignal, error) {
	if len(frame) < etherHeader+signalHeader || binary.BigEndian.Uint16(frame[12:]) != signalType {
		return nil, nil, errSignal
	}
	payload := frame[etherHeader:]
	length := int(binary.BigEndian.Uint16(payload[4:]))
	if payload[0] != 'T' || payload[1] != 'L' || payload[2] != signalVersion || length > len(payload)-signalHeader {
		return nil, nil, errSignal
	}
	body := payload[signalHeader : signalHeader+length]
	switch payload[3] {
	case kindProbe:
		if length != probeBody {
			return nil, nil, errSignal
		}
		p := &probeSignal{binary.BigEndian.Uint64(body), binary.BigEndian.Uint32(body[8:]), int(binary.BigEndian.Uint16(body[12:]))}
		if p.size > len(payload) {
			return nil, nil, errSignal // cut short on its way
		}
		return p, nil, nil
	case kindState:
		s, err := decodeState(body)
		return nil, s, err
	}
	return nil, nil, errSignal
}

func decodeState(body []byte) (*stateSignal, error) {
	if len(body) < stateBody {
		return nil, errSignal
	}
	s := &stateSignal{instance: binary.BigEndian.Uint64(body), sequence: binary.BigEndian.Uint32(body[8:]), hears: body[12]&flagHears != 0,
		part: int(body[13]), parts: int(body[14])}
	count := int(binary.BigEndian.Uint16(body[15:]))
	if len(body) != stateBody+count*cableState || s.part >= s.parts {
		return nil, errSignal
	}
	for i := range count {
		v := binary.BigEndian.Uint32(body[stateBody+i*cableState:])
		if v&0xff > 1 {
			return nil, errSignal
		}
		s.cables = append(s.cables, cableCarrier{v >> 8, v&1 == 1})
	}
	return s, nil
}
