package web

import (
	"net/http"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
)

// services makes a handler that needs them: a site without them has no such pages.
func services(handle handler) handler {
	return workspaces(func(s *Server, r *Request) error {
		if s.Services == nil {
			return fault.New(fault.NotFound, "There is no such page.")
		}
		return handle(s, r)
	})
}

// servicesView is the section of the members page; nil on a site that has none.
func (s *Server) servicesView(r *Request) (*templates.Services, error) {
	if s.Services == nil {
		return nil, nil
	}
	list, err := s.Services.Services(r.Context(), r.Actor)
	if err != nil {
		return nil, err
	}
	highest := r.Actor.Role
	if r.Actor.SiteAdmin {
		highest = tenancy.Owner
	}
	view := &templates.Services{CanManage: mayHere(r.Actor, tenancy.ManageServices), Roles: roleChoices(highest, tenancy.Member)}
	for _, one := range list {
		base := "/members/services/" + one.ID + "/tokens"
		row := templates.ServiceRow{ID: one.ID, Name: one.Name, Role: string(one.Role), By: one.By, Created: one.Created, Form: newTokenForm("service-"+one.ID, "it", base)}
		row.Mine = view.CanManage && highest.Includes(one.Role)
		row.Roles = roleChoices(highest, one.Role)
		if !row.Mine {
			base = ""
		}
		row.Tokens = tokenRows(one.Tokens, "it", base)
		view.Rows = append(view.Rows, row)
	}
	return view, nil
}

func (s *Server) createService(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	_, err = s.Services.CreateService(r.Context(), r.Actor, form.Text("name"), tenancy.Role(form.Text("role")))
	if err != nil {
		return s.servicesAgain(r, err, func(view *templates.Services, problem *fault.Error) {
			view.Name, view.Field, view.Error = form.Text("name"), problem.Field, problem.Sentence
		})
	}
	r.flash("The service account was made. Make a token for it next.")
	return r.Redirect("/members#services")
}

func (s *Server) changeServiceRole(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	if err := s.Services.ChangeServiceRole(r.Context(), r.Actor, r.Param("service"), tenancy.Role(form.Text("role"))); err != nil {
		return s.servicesAgain(r, err, func(view *templates.Services, problem *fault.Error) {
			for i, row := range view.Rows {
				if row.ID == r.Param("service") {
					view.Rows[i].Error = problem.Sentence
				}
			}
		})
	}
	r.flash("The role was changed. It counts for its tokens at once.")
	return r.Redirect("/members#services")
}

func (s *Server) removeService(r *Request) error {
	if err := s.Services.RemoveService(r.Context(), r.Actor, r.Param("service")); err != nil {
		return err
	}
	r.flash("The service account was ended. Its tokens are refused from now on.")
	return r.Redirect("/members#services")
}

// createServiceToken shows the secret on the page that answers, and never again.
func (s *Server) createServiceToken(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	request, err := tokenRequest(form)
	var secret string
	if err == nil {
		_, secret, err = s.Services.CreateServiceToken(r.Context(), r.Actor, r.Param("service"), request)
	}
	if err != nil {
		return s.servicesAgain(r, err, func(view *templates.Services, problem *fault.Error) {
			for i, row := range view.Rows {
				if row.ID == r.Param("service") {
					view.Rows[i].Open = true
					view.Rows[i].Form.Keep(form.Text("name"), form.Text("scope"), form.Text("expires"), problem.Field, problem.Sentence)
				}
			}
		})
	}
	view, err := s.membersView(r)
	if err != nil {
		return err
	}
	view.Services.New = templates.NewToken{Name: request.Name, Secret: secret}
	return r.Page(http.StatusOK, view)
}

func (s *Server) revokeServiceToken(r *Request) error {
	if err := s.Services.RevokeServiceToken(r.Context(), r.Actor, r.Param("service"), r.Param("token")); err != nil {
		return err
	}
	r.flash("The token was revoked. Programs that use it are refused from now on.")
	return r.Redirect("/members#services")
}

// servicesAgain shows the page with what was wrong.
func (s *Server) servicesAgain(r *Request, cause error, fill func(*templates.Services, *fault.Error)) error {
	problem := fault.Public(cause)
	if !mendable(problem.Code) || problem.Code == fault.Forbidden && problem.Field == "" {
		return cause
	}
	view, err := s.membersView(r)
	if err != nil {
		return cause
	}
	fill(view.Services, problem)
	return r.Page(fault.Status(problem.Code), view)
}
