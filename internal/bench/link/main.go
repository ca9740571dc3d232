// Command link measures what other traffic on a host's link adds to a keystroke's echo: a 1 GiB upload, and readers that stand still. Each is
// measured on loopback and over a way with delay, beside an idle link in the same run.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"time"

	"trunkline/hostlink/slowpath"
	"trunkline/internal/bench"
)

func main() {
	upload := flag.Int64("upload", 1<<30, "bytes to upload")
	keys := flag.Int("keys", 1000, "keystrokes at least in each situation")
	delay := flag.Duration("delay", 10*time.Millisecond, "delay of the long way, each direction")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *upload, *keys, *delay); err != nil {
		fmt.Fprintln(os.Stderr, "bench link:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, upload int64, keys int, delay time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	record := bench.New("link")
	worst := 0.0
	for _, place := range []struct {
		name string
		way  slowpath.Way
	}{{"near", slowpath.Way{}}, {"far", slowpath.Way{Delay: delay}}} {
		added, err := measure(ctx, record, place.name, place.way, upload, keys)
		if err != nil {
			return err
		}
		worst = max(worst, added)
	}
	record.Set("link.added_p99_ms", worst, "ms that other traffic adds to a keystroke, the most of all situations")
	return record.Write()
}

// measure returns the most that any situation adds to the 99th percentile.
func measure(ctx context.Context, record *bench.Record, place string, way slowpath.Way, upload int64, keys int) (float64, error) {
	r, err := newRig(ctx, way)
	if err != nil {
		return 0, err
	}
	defer r.close()
	t, err := r.typist(ctx)
	if err != nil {
		return 0, err
	}
	defer t.stream.Close()
	nothing := make(chan struct{})
	close(nothing)
	idle, err := t.typeUntil(nothing, keys)
	if err != nil {
		return 0, err
	}
	note := func(situation string, times []float64) float64 {
		name := "link." + place + "." + situation
		record.Set(name+"_p50_ms", bench.Median(times), "ms")
		record.Set(name+"_p99_ms", bench.Quantile(times, 0.99), "ms")
		added := bench.Quantile(times, 0.99) - bench.Quantile(idle, 0.99)
		record.Set(name+"_added_p50_ms", bench.Median(times)-bench.Median(idle), "ms")
		record.Set(name+"_added_p99_ms", added, "ms")
		return added
	}
	record.Set("link."+place+".idle_p50_ms", bench.Median(idle), "ms")
	record.Set("link."+place+".idle_p99_ms", bench.Quantile(idle, 0.99), "ms")
	begun := time.Now()
	uploaded := make(chan struct{})
	var failed error
	go func() { defer close(uploaded); failed = r.upload(ctx, upload) }()
	beside, err := t.typeUntil(uploaded, 0)
	if err != nil || failed != nil {
		return 0, fmt.Errorf("beside an upload: %w", first(failed, err))
	}
	record.Set("link."+place+".upload_mib_s", float64(upload)/(1<<20)/time.Since(begun).Seconds(), "MiB/s meanwhile")
	worst := note("upload", beside)
	for range 3 { // each fills its window and is not read
		still, err := r.flood(ctx)
		if err != nil {
			return 0, err
		}
		defer still.Close()
	}
	slow, err := t.typeUntil(nothing, keys)
	if err != nil {
		return 0, err
	}
	return max(worst, note("slow_reader", slow)), nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *rig) upload(ctx context.Context, size int64) error {
	client, err := r.link.Bulk()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://host/up", io.LimitReader(zeros{}, size))
	if err != nil {
		return err
	}
	answer, err := client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err == nil && string(got) != fmt.Sprint(size) {
		err = fmt.Errorf("of %d bytes %s arrived", size, got)
	}
	return err
}

// flood is an answer of the host without end, on the control channel beside the keystrokes.
func (r *rig) flood(ctx context.Context) (io.Closer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://host/flood", nil)
	if err != nil {
		return nil, err
	}
	answer, err := r.link.Client.Do(req)
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
