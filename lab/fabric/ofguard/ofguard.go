// Package ofguard lets an OpenFlow controller of a lab control one bridge of a host, and nothing that the bridge shares with others.
//
// It knows the framing of OpenFlow 1.0 and 1.3 (Open Networking Foundation, TS-001 and TS-006) and of Nicira's extensions as Open vSwitch has
// them (include/openflow/nicira-ext.h, lib/ofp-actions.c), as far as is needed to tell what a message does. It refuses to know sockets of any
// kind, namespaces and Open vSwitch's configuration.
package ofguard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Versions of the protocol on the wire.
const (
	version10 = 1
	version13 = 4
)

const (
	headerLen     = 8
	typeHello     = 0
	typeError     = 1
	experimenter  = 0xffff // an action or instruction of a vendor
	nicira        = 0x00002320
	lastNXAction  = 34 // conjunction: those after it reach connection tracking, other tables' encapsulation and the like
	nxSample      = 29 // IPFIX, which is configured for a whole host
	errBadRequest = 1  // OFPET_BAD_REQUEST
	codeEPerm     = 5  // OFPBRC_EPERM
)

// Relay passes messages between a controller and a switch until one of them hangs up, and returns why. What the controller may not do is
// answered by an error message, as OpenFlow has it, and told to refused. Both ends are the caller's to close: it must close them
// when Relay returns, and Relay returns when it does.
func Relay(controller, sw io.ReadWriter, refused func(why string)) error {
	ended := make(chan error, 2)
	answers := &messages{to: controller}
	go func() { ended <- answers.copy(sw) }() // both end when the caller closes the ends
	go func() { ended <- filter(controller, sw, answers, refused) }()
	return <-ended
}

// messages writes whole ones, from two goroutines.
type messages struct {
	mu sync.Mutex
	to io.Writer
}

func (w *messages) write(message []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.to.Write(message)
	return err
}

func (w *messages) copy(from io.Reader) error {
	buffer := make([]byte, 1<<16)
	for {
		message, err := read(from, buffer)
		if err != nil {
			return err
		}
		if err := w.write(message); err != nil {
			return err
		}
	}
}

// read takes one message.
func read(from io.Reader, buffer []byte) ([]byte, error) {
	if _, err := io.ReadFull(from, buffer[:headerLen]); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(buffer[2:]))
	if length < headerLen {
		return nil, errors.New("a message is shorter than its header")
	}
	_, err := io.ReadFull(from, buffer[headerLen:length])
	return buffer[:length], err
}

func filter(controller io.Reader, sw io.Writer, answers *messages, refused func(string)) error {
	buffer := make([]byte, 1<<16)
	for {
		message, err := read(controller, buffer)
		if err != nil {
			return err
		}
		why := Judge(message)
		if why == "" {
			if _, err := sw.Write(message); err != nil {
				return err
			}
			continue
		}
		refused(why)
		if err := answers.write(refusal(message)); err != nil {
			return err
		}
	}
}

// refusal is the error message that answers one: permissions error, with its first bytes.
func refusal(message []byte) []byte {
	sample := message[:min(len(message), 64)]
	answer := make([]byte, 12, 12+len(sample))
	answer[0], answer[1] = message[0], typeError
	binary.BigEndian.PutUint16(answer[2:], uint16(12+len(sample)))
	copy(answer[4:8], message[4:8])
	binary.BigEndian.PutUint16(answer[8:], errBadRequest)
	binary.BigEndian.PutUint16(answer[10:], codeEPerm)
	return append(answer, sample...)
}

// Judge says why a controller may not send the message; "" when it may. The message is whole: as long as its header says.
func Judge(message []byte) string {
	if message[1] == typeHello || message[1] == typeError {
		return ""
	}
	switch message[0] {
	case version10:
		return judge10(message)
	case version13:
		return judge13(message)
	}
	return fmt.Sprintf("version %d of OpenFlow", message[0])
}

// judge10 knows the messages of OpenFlow 1.0.
func judge10(m []byte) string {
	switch m[1] {
	case 2, 3, 5, 7, 9, 16, 18, 20: // echo, features, configuration, statistics, barrier, queues
		return ""
	case 4:
		return vendor(m)
	case 13: // packet out
		if len(m) < 16 {
			return "a message that is cut short"
		}
		return actions(part(m, 16, int(binary.BigEndian.Uint16(m[14:]))))
	case 14: // flow
		return actions(part(m, 72, len(m)-72))
	}
	return fmt.Sprintf("messages of type %d", m[1])
}

