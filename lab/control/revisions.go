package control

import (
	"context"
	"fmt"
	"slices"

	"trunkline/internal/fault"
	"trunkline/lab/edit"
	"trunkline/lab/format"
	"trunkline/tenancy"
)

// RevisionStore lists the versions of labs' files.
type RevisionStore interface {
	// Revisions lists the versions, the newest first, without Source, Lab, Env, ImageMap and Files.
	Revisions(ctx context.Context, scope tenancy.Scope, labID string) ([]*Revision, error)
}

// Revisions lists every version of the lab's file, the newest first.
func (c *Controller) Revisions(ctx context.Context, actor tenancy.Actor, ref string) ([]RevisionView, error) {
	r, err := c.find(ctx, actor, tenancy.SeeLab, ref)
	if err != nil {
		return nil, err
	}
	list, err := c.revisionStore()
	if err != nil {
		return nil, err
	}
	revisions, err := list.Revisions(ctx, actor.Scope(), r.ID)
	if err != nil {
		return nil, err
	}
	views := make([]RevisionView, len(revisions))
	for i, revision := range revisions {
		views[i] = r.revisionView(revision)
	}
	return views, nil
}

func (c *Controller) revisionStore() (RevisionStore, error) {
	if s, ok := c.cfg.Labs.(RevisionStore); ok {
		return s, nil
	}
	return nil, fault.New(fault.Unsupported, "This installation keeps no list of revisions.")
}

func (r *Record) revisionView(v *Revision) RevisionView {
	view := RevisionView{
		Number: v.Number, At: v.CreatedAt, Author: v.Author, Words: v.Words, Note: v.Note, NodeCount: v.NodeCount, LinkCount: v.LinkCount,
		Newest: v.Number == r.Revision.Number, Deployed: r.Desired.Want != WantNothing && v.Number == r.Desired.Revision,
	}
	if v.Lab != nil {
		view.NodeCount, view.LinkCount = len(v.Lab.Nodes), len(v.Lab.Links)
	}
	if view.Words == "" && v.Number == 1 {
		view.Words = "imported"
	}
	return view
}

// Revision is one version with its content. Code: not_found.
func (c *Controller) Revision(ctx context.Context, actor tenancy.Actor, ref string, number int64) (*RevisionDetail, error) {
	r, err := c.find(ctx, actor, tenancy.SeeLab, ref)
	if err != nil {
		return nil, err
	}
	v, err := c.revision(ctx, actor.Scope(), r, number)
	if err != nil {
		return nil, err
	}
	return &RevisionDetail{RevisionView: r.revisionView(v), File: v.File, Source: v.Source, Lab: v.Lab}, nil
}

// revision loads a version, and reads its text again where only that was kept.
func (c *Controller) revision(ctx context.Context, scope tenancy.Scope, r *Record, number int64) (*Revision, error) {
	v, err := c.cfg.Labs.Revision(ctx, scope, r.ID, number)
	if err != nil || v.Lab != nil {
		return v, err
	}
	read, err := c.readLab(v, v.Source)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unsupported, "Revision %d was made by an earlier release and cannot be read any more: %s", number, fault.Sentence(err))
	}
	v.Lab = read.Lab
	return v, nil
}

// CompareRevisions tells how one version leads to another: the lines of the file, and what it means for the network.
func (c *Controller) CompareRevisions(ctx context.Context, actor tenancy.Actor, ref string, from, to int64) (*RevisionComparison, error) {
	r, err := c.find(ctx, actor, tenancy.SeeLab, ref)
	if err != nil {
		return nil, err
	}
	a, err := c.revision(ctx, actor.Scope(), r, from)
	if err != nil {
		return nil, err
	}
	b, err := c.revision(ctx, actor.Scope(), r, to)
	if err != nil {
		return nil, err
	}
	compared := edit.Compare([]byte(a.Source), []byte(b.Source), a.Lab, b.Lab)
	return &RevisionComparison{From: r.revisionView(a), To: r.revisionView(b), Lines: compared.Lines, Steps: compared.Steps}, nil
}

// RestoreRevision makes an earlier version the newest again, as a new one: nothing that came after it is lost. Its folder is the present one.
// Codes: conflict (Base is not the newest), invalid, not_found.
func (c *Controller) RestoreRevision(ctx context.Context, actor tenancy.Actor, ref string, number int64, request RestoreRequest) (*EditResult, error) {
	r, err := c.find(ctx, actor, tenancy.EditLab, ref)
	if err != nil {
		return nil, err
	}
	if request.Base != 0 && request.Base != r.Revision.Number {
		return nil, fault.New(fault.Conflict, "Lab %s has a newer revision, %d. Look at it before you put an earlier one in its place.", r.Name, r.Revision.Number).InField("base")
	}
	v, err := c.cfg.Labs.Revision(ctx, actor.Scope(), r.ID, number)
	if err != nil {
		return nil, err
	}
	result, err := c.Edit(ctx, actor, r.ID, EditRequest{
		Text: &v.Source, Base: r.Revision.Number, Apply: request.Apply, Check: request.Check, Note: request.Note, words: fmt.Sprintf("restored revision %d", number),
	})
	return result, err
}

// readLab reads a text in the place of a version's own lab file.
func (c *Controller) readLab(v *Revision, text string) (*format.Result, error) {
	paths := make([]string, len(v.Files))
	for i, f := range v.Files {
		paths[i] = f.Path
	}
	return format.Parse(format.Input{
		File: v.File, Data: []byte(text), Env: v.Env,
		HasFile:   func(p string) bool { return slices.Contains(paths, p) },
		ListFiles: func() []string { return paths },
		ReadFile:  func(p string) ([]byte, error) { return c.readText(v.Files, p) },
	})
}
