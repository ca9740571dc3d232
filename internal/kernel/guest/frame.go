package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"trunkline/internal/kernel/ask"
)

// everyType is ETH_P_ALL in network order, as packet(7) wants it.
const everyType = uint16(unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8)

// openFrames hears what arrives at an interface, with the tags that the kernel keeps beside a frame.
func openFrames(place ask.Place) (*socket, error) {
	return openSocket(place.Interface, unix.AF_PACKET, int(everyType), func(fd, index int) error {
		return errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
			unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everyType, Ifindex: index}))
	})
}

func receiveFrame(s *socket) (any, error) {
	frame, aux, from, err := s.receive()
	if err != nil {
		return nil, err
	}
	if l, ok := from.(*unix.SockaddrLinklayer); !ok || l.Pkttype == unix.PACKET_OUTGOING {
		return nil, nil
	}
	frame = slices.Clone(frame)
	messages, err := unix.ParseSocketControlMessage(aux)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_PACKET && m.Header.Type == unix.PACKET_AUXDATA && len(m.Data) >= int(unsafe.Sizeof(unix.TpacketAuxdata{})) {
			frame = retag(frame, (*unix.TpacketAuxdata)(unsafe.Pointer(&m.Data[0])))
		}
	}
	return ask.Frame{Moment: now(), Bytes: frame}, nil
}

// retag puts the outermost tag back where it was on the wire.
func retag(frame []byte, aux *unix.TpacketAuxdata) []byte {
	const addresses = 12
	if aux.Status&unix.TP_STATUS_VLAN_VALID == 0 || len(frame) < addresses {
		return frame
	}
	protocol := uint16(unix.ETH_P_8021Q)
	if aux.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		protocol = aux.Vlan_tpid
	}
	tag := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, protocol), aux.Vlan_tci)
	return slices.Insert(frame, addresses, tag...)
}

func sendFrame(r *http.Request) (sent ask.Moment, err error) {
	var frame []byte
	if err := json.NewDecoder(r.Body).Decode(&frame); err != nil {
		return sent, err
	}
	place := placeOf(r)
	return sent, within(r.Context(), place.Node, func() error {
		s, err := openSocket(place.Interface, unix.AF_PACKET, 0, func(fd, index int) error {
			return unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index})
		})
		if err != nil {
			return err
		}
		defer s.Close()
		sent = now()
		if n, err := s.Write(frame); err != nil || n != len(frame) {
			return fmt.Errorf("send %d bytes, %d left: %w", len(frame), n, err)
		}
		return nil
	})
}
