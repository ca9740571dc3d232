package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/tenancy"
	"trunkline/web"
	"trunkline/web/project"
)

// LabPath names a lab in an address. It is exported because huma reads embedded structs only when they are.
type LabPath struct {
	Lab string `path:"lab" doc:"Name or id of the lab" maxLength:"128"`
}

// importInput is how a lab comes in; its body is read by package project.
type importInput struct {
	raw
	Name     string   `query:"name" doc:"Name of the lab; empty takes the file's"`
	File     string   `query:"file" doc:"Which of the files is the lab file; empty finds the one *.clab.yml"`
	ImageMap []string `query:"image_map,explode" doc:"pattern=image, such as frrouting/*=trunkline/router; may be repeated"`
	Env      []string `query:"env,explode" doc:"NAME=value for ${NAME} in the lab file; may be repeated"`
	Replace  string   `query:"replace" doc:"Name or id of a lab whose file this replaces"`
}

// Imported is a new lab with the report of its import.
type Imported struct {
	Lab    *control.LabView `json:"lab,omitempty"`
	Report control.Report   `json:"report"`
}

func (a *API) labOperations() {
	huma.Register(a.huma, operation("GET", "/labs", "list-labs", "List the labs of the workspace", tenancy.SeeLab, "labs"),
		func(ctx context.Context, _ *struct{}) (*answer[[]control.LabView], error) {
			labs, err := a.Labs.List(ctx, actorOf(ctx))
			if labs == nil {
				labs = []control.LabView{}
			}
			return respond(labs, err)
		})
	huma.Register(a.huma, operation("GET", "/labs/{lab}", "show-lab", "Show a lab with its nodes", tenancy.SeeLab, "labs"),
		func(ctx context.Context, in *LabPath) (*answer[*control.LabDetail], error) {
			return respond(a.Labs.Get(ctx, actorOf(ctx), in.Lab))
		})
	create := a.importOperation("/labs", "create-lab", "Create a lab from YAML, zip, tar or a form with files", tenancy.CreateLab, http.StatusCreated)
	huma.Register(a.huma, when("replace", tenancy.EditLab, create), a.createLab)
	huma.Register(a.huma, a.importOperation("/labs/check", "check-lab", "Report what an import would do, without storing it", tenancy.CreateLab, http.StatusOK), a.checkLab)
	huma.Register(a.huma, operation("GET", "/labs/{lab}/export", "export-lab", "Download the lab: its folder as zip, a file for containerlab, or a picture", tenancy.SeeLab, "labs"), a.exportLab)
	huma.Register(a.huma, of(Stream, operation("GET", "/labs/{lab}/events", "watch-lab", "Follow a lab: one JSON object a line, the present state first", tenancy.SeeLab, "labs")), a.watchLab)
}

func (a *API) importOperation(path, id, summary string, verb tenancy.Verb, status int) huma.Operation {
	o := operation("POST", path, id, summary, verb, "labs")
	o.DefaultStatus = status
	o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	for _, kind := range []string{"application/yaml", "application/zip", "application/x-tar", "multipart/form-data"} {
		o.RequestBody.Content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
	}
	return o
}

func (a *API) createLab(ctx context.Context, in *importInput) (*answer[Imported], error) {
	source, request, err := in.open()
	if err != nil {
		return nil, public(err)
	}
	defer source.Close()
	detail, report, err := a.Labs.Import(ctx, actorOf(ctx), request, source)
	if err != nil {
		return nil, public(err)
	}
	return respond(Imported{Lab: &detail.LabView, Report: report}, nil)
}

func (a *API) checkLab(ctx context.Context, in *importInput) (*answer[Imported], error) {
	source, request, err := in.open()
	if err != nil {
		return nil, public(err)
	}
	defer source.Close()
	report, err := a.Labs.Check(ctx, actorOf(ctx), request, source)
	if err != nil && len(report.Refused) == 0 {
		return nil, public(err)
	}
	return respond(Imported{Report: report}, nil)
}

