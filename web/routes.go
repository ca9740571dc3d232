package web

import (
	"cmp"
	"net/http"

	"trunkline/tenancy"
)

// Kind says how an address answers.
type Kind string

// The kinds of addresses. Streams and sockets stay open until rights end.
const (
	Plain  Kind = "plain"
	Stream Kind = "stream"
	Socket Kind = "socket" // a websocket
)

// route is one address of the pages. verb is what the services check with tenancy.Allow for it; "" asks only for being signed in.
type route struct {
	method, path string
	verb         tenancy.Verb
	handle       handler
	kind         Kind  // "" is Plain
	public       bool  // nobody needs to be signed in
	body         int64 // largest body in bytes; 0: maxForm, -1: the handler bounds it
}

// routes is every page, fragment, form and stream. /static, /healthz, /readyz, /metrics and /api/v1 stand beside it, in compose.
var routes = []route{
	{method: http.MethodGet, path: "/", handle: (*Server).home, public: true},
	{method: http.MethodGet, path: "/sign-in", handle: (*Server).signInPage, public: true},
	{method: http.MethodPost, path: "/sign-in", handle: (*Server).signInForm, public: true},
	{method: http.MethodGet, path: "/sign-in/:secret", handle: (*Server).signInLinkPage, public: true},
	{method: http.MethodPost, path: "/sign-in/:secret", handle: (*Server).signInLink, public: true},
	{method: http.MethodPost, path: "/sign-out", handle: (*Server).signOut, public: true},
	{method: http.MethodGet, path: "/welcome", handle: (*Server).welcomePage},
	{method: http.MethodPost, path: "/welcome", handle: (*Server).welcomeForm},

	{method: http.MethodGet, path: "/labs", verb: tenancy.SeeLab, handle: (*Server).labsPage},
	{method: http.MethodGet, path: "/labs/events", verb: tenancy.SeeLab, kind: Stream, handle: (*Server).labsEvents},
	{method: http.MethodGet, path: "/labs/new", verb: tenancy.CreateLab, handle: (*Server).newLabPage},
	{method: http.MethodPost, path: "/labs", verb: tenancy.CreateLab, handle: (*Server).createLab, body: -1},
	{method: http.MethodPost, path: "/labs/check", verb: tenancy.CreateLab, handle: (*Server).checkLab},

	{method: http.MethodGet, path: "/labs/:lab", verb: tenancy.SeeLab, handle: (*Server).labPage},
	{method: http.MethodGet, path: "/labs/:lab/events", verb: tenancy.SeeLab, kind: Stream, handle: (*Server).labEvents},
	{method: http.MethodGet, path: "/labs/:lab/rates", verb: tenancy.SeeLab, kind: Stream, handle: (*Server).labRates},
	{method: http.MethodPost, path: "/labs/:lab/presence", verb: tenancy.SeeLab, handle: (*Server).choose, body: maxChoice},
	{method: http.MethodGet, path: "/labs/:lab/plan", verb: tenancy.RunLab, handle: (*Server).planDialog},
	{method: http.MethodGet, path: "/labs/:lab/export", verb: tenancy.SeeLab, handle: (*Server).exportLab},
	{method: http.MethodGet, path: "/labs/:lab/file", verb: tenancy.EditLab, handle: (*Server).replacePage},
	{method: http.MethodPost, path: "/labs/:lab/file", verb: tenancy.EditLab, handle: (*Server).replaceLab, body: -1},
	{method: http.MethodGet, path: "/labs/schema", verb: tenancy.SeeLab, handle: (*Server).labSchema},
	{method: http.MethodPost, path: "/labs/:lab/edits", verb: tenancy.EditLab, handle: editing((*Server).editLab), body: maxEdit},
	{method: http.MethodGet, path: "/labs/:lab/document", verb: tenancy.SeeLab, handle: (*Server).labDocument},
	{method: http.MethodGet, path: "/labs/:lab/arrangement", verb: tenancy.SeeLab, handle: (*Server).arrangement},
	{method: http.MethodPost, path: "/labs/:lab/pattern", verb: tenancy.SeeLab, handle: (*Server).pattern},
	{method: http.MethodPost, path: "/labs/:lab/bulk", verb: tenancy.EditLab, handle: editing((*Server).bulkPanel)},
	{method: http.MethodPost, path: "/labs/:lab/copy", verb: tenancy.SeeLab, handle: (*Server).copyNodes},
	{method: http.MethodPost, path: "/labs/:lab/paste", verb: tenancy.SeeLab, handle: (*Server).pasteNodes, body: maxClip},
	{method: http.MethodGet, path: "/labs/:lab/link", verb: tenancy.SeeLab, handle: (*Server).linkPanel},
	{method: http.MethodGet, path: "/labs/:lab/revisions", verb: tenancy.SeeLab, handle: editing((*Server).versionsDialog)},
	{method: http.MethodGet, path: "/labs/:lab/revisions/:revision", verb: tenancy.SeeLab, handle: editing((*Server).versionCompared)},
	{method: http.MethodPost, path: "/labs/:lab/revisions/:revision/restore", verb: tenancy.EditLab, handle: editing((*Server).restoreRevision)},
	{method: http.MethodPost, path: "/labs/:lab/positions", verb: tenancy.EditLab, handle: (*Server).moveNodes},
	{method: http.MethodPost, path: "/labs/:lab/layout", verb: tenancy.EditLab, handle: (*Server).layoutAnew},
	{method: http.MethodPost, path: "/labs/:lab/deploy", verb: tenancy.RunLab, handle: (*Server).deploy},
	{method: http.MethodPost, path: "/labs/:lab/cancel", verb: tenancy.RunLab, handle: (*Server).cancelDeploy},
	{method: http.MethodPost, path: "/labs/:lab/stop", verb: tenancy.RunLab, handle: (*Server).stop},
	{method: http.MethodPost, path: "/labs/:lab/destroy", verb: tenancy.RunLab, handle: (*Server).destroy},

	{method: http.MethodGet, path: "/labs/:lab/placement", verb: tenancy.SeeLab, handle: (*Server).placementList},
	{method: http.MethodGet, path: "/labs/:lab/nodes/:node", verb: tenancy.SeeLab, handle: (*Server).nodePanel},
	{method: http.MethodGet, path: "/labs/:lab/nodes/:node/tables", verb: tenancy.SeeLab, handle: (*Server).switchTables},
	{method: http.MethodPost, path: "/labs/:lab/nodes/:node/:action", verb: tenancy.RunLab, handle: (*Server).nodeAction},
	{method: http.MethodGet, path: "/labs/:lab/nodes/:node/shell", verb: tenancy.UseNode, kind: Socket, handle: (*Server).shell},
	{method: http.MethodPost, path: "/labs/:lab/nodes/:node/shell/ticket", verb: tenancy.SeeLab, handle: (*Server).shellTicket},
	{method: http.MethodPut, path: "/labs/:lab/nodes/:node/files", verb: tenancy.UseNode, handle: (*Server).putFile, body: -1},
	{method: http.MethodGet, path: "/labs/:lab/nodes/:node/files", verb: tenancy.UseNode, handle: (*Server).getFile},

	{method: http.MethodGet, path: "/labs/:lab/shares", verb: tenancy.ShareLab, handle: sharing((*Server).sharesDialog)},
	{method: http.MethodPost, path: "/labs/:lab/shares", verb: tenancy.ShareLab, handle: sharing((*Server).shareLab)},
	{method: http.MethodPost, path: "/labs/:lab/shares/:share", verb: tenancy.ShareLab, handle: sharing((*Server).changeShare)},
	{method: http.MethodPost, path: "/labs/:lab/shares/:share/end", verb: tenancy.ShareLab, handle: sharing((*Server).endShare)},
	{method: http.MethodGet, path: "/s/:secret", handle: sharing((*Server).linkPage), public: true},
	{method: http.MethodPost, path: "/s/:secret", handle: sharing((*Server).openLink), public: true},
	{method: http.MethodPost, path: "/s/:secret/guest", handle: sharing((*Server).openLinkAsGuest), public: true},
	{method: http.MethodPost, path: "/workspaces/sharing", verb: tenancy.ManageSite, handle: sharing((*Server).setLongestShare)},

	{method: http.MethodGet, path: "/hosts", verb: tenancy.SeeHosts, handle: (*Server).hostsPage},
	{method: http.MethodGet, path: "/hosts/events", verb: tenancy.SeeHosts, kind: Stream, handle: (*Server).hostsEvents},
	{method: http.MethodPost, path: "/hosts/join", verb: tenancy.ManageHosts, handle: (*Server).makeJoinCommand},
	{method: http.MethodPost, path: "/hosts/tokens/:token/delete", verb: tenancy.ManageHosts, handle: (*Server).deleteJoinToken},
	{method: http.MethodGet, path: "/hosts/:host", verb: tenancy.SeeHosts, handle: (*Server).hostPage},
	{method: http.MethodGet, path: "/hosts/:host/events", verb: tenancy.SeeHosts, kind: Stream, handle: (*Server).hostEvents},
	{method: http.MethodGet, path: "/hosts/:host/log", verb: tenancy.SeeHosts, handle: (*Server).hostLog},
	{method: http.MethodPost, path: "/hosts/:host/settings", verb: tenancy.ManageHosts, handle: (*Server).changeHost},
	{method: http.MethodPost, path: "/hosts/:host/remove", verb: tenancy.ManageHosts, handle: (*Server).removeHost},
	{method: http.MethodPost, path: "/hosts/:host/:action", verb: tenancy.ManageHosts, handle: (*Server).hostAction},

	{method: http.MethodGet, path: "/networks", verb: tenancy.SeeNetworks, handle: (*Server).networksPage},
	{method: http.MethodPost, path: "/networks/offers", verb: tenancy.ManageHosts, handle: (*Server).saveOffer},
	{method: http.MethodPost, path: "/networks/offers/:network/delete", verb: tenancy.ManageHosts, handle: (*Server).deleteOffer},

	{method: http.MethodGet, path: "/images", verb: tenancy.SeeImages, handle: (*Server).imagesPage},
	{method: http.MethodPost, path: "/images/workspace", verb: tenancy.ManageTenant, handle: (*Server).setWorkspaceImages},
	{method: http.MethodPost, path: "/images/site", verb: tenancy.ManageSite, handle: (*Server).setSiteImages},
	{method: http.MethodGet, path: "/account", handle: (*Server).accountPage},
	{method: http.MethodPost, path: "/account/password", handle: (*Server).changePassword},
	{method: http.MethodPost, path: "/account/tokens", verb: tenancy.OwnTokens, handle: (*Server).createToken},
	{method: http.MethodPost, path: "/account/tokens/:token/revoke", verb: tenancy.OwnTokens, handle: (*Server).revokeToken},
	{method: http.MethodGet, path: "/audit", verb: tenancy.SeeAudit, handle: audited((*Server).auditPage)},
	{method: http.MethodGet, path: "/audit/export", verb: tenancy.SeeAudit, handle: audited((*Server).exportAudit)},
	{method: http.MethodPost, path: "/account/sessions/:session/end", verb: tenancy.OwnSessions, handle: (*Server).endSession},
	{method: http.MethodPost, path: "/account/sessions/end-others", verb: tenancy.OwnSessions, handle: (*Server).endOtherSessions},
	{method: http.MethodGet, path: "/about", handle: (*Server).aboutPage},

	{method: http.MethodGet, path: "/workspaces", handle: workspaces((*Server).workspacesPage)},
	{method: http.MethodPost, path: "/workspaces", verb: tenancy.CreateTenant, handle: workspaces((*Server).createWorkspace)},
	{method: http.MethodPost, path: "/workspaces/open", verb: tenancy.ManageSite, handle: workspaces((*Server).openWorkspaces)},
	{method: http.MethodPost, path: "/workspaces/:workspace/use", handle: workspaces((*Server).useWorkspace)},
	{method: http.MethodPost, path: "/workspaces/:workspace/restore", verb: tenancy.DeleteTenant, handle: workspaces((*Server).restoreWorkspace)},
	{method: http.MethodPost, path: "/workspaces/:workspace/adopt", verb: tenancy.ManageTenants, handle: workspaces((*Server).adoptWorkspace)},
	{method: http.MethodPost, path: "/workspace/rename", verb: tenancy.ManageTenant, handle: workspaces((*Server).renameWorkspace)},
	{method: http.MethodPost, path: "/workspace/transfer", verb: tenancy.TransferTenant, handle: workspaces((*Server).transferWorkspace)},
	{method: http.MethodPost, path: "/workspace/leave", verb: tenancy.LeaveTenant, handle: workspaces((*Server).leaveWorkspace)},
	{method: http.MethodPost, path: "/workspace/delete", verb: tenancy.DeleteTenant, handle: workspaces((*Server).deleteWorkspace)},
	{method: http.MethodGet, path: "/members", verb: tenancy.SeeMembers, handle: workspaces((*Server).membersPage)},
	{method: http.MethodPost, path: "/members/invitations", verb: tenancy.InviteMembers, handle: workspaces((*Server).invite)},
	{method: http.MethodPost, path: "/members/invitations/:invitation/revoke", verb: tenancy.InviteMembers, handle: workspaces((*Server).revokeInvitation)},
	{method: http.MethodPost, path: "/members/:user/role", verb: tenancy.ManageMembers, handle: workspaces((*Server).changeRole)},
	{method: http.MethodPost, path: "/members/:user/remove", verb: tenancy.ManageMembers, handle: workspaces((*Server).removeMember)},
	{method: http.MethodGet, path: "/quotas", verb: tenancy.SeeLab, handle: quotas((*Server).quotasPage)},
	{method: http.MethodGet, path: "/quotas/people/:person", verb: tenancy.ManageMembers, handle: quotas((*Server).quotaForm)},
	{method: http.MethodPost, path: "/quotas/people/:person", verb: tenancy.ManageMembers, handle: quotas((*Server).setQuota)},
	{method: http.MethodGet, path: "/quotas/workspaces/:workspace", verb: tenancy.ManageQuota, handle: quotas((*Server).quotaForm)},
	{method: http.MethodPost, path: "/quotas/workspaces/:workspace", verb: tenancy.ManageQuota, handle: quotas((*Server).setQuota)},
	{method: http.MethodGet, path: "/quotas/site/:whose", verb: tenancy.ManageQuota, handle: quotas((*Server).quotaForm)},
	{method: http.MethodPost, path: "/quotas/site/:whose", verb: tenancy.ManageQuota, handle: quotas((*Server).setQuota)},
	{method: http.MethodPost, path: "/members/:user/act", verb: tenancy.ActAs, handle: acting((*Server).actAs)},
	{method: http.MethodPost, path: "/acting/end", handle: acting((*Server).endActing)},
	{method: http.MethodPost, path: "/members/:user/sign-in-link", verb: tenancy.InviteMembers, handle: workspaces((*Server).linkMember)},
	{method: http.MethodPost, path: "/members/:user/sign-out", verb: tenancy.ManageSite, handle: workspaces((*Server).signOutMember)},
	{method: http.MethodPost, path: "/members/services", verb: tenancy.ManageServices, handle: services((*Server).createService)},
	{method: http.MethodPost, path: "/members/services/:service/role", verb: tenancy.ManageServices, handle: services((*Server).changeServiceRole)},
	{method: http.MethodPost, path: "/members/services/:service/remove", verb: tenancy.ManageServices, handle: services((*Server).removeService)},
	{method: http.MethodPost, path: "/members/services/:service/tokens", verb: tenancy.ManageServices, handle: services((*Server).createServiceToken)},
	{method: http.MethodPost, path: "/members/services/:service/tokens/:token/revoke", verb: tenancy.ManageServices, handle: services((*Server).revokeServiceToken)},
	{method: http.MethodGet, path: "/join/:secret", handle: workspaces((*Server).joinPage), public: true},
	{method: http.MethodPost, path: "/join/:secret", handle: workspaces((*Server).join), public: true},
	{method: http.MethodPost, path: "/join/:secret/account", handle: workspaces((*Server).joinAsNew), public: true},

	{method: http.MethodGet, path: "/sign-in/with/:provider", handle: providers((*Server).signInWith), public: true},
	{method: http.MethodGet, path: "/sign-in/return/:provider", handle: providers((*Server).signInReturn), public: true},
	{method: http.MethodGet, path: "/signed-out", handle: providers((*Server).signedOutPage), public: true},
	{method: http.MethodPost, path: "/account/ways-in/:provider/link", handle: providers((*Server).beginLink)},
	{method: http.MethodPost, path: "/account/ways-in/unlink", handle: providers((*Server).unlink)},

	{method: http.MethodGet, path: "/providers", verb: tenancy.ManageSite, handle: providers((*Server).providersPage)},
	{method: http.MethodPost, path: "/providers", verb: tenancy.ManageSite, handle: providers((*Server).createProvider)},
	{method: http.MethodGet, path: "/providers/new", verb: tenancy.ManageSite, handle: providers((*Server).newProviderPage)},
	{method: http.MethodPost, path: "/providers/local", verb: tenancy.ManageSite, handle: providers((*Server).setLocalAccounts)},
	{method: http.MethodGet, path: "/providers/:provider", verb: tenancy.ManageSite, handle: providers((*Server).providerPage)},
	{method: http.MethodPost, path: "/providers/:provider", verb: tenancy.ManageSite, handle: providers((*Server).changeProvider)},
	{method: http.MethodPost, path: "/providers/:provider/delete", verb: tenancy.ManageSite, handle: providers((*Server).deleteProvider)},
	{method: http.MethodPost, path: "/providers/:provider/move", verb: tenancy.ManageSite, handle: providers((*Server).moveProvider)},
	{method: http.MethodPost, path: "/providers/:provider/examine", verb: tenancy.ManageSite, handle: providers((*Server).examineProvider)},
	{method: http.MethodPost, path: "/providers/:provider/preview", verb: tenancy.ManageSite, handle: providers((*Server).previewClaims)},
	{method: http.MethodPost, path: "/providers/:provider/rules", verb: tenancy.ManageSite, handle: providers((*Server).saveRule)},
	{method: http.MethodPost, path: "/providers/:provider/rules/:rule/delete", verb: tenancy.ManageSite, handle: providers((*Server).deleteRule)},
	{method: http.MethodPost, path: "/providers/:provider/rules/:rule/move", verb: tenancy.ManageSite, handle: providers((*Server).moveRule)},
}

// Route is one address as tests and documentation see it.
type Route struct {
	Method, Path string
	Verb         tenancy.Verb // "" asks only for being signed in
	Kind         Kind
	Public       bool
}

// Routes lists every page, fragment, form and stream.
func Routes() []Route {
	list := make([]Route, 0, len(routes))
	for _, r := range routes {
		list = append(list, Route{Method: r.method, Path: r.path, Verb: r.verb, Kind: cmp.Or(r.kind, Plain), Public: r.public})
	}
	return list
}
