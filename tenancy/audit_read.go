package tenancy

import (
	"context"
	"fmt"
	"io"
	"time"

	"trunkline/internal/fault"
)

// AuditFilter chooses events; what is zero chooses all.
type AuditFilter struct {
	Actor  string // id of who it counts for, or of the real person behind
	Person string // the same by id, or by a part of the name
	Verbs  []AuditVerb
	Object string    // id, or kind; the id of a lab chooses its nodes as well
	About  string    // the same, or a part of the name
	Text   string    // a part of any name, address, request or detail
	Site   bool      // only what belongs to no workspace
	From   time.Time // and after
	Until  time.Time // before it
	Before int64     // only events of lower numbers: AuditPage.Next of the page before
	Limit  int       // events on a page; 0: 100, and 1,000 at most
}

// AuditPage is some events, the newest first.
type AuditPage struct {
	Events []AuditLink
	Next   int64 // give it as Before for the page after; 0: there is none
}

// AuditPassage is an event with the hash that it follows from, also where that is of an event which the scope does not see: a hash tells nothing of what it is of.
type AuditPassage struct {
	AuditLink
	Previous string
}

// AuditChain is what is known of the chain.
type AuditChain struct {
	Checked time.Time   `json:"checked"`          // up to when it was followed; zero: it is being followed for the first time
	Whole   time.Time   `json:"whole"`            // when it was last followed from its beginning
	Events  int64       `json:"events"`           // that follow; of a workspace: those that are its own
	Broken  *AuditBreak `json:"broken,omitempty"` // the first event that does not; of a workspace without its number
}

// AuditReader is what is kept of the audit. Scopes are settled by Audits.
type AuditReader interface {
	Events(ctx context.Context, scope Scope, filter AuditFilter) (AuditPage, error)
	// Each calls do with every event that fits, the oldest first. What do returns ends it.
	Each(ctx context.Context, scope Scope, filter AuditFilter, do func(AuditPassage) error) error
	Count(ctx context.Context, scope Scope, filter AuditFilter) (int64, error)
	// Chain follows what has come since it was asked last.
	Chain(ctx context.Context) (AuditChain, error)
}

// AuditView is which part of the audit somebody looks at.
type AuditView string

const (
	OwnAudit  AuditView = "workspace" // of the workspace that is chosen
	SiteAudit AuditView = "site"      // what belongs to no workspace
	AllAudit  AuditView = "all"       // of all workspaces, and of the site
)

// Audits lets people read what was done, as far as it is theirs to see.
type Audits struct {
	reader  AuditReader
	auditor Auditor
}

// NewAudits reads from the one and tells the other of exports.
func NewAudits(reader AuditReader, auditor Auditor) *Audits { return &Audits{reader, auditor} }

// scope settles what the actor may see. Codes: unauthenticated, forbidden, invalid.
func (a *Audits) scope(actor Actor, view AuditView, filter *AuditFilter) (Scope, error) {
	filter.Site = false
	switch view {
	case OwnAudit, "":
		return actor.Scope(), Allow(actor, SeeAudit, ObjectRef{Tenant: actor.TenantID, Name: "workspace"})
	case SiteAudit, AllAudit:
		filter.Site = view == SiteAudit
		return Everywhere(), Allow(actor, SeeSiteAudit, ObjectRef{})
	}
	return Scope{}, fault.New(fault.Invalid, "There is no audit of %q. Take workspace, site or all.", view).InField("of")
}

// Events returns the newest that fit.
func (a *Audits) Events(ctx context.Context, actor Actor, view AuditView, filter AuditFilter) (AuditPage, error) {
	scope, err := a.scope(actor, view, &filter)
	if err != nil {
		return AuditPage{}, err
	}
	return a.reader.Events(ctx, scope, filter)
}

// Chain says how far the chain is unbroken. Of a workspace it counts the workspace's own events: how many there are elsewhere is nobody's business there.
func (a *Audits) Chain(ctx context.Context, actor Actor, view AuditView) (AuditChain, error) {
	var none AuditFilter
	scope, err := a.scope(actor, view, &none)
	if err != nil {
		return AuditChain{}, err
	}
	chain, err := a.reader.Chain(ctx)
	if err != nil || view == AllAudit {
		return chain, err
	}
	if chain.Broken != nil && view != SiteAudit {
		chain.Broken = &AuditBreak{Why: "The audit of this site is not what was written. Tell its administrator."}
	}
	chain.Events, err = a.reader.Count(ctx, scope, none)
	return chain, err
}

// Export writes what fits as JSON lines, the oldest first, and returns how many. That somebody takes it out is itself recorded, before the first line is written. Memory
// does not grow with the number of lines.
func (a *Audits) Export(ctx context.Context, actor Actor, view AuditView, filter AuditFilter, out io.Writer) (int64, error) {
	filter.Before, filter.Limit = 0, 0
	scope, err := a.scope(actor, view, &filter)
	if err != nil {
		return 0, err
	}
	if view == "" {
		view = OwnAudit
	}
	event := actor.AuditEvent(AuditExport, AuditObject{Kind: "audit", Name: "of " + string(view)})
	if view != OwnAudit {
		event.Tenant = ""
	}
	event.After = filter.told(view)
	if err := RecordFirst(ctx, a.auditor, event); err != nil {
		return 0, err
	}
	var events int64
	err = a.reader.Each(ctx, scope, filter, func(e AuditPassage) error {
		line, err := e.Line(e.Previous)
		if err != nil {
			return err
		}
		events++
		_, err = fmt.Fprintln(out, line)
		return err
	})
	return events, err
}

// told is what the audit keeps of an export's filter.
func (f AuditFilter) told(view AuditView) any {
	told := map[string]any{"of": view}
	for name, value := range map[string]string{"person": f.Person, "about": f.About, "text": f.Text} {
		if value != "" {
			told[name] = value
		}
	}
	if len(f.Verbs) > 0 {
		told["verbs"] = f.Verbs
	}
	for name, at := range map[string]time.Time{"from": f.From, "until": f.Until} {
		if !at.IsZero() {
			told[name] = at
		}
	}
	return told
}
