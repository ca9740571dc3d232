package control

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// summarise adds the hosts' reports up to one state that a person understands. It is pure. running is the deployed lab, nil
// without one. A host that is lost for less than grace changes nothing: agents and controllers restart.
func summarise(r *Record, running *lab.Lab, sides []hostSide, grace time.Duration) Observed {
	if r.Desired.Want == WantNothing || running == nil {
		return summariseEnd(r, sides)
	}
	now := Observed{Settled: r.Observed.Settled, Seen: r.Desired.Generation}
	away, unsure := awayHosts(sides, grace)
	if unsure {
		return r.Observed
	}
	for _, side := range sides {
		if side.Placed && side.Status != nil && side.Status.Generation >= r.Desired.Generation {
			now.Done, now.Total = now.Done+side.Status.Done, now.Total+side.Status.Total
			now.Step = cmp.Or(now.Step, side.Status.Step)
		}
	}
	switch host, failed := failure(sides, r.Desired.Generation); {
	case failed != nil:
		now.State, now.Reason, now.Error = Failed, sentence(failed.Sentence), failed
		if !r.UnderWay() { // it ran before, and may still: the host could not ask
			now.State = Degraded
		}
		if placedSides(sides) > 1 {
			now.Reason = "Host " + host + ": " + now.Reason
		}
	case len(away) > 0:
		now.State, now.Reason = Degraded, awayWords(away, "What runs there, %s, may go on running; it is not seen until the host is back.")
		if r.UnderWay() {
			now.State, now.Reason = Deploying, awayWords(away, "The deploy of %s there goes on when it is back.")
		}
	case !converged(sides, r.Desired.Generation):
		summariseWay(r, sides, &now)
	default:
		now.Settled = r.Desired.Generation
		now.Done, now.Total, now.Step = 0, 0, ""
		summariseRest(r, running, sides, &now)
	}
	return now
}

// summariseEnd is the state of a lab that shall be nowhere.
func summariseEnd(r *Record, sides []hostSide) Observed {
	now := Observed{State: Stored, Reason: r.Desired.Note, Settled: r.Observed.Settled, Seen: r.Desired.Generation}
	var away []string
	for _, side := range sides {
		if !side.has() {
			continue
		}
		now.State, now.Reason, now.Step = Stopping, r.Desired.Note, "removing"
		if !side.Connected {
			away = append(away, side.Name)
			continue
		}
		if side.Status != nil {
			now.Done, now.Total = now.Done+side.Status.Done, now.Total+side.Status.Total
			if side.Status.Error != nil {
				now.Error, now.Reason = side.Status.Error, sentence(side.Status.Error.Sentence)
			}
		}
		if side.Told.Remove && side.Told.Error != nil {
			now.Error, now.Reason = side.Told.Error, sentence(side.Told.Error.Sentence)
		}
	}
	if len(away) > 0 {
		now.Reason = fmt.Sprintf("Host %s is not connected. What is left there is removed when it is back.", some(away))
	}
	return now
}

// awayHosts are the hosts of the lab that have not been linked for longer than grace; unsure means that it is too early to say
// anything, because every host is away. A host that is away for a blink is taken to have what it had.
func awayHosts(sides []hostSide, grace time.Duration) (away []hostSide, unsure bool) {
	blinks, placed := 0, 0
	for _, side := range sides {
		switch {
		case !side.Placed:
			continue
		case !side.Connected && side.LostFor < grace:
			blinks++
		case !side.Connected:
			away = append(away, side)
		}
		placed++
	}
	return away, blinks > 0 && blinks == placed
}

// awayWords names the hosts that are away, and says what that means for the nodes there.
func awayWords(away []hostSide, what string) string {
	names, nodes := make([]string, len(away)), 0
	for i, side := range away {
		names[i] = side.Name
		nodes += side.Nodes
	}
	return fmt.Sprintf("Host %s is not connected. "+what, some(names), count(nodes, "node"))
}

func placedSides(sides []hostSide) int {
	n := 0
	for _, side := range sides {
		if side.Placed {
			n++
		}
	}
	return n
}

// failure is what keeps the lab as a whole from converging, and on which host.
func failure(sides []hostSide, generation int64) (host string, failed *fault.Error) {
	for _, side := range sides {
		if !side.Placed || !side.Connected {
			continue
		}
		if side.Told.Error != nil && side.Told.Epoch == side.Epoch && side.Told.Generation == generation && needsSpec(side, generation) {
			return side.Name, side.Told.Error
		}
		if side.Status != nil && side.Status.Error != nil {
			return side.Name, side.Status.Error
		}
	}
	return "", nil
}

