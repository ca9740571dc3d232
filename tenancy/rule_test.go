package tenancy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline/internal/fault"
)

// claimsOf reads claims as they come from a provider.
func claimsOf(t testing.TB, text string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var claims map[string]any
	if err := decoder.Decode(&claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestClaimsGiveMemberships(t *testing.T) {
	teachers := Rule{ID: "1", Claim: "groups", Match: "net-teachers", Tenant: "net", Role: Manager}
	everyone := Rule{ID: "2", Claim: "groups", Match: "/.+/", Tenant: "net", Role: Observer}
	courses := Rule{ID: "3", Claim: "groups", Match: `/course-(\d+)/`, Tenant: "course$1", Role: Member, Create: true}
	for name, c := range map[string]struct {
		rules  []Rule
		claims string
		want   []Grant
		say    string // in one of the lines
	}{
		"a value":                            {[]Rule{teachers}, `{"groups":["x","net-teachers"]}`, []Grant{{"net", Manager, false}}, `has "net-teachers": manager of workspace net.`},
		"a value alone, without a list":      {[]Rule{teachers}, `{"groups":"net-teachers"}`, []Grant{{"net", Manager, false}}, "manager"},
		"no value that matches":              {[]Rule{teachers}, `{"groups":["x","y"]}`, nil, "has 2 values, and net-teachers is not among them"},
		"capitals are other letters":         {[]Rule{teachers}, `{"groups":["Net-Teachers"]}`, nil, "1 value,"},
		"the highest role wins":              {[]Rule{teachers, everyone}, `{"groups":["net-teachers"]}`, []Grant{{"net", Manager, false}}, "observer of workspace net"},
		"an expression with a template":      {[]Rule{courses}, `{"groups":["course-7","course-12","course-7x"]}`, []Grant{{"course12", Member, true}, {"course7", Member, true}}, "which is made"},
		"an expression matches whole values": {[]Rule{{ID: "1", Claim: "groups", Match: "/ops|net/", Tenant: "t", Role: Member}}, `{"groups":["netx","xops"]}`, nil, "not among"},
		"a line break does not end a value":  {[]Rule{{ID: "1", Claim: "groups", Match: "/ops$/", Tenant: "t", Role: Member}}, `{"groups":["ops\nx","x\nops"]}`, nil, "not among"},
		"what comes to no workspace":         {[]Rule{{ID: "1", Claim: "groups", Match: "/(.*)/", Tenant: "$1", Role: Member}}, `{"groups":["../../etc","ok"]}`, []Grant{{"ok", Member, false}}, "does not come to the id"},
		"nested claims":                      {[]Rule{{ID: "1", Claim: "realm_access.roles", Match: "lab", Tenant: "t", Role: Member}}, `{"realm_access":{"roles":["lab"]}}`, []Grant{{"t", Member, false}}, "realm_access.roles"},
		"a key with dots in it":              {[]Rule{{ID: "1", Claim: `https://example\.org/groups`, Match: "lab", Tenant: "t", Role: Member}}, `{"https://example.org/groups":["lab"]}`, []Grant{{"t", Member, false}}, "lab"},
		"a list of objects":                  {[]Rule{{ID: "1", Claim: "groups.name", Match: "lab", Tenant: "t", Role: Member}}, `{"groups":[{"name":"x"},{"id":2},{"name":"lab"}]}`, []Grant{{"t", Member, false}}, "lab"},
		"the keys of an object":              {[]Rule{{ID: "1", Claim: "roles", Match: "lab", Tenant: "t", Role: Member}}, `{"roles":{"lab":{"org":"example.org"}}}`, []Grant{{"t", Member, false}}, "lab"},
		"a number":                           {[]Rule{{ID: "1", Claim: "year", Match: "9007199254740993", Tenant: "t", Role: Member}}, `{"year":9007199254740993}`, []Grant{{"t", Member, false}}, "9007199254740993"},
		"a truth value":                      {[]Rule{{ID: "1", Claim: "staff", Match: "true", Tenant: "t", Role: Member}}, `{"staff":true}`, []Grant{{"t", Member, false}}, "true"},
		"the domain of an address":           {[]Rule{{ID: "1", Domain: "Example.edu", Tenant: "t", Role: Member}}, `{"email":"ana@EXAMPLE.edu","email_verified":true}`, []Grant{{"t", Member, false}}, "of the domain example.edu"},
		"verified, written as text":          {[]Rule{{ID: "1", Domain: "example.edu", Tenant: "t", Role: Member}}, `{"email":"ana@example.edu","email_verified":"true"}`, []Grant{{"t", Member, false}}, "of the domain"},
		"an address not verified":            {[]Rule{{ID: "1", Domain: "example.edu", Tenant: "t", Role: Member}}, `{"email":"ana@example.edu","email_verified":false}`, nil, "not verified"},
		"nobody says it is verified":         {[]Rule{{ID: "1", Domain: "example.edu", Tenant: "t", Role: Member}}, `{"email":"ana@example.edu"}`, nil, "email_verified is missing"},
		"a domain below":                     {[]Rule{{ID: "1", Domain: "example.edu", Tenant: "t", Role: Member}}, `{"email":"ana@x.example.edu","email_verified":true}`, nil, "not of the domain"},
		"a domain in the wrong place":        {[]Rule{{ID: "1", Domain: "example.edu", Tenant: "t", Role: Member}}, `{"email":"ana@example.edu@evil.org","email_verified":true}`, nil, "not of the domain"},
		"a missing claim":                    {[]Rule{teachers}, `{}`, nil, "missing: what it gave before stays"},
		"a missing claim that counts":        {[]Rule{{ID: "1", Claim: "groups", Match: "x", Tenant: "t", Role: Member, MissingIsEmpty: true}}, `{}`, nil, "takes for empty"},
		"too many groups for a token":        {[]Rule{teachers}, `{"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"https://graph.example"}}}`, nil, "too many groups"},
		"an empty claim":                     {[]Rule{teachers}, `{"groups":[]}`, nil, "is empty"},
		"a claim of null":                    {[]Rule{teachers}, `{"groups":null}`, nil, "is empty"},
		"a rule from elsewhere":              {[]Rule{{ID: "1", Claim: "a", Match: "/(/", Tenant: "t", Role: Member}}, `{"a":"x"}`, nil, "cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Evaluate(c.rules, claimsOf(t, c.claims))
			if diff := cmp.Diff(c.want, got.Memberships); diff != "" {
				t.Errorf("memberships (-want +got):\n%s", diff)
			}
			var said []string
			for _, line := range got.Lines {
				said = append(said, line.Text)
			}
			if len(got.Lines) < len(c.rules) || !strings.Contains(strings.Join(said, "\n"), c.say) {
				t.Errorf("it says %q, want %q in it", said, c.say)
			}
		})
	}
}

func TestTwoHundredAndFiftyGroups(t *testing.T) {
	var groups []string
	for i := range 250 {
		groups = append(groups, fmt.Sprintf("course-%03d", i))
	}
	text, err := json.Marshal(map[string]any{"a": map[string]any{"b.c": groups}})
	if err != nil {
		t.Fatal(err)
	}
	rules := []Rule{
		{ID: "all", Claim: `a.b\.c`, Match: `/course-(?P<n>\d{3})/`, Tenant: "c-${n}", Role: Member, Create: true},
		{ID: "last", Claim: `a.b\.c`, Match: "course-249", Tenant: "c-249", Role: Owner},
	}
	got := Evaluate(rules, claimsOf(t, string(text)))
	if len(got.Memberships) != 250 || got.Memberships[249] != (Grant{"c-249", Owner, true}) || got.Memberships[0] != (Grant{"c-000", Member, true}) {
		t.Errorf("%d memberships, the last %v", len(got.Memberships), got.Memberships[len(got.Memberships)-1])
	}
}

func TestMissingAndEmptyDiffer(t *testing.T) {
	rules := []Rule{
		{ID: "1", Claim: "groups", Match: "ops", Tenant: "ops", Role: Manager},
		{ID: "2", Claim: "groups", Match: `/course-(\d+)/`, Tenant: "course$1", Role: Member},
		{ID: "3", Claim: "staff", Match: "true", Tenant: "staff", Role: Member},
		{ID: "4", Domain: "example.edu", Tenant: "campus", Role: Member},
	}
	held := []Membership{{TenantID: "ops", Role: Manager}, {TenantID: "course7", Role: Member}, {TenantID: "staff", Role: Member}, {TenantID: "campus", Role: Member}, {TenantID: "old", Role: Owner}}
	for name, c := range map[string]struct {
		claims string
		held   []Membership
		want   string
	}{
		"all are missing: all that a rule can have given stays": {`{}`, held, "campus:member course7:member ops:manager staff:member"},
		"groups are empty":                  {`{"groups":[]}`, held, "campus:member staff:member"},
		"groups lost one":                   {`{"groups":["ops"],"staff":false,"email":"a@else.org","email_verified":true}`, held, "ops:manager"},
		"the address is no longer verified": {`{"groups":[],"staff":true,"email":"a@example.edu","email_verified":false}`, held, "staff:member"},
		"a role that no rule gives any more falls to the rule's": {`{}`, []Membership{{TenantID: "course7", Role: Owner}}, "course7:member"},
		"a lower role stays low":                                 {`{}`, []Membership{{TenantID: "ops", Role: Observer}}, "ops:observer"},
		"nothing held and nothing known":                         {`{}`, nil, ""},
		"a missing claim gives nothing anew":                     {`{"groups":["ops"]}`, nil, "ops:manager"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, g := range Evaluate(rules, claimsOf(t, c.claims)).Settle(c.held) {
				got = append(got, g.TenantID+":"+string(g.Role))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("settled to %q, want %q", strings.Join(got, " "), c.want)
			}
		})
	}
	broken := []Rule{{ID: "1", Claim: "groups", Match: "/(/", Tenant: "ops", Role: Member}}
	if got := Evaluate(broken, claimsOf(t, `{"groups":[]}`)).Settle(held); len(got) != 1 || got[0].TenantID != "ops" || got[0].Role != Manager {
		t.Errorf("a rule that cannot be read leaves %v", got)
	}
}

