package web

import (
	"context"
	"net/http"
	"net/url"

	"rsc.io/qr"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
)

// Invitations is the ways into a workspace by link.
type Invitations interface {
	// Invite makes a link; its secret is returned once. Codes: invalid (with its field), forbidden above one's own role.
	Invite(ctx context.Context, actor tenancy.Actor, request tenancy.InviteRequest) (tenancy.Invitation, string, error)
	Invitations(ctx context.Context, actor tenancy.Actor) ([]tenancy.Invitation, error)
	RevokeInvitation(ctx context.Context, actor tenancy.Actor, id string) error
	// LookAtInvitation says what a link leads to. Codes: not_found, exhausted after many wrong ones.
	LookAtInvitation(ctx context.Context, secret, address string) (tenancy.Invitation, tenancy.Tenant, error)
	Accept(ctx context.Context, actor tenancy.Actor, secret string) (tenancy.Accepted, error)
	// AcceptAsNew makes a local account and lets it in, both or neither.
	AcceptAsNew(ctx context.Context, secret, email, name, password, address string) (tenancy.Actor, tenancy.Accepted, error)
}

// invite shows the link and its QR code on the page that answers, and never again.
func (s *Server) invite(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	request, err := inviteRequest(form)
	if err != nil {
		return s.membersAgain(r, "invite", form, err)
	}
	invitation, secret, err := s.Workspaces.Invite(r.Context(), r.Actor, request)
	if err != nil {
		return s.membersAgain(r, "invite", form, err)
	}
	view, err := s.membersView(r)
	if err != nil {
		return err
	}
	link := s.addressFor(r) + "/join/" + secret
	view.New = templates.NewInvitation{Link: link, Role: string(invitation.Role), Uses: invitation.Uses, Expires: invitation.Expires, Domain: invitation.Domain}
	if view.New.QR, err = qrCode(link); err != nil {
		return err
	}
	return r.Page(http.StatusOK, view)
}

// addressFor is where people reach us.
func (s *Server) addressFor(r *Request) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	return "http://" + r.HTTP().Host
}

// qrCode draws the text as a QR code (ISO/IEC 18004) at level M: a seventh of it may be dirty. Each run of dark modules is one bar.
func qrCode(text string) (templates.QR, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return templates.QR{}, fault.Wrap(err, fault.Internal, "The QR code could not be drawn. Use the link itself.")
	}
	const quiet = 4 // modules of margin that the standard asks for
	drawn := templates.QR{Side: code.Size + 2*quiet}
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > from {
				drawn.Bars = append(drawn.Bars, templates.QRBar{X: from + quiet, Y: y + quiet, Width: x - from})
			}
		}
	}
	return drawn, nil
}

func (s *Server) revokeInvitation(r *Request) error {
	if err := s.Workspaces.RevokeInvitation(r.Context(), r.Actor, r.Param("invitation")); err != nil {
		return s.membersAgain(r, "invitations", Form{}, err)
	}
	r.flash("The invitation was taken back. Its link leads nowhere from now on.")
	return r.Redirect("/members")
}

// joinPage shows what an invitation leads to, to anybody who has its link. Looking takes no use.
func (s *Server) joinPage(r *Request) error {
	view, err := s.joinView(r)
	if err != nil {
		return s.joinRefused(r, err)
	}
	return r.Page(http.StatusOK, view)
}

func (s *Server) joinView(r *Request) (templates.Joining, error) {
	secret := r.Param("secret")
	invitation, tenant, err := s.Workspaces.LookAtInvitation(r.Context(), secret, address(r.HTTP()))
	if err != nil {
		return templates.Joining{}, err
	}
	passwords, err := s.passwordsOn(r)
	if err != nil {
		return templates.Joining{}, err
	}
	here := "/join/" + url.PathEscape(secret)
	return templates.Joining{
		Path: here, SignIn: "/sign-in?next=" + url.QueryEscape(here), Workspace: tenant.Name, Role: string(invitation.Role), By: invitation.ByName,
		Domain: invitation.Domain, Expires: invitation.Expires, SignedIn: !r.Actor.IsNobody(), UserName: r.Actor.UserName, Passwords: passwords,
	}, nil
}

// joinRefused is the page of a link that leads nowhere: the same for all of them.
func (s *Server) joinRefused(r *Request, err error) error {
	code := fault.CodeOf(err)
	if code != fault.NotFound && code != fault.Exhausted {
		return err
	}
	s.Log.Info("an invitation was refused", "request", r.ID, "address", address(r.HTTP()), "code", string(code))
	return r.Page(fault.Status(code), templates.JoinRefused{Sentence: fault.Sentence(err), SignedIn: !r.Actor.IsNobody()})
}

// joinAgain shows the page with what was wrong.
func (s *Server) joinAgain(r *Request, form Form, cause error) error {
	problem := fault.Public(cause)
	if !mendable(problem.Code) {
		return s.joinRefused(r, cause)
	}
	view, err := s.joinView(r)
	if err != nil {
		return s.joinRefused(r, err)
	}
	view.Error, view.Field, view.Email, view.Name = problem.Sentence, problem.Field, form.Text("email"), form.Text("name")
	return r.Page(fault.Status(problem.Code), view)
}

// join lets in who is signed in; anybody else signs in first and comes back.
func (s *Server) join(r *Request) error {
	if r.Actor.IsNobody() {
		return r.Redirect("/sign-in?next=" + url.QueryEscape("/join/"+url.PathEscape(r.Param("secret"))))
	}
	accepted, err := s.Workspaces.Accept(r.Context(), r.Actor, r.Param("secret"))
	if err != nil {
		return s.joinAgain(r, Form{}, err)
	}
	s.sessions.Put(r.Context(), sessionTenant, accepted.Workspace.ID)
	r.flash(welcome(accepted))
	return r.Redirect("/labs")
}

// joinAsNew makes a local account, signs it in and lets it in.
func (s *Server) joinAsNew(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	if !r.Actor.IsNobody() {
		return r.Redirect("/join/" + url.PathEscape(r.Param("secret"))) // signed in meanwhile, in another tab
	}
	actor, accepted, err := s.Workspaces.AcceptAsNew(r.Context(), r.Param("secret"), form.Text("email"), form.Text("name"), form.Raw("password"), address(r.HTTP()))
	if err != nil {
		return s.joinAgain(r, form, err)
	}
	if err := s.signIn(r, actor, tenancy.SignedInBy{}); err != nil {
		return err
	}
	r.flash(welcome(accepted))
	return r.Redirect("/labs")
}

func welcome(a tenancy.Accepted) string {
	if a.Already {
		return "You are in " + a.Workspace.Name + " already."
	}
	return "Welcome to " + a.Workspace.Name + ". You are " + templates.ARole(string(a.Role)) + " here."
}