func converged(sides []hostSide, generation int64) bool {
	for _, side := range sides {
		if side.Placed && (side.Status == nil || side.Status.Generation < generation || !side.Status.Converged) {
			return false
		}
	}
	return true
}

// summariseWay is the state on the way to the newest generation.
func summariseWay(r *Record, sides []hostSide, now *Observed) {
	seen := slices.ContainsFunc(sides, func(s hostSide) bool {
		return s.Placed && s.Status != nil && s.Status.Generation >= r.Desired.Generation
	})
	switch {
	case r.Desired.Want == WantStop:
		now.State, now.Step, now.Reason = Stopping, cmp.Or(now.Step, "stopping"), r.Desired.Note
	case r.UnderWay() && !seen:
		now.State, now.Step = Planning, "telling the hosts"
		if now.Total == 0 {
			now.Total = r.NodeCount
		}
	case r.UnderWay():
		now.State, now.Reason = Deploying, r.Desired.Note
		if now.Total == 0 {
			now.Total = r.NodeCount
		}
	default: // one node is being started, stopped or restarted
		now.State, now.Reason = cmp.Or(r.Observed.State, Running), r.Observed.Reason
		if now.State == Planning || now.State == Deploying || now.State == Stopping || now.State == Stopped {
			now.State, now.Reason = Running, ""
		}
	}
}

// summariseRest is the state once the hosts have nothing left to do.
func summariseRest(r *Record, running *lab.Lab, sides []hostSide, now *Observed) {
	if r.Desired.Want == WantStop {
		now.State, now.Reason = Stopped, r.Desired.Note
		return
	}
	now.State = Running
	bad, ran := badNodes(r, running, sides)
	switch {
	case len(bad) > 0 && ran == 0:
		now.State = Failed
	case len(bad) > 0:
		now.State = Degraded
	}
	switch {
	case len(bad) == 1:
		now.Reason = sentence(bad[0])
	case len(bad) > 1:
		now.Reason = fmt.Sprintf("%d of %s are not as wanted: %s.", len(bad), count(len(running.Nodes), "node"), some(bad))
	case len(r.Desired.GivenUp) == 0 && len(limitsOf(sides)) > 0:
		now.State, now.Reason = Degraded, some(limitsOf(sides))
	case len(r.Desired.GivenUp) > 0:
		now.State, now.Reason = Degraded, some(r.Desired.GivenUp)
	case r.Desired.Returning:
		now.Reason = "The deploy was cancelled. This is the version from before it."
	}
}

// limitsOf lists what hosts cannot do for single cables, in sentences.
func limitsOf(sides []hostSide) []string {
	var all []string
	for _, side := range sides {
		if side.Placed && side.Status != nil {
			for _, cable := range slices.Sorted(maps.Keys(side.Status.Limits)) {
				all = append(all, side.Status.Limits[cable])
			}
		}
	}
	return all
}

// badNodes says of each node what is wrong with it, in file order, and counts those that run.
func badNodes(r *Record, running *lab.Lab, sides []hostSide) (bad []string, ran int) {
	at, _ := nodeStatuses(r, running, sides)
	for _, n := range running.Nodes {
		status, seen := at[n.Name]
		want := hostapi.Running
		if n.Kind.IsContainer() {
			want = wantedRun(n, r.Desired.Deployment)
		}
		if !seen {
			bad = append(bad, n.Name+" is missing on its host")
			continue
		}
		complaint := complaintOf(status.NodeStatus, want)
		if complaint != "" {
			bad = append(bad, n.Name+" "+strings.TrimSuffix(complaint, "."))
		}
		if complaint == "" || status.State == hostapi.NodeRunning {
			ran++
		}
	}
	return bad, ran
}

// complaintOf says in words how a node differs from what it shall be; "" when it does not.
func complaintOf(n hostapi.NodeStatus, want hostapi.RunState) string {
	reason := ""
	if n.Reason != "" {
		reason = ": " + n.Reason
	}
	switch n.State {
	case hostapi.NodeFailed:
		return "failed" + reason
	case hostapi.NodeExited:
		if want != hostapi.Running || n.ExitCode == nil || *n.ExitCode == 0 {
			return ""
		}
		return fmt.Sprintf("ended with exit code %d%s", *n.ExitCode, reason)
	case hostapi.NodeRunning:
		if n.Health == "unhealthy" {
			return "is unhealthy" + reason
		}
	case hostapi.NodeWaiting:
		if strings.HasPrefix(n.Reason, "waits ") {
			return n.Reason
		}
		return "waits" + reason
	case hostapi.NodeAbsent:
		return "is not there" + reason
	}
	for _, e := range n.Execs {
		if e.ExitCode != 0 {
			return fmt.Sprintf("runs, but its command %q ended with exit code %d", e.Command, e.ExitCode)
		}
	}
	return ""
}
