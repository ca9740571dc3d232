package rights_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"trunkline/store"
	"trunkline/tenancy"
)

// behind are the methods that nobody reaches with another tenant's object by an address, each with why. The store's own tests call every one of
// them with another tenant's.
var behind = map[string]string{
	"Count":     "it counts, and shows nothing",
	"DeleteLab": "the controller asks it, of labs that it has found", "FreeVNIs": "the controller asks it, of labs that it has found",
	"VNIs": "the controller asks it, of labs that it has found", "OnHosts": "Lab stands before it", "ReviseDesired": "Lab stands before it",
	"SaveObserved": "the controller asks it, of labs that it has found", "LabsOn": "the controller asks it, for all tenants",
	"LabsWithVNIs": "the controller asks it, for all tenants", "ToReconcile": "the controller asks it, for all tenants",
	"RemoveTenant": "it is asked when the grace time of a deleted workspace ends", "GiveBackUpload": "TakeUpload stands before it",
	"Shares": "LabObject stands before it", "SendAway": "LabObject stands before it", "VNIBlocks": "labs on one host have no identifiers of networks",
}

// TestHoles runs in a build of the store in which each method can be told another scope.
func TestHoles(t *testing.T) {
	methods := strings.Split(os.Getenv("TRUNKLINE_HOLES"), ",")
	var hole atomic.Pointer[func(string, tenancy.Scope) tenancy.Scope]
	store.Hole = func(method string, scope tenancy.Scope) tenancy.Scope {
		if told := hole.Load(); told != nil {
			return (*told)(method, scope)
		}
		return scope
	}
	m := &matrix{site: newSite(t, seams{})}
	m.db = openRows(t, m.site)
	m.twoTenants()
	sound := m.sound()
	slices.Sort(methods)
	var caught, missed []string
	for _, method := range methods {
		if behind[method] != "" {
			missed = append(missed, method)
			continue
		}
		how := ""
		for _, kind := range []string{"the other tenant", "every tenant"} {
			m.twoTenants()
			alpha, bravo := m.a.id, m.b.id
			told := func(asked string, scope tenancy.Scope) tenancy.Scope {
				tenant, _ := scope.Tenant()
				switch {
				case asked != method || tenant != alpha || !m.asking.Load():
					return scope
				case kind == "every tenant":
					return tenancy.Everywhere()
				}
				return tenancy.InTenant(bravo)
			}
			hole.Store(&told)
			how = m.notice(sound)
			hole.Store(nil)
			if how != "" {
				how = kind + ": " + how
				break
			}
		}
		if how == "" {
			t.Errorf("nobody notices when %s forgets its scope: find an address that shows it, or say in behind why there is none", method)
			continue
		}
		caught = append(caught, method)
		t.Logf("%s sees %.160s", method, strings.ReplaceAll(how, "\n", " "))
	}
	t.Logf("%d of %d methods are reported by the matrix when they forget their scope; of the others, %v, nothing comes out", len(caught), len(methods), missed)
	if len(missed) != len(behind) {
		t.Errorf("behind names %d methods, and %d of them are there", len(behind), len(missed))
	}
}

// twoTenants makes two new ones, with two people of the first as callers.
func (m *matrix) twoTenants() {
	m.a, m.b = m.settle(m.name("alpha")), m.settle(m.name("bravo"))
	m.actors = []*actor{m.a.people["owner"], m.a.people["member"]}
}

// sound are the addresses with which nothing is wrong as long as there is no hole: what is wrong with others proves nothing.
func (m *matrix) sound() (list []address) {
	for _, a := range addresses() {
		if m.noticed(a) == "" {
			list = append(list, a)
		}
	}
	return list
}

// notice runs the matrix until something is wrong, and returns it.
func (m *matrix) notice(sound []address) (how string) {
	for _, a := range sound {
		if how = m.noticed(a); how != "" {
			return how
		}
	}
	return ""
}

// noticed is what is wrong with one address. A request for preparing it that fails is noticed as well.
func (m *matrix) noticed(a address) (how string) {
	before := m.site.t
	m.site.t = noticing{before}
	defer func() {
		m.site.t = before
		if p := recover(); p != nil {
			how = fmt.Sprint(p)
		}
	}()
	if wrong := m.run(a); len(wrong) > 0 {
		return wrong[0]
	}
	return ""
}

// noticing makes of a failed test one that has noticed.
type noticing struct{ testing.TB }

func (n noticing) Errorf(format string, arguments ...any) { panic(fmt.Sprintf(format, arguments...)) }
func (n noticing) Error(arguments ...any)                 { panic(fmt.Sprint(arguments...)) }
func (n noticing) Fatalf(format string, arguments ...any) { panic(fmt.Sprintf(format, arguments...)) }
func (n noticing) Fatal(arguments ...any)                 { panic(fmt.Sprint(arguments...)) }
