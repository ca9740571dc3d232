// Command terminal measures a keystroke's echo through browser-side websocket, controller, host link and Docker exec, beside the same through
// docker exec -it directly, the two in turn in one run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"trunkline/internal/bench"
	"trunkline/internal/client"
	"trunkline/internal/testkit"
	"trunkline/lab/control"
)

const (
	labFile = "name: echo\ntopology:\n  nodes:\n    n1: {kind: linux, image: \"trunkline/tiny:latest\"}\n"
	block   = 50 // keystrokes on one side before the other has its turn
)

// echoer types one key and waits for its echo.
type echoer interface {
	key(ctx context.Context, b byte) error
	line(ctx context.Context) error // ends the line and swallows what comes back
	Close() error
}

func main() {
	binary := flag.String("binary", "bin/trunkline", "the program to measure")
	keys := flag.Int("keys", 1000, "keystrokes on each side")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *binary, *keys); err != nil {
		fmt.Fprintln(os.Stderr, "bench terminal:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, keys int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	data, err := os.MkdirTemp("", "trunkline-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	program, err := testkit.Up(ctx, binary, data)
	if err != nil {
		return err
	}
	defer program.Stop()
	container, labID, err := deployEcho(ctx, program)
	if err != nil {
		return err
	}
	defer program.Run(context.WithoutCancel(ctx), "lab", "destroy", "echo", "--wait")
	ours, err := openShell(ctx, program, labID, "n1")
	if err != nil {
		return err
	}
	defer ours.Close()
	direct, err := openDirect(ctx, container)
	if err != nil {
		return err
	}
	defer direct.Close()
	through, beside, err := measure(ctx, ours, direct, keys)
	if err != nil {
		return err
	}
	record := bench.New("terminal")
	record.Set("echo.p50_ms", bench.Median(through), "ms")
	record.Set("echo.p99_ms", bench.Quantile(through, 0.99), "ms")
	record.Set("echo.direct_p50_ms", bench.Median(beside), "ms")
	record.Set("echo.direct_p99_ms", bench.Quantile(beside, 0.99), "ms")
	record.Set("echo.added_p50_ms", bench.Median(through)-bench.Median(beside), "ms")
	record.Set("echo.added_p99_ms", bench.Quantile(through, 0.99)-bench.Quantile(beside, 0.99), "ms")
	return record.Write()
}

func deployEcho(ctx context.Context, p *testkit.Program) (container, labID string, err error) {
	if _, err := p.Client.Create(ctx, client.Import{Body: strings.NewReader(labFile), ContentType: "application/yaml", File: "echo.clab.yml"}); err != nil {
		return "", "", err
	}
	if _, err := p.Client.Intent(ctx, "echo", "deploy", nil); err != nil {
		return "", "", err
	}
	if _, err := p.AwaitState(ctx, "echo", control.Running); err != nil {
		return "", "", err
	}
	detail, err := p.Client.Lab(ctx, "echo")
	if err != nil {
		return "", "", err
	}
	return detail.Nodes[0].ContainerID, detail.ID, nil
}

// measure returns milliseconds a keystroke on both sides.
func measure(ctx context.Context, ours, direct echoer, keys int) (through, beside []float64, err error) {
	for len(through) < keys {
		for _, side := range []struct {
			e    echoer
			into *[]float64
		}{{ours, &through}, {direct, &beside}} {
			for i := range block {
				begun := time.Now()
				if err := side.e.key(ctx, byte('a'+i%26)); err != nil {
					return nil, nil, err
				}
				*side.into = append(*side.into, float64(time.Since(begun).Microseconds())/1000)
			}
			if err := side.e.line(ctx); err != nil {
				return nil, nil, err
			}
		}
	}
	return through, beside, nil
}
