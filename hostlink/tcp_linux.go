package hostlink

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// tuneTCP makes the kernel notice a dead path too: probes when idle, and TCP_USER_TIMEOUT when sent data is not
// acknowledged. The pings of the tunnel stay the judge, since a proxy on the way acknowledges for a dead host. At most
// unsent bytes wait in the kernel (TCP_NOTSENT_LOWAT), so that a ping or a keystroke does not queue behind megabytes that
// have not even left. Source: tcp(7). Errors are ignored: a socket that is not TCP has none of this.
func tuneTCP(conn net.Conn, dead time.Duration, unsent int) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: dead / 3, Interval: dead / 3, Count: 2})
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(dead.Milliseconds()))
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsent)
	})
}
