package rights_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/hostlink"
	"trunkline/internal/ident"
	"trunkline/internal/testkit"
	"trunkline/lab/control"
	"trunkline/tenancy"
)

// tenant is one workspace with everything in it.
type tenant struct {
	id, name string
	people   map[string]*actor
	service  refs            // a service account with a token
	programs []*actor        // tokens of lesser scopes, and a service account
	guests   []*actor        // of the lab
	lab      control.LabView // it runs, and belongs to the lab's owner
}

// refs are the parts of a path, and what forms refer to, by name.
type refs map[string]string

const labFile = "name: %s\ntopology:\n  nodes:\n    one: {kind: linux, image: trunkline/tiny}\n    two: {kind: linux, image: trunkline/tiny}\n    sw: {kind: switch}\n" +
	"  links:\n    - endpoints: [one:eth1, two:eth1]\n    - endpoints: [one:eth2, sw:eth1]\n"

// settle makes a tenant with everything in it.
func (s *site) settle(name string) *tenant {
	s.t.Helper()
	t := &tenant{id: ident.New(), name: name, people: map[string]*actor{}}
	founder := tenancy.User{ID: ident.New(), Email: "founder-" + name, Name: "Founder", Created: time.Now()}
	must(s.t, s.store.SaveUser(s.t.Context(), founder))
	must(s.t, s.store.CreateTenant(s.t.Context(), tenancy.Tenant{ID: t.id, Name: name, Created: time.Now()}, tenancy.Membership{UserID: founder.ID, TenantID: t.id, Role: tenancy.Owner}))
	for _, r := range roles {
		t.people[r.name] = s.person(r.name, t, r.role, r.site)
	}
	t.lab = s.running(t)
	for _, scope := range []tenancy.TokenScope{tenancy.ScopeRead, tenancy.ScopeLabs} {
		t.programs = append(t.programs, s.scoped(t.people["owner"], scope))
	}
	t.programs = append(t.programs, s.serviceOf(t))
	for _, level := range tenancy.Levels {
		t.guests = append(t.guests, s.guest(t, level))
	}
	return t
}

// newLab stores a lab of the lab's owner.
func (s *site) newLab(t *tenant) control.LabView {
	s.t.Helper()
	name := s.name("lab-" + t.name)
	r := &request{method: "POST", path: "/api/v1/labs?name=" + name, body: fmt.Sprintf(labFile, name), kind: "application/yaml", token: t.people[labOwner].token}
	a := s.send(r)
	var made struct{ Lab control.LabView }
	if a.status != 201 {
		s.t.Fatalf("a lab is not stored: %d %s", a.status, a.body)
	}
	must(s.t, json.Unmarshal([]byte(a.body), &made))
	return made.Lab
}