// vendor lets the requests of Nicira's pass that say how the controller wants to be told: roles and formats.
func vendor(m []byte) string {
	if len(m) >= 16 && binary.BigEndian.Uint32(m[8:]) == nicira {
		switch binary.BigEndian.Uint32(m[12:]) {
		case 10, 12, 16, 19, 20: // role, flow format, packet-in format, asynchronous messages, controller id
			return ""
		}
	}
	return "extensions of vendors"
}

// judge13 knows the messages of OpenFlow 1.3.
func judge13(m []byte) string {
	switch m[1] {
	case 2, 3, 5, 7, 9, 17, 18, 20, 22, 24, 26, 28, 29: // echo, features, configuration, tables, statistics, barrier, queues, role, asynchronous messages, meters
		return ""
	case 4:
		return vendor(m)
	case 13: // packet out
		if len(m) < 24 {
			return "a message that is cut short"
		}
		return actions(part(m, 24, int(binary.BigEndian.Uint16(m[16:]))))
	case 14: // flow
		if len(m) < 52 {
			return "a message that is cut short"
		}
		match := int(binary.BigEndian.Uint16(m[50:]))
		begin := 48 + (match+7)/8*8
		return instructions(part(m, begin, len(m)-begin))
	case 15: // group
		return buckets(part(m, 16, len(m)-16))
	}
	return fmt.Sprintf("messages of type %d", m[1])
}

// part is length bytes from begin on; nil, which nothing passes, when the message has not as many.
func part(m []byte, begin, length int) []byte {
	if begin < 0 || length < 0 || begin+length > len(m) {
		return nil
	}
	return m[begin : begin+length : begin+length]
}

// instructions are those of a flow of OpenFlow 1.3.
func instructions(list []byte) string {
	if list == nil {
		return "a message that is cut short"
	}
	for len(list) > 0 {
		kind, one, rest, ok := next(list, 0)
		if !ok {
			return "a message that is cut short"
		}
		list = rest
		switch kind {
		case 1, 2, 5, 6: // go to table, metadata, clear, meter
		case 3, 4: // write, apply
			if why := actions(part(one, 8, len(one)-8)); why != "" {
				return why
			}
		default:
			return fmt.Sprintf("instructions of type %d", kind)
		}
	}
	return ""
}

// buckets are those of a group.
func buckets(list []byte) string {
	if list == nil {
		return "a message that is cut short"
	}
	for len(list) > 0 {
		if len(list) < 16 {
			return "a message that is cut short"
		}
		length := int(binary.BigEndian.Uint16(list))
		if length < 16 || length > len(list) {
			return "a message that is cut short"
		}
		if why := actions(list[16:length:length]); why != "" {
			return why
		}
		list = list[length:]
	}
	return ""
}

// actions lets standard actions pass, and those of Nicira's that stay within the bridge.
func actions(list []byte) string {
	if list == nil {
		return "a message that is cut short"
	}
	for len(list) > 0 {
		kind, one, rest, ok := next(list, 8)
		if !ok {
			return "a message that is cut short"
		}
		list = rest
		if kind != experimenter {
			continue
		}
		if len(one) < 10 || binary.BigEndian.Uint32(one[4:]) != nicira {
			return "actions of vendors"
		}
		if subtype := binary.BigEndian.Uint16(one[8:]); subtype > lastNXAction || subtype == nxSample {
			return fmt.Sprintf("the action %d of Nicira's", subtype)
		}
	}
	return ""
}

// next takes one item that begins with its type and length; the length is at least four and least, and a multiple of four.
func next(list []byte, least int) (kind int, one, rest []byte, ok bool) {
	if len(list) < 4 {
		return 0, nil, nil, false
	}
	length := int(binary.BigEndian.Uint16(list[2:]))
	if length < max(least, 4) || length > len(list) || length%4 != 0 {
		return 0, nil, nil, false
	}
	return int(binary.BigEndian.Uint16(list)), list[:length:length], list[length:], true
}
