package tenancy

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
)

// Visitor is who a share may be for: a person who is signed in, or guests without an account whom a browser's session knows.
type Visitor struct {
	UserID string
	Guests []string
}

// Reach is a share that reaches somebody, with what decides whether it counts.
type Reach struct {
	Share  Share
	Object ObjectRef   // the lab
	Owner  string      // name of the lab's owner
	Maker  Actor       // who shares, as he is now in that workspace; no role: he is not in it
	Guest  *ShareGuest // as whom he came, by a link
}

// makerMay reports by its error whether who shares still may.
func (r Reach) makerMay() error {
	if r.Maker.Role == "" {
		return fault.New(fault.Forbidden, "Who shares is not in the workspace any more.")
	}
	return Allow(r.Maker, ShareLab, r.Object)
}

// until is when it ends for the one it reaches.
func (r Reach) until() time.Time {
	if r.Guest != nil && !r.Guest.Until.IsZero() && r.Guest.Until.Before(r.Share.Expires) {
		return r.Guest.Until
	}
	return r.Share.Expires
}

// ShareTaking is somebody who comes by a link.
type ShareTaking struct {
	Hash    string
	Visitor Visitor
	Guest   ShareGuest // who is new; used when the visitor has not come before
	At      time.Time
}

// VisitStore finds what reaches people, without a scope: it decides which workspaces they reach. Workspaces that are being deleted are closed.
type VisitStore interface {
	// Reaches lists shares that work at now and reach the visitor, of one lab or, with "", of all. A zero now takes no account of time, and a
	// visitor who is nobody with it lists every share there is.
	Reaches(ctx context.Context, who Visitor, lab string, now time.Time) ([]Reach, error)
	// ReachByHash returns what a link leads to. Code: not_found when it does not work at now.
	ReachByHash(ctx context.Context, hash string, now time.Time) (Reach, error)
	// TakeShare counts one use and keeps who came, in one transaction: of many who come for the last use one wins, the others get fault.NotFound.
	// Who came before comes again without a use, and for a guest the time begins anew; who was sent away gets fault.NotFound.
	TakeShare(ctx context.Context, taking ShareTaking) (ShareGuest, error)
	// EndShares deletes shares and returns those that were there.
	EndShares(ctx context.Context, ids []string) ([]Share, error)
}

// SharedLab is a lab that is shared with somebody, as he sees it.
type SharedLab struct {
	Lab   string    `json:"lab"` // id
	Name  string    `json:"name"`
	Owner string    `json:"owner"` // name
	Level Level     `json:"level"`
	By    string    `json:"by"` // name of who shares it
	Until time.Time `json:"until"`
}

func (r Reach) sharedLab() SharedLab {
	return SharedLab{Lab: r.Object.Lab, Name: r.Object.name(), Owner: r.Owner, Level: r.Share.Level, By: r.Share.ByName, Until: r.until()}
}

// SharedWithMe lists the labs of all workspaces that are shared with the actor, by name, each at its highest level. Those of his own workspace in
// which the share gives nothing beyond his role are left out.
func (s *Shares) SharedWithMe(ctx context.Context, actor Actor) ([]SharedLab, error) {
	if actor.IsNobody() {
		return nil, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	reaches, err := s.visits.Reaches(ctx, visitorOf(actor), "", s.now())
	if err != nil {
		return nil, err
	}
	best := map[string]Reach{}
	for _, one := range reaches {
		if one.makerMay() != nil || needless(actor.WithoutGuest(), one) {
			continue
		}
		if held, there := best[one.Object.Lab]; !there || one.beats(held) {
			best[one.Object.Lab] = one
		}
	}
	labs := make([]SharedLab, 0, len(best))
	for _, one := range best {
		labs = append(labs, one.sharedLab())
	}
	slices.SortFunc(labs, func(a, b SharedLab) int {
		if c := strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)); c != 0 {
			return c
		}
		return strings.Compare(a.Lab, b.Lab)
	})
	return labs, nil
}

// beats reports whether a share gives more than another of the same lab, or the same for longer.
func (r Reach) beats(other Reach) bool {
	if a, b := levelRank[r.Share.Level], levelRank[other.Share.Level]; a != b {
		return a > b
	}
	return r.until().After(other.until())
}

