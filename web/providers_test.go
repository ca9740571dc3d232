package web_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"trunkline/tenancy"
)

func TestProvidersByTheirPages(t *testing.T) {
	c := newCampus(t)
	admin := c.signedIn("admin")
	admin.get("/providers").want(t, http.StatusOK, "No provider yet", "Passwords")
	admin.get("/providers/new").want(t, http.StatusOK, `name="issuer"`)
	bad := url.Values{"id": {"Campus!"}, "name": {"Campus"}, "issuer": {"https://id.example.org"}, "clientId": {"x"}, "clientSecret": {"very secret"}}
	refused := admin.post("/providers", bad)
	refused.want(t, http.StatusUnprocessableEntity, "small letters, digits and dashes", `value="https://id.example.org"`)
	c.setUp(admin)
	admin.post("/providers", url.Values{"id": {"campus"}, "name": {"x"}, "issuer": {"https://id.example.org"}, "clientId": {"x"}}).want(t, http.StatusConflict, "There is a provider campus already")

	page := admin.get("/providers/campus")
	page.want(t, http.StatusOK, c.URL+"/sign-in/return/campus", c.URL+"/logout/back-channel", c.URL+"/signed-out", "kept; type to replace it",
		"Who has <code>net-teachers</code> in <code>groups</code> is <strong>manager</strong> of <code>net</code>, which is made if it is not there.",
		"Everyone with a verified address of <code>example.edu</code>")
	for _, shown := range []answer{page, refused, admin.get("/providers")} {
		if strings.Contains(shown.body, "a secret of the client") || strings.Contains(shown.body, "very secret") {
			t.Error("a secret is shown")
		}
	}
	admin.post("/providers/campus/examine", nil).want(t, http.StatusOK, "It answers, and people can sign in by it.", "It checks PKCE (S256).", "It has 1 key")
	admin.post("/providers/campus/rules", url.Values{"kind": {"claim"}, "claim": {"groups"}, "match": {"/(/"}, "tenant": {"x"}, "role": {"member"}}).want(t,
		http.StatusUnprocessableEntity, "cannot be read", `value="/(/"`)

	ids := func() []string {
		var list []string
		for _, found := range regexp.MustCompile(`id="rule-(\w{10,})"`).FindAllStringSubmatch(admin.get("/providers/campus").body, -1) {
			list = append(list, found[1])
		}
		return list
	}
	before := ids()
	if len(before) != 3 {
		t.Fatalf("rules %v", before)
	}
	admin.post("/providers/campus/rules/"+before[2]+"/move", url.Values{"to": {"up"}}).want(t, http.StatusSeeOther)
	admin.post("/providers/campus/rules/"+before[0]+"/delete", nil).want(t, http.StatusSeeOther)
	if after := ids(); len(after) != 2 || after[0] != before[2] || after[1] != before[1] {
		t.Errorf("of %v are left %v", before, after)
	}
	admin.post("/providers/campus/rules", url.Values{"rule": {before[1]}, "kind": {"claim"}, "claim": {"groups"}, "match": {"net-teachers"}, "tenant": {"net"}, "role": {"owner"}, "create": {"1"}}).want(t, http.StatusSeeOther)
	admin.post("/providers/campus", url.Values{"name": {"Campus of ours"}, "issuer": {c.provider.Issuer}, "clientId": {"trunkline"}, "scopes": {"groups"}, "allowPrivate": {"1"}}).want(t, http.StatusSeeOther)
	if _, came := c.comesIn("ana", "/labs"); came.StatusCode != http.StatusSeeOther {
		t.Errorf("the secret that was kept does not count any more: %s", came.body) // settings were changed without it
	}
	member := c.person("mia", "physics", tenancy.Owner)
	for _, path := range []string{"/providers", "/providers/new", "/providers/campus"} {
		member.get(path).want(t, http.StatusForbidden, "Only an administrator of this site may change its settings.")
	}
	member.post("/providers/campus/delete", nil).want(t, http.StatusForbidden)
	member.post("/providers/campus/preview", url.Values{"claims": {"{}"}}).want(t, http.StatusForbidden)
	admin.post("/providers/campus/delete", nil).want(t, http.StatusSeeOther)
	admin.get("/providers/campus").want(t, http.StatusNotFound)
}

