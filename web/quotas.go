package web

import (
	"cmp"
	"context"
	"net/http"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
)

// Quotas is what people may use and do use.
type Quotas interface {
	Own(ctx context.Context, actor tenancy.Actor) (tenancy.OwnQuota, error)
	Workspace(ctx context.Context, actor tenancy.Actor) (tenancy.WorkspaceQuota, error) // code: forbidden below manager
	Site(ctx context.Context, actor tenancy.Actor) (tenancy.SiteQuota, error)           // code: forbidden but for administrators of the site
	// Set says limits; with dryRun it only tells what would change. Codes: invalid with the resource as its field, not_found, forbidden.
	Set(ctx context.Context, actor tenancy.Actor, change tenancy.QuotaChange, dryRun bool) (tenancy.QuotaChanged, error)
}

// quotas makes a handler that needs them: a site without them has no such pages.
func quotas(handle handler) handler {
	return func(s *Server, r *Request) error {
		if s.Quotas == nil {
			return fault.New(fault.NotFound, "There is no such page.")
		}
		return handle(s, r)
	}
}

// eachPerson stands for everybody of whom nothing else is said, in a path.
const eachPerson = "each"

// quotaWords are what a page calls the resources.
var quotaWords = map[tenancy.Resource]struct{ name, hint string }{
	tenancy.QuotaLabs:    {"Labs", "stored, whether they run or not"},
	tenancy.QuotaNodes:   {"Running nodes", "containers that shall run"},
	tenancy.QuotaCPU:     {"vCPU", "the most that those may use, in cores"},
	tenancy.QuotaMemory:  {"Memory", "the most that those may use"},
	tenancy.QuotaDisk:    {"Disk", "files of labs in all their versions, and 256 MiB for each container that is kept"},
	tenancy.QuotaUploads: {"Uploads today", "files sent on one day, until midnight UTC"},
	tenancy.QuotaHours:   {"Running hours", "of all labs together in one calendar month, UTC"},
	tenancy.QuotaEgress:  {"Egress rate", "of each lab to the internet, in each direction"},
}

func (s *Server) quotasPage(r *Request) error {
	own, err := s.Quotas.Own(r.Context(), r.Actor)
	if err != nil {
		return err
	}
	view := templates.Quotas{Own: quotaBars(own.Person.Lines), Workspace: quotaBars(own.Workspace.Lines), Begins: own.Begins.Format("2 January")}
	may := func(verb tenancy.Verb, tenant string) bool {
		return tenancy.Allow(r.Actor, verb, tenancy.ObjectRef{Tenant: tenant}) == nil
	}
	view.CanSetPeople = may(tenancy.ManageMembers, r.Actor.TenantID)
	view.CanSetSite = may(tenancy.ManageQuota, "")
	view.WorkspaceID = r.Actor.TenantID
	if may(tenancy.SeeQuota, r.Actor.TenantID) {
		all, err := s.Quotas.Workspace(r.Context(), r.Actor)
		if err != nil {
			return err
		}
		view.SeesPeople, view.Each = true, quotaBars(all.Each)
		for _, person := range all.People {
			view.People = append(view.People, templates.QuotaHolder{ID: person.ID, Name: person.Name, You: person.ID == r.Actor.UserID, Bars: quotaBars(person.Lines)})
		}
	}
	if view.CanSetSite {
		site, err := s.Quotas.Site(r.Context(), r.Actor)
		if err != nil {
			return err
		}
		view.ForWorkspaces, view.ForPeople = quotaBars(site.ForWorkspaces), quotaBars(site.ForPeople)
		for _, one := range site.Workspaces {
			view.Workspaces = append(view.Workspaces, templates.QuotaHolder{ID: one.ID, Name: one.Name, You: one.ID == r.Actor.TenantID, Bars: quotaBars(one.Lines)})
		}
	}
	return r.Page(http.StatusOK, view)
}

// quotaBars are lines as a page shows them.
func quotaBars(lines []tenancy.QuotaLine) []templates.QuotaBar {
	bars := make([]templates.QuotaBar, len(lines))
	for i, line := range lines {
		words := quotaWords[line.Resource]
		bar := templates.QuotaBar{Resource: string(line.Resource), Name: words.name, Hint: words.hint, Used: line.UsedText, Limit: line.LimitText, Said: line.Said}
		bar.Rate = line.Resource == tenancy.QuotaEgress
		if bar.Limited = line.Limit != nil; bar.Limited && !bar.Rate {
			share := 100.0
			if *line.Limit > 0 {
				share = 100 * float64(line.Used) / float64(*line.Limit)
			}
			bar.Share, bar.Near, bar.Full = min(100, share), share >= 80 && share < 100, share >= 100
		}
		bars[i] = bar
	}
	return bars
}

// quotaTarget is whose limits the path is about.
func quotaTarget(r *Request) tenancy.QuotaChange {
	change := tenancy.QuotaChange{Limits: map[tenancy.Resource]string{}}
	switch {
	case r.Param("person") == eachPerson:
		change.Target = tenancy.ForEach
	case r.Param("person") != "":
		change.Target, change.Person = tenancy.ForPerson, r.Param("person")
	case r.Param("workspace") != "":
		change.Target, change.Workspace = tenancy.ForWorkspace, r.Param("workspace")
	case r.Param("whose") == "workspaces":
		change.Target = tenancy.ForSiteWorkspaces
	case r.Param("whose") == "people":
		change.Target = tenancy.ForSitePeople
	}
	return change
}

