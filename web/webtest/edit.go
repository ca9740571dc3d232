package webtest

import (
	"context"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/edit"
	"trunkline/lab/format"
	"trunkline/lab/hostapi"
	"trunkline/lab/ipam"
	"trunkline/tenancy"
)

// version is one revision of a lab.
type version struct {
	control.RevisionView
	source string
	lab    *lab.Lab
}

// Edit changes the lab's file by package edit, as the controller does. A lab that runs is then as its file says.
func (w *World) Edit(_ context.Context, actor tenancy.Actor, name string, request control.EditRequest) (*control.EditResult, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, err := w.allowedLocked(actor, name)
	if err != nil {
		return nil, err
	}
	l.keepFirst()
	edited, err := l.edited(request)
	if clashes := edit.Clashes(err); clashes != nil {
		return &control.EditResult{Revision: l.revision(), Text: l.source, Lab: l.lab, Clashes: clashes}, err
	}
	if err != nil {
		return nil, err
	}
	result := &control.EditResult{
		Revision: l.revision(), Text: string(edited.Text), Inverse: edited.Inverse, Words: edited.Words, Touched: edited.Touched,
		Merged: request.Base != 0 && request.Base != l.revision(),
	}
	parsed, err := format.Parse(format.Input{File: "topology.clab.yml", Data: edited.Text, HasFile: func(string) bool { return true }})
	if err != nil {
		result.Report.Refused = lines(fault.Public(err).Details)
		return result, err
	}
	result.Lab, result.Marks = parsed.Lab, ipam.Conflicts(parsed.Lab)
	if request.Check || result.Text == l.source {
		return result, nil
	}
	if w.refusal != nil {
		return result, w.refusal
	}
	l.take(actor, result.Text, parsed.Lab, edited.Words, request.Note)
	result.Revision, result.Applied = l.revision(), l.view.State == control.Running && request.Apply
	w.tellLocked(l, nil)
	w.sendLocked(l, control.Event{Tenant: l.view.Tenant, LabID: l.view.ID, Edited: &control.EditedEvent{
		Revision: l.revision(), UserID: actor.UserID, By: actor.UserName, Words: edited.Words, Touched: edited.Touched, Applied: result.Applied}})
	return result, nil
}

// RefuseEdits has edits refused from now on, as where no host can do what they say; nil: no more.
func (w *World) RefuseEdits(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refusal = why
}

// edited is what comes of the request's ops or text.
func (l *labState) edited(request control.EditRequest) (edit.Edited, error) {
	ops := request.Ops
	old := request.Base > 0 && request.Base < l.revision()
	switch {
	case request.Text != nil:
		op := edit.Op{Op: edit.SetText, Text: *request.Text}
		if old {
			op.Was = edit.Of(l.versions[request.Base-1].source)
		}
		if request.TakeAt == l.revision() {
			op.Take = request.Take
		}
		ops = []edit.Op{op}
	case old && len(ops) > 0:
		meant, err := edit.Apply("topology.clab.yml", []byte(l.versions[request.Base-1].source), ops)
		if err != nil {
			return edit.Edited{}, err
		}
		ops = meant.Done
	}
	if request.Fill {
		ops = append(ops, ipam.Fill(l.lab).Ops...)
	}
	return edit.Apply("topology.clab.yml", []byte(l.source), ops)
}

// revision is the newest one's number.
func (l *labState) revision() int64 { return int64(max(1, len(l.versions))) }

// keepFirst makes what was imported the first version.
func (l *labState) keepFirst() {
	if len(l.versions) == 0 {
		l.versions = []version{{control.RevisionView{Number: 1, At: l.view.CreatedAt, Author: l.view.Owner, Words: "imported", NodeCount: len(l.lab.Nodes), LinkCount: len(l.lab.Links)}, l.source, l.lab}}
	}
}

// take makes a file the lab's newest. Nodes of a lab that runs come up at once.
func (l *labState) take(actor tenancy.Actor, source string, to *lab.Lab, words, note string) {
	l.versions = append(l.versions, version{control.RevisionView{
		Number: l.revision() + 1, At: time.Now(), Author: actor.UserName, Words: words, Note: note, NodeCount: len(to.Nodes), LinkCount: len(to.Links)}, source, to})
	state := hostapi.NodeAbsent
	if l.view.State == control.Running {
		state = hostapi.NodeRunning
	}
	nodes := map[string]*control.NodeView{}
	for _, n := range to.Nodes {
		if nodes[n.Name] = l.nodes[n.Name]; nodes[n.Name] == nil || nodes[n.Name].Kind != n.Kind {
			nodes[n.Name] = &control.NodeView{NodeStatus: hostapi.NodeStatus{Name: n.Name, State: state}, Kind: n.Kind}
		}
	}
	l.source, l.lab, l.nodes = source, to, nodes
	l.view.UpdatedAt, l.view.NodeCount, l.view.LinkCount = time.Now(), len(to.Nodes), len(to.Links)
	for name := range l.places {
		if n := to.Node(name); n == nil || n.X != nil {
			delete(l.places, name)
		}
	}
}

// Revisions lists the versions, the newest first.
func (w *World) Revisions(_ context.Context, actor tenancy.Actor, name string) ([]control.RevisionView, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, err := w.findLocked(actor, name)
	if err != nil {
		return nil, err
	}
	l.keepFirst()
	var list []control.RevisionView
	for i := len(l.versions) - 1; i >= 0; i-- {
		view := l.versions[i].RevisionView
		view.Newest = i == len(l.versions)-1
		list = append(list, view)
	}
	return list, nil
}

func (w *World) versionLocked(actor tenancy.Actor, name string, number int64) (*labState, version, error) {
	l, err := w.findLocked(actor, name)
	if err != nil {
		return nil, version{}, err
	}
	l.keepFirst()
	if number < 1 || number > l.revision() {
		return nil, version{}, fault.New(fault.NotFound, "Lab %s has no version %d.", l.view.Name, number)
	}
	return l, l.versions[number-1], nil
}

// Revision is one version.
func (w *World) Revision(_ context.Context, actor tenancy.Actor, name string, number int64) (*control.RevisionDetail, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, v, err := w.versionLocked(actor, name, number)
	if err != nil {
		return nil, err
	}
	return &control.RevisionDetail{RevisionView: v.RevisionView, File: "topology.clab.yml", Source: v.source, Lab: v.lab}, nil
}

// CompareRevisions says how one version leads to another.
func (w *World) CompareRevisions(_ context.Context, actor tenancy.Actor, name string, from, to int64) (*control.RevisionComparison, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, a, err := w.versionLocked(actor, name, from)
	if err != nil {
		return nil, err
	}
	_, b, err := w.versionLocked(actor, name, to)
	if err != nil {
		return nil, err
	}
	c := edit.Compare([]byte(a.source), []byte(b.source), a.lab, b.lab)
	return &control.RevisionComparison{From: a.RevisionView, To: b.RevisionView, Lines: c.Lines, Steps: c.Steps}, nil
}

// RestoreRevision makes an earlier version the newest.
func (w *World) RestoreRevision(ctx context.Context, actor tenancy.Actor, name string, number int64, request control.RestoreRequest) (*control.EditResult, error) {
	detail, err := w.Revision(ctx, actor, name, number)
	if err != nil {
		return nil, err
	}
	return w.Edit(ctx, actor, name, control.EditRequest{Text: &detail.Source, Apply: request.Apply, Note: request.Note})
}
