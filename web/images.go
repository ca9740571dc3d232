package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/templates"
	"trunkline/tenancy"
)

// imagesPage shows what nodes can be made of, and what the site and the workspace say of it.
func (s *Server) imagesPage(r *Request) error {
	view, err := s.imagesView(r)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, view)
}

func (s *Server) imagesView(r *Request) (templates.Images, error) {
	images, err := s.Hosts.Images(r.Context(), r.Actor)
	if err != nil {
		return templates.Images{}, err
	}
	view := templates.Images{}
	for _, i := range images {
		view.Images = append(view.Images, templates.Image{Name: strings.TrimSuffix(i.Name, ":latest"), Size: templates.Bytes(i.SizeBytes), Kind: i.Labels["trunkline.kind"]})
	}
	for _, scope := range []control.PolicyScope{control.OfWorkspace, control.OfSite} {
		if scope == control.OfWorkspace && r.Actor.TenantID == "" {
			continue // of somebody who is in no workspace yet
		}
		policy, err := s.Policies.ImagePolicy(r.Context(), r.Actor, scope)
		if err != nil {
			return templates.Images{}, err
		}
		view.Policies = append(view.Policies, policyView(r.Actor, scope, policy))
	}
	return view, nil
}

func policyView(actor tenancy.Actor, scope control.PolicyScope, policy control.ImagePolicy) templates.ImagePolicy {
	verb, object := tenancy.ManageTenant, tenancy.ObjectRef{Tenant: actor.TenantID}
	if scope == control.OfSite {
		verb, object = tenancy.ManageSite, tenancy.ObjectRef{}
	}
	view := templates.ImagePolicy{
		Scope: string(scope), CanChange: tenancy.Allow(actor, verb, object) == nil, Revision: policy.Revision,
		Allow: policy.Allow, AllowText: strings.Join(policy.Allow, "\n"),
	}
	var lines []string
	for _, pattern := range slices.Sorted(maps.Keys(policy.Map)) {
		view.Map = append(view.Map, templates.ImageMapping{Pattern: pattern, Image: policy.Map[pattern]})
		lines = append(lines, pattern+"="+policy.Map[pattern])
	}
	view.MapText = strings.Join(lines, "\n")
	return view
}

func (s *Server) setWorkspaceImages(r *Request) error { return s.setImages(r, control.OfWorkspace) }

func (s *Server) setSiteImages(r *Request) error { return s.setImages(r, control.OfSite) }

func (s *Server) setImages(r *Request, scope control.PolicyScope) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	policy, err := policyOf(form)
	if err == nil {
		_, err = s.Policies.SetImagePolicy(r.Context(), r.Actor, scope, policy)
	}
	if err != nil {
		return s.imagesAgain(r, scope, form, err)
	}
	r.flash("Saved. It counts from the next deploy; what runs stays as it is.")
	return r.Redirect("/images")
}

// policyOf reads one entry a line.
func policyOf(form Form) (control.ImagePolicy, error) {
	policy := control.ImagePolicy{Map: map[string]string{}, Revision: form.Text("revision")}
	for number, line := range formLines(form.Raw("map")) {
		pattern, image, ok := strings.Cut(line, "=")
		pattern = strings.TrimSpace(pattern)
		if !ok {
			return policy, wrongLine(number, "is no pair. Write it like frrouting/*=trunkline/router.")
		}
		if _, twice := policy.Map[pattern]; twice {
			return policy, wrongLine(number, fmt.Sprintf("names %s a second time. Keep one of the two.", pattern))
		}
		policy.Map[pattern] = image
	}
	for _, line := range formLines(form.Raw("allow")) {
		policy.Allow = append(policy.Allow, line)
	}
	return policy, nil
}

func wrongLine(number int, what string) error {
	return fault.New(fault.Invalid, "Line %d of the image map %s", number, what).InField("map")
}

// formLines is the lines that hold something, by their number.
func formLines(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		number := 0
		for line := range strings.Lines(text) {
			number++
			if line = strings.TrimSpace(line); line != "" && !yield(number, line) {
				return
			}
		}
	}
}

// imagesAgain shows the form as it was sent, with what was wrong beside its field: htmx gets the form alone.
func (s *Server) imagesAgain(r *Request, scope control.PolicyScope, form Form, cause error) error {
	problem := fault.Public(cause)
	if problem.Code != fault.Invalid && problem.Code != fault.Conflict {
		return cause
	}
	view, err := s.imagesView(r)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(view.Policies, func(p templates.ImagePolicy) bool { return p.Scope == string(scope) })
	if at < 0 {
		return cause
	}
	p := &view.Policies[at]
	p.MapText, p.AllowText = form.Raw("map"), form.Raw("allow")
	if problem.Code == fault.Invalid {
		p.Revision = form.Text("revision") // after a conflict it is the newest: who sends it again has seen that
	}
	details := problem.Details
	if len(details) == 0 {
		details = []fault.Place{{Field: problem.Field, Sentence: problem.Sentence}}
	}
	for _, d := range details {
		switch d.Field {
		case "map":
			p.MapErrors = append(p.MapErrors, d.Sentence)
		case "allow":
			p.AllowErrors = append(p.AllowErrors, d.Sentence)
		default:
			p.Error = d.Sentence
		}
	}
	if r.IsFragment() {
		return r.Fragment(fault.Status(problem.Code), *p)
	}
	return r.Page(fault.Status(problem.Code), view)
}