// needless reports that the actor may do by his role all that the share gives.
func needless(actor Actor, r Reach) bool {
	for verb, least := range levelVerbs {
		if r.Share.Level.Includes(least) && Allow(actor, verb, r.Object) != nil {
			return false
		}
	}
	return true
}

// Reach is the actor as he may act on the lab of that id, names are not looked at: himself; himself with what a share adds to his role; or, for a lab
// of another workspace, a guest of it. guests are those that the browser's session knows. It is no error that nothing is shared: then the services
// answer as for a missing lab.
func (s *Shares) Reach(ctx context.Context, actor Actor, guests []string, lab string) (Actor, error) {
	who := visitorOf(actor)
	who.Guests = append(who.Guests, guests...)
	if lab == "" || who.UserID == "" && len(who.Guests) == 0 {
		return actor, nil
	}
	reaches, err := s.visits.Reaches(ctx, who, lab, s.now())
	if err != nil {
		return actor, err
	}
	var best *Reach
	for i, one := range reaches {
		if one.makerMay() == nil && (best == nil || one.beats(*best)) {
			best = &reaches[i]
		}
	}
	if best == nil || needless(actor.WithoutGuest(), *best) {
		return actor.WithoutGuest(), nil
	}
	return asGuest(actor, *best), nil
}

// asGuest is the actor with what the share gives. Rights over the site, and in other workspaces, do not come along.
func asGuest(actor Actor, r Reach) Actor {
	if actor.IsNobody() || isGuestID(actor.UserID) {
		actor.UserID, actor.UserName = guestIDPrefix+r.Guest.ID, r.Guest.Name+" (guest)"
		actor.SessionID = actor.UserID // it has no row: what is bound to a session is bound to the guest
	}
	if actor.TenantID != r.Object.Tenant {
		actor.TenantID, actor.Role, actor.SiteAdmin = r.Object.Tenant, "", false
	}
	actor.Guest = &GuestOf{Lab: r.Object.Lab, Level: r.Share.Level, Share: r.Share.ID, Owner: r.Owner, By: r.Share.ByName, Until: r.until()}
	return actor
}

func isGuestID(userID string) bool { return strings.HasPrefix(userID, guestIDPrefix) }

// HasNoAccount reports that the actor is a guest who is known by the name that he gave and nothing else.
func (a Actor) HasNoAccount() bool { return isGuestID(a.UserID) }

func visitorOf(actor Actor) Visitor {
	if id, guest := strings.CutPrefix(actor.UserID, guestIDPrefix); guest {
		return Visitor{Guests: []string{id}}
	}
	return Visitor{UserID: actor.UserID}
}

// SameRights reports that what the one may do, the other may, and nothing else.
func (a Actor) SameRights(b Actor) bool {
	if a.Role != b.Role || a.SiteAdmin != b.SiteAdmin || (a.Guest == nil) != (b.Guest == nil) {
		return false
	}
	return a.Guest == nil || a.Guest.Lab == b.Guest.Lab && a.Guest.Level == b.Guest.Level
}

// Again is a guest as he is now: what opened with his rights asks it when the bell rings. Codes: unauthenticated and not_found when he is nobody
// any more, or nothing is shared with him.
func (s *Shares) Again(ctx context.Context, actor Actor) (Actor, error) {
	if actor.Guest == nil {
		return s.accounts.ActorOf(ctx, actor.UserID, actor.TenantID)
	}
	now := Actor{}
	if !actor.HasNoAccount() {
		tenant := actor.TenantID
		if actor.OnlyGuest() {
			tenant = ""
		}
		var err error
		if now, err = s.accounts.ActorOf(ctx, actor.UserID, tenant); err != nil {
			return Actor{}, err
		}
	}
	var guests []string
	if actor.HasNoAccount() {
		guests = visitorOf(actor).Guests
	}
	now, err := s.Reach(ctx, now, guests, actor.Guest.Lab)
	if err == nil && now.TenantID != actor.TenantID {
		return Actor{}, Missing("such lab")
	}
	return now, err
}

var errLinkSpent = fault.New(fault.NotFound, "This link was used up, was taken back or has expired. Ask for a new one.")

