package slowpath

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"testing"
	"time"
)

// echoServer sends back what it gets.
func echoServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	return listener.Addr().String()
}

func TestBytesArriveWholeInOrderAndLate(t *testing.T) {
	const delay = 20 * time.Millisecond
	proxy, err := Listen(echoServer(t), Way{Delay: delay, Loss: 0.2, Rate: 10 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	conn, err := net.Dial("tcp", proxy.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent := make([]byte, 200_000)
	_, _ = rand.Read(sent)
	begun := time.Now()
	go func() { _, _ = conn.Write(sent) }()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("the bytes came back changed, or not: %v", err)
	}
	if took := time.Since(begun); took < 2*delay {
		t.Errorf("there and back took %v, less than the delay both ways", took)
	}
}

func TestNothingOvertakesAndALossDelaysWhatIsBehind(t *testing.T) {
	s := schedule{way: Way{Delay: 100 * time.Millisecond, Loss: 0.3}}
	now := time.Now()
	last, stalls := time.Time{}, 0
	for range 1000 {
		due := s.next(now, segment)
		if due.Before(last) || due.Before(now.Add(s.way.Delay)) {
			t.Fatalf("a piece arrives %v after it was sent, before the one before it", due.Sub(now))
		}
		if due.Sub(now) > s.way.Delay {
			stalls++
		}
		last, now = due, now.Add(time.Millisecond)
	}
	if stalls < 300 {
		t.Errorf("%d of 1000 pieces came late at a loss of 0.3", stalls)
	}
}

func TestASegmentIsLostNoOftenerThanTheWaySays(t *testing.T) {
	s := schedule{way: Way{Delay: 100 * time.Millisecond, Loss: 1, Again: 2}}
	now := time.Now()
	if due := s.next(now, segment); due.Sub(now) != 700*time.Millisecond {
		t.Errorf("a segment that is lost twice arrives after %v, want 100 + 200 + 400 ms", due.Sub(now))
	}
}

func TestTheRateIsKept(t *testing.T) {
	s := schedule{way: Way{Rate: 1000}}
	now := time.Now()
	s.next(now, 500)
	if due := s.next(now, 500); due.Sub(now) != time.Second {
		t.Errorf("1,000 bytes at 1,000 bytes a second take %v", due.Sub(now))
	}
}
