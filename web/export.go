package web

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/format"
	"trunkline/lab/picture"
	"trunkline/static"
	"trunkline/tenancy"
)

// ExportForms are the forms in which a lab can be had, the first by default: its folder as zip, a file for containerlab, and two kinds of pictures.
var ExportForms = []string{"folder", "containerlab", "svg", "mermaid"}

// Exported is a lab in one form.
type Exported struct {
	Name string // of the file
	Type string // of its content
	Body []byte
}

// ExportAs makes any form but the folder, which is streamed by Labs.Export. Codes: not_found, invalid (form).
func ExportAs(ctx context.Context, labs Labs, actor tenancy.Actor, ref, form string) (Exported, error) {
	detail, err := labs.Get(ctx, actor, ref)
	if err != nil {
		return Exported{}, err
	}
	name := url.PathEscape(detail.Name)
	switch form {
	case "containerlab":
		text, notes, err := format.Containerlab(detail.Lab)
		return Exported{name + ".clab.yml", "application/yaml; charset=utf-8", append(commented(notes), text...)}, err
	case "mermaid":
		return Exported{name + ".mmd", "text/plain; charset=utf-8", []byte(picture.Mermaid(detail.Lab, picture.Names{Interfaces: true}))}, nil
	case "svg":
		at := map[string]picture.Point{}
		for i, p := range placed(detail) {
			at[detail.Lab.Nodes[i].Name] = picture.Point{X: p.X, Y: p.Y}
		}
		glyph := func(k lab.Kind) string { return static.KindGlyph(string(k)) }
		return Exported{name + ".svg", "image/svg+xml", picture.SVG(detail.Lab, at, glyph, picture.Names{Interfaces: true, Addresses: true})}, nil
	}
	return Exported{}, fault.New(fault.Invalid, "A lab is exported as %s, not as %q.", strings.Join(ExportForms, ", "), form).InField("as")
}

// commented are notes as comments at the head of a file.
func commented(notes []fault.Place) []byte {
	var b bytes.Buffer
	for _, n := range notes {
		b.WriteString("# " + strings.Join(strings.Fields(n.Sentence), " ") + "\n")
	}
	return b.Bytes()
}

// exportLab sends the lab's folder as a zip, or the lab in another form.
func (s *Server) exportLab(r *Request) error {
	if form := r.Query("as"); form != "" && form != ExportForms[0] {
		one, err := ExportAs(r.Context(), s.Labs, r.Actor, r.Param("lab"), form)
		if err != nil {
			return err
		}
		h := r.Writer().Header()
		h.Set("Content-Type", one.Type)
		h.Set("Content-Disposition", Attachment(one.Name))
		h.Set("Cache-Control", "no-store")
		return r.writePacked(http.StatusOK, one.Body)
	}
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	h := r.Writer().Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", Attachment(url.PathEscape(detail.Name)+".zip"))
	return s.Labs.Export(r.Context(), r.Actor, detail.ID, r.Writer())
}
