package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
)

// Members is who is in the actor's workspace. Codes: forbidden, not_found for people of other workspaces as for missing ones, conflict for the
// last owner and for what single sign-on gives.
type Members interface {
	Members(ctx context.Context, actor tenancy.Actor) ([]tenancy.TenantMember, error)
	ChangeRole(ctx context.Context, actor tenancy.Actor, userID string, role tenancy.Role) error
	RemoveMember(ctx context.Context, actor tenancy.Actor, userID string) error
	LeaveWorkspace(ctx context.Context, actor tenancy.Actor) error
	Transfer(ctx context.Context, actor tenancy.Actor, userID string) error // the member owns it, the actor is a manager from then on
}

func (s *Server) membersPage(r *Request) error {
	view, err := s.membersView(r)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, view)
}

func (s *Server) membersView(r *Request) (templates.Members, error) {
	members, err := s.Workspaces.Members(r.Context(), r.Actor)
	if err != nil {
		return templates.Members{}, err
	}
	may := func(verb tenancy.Verb) bool { return mayHere(r.Actor, verb) }
	view := templates.Members{
		CanManage: may(tenancy.ManageMembers), CanInvite: may(tenancy.InviteMembers), CanRename: may(tenancy.ManageTenant),
		CanDelete: may(tenancy.DeleteTenant) && r.Actor.TenantID != tenancy.DefaultTenant, First: r.Actor.TenantID == tenancy.DefaultTenant,
		Form: templates.InviteForm{Uses: "1"},
	}
	view.CanSignOut, view.CanActAs = may(tenancy.ManageSite), s.Acting != nil && may(tenancy.ActAs)
	owners := 0
	for _, m := range members {
		if m.Role == tenancy.Owner {
			owners++
		}
	}
	for _, m := range members {
		row := templates.MemberRow{ID: m.UserID, Name: m.Name, Email: m.Email, Role: string(m.Role), Provider: m.Source, Joined: m.Joined, You: m.UserID == r.Actor.UserID}
		row.Last = m.Role == tenancy.Owner && owners == 1
		row.BySSO = len(m.Given) > 0
		row.Roles = roleChoices(tenancy.Owner, m.Role)
		row.CanLink = view.CanInvite && !row.You && !row.BySSO && (r.Actor.SiteAdmin || !m.Role.Includes(r.Actor.Role))
		view.IsMember = view.IsMember || row.You
		view.CanTransfer = view.CanTransfer || row.You && m.Role == tenancy.Owner
		view.Members = append(view.Members, row)
	}
	view.CanTransfer = view.CanTransfer && len(members) > 1
	one, err := s.Workspaces.FindWorkspace(r.Context(), r.Actor, r.Actor.TenantID)
	if err != nil {
		return view, err
	}
	view.Workspace, view.NewName = one.Name, one.Name
	if view.Services, err = s.servicesView(r); err != nil {
		return view, err
	}
	if view.CanInvite {
		err = s.addInvitations(r, &view)
	}
	return view, err
}

// roleChoices are the roles up to the highest.
func roleChoices(highest, chosen tenancy.Role) []templates.Choice {
	var list []templates.Choice
	for _, role := range []tenancy.Role{tenancy.Observer, tenancy.Member, tenancy.Manager, tenancy.Owner} {
		if highest.Includes(role) {
			list = append(list, templates.Choice{Value: string(role), Word: string(role), Chosen: role == chosen})
		}
	}
	return list
}

// membersAgain shows the page with what was wrong beside the form that it was wrong in: "" is the list.
func (s *Server) membersAgain(r *Request, at string, form Form, cause error) error {
	problem := fault.Public(cause)
	if !mendable(problem.Code) || problem.Code == fault.Forbidden && problem.Field == "" {
		return cause
	}
	view, err := s.membersView(r)
	if err != nil {
		return cause // who may not see the page is told why the form was refused
	}
	view.At, view.Error, view.Field = at, problem.Sentence, problem.Field
	switch at {
	case "rename":
		view.NewName = form.Text("name")
	case "delete":
		view.DeleteName = form.Text("name")
	case "invite":
		view.Form.Keep(form.Text("role"), form.Text("life"), form.Text("uses"), form.Text("domain"))
	}
	return r.Page(fault.Status(problem.Code), view)
}

func (s *Server) changeRole(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	if err := s.Workspaces.ChangeRole(r.Context(), r.Actor, r.Param("user"), tenancy.Role(form.Text("role"))); err != nil {
		return s.membersAgain(r, "", form, err)
	}
	r.flash("The role was changed. It counts at once.")
	return r.Redirect("/members")
}

func (s *Server) removeMember(r *Request) error {
	if err := s.Workspaces.RemoveMember(r.Context(), r.Actor, r.Param("user")); err != nil {
		return s.membersAgain(r, "", Form{}, err)
	}
	r.flash("The member was removed. Open pages and shells of this workspace close at once.")
	return r.Redirect("/members")
}

func (s *Server) leaveWorkspace(r *Request) error {
	if err := s.Workspaces.LeaveWorkspace(r.Context(), r.Actor); err != nil {
		return s.membersAgain(r, "leave", Form{}, err)
	}
	s.sessions.Remove(r.Context(), sessionTenant)
	r.flash("You have left the workspace.")
	return r.Redirect("/workspaces")
}

func (s *Server) transferWorkspace(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	if err := s.Workspaces.Transfer(r.Context(), r.Actor, form.Text("user")); err != nil {
		return s.membersAgain(r, "transfer", form, err)
	}
	r.flash("The workspace has a new owner. You are a manager of it now.")
	return r.Redirect("/members")
}

// addInvitations fills in who is invited, and the form for more.
func (s *Server) addInvitations(r *Request, view *templates.Members) error {
	open, err := s.Workspaces.Invitations(r.Context(), r.Actor)
	if err != nil {
		return err
	}
	for _, i := range open {
		view.Invitations = append(view.Invitations, templates.InvitationRow{
			ID: i.ID, Role: string(i.Role), Domain: i.Domain, Used: i.Used, Uses: i.Uses, By: i.ByName, Expires: i.Expires,
			CanRevoke: r.Actor.SiteAdmin || r.Actor.Role.Includes(i.Role),
		})
	}
	highest := r.Actor.Role
	if r.Actor.SiteAdmin {
		highest = tenancy.Owner
	}
	view.Form.Roles = roleChoices(highest, tenancy.Member)
	for _, life := range lives {
		view.Form.Lives = append(view.Form.Lives, templates.Choice{Value: life.value, Word: life.word, Chosen: life.value == "168h"})
	}
	return nil
}

var lives = []struct{ value, word string }{{"1h", "an hour"}, {"24h", "a day"}, {"168h", "7 days"}, {"720h", "30 days"}, {"2160h", "90 days"}}

// inviteRequest reads the form.
func inviteRequest(form Form) (tenancy.InviteRequest, error) {
	request := tenancy.InviteRequest{Role: tenancy.Role(form.Text("role")), Domain: form.Text("domain")}
	var err error
	if request.Life, err = time.ParseDuration(form.Text("life")); err != nil {
		return request, fault.New(fault.Invalid, "Choose how long the invitation works.").InField("life")
	}
	if request.Uses, err = strconv.Atoi(form.Text("uses")); err != nil || request.Uses == 0 {
		return request, fault.New(fault.Invalid, "Say how many people may come by it, as a number.").InField("uses")
	}
	return request, nil
}
