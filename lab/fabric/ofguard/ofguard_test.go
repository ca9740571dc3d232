package ofguard

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func message(version, kind byte, body ...byte) []byte {
	m := binary.BigEndian.AppendUint16([]byte{version, kind}, uint16(headerLen+len(body)))
	return append(append(m, 0, 0, 0, 7), body...)
}

func nx(subtype uint16) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, 0xff, 0, 16, 0, 0, 0x23, 0x20}, subtype), 0, 0, 0, 0, 0, 0)
}

var out13 = []byte{0, 0, 0, 16, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0, 0, 0}

func applied(list ...byte) []byte {
	return append(append(binary.BigEndian.AppendUint16([]byte{0, 4}, uint16(8+len(list))), 0, 0, 0, 0), list...)
}

// flow13 is a flow with an empty match and these instructions.
func flow13(instructions ...byte) []byte {
	return message(version13, 14, slices.Concat(make([]byte, 40), []byte{0, 1, 0, 4, 0, 0, 0, 0}, instructions)...)
}

func flow10(actions ...byte) []byte {
	return message(version10, 14, append(make([]byte, 64), actions...)...)
}

func packet10(length uint16, rest ...byte) []byte {
	return message(version10, 13, append(binary.BigEndian.AppendUint16(make([]byte, 6), length), rest...)...)
}

func packet13(length uint16, rest ...byte) []byte {
	head := append(binary.BigEndian.AppendUint16(make([]byte, 8), length), 0, 0, 0, 0, 0, 0)
	return message(version13, 13, append(head, rest...)...)
}

func group(actions ...byte) []byte {
	bucket := append(binary.BigEndian.AppendUint16(nil, uint16(16+len(actions))), make([]byte, 14)...)
	return message(version13, 15, slices.Concat(make([]byte, 8), bucket, actions)...)
}

var judged = map[string]struct {
	message []byte
	why     string // "": it passes
}{
	"hello":                        {message(6, typeHello), ""},
	"an error":                     {message(version13, typeError, 0, 1, 0, 5), ""},
	"another version":              {message(6, 2), "version 6"},
	"echo":                         {message(version13, 2), ""},
	"a barrier of 1.0":             {message(version10, 18), ""},
	"a port's change":              {message(version13, 16, make([]byte, 32)...), "type 16"},
	"a port's change in 1.0":       {message(version10, 15, make([]byte, 24)...), "type 15"},
	"a bundle":                     {message(version13, 33), "type 33"},
	"a table's change":             {message(version13, 17, make([]byte, 8)...), ""},
	"a meter":                      {message(version13, 29, make([]byte, 8)...), ""},
	"a flow":                       {flow13(applied(out13...)...), ""},
	"a flow without instructions":  {flow13(), ""},
	"a flow that goes on":          {flow13(0, 1, 0, 8, 1, 0, 0, 0), ""},
	"an instruction of a vendor":   {flow13(0xff, 0xff, 0, 8, 0, 0, 0x23, 0x20), "instructions of type 65535"},
	"a flow with resubmit":         {flow13(applied(nx(1)...)...), ""},
	"a flow with conntrack":        {flow13(applied(nx(35)...)...), "action 35"},
	"a flow that samples":          {flow13(applied(nx(nxSample)...)...), "action 29"},
	"conntrack after an output":    {flow13(applied(slices.Concat(out13, nx(35))...)...), "action 35"},
	"another vendor's action":      {flow13(applied(0xff, 0xff, 0, 16, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0)...), "actions of vendors"},
	"an action longer than all":    {flow13(applied(0, 0, 0, 24, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)...), "cut short"},
	"an action of length 0":        {flow13(applied(0, 0, 0, 0, 0, 0, 0, 0)...), "cut short"},
	"a match longer than all":      {message(version13, 14, append(make([]byte, 40), 0, 1, 0xff, 0xf8)...), "cut short"},
	"a flow that is cut":           {message(version13, 14, make([]byte, 20)...), "cut short"},
	"a flow of 1.0":                {flow10(0, 0, 0, 8, 0, 1, 0, 0), ""},
	"a flow of 1.0 with conntrack": {flow10(nx(35)...), "action 35"},
	"a flow of 1.0 that is cut":    {message(version10, 14, make([]byte, 30)...), "cut short"},
	"a packet":                     {packet13(16, out13...), ""},
	"a packet with conntrack":      {packet13(16, nx(36)...), "action 36"},
	"a packet of few actions":      {packet13(64, out13...), "cut short"},
	"a packet of 1.0":              {packet10(8, 0, 0, 0, 8, 0, 1, 0, 0), ""},
	"a packet of 1.0, conntrack":   {packet10(16, nx(35)...), "action 35"},
	"a packet of 1.0 that is cut":  {message(version10, 13, 0, 0, 0, 0), "cut short"},
	"a group":                      {group(out13...), ""},
	"a group with conntrack":       {group(nx(35)...), "action 35"},
	"a group that is cut":          {message(version13, 15, 0, 0, 0, 0), "cut short"},
	"a bucket of length 0":         {message(version13, 15, make([]byte, 24)...), "cut short"},
	"a role of Nicira's":           {message(version10, 4, 0, 0, 0x23, 0x20, 0, 0, 0, 10, 0, 0, 0, 1), ""},
	"flows of Nicira's":            {message(version10, 4, 0, 0, 0x23, 0x20, 0, 0, 0, 13), "extensions"},
	"a vendor without a number":    {message(version13, 4), "extensions"},
}