// LookAtLink shows what a link leads to, and whether guests may come by it. Wrong links are counted by address: too many are fault.Exhausted.
func (s *Shares) LookAtLink(ctx context.Context, secret, address string) (SharedLab, ShareLink, error) {
	reach, err := s.behind(ctx, secret, address)
	if err != nil {
		return SharedLab{}, ShareLink{}, err
	}
	return reach.sharedLab(), *reach.Share.Link, nil
}

// behind is what a link leads to, while whoever made it may still share.
func (s *Shares) behind(ctx context.Context, secret, address string) (Reach, error) {
	if s.strangers.spent(address, s.now()) {
		return Reach{}, errTooMany
	}
	if !strings.HasPrefix(secret, SharePrefix) || len(secret) > 128 {
		return Reach{}, s.strange(errLinkSpent, address)
	}
	reach, err := s.visits.ReachByHash(ctx, HashSecret(secret), s.now())
	if err == nil && reach.makerMay() != nil {
		err = errLinkSpent
	}
	return reach, s.strange(err, address)
}

// strange counts a link that leads nowhere.
func (s *Shares) strange(err error, address string) error {
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	s.strangers.allow(address, s.now())
	return errLinkSpent
}

// OpenLink makes the link's lab one that is shared with the actor, who is signed in. A use is taken only when it gives something, and once.
func (s *Shares) OpenLink(ctx context.Context, actor Actor, secret string) (SharedLab, error) {
	switch {
	case actor.IsNobody():
		return SharedLab{}, fault.New(fault.Unauthenticated, "Sign in first.")
	case actor.TokenID != "":
		return SharedLab{}, fault.New(fault.Forbidden, "An API token cannot open a link. Open it in a browser.")
	}
	reach, err := s.behind(ctx, secret, actor.Address)
	if err != nil {
		return SharedLab{}, err
	}
	if needless(actor.WithoutGuest(), reach) {
		return reach.sharedLab(), nil
	}
	_, err = s.take(ctx, reach, ShareTaking{
		Hash: HashSecret(secret), Visitor: Visitor{UserID: actor.UserID}, Guest: ShareGuest{ID: ident.New(), UserID: actor.UserID, Name: actor.UserName},
	}, actor)
	return reach.sharedLab(), err
}

// OpenLinkAsGuest lets in somebody without an account under the name that he gives, where the link allows it. mine are the guests that his browser's
// session knows already. It returns the guest for the session to know.
func (s *Shares) OpenLinkAsGuest(ctx context.Context, secret, name string, mine []string, from Origin) (guest string, lab SharedLab, err error) {
	reach, err := s.behind(ctx, secret, from.Address)
	if err != nil {
		return "", SharedLab{}, err
	}
	if !reach.Share.Link.Guests || reach.Share.Level == LevelEdit {
		return "", SharedLab{}, fault.New(fault.Forbidden, "This link is for people with an account here. Sign in to open it.")
	}
	if !s.visitors.allow(from.Address, s.now()) {
		return "", SharedLab{}, errTooMany
	}
	name = strings.Join(strings.Fields(name), " ")
	if n := utf8.RuneCountInString(name); n < 1 || n > 40 || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", SharedLab{}, fault.New(fault.Invalid, "Give a name of 1 to 40 characters, by which the others know you.").InField("name")
	}
	came := ShareGuest{ID: ident.New(), Name: name, Until: s.now().Add(GuestLife)}
	kept, err := s.take(ctx, reach, ShareTaking{Hash: HashSecret(secret), Visitor: Visitor{Guests: mine}, Guest: came},
		Actor{UserID: guestIDPrefix + came.ID, UserName: name + " (guest)", Address: from.Address, RequestID: from.RequestID})
	if err != nil {
		return "", SharedLab{}, err
	}
	reach.Guest = &kept
	return kept.ID, reach.sharedLab(), nil
}

// take lets somebody in by a link and records it.
func (s *Shares) take(ctx context.Context, reach Reach, taking ShareTaking, actor Actor) (ShareGuest, error) {
	taking.At = s.now()
	event := actor.AuditEvent(AuditShareOpen, AuditObject{Kind: "lab", ID: reach.Object.Lab, Name: reach.Object.name()}).of(reach.Object.Tenant)
	kept, err := s.visits.TakeShare(ctx, taking)
	if err != nil {
		return ShareGuest{}, s.strange(err, actor.Address)
	}
	return kept, Record(ctx, s.audit, event.changed(nil, reach.Share.detail()))
}
