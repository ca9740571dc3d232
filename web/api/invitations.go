package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/internal/fault"
	"trunkline/tenancy"
)

// NewInvitation is an invitation with its link, which is shown this once.
type NewInvitation struct {
	tenancy.Invitation
	Link string `json:"link"`
}

type inviteInput struct {
	raw
	Body struct {
		Role   tenancy.Role `json:"role,omitempty" enum:"owner,manager,member,observer" doc:"Not above one's own; empty is member"`
		Life   string       `json:"life,omitempty" doc:"How long it works, such as 90m or 168h; empty is seven days, 90 days are the most"`
		Uses   int          `json:"uses,omitempty" minimum:"0" maximum:"1000" doc:"How many people may come by it; 0 is one"`
		Domain string       `json:"domain,omitempty" maxLength:"254" doc:"Only for accounts with an e-mail address of this domain"`
	}
}

func (a *API) invitationOperations() {
	huma.Register(a.huma, operation("GET", "/invitations", "list-invitations", "List the workspace's invitations that can still be used", tenancy.InviteMembers, "members"),
		func(ctx context.Context, _ *struct{}) (*answer[[]tenancy.Invitation], error) {
			open, err := a.Workspaces.Invitations(ctx, actorOf(ctx))
			return respond(orEmpty(open), err)
		})
	create := operation("POST", "/invitations", "invite", "Make an invitation; its link is shown this once", tenancy.InviteMembers, "members")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a.huma, create, func(ctx context.Context, in *inviteInput) (*answer[NewInvitation], error) {
		request := tenancy.InviteRequest{Role: in.Body.Role, Uses: in.Body.Uses, Domain: in.Body.Domain}
		if in.Body.Life != "" {
			var err error
			if request.Life, err = time.ParseDuration(in.Body.Life); err != nil {
				return nil, public(fault.Wrap(err, fault.Invalid, "%q is no time. Give one such as 90m or 168h.", in.Body.Life).InField("life"))
			}
		}
		invitation, secret, err := a.Workspaces.Invite(ctx, actorOf(ctx), request)
		if err != nil {
			return nil, public(err)
		}
		base := a.PublicURL
		if r, _ := in.http(); base == "" {
			base = "http://" + r.Host
		}
		return respond(NewInvitation{Invitation: invitation, Link: base + "/join/" + secret}, nil)
	})
	type invitationPath struct {
		ID string `path:"id" maxLength:"64"`
	}
	huma.Register(a.huma, silent("DELETE", "/invitations/{id}", "revoke-invitation", "Take an invitation back; who has come by it stays", tenancy.InviteMembers, "members"),
		func(ctx context.Context, in *invitationPath) (*struct{}, error) {
			return done(a.Workspaces.RevokeInvitation(ctx, actorOf(ctx), in.ID))
		})
}
