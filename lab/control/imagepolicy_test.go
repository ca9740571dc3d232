package control_test

import (
	"slices"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/lab/control"
	"trunkline/lab/format"
	"trunkline/lab/host/fakehost"
	"trunkline/tenancy"
)

// admin is an administrator of the site in Ada's workspace; owner owns it.
var (
	admin = tenancy.Actor{UserID: "ada", UserName: "Ada", TenantID: "alpha", SiteAdmin: true}
	owner = tenancy.Actor{UserID: "ada", UserName: "Ada", TenantID: "alpha", Role: tenancy.Owner}
)

func (r *rig) siteImages(p control.ImagePolicy) {
	r.t.Helper()
	_, err := r.control.SetImagePolicy(r.t.Context(), admin, control.OfSite, p)
	must(r.t, err)
}

func (r *rig) workspaceImages(p control.ImagePolicy) {
	r.t.Helper()
	_, err := r.control.SetImagePolicy(r.t.Context(), owner, control.OfWorkspace, p)
	must(r.t, err)
}

const oneNode = "name: x\ntopology:\n  nodes:\n    r1: {kind: linux, image: %s}\n    r2: {kind: linux, image: trunkline/tiny}\n"

func withImage(image string) string { return strings.Replace(oneNode, "%s", image, 1) }

func TestWhatIsNotAllowedIsRefusedBeforeAnythingIsMade(t *testing.T) {
	type policy = control.ImagePolicy
	cases := []struct {
		name            string
		site, workspace policy
		image           string
		says            []string // nil: it is deployed
	}{
		{"without a policy any local image runs", policy{}, policy{}, "trunkline/router", nil},
		{"what the site allows runs", policy{Allow: []string{"trunkline/*"}}, policy{}, "trunkline/router", nil},
		{"what the site does not allow is refused", policy{Allow: []string{"trunkline/tiny", "trunkline/host"}}, policy{}, "trunkline/router",
			[]string{"Image trunkline/router of node r1 is not allowed here.", "This site allows trunkline/tiny, trunkline/host.", "an administrator of the site"}},
		{"what the workspace does not allow is refused", policy{}, policy{Allow: []string{"trunkline/tiny"}}, "trunkline/router",
			[]string{"Image trunkline/router of node r1", "This workspace allows trunkline/tiny.", "an owner of the workspace"}},
		{"a workspace allows nothing that the site does not", policy{Allow: []string{"trunkline/tiny"}}, policy{Allow: []string{"*"}}, "trunkline/router",
			[]string{"This site allows trunkline/tiny."}},
		{"what stands in counts, not what is named", policy{Allow: []string{"trunkline/*"}}, policy{Map: map[string]string{"frrouting/*": "trunkline/router"}}, "quay.io/frrouting/frr:9.1", nil},
		{"the map does not lead around the policy", policy{Map: map[string]string{"trunkline/host": "trunkline/router"}}, policy{Allow: []string{"trunkline/host", "trunkline/tiny"}}, "trunkline/host",
			[]string{"Image trunkline/router of node r1 (by the image map, in the place of trunkline/host) is not allowed here."}},
		{"what a host lacks and a policy forbids is told as forbidden", policy{Allow: []string{"trunkline/tiny"}}, policy{}, "quay.io/x/y:1", []string{"Image quay.io/x/y:1 of node r1 is not allowed here."}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t).start()
			m := r.addHost("host-a", fakehost.Config{}, nil)
			r.siteImages(c.site)
			r.workspaceImages(c.workspace)
			id := r.create(withImage(c.image))
			_, planErr := r.control.Plan(t.Context(), r.ada, id)
			err := r.control.Deploy(t.Context(), r.ada, id)
			if c.says == nil {
				must(t, planErr)
				must(t, err)
				r.until(id, control.Running)
				return
			}
			if !fault.Is(err, fault.Forbidden) || fault.Sentence(planErr) != fault.Sentence(err) {
				t.Fatalf("deploy: %v; plan: %v", err, planErr)
			}
			for _, words := range c.says {
				if !strings.Contains(fault.Sentence(err), words) {
					t.Errorf("%q is not in: %s", words, fault.Sentence(err))
				}
			}
			if details := fault.Public(err).Details; len(details) != 1 || details[0].Field != "topology.nodes.r1.image" {
				t.Errorf("details %+v", details)
			}
			if got := r.get(id); got.State != control.Stored || m.fake.Count(id) != 0 {
				t.Errorf("something was made: %s", got.State)
			}
		})
	}
}