func TestRulesThatCannotBeUsedAreRefusedByField(t *testing.T) {
	good := Rule{Claim: "groups", Match: "x", Tenant: "t", Role: Member}
	if err := CheckRules([]Rule{good}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Rule)
		field  string
	}{
		"no role":                         {func(r *Rule) { r.Role = "" }, "role"},
		"a role that is none":             {func(r *Rule) { r.Role = "god" }, "role"},
		"no claim":                        {func(r *Rule) { r.Claim = "" }, "claim"},
		"an empty key":                    {func(r *Rule) { r.Claim = "a..b" }, "claim"},
		"a backslash at the end":          {func(r *Rule) { r.Claim = `a\` }, "claim"},
		"a backslash before a letter":     {func(r *Rule) { r.Claim = `a\b` }, "claim"},
		"a claim too deep":                {func(r *Rule) { r.Claim = strings.Repeat("a.", 16) + "a" }, "claim"},
		"a claim too long":                {func(r *Rule) { r.Claim = strings.Repeat("a", 600) }, "claim"},
		"nothing to match":                {func(r *Rule) { r.Match = "" }, "match"},
		"an expression that is none":      {func(r *Rule) { r.Match = "/a(/" }, "match"},
		"an expression that leaves":       {func(r *Rule) { r.Match = "/a)|(?:b/" }, "match"},
		"an expression too long":          {func(r *Rule) { r.Match = "/" + strings.Repeat("a", 1100) + "/" }, "match"},
		"no workspace":                    {func(r *Rule) { r.Tenant = "" }, "tenant"},
		"a workspace that is no id":       {func(r *Rule) { r.Tenant = "a b" }, "tenant"},
		"a template without expression":   {func(r *Rule) { r.Tenant = "a$1" }, "tenant"},
		"a group that is not there":       {func(r *Rule) { r.Match, r.Tenant = "/(a)/", "a$2" }, "tenant"},
		"a number of a group too large":   {func(r *Rule) { r.Match, r.Tenant = "/(a)/", "a$99999999999999999999" }, "tenant"},
		"a name that is not there":        {func(r *Rule) { r.Match, r.Tenant = "/(a)/", "a${n}" }, "tenant"},
		"a letter too many after a group": {func(r *Rule) { r.Match, r.Tenant = "/(a)/", "$1x" }, "tenant"},
		"a dollar at the end":             {func(r *Rule) { r.Match, r.Tenant = "/(a)/", "a$" }, "tenant"},
		"a domain and a claim":            {func(r *Rule) { r.Domain = "example.org" }, "domain"},
		"a domain that is none":           {func(r *Rule) { *r = Rule{Domain: "@example", Tenant: "t", Role: Member} }, "domain"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			c.change(&r)
			err := CheckRules([]Rule{good, r})
			if got := fault.Public(err); !fault.Is(err, fault.Invalid) || got.Field != c.field {
				t.Errorf("%v in field %q, want %q", err, got.Field, c.field)
			}
		})
	}
	if err := CheckRules(slices.Repeat([]Rule{good}, maxRules+1)); !fault.Is(err, fault.Invalid) {
		t.Errorf("rules without number are taken: %v", err)
	}
}

func TestChangesNameWhatWasAndWhatIs(t *testing.T) {
	held := []Membership{{TenantID: "gone", Role: Owner}, {TenantID: "same", Role: Member}, {TenantID: "up", Role: Observer}}
	got := Compare(held, []Grant{{TenantID: "new", Role: Member}, {TenantID: "same", Role: Member}, {TenantID: "up", Role: Manager}})
	want := []MembershipChange{{"gone", Owner, ""}, {"new", "", Member}, {"up", Observer, Manager}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