func TestWhatAControllerMaySend(t *testing.T) {
	for name, c := range judged {
		why := Judge(c.message)
		if c.why == "" && why != "" || c.why != "" && !strings.Contains(why, c.why) {
			t.Errorf("%s: %q, wanted %q", name, why, c.why)
		}
	}
}

func TestARelayPassesAllowedMessagesAndAnswersTheOthers(t *testing.T) {
	controller, ofController := net.Pipe()
	sw, ofSwitch := net.Pipe()
	refused, ended := make(chan string, 10), make(chan error, 1)
	go func() { ended <- Relay(ofController, ofSwitch, func(why string) { refused <- why }) }()
	flow, barrier := flow13(applied(nx(35)...)...), message(version13, 20)
	go func() { // ends with the pipe
		controller.Write(flow)
		controller.Write(barrier)
	}()
	deadline := time.Now().Add(time.Minute)
	controller.SetReadDeadline(deadline)
	sw.SetReadDeadline(deadline)
	answer, buffer := make([]byte, 12+64), make([]byte, 1<<16)
	if _, err := io.ReadFull(controller, answer); err != nil {
		t.Fatal(err)
	}
	if answer[0] != version13 || answer[1] != typeError || !bytes.Equal(answer[4:8], flow[4:8]) || !bytes.Equal(answer[8:12], []byte{0, errBadRequest, 0, codeEPerm}) || !bytes.Equal(answer[12:], flow[:64]) {
		t.Errorf("the answer is %x", answer)
	}
	if got, err := read(sw, buffer); err != nil || !bytes.Equal(got, barrier) {
		t.Errorf("the switch got %x, %v", got, err)
	}
	if why := <-refused; !strings.Contains(why, "35") {
		t.Errorf("refused because of %q", why)
	}
	reply := message(version13, 21)
	go sw.Write(reply)
	if got, err := read(controller, buffer); err != nil || !bytes.Equal(got, reply) {
		t.Errorf("the controller got %x, %v", got, err)
	}
	go controller.Write([]byte{version13, 20, 0, 4, 0, 0, 0, 0}) // shorter than its header
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "shorter than its header") {
		t.Errorf("it ended with %v", err)
	}
	controller.Close()
	sw.Close()
	ofController.Close()
	ofSwitch.Close()
}

// FuzzJudge: whatever is sent, the judge comes to an end, and a forbidden action that is inside a message it can read does not pass.
func FuzzJudge(f *testing.F) {
	for _, c := range judged {
		f.Add(c.message, uint16(35))
		f.Add(c.message, uint16(nxSample))
	}
	f.Fuzz(func(t *testing.T, m []byte, subtype uint16) {
		if len(m) < headerLen || len(m) > 1<<15 {
			return
		}
		binary.BigEndian.PutUint16(m[2:], uint16(len(m)))
		Judge(m)
		if refusal := refusal(m); int(binary.BigEndian.Uint16(refusal[2:])) != len(refusal) {
			t.Errorf("a refusal of a wrong length: %x", refusal)
		}
		forbidden := nx(subtype)
		if subtype <= lastNXAction && subtype != nxSample {
			return
		}
		for _, carrier := range [][]byte{flow13(applied(slices.Concat(out13, forbidden)...)...), flow10(forbidden...), group(forbidden...), packet13(16, forbidden...)} {
			if Judge(carrier) == "" {
				t.Errorf("the action %d passes in %x", subtype, carrier)
			}
		}
	})
}