func TestTheLabsMapIsOverTheWorkspacesAndThatOverTheSites(t *testing.T) {
	type m = map[string]string
	cases := []struct {
		name                 string
		site, workspace, own m
		want                 string
	}{
		{"nothing stands in", nil, nil, nil, "trunkline/tiny"},
		{"the site's", m{"trunkline/tiny": "trunkline/host"}, nil, nil, "trunkline/host"},
		{"the workspace's over the site's", m{"trunkline/tiny": "trunkline/host"}, m{"trunkline/tiny": "trunkline/dns"}, nil, "trunkline/dns"},
		{"the lab's over both", m{"trunkline/tiny": "trunkline/host"}, m{"trunkline/tiny": "trunkline/dns"}, m{"trunkline/tiny": "trunkline/dhcp"}, "trunkline/dhcp"},
		{"the nearer fit counts wherever it stands", m{"trunkline/tiny": "trunkline/host"}, m{"trunkline/*": "trunkline/dns"}, m{"*": "trunkline/dhcp"}, "trunkline/host"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t).start()
			r.addHost("host-a", fakehost.Config{}, nil)
			r.siteImages(control.ImagePolicy{Map: c.site})
			r.workspaceImages(control.ImagePolicy{Map: c.workspace})
			detail, _, err := r.control.Import(t.Context(), r.ada, control.ImportRequest{ImageMap: c.own}, files(m{"lab.clab.yml": ring("x", 2)}))
			must(t, err)
			r.deploy(detail.ID)
			r.until(detail.ID, control.Running)
			record, err := r.store.Lab(t.Context(), tenancy.InTenant("alpha"), detail.ID)
			must(t, err)
			r.workspaceImages(control.ImagePolicy{Map: m{"trunkline/tiny": "trunkline/router"}}) // for the lab that runs, nothing changes
			steps, err := r.control.Plan(t.Context(), r.ada, detail.ID)
			must(t, err)
			for _, s := range steps {
				node := strings.HasPrefix(s.Object, "node ")
				if node && c.own == nil && (s.Verb != "recreate" || !strings.Contains(s.Reason, "its image is trunkline/router now")) {
					t.Errorf("after the workspace's map changed: %+v", s)
				}
			}
			if got := format.MapImage(record.Desired.ImageMap, "trunkline/tiny"); got != c.want {
				t.Errorf("the lab runs %s, want %s", got, c.want)
			}
		})
	}
}

func TestATenantIsToldOfTheImagesItMayUseAlone(t *testing.T) {
	r := newRig(t).start()
	r.addHost("host-a", fakehost.Config{}, nil)
	names := func(actor tenancy.Actor) []string {
		images, err := r.control.Images(t.Context(), actor)
		must(t, err)
		var all []string
		for _, i := range images {
			all = append(all, i.Name)
		}
		return all
	}
	await(t, said("the host's images"), func() bool { return len(names(r.ada)) == len(localImages) })
	r.siteImages(control.ImagePolicy{Allow: []string{"trunkline/d*", "trunkline/tiny", "trunkline/host"}})
	r.workspaceImages(control.ImagePolicy{Allow: []string{"trunkline/t*", "trunkline/router", "trunkline/dns*"}})
	if got, want := names(r.ada), []string{"trunkline/dns", "trunkline/tiny"}; !slices.Equal(got, want) {
		t.Errorf("Ada sees %v, want %v", got, want)
	}
	if got, want := names(r.eve), []string{"trunkline/dhcp", "trunkline/dns", "trunkline/host", "trunkline/tiny"}; !slices.Equal(got, want) {
		t.Errorf("another workspace sees %v, want %v", got, want)
	}
	id := r.create(withImage("trunkline/dns2"))
	if err := r.control.Deploy(t.Context(), r.ada, id); !fault.Is(err, fault.Invalid) || strings.Contains(fault.Sentence(err), "trunkline/host") {
		t.Errorf("an image that may not be used is told: %v", err)
	}
}

func TestWhoMayChangeWhichImagePolicy(t *testing.T) {
	r := newRig(t).start()
	p := control.ImagePolicy{Allow: []string{"trunkline/*"}}
	manager := tenancy.Actor{UserID: "ada", TenantID: "alpha", Role: tenancy.Manager}
	cases := []struct {
		name  string
		actor tenancy.Actor
		scope control.PolicyScope
		code  fault.Code
	}{
		{"nobody", tenancy.Actor{}, control.OfWorkspace, fault.Unauthenticated},
		{"a member, the workspace's", r.ada, control.OfWorkspace, fault.Forbidden},
		{"a manager, the workspace's", manager, control.OfWorkspace, fault.Forbidden},
		{"an owner, the workspace's", owner, control.OfWorkspace, ""},
		{"an owner, the site's", owner, control.OfSite, fault.Forbidden},
		{"an administrator, the site's", admin, control.OfSite, ""},
		{"an administrator, the workspace's", admin, control.OfWorkspace, ""},
		{"an administrator, of something else", admin, "planet", fault.Invalid},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := r.control.SetImagePolicy(t.Context(), c.actor, c.scope, p)
			if got := fault.CodeOf(err); got != c.code {
				t.Errorf("code %q, want %q: %v", got, c.code, err)
			}
		})
	}
	got, err := r.control.ImagePolicy(t.Context(), r.ada, control.OfSite)
	if err != nil || !slices.Equal(got.Allow, p.Allow) {
		t.Errorf("a member reads %+v, %v", got, err)
	}
	if got, err := r.control.ImagePolicy(t.Context(), r.eve, control.OfWorkspace); err != nil || len(got.Allow) != 0 {
		t.Errorf("another workspace reads %+v, %v", got, err)
	}
}

