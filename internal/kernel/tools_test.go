package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"

	"trunkline/internal/bench"
	"trunkline/internal/kernel/ask"
)

// pings is what ping says: its own figures, with the receive time of the kernel.
type pings struct {
	sent int
	ms   []float64 // of those that came back
}

var pingTime = regexp.MustCompile(`time=([0-9.]+) ms`)

// ping sends so many echo requests from a node; more arguments go to ping (iputils).
func (r *rig) ping(node, to string, count int, interval time.Duration, more ...string) pings {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), within)
	defer cancel()
	line := append([]string{"ping", "-n", "-c", strconv.Itoa(count), "-i", fmt.Sprint(interval.Seconds()), "-W", "3"}, append(more, to)...)
	ran, err := r.on[node].Ask.Run(ctx, ask.Place{Node: node}, line...)
	if err != nil || ran.Code > 1 { // 1: not all came back
		r.t.Fatalf("%v in %s: %v\n%s%s", line, node, err, ran.Out, ran.Err)
	}
	p := pings{sent: count}
	for _, found := range pingTime.FindAllStringSubmatch(ran.Out, -1) {
		ms, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			r.t.Fatalf("ping said %q", found[0])
		}
		p.ms = append(p.ms, ms)
	}
	return p
}

// unheard is how many pings got no answer. A machine that stands still at the last one keeps its answer from a ping that has ended meanwhile.
func (r *rig) unheard(node, to string, count int, interval time.Duration, more ...string) float64 {
	r.t.Helper()
	p := r.ping(node, to, count, interval, more...)
	return float64(p.sent - len(p.ms))
}

func (p pings) median() float64 { return bench.Median(p.ms) }

// undisturbed is what a ping takes when neither kernel has to wait for this machine's processors: the lowest decile.
func (p pings) undisturbed() float64 { return bench.Quantile(p.ms, 0.1) }

// spread is the standard deviation of a uniform distribution with these outer deciles. netem's jitter is uniform: between its edges it is
// equally dense everywhere, which what a busy machine adds to each ping moves and does not stretch. The few that are late by more than any
// jitter are beyond the upper decile, and must not count.
func (p pings) spread() float64 {
	const between = 0.9 - 0.1
	return (bench.Quantile(p.ms, 0.9) - bench.Quantile(p.ms, 0.1)) / between / math.Sqrt(12)
}

// Bytes of a full frame of a 1500-byte interface as netem counts them, without preamble and checksum, and what TCP with timestamps carries in it.
const (
	frameBytes = 1514
	tcpBytes   = 1448
)

// received is what arrived in each second, in bits/s of payload.
type received []float64

func (s received) median() float64 { return bench.Median(s) }

// iperf sends from a1 to a2 for so many seconds, after one that does not count, and returns what the receiver says: what was sent is of no
// interest, since queues hold some of it.
func (r *rig) iperf(seconds int, more ...string) received {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), within)
	defer cancel()
	k := r.on["a1"].Ask
	served := make(chan ask.Ran, 1)
	go func() {
		ran, err := k.Run(ctx, ask.Place{Node: "a2"}, "iperf3", "--server", "--one-off", "--json")
		if err != nil {
			ran.Err += err.Error()
		}
		served <- ran
	}()
	line := append([]string{"iperf3", "--client", a2Near, "--time", strconv.Itoa(seconds), "--omit", "1", "--connect-timeout", "5000"}, more...)
	r.until("an iperf3 server in a2", func() error {
		_, err := k.Output(ctx, ask.Place{Node: "a1"}, line...)
		return err
	})
	ran := <-served
	var said struct {
		Intervals []struct {
			Sum struct {
				Seconds float64 `json:"seconds"`
				Bits    float64 `json:"bits_per_second"`
				Omitted bool    `json:"omitted"`
			} `json:"sum"`
		} `json:"intervals"`
	}
	if err := json.Unmarshal([]byte(ran.Out), &said); err != nil {
		r.t.Fatalf("iperf3's server: %v\n%s%s", err, ran.Out, ran.Err)
	}
	var s received
	for _, i := range said.Intervals {
		if !i.Sum.Omitted && i.Sum.Seconds > 0.9 { // the last is a rest
			s = append(s, i.Sum.Bits)
		}
	}
	if len(s) == 0 { // on a busy machine its seconds are longer, and fewer
		r.t.Fatalf("iperf3's server counts no second of %d:\n%s%s", seconds, ran.Out, ran.Err)
	}
	return s
}
