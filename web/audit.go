package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
)

// Trail is what was done, as far as the actor may see it: tenancy.Audits. Codes of all: forbidden, invalid.
type Trail interface {
	Events(ctx context.Context, actor tenancy.Actor, view tenancy.AuditView, filter tenancy.AuditFilter) (tenancy.AuditPage, error)
	Chain(ctx context.Context, actor tenancy.Actor, view tenancy.AuditView) (tenancy.AuditChain, error)
	// Export writes what fits as JSON lines and returns how many. That somebody does so is itself recorded, before the first line.
	Export(ctx context.Context, actor tenancy.Actor, view tenancy.AuditView, filter tenancy.AuditFilter, out io.Writer) (int64, error)
}

const (
	auditRows = 50
	// auditSearch is how long a search may take: words that are rare have to be looked for in everything.
	auditSearch = 10 * time.Second
)

// audited answers as for a missing page where nothing is recorded.
func audited(handle handler) handler {
	return func(s *Server, r *Request) error {
		if s.Trail == nil {
			return fault.New(fault.NotFound, "There is no such page.")
		}
		return handle(s, r)
	}
}

// AuditQuery reads what of the audit an address asks for. Times are days, or of the form 2026-11-21T09:30:00Z; a last day is within. Code: invalid, with its field.
func AuditQuery(query url.Values) (view tenancy.AuditView, filter tenancy.AuditFilter, err error) {
	text := func(name string) string { return strings.TrimSpace(query.Get(name)) }
	if view = tenancy.AuditView(text("of")); view == "" {
		view = tenancy.OwnAudit
	}
	filter = tenancy.AuditFilter{Person: text("person"), About: text("about"), Text: text("text")}
	if what := text("what"); what != "" {
		group, isGroup := tenancy.AuditGroupOf(what)
		switch {
		case isGroup:
			filter.Verbs = group.Verbs
		case slices.Contains(tenancy.AuditVerbs, tenancy.AuditVerb(what)):
			filter.Verbs = []tenancy.AuditVerb{tenancy.AuditVerb(what)}
		default:
			return view, filter, fault.New(fault.Invalid, "Nothing that is recorded is called %q. Take a group such as labs, or a verb such as sign-in.", what).InField("what")
		}
	}
	if filter.From, _, err = auditTime("from", text("from")); err != nil {
		return view, filter, err
	}
	until, isDay, err := auditTime("until", text("until"))
	if isDay {
		until = until.AddDate(0, 0, 1)
	}
	if filter.Until = until; err != nil {
		return view, filter, err
	}
	if before := text("before"); before != "" {
		if filter.Before, err = strconv.ParseInt(before, 10, 64); err != nil || filter.Before < 1 {
			return view, filter, fault.New(fault.Invalid, "The address of this page is damaged. Go back to the newest events.").InField("before")
		}
	}
	return view, filter, nil
}

func auditTime(field, text string) (at time.Time, isDay bool, err error) {
	if text == "" {
		return at, false, nil
	}
	if at, err = time.Parse(time.DateOnly, text); err == nil {
		return at, true, nil
	}
	if at, err = time.Parse(time.RFC3339, text); err == nil {
		return at, false, nil
	}
	return at, false, fault.New(fault.Invalid, "%q is no day, such as 2026-11-21, and no time, such as 2026-11-21T09:30:00Z.", text).InField(field)
}

func (s *Server) auditPage(r *Request) error {
	query := r.HTTP().URL.Query()
	view, filter, err := AuditQuery(query)
	page := templates.Audit{
		Of: string(view), Person: filter.Person, About: filter.About, Text: filter.Text, From: query.Get("from"), Until: query.Get("until"),
		Filtered: filter.Person+filter.About+filter.Text != "" || len(filter.Verbs) > 0 || !filter.From.IsZero() || !filter.Until.IsZero(),
	}
	for _, g := range tenancy.AuditGroups {
		page.Groups = append(page.Groups, templates.Choice{Value: g.Key, Word: g.Name, Chosen: query.Get("what") == g.Key})
	}
	if tenancy.Allow(r.Actor, tenancy.SeeSiteAudit, tenancy.ObjectRef{}) == nil {
		for value, word := range map[tenancy.AuditView]string{tenancy.OwnAudit: "This workspace", tenancy.SiteAudit: "The site", tenancy.AllAudit: "Everything"} {
			page.Views = append(page.Views, templates.Choice{Value: string(value), Word: word, Chosen: view == value})
		}
		slices.SortFunc(page.Views, func(a, b templates.Choice) int { return -strings.Compare(a.Word, b.Word) })
	}
	status := http.StatusOK
	if err != nil {
		problem := fault.Public(err)
		page.Error, page.Field, status = problem.Sentence, problem.Field, fault.Status(problem.Code)
		filter = tenancy.AuditFilter{Limit: 1}
	}
	if err := s.fillAudit(r, &page, view, filter, query); err != nil {
		return err
	}
	return r.Page(status, page)
}

