package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/edit"
	"trunkline/lab/format"
	"trunkline/lab/ipam"
	"trunkline/tenancy"
)

// Editing changes the files of labs, and knows what they were before. Every call is scoped by its actor as those of Labs.
type Editing interface {
	// Edit stores a new version, merged onto the newest. With fault.Conflict the result holds the clashes, with fault.Invalid the report.
	Edit(ctx context.Context, actor tenancy.Actor, lab string, request control.EditRequest) (*control.EditResult, error)
	Revisions(ctx context.Context, actor tenancy.Actor, lab string) ([]control.RevisionView, error) // the newest first
	Revision(ctx context.Context, actor tenancy.Actor, lab string, number int64) (*control.RevisionDetail, error)
	CompareRevisions(ctx context.Context, actor tenancy.Actor, lab string, from, to int64) (*control.RevisionComparison, error)
	RestoreRevision(ctx context.Context, actor tenancy.Actor, lab string, number int64, request control.RestoreRequest) (*control.EditResult, error)
}

// editing refuses a handler's requests where labs are not edited.
func editing(handle handler) handler {
	return func(s *Server, r *Request) error {
		if s.Editing == nil {
			return fault.New(fault.Unsupported, "Labs are not edited here. Import the changed file instead.")
		}
		return handle(s, r)
	}
}

// maxEdit is the largest edit in bytes: a lab file twice, as an edit of the whole text may need it, and what JSON adds.
const maxEdit = 4 << 20

// edited is what the editor is answered: the new state of the drawing and of the text, how to undo, and what is to be told.
type edited struct {
	Revision int64          `json:"revision"`
	Map      *labMap        `json:"map,omitempty"`
	Text     string         `json:"text"`
	Inverse  []edit.Op      `json:"inverse,omitempty"`
	Words    string         `json:"words,omitempty"`
	Touched  edit.Touched   `json:"touched"`
	Merged   bool           `json:"merged,omitempty"`
	Applied  bool           `json:"applied,omitempty"`
	Plan     []planLine     `json:"plan,omitempty"`
	Marks    []fault.Place  `json:"marks,omitempty"`
	Report   control.Report `json:"report"`
	Clashes  []edit.Clash   `json:"clashes,omitempty"`
	Error    *fault.Error   `json:"error,omitempty"`
}

// planLine is one step of a plan.
type planLine struct {
	Verb   string `json:"verb"`
	Object string `json:"object"`
	Host   string `json:"host,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// editLab takes an edit of the drawing or of the text. What cannot be merged or is not valid is answered with all that the editor needs to
// show it, and nothing is stored.
func (s *Server) editLab(r *Request) error {
	var request control.EditRequest
	decoder := json.NewDecoder(r.HTTP().Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return fault.Wrap(err, fault.Invalid, "This edit could not be read. Reload the page and make it again.")
	}
	if !request.Check {
		if err := s.stay(r); err != nil {
			return err
		}
	}
	result, err := s.Editing.Edit(r.Context(), r.Actor, r.Param("lab"), request)
	return s.answerEdit(r, result, err)
}

// answerEdit answers with the lab as it is after an edit, or with why there was none.
func (s *Server) answerEdit(r *Request, result *control.EditResult, err error) error {
	if err != nil && (result == nil || !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Invalid)) {
		return err
	}
	answer := edited{
		Revision: result.Revision, Text: result.Text, Inverse: result.Inverse, Words: result.Words, Touched: result.Touched, Merged: result.Merged,
		Applied: result.Applied, Marks: result.Marks, Report: result.Report, Clashes: result.Clashes,
	}
	for _, step := range result.Plan {
		answer.Plan = append(answer.Plan, planLine{step.Verb, step.Object, step.Host, step.Reason})
	}
	if err != nil {
		answer.Error = fault.Public(err)
		return r.JSON(fault.Status(answer.Error.Code), answer)
	}
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	answer.Map = s.drawnFor(r, detail)
	if detail.Revision > answer.Revision { // somebody edited in between: the drawing is theirs already
		answer.Revision, answer.Text, answer.Merged = detail.Revision, detail.Source, true
	}
	return r.PackedJSON(http.StatusOK, answer)
}

// drawnFor is the drawing for who asks.
func (s *Server) drawnFor(r *Request, detail *control.LabDetail) *labMap {
	drawn := drawMap(detail)
	drawn.CanEdit, drawn.CanRun, drawn.CanUse = mayOn(r.Actor, tenancy.EditLab, detail.LabView), mayOn(r.Actor, tenancy.RunLab, detail.LabView), mayOn(r.Actor, tenancy.UseNode, detail.LabView)
	drawn.Editor = drawn.CanEdit && s.Editing != nil
	return &drawn
}

// labDocument is the drawing and the text as they are now, for an editor that heard of another's edit.
func (s *Server) labDocument(r *Request) error {
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	return r.PackedJSON(http.StatusOK, edited{Revision: detail.Revision, Text: detail.Source, Map: s.drawnFor(r, detail), Marks: ipam.Conflicts(detail.Lab)})
}

// labSchema is what may be written where in a lab file, for completion. It is the same for everybody.
func (s *Server) labSchema(r *Request) error {
	return r.PackedJSON(http.StatusOK, format.FileSchema())
}

// restoreRevision makes an earlier version the newest again.
func (s *Server) restoreRevision(r *Request) error {
	number, err := revisionNumber(r.Param("revision"))
	if err != nil {
		return err
	}
	var request control.RestoreRequest
	if err := json.NewDecoder(r.HTTP().Body).Decode(&request); err != nil {
		return fault.Wrap(err, fault.Invalid, "This could not be read. Reload the page and try again.")
	}
	result, err := s.Editing.RestoreRevision(r.Context(), r.Actor, r.Param("lab"), number, request)
	return s.answerEdit(r, result, err)
}

func revisionNumber(text string) (int64, error) {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 1 {
		return 0, fault.New(fault.NotFound, "There is no such version of the lab.")
	}
	return number, nil
}

// drawingOf are the notes and groups of a lab, never nil lists.
func drawingOf(l *lab.Lab) (notes []lab.Note, groups []lab.DrawnGroup) {
	notes, groups = []lab.Note{}, []lab.DrawnGroup{}
	if l != nil && l.Drawing != nil {
		notes, groups = append(notes, l.Drawing.Notes...), append(groups, l.Drawing.Groups...)
	}
	return notes, groups
}