// running makes a lab and deploys it.
func (s *site) running(t *tenant) control.LabView {
	s.t.Helper()
	one := s.newLab(t)
	token := t.people[labOwner].token
	must(s.t, testkit.Until(s.t.Context(), time.Minute, one.Name+" is deployed", func() error { // the host may have linked a moment ago
		if a := s.send(&request{method: "POST", path: "/api/v1/labs/" + one.ID + "/deploy", token: token}); a.status != 202 {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	}))
	must(s.t, testkit.Until(s.t.Context(), time.Minute, one.Name+" runs", func() error {
		var now control.LabView
		s.ask(token, "GET", "/api/v1/labs/"+one.ID, "", &now)
		if now.State != control.Running {
			return fmt.Errorf("it is %s: %s", now.State, now.Reason)
		}
		return nil
	}))
	return one
}

// A source makes what a path refers to: something of the tenant, for a caller. fresh asks for one that nobody else uses.
type source func(s *site, t *tenant, caller *actor, fresh bool) refs

// sources are the kinds of objects, by name.
var sources map[string]source

func init() { sources = sourcesOf() }

func sourcesOf() map[string]source {
	return map[string]source{
		"lab": func(s *site, t *tenant, caller *actor, fresh bool) refs {
			one := t.lab
			if fresh {
				one = s.newLab(t)
				s.share(t, one.ID, caller)
			}
			return refs{"lab": one.ID, "node": "one", "name": one.Name}
		},
		"lab by name": func(s *site, t *tenant, _ *actor, _ bool) refs {
			return refs{"lab": t.lab.Name, "node": "one", "name": t.lab.Name}
		},
		"running lab": func(s *site, t *tenant, _ *actor, fresh bool) refs {
			one := t.lab
			if fresh {
				one = s.running(t)
			}
			return refs{"lab": one.ID, "node": "one"}
		},
		"invitation": func(s *site, t *tenant, _ *actor, _ bool) refs {
			var made struct{ ID, Link string }
			s.ask(t.people["owner"].token, "POST", "/api/v1/invitations", `{"uses":5}`, &made)
			return refs{"invitation": made.ID, "id": made.ID, "secret": made.Link[len(made.Link)-len(tenancy.InvitationPrefix)-43:]}
		},
		"member": func(s *site, t *tenant, _ *actor, _ bool) refs {
			account := s.name("hired")
			user := tenancy.User{ID: ident.New(), Email: account, Name: account, Created: time.Now()}
			must(s.t, s.store.SaveUser(s.t.Context(), user))
			must(s.t, s.admit(t.id, user.ID, tenancy.Member))
			return refs{"user": user.ID}
		},
		"workspace": func(s *site, t *tenant, _ *actor, _ bool) refs { return refs{"workspace": t.id} },
		// one that is being deleted, in which the caller is what he is in his own; for another's, nobody is
		"ended workspace": func(s *site, t *tenant, caller *actor, _ bool) refs {
			name := s.name("ended")
			id, founder := ident.New(), tenancy.User{ID: ident.New(), Email: "founder-" + name, Name: "Founder", Created: time.Now()}
			must(s.t, s.store.SaveUser(s.t.Context(), founder))
			must(s.t, s.store.CreateTenant(s.t.Context(), tenancy.Tenant{ID: id, Name: name, Created: time.Now()}, tenancy.Membership{UserID: founder.ID, TenantID: id, Role: tenancy.Owner}))
			if !caller.nobody() && caller.home == t {
				must(s.t, s.admit(id, caller.who.UserID, caller.who.Role))
			}
			must(s.t, s.store.EndTenant(s.t.Context(), tenancy.InTenant(id), time.Now().Add(time.Hour), "founder"))
			return refs{"workspace": id}
		},
		"token": func(s *site, t *tenant, caller *actor, _ bool) refs {
			owner := caller
			if caller.nobody() || caller.home != t || caller.cookie == "" {
				owner = t.people["member"]
			}
			var made struct{ ID string }
			s.ask(owner.cookie, "POST", "/api/v1/tokens", `{"name":"`+s.name("token")+`"}`, &made)
			return refs{"token": made.ID, "id": made.ID}
		},
		"join token": func(s *site, _ *tenant, _ *actor, _ bool) refs {
			made, err := s.store.CreateJoinToken(s.t.Context(), control.JoinRequest{Name: s.name("host"), Life: time.Hour})
			must(s.t, err)
			return refs{"token": made.ID, "id": made.ID}
		},
		"host": func(s *site, _ *tenant, _ *actor, fresh bool) refs {
			if !fresh {
				return refs{"host": "host-a"}
			}
			made, err := s.store.CreateJoinToken(s.t.Context(), control.JoinRequest{Life: time.Hour})
			must(s.t, err)
			name := s.name("host")
			id, err := s.store.Enrol(s.t.Context(), hostlink.Enrolment{Token: made.Secret, Name: name, PublicKey: []byte(ident.Long(32))})
			must(s.t, err)
			return refs{"host": id}
		},
		"network": func(s *site, t *tenant, _ *actor, _ bool) refs {
			name := s.name("net")
			hosts, err := s.store.Hosts(s.t.Context())
			must(s.t, err)
			s.vlan++
			offer := control.Offer{Network: name, Devices: map[string]string{hosts[0].ID: fmt.Sprintf("eth%d", s.vlan)}, VLANs: []control.OfferedVLAN{{VLAN: s.vlan, Tenant: t.id}}}
			must(s.t, s.store.SaveOffer(s.t.Context(), offer))
			return refs{"network": name}
		},
		"revision": func(s *site, t *tenant, caller *actor, fresh bool) refs {
			r := sources["lab"](s, t, caller, fresh)
			r["revision"] = "1"
			return r
		},
		"switch": func(_ *site, t *tenant, _ *actor, _ bool) refs { return refs{"lab": t.lab.ID, "node": "sw"} },
		"cable": func(s *site, t *tenant, caller *actor, fresh bool) refs {
			r := sources["lab"](s, t, caller, fresh)
			r["link"] = "one:eth1 two:eth1"
			return r
		},
		"share": func(s *site, t *tenant, _ *actor, _ bool) refs {
			var made struct{ ID string }
			s.ask(t.people[labOwner].token, "POST", "/api/v1/labs/"+t.lab.ID+"/shares", `{"level":"view"}`, &made)
			return refs{"lab": t.lab.ID, "share": made.ID}
		},
		"link": func(s *site, t *tenant, _ *actor, _ bool) refs {
			var made struct{ Address string }
			s.ask(t.people[labOwner].token, "POST", "/api/v1/labs/"+t.lab.ID+"/shares", `{"level":"view","guests":true}`, &made)
			return refs{"secret": made.Address[strings.Index(made.Address, tenancy.SharePrefix):]}
		},
		"session": func(s *site, t *tenant, caller *actor, _ bool) refs {
			owner := caller
			if caller.nobody() || caller.home != t || caller.who.Service || caller.who.Guest != nil {
				owner = t.people["member"]
			}
			return s.session(owner)
		},
		"service": func(s *site, t *tenant, _ *actor, fresh bool) refs {
			if !fresh && t.service != nil {
				return t.service
			}
			id, _, token := s.service(t, tenancy.Member)
			made := refs{"service": id, "token": token, "id": token}
			if !fresh {
				t.service = made
			}
			return made
		},
		"person":    func(s *site, t *tenant, _ *actor, _ bool) refs { return refs{"person": t.people["member"].who.UserID} },
		"everybody": func(_ *site, _ *tenant, _ *actor, _ bool) refs { return refs{"whose": "people"} },
		"node action": func(s *site, t *tenant, _ *actor, _ bool) refs {
			return refs{"lab": t.lab.ID, "node": "two", "action": "restart"}
		},
		"host action": func(s *site, t *tenant, caller *actor, fresh bool) refs {
			r := sources["host"](s, t, caller, fresh)
			r["action"] = "undrain"
			return r
		},
		"workspace's name": func(_ *site, t *tenant, _ *actor, _ bool) refs { return refs{"workspace": t.name} },
		"provider": func(s *site, t *tenant, _ *actor, _ bool) refs {
			name := s.name("sso")
			settings := `{"name":"` + name + `","issuer":"http://127.0.0.1:1","clientId":"x","allowPrivate":true,"rules":[{"id":"","provider":"` + name + `","claim":"groups","match":"a","tenant":"` + t.id + `","role":"observer"}]}`
			administrator := t.people["administrator"].token
			s.ask(administrator, "PUT", "/api/v1/providers/"+name, settings, nil)
			var made struct{ Rules []tenancy.Rule }
			s.ask(administrator, "GET", "/api/v1/providers/"+name, "", &made)
			return refs{"provider": name, "rule": made.Rules[0].ID, "workspace": t.id}
		},
		"sign-in link": func(s *site, t *tenant, _ *actor, _ bool) refs {
			return refs{"secret": s.link(t.people["member"].who.UserID)}
		},
	}
}

// kept are the references that stay as they are in one to something that is not there.
var kept = []string{"node", "action", "revision", "name"}

// missing is a reference of the same form to something that is not there.
func missing(of refs) refs {
	none := refs{}
	for name, value := range of {
		none[name] = value
		if !slices.Contains(kept, name) {
			none[name] = blank(value)
		}
	}
	return none
}

// blank keeps the length and the punctuation. What stands in for different references differs.
func blank(value string) string {
	sum := 0
	for _, c := range []byte(value) {
		sum += int(c)
	}
	letter := byte('a' + sum%26)
	letters := []byte(value)
	for i, c := range letters {
		if c != '-' && c != '_' {
			letters[i] = letter
		}
	}
	return string(letters)
}

// session is another browser in which somebody is signed in.
func (s *site) session(owner *actor) refs {
	s.t.Helper()
	other := s.signIn(owner.who.UserID)
	var all []struct {
		ID      string
		Current bool
	}
	s.ask(other, "GET", "/api/v1/sessions", "", &all)
	for _, one := range all {
		if one.Current {
			return refs{"session": one.ID, "id": one.ID}
		}
	}
	s.t.Fatal("a new session is not listed")
	return nil
}