func TestThePreviewShowsWhatClaimsGiveAndWhy(t *testing.T) {
	c := newCampus(t)
	admin := c.signedIn("admin")
	c.setUp(admin)
	preview := func(claims string, status int, says ...string) {
		t.Helper()
		admin.post("/providers/campus/preview", url.Values{"claims": {claims}}).want(t, status, says...)
	}
	preview(`{"groups": ["net-teachers", "course-12"]}`, http.StatusOK, "Somebody new would have", "<strong>manager</strong>", "course-12", "There is no claim sub",
		`The claim groups has &#34;net-teachers&#34;: manager of workspace net`, "The claim email is missing: what it gave before stays")
	_, came := c.comesIn("ana", "/labs")
	came.want(t, http.StatusSeeOther)
	preview(`{"sub": "ana", "groups": []}`, http.StatusOK, "Ana, who is known here, would have", "taken away", "The claim groups is empty")
	token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss": "https://other", "sub": "ana", "groups": "net-teachers"}`)) + ".c2ln"
	preview(token, http.StatusOK, "Its signature was not checked", "of another issuer (https://other)", "The claims of the token")
	preview("nonsense", http.StatusUnprocessableEntity, "neither a JSON object", "nonsense")
	preview("", http.StatusUnprocessableEntity, "Paste the claims")
	preview("[1]", http.StatusUnprocessableEntity, "neither a JSON object")
}

// version is what a form on the page was made from.
func version(t *testing.T, page answer) string {
	t.Helper()
	found := regexp.MustCompile(`name="version" value="([0-9a-f-]+)"`).FindStringSubmatch(page.body)
	if found == nil {
		t.Fatal("no form on the page has a version")
	}
	return found[1]
}

func TestOfTwoWhoChangeAProviderTheSecondKeepsWhatWasWritten(t *testing.T) {
	c := newCampus(t)
	admin := c.signedIn("admin")
	c.setUp(admin)
	page := admin.get("/providers/campus")
	read := version(t, page)
	ids := regexp.MustCompile(`<li id="rule-(\w{10,})"`).FindAllStringSubmatch(page.body, -1)
	if len(ids) != 3 {
		t.Fatalf("rules %v", ids)
	}
	rule := func(id, role, from string) url.Values {
		return url.Values{"rule": {id}, "version": {from}, "kind": {"claim"}, "claim": {"groups"}, "match": {"net-teachers"}, "tenant": {"net"}, "role": {role}}
	}
	admin.post("/providers/campus/rules", rule(ids[0][1], "observer", read)).want(t, http.StatusSeeOther)
	late := rule(ids[0][1], "owner", read)
	late.Set("tenant", "elsewhere")
	refused := admin.post("/providers/campus/rules", late)
	refused.want(t, http.StatusConflict, "The rules of Campus were changed after you read them, so nothing was stored", "<details open>", `value="elsewhere"`,
		`in <code>groups</code> is <strong>observer</strong> of <code>net</code>`)
	late.Set("version", version(t, refused))
	admin.post("/providers/campus/rules", late).want(t, http.StatusSeeOther) // having seen the rules as they are

	// A rule that somebody else deletes meanwhile: what was written is in the form for a new one.
	read = version(t, admin.get("/providers/campus"))
	admin.post("/providers/campus/rules/"+ids[1][1]+"/delete", url.Values{"version": {read}}).want(t, http.StatusSeeOther)
	admin.post("/providers/campus/rules/"+ids[0][1]+"/delete", url.Values{"version": {read}}).want(t, http.StatusConflict, "The rules of Campus were changed", `id="rule-`+ids[0][1])
	gone := admin.post("/providers/campus/rules", rule(ids[1][1], "owner", read))
	gone.want(t, http.StatusConflict, `id="new-match" name="match" type="text" class="mono" required autocomplete="off" autocapitalize="none" spellcheck="false" placeholder="/course-(\d+)/" value="net-teachers"`)
	if strings.Contains(gone.body, `name="rule" value="`+ids[1][1]) {
		t.Error("the form changes a rule that is gone")
	}

	settings := url.Values{"version": {read}, "name": {"Campus A"}, "issuer": {c.provider.Issuer}, "clientId": {"trunkline"}, "scopes": {"groups"}, "allowPrivate": {"1"}}
	admin.post("/providers/campus", settings).want(t, http.StatusSeeOther) // rules are no settings
	settings.Set("name", "Campus B")
	admin.post("/providers/campus", settings).want(t, http.StatusConflict, "The settings of Campus A were changed after you read them", `value="Campus B"`,
		`<li>Name: <strong class="wrap-anywhere">Campus A</strong></li>`)
}