func (s *Server) fillAudit(r *Request, page *templates.Audit, view tenancy.AuditView, filter tenancy.AuditFilter, query url.Values) error {
	ctx, cancel := context.WithTimeout(r.Context(), auditSearch)
	defer cancel()
	chain, err := s.Trail.Chain(ctx, r.Actor, view)
	if err != nil {
		return err
	}
	page.Chain = chainView(chain)
	s.nameAudit(ctx, r, page)
	if page.Error != "" {
		return nil
	}
	filter.Limit = auditRows
	found, err := s.Trail.Events(ctx, r.Actor, view, filter)
	if err != nil && ctx.Err() != nil && r.Context().Err() == nil {
		page.Error = "That takes too long. Choose a shorter time, a person or what was done as well."
		return nil
	}
	if err != nil {
		return err
	}
	page.Days = auditDays(found.Events, view, query)
	at := func(change func(url.Values)) string { return auditAddress("/audit", query, change) }
	if found.Next > 0 {
		page.Older = at(func(q url.Values) { q.Set("before", strconv.FormatInt(found.Next, 10)) })
	}
	if filter.Before > 0 {
		page.Newest = at(func(q url.Values) { q.Del("before") })
	}
	page.Export = auditAddress("/audit/export", query, func(q url.Values) { q.Del("before") })
	return nil
}

// nameAudit fills in what the page calls things. It is shown without these names rather than not at all.
func (s *Server) nameAudit(ctx context.Context, r *Request, page *templates.Audit) {
	page.Workspace = "this workspace"
	if s.Workspaces == nil || r.Actor.TenantID == "" {
		return
	}
	if one, err := s.Workspaces.FindWorkspace(ctx, r.Actor, r.Actor.TenantID); err == nil {
		page.Workspace = one.Name
	}
	members, err := s.Workspaces.Members(ctx, r.Actor)
	if err != nil {
		s.Log.Warn("the members could not be listed", "request", r.ID, "err", err)
	}
	for _, m := range members {
		page.People = append(page.People, m.Name)
	}
}

// auditAddress is the address of the same filter with something changed.
func auditAddress(path string, query url.Values, change func(url.Values)) string {
	kept := url.Values{}
	for _, name := range []string{"of", "person", "what", "about", "from", "until", "text", "before"} {
		if value := query.Get(name); value != "" {
			kept.Set(name, value)
		}
	}
	change(kept)
	if len(kept) == 0 {
		return path
	}
	return path + "?" + kept.Encode()
}

// exportAudit streams what the filter chooses as JSON lines.
func (s *Server) exportAudit(r *Request) error {
	view, filter, err := AuditQuery(r.HTTP().URL.Query())
	if err != nil {
		return err
	}
	return WriteAudit(r.Context(), r.Writer(), s.Trail, r.Actor, view, filter)
}

// WriteAudit answers with an export. What goes wrong before the first line is the error; after it the connection breaks, so that nobody takes a part for the whole.
func WriteAudit(ctx context.Context, w http.ResponseWriter, trail Trail, actor tenancy.Actor, view tenancy.AuditView, filter tenancy.AuditFilter) error {
	out := &exporting{w: w, name: "audit-" + time.Now().UTC().Format(time.DateOnly) + ".jsonl"}
	_, err := trail.Export(ctx, actor, view, filter, out)
	switch {
	case err == nil:
		out.begin() // of nothing
		return out.flush()
	case !out.begun:
		return err
	}
	panic(http.ErrAbortHandler)
}
