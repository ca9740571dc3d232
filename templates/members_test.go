package templates

import (
	"strings"
	"testing"
	"time"
)

func TestPagesOfWorkspacesCanBeDrawn(t *testing.T) {
	s := newSet(t)
	later := time.Now().Add(50 * time.Hour)
	roles := []Choice{{Value: "member", Word: "member", Chosen: true}}
	row := WorkspaceRow{ID: "w", Name: `<b>"W"</b>`, Role: "owner", People: "1 person", Labs: "2 labs"}
	gone := row
	gone.Ends, gone.EndedBy = later, "ada"
	full := Members{
		Workspace: "<b>", CanManage: true, CanInvite: true, CanRename: true, CanTransfer: true, CanDelete: true, IsMember: true,
		Members:     []MemberRow{{ID: "a", Name: "Ada", Email: "a@b", Role: "owner", Last: true, You: true}, {ID: "m", Name: "Mia", Role: "member", Provider: "campus", BySSO: true, Roles: roles}, {ID: "o", Name: "Otto", Role: "member", Roles: roles}},
		Invitations: []InvitationRow{{ID: "i", Role: "member", Uses: 3, By: "ada", Expires: later, CanRevoke: true}}, Form: InviteForm{Roles: roles, Lives: roles, Uses: "1"},
		New:        NewInvitation{Link: "https://x/join/y", Role: "member", Uses: 3, Expires: later, QR: QR{Side: 3, Bars: []QRBar{{0, 1, 2}}}},
		CanSignOut: true,
		Services: &Services{CanManage: true, Roles: roles, Error: "no", Field: "name", New: NewToken{Name: "n", Secret: "s", Command: "c"}, Rows: []ServiceRow{
			{ID: "s", Name: "<ci>", Role: "member", Mine: true, Open: true, Form: TokenForm{ID: "f", Action: "/x", Field: "name", Error: "no", Scopes: roles, Lives: roles},
				Tokens: []Token{{Name: "t", Revoke: "/x", Soon: true, Expires: later, LastUsed: later, LastAddress: "a"}}}, {Name: "other"}}},
	}
	views := map[string]View{
		"workspaces": Workspaces{Mine: []WorkspaceRow{row, gone}, CanCreate: true, Admin: true, Others: []WorkspaceRow{row, gone}, Error: "no", Field: "name"},
		"none":       Workspaces{Error: "no"}, "members": full, "few": Members{First: true, CanRename: true, Services: &Services{}},
		"join": Joining{Path: "/join/x", Workspace: "<b>", Role: "owner", Expires: later}, "joined": Joining{SignedIn: true, Error: "no"}, "refused": JoinRefused{Sentence: "no"},
	}
	for _, at := range []string{"", "invite", "invitations", "rename", "transfer", "leave", "delete"} {
		wrong := full
		wrong.At, wrong.Error, wrong.Field = at, "It is wrong there.", "uses"
		views["wrong at "+at] = wrong
	}
	frame := Frame{SignedIn: true, HasWorkspaces: true, Workspace: "<W>", SwitchNext: "/labs", Workspaces: []WorkspaceChoice{{ID: "w", Name: "<W>", Role: "owner", Here: true}, {ID: "v", Name: "V"}}}
	for name, v := range views {
		body, err := s.Page(frame, v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, bad := range []string{"ZgotmplZ", "<no value>", "%!", " style=\"", "<b>\"W", "in <b>.", "<W>"} {
			if strings.Contains(string(body), bad) {
				t.Errorf("%s holds %s", name, bad)
			}
		}
		if strings.HasPrefix(name, "wrong at ") && strings.Count(string(body), "It is wrong there.") != 1 {
			t.Errorf("%s: what is wrong is said %d times", name, strings.Count(string(body), "It is wrong there."))
		}
	}
}
