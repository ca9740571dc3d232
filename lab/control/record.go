package control

import (
	"maps"
	"slices"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
	"trunkline/lab/place"
)

// Record is a stored lab with its desired and its observed side. Desired is written by intents, Observed by the reconcile
// loop alone.
type Record struct {
	ID        string
	Tenant    string
	Name      string
	OwnerID   string
	Owner     string // user name
	NodeCount int
	LinkCount int
	CreatedAt time.Time
	UpdatedAt time.Time

	Revision  Revision // the newest; in lists without Lab, Source and Files
	Positions map[string]Position
	Desired   Desired
	Observed  Observed
}

// Revision is one version of a lab's file with its folder. It never changes once stored.
type Revision struct {
	Number    int64 // counts from 1
	File      string
	Source    string
	Lab       *lab.Lab
	Env       map[string]string
	ImageMap  map[string]string
	Files     []ProjectFile
	CreatedAt time.Time

	AuthorID  string
	Author    string // user name; "" of versions from before it was kept
	Words     string // what was done
	Note      string // why, in the author's words
	NodeCount int    // in lists, where Lab is not there
	LinkCount int
	FilesOf   int64 // the version whose files these are, but for the lab file; 0: its own
	After     int64 // to be stored only while this is the newest; 0: whatever it is
}

// Want is what a lab shall be.
type Want string

const (
	WantNothing Want = ""     // stored only
	WantRun     Want = "run"  // on its hosts, running
	WantStop    Want = "stop" // on its hosts, containers kept and stopped
)

// Deployment is everything a lab's specs are made of, so that they can be made again at any time and come out the same.
type Deployment struct {
	Want     Want
	Revision int64             // the version that is deployed; 0: none
	ImageMap map[string]string // site's, workspace's and lab's together, as they were then
	Nodes    map[string]NodeDesired
	Places   map[string]Place
	VNIs     map[string]uint32 // identifiers of the cables and segments that cross hosts, by cable id or segment name
	GivenUp  []string          // what the hosts cannot do and the lab said it can be without, in sentences

	EgressRate int64 // of all ways out of the lab together, each direction, in bits a second; 0: not limited
}

// NodeDesired is what a person asked of one node; absent means as the file says.
type NodeDesired struct {
	Run      hostapi.RunState
	Restarts int
	Remade   int // how often its container is to be made anew; as Restarts it only rises
}

// Place is the compute host of a node, and why it is there.
type Place struct {
	HostID string
	Why    string
	Needs  place.Amount // promised by the host to the node
}

// Desired is what a lab shall be, and what a cancelled deploy goes back to.
type Desired struct {
	Deployment
	Generation int64       // rises with each change of the deployment
	Deploy     int64       // generation of the deploy asked for last: it is under way until Observed.Settled reaches it
	Back       *Deployment // what was before the deploy under way; nil: nothing
	Returning  bool        // a cancelled deploy is on its way back
	Forget     bool        // delete the lab once nothing is left of it
	Note       string      // why nothing runs, in a sentence
}

// Observed is a lab's state as the hosts' reports add up.
type Observed struct {
	State   State
	Reason  string
	Step    string
	Done    int
	Total   int
	Error   *fault.Error
	Settled int64 // the newest generation that all hosts have converged to
	Seen    int64 // the generation that State speaks of
}

// UnderWay reports that a deploy was asked for and has not ended.
func (r *Record) UnderWay() bool {
	return r.Desired.Want == WantRun && r.Observed.Settled < r.Desired.Deploy
}

// busy reports that a deploy is under way and has not failed: another one would come in between.
func (r *Record) busy() bool {
	failed := r.Observed.State == Failed && r.Observed.Seen >= r.Desired.Generation
	return r.UnderWay() && !failed
}

// view is what a person sees of the record.
func (r *Record) view() LabView {
	o := r.Observed
	switch { // an intent that the loop has not looked at yet counts at once
	case o.State == "":
		o.State = Stored
	case o.Seen >= r.Desired.Generation:
	case r.UnderWay():
		o = Observed{State: Planning}
	case r.Desired.Want == WantStop, r.Desired.Want == WantNothing && o.State != Stored:
		o = Observed{State: Stopping}
	}
	return LabView{
		ID: r.ID, Tenant: r.Tenant, Name: r.Name, Owner: r.Owner, OwnerID: r.OwnerID,
		State: o.State, Reason: o.Reason, Done: o.Done, Total: o.Total, Step: o.Step, Error: o.Error,
		Generation: r.Desired.Generation, NodeCount: r.NodeCount, LinkCount: r.LinkCount,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// hosts lists the compute hosts that the lab is placed on, sorted.
func (r *Record) hosts() []string {
	seen := map[string]bool{}
	for _, place := range r.Desired.Places {
		seen[place.HostID] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// HostRecord is an enrolled compute host as it was last seen.
type HostRecord struct {
	ID       string
	Name     string
	Created  time.Time
	LastSeen time.Time
	Info     hostapi.HostInfo

	Labels     map[string]string
	Drained    bool
	Tenants    []string // ids of the only tenants that may use it; none: all
	OverCommit OverCommit
	Address    string    // where it dials from
	RotatedAt  time.Time // of its key
	RevokedAt  time.Time
}
