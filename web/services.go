package web

import (
	"context"
	"io"
	"time"

	"trunkline/lab/control"
	"trunkline/lab/hostapi"
	"trunkline/tenancy"
)

// Labs is what pages and the API ask of the controller. Every call is scoped by its actor: another tenant's lab answers
// fault.NotFound exactly as a missing one. The lab argument is an id or a name.
type Labs interface {
	List(ctx context.Context, actor tenancy.Actor) ([]control.LabView, error)
	Get(ctx context.Context, actor tenancy.Actor, lab string) (*control.LabDetail, error)
	// Import reads files (path to content, called until io.EOF) and stores a lab. With refusals in the report the error is fault.Invalid with the same places as Details.
	Import(ctx context.Context, actor tenancy.Actor, request control.ImportRequest, files FileSource) (*control.LabDetail, control.Report, error)
	// Check is Import without storing.
	Check(ctx context.Context, actor tenancy.Actor, request control.ImportRequest, files FileSource) (control.Report, error)
	Export(ctx context.Context, actor tenancy.Actor, lab string, w io.Writer) error // a zip of the lab's folder
	Move(ctx context.Context, actor tenancy.Actor, lab string, positions map[string]control.Position) error
}

// FileSource yields a project's files one by one: path, permission bits, content. io.EOF ends it.
type FileSource = control.FileSource

// Intents change what a lab shall be. They return once the intent is stored; progress comes as events.
type Intents interface {
	Deploy(ctx context.Context, actor tenancy.Actor, lab string) error
	Plan(ctx context.Context, actor tenancy.Actor, lab string) ([]control.PlanStep, error)
	Cancel(ctx context.Context, actor tenancy.Actor, lab string) error // a deploy under way: back to what was before it
	Stop(ctx context.Context, actor tenancy.Actor, lab string) error
	Destroy(ctx context.Context, actor tenancy.Actor, lab string, forget bool) error     // forget: remove the stored lab as well once nothing is left of it
	NodeAction(ctx context.Context, actor tenancy.Actor, lab, node, action string) error // start, stop, restart, pause, resume, recreate
}

// Watching streams changes. The channel closes when ctx ends. A slow reader gets an Event with Resync.
type Watching interface {
	WatchTenant(ctx context.Context, actor tenancy.Actor) (<-chan control.Event, error)
	WatchLab(ctx context.Context, actor tenancy.Actor, lab string) (<-chan control.Event, error)
}

// NodeIO reaches into running nodes through the host link.
type NodeIO interface {
	// Exec starts a command; the stream is framed (hostapi.ExecConn).
	Exec(ctx context.Context, actor tenancy.Actor, lab, node string, request hostapi.ExecRequest) (*hostapi.ExecConn, error)
	// PutFile streams size bytes to path in the node (a path ending in / or naming a folder puts it inside under name).
	PutFile(ctx context.Context, actor tenancy.Actor, lab, node, path, name string, size int64, r io.Reader) (finalPath string, err error)
	// GetFile streams a file, or a folder as tar (Stat.IsDir).
	GetFile(ctx context.Context, actor tenancy.Actor, lab, node, path string) (io.ReadCloser, hostapi.FileInfo, error)
}

// Hosts is the compute hosts and what they have.
type Hosts interface {
	Hosts(ctx context.Context, actor tenancy.Actor) ([]control.HostView, error)
	Images(ctx context.Context, actor tenancy.Actor) ([]hostapi.Image, error) // allowed to this tenant
}

// HostAdmin is one compute host, for administrators. ref is an id or a name. Codes of all: forbidden, not_found.
type HostAdmin interface {
	Host(ctx context.Context, actor tenancy.Actor, ref string) (control.HostDetail, error)
	// ChangeHost stores what the change names. Codes: invalid (with its field), conflict (name).
	ChangeHost(ctx context.Context, actor tenancy.Actor, ref string, change control.HostChange) (control.HostView, error)
	RotateHostKey(ctx context.Context, actor tenancy.Actor, ref string) error // codes: unavailable, unsupported
	RevokeHost(ctx context.Context, actor tenancy.Actor, ref string) error
	RemoveHost(ctx context.Context, actor tenancy.Actor, ref string) error // code: conflict while labs are on it
	HostLog(ctx context.Context, actor tenancy.Actor, ref string, lines int) ([]string, error)
}

// Joining is the ways in for new compute hosts.
type Joining interface {
	CreateJoinToken(ctx context.Context, actor tenancy.Actor, request control.JoinRequest) (control.JoinToken, error)
	JoinTokens(ctx context.Context, actor tenancy.Actor) ([]control.JoinToken, error) // unused and not expired, without secrets
	DeleteJoinToken(ctx context.Context, actor tenancy.Actor, id string) error
}

