package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"trunkline/internal/fault"
	"trunkline/templates"
	"trunkline/tenancy"
)

// LabShares is what people do who may share a lab. Codes: forbidden; not_found for another workspace's lab or share as for a missing one.
type LabShares interface {
	MayShare(ctx context.Context, actor tenancy.Actor, lab string) error
	// Share shares with a person, or makes a link whose secret is returned once. Codes: invalid (with its field), conflict, exhausted.
	Share(ctx context.Context, actor tenancy.Actor, lab string, request tenancy.ShareRequest) (tenancy.Share, string, error)
	Shares(ctx context.Context, actor tenancy.Actor, lab string) ([]tenancy.Share, error)
	ChangeShare(ctx context.Context, actor tenancy.Actor, lab, id string, change tenancy.ShareChange) (tenancy.Share, error)
	EndShare(ctx context.Context, actor tenancy.Actor, lab, id string) error // id of a share, or of one who came by a link
	Longest(ctx context.Context) (time.Duration, error)
}

// SharedLabs is what people see and reach whom a lab is shared with.
type SharedLabs interface {
	SharedWithMe(ctx context.Context, actor tenancy.Actor) ([]tenancy.SharedLab, error)
	// Reach is the actor as he may act on the lab of that id; guests are those that the browser's session knows.
	Reach(ctx context.Context, actor tenancy.Actor, guests []string, lab string) (tenancy.Actor, error)
	Again(ctx context.Context, actor tenancy.Actor) (tenancy.Actor, error) // a guest loaded anew
}

// LabLinks opens links to labs. Codes: not_found, the same for all that lead nowhere; exhausted after many wrong ones.
type LabLinks interface {
	LookAtLink(ctx context.Context, secret, address string) (tenancy.SharedLab, tenancy.ShareLink, error)
	OpenLink(ctx context.Context, actor tenancy.Actor, secret string) (tenancy.SharedLab, error)
	OpenLinkAsGuest(ctx context.Context, secret, name string, mine []string, from tenancy.Origin) (guest string, lab tenancy.SharedLab, err error)
}

// Shares is all that there is to sharing single labs.
type Shares interface {
	LabShares
	SharedLabs
	LabLinks
	SetLongest(ctx context.Context, actor tenancy.Actor, longest time.Duration) error // for administrators of the site
}

// sharing makes a handler that needs it: a site without has no such pages.
func sharing(handle handler) handler {
	return func(s *Server, r *Request) error {
		if s.Shares == nil {
			return fault.New(fault.NotFound, "There is no such page.")
		}
		return handle(s, r)
	}
}

// sharesDialog shows with whom a lab is shared.
func (s *Server) sharesDialog(r *Request) error {
	return s.showShares(r, http.StatusOK, func(*templates.Shares) {})
}

func (s *Server) showShares(r *Request, status int, fill func(*templates.Shares)) error {
	view, err := s.sharesView(r)
	if err != nil {
		return err
	}
	fill(&view)
	if r.IsFragment() {
		return r.Fragment(status, view)
	}
	view.Alone = true
	return r.Page(status, view)
}

func (s *Server) sharesView(r *Request) (templates.Shares, error) {
	list, err := s.Shares.Shares(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return templates.Shares{}, err
	}
	detail, err := s.Labs.Get(r.Context(), r.Actor, r.Param("lab"))
	if err != nil {
		return templates.Shares{}, err
	}
	longest, err := s.Shares.Longest(r.Context())
	if err != nil {
		return templates.Shares{}, err
	}
	view := templates.Shares{
		LabID: detail.ID, LabName: detail.Name, Levels: levelChoices(tenancy.LevelEdit, tenancy.LevelView), LinkLevels: levelChoices(tenancy.LevelEdit, tenancy.LevelView),
		Lives: lifeChoices(longest, ""), LinkLives: lifeChoices(longest, ""),
	}
	for _, one := range list {
		row := shareRow(one, longest)
		if one.Link != nil {
			view.Links = append(view.Links, row)
		} else {
			view.People = append(view.People, row)
		}
	}
	view.Members, err = s.shareNames(r, list)
	return view, err
}

func shareRow(one tenancy.Share, longest time.Duration) templates.ShareRow {
	row := templates.ShareRow{ID: one.ID, Name: one.With, Level: levelWord(one.Level), Levels: levelChoices(tenancy.LevelEdit, one.Level), By: one.ByName, Expires: one.Expires}
	row.Lives = append([]templates.Choice{{Word: "ends " + templates.Until(one.Expires), Chosen: true}}, unchosen(lifeChoices(longest, "-"))...)
	if one.Name != "" {
		row.Name = one.Name
	}
	if one.Link != nil {
		row.Uses, row.Used, row.Guests = one.Link.Uses, one.Link.Used, one.Link.Guests
		if row.Guests {
			row.Levels = levelChoices(tenancy.LevelConsole, one.Level)
		}
	}
	for _, p := range one.People {
		row.Came = append(row.Came, templates.ShareGuest{ID: p.ID, Name: p.Name, Account: p.Account, Came: p.Came})
	}
	return row
}

// unchosen words the choices of a share that has an end already.
func unchosen(choices []templates.Choice) []templates.Choice {
	for i := range choices {
		choices[i].Word = choices[i].Word + " from now"
	}
	return choices
}

// sharedLabs are the labs of others that are shared with who asks.
func (s *Server) sharedLabs(r *Request) ([]templates.SharedLab, error) {
	if s.Shares == nil {
		return nil, nil
	}
	list, err := s.Shares.SharedWithMe(r.Context(), r.Actor)
	if err != nil {
		return nil, err
	}
	var labs []templates.SharedLab
	for _, one := range list {
		labs = append(labs, templates.SharedLab{ID: one.Lab, Name: one.Name, Owner: one.Owner, By: one.By, May: levelWord(one.Level), Until: one.Until})
	}
	return labs, nil
}