func (in *importInput) open() (project.Source, control.ImportRequest, error) {
	request := control.ImportRequest{Name: in.Name, File: in.File, Replace: in.Replace}
	var err error
	if request.ImageMap, err = pairs("image_map", in.ImageMap); err != nil {
		return nil, request, err
	}
	if request.Env, err = pairs("env", in.Env); err != nil {
		return nil, request, err
	}
	r, _ := in.http()
	request.Size = max(0, r.ContentLength)
	name := in.File
	if name == "" {
		name = "topology.clab.yml"
	}
	source, err := project.FromRequest(r, name)
	return source, request, err
}

func pairs(field string, list []string) (map[string]string, error) {
	m := map[string]string{}
	for _, pair := range list {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, fault.New(fault.Invalid, "%q is not of the form name=value.", pair).InField(field)
		}
		m[key] = value
	}
	return m, nil
}

type labStream struct {
	raw
	LabPath
}

// exportInput is which lab, and in which form.
type exportInput struct {
	raw
	LabPath
	As string `query:"as" enum:"folder,containerlab,svg,mermaid" default:"folder" doc:"The lab's folder as zip, a file for containerlab, or a picture"`
}

func (a *API) exportLab(ctx context.Context, in *exportInput) (*huma.StreamResponse, error) {
	if in.As != "" && in.As != web.ExportForms[0] {
		one, err := web.ExportAs(ctx, a.Labs, actorOf(ctx), in.Lab, in.As)
		if err != nil {
			return nil, public(err)
		}
		return a.stream(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", one.Type)
			w.Header().Set("Content-Disposition", web.Attachment(one.Name))
			w.Write(one.Body)
		}), nil
	}
	detail, err := a.Labs.Get(ctx, actorOf(ctx), in.Lab)
	if err != nil {
		return nil, public(err)
	}
	return a.stream(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/zip")
		w.Header().Set("Content-Disposition", web.Attachment(detail.Name+".zip"))
		if err := a.Labs.Export(ctx, actorOf(ctx), in.Lab, w); err != nil {
			a.Log.Warn("an export was cut off", "lab", detail.ID, "err", err)
			panic(http.ErrAbortHandler) // the client sees a broken download, not a short zip
		}
	}), nil
}

// signOfLife keeps proxies from closing a quiet stream.
const signOfLife = 15 * time.Second

func (a *API) watchLab(ctx context.Context, in *labStream) (*huma.StreamResponse, error) {
	actor := actorOf(ctx)
	events, err := a.Watching.WatchLab(ctx, actor, in.Lab)
	if err != nil {
		return nil, public(err)
	}
	detail, err := a.Labs.Get(ctx, actor, in.Lab)
	if err != nil {
		return nil, public(err)
	}
	return a.stream(func(w http.ResponseWriter, _ *http.Request) {
		allowed, stop := a.whileAllowed(ctx, actor)
		defer stop()
		w.Header().Set("Content-Type", "application/jsonl")
		w.Header().Set("Cache-Control", "no-store")
		lines, flush := json.NewEncoder(w), http.NewResponseController(w)
		send := func(event control.Event) bool { return lines.Encode(event) == nil && flush.Flush() == nil }
		if !send(control.Event{LabID: detail.ID, Lab: &detail.LabView}) {
			return
		}
		quiet := time.NewTicker(signOfLife)
		defer quiet.Stop()
		for {
			select {
			case event, open := <-events:
				if !open || !send(event) {
					return
				}
			case <-quiet.C:
				if !send(control.Event{LabID: detail.ID}) {
					return
				}
			case <-allowed.Done():
				if why := refusal(allowed); why != nil {
					_ = lines.Encode(errorBody{Fault: fault.Public(why)}) // the last line; who is gone does not read it
				}
				return
			}
		}
	}), nil
}

// stream hands the plain writer to an operation that writes its own body.
func (a *API) stream(serve func(http.ResponseWriter, *http.Request)) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		s := raw{ctx: ctx}
		r, w := s.http()
		serve(w, r)
	}}
}
