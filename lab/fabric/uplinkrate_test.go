package fabric

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// connect is dial with the connection kept.
func (r *rig) connect(t testing.TB, name, to string) (conn net.Conn) {
	t.Helper()
	at := netip.MustParseAddrPort(to)
	err := r.in(name, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		file := os.NewFile(uintptr(fd), to)
		defer file.Close()
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
			return err
		}
		conn, err = net.FileConn(file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// measured is how fast bytes pass each way, in bit/s: the best of some rounds that end when both are fast enough. Each is timed from before
// the first byte is sent until the last has come: a machine that stands still meanwhile makes it slower, never faster.
func (r *rig) measured(t testing.TB, from string, bytes int64, enough float64) (out, in float64) {
	t.Helper()
	listener := r.listenIn(t, "inet", "203.0.113.1:9000")
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			err = serveBytes(conn, bytes)
		}
		served <- err
	}()
	conn := r.connect(t, from, "203.0.113.1:9000")
	defer conn.Close()
	timed := func(command string, send, receive int64) float64 {
		began := time.Now()
		if _, err := conn.Write(append([]byte(command), make([]byte, send)...)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, conn, receive); err != nil {
			t.Fatal(err)
		}
		return float64(bytes) * 8 / time.Since(began).Seconds()
	}
	for round := 0; round < 10 && (out < enough || in < enough); round++ {
		out = max(out, timed("o", bytes, 1))
		in = max(in, timed("i", 0, bytes))
	}
	conn.Close()
	if err := <-served; err != io.EOF {
		t.Fatal(err)
	}
	return out, in
}

// serveBytes takes so many bytes when it is sent an o, and says so, and sends as many when it is sent an i, until the connection ends.
func serveBytes(conn net.Conn, bytes int64) error {
	defer conn.Close()
	command := make([]byte, 1)
	for {
		if _, err := conn.Read(command); err != nil {
			return err
		}
		answer := make([]byte, bytes)
		if command[0] == 'o' {
			if _, err := io.CopyN(io.Discard, conn, bytes); err != nil {
				return err
			}
			answer = command
		}
		if _, err := conn.Write(answer); err != nil {
			return err
		}
	}
}

func TestAWayOutIsAsFastAsItMayBe(t *testing.T) {
	r := newRig(t, egress)
	if p := r.Fabric.probe(); !p.tbf && !p.netem {
		t.Skip("this kernel limits no rates")
	}
	r.fakeInternet()
	spec := internetLab("lab1")
	r.start("a", "b")
	r.plug(spec)
	r.wire(spec)
	freeOut, freeIn := r.measured(t, "a", 4<<20, 32e6)
	for _, rate := range []int64{16e6, 4e6} {
		spec.Generation++
		spec.Internets[0].Rate = rate
		r.wire(spec)
		writes := r.writes.Load()
		r.wire(spec)
		if n := r.writes.Load() - writes; n != 0 {
			t.Errorf("wiring again at %d bit/s wrote %d times", rate, n)
		}
		out, in := r.measured(t, "a", 1<<19, float64(rate)*0.6)
		t.Logf("allowed %d bit/s, measured %.0f out and %.0f in; without a limit %.0f and %.0f", rate, out, in, freeOut, freeIn)
		for way, got := range map[string]float64{"out": out, "in": in} {
			// Headers take 4 % of what passes, the bucket gives 3 %; the rest is acknowledgements on their way and a busy machine.
			if got > float64(rate)*1.05 || got < float64(rate)*0.6 {
				t.Errorf("%s: %s at a rate of %d bit/s", way, fmt.Sprintf("%.0f bit/s", got), rate)
			}
		}
	}
	spec.Generation++
	spec.Internets[0].Rate = 0
	r.wire(spec)
	if out, in := r.measured(t, "a", 4<<20, 32e6); out < 32e6 || in < 32e6 {
		t.Errorf("after the limit was taken away it is still slow: %.0f bit/s out, %.0f in", out, in)
	}
}
