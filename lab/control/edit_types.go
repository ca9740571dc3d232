package control

import (
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/edit"
)

// What editors call, and web declares as its own interface:
//
//	Edit(ctx, actor, lab, EditRequest) (*EditResult, error)
//	Revisions(ctx, actor, lab) ([]RevisionView, error)                      newest first
//	Revision(ctx, actor, lab, number) (*RevisionDetail, error)
//	CompareRevisions(ctx, actor, lab, from, to) (*RevisionComparison, error)
//	RestoreRevision(ctx, actor, lab, number, RestoreRequest) (*EditResult, error)

// EditRequest changes a lab's file. Ops or Text, not both; neither with Fill only fills addresses.
type EditRequest struct {
	// Base is the revision that the editor had when the edit was made; 0: the newest. When there is a newer one the edit is merged onto it: Ops
	// one by one, Text line by line.
	Base int64 `json:"base,omitempty" doc:"The revision that the edit was made on; 0 is the newest. When there is a newer one the edit is merged onto it"`

	Ops  []edit.Op `json:"ops,omitempty" doc:"Changes, one after the other"`
	Text *string   `json:"text,omitempty" doc:"The whole file, in the place of changes"`

	// Take settles the clashes of a Text, "yours" or "theirs" for each in their order, when TakeAt is the newest revision still.
	Take   []edit.Side `json:"take,omitempty" doc:"Settles the clashes of a whole file: yours or theirs for each, in their order"`
	TakeAt int64       `json:"takeAt,omitempty" doc:"The revision that the clashes were with"`

	Fill  bool   `json:"fill,omitempty" doc:"Then give addresses to what has none"`
	Apply bool   `json:"apply,omitempty" doc:"Then deploy, where the lab is deployed: what changed is touched, and nothing else. Asks for the right to run it"`
	Check bool   `json:"check,omitempty" doc:"Say what would come of it and store nothing"`
	Note  string `json:"note,omitempty" doc:"Why, for the list of revisions; at most 200 characters"`

	words string // what is done, where the text alone does not say it
}

// EditResult is a lab after an edit. Of an edit that changed nothing, and of a checked one, Revision is the newest there was before.
type EditResult struct {
	Revision int64     `json:"revision"`
	Text     string    `json:"text"`
	Lab      *lab.Lab  `json:"lab"`
	Inverse  []edit.Op `json:"inverse,omitempty"` // undoes this edit, and nothing of what others did: send it as Ops
	Words    string    `json:"words,omitempty"`   // what was done; "" when the file says the same as before

	Touched edit.Touched `json:"touched"`
	Merged  bool         `json:"merged,omitempty"` // somebody else had made a newer revision: read all of Text and Lab anew

	// Places is where nodes are drawn: what the file says, and for other nodes where they were put before.
	Places map[string]Position `json:"positions,omitempty"`

	Plan []PlanStep `json:"plan,omitempty"` // what is different from what runs: what Apply does, or would do; empty while nothing runs
	// PlanWords is Plan in a line: "link r1:eth2 r3:eth2: connect, it is new; sw1: port p3 to VLAN 20 live; r1, r2 untouched".
	PlanWords string `json:"planWords,omitempty"`

	Applied bool          `json:"applied,omitempty"` // it is on its way to the hosts
	Report  Report        `json:"report"`            // of the new text; with refusals the error is fault.Invalid
	Marks   []fault.Place `json:"marks,omitempty"`   // conflicts of addresses, with lines: the lab is stored all the same
	Clashes []edit.Clash  `json:"clashes,omitempty"` // with fault.Conflict: what others changed differently; nothing was stored
}

// RevisionView is one revision in the list.
type RevisionView struct {
	Number    int64     `json:"number"`
	At        time.Time `json:"at"`
	Author    string    `json:"author"` // user name; "" of revisions from before it was kept
	Words     string    `json:"words"`  // what was done: "imported", "link r1:eth1 r2:eth1 cut", "restored revision 3"
	Note      string    `json:"note,omitempty"`
	NodeCount int       `json:"nodeCount"`
	LinkCount int       `json:"linkCount"`
	Newest    bool      `json:"newest,omitempty"`
	Deployed  bool      `json:"deployed,omitempty"` // what runs is this one
}

// RevisionDetail is one revision with its content.
type RevisionDetail struct {
	RevisionView
	File   string   `json:"file"`
	Source string   `json:"source"`
	Lab    *lab.Lab `json:"lab"`
}

// RevisionComparison is how one revision leads to another.
type RevisionComparison struct {
	From  RevisionView    `json:"from"`
	To    RevisionView    `json:"to"`
	Lines []edit.DiffLine `json:"lines"` // of the file, unified, three lines of context
	Steps []lab.Step      `json:"steps"` // what it means for the network
}

// RestoreRequest makes an earlier revision the newest again, as a new one.
type RestoreRequest struct {
	Base  int64  `json:"base,omitempty" doc:"The newest revision that the person saw; 0 is whatever it is. Another one is a conflict"`
	Apply bool   `json:"apply,omitempty" doc:"Then deploy, where the lab is deployed. Asks for the right to run it"`
	Check bool   `json:"check,omitempty" doc:"Say what would come of it and store nothing"`
	Note  string `json:"note,omitempty" doc:"Why, for the list of revisions; at most 200 characters"`
}

// EditedEvent tells the watchers of a lab that its file has a new revision.
type EditedEvent struct {
	Revision int64        `json:"revision"`
	UserID   string       `json:"userId"`
	By       string       `json:"by"` // user name
	Words    string       `json:"words"`
	Touched  edit.Touched `json:"touched"`
	Applied  bool         `json:"applied,omitempty"`
}
