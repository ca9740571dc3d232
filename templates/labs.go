package templates

import "time"

// Labs is the list of labs.
type Labs struct {
	Labs     []LabRow
	Shared   []SharedLab // by people of other workspaces, or beyond one's role
	Examples []Example
	Quota    []QuotaBar // of what is limited
}

// Template names its file.
func (Labs) Template() string { return "labs" }

// Title of the page.
func (Labs) Title() string { return "Labs" }

// Running counts the labs that have something running.
func (v Labs) Running() int {
	n := 0
	for _, l := range v.Labs {
		if l.State.Live() {
			n++
		}
	}
	return n
}

// LabRow is one lab in the list; it is sent anew whenever the lab changes.
type LabRow struct {
	ID, Name, Owner string
	State           State
	Reason          string
	Done, Total     int
	Step            string
	Nodes, Links    int
	Updated         time.Time
}

// Template names its file.
func (LabRow) Template() string { return "labrow" }

// Progress is 0 to 100.
func (r LabRow) Progress() int { return percent(r.Done, r.Total) }

func percent(done, total int) int {
	if total <= 0 {
		return 0
	}
	return min(100, 100*done/total)
}

// State is a lab's or a node's state: the word is the state, the style sheet gives it colour and shape.
type State string

// Live says that something runs or is about to.
func (s State) Live() bool {
	switch s {
	case "running", "degraded", "deploying", "planning", "stopping":
		return true
	}
	return false
}

// Busy says that the state will pass by itself.
func (s State) Busy() bool {
	switch s {
	case "planning", "deploying", "stopping", "creating", "waiting", "starting", "removing":
		return true
	}
	return false
}

// Icon is the shape for the state, so that colour is never alone.
func (s State) Icon() string {
	switch s {
	case "running":
		return "circle-check"
	case "degraded":
		return "alert-triangle"
	case "failed":
		return "ban"
	case "stopped", "exited":
		return "player-stop"
	case "paused":
		return "player-pause"
	case "planning", "deploying", "stopping", "creating", "waiting", "starting", "removing":
		return "loader-2"
	}
	return "minus"
}

// Example is a lab that comes with Trunkline.
type Example struct {
	Name, Title, Summary string
	Nodes, Links         int
}
