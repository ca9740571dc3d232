package tenancy

import (
	"context"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/internal/ident"
)

// SharePrefix starts the secret of every link to a lab, so that secret scanners know one when they see it.
const SharePrefix = "tls_"

// Bounds of a share.
const (
	ShareLife     = 7 * 24 * time.Hour   // unless the request says otherwise
	LongestShare  = 180 * 24 * time.Hour // unless the site says otherwise
	longestEver   = 5 * 366 * 24 * time.Hour
	GuestLife     = 24 * time.Hour // of a guest without an account; the link lets him in again while it works
	mostShares    = 500            // of one lab
	guestIDPrefix = "guest:"
)

// Share lets somebody do with one lab what its level gives. It is for one person, or for whoever has its link.
type Share struct {
	ID      string       `json:"id"`
	Tenant  string       `json:"-"`
	Lab     string       `json:"lab"` // id
	Level   Level        `json:"level"`
	With    string       `json:"with,omitempty"` // the address or account that it was made for; "" for a link
	Name    string       `json:"name,omitempty"` // of a member of the workspace
	UserID  string       `json:"-"`
	Link    *ShareLink   `json:"link,omitempty"`
	People  []ShareGuest `json:"people,omitempty"` // who came by the link
	By      string       `json:"-"`                // user id
	ByName  string       `json:"by"`
	Created time.Time    `json:"created"`
	Expires time.Time    `json:"expires"`
}

// ShareLink is a link without its secret.
type ShareLink struct {
	Uses   int  `json:"uses"` // how many people may come by it; 0: any number
	Used   int  `json:"used"`
	Guests bool `json:"guests"` // people without an account may come, too
}

// ShareGuest is somebody who came by a link.
type ShareGuest struct {
	ID      string    `json:"id"`
	UserID  string    `json:"-"` // "" without an account
	Name    string    `json:"name"`
	Account bool      `json:"account"`
	Came    time.Time `json:"came"`
	Until   time.Time `json:"until,omitzero"` // zero: as long as the share
}

// who names for whom a share is, in sentences.
func (s Share) who() string {
	switch {
	case s.Link != nil:
		return "by a link"
	case s.Name != "":
		return "with " + s.Name
	}
	return "with " + s.With
}

// ShareRequest is what somebody decides who shares a lab. Zero fields are the level view and seven days.
type ShareRequest struct {
	With   string // an e-mail address, an account, or the name of a member; "" makes a link
	Level  Level
	Life   time.Duration
	Uses   int  // of a link; 0: any number
	Guests bool // of a link: people without an account may come
}

// ShareChange is what a share is from now on; zero fields stay.
type ShareChange struct {
	Level Level
	Life  time.Duration // from now
}

// ShareStore keeps shares. A missing share, and one of another lab or tenant, is fault.NotFound.
type ShareStore interface {
	// LabObject says what a lab is to Allow, by id or by name in the scope's tenant. Code: not_found.
	LabObject(ctx context.Context, scope Scope, ref string) (ObjectRef, error)
	// SaveShare stores a new share, or gives what is shared with the same person already its level and end. Code: exhausted when the lab has most.
	SaveShare(ctx context.Context, scope Scope, share Share, hash string, most int) (Share, error)
	// Shares lists those of a lab with who came by them: people first by name, then links, the newest first.
	Shares(ctx context.Context, scope Scope, lab string, now time.Time) ([]Share, error)
	ChangeShare(ctx context.Context, scope Scope, lab, id string, change func(*Share) error) error
	DeleteShare(ctx context.Context, scope Scope, lab, id string) (Share, error)
	// SendAway ends what one guest of a link has, and keeps that the link does not let him in again. Code: not_found.
	SendAway(ctx context.Context, scope Scope, lab, guest string) (ShareGuest, error)
}

// Shares is what people do about sharing single labs.
type Shares struct {
	shares   ShareStore
	visits   VisitStore
	people   SharePeople
	settings ShareSettings
	accounts *Accounts
	bell     *Revocations
	audit    Auditor
	now      func() time.Time

	changed   chan struct{} // a share may end earlier than was known
	strangers *limiter      // wrong links, by address
	visitors  *limiter      // guests without an account, by address
}

