package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab/clip"
	"trunkline/lab/control"
	"trunkline/lab/edit"
	"trunkline/lab/format"
)

// maxClip is the largest body with a text to paste: a lab file, and what JSON adds.
const maxClip = 2 * format.MaxBytes

// clipRequest names nodes to copy, or the text to paste and where.
type clipRequest struct {
	Nodes []string   `json:"nodes,omitempty"`
	Text  string     `json:"text,omitempty"`
	At    edit.Point `json:"at"` // the middle of what is seen
}

func (r *Request) clipRequest() (clipRequest, error) {
	var request clipRequest
	decoder := json.NewDecoder(r.HTTP().Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return request, fault.Wrap(err, fault.Invalid, "What is copied could not be read. Reload the page and copy it again.")
	}
	return request, nil
}

// copyNodes answers with the chosen nodes and the cables between them as text.
func (s *Server) copyNodes(r *Request) error {
	request, err := r.clipRequest()
	if err != nil {
		return err
	}
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	text, err := clip.Copy(sourceOf(detail), request.Nodes)
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, map[string]string{"text": text})
}

// pasteNodes answers with the edits that put a text, or a copy of nodes of this lab, into the lab. The page sends them as one edit.
func (s *Server) pasteNodes(r *Request) error {
	request, err := r.clipRequest()
	if err != nil {
		return err
	}
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	if len(request.Nodes) > 0 {
		if request.Text, err = clip.Copy(sourceOf(detail), request.Nodes); err != nil {
			return err
		}
	}
	pasted, err := clip.Paste(clip.Target{ID: detail.ID, Source: []byte(detail.Source), Lab: detail.Lab, HasFile: hasFile(detail.Files), At: request.At}, request.Text)
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, pasted)
}

// sourceOf is a lab with its nodes where they are drawn.
func sourceOf(detail *control.LabDetail) clip.Source {
	source := clip.Source{ID: detail.ID, Name: detail.Name, Text: []byte(detail.Source), Places: map[string]edit.Point{}}
	for i, p := range placed(detail) {
		source.Places[detail.Lab.Nodes[i].Name] = edit.Point{X: p.X, Y: p.Y}
	}
	return source
}

// hasFile knows the files of a lab's folder, and the folders in it.
func hasFile(files []control.ProjectFile) func(string) bool {
	return func(path string) bool {
		return slices.ContainsFunc(files, func(f control.ProjectFile) bool { return f.Path == path || strings.HasPrefix(f.Path, path+"/") })
	}
}