func (s *Server) quotaForm(r *Request) error {
	view, err := s.quotaFormView(r, quotaTarget(r))
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, view)
}

// quotaFormView is the form with what is said now.
func (s *Server) quotaFormView(r *Request, change tenancy.QuotaChange) (templates.QuotaForm, error) {
	tried, err := s.Quotas.Set(r.Context(), r.Actor, change, true) // it changes nothing: it finds whose limits they are, and whether they may be said
	if err != nil {
		return templates.QuotaForm{}, err
	}
	view := templates.QuotaForm{Path: r.HTTP().URL.EscapedPath(), Of: tried.Name, Over: tried.Over}
	view.Below, view.Wide = "the workspace's default", change.Target == tenancy.ForSiteWorkspaces || change.Target == tenancy.ForSitePeople
	switch change.Target {
	case tenancy.ForWorkspace, tenancy.ForEach:
		view.Below = "the site's default"
	case tenancy.ForSiteWorkspaces, tenancy.ForSitePeople:
		view.Below = "unlimited"
	}
	for _, resource := range tenancy.Resources {
		words := quotaWords[resource]
		if resource == tenancy.QuotaUploads {
			words.name = "Uploads a day"
		}
		view.Fields = append(view.Fields, templates.QuotaField{
			Resource: string(resource), Name: words.name, Hint: words.hint, Value: tried.Before[resource], Was: tried.Before[resource], Example: tenancy.AmountExample(resource),
		})
	}
	return view, nil
}

func (s *Server) setQuota(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	change := quotaTarget(r)
	now, err := s.quotaFormView(r, change)
	if err != nil {
		return err
	}
	err = quotaLimits(form, now.Fields, change.Limits)
	var changed tenancy.QuotaChanged
	if err == nil {
		changed, err = s.Quotas.Set(r.Context(), r.Actor, change, false)
	}
	if err != nil {
		return s.quotaAgain(r, now, change, err)
	}
	sentence := "The limits of " + changed.Name + " are saved. They count at once."
	for _, over := range changed.Over {
		sentence += " " + over
	}
	r.flash(sentence)
	return r.Redirect("/quotas")
}

// quotaLimits are the limits that were written otherwise than the page showed them. One that somebody else changed meanwhile is a conflict, so that no
// change is lost unseen.
func quotaLimits(form Form, stored []templates.QuotaField, limits map[tenancy.Resource]string) error {
	var clash error
	for _, field := range stored {
		sent, shown := form.Text(field.Resource), field.Was
		if form.Has("was-" + field.Resource) {
			shown = form.Text("was-" + field.Resource)
		}
		if sent == shown {
			continue
		}
		limits[tenancy.Resource(field.Resource)] = sent
		if clash == nil && field.Was != shown && field.Was != sent {
			clash = fault.New(fault.Conflict, "%s: somebody else changed this to %s meanwhile, so nothing was stored. Save again if yours shall count.",
				field.Name, cmp.Or(field.Was, "the default")).InField(field.Resource)
		}
	}
	return clash
}

// quotaAgain shows the form with what was wrong beside the field that it was wrong in.
func (s *Server) quotaAgain(r *Request, view templates.QuotaForm, change tenancy.QuotaChange, cause error) error {
	problem := fault.Public(cause)
	if problem.Code != fault.Invalid && problem.Code != fault.Conflict {
		return cause
	}
	wrong := map[string]string{problem.Field: problem.Sentence}
	for _, detail := range problem.Details {
		wrong[detail.Field] = detail.Sentence
	}
	view.Error = problem.Sentence
	for i := range view.Fields {
		field := &view.Fields[i]
		if sent, written := change.Limits[tenancy.Resource(field.Resource)]; written {
			field.Value = sent
		}
		field.Wrong = wrong[field.Resource]
	}
	return r.Page(fault.Status(problem.Code), view)
}

// addQuota puts one's own use on the list of labs: only of what is limited, and of the whole workspace only what is nearly used up. A page is shown without it rather than not at all.
func (s *Server) addQuota(r *Request, view *templates.Labs) {
	if s.Quotas == nil || r.Actor.OnlyGuest() {
		return
	}
	own, err := s.Quotas.Own(r.Context(), r.Actor)
	if err != nil {
		s.Log.Warn("the quota could not be read", "request", r.ID, "err", err)
		return
	}
	for _, holder := range []struct {
		lines []tenancy.QuotaLine
		whose string
	}{{own.Person.Lines, "you"}, {own.Workspace.Lines, "workspace"}} {
		for _, bar := range quotaBars(holder.lines) {
			if bar.Limited && !bar.Rate && (holder.whose == "you" || bar.Near || bar.Full) {
				bar.Whose = holder.whose
				view.Quota = append(view.Quota, bar)
			}
		}
	}
}
