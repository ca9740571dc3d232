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
