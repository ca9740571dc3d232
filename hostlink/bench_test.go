package hostlink

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// benchLink is a linked host whose handler echoes on /echo, swallows uploads on /up and sends 64 MiB on /down.
func benchLink(b *testing.B) (*rig, *Link) {
	b.Helper()
	r := newRig(b, Config{})
	id := r.enrol("alpha")
	block := make([]byte, 256<<10)
	mux := http.NewServeMux()
	mux.Handle("/", hiHandler)
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/up", func(w http.ResponseWriter, req *http.Request) {
		n, _ := io.Copy(io.Discard, req.Body)
		_, _ = fmt.Fprint(w, n)
	})
	mux.HandleFunc("/down", func(w http.ResponseWriter, _ *http.Request) {
		for range benchBytes / len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	r.start(id, mux)
	return r, r.link(id.HostID, 0)
}

const benchBytes = 64 << 20

func BenchmarkRequests(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			_, link := benchLink(b)
			b.SetParallelism(callers)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					mustGet(b, link.Client, "/x")
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

func BenchmarkBulkUpload(b *testing.B) {
	_, link := benchLink(b)
	client := bulkClient(b, link)
	payload := make([]byte, benchBytes)
	b.SetBytes(benchBytes)
	for b.Loop() {
		upload(b, client, bytes.NewReader(payload))
	}
}

func BenchmarkBulkDownload(b *testing.B) {
	_, link := benchLink(b)
	client := bulkClient(b, link)
	b.SetBytes(benchBytes)
	for b.Loop() {
		resp, err := client.Get("http://host/down")
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err != nil || n != benchBytes {
			b.Fatalf("%d bytes, %v", n, err)
		}
	}
}

// BenchmarkEcho is the time of one keystroke there and back on an upgraded control stream: on an idle link, and while
// an upload fills the bulk channel.
func BenchmarkEcho(b *testing.B) {
	for _, busy := range []bool{false, true} {
		b.Run(fmt.Sprintf("upload=%v", busy), func(b *testing.B) {
			_, link := benchLink(b)
			stream := openEcho(b, link)
			defer func() { _ = stream.Close() }()
			if busy {
				defer keepUploading(b, link)()
			}
			key := []byte("k")
			times := make([]time.Duration, 0, 1<<16)
			for b.Loop() {
				start := time.Now()
				if _, err := stream.Write(key); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(stream, key); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// keepUploading fills the bulk channel until the function it returns is called.
func keepUploading(b *testing.B, link *Link) func() {
	client := bulkClient(b, link)
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://host/up", endless{})
		if err != nil {
			b.Error(err)
			return
		}
		if resp, err := client.Do(req); err == nil {
			_ = resp.Body.Close()
			b.Error("an endless upload was answered")
		}
	})
	return func() { cancel(); running.Wait() }
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func bulkClient(b *testing.B, link *Link) *http.Client {
	b.Helper()
	client, err := link.Bulk()
	if err != nil {
		b.Fatal(err)
	}
	return client
}

func upload(b *testing.B, client *http.Client, body io.Reader) {
	b.Helper()
	resp, err := client.Post("http://host/up", "application/octet-stream", body)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != fmt.Sprint(benchBytes) {
		b.Fatalf("got %q, %v", got, err)
	}
}
