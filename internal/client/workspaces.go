package client

import (
	"context"
	"net/url"

	"trunkline/tenancy"
	"trunkline/web/api"
)

// In is the same client, whose requests name the workspace, so that a token of another is refused and not used by mistake. "" names none.
func (c *Client) In(workspace string) *Client {
	in := *c
	in.workspace = workspace
	return &in
}

// Workspaces lists those that one is in, or all of the site for its administrators.
func (c *Client) Workspaces(ctx context.Context, all bool) (list []tenancy.Workspace, err error) {
	query := url.Values{}
	if all {
		query.Set("all", "true")
	}
	return list, c.json(ctx, "GET", "/workspaces", query, nil, &list)
}

// CreateWorkspace makes one that is owned by who asks.
func (c *Client) CreateWorkspace(ctx context.Context, name string) (one tenancy.Workspace, err error) {
	return one, c.json(ctx, "POST", "/workspaces", nil, map[string]string{"name": name}, &one)
}

// RenameWorkspace renames the token's.
func (c *Client) RenameWorkspace(ctx context.Context, name string) error {
	return c.json(ctx, "PATCH", "/workspace", nil, map[string]string{"name": name}, nil)
}

// DeleteWorkspace deletes the token's; name repeats its name.
func (c *Client) DeleteWorkspace(ctx context.Context, name string) (gone tenancy.Tenant, err error) {
	return gone, c.json(ctx, "DELETE", "/workspace", url.Values{"confirm": {name}}, nil, &gone)
}

// RestoreWorkspace opens a deleted one again.
func (c *Client) RestoreWorkspace(ctx context.Context, ref string) (one tenancy.Workspace, err error) {
	return one, c.json(ctx, "POST", path("workspaces", ref, "restore"), nil, nil, &one)
}

// Members lists who is in the token's workspace.
func (c *Client) Members(ctx context.Context) (members []tenancy.TenantMember, err error) {
	return members, c.json(ctx, "GET", "/members", nil, nil, &members)
}

// ChangeRole changes a member's role.
func (c *Client) ChangeRole(ctx context.Context, userID string, role tenancy.Role) error {
	return c.json(ctx, "PATCH", path("members", userID), nil, map[string]tenancy.Role{"role": role}, nil)
}

// RemoveMember removes a member.
func (c *Client) RemoveMember(ctx context.Context, userID string) error {
	return c.json(ctx, "DELETE", path("members", userID), nil, nil, nil)
}

// InviteRequest is what Invite sends; zero fields leave the choice to the controller.
type InviteRequest struct {
	Role   tenancy.Role `json:"role,omitempty"`
	Life   string       `json:"life,omitempty"`
	Uses   int          `json:"uses,omitempty"`
	Domain string       `json:"domain,omitempty"`
}

// Invite makes an invitation.
func (c *Client) Invite(ctx context.Context, request InviteRequest) (invitation api.NewInvitation, err error) {
	return invitation, c.json(ctx, "POST", "/invitations", nil, request, &invitation)
}

// Invitations lists those that can still be used.
func (c *Client) Invitations(ctx context.Context) (open []tenancy.Invitation, err error) {
	return open, c.json(ctx, "GET", "/invitations", nil, nil, &open)
}

// RevokeInvitation takes one back.
func (c *Client) RevokeInvitation(ctx context.Context, id string) error {
	return c.json(ctx, "DELETE", path("invitations", id), nil, nil, nil)
}
