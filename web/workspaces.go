package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
)

// WorkspaceList is the workspaces that somebody may know of.
type WorkspaceList interface {
	Workspaces(ctx context.Context, actor tenancy.Actor) ([]tenancy.Workspace, error)               // the actor's own
	EveryWorkspace(ctx context.Context, actor tenancy.Actor) ([]tenancy.Workspace, error)           // for administrators of the site
	FindWorkspace(ctx context.Context, actor tenancy.Actor, ref string) (tenancy.Workspace, error)  // by id or name; code: not_found
	MayCreateWorkspace(ctx context.Context, actor tenancy.Actor) error                              // code: forbidden
	OpenToEveryone(ctx context.Context, actor tenancy.Actor) (bool, error)                          // may everybody make workspaces?
	AdoptWorkspace(ctx context.Context, actor tenancy.Actor, ref string) (tenancy.Workspace, error) // an administrator becomes an owner
}

// WorkspaceCare makes, changes and ends workspaces. Codes: invalid (with its field), forbidden, conflict.
type WorkspaceCare interface {
	CreateWorkspace(ctx context.Context, actor tenancy.Actor, name string) (tenancy.Workspace, error)
	RenameWorkspace(ctx context.Context, actor tenancy.Actor, name string) error                   // the chosen one
	DeleteWorkspace(ctx context.Context, actor tenancy.Actor, name string) (tenancy.Tenant, error) // the chosen one; name repeats its name
	RestoreWorkspace(ctx context.Context, actor tenancy.Actor, ref string) (tenancy.Workspace, error)
	SetOpenToEveryone(ctx context.Context, actor tenancy.Actor, open bool) error
}

// Workspaces is all that there is to workspaces and who is in them.
type Workspaces interface {
	WorkspaceList
	WorkspaceCare
	Members
	Invitations
}

// Bell rings when somebody's rights may have ended, so that streams and shells need not wait for their heartbeat.
type Bell interface {
	Listen(actor tenancy.Actor, sessionID string) (heard <-chan tenancy.Revocation, stop func())
}

// workspaces makes a handler that needs them: a site without them has no such pages.
func workspaces(handle handler) handler {
	return func(s *Server, r *Request) error {
		if s.Workspaces == nil {
			return fault.New(fault.NotFound, "There is no such page.")
		}
		return handle(s, r)
	}
}

// addWorkspaces fills the switcher. A page is shown without it rather than not at all.
func (r *Request) addWorkspaces(frame *templates.Frame) {
	if r.server.Workspaces == nil || r.Self.IsNobody() {
		return
	}
	mine, err := r.server.Workspaces.Workspaces(r.Context(), r.Self)
	if err != nil {
		r.server.Log.Warn("the workspaces could not be listed", "request", r.ID, "err", err)
		return
	}
	frame.HasWorkspaces = true
	frame.SwitchNext = "/labs"
	for _, page := range []string{"/images", "/networks", "/members"} {
		if frame.Path == page {
			frame.SwitchNext = page
		}
	}
	for _, one := range mine {
		if !one.Ends.IsZero() {
			continue
		}
		here := one.ID == r.Self.TenantID
		if here {
			frame.Workspace = one.Name
		}
		frame.Workspaces = append(frame.Workspaces, templates.WorkspaceChoice{ID: one.ID, Name: one.Name, Role: string(one.Role), Here: here})
	}
}

func (s *Server) workspacesPage(r *Request) error {
	view, err := s.workspacesView(r)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, view)
}

func (s *Server) workspacesView(r *Request) (templates.Workspaces, error) {
	mine, err := s.Workspaces.Workspaces(r.Context(), r.Actor)
	if err != nil {
		return templates.Workspaces{}, err
	}
	view := templates.Workspaces{Mine: workspaceRows(r.Actor, mine)}
	switch err := s.Workspaces.MayCreateWorkspace(r.Context(), r.Actor); {
	case err == nil:
		view.CanCreate = true
	case !fault.Is(err, fault.Forbidden):
		return view, err
	}
	if tenancy.Allow(r.Actor, tenancy.ManageTenants, tenancy.ObjectRef{}) != nil {
		return view, nil
	}
	every, err := s.Workspaces.EveryWorkspace(r.Context(), r.Actor)
	if err != nil {
		return view, err
	}
	in := map[string]bool{}
	for _, one := range mine {
		in[one.ID] = true
	}
	others := every[:0]
	for _, one := range every {
		if !in[one.ID] {
			others = append(others, one)
		}
	}
	view.Admin, view.Others = true, workspaceRows(r.Actor, others)
	if view.Open, err = s.Workspaces.OpenToEveryone(r.Context(), r.Actor); err != nil || s.Shares == nil {
		return view, err
	}
	longest, err := s.Shares.Longest(r.Context())
	view.ShareDays = int(longest / (24 * time.Hour))
	return view, err
}

func workspaceRows(actor tenancy.Actor, all []tenancy.Workspace) []templates.WorkspaceRow {
	rows := make([]templates.WorkspaceRow, len(all))
	for i, one := range all {
		rows[i] = templates.WorkspaceRow{
			ID: one.ID, Name: one.Name, Role: string(one.Role), Here: one.ID == actor.TenantID,
			People: templates.Count(one.Members, "person", "people"), Labs: templates.Count(one.Labs, "lab", "labs"), Ends: one.Ends, EndedBy: one.EndedBy,
		}
	}
	return rows
}

// workspacesAgain shows the page with what was wrong.
func (s *Server) workspacesAgain(r *Request, name string, cause error) error {
	problem := fault.Public(cause)
	if !mendable(problem.Code) {
		return cause
	}
	view, err := s.workspacesView(r)
	if err != nil {
		return err
	}
	view.Name, view.Error, view.Field = name, problem.Sentence, problem.Field
	return r.Page(fault.Status(problem.Code), view)
}

