package web

import (
	"net/http"
	"slices"

	"trunkline/lab/control"
	"trunkline/templates"
	"trunkline/tenancy"
)

func (s *Server) deploy(r *Request) error {
	if err := s.Intents.Deploy(r.Context(), r.Actor, r.Param("lab")); err != nil {
		return err
	}
	return r.Done("/labs/"+r.Param("lab"), "")
}

func (s *Server) cancelDeploy(r *Request) error {
	if err := s.Intents.Cancel(r.Context(), r.Actor, r.Param("lab")); err != nil {
		return err
	}
	return r.Done("/labs/"+r.Param("lab"), "Cancelled. What was already made is being taken back.")
}

func (s *Server) stop(r *Request) error {
	if err := s.Intents.Stop(r.Context(), r.Actor, r.Param("lab")); err != nil {
		return err
	}
	return r.Done("/labs/"+r.Param("lab"), "")
}

// destroy removes a lab from its hosts; with forget=1 its file goes as well.
func (s *Server) destroy(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	forget := form.Text("forget") == "1"
	if err := s.Intents.Destroy(r.Context(), r.Actor, r.Param("lab"), forget); err != nil {
		return err
	}
	if forget {
		r.flash("The lab is being removed.")
		return r.Redirect("/labs")
	}
	return r.Done("/labs/"+r.Param("lab"), "Nodes and cables are being removed. The file stays.")
}

// verbOrder is the order in which a plan is read.
var verbOrder = []string{"remove", "disconnect", "stop", "create", "change", "connect", "start", "keep"}

// noteVerb is of a line of a plan that is to be known, not done.
const noteVerb = "note"

// planDialog says what Deploy would do, and why.
func (s *Server) planDialog(r *Request) error {
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return err
	}
	steps, err := s.Intents.Plan(r.Context(), r.Actor, detail.ID)
	if err != nil {
		return err
	}
	view := templates.Plan{LabID: detail.ID, LabName: detail.Name, CanRun: mayOn(r.Actor, tenancy.RunLab, detail.LabView)}
	steps = slices.DeleteFunc(steps, func(step control.PlanStep) bool {
		if step.Verb == noteVerb {
			view.Notes = append(view.Notes, step.Reason)
		}
		return step.Verb == noteVerb
	})
	view.Groups = planGroups(steps)
	return r.Fragment(http.StatusOK, view)
}

func planGroups(steps []control.PlanStep) []templates.PlanGroup {
	var groups []templates.PlanGroup
	for _, step := range steps {
		i := slices.IndexFunc(groups, func(g templates.PlanGroup) bool { return g.Verb == step.Verb })
		if i < 0 {
			i = len(groups)
			groups = append(groups, templates.PlanGroup{Verb: step.Verb})
		}
		groups[i].Steps = append(groups[i].Steps, templates.PlanStep{Object: step.Object, Host: step.Host, Reason: step.Reason})
	}
	rank := func(verb string) int {
		if i := slices.Index(verbOrder, verb); i >= 0 {
			return i
		}
		return len(verbOrder)
	}
	slices.SortStableFunc(groups, func(a, b templates.PlanGroup) int { return rank(a.Verb) - rank(b.Verb) })
	return groups
}
