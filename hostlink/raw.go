package hostlink

import (
	"bufio"
	"net"
	"net/http"
)

// Hijack implements http.Hijacker. Writers that only unwrap, such as a framework's, are unwrapped.
func (h *hijackCapture) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.conn = conn
	return conn, buffered, err
}

// lowest is the socket below any layers of TLS: closing it needs no farewell.
func lowest(conn net.Conn) net.Conn {
	for {
		layer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = layer.NetConn()
	}
}
