package control

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/edit"
	"trunkline/lab/format"
	"trunkline/lab/ipam"
	"trunkline/tenancy"
)

// editTries is how often an edit is merged anew because somebody else was first.
const editTries = 8

// maxNote bounds what people write to a revision.
const maxNote = 200

// Edit changes the lab's file and stores a new revision of it. What others did since the revision that the edit was made on is kept: where
// both changed the same thing it is fault.Conflict, with both sides in the result's Clashes, and nothing is stored. A text that is no lab is
// fault.Invalid, with the complaints as Details and in the result's Report. An edit that shall be applied and cannot be, because no host fits, an image
// may not be used or a quota is used up, is not stored either, and the error says so.
func (c *Controller) Edit(ctx context.Context, actor tenancy.Actor, ref string, request EditRequest) (result *EditResult, err error) {
	defer func() { err = sayUnchanged(err) }()
	discreet := c.discreet(actor)
	defer discreet.hide(&err)
	if err := checkEdit(request); err != nil {
		return nil, err
	}
	for range editTries {
		var again bool
		if result, again, err = c.editOnce(ctx, actor, ref, request); !again {
			break
		}
	}
	if result != nil {
		result.Plan = discreet.steps(result.Plan)
		result.PlanWords = planWords(result.Plan)
	}
	return result, err
}

func checkEdit(request EditRequest) error {
	switch {
	case request.Text != nil && len(request.Ops) > 0:
		return fault.New(fault.Invalid, "An edit is either a list of changes or a whole text, not both.").InField("text")
	case request.Text != nil && len(*request.Text) > format.MaxBytes:
		return fault.New(fault.Exhausted, "The text has %d bytes; a lab file may have %d.", len(*request.Text), format.MaxBytes).InField("text")
	case slices.ContainsFunc(request.Take, func(s edit.Side) bool { return s != edit.Yours && s != edit.Theirs }):
		return fault.New(fault.Invalid, "A clash is settled by %s or %s. Say one of them for each.", edit.Yours, edit.Theirs).InField("take")
	case utf8.RuneCountInString(request.Note) > maxNote:
		return fault.New(fault.Invalid, "The note has more than %d characters. Say it in fewer.", maxNote).InField("note")
	}
	return nil
}

// editOnce makes the edit on the newest revision; again: there is a newer one now.
func (c *Controller) editOnce(ctx context.Context, actor tenancy.Actor, ref string, request EditRequest) (*EditResult, bool, error) {
	r, err := c.find(ctx, actor, tenancy.EditLab, ref)
	if err != nil {
		return nil, false, err
	}
	if request.Apply {
		if err := tenancy.Allow(actor, tenancy.RunLab, objectRef(r)); err != nil {
			return nil, false, err
		}
	}
	c.live(r)
	e := &editing{c: c, r: r, request: request, result: &EditResult{Revision: r.Revision.Number}}
	if err := e.change(ctx, actor); err != nil {
		return e.result, false, err
	}
	if e.text == r.Revision.Source {
		e.result.Words = "" // nothing was done
	}
	if err := e.plan(ctx, actor); err != nil || request.Check {
		return e.result, false, err
	}
	revision, err := e.revision(ctx, actor)
	if err != nil {
		return e.result, false, err
	}
	switch {
	case request.Apply && r.Desired.Want == WantRun:
		err = e.apply(ctx, actor, revision)
	case revision != nil:
		err = e.store(ctx, actor, revision)
	}
	return e.result, fault.Is(err, fault.Conflict), err
}

// editing is one edit on its way.
type editing struct {
	c       *Controller
	r       *Record
	request EditRequest
	result  *EditResult
	text    string
	done    []edit.Op
	running *Revision // what is deployed; nil: nothing
}

// change makes the new text and reads it.
func (e *editing) change(ctx context.Context, actor tenancy.Actor) error {
	edited, err := e.edited(ctx, actor.Scope())
	if err != nil {
		e.result.Clashes = edit.Clashes(err)
		return err
	}
	result := e.result
	e.text, e.done = string(edited.Text), edited.Done
	result.Inverse, result.Touched, result.Words = edited.Inverse, edited.Touched, cmp.Or(e.request.words, edited.Words)
	read, err := e.read(ctx)
	if err != nil {
		return err
	}
	if e.request.Fill || read.Lab.Addressing != nil && read.Lab.Addressing.Fill {
		if read, err = e.fill(ctx, read); err != nil {
			return err
		}
	}
	result.Text, result.Lab = e.text, read.Lab
	result.Marks = ipam.Conflicts(read.Lab)
	result.Places = places(e.r.Positions, read.Lab)
	return nil
}

// read reads the text as a lab of the record's folder.
func (e *editing) read(ctx context.Context) (*format.Result, error) {
	read, err := e.c.readLab(&e.r.Revision, e.text)
	e.result.Text, e.result.Report = e.text, reportOf(read, err)
	return read, err
}

