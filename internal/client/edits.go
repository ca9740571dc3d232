package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/edit"
	"trunkline/web/api"
)

// NotEdited is why an edit was not made, with what the controller said beside the error. It unwraps to the fault.
type NotEdited struct {
	Fault    *fault.Error    `json:"error"`
	Revision int64           `json:"revision"` // the newest there is
	Clashes  []edit.Clash    `json:"clashes"`  // of a fault.Conflict: both sides
	Report   *control.Report `json:"report"`   // of a text that is no lab
}

func (e *NotEdited) Error() string { return e.Fault.Error() }

func (e *NotEdited) Unwrap() error { return e.Fault }

// Edit changes the lab's file. A conflict, and a text that is no lab, is a *NotEdited.
func (c *Client) Edit(ctx context.Context, lab string, request control.EditRequest) (*control.EditResult, error) {
	return c.change(ctx, path("labs", lab, "edits"), request)
}

// Fill gives addresses to what has none.
func (c *Client) Fill(ctx context.Context, lab string, request api.FillRequest) (*control.EditResult, error) {
	return c.change(ctx, path("labs", lab, "fill"), request)
}

// Restore makes an earlier revision the newest again.
func (c *Client) Restore(ctx context.Context, lab string, number int64, request control.RestoreRequest) (*control.EditResult, error) {
	return c.change(ctx, path("labs", lab, "revisions", strconv.FormatInt(number, 10), "restore"), request)
}

func (c *Client) change(ctx context.Context, path string, request any) (*control.EditResult, error) {
	result := &control.EditResult{}
	err := c.json(ctx, http.MethodPost, path, nil, request, result)
	if err != nil {
		return nil, err
	}
	return result, nil
}

// Revisions lists the revisions of the lab's file, the newest first.
func (c *Client) Revisions(ctx context.Context, lab string) (list []control.RevisionView, err error) {
	return list, c.json(ctx, http.MethodGet, path("labs", lab, "revisions"), nil, nil, &list)
}

// Revision shows one revision.
func (c *Client) Revision(ctx context.Context, lab string, number int64) (*control.RevisionDetail, error) {
	detail := &control.RevisionDetail{}
	return detail, c.json(ctx, http.MethodGet, path("labs", lab, "revisions", strconv.FormatInt(number, 10)), nil, nil, detail)
}

// RevisionFile writes the lab file of a revision as it was written.
func (c *Client) RevisionFile(ctx context.Context, lab string, number int64, w io.Writer) error {
	response, err := c.do(ctx, http.MethodGet, path("labs", lab, "revisions", strconv.FormatInt(number, 10), "file"), nil, nil, nil, -1)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return copyBody(w, response.Body)
}

// Compare tells how one revision leads to another; to 0 is the newest.
func (c *Client) Compare(ctx context.Context, lab string, from, to int64) (*control.RevisionComparison, error) {
	query := url.Values{}
	if to > 0 {
		query.Set("to", strconv.FormatInt(to, 10))
	}
	compared := &control.RevisionComparison{}
	return compared, c.json(ctx, http.MethodGet, path("labs", lab, "revisions", strconv.FormatInt(from, 10), "compare"), query, nil, compared)
}

// notEdited reads what an error says beyond the fault; nil where it says no more.
func notEdited(text []byte) error {
	var more NotEdited
	if json.Unmarshal(text, &more) != nil || more.Fault == nil || more.Revision == 0 && len(more.Clashes) == 0 && more.Report == nil {
		return nil
	}
	return &more
}
