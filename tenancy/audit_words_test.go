package tenancy_test

import (
	"slices"
	"strings"
	"testing"

	"trunkline/tenancy"
)

func TestEveryVerbIsInOneGroupAndHasWords(t *testing.T) {
	in := map[tenancy.AuditVerb]int{}
	for _, g := range tenancy.AuditGroups {
		for _, verb := range g.Verbs {
			in[verb]++
		}
		if found, known := tenancy.AuditGroupOf(g.Key); !known || found.Name != g.Name {
			t.Errorf("the group %s is not found", g.Key)
		}
	}
	for _, verb := range tenancy.AuditVerbs {
		if in[verb] != 1 {
			t.Errorf("%s is in %d groups", verb, in[verb])
		}
		did := sealed(t, tenancy.AuditEvent{Verb: verb, Object: tenancy.AuditObject{Kind: "lab", Name: "campus"}}).Did()
		if did == "" || strings.HasPrefix(did, "did ") || strings.Contains(did, "%") {
			t.Errorf("%s is told as %q", verb, did)
		}
	}
	if len(in) != len(tenancy.AuditVerbs) {
		t.Errorf("the groups have %d verbs, and there are %d", len(in), len(tenancy.AuditVerbs))
	}
	if _, known := tenancy.AuditGroupOf("nothing"); known {
		t.Error("a group that is none is found")
	}
}

func TestEventsAreToldInSentences(t *testing.T) {
	mia, ada := tenancy.AuditPerson{ID: "u1", Name: "Mia"}, tenancy.AuditPerson{ID: "u2", Name: "Ada"}
	lab := tenancy.AuditObject{Kind: "lab", ID: "l", Name: "campus"}
	for want, e := range map[string]tenancy.AuditEvent{
		"Mia deployed lab campus, revision 4, 2 steps": {Actor: mia, Verb: tenancy.AuditLabDeploy, Object: lab, After: map[string]any{"revision": 4, "steps": 2}},
		"Ada, acting as Mia, stopped lab campus":       {Actor: mia, Behind: ada, Verb: tenancy.AuditLabStop, Object: lab},
		"Somebody was not let in as “mia”: wrong name or password": {Verb: tenancy.AuditSignInRefused, Object: tenancy.AuditUser("", "mia"),
			After: map[string]string{"why": "wrong name or password"}},
		"Trunkline deleted the workspace Course for good": {Verb: tenancy.AuditTenantDelete, Object: tenancy.AuditObject{Name: "Course"}, After: map[string]bool{"gone": true}},
		"Mia changed the role of Otto from member to manager": {Actor: mia, Verb: tenancy.AuditMemberRole, Object: tenancy.AuditUser("u3", "Otto"),
			Before: map[string]string{"role": "member"}, After: map[string]string{"role": "manager"}},
		"Mia left the workspace":                             {Actor: mia, Verb: tenancy.AuditMemberRemove, Object: tenancy.AuditUser("u1", "Mia")},
		"Trunkline brought Mia into the workspace as member": {Verb: tenancy.AuditMemberAdd, Object: tenancy.AuditUser("u1", "Mia"), After: map[string]string{"role": "member"}},
		"Mia closed a shell in r1 of campus after 3 min":     {Actor: mia, Verb: tenancy.AuditShellClose, Object: tenancy.AuditObject{Name: "r1 of campus"}, After: map[string]any{"seconds": 200.5}},
		"Mia ran a command in r1 of campus: ip addr": {Actor: mia, Verb: tenancy.AuditCommand, Object: tenancy.AuditObject{Name: "r1 of campus"},
			After: map[string]any{"command": []string{"ip", "addr"}}},
		"Ada changed host attic, which was rack": {Actor: ada, Verb: tenancy.AuditHostChange, Object: tenancy.AuditObject{Name: "attic"},
			Before: map[string]any{"name": "rack", "drained": false}, After: map[string]any{"name": "attic", "drained": false}},
		"Ada changed host attic: it is being drained": {Actor: ada, Verb: tenancy.AuditHostChange, Object: tenancy.AuditObject{Name: "attic"},
			Before: map[string]any{"name": "attic", "drained": false}, After: map[string]any{"name": "attic", "drained": true}},
		"u9 changed lab campus": {Actor: tenancy.AuditPerson{ID: "u9"}, Verb: tenancy.AuditLabChange, Object: lab, After: map[string]any{"revision": "of another shape"}},
	} {
		if s := sealed(t, e); s.Who()+" "+s.Did() != want {
			t.Errorf("it says %q, want %q", s.Who()+" "+s.Did(), want)
		}
	}
}

func TestSecretsAreTakenOutOfCommandLines(t *testing.T) {
	for _, c := range []struct{ given, want []string }{
		{nil, nil},
		{[]string{"ip", "addr"}, []string{"ip", "addr"}},
		{[]string{"mysql", "--password=hunter2", "-u", "ada"}, []string{"mysql", "--password=(secret)", "-u", "ada"}},
		{[]string{"curl", "--token", "hunter2", "x"}, []string{"curl", "--token", "(secret)", "x"}},
		{[]string{"curl", "--token", "--fail"}, []string{"curl", "--token", "--fail"}},
		{[]string{"env", "API_KEY=hunter2", "PATH=/bin", "run"}, []string{"env", "API_KEY=(secret)", "PATH=/bin", "run"}},
		{[]string{"sh", "-c", `export DB_PASSWORD="hun ter2"; mysql --password hunter2 -h db`}, []string{"sh", "-c", `export DB_PASSWORD=(secret); mysql --password (secret) -h db`}},
		{[]string{"curl", "-H", "Authorization: Bearer hunter2"}, []string{"curl", "-H", "Authorization: (secret)"}},
		{[]string{"git", "clone", "https://ada:hunter2@example.org/x"}, []string{"git", "clone", "https://ada:(secret)@example.org/x"}},
		{[]string{"trunkline", "login", "tlk_abcdef"}, []string{"trunkline", "login", "(secret)"}},
		{[]string{"ping", "-c", "3", "10.0.0.1"}, []string{"ping", "-c", "3", "10.0.0.1"}},
		{[]string{"printf", "a\x00b"}, []string{"printf", "a\uFFFDb"}},
	} {
		if got := tenancy.AuditCommandLine(c.given); !slices.Equal(got, c.want) {
			t.Errorf("%q becomes %q, want %q", c.given, got, c.want)
		}
	}
	long := tenancy.AuditCommandLine(append(make([]string, 500), strings.Repeat("x", 5000)))
	if len(long) != 101 || long[100] != "…" {
		t.Errorf("501 arguments become %d", len(long))
	}
	if one := tenancy.AuditCommandLine([]string{strings.Repeat("é", 5000)}); len(one[0]) > 1000 || !strings.HasSuffix(one[0], "é…") {
		t.Errorf("a long argument becomes %d bytes", len(one[0]))
	}
}
