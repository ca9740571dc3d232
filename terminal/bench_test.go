package terminal

import (
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// echoStream is a stream that echoes over a real socket on loopback: what a shell costs at least.
type echoStream struct{ net.Conn }

func (echoStream) Resize(uint16, uint16) error { return nil }
func (echoStream) ExitCode() (int, bool)       { return 0, false }

func dialEcho(b *testing.B) Stream {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(onlyWriter{conn}, onlyReader{conn})
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close(); <-done })
	return echoStream{conn}
}

// onlyReader and onlyWriter keep io.Copy from using splice, which would favour the raw side.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// report gives the median and the 99th percentile in microseconds.
func report(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds())/1e3, "p99-µs")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkKeystrokeRaw is one byte to the stream and back.
func BenchmarkKeystrokeRaw(b *testing.B) {
	stream := dialEcho(b)
	buf := make([]byte, 1)
	times := make([]time.Duration, 0, b.N)
	for b.Loop() {
		start := time.Now()
		if _, err := stream.Write([]byte("k")); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(stream, buf); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	report(b, times)
}

// BenchmarkKeystrokeBareWebsocket is one byte to a websocket that echoes, without stream and session: the floor of the browser's side.
func BenchmarkKeystrokeBareWebsocket(b *testing.B) {
	s := serveBare(b)
	times := make([]time.Duration, 0, b.N)
	for b.Loop() {
		times = append(times, keystroke(b, s, false))
	}
	report(b, times)
}

// BenchmarkKeystroke is one byte through websocket and session to the stream and back, acknowledged.
func BenchmarkKeystroke(b *testing.B) {
	s := serve(b, Config{})
	stream := dialEcho(b)
	session, err := s.Open(b.Context(), Key{Tenant: "t", Lab: "l", Node: "n"}, Options{},
		func(context.Context, uint16, uint16) (Stream, error) { return stream, nil })
	if err != nil {
		b.Fatal(err)
	}
	conn := s.dial(b, session)
	defer conn.CloseNow()
	for range 2 { // ready, viewers
		if kind, _, err := conn.Read(b.Context()); err != nil || kind != websocket.MessageText {
			b.Fatal(kind, err)
		}
	}
	times := make([]time.Duration, 0, b.N)
	for b.Loop() {
		times = append(times, keystroke(b, conn, true))
	}
	report(b, times)
}

// keystroke sends a byte and waits for its echo.
func keystroke(b *testing.B, conn *websocket.Conn, ack bool) time.Duration {
	b.Helper()
	start := time.Now()
	if err := conn.Write(b.Context(), websocket.MessageBinary, []byte("k")); err != nil {
		b.Fatal(err)
	}
	kind, data, err := conn.Read(b.Context())
	if err != nil || kind != websocket.MessageBinary || string(data) != "k" {
		b.Fatalf("%v %q %v", kind, data, err)
	}
	took := time.Since(start)
	if ack {
		if err := conn.Write(b.Context(), websocket.MessageText, []byte(`{"type":"ack","bytes":1}`)); err != nil {
			b.Fatal(err)
		}
	}
	return took
}

// BenchmarkParser is how fast output leaves the ring.
func BenchmarkParser(b *testing.B) {
	text := []byte(strings.Repeat("\x1b[32mdrwxr-xr-x\x1b[m 2 root root 4096 Nov 21 04:00 \x1b[1;34mfolder é\x1b[m\r\n", 500))
	b.SetBytes(int64(len(text)))
	t := &tracker{}
	for b.Loop() {
		t.advance(text)
	}
}