// shareNames are the members whom the lab could be shared with, to choose from. Who may not see members gets none, and can type.
func (s *Server) shareNames(r *Request, list []tenancy.Share) ([]string, error) {
	if s.Workspaces == nil || r.Actor.OnlyGuest() {
		return nil, nil
	}
	members, err := s.Workspaces.Members(r.Context(), r.Actor)
	if fault.Is(err, fault.Forbidden) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	has := map[string]bool{r.Actor.UserID: true}
	for _, one := range list {
		has[one.UserID] = true
	}
	var names []string
	for _, m := range members {
		if !has[m.UserID] {
			names = append(names, m.Name)
		}
	}
	return names, nil
}

// shareLab shares with a person, or makes a link, which is shown on the answer and never again.
func (s *Server) shareLab(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	byLink := form.Text("link") == "1"
	request, err := shareRequest(form, byLink)
	var share tenancy.Share
	var secret string
	if err == nil {
		share, secret, err = s.Shares.Share(r.Context(), r.Actor, r.Param("lab"), request)
	}
	if err != nil {
		return s.sharesAgain(r, form, byLink, err)
	}
	if secret == "" {
		return s.showShares(r, http.StatusOK, func(view *templates.Shares) { view.Done = "Shared with " + form.Text("with") + "." })
	}
	link := s.addressFor(r) + "/s/" + secret
	code, err := qrCode(link)
	if err != nil {
		return err
	}
	return s.showShares(r, http.StatusOK, func(view *templates.Shares) {
		view.New = &templates.NewShare{Link: link, QR: code, May: levelWord(share.Level), Expires: share.Expires, Uses: request.Uses, Guests: request.Guests}
	})
}

func shareRequest(form Form, byLink bool) (tenancy.ShareRequest, error) {
	request := tenancy.ShareRequest{Level: tenancy.Level(form.Text("level")), With: form.Text("with")}
	var err error
	if request.Life, err = time.ParseDuration(form.Text("life")); err != nil {
		return request, fault.New(fault.Invalid, "Choose how long it is shared.").InField("life")
	}
	if !byLink {
		if request.With == "" {
			return request, fault.New(fault.Invalid, "Say with whom: a member's name, or an e-mail address.").InField("with")
		}
		return request, nil
	}
	request.With, request.Guests = "", form.Text("guests") == "1"
	if uses := form.Text("uses"); uses != "" {
		if request.Uses, err = strconv.Atoi(uses); err != nil || request.Uses == 0 {
			return request, fault.New(fault.Invalid, "Say how many people may come by it, as a number, or leave it empty for any number.").InField("uses")
		}
	}
	return request, nil
}

// sharesAgain shows the dialog with what was wrong, beside the form that it was wrong in.
func (s *Server) sharesAgain(r *Request, form Form, byLink bool, cause error) error {
	problem := fault.Public(cause)
	if !mendable(problem.Code) || problem.Code == fault.Forbidden {
		return cause
	}
	return s.showShares(r, fault.Status(problem.Code), func(view *templates.Shares) {
		view.Error, view.Field, view.OfLink = problem.Sentence, problem.Field, byLink
		level := tenancy.Level(form.Text("level"))
		longest, err := s.Shares.Longest(r.Context())
		if err != nil {
			longest = tenancy.LongestShare // only what the form offers
		}
		if byLink {
			view.Uses, view.Guests = form.Text("uses"), form.Text("guests") == "1"
			view.LinkLevels, view.LinkLives = levelChoices(tenancy.LevelEdit, level), lifeChoices(longest, form.Text("life"))
			return
		}
		view.With = form.Text("with")
		view.Levels, view.Lives = levelChoices(tenancy.LevelEdit, level), lifeChoices(longest, form.Text("life"))
	})
}

// changeShare gives a share another level or end.
func (s *Server) changeShare(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	change := tenancy.ShareChange{Level: tenancy.Level(form.Text("level"))}
	if life := form.Text("life"); life != "" {
		if change.Life, err = time.ParseDuration(life); err != nil {
			return fault.New(fault.Invalid, "Choose how long it is shared.").InField("life")
		}
	}
	if _, err := s.Shares.ChangeShare(r.Context(), r.Actor, r.Param("lab"), r.Param("share"), change); err != nil {
		return err
	}
	return s.showShares(r, http.StatusOK, func(view *templates.Shares) { view.Done = "Saved. It counts at once." })
}

// endShare takes a share back, or sends away one who came by a link.
func (s *Server) endShare(r *Request) error {
	if err := s.Shares.EndShare(r.Context(), r.Actor, r.Param("lab"), r.Param("share")); err != nil {
		return err
	}
	return s.showShares(r, http.StatusOK, func(view *templates.Shares) { view.Done = "Ended. What was open by it closes at once." })
}

// setLongestShare decides how long a lab may be shared on this site.
func (s *Server) setLongestShare(r *Request) error {
	form, err := r.Form()
	if err != nil {
		return err
	}
	days, err := strconv.Atoi(form.Text("days"))
	if err != nil {
		err = fault.New(fault.Invalid, "Say how many days a lab may be shared, as a number.").InField("longest")
	} else {
		err = s.Shares.SetLongest(r.Context(), r.Actor, time.Duration(days)*24*time.Hour)
	}
	if err != nil {
		return s.workspacesAgain(r, "", err)
	}
	r.flash("Saved. What is shared already stays as it is.")
	return r.Redirect("/workspaces")
}
