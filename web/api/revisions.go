package api

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/lab/control"
	"trunkline/tenancy"
	"trunkline/web"
)

// RevisionPath names a revision of a lab.
type RevisionPath struct {
	LabPath
	Revision int64 `path:"revision" minimum:"1" doc:"Number of the revision"`
}

type restoreInput struct {
	RevisionPath
	Body control.RestoreRequest
}

type compareInput struct {
	RevisionPath
	To int64 `query:"to" minimum:"0" doc:"Number of the revision to compare with; 0 is the newest"`
}

type revisionFile struct {
	raw
	RevisionPath
}

func (a *API) revisionOperations() {
	huma.Register(a.huma, operation("GET", "/labs/{lab}/revisions", "list-revisions", "List the revisions of the lab's file, the newest first", tenancy.SeeLab, "revisions"),
		func(ctx context.Context, in *LabPath) (*answer[[]control.RevisionView], error) {
			list, err := a.Editing.Revisions(ctx, actorOf(ctx), in.Lab)
			return respond(orEmpty(list), err)
		})
	huma.Register(a.huma, operation("GET", "/labs/{lab}/revisions/{revision}", "show-revision", "Show a revision with its text and the lab that it says", tenancy.SeeLab, "revisions"),
		func(ctx context.Context, in *RevisionPath) (*answer[*control.RevisionDetail], error) {
			return respond(a.Editing.Revision(ctx, actorOf(ctx), in.Lab, in.Revision))
		})
	huma.Register(a.huma, operation("GET", "/labs/{lab}/revisions/{revision}/file", "get-revision-file", "Download the lab file of a revision, as it was written", tenancy.SeeLab, "revisions"), a.revisionFile)
	huma.Register(a.huma, operation("GET", "/labs/{lab}/revisions/{revision}/compare", "compare-revisions", "Tell how a revision leads to another: lines of the file, and what they mean for the network", tenancy.SeeLab, "revisions"), a.compareRevisions)
	restore := a.edits("POST", "/labs/{lab}/revisions/{revision}/restore", "restore-revision", "Make an earlier revision the newest again, as a new one")
	huma.Register(a.huma, restore, func(ctx context.Context, in *restoreInput) (*answer[*control.EditResult], error) {
		return edited(a.Editing.RestoreRevision(ctx, actorOf(ctx), in.Lab, in.Revision, in.Body))
	})
}

func (a *API) revisionFile(ctx context.Context, in *revisionFile) (*huma.StreamResponse, error) {
	one, err := a.Editing.Revision(ctx, actorOf(ctx), in.Lab, in.Revision)
	if err != nil {
		return nil, public(err)
	}
	return a.stream(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
		w.Header().Set("Content-Disposition", web.Attachment(one.File))
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = io.WriteString(w, one.Source) // who is gone does not read it
	}), nil
}

func (a *API) compareRevisions(ctx context.Context, in *compareInput) (*answer[*control.RevisionComparison], error) {
	to := in.To
	if to == 0 {
		detail, err := a.Labs.Get(ctx, actorOf(ctx), in.Lab)
		if err != nil {
			return nil, public(err)
		}
		to = detail.Revision
	}
	return respond(a.Editing.CompareRevisions(ctx, actorOf(ctx), in.Lab, in.Revision, to))
}
