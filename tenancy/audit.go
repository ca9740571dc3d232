package tenancy

import (
	"context"
	"slices"
	"strings"
	"time"

	"trunkline/internal/fault"
)

// AuditVerb is what was done. The set is closed; names are stored, so they never change their meaning.
type AuditVerb string

const (
	AuditSignIn          AuditVerb = "sign-in"
	AuditSignInRefused   AuditVerb = "sign-in-refused"
	AuditSignOut         AuditVerb = "sign-out"
	AuditSessionEnd      AuditVerb = "end-session" // of oneself or another, by hand, by the provider or by a change of rights
	AuditPassword        AuditVerb = "change-password"
	AuditIdentityLink    AuditVerb = "link-identity"
	AuditIdentityUnlink  AuditVerb = "unlink-identity"
	AuditTakeOver        AuditVerb = "take-over" // an administrator acts as somebody else
	AuditTakeOverEnd     AuditVerb = "end-take-over"
	AuditUserCreate      AuditVerb = "create-user"
	AuditUserChange      AuditVerb = "change-user"
	AuditUserDelete      AuditVerb = "delete-user"
	AuditTenantCreate    AuditVerb = "create-tenant"
	AuditTenantChange    AuditVerb = "change-tenant"
	AuditTenantDelete    AuditVerb = "delete-tenant"
	AuditTenantRestore   AuditVerb = "restore-tenant"
	AuditTenantAdopt     AuditVerb = "adopt-tenant"
	AuditTenantTransfer  AuditVerb = "transfer-tenant"
	AuditQuotaChange     AuditVerb = "change-quota"
	AuditMemberAdd       AuditVerb = "add-member" // by hand, by an invitation, or by a rule of a provider
	AuditMemberRole      AuditVerb = "change-role"
	AuditMemberRemove    AuditVerb = "remove-member"
	AuditInvite          AuditVerb = "invite"
	AuditInviteWithdraw  AuditVerb = "withdraw-invitation"
	AuditShare           AuditVerb = "share-lab"
	AuditShareOpen       AuditVerb = "open-share" // somebody came by a link to a lab
	AuditShareEnd        AuditVerb = "end-share"
	AuditLabTransfer     AuditVerb = "transfer-lab"
	AuditProviderChange  AuditVerb = "change-provider"
	AuditProviderDelete  AuditVerb = "delete-provider"
	AuditRuleChange      AuditVerb = "change-rules"
	AuditTokenCreate     AuditVerb = "create-token"
	AuditTokenRevoke     AuditVerb = "revoke-token"
	AuditLabCreate       AuditVerb = "create-lab"
	AuditLabChange       AuditVerb = "change-lab"
	AuditLabDeploy       AuditVerb = "deploy-lab"
	AuditLabCancel       AuditVerb = "cancel-deploy"
	AuditLabStop         AuditVerb = "stop-lab"
	AuditLabDestroy      AuditVerb = "destroy-lab"
	AuditLabDelete       AuditVerb = "delete-lab"
	AuditNodeAction      AuditVerb = "node-action"
	AuditLinkChange      AuditVerb = "change-link"
	AuditShellOpen       AuditVerb = "open-shell"
	AuditShellClose      AuditVerb = "close-shell"
	AuditShellWatch      AuditVerb = "watch-shell"
	AuditCommand         AuditVerb = "run-command"
	AuditUpload          AuditVerb = "upload"
	AuditDownload        AuditVerb = "download"
	AuditCapture         AuditVerb = "capture"
	AuditHostInvite      AuditVerb = "create-join-token"
	AuditHostInviteEnd   AuditVerb = "delete-join-token"
	AuditHostJoin        AuditVerb = "join-host"
	AuditHostChange      AuditVerb = "change-host"
	AuditHostKey         AuditVerb = "rotate-host-key"
	AuditHostRevoke      AuditVerb = "revoke-host"
	AuditHostRemove      AuditVerb = "remove-host"
	AuditNetworkChange   AuditVerb = "change-network"
	AuditNetworkDelete   AuditVerb = "delete-network"
	AuditImagesChange    AuditVerb = "change-images"
	AuditSiteChange      AuditVerb = "change-site"
	AuditExport          AuditVerb = "export-audit"
	AuditPrune           AuditVerb = "prune-audit" // Object.ID is the last event that was taken away, After its hash
	AuditDatabaseRestore AuditVerb = "restore-database"
)

// plainVerbs are about people's work, not about who may get in and do what. AuditVerbs holds every other.
var plainVerbs = []AuditVerb{
	AuditLabCreate, AuditLabChange, AuditLabDeploy, AuditLabCancel, AuditLabStop, AuditLabDestroy, AuditLabDelete, AuditNodeAction, AuditLinkChange,
	AuditShellClose, AuditCapture, AuditUpload, AuditDownload, AuditSignOut,
}

