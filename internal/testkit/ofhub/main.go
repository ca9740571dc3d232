// Command ofhub is an OpenFlow 1.3 controller for tests: it makes every switch that connects flood every frame.
package main

import (
	"encoding/binary"
	"io"
	"log"
	"net"
)

const (
	hello    = 0
	echo     = 2
	answer   = 3
	flowMod  = 14
	anything = 0xffffffff
	flood    = 0xfffffffb
)

func main() {
	listener, err := net.Listen("tcp", ":6653")
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() { log.Print(serve(conn)) }() // ends with the connection
	}
}

func message(kind byte, body []byte) []byte {
	m := binary.BigEndian.AppendUint16([]byte{4, kind}, uint16(8+len(body)))
	return append(append(m, 0, 0, 0, 1), body...)
}

// floods is the flow with an empty match that sends everything to all ports (OpenFlow 1.3, A.3.4.1).
func floods() []byte {
	body := make([]byte, 24, 80) // cookies, table 0, add, no timeouts
	body[22] = 0
	body[23] = 1 // priority
	for range 3 {
		body = binary.BigEndian.AppendUint32(body, anything) // no buffer, any port, any group
	}
	body = append(body, 0, 0, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0)               // flags; a match of nothing
	body = append(body, 0, 4, 0, 24, 0, 0, 0, 0, 0, 0, 0, 16)             // apply actions: output
	body = append(binary.BigEndian.AppendUint32(body, flood), 0xff, 0xff) // whole frames
	return message(flowMod, append(body, make([]byte, 6)...))
}

func serve(conn net.Conn) error {
	defer conn.Close()
	if _, err := conn.Write(append(message(hello, nil), floods()...)); err != nil {
		return err
	}
	header := make([]byte, 8)
	for {
		if _, err := io.ReadFull(conn, header); err != nil {
			return err
		}
		body := make([]byte, max(int(binary.BigEndian.Uint16(header[2:])), 8)-8)
		if _, err := io.ReadFull(conn, body); err != nil {
			return err
		}
		if header[1] == echo {
			reply := message(answer, body)
			copy(reply[4:8], header[4:8])
			if _, err := conn.Write(reply); err != nil {
				return err
			}
		}
	}
}
