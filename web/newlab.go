package web

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/templates"
	"trunkline/tenancy"
	"trunkline/web/project"
)

// newLabPage offers the ways to a lab.
func (s *Server) newLabPage(r *Request) error {
	if err := tenancy.Allow(r.Actor, tenancy.CreateLab, tenancy.ObjectRef{Tenant: r.Actor.TenantID}); err != nil {
		return err
	}
	view := templates.NewLab{Tab: r.Query("from"), Examples: s.exampleViews()}
	return r.Page(http.StatusOK, view)
}

// replacePage offers a new file for a lab that is there.
func (s *Server) replacePage(r *Request) error {
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err == nil {
		err = tenancy.Allow(r.Actor, tenancy.EditLab, tenancy.ObjectRef{Tenant: r.Actor.TenantID, Owner: detail.OwnerID, Lab: detail.ID, Name: "lab " + detail.Name})
	}
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, templates.NewLab{Tab: "paste", YAML: detail.Source, Replace: detail.ID, Of: detail.Name})
}

func (s *Server) createLab(r *Request) error {
	return s.importLab(r, templates.NewLab{Examples: s.exampleViews()})
}

func (s *Server) replaceLab(r *Request) error {
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	return s.importLab(r, templates.NewLab{Replace: detail.ID, Of: detail.Name})
}

// importLab takes an upload, a pasted text or an example. What is wrong with it comes back on the same page.
func (s *Server) importLab(r *Request, view templates.NewLab) error {
	request, files, err := s.openProject(r, &view)
	if err != nil {
		return s.newLabAgain(r, view, control.Report{}, err, nil)
	}
	request.Replace = view.Replace
	kept := &keeping{FileSource: files}
	detail, report, err := s.Labs.Import(r.Context(), r.Actor, request, kept)
	if closer, ok := files.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	if err != nil {
		return s.newLabAgain(r, view, report, err, kept)
	}
	shown := reportView(report, kept)
	shown.LabID, shown.LabName, shown.File = detail.ID, detail.Name, detail.File
	if shown.Clean() {
		r.flash(imported(detail, view.Replace != ""))
		return r.Redirect("/labs/" + detail.ID)
	}
	return r.Page(http.StatusOK, shown)
}

func imported(detail *control.LabDetail, replaced bool) string {
	if replaced {
		return "The file was replaced. Deploy brings what runs up to it."
	}
	return detail.Name + " is stored: " + templates.Count(detail.NodeCount, "node", "nodes") + ", " +
		templates.Count(detail.LinkCount, "link", "links") + ". Deploy starts it."
}

// openProject finds out which of the three ways was taken. Values that belong to an upload ride in the query, so that its
// files can be read as they come.
func (s *Server) openProject(r *Request, view *templates.NewLab) (control.ImportRequest, FileSource, error) {
	if strings.HasPrefix(r.HTTP().Header.Get("Content-Type"), "multipart/form-data") {
		view.Tab, view.Name, view.ImageMap = "upload", r.Query("name"), r.Query("images")
		r.HTTP().Body = http.MaxBytesReader(r.Writer(), r.HTTP().Body, project.MaxBytes)
		r.patientBody()
		files, err := project.FromRequest(r.HTTP(), "")
		if err != nil {
			return control.ImportRequest{}, nil, err
		}
		request, err := importRequest(view)
		request.Size = max(0, r.HTTP().ContentLength)
		return request, files, err
	}
	r.HTTP().Body = http.MaxBytesReader(r.Writer(), r.HTTP().Body, maxPaste)
	form, err := r.Form()
	if err != nil {
		return control.ImportRequest{}, nil, err
	}
	view.Name, view.ImageMap = form.Text("name"), form.Raw("images")
	request, err := importRequest(view)
	if err != nil {
		return request, nil, err
	}
	if name := form.Text("example"); name != "" {
		view.Tab = "example"
		files, err := s.Examples.Files(name)
		return request, files, err
	}
	if name := form.Text("draw"); name != "" {
		view.Tab, view.YAML = "paste", emptyLab(name)
		return request, project.Single(pastedName, strings.NewReader(view.YAML)), nil
	}
	view.Tab, view.YAML = "paste", strings.ReplaceAll(form.Raw("yaml"), "\r\n", "\n")
	if strings.TrimSpace(view.YAML) == "" {
		return request, nil, fault.New(fault.Invalid, "Paste a lab file first, or choose an example.").InField("yaml")
	}
	return request, project.Single(pastedName, strings.NewReader(view.YAML)), nil
}

const (
	maxPaste   = 4 << 20
	pastedName = "topology.clab.yml"
)

// emptyLab is the file of a lab that is to be drawn. The name goes in as text of YAML, whatever it is.
func emptyLab(name string) string {
	return "name: " + strconv.Quote(name) + "\n\ntopology:\n  nodes: {}\n  links: []\n"
}

// importRequest reads the image map: one "name=other" a line.
func importRequest(view *templates.NewLab) (control.ImportRequest, error) {
	request := control.ImportRequest{Name: view.Name}
	for line := range strings.Lines(view.ImageMap) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		from, to, ok := strings.Cut(line, "=")
		if !ok || strings.TrimSpace(from) == "" || strings.TrimSpace(to) == "" {
			return request, fault.New(fault.Invalid, "The image map has a line %q. Write one name=other a line, such as frrouting/*=trunkline/router.", line).InField("images")
		}
		if request.ImageMap == nil {
			request.ImageMap = map[string]string{}
		}
		request.ImageMap[strings.TrimSpace(from)] = strings.TrimSpace(to)
	}
	return request, nil
}

// newLabAgain shows the page with what was wrong. Only our own mistakes and lost rights become error pages.
func (s *Server) newLabAgain(r *Request, view templates.NewLab, report control.Report, err error, kept *keeping) error {
	problem := fault.Public(err)
	switch problem.Code {
	case fault.Invalid, fault.Conflict, fault.Exhausted, fault.Unsupported:
	default:
		return err
	}
	view.Error = problem.Sentence
	if len(report.Refused) == 0 {
		for _, d := range problem.Details {
			report.Refused = append(report.Refused, control.ReportLine{Place: d})
		}
	}
	shown := reportView(report, kept)
	if !shown.Clean() || len(shown.Mapped) > 0 {
		view.Report = &shown
	}
	if view.Replace == "" && len(view.Examples) == 0 {
		view.Examples = s.exampleViews()
	}
	s.Log.Info("an import was refused", "request", r.ID, "user", r.Actor.UserID, "code", string(problem.Code), "err", err)
	return r.Page(fault.Status(problem.Code), view)
}

// checkLab is the report of a pasted text without storing it.
func (s *Server) checkLab(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	view := templates.NewLab{Name: form.Text("name"), ImageMap: form.Raw("images")}
	request, err := importRequest(&view)
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(form.Raw("yaml"), "\r\n", "\n")
	kept := &keeping{FileSource: project.Single(pastedName, strings.NewReader(text))}
	report, err := s.Labs.Check(r.Context(), r.Actor, request, kept)
	if err != nil && !fault.Is(err, fault.Invalid) {
		return err
	}
	if err != nil && len(report.Refused) == 0 {
		problem := fault.Public(err)
		report.Refused = []control.ReportLine{{Place: fault.Place{Sentence: problem.Sentence, Field: problem.Field}}}
		if len(problem.Details) > 0 {
			report.Refused = nil
		}
		for _, d := range problem.Details {
			report.Refused = append(report.Refused, control.ReportLine{Place: d})
		}
	}
	return r.Fragment(http.StatusOK, reportView(report, kept))
}
