//go:build !linux

package hostlink

import (
	"net"
	"time"
)

// tuneTCP makes the kernel probe an idle connection; see tcp_linux.go for what Linux can do beyond that.
func tuneTCP(conn net.Conn, dead time.Duration, _ int) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: dead / 3, Interval: dead / 3, Count: 2})
	}
}