func TestAChangeOfWhatIsNoLongerTheNewestIsRefused(t *testing.T) {
	r := newRig(t).start()
	first, err := r.control.ImagePolicy(t.Context(), owner, control.OfWorkspace)
	must(t, err)
	ours := control.ImagePolicy{Map: map[string]string{"a": "b"}, Revision: first.Revision}
	second, err := r.control.SetImagePolicy(t.Context(), owner, control.OfWorkspace, ours)
	must(t, err)
	if second.Revision == "" || second.Revision == first.Revision {
		t.Errorf("the revision %q became %q", first.Revision, second.Revision)
	}
	if _, err := r.control.SetImagePolicy(t.Context(), owner, control.OfWorkspace, ours); !fault.Is(err, fault.Conflict) {
		t.Errorf("got %v", err)
	}
	if now, err := r.control.ImagePolicy(t.Context(), owner, control.OfWorkspace); err != nil || now.Revision != second.Revision {
		t.Errorf("read %q, %v; want %q", now.Revision, err, second.Revision)
	}
}

func TestAnImagePolicyIsCheckedEntryByEntry(t *testing.T) {
	cases := []struct {
		name   string
		policy control.ImagePolicy
		field  string
		says   string
	}{
		{"nothing before the =", control.ImagePolicy{Map: map[string]string{" ": "a"}}, "map", "Before the = of “=a” stands nothing."},
		{"nothing behind the =", control.ImagePolicy{Map: map[string]string{"a": " "}}, "map", "Behind the = of “a=” stands nothing."},
		{"a star in the image", control.ImagePolicy{Map: map[string]string{"a": "b/*"}}, "map", "without *"},
		{"an image that is no name", control.ImagePolicy{Map: map[string]string{"a": "b c"}}, "map", "“b c” is no name of an image"},
		{"an image that ends too early", control.ImagePolicy{Map: map[string]string{"a": "b:"}}, "map", "“b:” is no name of an image"},
		{"a pattern that is no name", control.ImagePolicy{Map: map[string]string{"a b": "c"}}, "map", "“a b” is no pattern"},
		{"one pattern twice", control.ImagePolicy{Map: map[string]string{"a": "b", "a ": "c"}}, "map", "names a twice"},
		{"an empty pattern", control.ImagePolicy{Allow: []string{""}}, "allow", "A pattern is empty."},
		{"a pattern with a shell's form", control.ImagePolicy{Allow: []string{"trunkline/[ab]"}}, "allow", "“trunkline/[ab]” is no pattern"},
		{"a pattern that can fit nothing", control.ImagePolicy{Allow: []string{"trunkline/"}}, "allow", "Did you mean trunkline/*?"},
		{"a pattern of a book's length", control.ImagePolicy{Allow: []string{strings.Repeat("a", 300)}}, "allow", "aaa…” is no pattern"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.policy.Clean()
			problem := fault.Public(err)
			if problem.Code != fault.Invalid || problem.Field != c.field || !strings.Contains(problem.Sentence, c.says) || len(problem.Details) != 0 {
				t.Errorf("got %+v", problem)
			}
		})
	}
	_, err := control.ImagePolicy{Map: map[string]string{"a": ""}, Allow: []string{"a b", "*"}}.Clean()
	if details := fault.Public(err).Details; len(details) != 2 || details[0].Field != "map" || details[1].Field != "allow" {
		t.Errorf("of two mistakes it tells %+v", details)
	}
	clean, err := control.ImagePolicy{Map: map[string]string{" a ": " b:1 "}, Allow: []string{"*", " quay.io:443/x/*:v1 ", "*"}}.Clean()
	if err != nil || clean.Map["a"] != "b:1" || !slices.Equal(clean.Allow, []string{"*", "quay.io:443/x/*:v1"}) {
		t.Errorf("cleaned to %+v, %v", clean, err)
	}
}