// fill gives addresses to what has none.
func (e *editing) fill(ctx context.Context, read *format.Result) (*format.Result, error) {
	filled := ipam.Fill(read.Lab)
	if len(filled.Ops) == 0 {
		return read, nil
	}
	edited, err := edit.Apply(e.r.Revision.File, []byte(e.text), filled.Ops)
	if err != nil {
		return nil, err
	}
	e.text = string(edited.Text)
	e.done = append(e.done, edited.Done...)
	e.result.Inverse = slices.Concat(edited.Inverse, e.result.Inverse)
	e.result.Words = strings.TrimPrefix(e.result.Words+"; "+filled.Words(), "; ")
	t := &e.result.Touched
	t.Nodes, t.Links = union(t.Nodes, edited.Touched.Nodes), union(t.Links, edited.Touched.Links)
	return e.read(ctx)
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}

// edited makes the edit: on the revision that the editor had, to learn what it found there, and then on the newest.
func (e *editing) edited(ctx context.Context, scope tenancy.Scope) (edit.Edited, error) {
	newest, file := &e.r.Revision, e.r.Revision.File
	ops := e.request.Ops
	if e.request.Base == 0 || e.request.Base == newest.Number {
		if e.request.Text != nil {
			ops = []edit.Op{{Op: edit.SetText, Text: *e.request.Text}}
		}
		return edit.Apply(file, []byte(newest.Source), ops)
	}
	if e.request.Base > newest.Number {
		return edit.Edited{}, fault.New(fault.Invalid, "Lab %s has no revision %d yet.", e.r.Name, e.request.Base).InField("base")
	}
	base, err := e.c.cfg.Labs.Revision(ctx, scope, e.r.ID, e.request.Base)
	if err != nil {
		return edit.Edited{}, err
	}
	e.result.Merged = true
	if e.request.Text != nil {
		op := edit.Op{Op: edit.SetText, Text: *e.request.Text, Was: edit.Of(base.Source)}
		if e.request.TakeAt == newest.Number {
			op.Take = e.request.Take
		}
		return edit.Apply(file, []byte(newest.Source), []edit.Op{op})
	}
	meant, err := edit.Apply(file, []byte(base.Source), ops)
	if err != nil {
		return edit.Edited{}, err
	}
	return edit.Apply(file, []byte(newest.Source), meant.Done)
}

// plan says what would change of what runs.
func (e *editing) plan(ctx context.Context, actor tenancy.Actor) error {
	if e.r.Desired.Want == WantNothing {
		return nil
	}
	running, err := e.c.deployed(ctx, actor.Scope(), e.r)
	if err != nil || running == nil {
		return err
	}
	e.running = running
	had := e.r.Desired.Deployment
	would, notes, err := e.placed(ctx, actor)
	if err != nil {
		return err
	}
	e.result.Plan = shortPlan(planSteps(running.Lab, e.result.Lab, had, would, e.c.hostName))
	for _, note := range notes {
		e.result.Plan = append(e.result.Plan, PlanStep{Verb: "note", Object: "lab " + e.r.Name, Reason: note})
	}
	return nil
}

// placed is where the nodes would be, with what is to be known of that. Only an edit that shall be applied, and is only checked, finds out
// here; one that is applied finds out when it is, and any other changes nothing that runs.
func (e *editing) placed(ctx context.Context, actor tenancy.Actor) (Deployment, []string, error) {
	if !e.request.Check || !e.request.Apply || e.r.Desired.Want != WantRun {
		return e.r.Desired.Deployment, nil, nil
	}
	would := e.r
	if e.text != e.r.Revision.Source {
		would = e.with(e.newer(actor))
	}
	e.c.fleet.awaitUsable(ctx, firstHost)
	planned, err := e.c.plan(ctx, would)
	return planned.Deployment, slices.Concat(planned.Notes, planned.GivenUp, planned.Quota.notes(actor.UserID)), toldTo(actor, err)
}

// shortPlan puts one line in the place of all that stays as it is.
func shortPlan(steps []PlanStep) []PlanStep {
	var short []PlanStep
	var kept []string
	for _, s := range steps {
		if s.Verb == "keep" {
			kept = append(kept, strings.TrimPrefix(s.Object, "node "))
		} else {
			short = append(short, s)
		}
	}
	if len(kept) == 0 {
		return short
	}
	reason := "untouched"
	if len(short) == 0 {
		reason = "untouched: nothing that runs changes"
	}
	names := strings.Join(kept[:min(len(kept), 6)], ", ")
	if more := len(kept) - 6; more > 0 {
		names += " and " + count(more, "other")
	}
	return append(short, PlanStep{Verb: "keep", Object: "nodes " + names, Reason: reason})
}