// AuditVerbs lists every verb.
var AuditVerbs = append([]AuditVerb{
	AuditSignIn, AuditSignInRefused, AuditSessionEnd, AuditPassword, AuditIdentityLink, AuditIdentityUnlink, AuditTakeOver, AuditTakeOverEnd,
	AuditUserCreate, AuditUserChange, AuditUserDelete, AuditTenantCreate, AuditTenantChange, AuditTenantDelete, AuditTenantRestore,
	AuditTenantAdopt, AuditTenantTransfer, AuditQuotaChange,
	AuditMemberAdd, AuditMemberRole, AuditMemberRemove, AuditInvite, AuditInviteWithdraw, AuditShare, AuditShareOpen, AuditShareEnd, AuditLabTransfer,
	AuditProviderChange, AuditProviderDelete, AuditRuleChange, AuditTokenCreate, AuditTokenRevoke,
	AuditShellOpen, AuditShellWatch, AuditCommand,
	AuditHostInvite, AuditHostInviteEnd, AuditHostJoin, AuditHostChange, AuditHostKey, AuditHostRevoke, AuditHostRemove,
	AuditNetworkChange, AuditNetworkDelete, AuditImagesChange, AuditSiteChange, AuditExport, AuditPrune, AuditDatabaseRestore,
}, plainVerbs...)

// MustBeKept reports that what was done must not stand if it cannot be written down: log-in, rights, tokens, shells, hosts, settings.
func (v AuditVerb) MustBeKept() bool { return v.known() && !slices.Contains(plainVerbs, v) }

func (v AuditVerb) known() bool { return slices.Contains(AuditVerbs, v) }

// AuditPerson is somebody as he was called then.
type AuditPerson struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// AuditObject is what something was done to, as it was called then.
type AuditObject struct {
	Kind string `json:"kind,omitempty"` // lab, node, shell, user, tenant, token, host, network, provider, session, site, …
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// AuditEvent is one thing that somebody did. Before and After are what changed, as any value that JSON can hold: secrets in them are taken out
// by Sealed, by the names of their fields.
type AuditEvent struct {
	At        time.Time   // zero: when it is recorded
	Actor     AuditPerson // who it counts for; nobody for what the program did by itself
	Behind    AuditPerson // the real person, where one acts as another
	TokenID   string      // of the API token that was used
	Tenant    string      // "" is the site
	Verb      AuditVerb
	Object    AuditObject
	Before    any
	After     any
	Address   string // of the client
	RequestID string
}

// Auditor keeps what was done.
type Auditor interface {
	// Record returns once the event is in the database for good. It is called after what the event tells was committed, and does not give up when ctx ends: the
	// caller may be gone, the deed is not. An error means that a verb that must be kept was not; for others the log has the event instead.
	// Codes: invalid (an unknown verb), unavailable, exhausted (the disk is full).
	Record(ctx context.Context, event AuditEvent) error
}

// AuditEvent begins an event of what the actor did.
func (a Actor) AuditEvent(verb AuditVerb, object AuditObject) AuditEvent {
	return AuditEvent{
		Actor: AuditPerson{a.UserID, a.auditName()}, Behind: a.Behind, TokenID: a.TokenID, Tenant: a.TenantID, Verb: verb, Object: object,
		Address: a.Address, RequestID: a.RequestID,
	}
}

// SealedEvent is an event as it is stored: Before and After are canonical JSON without secrets, its time is in whole microseconds, UTC, and its texts
// are such as every database keeps.
type SealedEvent struct {
	AuditEvent
	Before, After string // "" where there is none
}

// Sealed makes an event what is stored. Code: invalid (a verb that is none of ours, a value that is no JSON).
func (e AuditEvent) Sealed(now time.Time) (SealedEvent, error) {
	if !e.Verb.known() {
		return SealedEvent{}, fault.New(fault.Invalid, "%q is nothing that is recorded.", e.Verb)
	}
	s := SealedEvent{AuditEvent: e}
	var err error
	if s.Before, err = redacted(e.Before); err != nil {
		return SealedEvent{}, err
	}
	if s.After, err = redacted(e.After); err != nil {
		return SealedEvent{}, err
	}
	if s.At.IsZero() {
		s.At = now
	}
	s.At = s.At.UTC().Truncate(time.Microsecond)
	s.AuditEvent.Before, s.AuditEvent.After = nil, nil
	for _, text := range []*string{
		&s.Actor.ID, &s.Actor.Name, &s.Behind.ID, &s.Behind.Name, &s.TokenID, &s.Tenant, &s.Object.Kind, &s.Object.ID, &s.Object.Name, &s.Address, &s.RequestID,
	} {
		*text = plainText(*text, 256)
	}
	return s, nil
}

// plainText is text without bytes that are no letters and without the zero byte, which PostgreSQL does not keep, and of so many bytes at most.
func plainText(text string, most int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most-len("…")], "") + "…"
	}
	return text
}