// SharePeople finds people whom a lab is shared with.
type SharePeople interface {
	Members(ctx context.Context, scope Scope) ([]TenantMember, error)
	UserByEmail(ctx context.Context, email string) (User, error)
}

// ShareSettings is what the site decides about shares.
type ShareSettings interface {
	// LongestShare is how long a share may work; 0 when nobody has decided.
	LongestShare(ctx context.Context) (time.Duration, error)
	SetLongestShare(ctx context.Context, longest time.Duration) error
}

// ShareKeeper is all that Shares keeps.
type ShareKeeper interface {
	ShareStore
	VisitStore
	SharePeople
	ShareSettings
}

// NewShares uses the store given, asks accounts who people are, and rings the bell when a share ends or changes. now nil is time.Now.
func NewShares(store ShareKeeper, accounts *Accounts, bell *Revocations, now func() time.Time) *Shares {
	if now == nil {
		now = time.Now
	}
	return &Shares{
		shares: store, visits: store, people: store, settings: store, accounts: accounts, bell: bell, now: now,
		changed:   make(chan struct{}, 1),
		strangers: newLimiter(6*time.Second, 20, 10_000),
		visitors:  newLimiter(2*time.Second, 60, 10_000), // a class behind one address
	}
}

// WithAudit keeps what is done to shares.
func (s *Shares) WithAudit(audit Auditor) *Shares {
	s.audit = audit
	return s
}

