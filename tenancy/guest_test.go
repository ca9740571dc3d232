package tenancy

import (
	"slices"
	"strings"
	"testing"

	"trunkline/internal/fault"
)

// TestWhatALevelGives is the whole table: every verb at every level, for somebody who is in the workspace for one lab and nothing else.
func TestWhatALevelGives(t *testing.T) {
	given := map[Level][]Verb{
		LevelView:    {SeeLab},
		LevelConsole: {SeeLab, UseNode},
		LevelEdit:    {SeeLab, UseNode, EditLab, RunLab},
		"all":        nil, // no level of ours
		"":           nil,
	}
	shared := ObjectRef{Tenant: "t1", Owner: "mia", Lab: "l1", Name: "lab campus"}
	other := ObjectRef{Tenant: "t1", Owner: "mia", Lab: "l2", Name: "lab secret"}
	for level, verbs := range given {
		guest := Actor{UserID: "me", TenantID: "t1", Guest: &GuestOf{Lab: "l1", Level: level}}
		admin := guest
		admin.SiteAdmin = true
		for _, verb := range Verbs {
			for name, actor := range map[string]Actor{"a guest": guest, "a guest who administers the site": admin} {
				err := Allow(actor, verb, shared)
				if may := err == nil; may != slices.Contains(verbs, verb) {
					t.Errorf("%s with %q: %s is %v", name, level, verb, err)
				}
				if err != nil && (!fault.Is(err, fault.Forbidden) || strings.Contains(err.Error(), "%!")) {
					t.Errorf("%s with %q: %s is refused with %v", name, level, verb, err)
				}
				if err := Allow(actor, verb, other); !fault.Is(err, fault.NotFound) || err.Error() != Missing(other.Name).Error() {
					t.Errorf("%s with %q: %s of another lab answers %v, not as a missing one", name, level, verb, err)
				}
				if err := Allow(actor, verb, ObjectRef{Tenant: "t1"}); !fault.Is(err, fault.Forbidden) {
					t.Errorf("%s with %q: %s of the workspace answers %v", name, level, verb, err)
				}
				if err := Allow(actor, verb, ObjectRef{}); !fault.Is(err, fault.Forbidden) {
					t.Errorf("%s with %q: %s of the site answers %v", name, level, verb, err)
				}
				if err := Allow(actor, verb, ObjectRef{Tenant: "t2", Lab: "l1", Name: "lab campus"}); !fault.Is(err, fault.NotFound) {
					t.Errorf("%s with %q: %s of another workspace's answers %v", name, level, verb, err)
				}
			}
		}
	}
}

// TestAShareAddsToARole: who is in the workspace keeps what his role allows, and the share adds to it for its lab alone.
func TestAShareAddsToARole(t *testing.T) {
	shared := ObjectRef{Tenant: "t1", Owner: "mia", Lab: "l1", Name: "lab campus"}
	other := ObjectRef{Tenant: "t1", Owner: "mia", Lab: "l2", Name: "lab secret"}
	for _, role := range []Role{Observer, Member, Manager, Owner} {
		for _, level := range Levels {
			plain := Actor{UserID: "me", TenantID: "t1", Role: role}
			guest := plain
			guest.Guest = &GuestOf{Lab: "l1", Level: level}
			for _, verb := range Verbs {
				want := Allow(plain, verb, shared) == nil || level.Includes(levelVerbs[verb])
				if got := Allow(guest, verb, shared) == nil; got != want {
					t.Errorf("%s with %s: %s of the shared lab is %v, want %v", role, level, verb, got, want)
				}
				for _, object := range []ObjectRef{other, {Tenant: "t1"}, {}} {
					if a, b := Allow(guest, verb, object), Allow(plain, verb, object); fault.CodeOf(a) != fault.CodeOf(b) {
						t.Errorf("%s with %s: the share changes %s of %+v from %v to %v", role, level, verb, object, b, a)
					}
				}
			}
			if guest.OnlyGuest() || guest.WithoutGuest() != plain {
				t.Errorf("%s with %s is taken for a guest only", role, level)
			}
		}
	}
}

func TestAnObjectWithoutALabIsNobodysShare(t *testing.T) {
	odd := Actor{UserID: "me", TenantID: "t1", Guest: &GuestOf{Level: LevelEdit}}
	for _, verb := range Verbs {
		if err := Allow(odd, verb, ObjectRef{Tenant: "t1"}); err == nil {
			t.Errorf("a share of no lab gives %s", verb)
		}
	}
}

func TestARefusedGuestIsToldWhatHeHas(t *testing.T) {
	guest := Actor{UserID: "me", TenantID: "t1", Guest: &GuestOf{Lab: "l1", Level: LevelConsole}}
	err := Allow(guest, RunLab, ObjectRef{Tenant: "t1", Lab: "l1", Name: "lab campus"})
	if got, want := fault.Sentence(err), "Lab campus was shared with you only to work in its nodes. Ask who shared it for more."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWhoMayShareALab(t *testing.T) {
	mine := ObjectRef{Tenant: "t1", Owner: "me", Lab: "l1", Name: "lab campus"}
	theirs := ObjectRef{Tenant: "t1", Owner: "you", Lab: "l1", Name: "lab campus"}
	for _, c := range []struct {
		role   Role
		object ObjectRef
		may    bool
	}{
		{Observer, mine, false}, {Member, mine, true}, {Member, theirs, false}, {Manager, theirs, true}, {Owner, theirs, true}, {"", mine, false},
	} {
		if err := Allow(Actor{UserID: "me", TenantID: "t1", Role: c.role}, ShareLab, c.object); (err == nil) != c.may {
			t.Errorf("%q shares the lab of %s: %v", c.role, c.object.Owner, err)
		}
	}
}