// newer is the version that the edit makes, with the lab file's old content.
func (e *editing) newer(actor tenancy.Actor) *Revision {
	old := &e.r.Revision
	return &Revision{
		Number: old.Number + 1, File: old.File, Source: e.text, Lab: e.result.Lab, Env: old.Env, ImageMap: old.ImageMap, CreatedAt: e.c.cfg.Now(),
		AuthorID: actor.UserID, Author: actor.UserName, Words: e.result.Words, Note: e.request.Note, After: old.Number,
		Files: slices.Clone(old.Files), FilesOf: cmp.Or(old.FilesOf, old.Number),
	}
}

// with is the record with another version.
func (e *editing) with(revision *Revision) *Record {
	r := *e.r
	r.Revision = *revision
	r.NodeCount, r.LinkCount = len(revision.Lab.Nodes), len(revision.Lab.Links)
	return &r
}

// revision is the version that is to be stored, its content kept; nil when the file says the same as before.
func (e *editing) revision(ctx context.Context, actor tenancy.Actor) (*Revision, error) {
	if e.text == e.r.Revision.Source {
		return nil, nil
	}
	hash, size, err := e.c.cfg.Blobs.Put(ctx, strings.NewReader(e.text), format.MaxBytes)
	if err != nil {
		return nil, err
	}
	revision := e.newer(actor)
	for i := range revision.Files {
		if revision.Files[i].Path == revision.File {
			revision.Files[i].SHA256, revision.Files[i].Size = hash, size
		}
	}
	return revision, nil
}

// store keeps the new version, and changes nothing that runs. fault.Conflict: there is a newer one already.
func (e *editing) store(ctx context.Context, actor tenancy.Actor, revision *Revision) error {
	if err := e.c.cfg.Labs.AddRevision(ctx, actor.Scope(), e.r.ID, revision); err != nil {
		return unchanged(toldTo(actor, err))
	}
	err := e.stored(ctx, actor, revision)
	e.c.changed(e.r.ID)
	return err
}

// stored tells everybody of a version that was stored.
func (e *editing) stored(ctx context.Context, actor tenancy.Actor, revision *Revision) error {
	c, old := e.c, &e.r.Revision
	if err := c.record(ctx, actor, tenancy.AuditLabChange, auditLab(e.r), auditVersion(old), auditVersion(revision)); err != nil {
		return err
	}
	if err := e.keepPlaces(ctx, actor.Scope()); err != nil {
		return err
	}
	e.result.Revision = revision.Number
	e.r = e.with(revision)
	view := e.r.view()
	c.hub.publish(Event{Tenant: e.r.Tenant, LabID: e.r.ID, Lab: &view})
	c.hub.publish(Event{Tenant: e.r.Tenant, LabID: e.r.ID, Edited: &EditedEvent{
		Revision: revision.Number, UserID: actor.UserID, By: actor.UserName, Words: revision.Words, Touched: e.result.Touched, Applied: e.result.Applied,
	}})
	return nil
}

// keepPlaces lets renamed nodes stay where they were put by hand.
func (e *editing) keepPlaces(ctx context.Context, scope tenancy.Scope) error {
	moved := map[string]Position{}
	for _, op := range e.done {
		if at, placed := e.r.Positions[op.Node]; op.Op == edit.RenameNode && placed {
			moved[op.To] = at
			e.result.Places[op.To] = cmp.Or(e.result.Places[op.To], at)
		}
	}
	if len(moved) == 0 {
		return nil
	}
	return e.c.cfg.States.SavePositions(ctx, scope, e.r.ID, moved)
}

// places is where nodes are drawn: where the file says, and the others where they were put.
func places(put map[string]Position, l *lab.Lab) map[string]Position {
	at := maps.Clone(put)
	if at == nil {
		at = map[string]Position{}
	}
	for _, n := range l.Nodes {
		if n.X != nil && n.Y != nil {
			at[n.Name] = Position{X: *n.X, Y: *n.Y}
		}
	}
	return at
}

// filling gives a lab that asks for it the addresses which it has not, before it is deployed: the edit, and the version to be stored with the deploy.
// It is nil where there is nothing to fill.
func (c *Controller) filling(ctx context.Context, actor tenancy.Actor, r *Record) (*editing, *Revision, error) {
	l := r.Revision.Lab
	if l.Addressing == nil || !l.Addressing.Fill || tenancy.Allow(actor, tenancy.EditLab, objectRef(r)) != nil || len(ipam.Fill(l).Ops) == 0 {
		return nil, nil, nil
	}
	e := &editing{c: c, r: r, request: EditRequest{Fill: true}, result: &EditResult{Revision: r.Revision.Number}}
	if err := e.change(ctx, actor); err != nil {
		return nil, nil, err
	}
	revision, err := e.revision(ctx, actor)
	return e, revision, err
}