// mendable says that the person can do something about it where they are.
func mendable(code fault.Code) bool {
	return code == fault.Invalid || code == fault.Conflict || code == fault.Forbidden || code == fault.Exhausted
}

// createWorkspace makes one and goes there.
func (s *Server) createWorkspace(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	one, err := s.Workspaces.CreateWorkspace(r.Context(), r.Actor, form.Text("name"))
	if err != nil {
		return s.workspacesAgain(r, form.Text("name"), err)
	}
	s.sessions.Put(r.Context(), sessionTenant, one.ID)
	r.flash("The workspace " + one.Name + " is yours. Invite those who shall work in it.")
	return r.Redirect("/members")
}

// useWorkspace chooses one for this session: pages, streams and shells opened from now on are of it.
func (s *Server) useWorkspace(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	one, err := s.Workspaces.FindWorkspace(r.Context(), r.Actor, r.Param("workspace"))
	if err != nil {
		return err
	}
	s.sessions.Put(r.Context(), sessionTenant, one.ID)
	return r.Redirect(form.Text("next"))
}

func (s *Server) restoreWorkspace(r *Request) error {
	one, err := s.Workspaces.RestoreWorkspace(r.Context(), r.Actor, r.Param("workspace"))
	if err != nil {
		return s.workspacesAgain(r, "", err)
	}
	r.flash("The workspace " + one.Name + " is open again, as it was.")
	return r.Redirect("/workspaces")
}

func (s *Server) adoptWorkspace(r *Request) error {
	one, err := s.Workspaces.AdoptWorkspace(r.Context(), r.Actor, r.Param("workspace"))
	if err != nil {
		return s.workspacesAgain(r, "", err)
	}
	r.flash("You are an owner of " + one.Name + " now. Its members see it in their list.")
	return r.Redirect("/workspaces")
}

func (s *Server) openWorkspaces(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	if err := s.Workspaces.SetOpenToEveryone(r.Context(), r.Actor, form.Text("open") == "1"); err != nil {
		return err
	}
	r.flash("Saved.")
	return r.Redirect("/workspaces")
}

func (s *Server) renameWorkspace(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	if err := s.Workspaces.RenameWorkspace(r.Context(), r.Actor, form.Text("name")); err != nil {
		return s.membersAgain(r, "rename", form, err)
	}
	r.flash("The workspace has its new name.")
	return r.Redirect("/members")
}

// deleteWorkspace closes the chosen one; the next page is of another, or of none.
func (s *Server) deleteWorkspace(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	gone, err := s.Workspaces.DeleteWorkspace(r.Context(), r.Actor, form.Text("name"))
	if err != nil {
		return s.membersAgain(r, "delete", form, err)
	}
	s.sessions.Remove(r.Context(), sessionTenant)
	r.flash("The workspace " + gone.Name + " is deleted. Until " + gone.Ends.UTC().Format("2 January 15:04 MST") + " it can be restored here.")
	return r.Redirect("/workspaces")
}

// hear listens for the end of the actor's rights, until stop is called. What ended before it could be heard is an error.
func (s *Server) hear(ctx context.Context, r *Request) (heard <-chan tenancy.Revocation, stop func(), err error) {
	heard, stop = s.Bell.Listen(r.Actor, r.Actor.SessionID)
	if reason := s.ended(ctx, r, tenancy.Revocation{}); reason != "" {
		stop()
		return nil, nil, fault.New(fault.Forbidden, "%s", reason)
	}
	return heard, stop, nil
}

// ended says why somebody who lost rights is cut off; "" when nothing has changed.
func (s *Server) ended(ctx context.Context, r *Request, told tenancy.Revocation) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var err error
	if !r.Actor.HasNoAccount() {
		_, err = s.SignedIn.Current(ctx, r.Actor.SessionID)
	}
	over := fault.Is(err, fault.Unauthenticated)
	if !over && s.stillThere(ctx, r) {
		return ""
	}
	if reason := strings.TrimSpace(told.Reason); reason != "" {
		return reason
	}
	if over {
		return fault.Sentence(err)
	}
	return "Your rights in this workspace have changed. Reload the page to go on."
}

// WorkspaceHeader names the workspace, by id or name escaped as in a path, that an API request is about. Without it that is the token's, or the
// one chosen in the session.
const WorkspaceHeader = "Trunkline-Workspace"

// inWorkspace is the actor in the workspace that the request names. A token stays in its own.
func (s *Server) inWorkspace(r *http.Request, actor tenancy.Actor) (tenancy.Actor, error) {
	ref, err := url.PathUnescape(r.Header.Get(WorkspaceHeader))
	if err != nil {
		return tenancy.Actor{}, fault.Wrap(err, fault.Invalid, "The header %s is damaged.", WorkspaceHeader)
	}
	if ref == "" || s.Workspaces == nil || actor.IsNobody() {
		return actor, nil
	}
	one, err := s.Workspaces.FindWorkspace(r.Context(), actor, ref)
	switch {
	case err != nil:
		return tenancy.Actor{}, err
	case one.ID == actor.TenantID:
		return actor, nil
	case actor.TokenID != "":
		return tenancy.Actor{}, fault.New(fault.Forbidden, "This API token is bound to another workspace than %s. Make one there, and keep it with trunkline login.", one.Name)
	}
	chosen, err := s.Accounts.ActorOf(r.Context(), actor.UserID, one.ID)
	chosen.SessionID = actor.SessionID
	return s.describe(r, chosen), err
}
