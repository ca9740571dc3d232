package login_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline/internal/fault"
	"trunkline/tenancy"
	"trunkline/tenancy/login"
)

const goodFile = `
providers:
  - id: campus
    name: Campus
    issuer: https://id.example.org
    client-id: trunkline
    client-secret-file: secret
    scopes: [profile, email, groups]
    patience: 30m
    rules:
      - claim: groups
        match: /course-(\d+)/
        tenant: course-$1
        role: member
        create: true
      - {domain: example.org, tenant: campus, role: observer}
  - id: inside
    name: Inside
    issuer: http://10.0.0.5/realm
    client-id: trunkline
    client-secret: in here
    allow-private: true
    disabled: true
`

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "providers.yml")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	must(t, os.WriteFile(filepath.Join(filepath.Dir(path), "secret"), []byte("from a file\n"), 0o600))
	return path
}

func TestAFileOfProvidersIsRead(t *testing.T) {
	got, err := login.ReadFile(writeFile(t, goodFile))
	must(t, err)
	want := []login.FileProvider{
		{Provider: login.Provider{ID: "campus", Name: "Campus", Issuer: "https://id.example.org", ClientID: "trunkline", ClientSecret: "from a file",
			Scopes: []string{"profile", "email", "groups"}, Patience: 30 * time.Minute},
			Rules: []tenancy.Rule{{Provider: "campus", Claim: "groups", Match: `/course-(\d+)/`, Tenant: "course-$1", Role: tenancy.Member, Create: true},
				{Provider: "campus", Domain: "example.org", Tenant: "campus", Role: tenancy.Observer}}},
		{Provider: login.Provider{ID: "inside", Name: "Inside", Issuer: "http://10.0.0.5/realm", ClientID: "trunkline", ClientSecret: "in here", AllowPrivate: true, Disabled: true}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if none, err := login.ReadFile(writeFile(t, "")); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
}

func TestAFileThatIsWrongIsRefusedByNameAndLine(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"a field that is not known":         {"    name: Campus\n", "    nmae: Campus\n", `:4:5: There is no field "nmae" here. Those there are: allow-private, client-id`},
		"a field of a rule that is not":     {"        create: true", "        creat: true", `:15:9: There is no field "creat" here`},
		"a field twice":                     {"    name: Campus\n", "    name: Campus\n    name: Other\n", ":5:5: The field name is here twice"},
		"a field above that is not":         {"providers:", "provider:", `:2:1: There is no field "provider"`},
		"a truth value that is none":        {"allow-private: true", "allow-private: maybe", `The field allow-private cannot be read: "maybe"`},
		"a list where a text should be":     {"name: Campus", "name: [Campus]", "The field name cannot be read"},
		"a text where a list should be":     {"[profile, email, groups]", "profile", "Here should be a list"},
		"a text where a provider should be": {"  - id: inside", "  - text\n  - id: inside", "Here should be keys"},
		"a time that is none":               {"30m", "soon", "a time such as 15m"},
		"a secret that is not there":        {"client-secret-file: secret", "client-secret-file: nowhere", "The file nowhere with the secret cannot be read"},
		"two of one id":                     {"id: inside", "id: campus", "There is a provider campus already"},
		"an issuer without TLS":             {"https://id.example.org", "http://id.example.org", ":3:5: The issuer of the provider campus has to begin with https://"},
		"a rule that cannot be used":        {"role: member", "role: god", ":11:9: A rule gives the role observer"},
		"no YAML":                           {"providers:", "\tproviders:", "is no YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(goodFile, c.old, c.new, 1)
			if text == goodFile {
				t.Fatal("nothing was changed")
			}
			_, err := login.ReadFile(writeFile(t, text))
			wantCode(t, err, fault.Invalid, c.want)
		})
	}
	_, err := login.ReadFile(filepath.Join(t.TempDir(), "none"))
	wantCode(t, err, fault.Invalid, "cannot be read")
	_, err = login.ReadFile(writeFile(t, strings.Repeat("# filler\n", 200_000)))
	wantCode(t, err, fault.Invalid, "more than 1 MiB")
}