// Underlay is how the compute hosts reach each other, and when anything about them has changed.
type Underlay interface {
	Matrix(ctx context.Context, actor tenancy.Actor) ([]control.HostReach, error)
	// WatchHosts tells that something changed, several changes as one. The channel closes when ctx ends.
	WatchHosts(ctx context.Context, actor tenancy.Actor) (<-chan struct{}, error)
}

// PhysicalNetworks is the identifiers that a workspace has, and the networks outside that it may attach labs to.
type PhysicalNetworks interface {
	Networks(ctx context.Context, actor tenancy.Actor) (control.Networks, error) // of the actor's workspace
	Offers(ctx context.Context, actor tenancy.Actor) ([]control.Offer, error)
	SaveOffer(ctx context.Context, actor tenancy.Actor, offer control.Offer) error // codes: invalid, conflict
	DeleteOffer(ctx context.Context, actor tenancy.Actor, network string) error    // code: conflict while a lab uses it
}

// Fleet is all that there is to the compute hosts beyond running labs on them.
type Fleet interface {
	HostAdmin
	Joining
	Underlay
	PhysicalNetworks
}

// ImagePolicies is which images stand in for others and which may be used: of the site, and of the actor's workspace.
type ImagePolicies interface {
	ImagePolicy(ctx context.Context, actor tenancy.Actor, scope control.PolicyScope) (control.ImagePolicy, error)
	// SetImagePolicy replaces it. Codes: invalid, in the field "map" or "allow", of several entries with a detail for each; forbidden; conflict.
	SetImagePolicy(ctx context.Context, actor tenancy.Actor, scope control.PolicyScope, policy control.ImagePolicy) (control.ImagePolicy, error)
}

// Accounts is sign-in, sessions' users and API tokens.
type Accounts interface {
	// SignIn checks a local account. Wrong name and wrong password answer alike (fault.Unauthenticated).
	SignIn(ctx context.Context, email, password, address string) (tenancy.Actor, error)
	// UseSignInLink consumes a one-time link.
	UseSignInLink(ctx context.Context, secret string) (tenancy.Actor, error)
	// ActorOf loads the actor of a session's user and chosen tenant anew, so that lost rights count at once.
	ActorOf(ctx context.Context, userID, tenantID string) (tenancy.Actor, error)
	ActorOfToken(ctx context.Context, token string) (tenancy.Actor, error)
	// Again loads an actor anew, by the same token where he came by one: what stays open asks so whether it may.
	Again(ctx context.Context, actor tenancy.Actor) (tenancy.Actor, error)
	SetPassword(ctx context.Context, actor tenancy.Actor, email, name, password string) error // for who came by a one-time link
	HasPassword(ctx context.Context, actor tenancy.Actor) (bool, error)
	ChangePassword(ctx context.Context, actor tenancy.Actor, current, password string) error // current as it is, if there is one
	// LinkFor makes a one-time link for a member who forgot the password. Codes: not_found, forbidden, conflict.
	LinkFor(ctx context.Context, actor tenancy.Actor, userID string) (secret string, expires time.Time, err error)
}

// Tokens is the API tokens of an actor.
type Tokens interface {
	Tokens(ctx context.Context, actor tenancy.Actor) ([]tenancy.Token, error)
	CreateToken(ctx context.Context, actor tenancy.Actor, request tenancy.TokenRequest) (tenancy.Token, string, error) // the secret is shown once
	RevokeToken(ctx context.Context, actor tenancy.Actor, id string) error
}

// Services is the service accounts of the actor's workspace. Codes: forbidden, not_found also for those of other workspaces.
type Services interface {
	Services(ctx context.Context, actor tenancy.Actor) ([]tenancy.ServiceAccount, error)
	CreateService(ctx context.Context, actor tenancy.Actor, name string, role tenancy.Role) (tenancy.ServiceAccount, error)
	ChangeServiceRole(ctx context.Context, actor tenancy.Actor, service string, role tenancy.Role) error // by its id or its name; codes: invalid, conflict
	RemoveService(ctx context.Context, actor tenancy.Actor, id string) error
	// The service may be named by its id or its name; the secret is shown once.
	CreateServiceToken(ctx context.Context, actor tenancy.Actor, service string, request tenancy.TokenRequest) (tenancy.Token, string, error)
	RevokeServiceToken(ctx context.Context, actor tenancy.Actor, service, token string) error
}
