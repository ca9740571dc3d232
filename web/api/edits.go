package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/edit"
	"trunkline/tenancy"
)

// maxEditBytes is the largest edit: a lab file of the greatest size as JSON writes it.
const maxEditBytes = 4 << 20

// NotEdited is the body of an edit's error: what every error says, and both sides of what was in the way.
type NotEdited struct {
	Fault    *fault.Error    `json:"error"`
	Revision int64           `json:"revision,omitempty"` // the newest, which the edit has to fit
	Clashes  []edit.Clash    `json:"clashes,omitempty"`  // of a conflict: what others changed differently
	Report   *control.Report `json:"report,omitempty"`   // of a text that is no lab

	cause error
}

func (e *NotEdited) Error() string { return e.Fault.Sentence }

func (e *NotEdited) Unwrap() error { return e.cause }

// GetStatus makes it a huma.StatusError.
func (e *NotEdited) GetStatus() int { return fault.Status(e.Fault.Code) }

// FillRequest is how the addresses of a lab are filled.
type FillRequest struct {
	Apply bool   `json:"apply,omitempty" doc:"Then deploy, where the lab is deployed; asks for the right to run it"`
	Check bool   `json:"check,omitempty" doc:"Say what would come of it and store nothing"`
	Note  string `json:"note,omitempty" maxLength:"200" doc:"Why, for the list of revisions"`
}

type editInput struct {
	LabPath
	Body control.EditRequest
}

type fillInput struct {
	LabPath
	Body FillRequest
}

func (a *API) editOperations() {
	change := a.edits("POST", "/labs/{lab}/edits", "edit-lab", "Change the lab's file by a list of changes or as a whole text, as a new revision")
	change.MaxBodyBytes = maxEditBytes
	change.Description = "The changes are merged onto the newest revision: say in base which one they were made on. The answer has the new text, what takes " +
		"the edit back (inverse: send it as ops), conflicts of addresses (marks), and what is different from what runs (plan, planWords). With check nothing is " +
		"stored; with apply what changed is changed in the running lab, and nothing else of it."
	huma.Register(a.huma, change, func(ctx context.Context, in *editInput) (*answer[*control.EditResult], error) {
		return edited(a.Editing.Edit(ctx, actorOf(ctx), in.Lab, in.Body))
	})
	fill := a.edits("POST", "/labs/{lab}/fill", "fill-lab", "Give addresses to all that has none, from the lab's pools, as a new revision")
	huma.Register(a.huma, fill, func(ctx context.Context, in *fillInput) (*answer[*control.EditResult], error) {
		request := control.EditRequest{Fill: true, Apply: in.Body.Apply, Check: in.Body.Check, Note: in.Body.Note}
		return edited(a.Editing.Edit(ctx, actorOf(ctx), in.Lab, request))
	})
}

// edits describes an operation that makes a revision.
func (a *API) edits(method, path, id, summary string) huma.Operation {
	o := operation(method, path, id, summary, tenancy.EditLab, "revisions")
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[NotEdited](), true, "NotEdited")
	o.Responses = map[string]*huma.Response{}
	for status, what := range map[string]string{"409": "Others changed the same: both sides are in clashes, and nothing was stored", "422": "It is no lab then: the complaints are in report, and nothing was stored"} {
		o.Responses[status] = &huma.Response{Description: what, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	}
	return o
}

// edited answers with the lab after an edit, or with both sides of what was in the way.
func edited(result *control.EditResult, err error) (*answer[*control.EditResult], error) {
	if err == nil {
		return respond(result, nil)
	}
	problem := &NotEdited{Fault: fault.Public(err), cause: err}
	if result != nil && fault.Status(problem.Fault.Code) < http.StatusInternalServerError {
		problem.Revision, problem.Clashes = result.Revision, result.Clashes
		if len(result.Report.Refused) > 0 {
			problem.Report = &result.Report
		}
	}
	return nil, problem
}
