package templates

import "time"

// Members is the page of who is in a workspace and who is invited, with what its owners do about the whole.
type Members struct {
	Workspace   string
	Members     []MemberRow
	Invitations []InvitationRow
	Form        InviteForm
	New         NewInvitation // shown once
	NewLink     NewSignInLink // shown once
	Services    *Services     // nil: the site has none

	IsMember, CanManage, CanInvite, CanRename, CanTransfer, CanDelete, CanSignOut bool
	CanActAs                                                                      bool // be one of them for a while
	First                                                                         bool // the workspace of the first start, which stays

	NewName, DeleteName string // as they were sent
	At                  string // the form that Error is about; "" is the list
	Error               string
	Field               string
}

// Template names its file.
func (Members) Template() string { return "members" }

// Title of the page.
func (Members) Title() string { return "Members" }

// MemberRow is one member.
type MemberRow struct {
	ID, Name, Email, Role string
	Provider              string // who gives the role; "": it was given by hand
	Joined                time.Time
	You                   bool
	Last                  bool // the last owner
	BySSO                 bool // a provider puts the person here
	CanLink               bool // may be given a link when the password is forgotten
	Roles                 []Choice
}

// InvitationRow is an invitation that can still be used.
type InvitationRow struct {
	ID, Role, Domain, By string
	Used, Uses           int
	Expires              time.Time
	CanRevoke            bool
}

// InviteForm is the form for an invitation, with what was sent.
type InviteForm struct {
	Roles, Lives []Choice
	Uses, Domain string
}

// Keep fills in what was sent.
func (f *InviteForm) Keep(role, life, uses, domain string) {
	f.Uses, f.Domain = uses, domain
	choose(f.Roles, role)
	choose(f.Lives, life)
}

func choose(choices []Choice, value string) {
	for i := range choices {
		choices[i].Chosen = choices[i].Value == value
	}
}

// NewInvitation is an invitation that was just made.
type NewInvitation struct {
	Link, Role, Domain string
	Uses               int
	Expires            time.Time
	QR                 QR
}

// NewSignInLink is a link that was just made for a member who forgot the password.
type NewSignInLink struct {
	Link, For string
	Expires   time.Time
}

// QR is a QR code: bars of dark modules on a light square of so many modules.
type QR struct {
	Side int
	Bars []QRBar
}

// QRBar is a run of dark modules, one high.
type QRBar struct{ X, Y, Width int }

// Joining is the page that an invitation leads to.
type Joining struct {
	Path, SignIn        string
	Passwords           bool // local accounts are on
	Workspace, Role, By string
	Domain              string
	Expires             time.Time
	SignedIn            bool
	UserName            string
	Email, Name         string
	Error, Field        string
}

// Template names its file.
func (Joining) Template() string { return "join" }

// Title of the page.
func (Joining) Title() string { return "Invitation" }

// AsRole is the role with its article.
func (v Joining) AsRole() string { return ARole(v.Role) }

// JoinRefused is the page of an invitation that leads nowhere.
type JoinRefused struct {
	Sentence string
	SignedIn bool
}

// Template names its file.
func (JoinRefused) Template() string { return "joinrefused" }

// Title of the page.
func (JoinRefused) Title() string { return "Invitation" }
