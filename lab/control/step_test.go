package control

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

func TestNext(t *testing.T) {
	now := time.Date(2026, 11, 21, 5, 0, 0, 0, time.UTC)
	at := func(generation int64) *hostapi.LabStatus { return &hostapi.LabStatus{Generation: generation} }
	broken := fault.New(fault.Unavailable, "No.")
	run := Desired{Deployment: Deployment{Want: WantRun}, Generation: 5}
	nothing := Desired{Generation: 5}
	side := hostSide{ID: "h", Placed: true, Connected: true, Epoch: 2}
	with := func(change func(*hostSide)) []hostSide { s := side; change(&s); return []hostSide{s} }
	cases := []struct {
		name  string
		d     Desired
		sides []hostSide
		want  step
	}{
		{"a host that has nothing is told", run, with(func(s *hostSide) {}), step{Apply: []string{"h"}}},
		{"a host that has an older generation is told", run, with(func(s *hostSide) { s.Status = at(4) }), step{Apply: []string{"h"}}},
		{"a host that has this generation is left alone", run, with(func(s *hostSide) { s.Status = at(5) }), step{}},
		{"a host that was told is left alone", run, with(func(s *hostSide) { s.Told = told{At: now, Epoch: 2, Generation: 5} }), step{Wait: guessLimit}},
		{"but not for ever: what it was told may have been undone by what reached it late", run, with(func(s *hostSide) {
			s.Told = told{At: now.Add(-guessLimit), Epoch: 2, Generation: 5}
		}), step{Apply: []string{"h"}}},
		{"a host that has it and was told long ago is left alone", run, with(func(s *hostSide) { s.Status, s.Told = at(5), told{Epoch: 2, Generation: 5} }), step{}},
		{"a host that was told over an older link is told again", run, with(func(s *hostSide) { s.Told = told{Epoch: 1, Generation: 5} }), step{Apply: []string{"h"}}},
		{"a host that was told an older generation is told", run, with(func(s *hostSide) { s.Told = told{Epoch: 2, Generation: 4} }), step{Apply: []string{"h"}}},
		{"a host that refused is left alone for a while", run, with(func(s *hostSide) {
			s.Told = told{Epoch: 2, Generation: 5, Error: broken, RetryAt: now.Add(time.Second)}
		}), step{Wait: time.Second}},
		{"and asked again then", run, with(func(s *hostSide) { s.Told = told{Epoch: 2, Generation: 5, Error: broken, RetryAt: now} }), step{Apply: []string{"h"}}},
		{"a refusal of an older generation does not hold back a newer one", run, with(func(s *hostSide) {
			s.Told = told{Epoch: 2, Generation: 4, Error: broken, RetryAt: now.Add(time.Hour)}
		}), step{Apply: []string{"h"}}},
		{"a host that is away is waited for", run, with(func(s *hostSide) { s.Connected = false }), step{}},
		{"a host that has the lab and should not is told", run, with(func(s *hostSide) { s.Placed, s.Status = false, at(4) }), step{Remove: []string{"h"}}},
		{"nothing shall be left, and something is", nothing, with(func(s *hostSide) { s.Status = at(4) }), step{Remove: []string{"h"}}},
		{"it was told so and is at it", nothing, with(func(s *hostSide) { s.Status, s.Told = at(4), told{At: now, Epoch: 2, Generation: 5, Remove: true} }), step{Wait: guessLimit}},
		{"it was told so and still has it", nothing, with(func(s *hostSide) {
			s.Status, s.Told = at(4), told{At: now.Add(-guessLimit), Epoch: 2, Generation: 5, Remove: true}
		}), step{Remove: []string{"h"}}},
		{"what it was told and has not reported counts as there", nothing, with(func(s *hostSide) { s.Guessed = true }), step{Remove: []string{"h"}, Wait: guessLimit}},
		{"what does not show up for long is asked for", nothing, with(func(s *hostSide) {
			s.Guessed, s.GuessedFor, s.Told = true, guessLimit+1, told{At: now, Epoch: 2, Generation: 5, Remove: true}
		}), step{Resync: []string{"h"}, Wait: time.Second}},
		{"nothing shall be left and nothing is", nothing, with(func(s *hostSide) {}), step{Gone: true}},
		{"a host that is away may have something", nothing, with(func(s *hostSide) { s.Connected = false }), step{}},
		{"a host that is away and was never in it has nothing", nothing, with(func(s *hostSide) { s.Connected, s.Placed = false, false }), step{Gone: true}},
		{"no host at all", nothing, nil, step{Gone: true}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := next(c.d, c.sides, now); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestSummarise(t *testing.T) {
	l := &lab.Lab{Nodes: []*lab.Node{{Name: "a", Kind: lab.Linux}, {Name: "b", Kind: lab.Linux}, {Name: "sw", Kind: lab.Switch}}}
	two := 2
	status := func(converged bool, states ...hostapi.NodeState) *hostapi.LabStatus {
		s := &hostapi.LabStatus{Generation: 5, Converged: converged, Done: 1, Total: 3, Step: "creating"}
		for i, state := range states {
			n := hostapi.NodeStatus{Name: l.Nodes[i].Name, State: state}
			switch state {
			case hostapi.NodeFailed:
				n.Reason = "The disk is full."
			case hostapi.NodeExited:
				n.ExitCode = &two
			}
			s.Nodes = append(s.Nodes, n)
		}
		return s
	}
	const running, failed, exited = hostapi.NodeRunning, hostapi.NodeFailed, hostapi.NodeExited
	refused := status(true, running, running, running)
	for i := range refused.Nodes {
		refused.Nodes[i].Execs = []hostapi.ExecResult{{Command: "apk add iproute2", ExitCode: 126}}
	}
	held := status(true, running, running, running)
	held.Nodes[0].State, held.Nodes[0].Reason = hostapi.NodeWaiting, "waits for b to be healthy"
	cases := []struct {
		name    string
		want    Want
		settled int64
		old     State
		side    hostSide
		state   State
		says    string
	}{
		{"told, nothing heard", WantRun, 0, Stored, hostSide{Connected: true}, Planning, ""},
		{"on its way", WantRun, 0, Planning, hostSide{Connected: true, Status: status(false)}, Deploying, ""},
		{"all run", WantRun, 0, Deploying, hostSide{Connected: true, Status: status(true, running, running, running)}, Running, ""},
		{"one failed", WantRun, 0, Deploying, hostSide{Connected: true, Status: status(true, running, failed, running)}, Degraded, "b failed: The disk is full."},
		{"two are bad", WantRun, 0, Deploying, hostSide{Connected: true, Status: status(true, exited, failed, running)}, Degraded, "2 of 3 nodes are not as wanted: a ended with exit code 2, b failed: The disk is full."},
		{"all are bad", WantRun, 0, Deploying, hostSide{Connected: true, Status: status(true, failed, failed, failed)}, Failed, "3 of 3 nodes"},
		{"all run, and a command of each failed", WantRun, 0, Deploying, hostSide{Connected: true, Status: refused}, Degraded, "3 of 3 nodes"},
		{"one waits for another", WantRun, 0, Deploying, hostSide{Connected: true, Status: held}, Degraded, "a waits for b to be healthy."},
		{"one is missing", WantRun, 0, Deploying, hostSide{Connected: true, Status: status(true, running, running)}, Degraded, "sw is missing on its host."},
		{"a node acts while the lab runs", WantRun, 4, Running, hostSide{Connected: true, Status: status(false, running)}, Running, ""},
		{"the host is away while it runs", WantRun, 5, Running, hostSide{LostFor: time.Hour, Status: status(true, running, running, running)}, Degraded, "Host h is not connected."},
		{"the host is away for a blink", WantRun, 5, Running, hostSide{LostFor: time.Millisecond, Status: status(true, running, running, running)}, Running, ""},
		{"the host is away while it deploys", WantRun, 0, Deploying, hostSide{LostFor: time.Hour}, Deploying, "goes on when it is back"},
		{"the host refuses", WantRun, 0, Planning, hostSide{Connected: true, Epoch: 1, Told: told{Epoch: 1, Generation: 5, Error: fault.New(fault.Exhausted, "The disk is full.")}}, Failed, "The disk is full."},
		{"stopping", WantStop, 4, Running, hostSide{Connected: true, Status: status(false)}, Stopping, ""},
		{"stopped", WantStop, 4, Stopping, hostSide{Connected: true, Status: status(true)}, Stopped, ""},
		{"removing", WantNothing, 4, Running, hostSide{Connected: true, Status: status(false)}, Stopping, ""},
		{"removed", WantNothing, 4, Stopping, hostSide{Connected: true}, Stored, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.side.ID, c.side.Name, c.side.Placed = "h", "h", true
			r := &Record{NodeCount: 3, Desired: Desired{Deployment: Deployment{Want: c.want, Revision: 1}, Generation: 5, Deploy: 5}, Observed: Observed{State: c.old, Settled: c.settled}}
			if c.settled > 0 {
				r.Desired.Deploy = 4
			}
			got := summarise(r, l, []hostSide{c.side}, time.Second)
			if got.State != c.state || (c.says == "") != (got.Reason == "") || !strings.Contains(got.Reason, c.says) {
				t.Errorf("got %s %q, want %s %q", got.State, got.Reason, c.state, c.says)
			}
		})
	}
}

func TestASlowWatcherIsToldToReadAnewAndHoldsNobodyUp(t *testing.T) {
	h := newHub()
	defer h.close()
	ctx, cancel := context.WithCancel(t.Context())
	slow, quick := h.watch(ctx, "t", ""), h.watch(ctx, "t", "")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range quick {
			if e.Resync || e.LabID == "last" { // whoever is told to read anew finds the last event's state
				return
			}
		}
	}()
	for range 5 * watcherBacklog {
		h.publish(Event{Tenant: "t", LabID: "x", Lab: &LabView{}})
	}
	h.publish(Event{Tenant: "t", LabID: "last", Lab: &LabView{}})
	var resync bool
	for range watcherBacklog + 2 {
		if e := <-slow; e.Resync {
			resync = true
			break
		}
	}
	if !resync {
		t.Error("a watcher that fell behind was not told")
	}
	<-done
	cancel()
	for range slow { // closed with its context
	}
}