// lab finds the lab and asks whether the actor may share it.
func (s *Shares) lab(ctx context.Context, actor Actor, ref string) (ObjectRef, error) {
	if actor.IsNobody() {
		return ObjectRef{}, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	object, err := s.shares.LabObject(ctx, actor.Scope(), ref)
	if err != nil {
		return ObjectRef{}, err
	}
	return object, Allow(actor, ShareLab, object)
}

// MayShare says by its error whether the actor may share the lab.
func (s *Shares) MayShare(ctx context.Context, actor Actor, lab string) error {
	_, err := s.lab(ctx, actor, lab)
	return err
}

// Share lets a person, or whoever has the link, do with the lab what the level gives. The secret of a link is returned once and not kept. Whether a
// person from elsewhere is known here is not told: the share is there all the same. Sharing with the same person again changes what is there.
func (s *Shares) Share(ctx context.Context, actor Actor, lab string, request ShareRequest) (Share, string, error) {
	object, err := s.lab(ctx, actor, lab)
	if err != nil {
		return Share{}, "", err
	}
	if err := s.clean(ctx, &request); err != nil {
		return Share{}, "", err
	}
	now := s.now().UTC().Truncate(time.Microsecond)
	share := Share{
		ID: ident.New(), Tenant: object.Tenant, Lab: object.Lab, Level: request.Level,
		By: actor.UserID, ByName: actor.UserName, Created: now, Expires: now.Add(request.Life),
	}
	var secret, hash string
	if request.With == "" {
		share.Link = &ShareLink{Uses: request.Uses, Guests: request.Guests}
		secret = newSecret(SharePrefix)
		hash = HashSecret(secret)
	} else if err := s.address(ctx, actor, object, request.With, &share); err != nil {
		return Share{}, "", err
	}
	event := actor.AuditEvent(AuditShare, AuditObject{Kind: "lab", ID: object.Lab, Name: object.name()})
	if share.Link != nil { // a secret that nobody could trace is not made
		if err := RecordFirst(ctx, s.audit, event.changed(nil, share.detail())); err != nil {
			return Share{}, "", err
		}
	}
	if share, err = s.shares.SaveShare(ctx, actor.Scope(), share, hash, mostShares); err != nil {
		return Share{}, "", err
	}
	s.ring(share.Tenant, actor.UserName+" has changed what you may do with "+object.Name+". Reload the page to go on.")
	if share.Link == nil {
		err = Record(ctx, s.audit, event.changed(nil, share.detail()))
	}
	return share, secret, err
}

// name is the lab's own, without the word before it.
func (o ObjectRef) name() string { return strings.TrimPrefix(o.Name, "lab ") }

// shareDetail is what the audit keeps of a share.
type shareDetail struct {
	ID      string    `json:"id"`
	With    string    `json:"with"`
	Level   Level     `json:"level"`
	Uses    int       `json:"uses,omitempty"`
	Guests  bool      `json:"guests,omitempty"`
	Expires time.Time `json:"expires"`
}

func (s Share) detail() shareDetail {
	d := shareDetail{ID: s.ID, With: s.With, Level: s.Level, Expires: s.Expires}
	switch {
	case s.Link != nil:
		d.With, d.Uses, d.Guests = "a link", s.Link.Uses, s.Link.Guests
	case s.Name != "":
		d.With = s.Name
	}
	return d
}

func (s *Shares) clean(ctx context.Context, r *ShareRequest) error {
	if r.Level == "" {
		r.Level = LevelView
	}
	longest, err := s.Longest(ctx)
	if err != nil {
		return err
	}
	if r.Life == 0 {
		r.Life = min(ShareLife, longest)
	}
	r.With = strings.TrimSpace(r.With)
	switch {
	case !r.Level.Known():
		return errLevel(r.Level)
	case r.Life < time.Minute || r.Life > longest:
		return errShareLife(longest)
	case r.With != "" && (r.Uses != 0 || r.Guests):
		return fault.New(fault.Invalid, "Only a link has a number of people, and lets in guests. Leave both out for a person.").InField("with")
	case r.Uses < 0 || r.Uses > mostUses:
		return fault.New(fault.Invalid, "A link lets in 1 to %d people, or any number. Choose a number between.", mostUses).InField("uses")
	case r.Guests && r.Level == LevelEdit:
		return errGuestsEdit
	}
	return nil
}

var errGuestsEdit = fault.New(fault.Invalid, "Who has no account may look on or work in nodes, not change the lab. Choose another level, or ask for an account.").InField("level")

func errLevel(level Level) error {
	return fault.New(fault.Invalid, "There is no level %q. Take view, console or edit.", level).InField("level")
}

func errShareLife(longest time.Duration) error {
	return fault.New(fault.Invalid, "A lab is shared for a minute to %d days. Choose a time between.", longest/(24*time.Hour)).InField("life")
}

// address finds for whom a share is: a member by name or address, else whoever has that address on this site, now or later.
func (s *Shares) address(ctx context.Context, actor Actor, object ObjectRef, with string, share *Share) error {
	members, err := s.people.Members(ctx, InTenant(object.Tenant))
	if err != nil {
		return err
	}
	member, found, err := pickMember(members, with)
	if err != nil {
		return err
	}
	if found {
		share.UserID, share.Name, share.With = member.UserID, member.Name, with
		return notTheirs(actor, object, member.UserID)
	}
	if share.With, err = CleanEmail(with); err != nil {
		return fault.New(fault.Invalid, "There is no member %q in this workspace. Give the whole e-mail address or account of somebody from elsewhere.", with).InField("with")
	}
	user, err := s.people.UserByEmail(ctx, share.With)
	if fault.Is(err, fault.NotFound) {
		return nil // it waits
	}
	share.UserID = user.ID
	if err != nil {
		return err
	}
	return notTheirs(actor, object, user.ID)
}

func notTheirs(actor Actor, object ObjectRef, userID string) error {
	switch userID {
	case actor.UserID:
		return fault.New(fault.Invalid, "This is you. Choose somebody else.").InField("with")
	case object.Owner:
		return fault.New(fault.Invalid, "The lab is theirs. Choose somebody else.").InField("with")
	}
	return nil
}

// pickMember finds a member by address, id or name; a name that several have is fault.Conflict.
func pickMember(members []TenantMember, with string) (TenantMember, bool, error) {
	var named []TenantMember
	for _, m := range members {
		if m.UserID == with || m.Email != "" && m.Email == strings.ToLower(with) {
			return m, true, nil
		}
		if strings.EqualFold(m.Name, with) {
			named = append(named, m)
		}
	}
	switch len(named) {
	case 0:
		return TenantMember{}, false, nil
	case 1:
		return named[0], true, nil
	}
	return TenantMember{}, false, fault.New(fault.Conflict, "%d members are called %s. Give the e-mail address or account.", len(named), with).InField("with")
}

// Shares lists with whom a lab is shared.
func (s *Shares) Shares(ctx context.Context, actor Actor, lab string) ([]Share, error) {
	object, err := s.lab(ctx, actor, lab)
	if err != nil {
		return nil, err
	}
	return s.shares.Shares(ctx, actor.Scope(), object.Lab, s.now())
}
