package templates

import "html/template"

// Lab is the page of one lab.
type Lab struct {
	Status  LabStatus
	Map     template.JS // MapData as JSON
	File    string
	Source  string
	Files   []ProjectFile
	CanEdit bool
	CanRun  bool
	CanUse  bool
	Guest   *GuestLine  // who sees only this lab of its workspace; nil: a member
	Editor  bool        // edits are taken
	Kinds   []KindEntry // of the palette
	Hosts   []string    // where its nodes are
}

// Template names its file.
func (Lab) Template() string { return "lab" }

// Title of the page.
func (v Lab) Title() string { return v.Status.Name }

// KindEntry is one kind of nodes in the palette.
type KindEntry struct{ Kind, Word string }

// LabStatus is the strip with state, progress and buttons; it is sent anew whenever the lab changes.
type LabStatus struct {
	ID, Name, Owner string
	State           State
	Reason          string
	Step            string
	Done, Total     int
	Nodes, Links    int
	Up              int // nodes that run
	Details         []Place
	CanRun          bool
	CanShare        bool
	Guest           bool // does not remove the lab for good
}

// Template names its file.
func (LabStatus) Template() string { return "labstatus" }

// Progress is 0 to 100.
func (v LabStatus) Progress() int { return percent(v.Done, v.Total) }

// CanDeploy says whether Deploy makes sense now; on a running lab it brings what runs up to a file that was replaced.
func (v LabStatus) CanDeploy() bool { return v.CanRun && !v.State.Busy() }

// CanCancel says whether there is a deploy to break off.
func (v LabStatus) CanCancel() bool {
	return v.CanRun && (v.State == "planning" || v.State == "deploying")
}

// CanStop says whether there is something to stop.
func (v LabStatus) CanStop() bool {
	return v.CanRun && (v.State == "running" || v.State == "degraded" || v.State == "failed")
}

// CanDestroy says whether there is something to remove from the hosts.
func (v LabStatus) CanDestroy() bool {
	return v.CanRun && v.State != "stopping" && !(v.Guest && v.State == "stored")
}

// ProjectFile is one file of the lab's folder.
type ProjectFile struct {
	Path string
	Size int64
	Main bool // the lab file itself
}

// Plan is the dialog that says what Deploy would do.
type Plan struct {
	LabID, LabName string
	Groups         []PlanGroup
	Notes          []string // what is to be known of it
	CanRun         bool
}

// PlanGroup is the steps with the same verb.
type PlanGroup struct {
	Verb  string
	Steps []PlanStep
}

// PlanStep is one line.
type PlanStep struct{ Object, Host, Reason string }

// Template names its file.
func (Plan) Template() string { return "plan" }

// Steps counts what would be done; keeping is no step.
func (p Plan) Steps() int {
	n := 0
	for _, g := range p.Groups {
		if g.Verb != "keep" {
			n += len(g.Steps)
		}
	}
	return n
}
