package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/lab/control"
)

// errRemoved says that the lab is gone altogether.
var errRemoved = fault.New(fault.NotFound, "The lab has been removed.")

// follow shows a lab's progress on standard error until done says so: true ends it, an error fails it.
func follow(ctx context.Context, c *client.Client, lab string, limit time.Duration, done func(*control.LabView) (bool, error)) (*control.LabView, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	progress := newProgress()
	defer progress.end()
	var last *control.LabView
	var outcome error
	for {
		finished := false
		err := c.Watch(ctx, lab, func(event control.Event) bool {
			if event.Removed {
				finished, outcome = true, errRemoved
				return false
			}
			if event.Lab == nil {
				return !event.Resync // read everything anew
			}
			last = event.Lab
			progress.show(last)
			finished, outcome = done(last)
			return !finished && outcome == nil
		})
		switch {
		case finished || outcome != nil:
			return last, outcome
		case errors.Is(err, context.DeadlineExceeded):
			return last, fault.New(fault.Unavailable, "It took longer than %v; it goes on in the background. trunkline lab show %s tells how far it is.", limit, lab)
		case errors.Is(ctx.Err(), context.Canceled): // Ctrl-C
			return last, ctx.Err()
		case err != nil && !fault.Is(err, fault.Unavailable):
			return last, err
		}
		select { // the connection broke or was resynchronised: ask again
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func deployed(l *control.LabView) (bool, error) {
	switch l.State {
	case control.Running:
		return true, nil
	case control.Failed, control.Degraded:
		return false, fault.New(fault.Conflict, "%s is %s: %s", l.Name, l.State, l.Reason)
	case control.Stored, control.Stopped:
		return false, fault.New(fault.Conflict, "The deploy of %s was cancelled.", l.Name)
	}
	return false, nil
}

func reached(wanted control.State) func(*control.LabView) (bool, error) {
	return func(l *control.LabView) (bool, error) {
		if l.State == control.Failed {
			return false, fault.New(fault.Conflict, "%s: %s", l.Name, l.Reason)
		}
		return l.State == wanted, nil
	}
}

// progress is one line that changes on a terminal, and a line a change elsewhere.
type progress struct {
	terminal bool
	last     string
}

func newProgress() *progress { return &progress{terminal: term.IsTerminal(int(os.Stderr.Fd()))} }

func (p *progress) show(l *control.LabView) {
	line := l.Name + ": " + stateWords(l)
	if l.Step != "" {
		line += ", " + l.Step
	}
	if line == p.last {
		return
	}
	p.last = line
	if p.terminal {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s", line)
		return
	}
	fmt.Fprintln(os.Stderr, line)
}

func (p *progress) end() {
	if p.terminal && p.last != "" {
		fmt.Fprintln(os.Stderr)
	}
}

// stateWords is the state with its count, such as "deploying 37/100".
func stateWords(l *control.LabView) string {
	if l.Total > 0 && (l.State == control.Deploying || l.State == control.Stopping) {
		return fmt.Sprintf("%s %d/%d", l.State, l.Done, l.Total)
	}
	return string(l.State)
}

// age is how long ago, in one unit.
func age(t time.Time) string {
	d := time.Since(t)
	switch {
	case t.IsZero():
		return ""
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}
