package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"trunkline/tenancy"
	"trunkline/tenancy/login"
)

// TestSignInByOrganisationsInABrowser goes through the administrator's pages and the sign-in with the certified provider, and looks at each page wide and narrow,
// light and dark.
func TestSignInByOrganisationsInABrowser(t *testing.T) {
	h := newCampus(t)
	c := newChrome(t, h.site)
	c.expects("Failed to load resource") // of forms that are refused
	still := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, still); err != nil {
		t.Fatal(err)
	}
	c.open("/sign-in")
	c.do(chromedp.SendKeys("#email", "admin"), chromedp.SendKeys("#password", housePassword+"\r"))
	c.wait("the bar after signing in", `document.querySelector(".bar a[href='/providers']")`)
	c.do(chromedp.Click(`.bar summary:has(.user-name)`), chromedp.Click(`.bar a[href="/providers"]`))
	c.wait("the empty list", `document.body?.innerText?.includes("No provider yet")`)
	c.looks("providers-empty")
	c.open("/providers/new")
	c.do(chromedp.SendKeys("#p-id", "Campus"), chromedp.SendKeys("#p-name", "Campus"), chromedp.SendKeys("#p-issuer", h.provider.Issuer),
		chromedp.SendKeys("#p-client", "trunkline"), chromedp.SendKeys("#p-secret", "a secret of the client"), chromedp.Click(`input[name="allowPrivate"]`), chromedp.SendKeys("#p-name", "\r"))
	c.wait("what is wrong with the id", `document.querySelector("#p-id")?.getAttribute("aria-invalid") === "true"`)
	c.looks("provider-new")
	c.do(chromedp.SetValue("#p-id", "campus"), chromedp.SendKeys("#p-secret", "a secret of the client\r"))
	c.wait("the provider's page", `location.pathname === "/providers/campus" && document.querySelector("#addresses")`)
	c.do(chromedp.Click(`form[action^="/providers/campus/examine"] button`))
	c.wait("what the test found", `document.querySelector("#addresses .note.ok") && document.querySelectorAll(".found li").length > 4`)

	c.do(chromedp.SetValue("#new-claim", "groups"), chromedp.SetValue("#new-match", `/course-(\d+)/`), chromedp.SetValue("#new-tenant", "course-$2"), chromedp.SendKeys("#new-tenant", "\r"))
	c.wait("what is wrong with the rule", `document.querySelector("#new-wrong")?.textContent.includes("no group")`)
	c.do(chromedp.SetValue("#new-tenant", "course-$1"), chromedp.Click(`#rules input[name="create"]`), chromedp.SendKeys("#new-tenant", "\r"))
	c.wait("the first rule", `document.querySelectorAll(".rules > li").length === 1`)
	c.do(chromedp.SetValue("#new-match", "net-teachers"), chromedp.SetValue("#new-tenant", "default"), chromedp.SetValue("#new-role", "manager"), chromedp.SendKeys("#new-tenant", "\r"))
	c.wait("the second rule", `document.querySelectorAll(".rules > li").length === 2`)
	c.do(chromedp.SendKeys("#domain-domain", "example.edu"), chromedp.SendKeys("#domain-tenant", "campus\r"))
	c.wait("the third rule", `document.querySelectorAll(".rules > li").length === 3`)
	c.do(chromedp.SetValue("#claims", `{"sub": "ana", "email": "ana@example.edu", "groups": ["net-teachers", "course-7", "course 8"]}`), chromedp.Click("#preview form button"))
	c.wait("what the claims give", `document.querySelector(".why [data-verdict=gives]") && document.querySelector("#preview .table")?.innerText.includes("course-7")`)
	c.looks("provider-preview")
	c.do(chromedp.Click(`#rules li:first-child summary`))
	c.looks("provider-rule")

	other := h.signedIn("admin") // somebody else changes the same meanwhile
	other.post("/providers/campus", url.Values{"name": {"Campus"}, "issuer": {h.provider.Issuer}, "clientId": {"trunkline"}, "scopes": {"profile email groups"}, "allowPrivate": {"1"}, "patience": {"20m"}}).want(t, http.StatusSeeOther)
	c.do(chromedp.SetValue("#p-patience", "30m"), chromedp.SendKeys("#p-patience", "\r"))
	c.wait("what is stored, beside what was written", `document.querySelector("#settings .note.bad li strong")?.textContent === "20m" && document.querySelector("#p-patience").value === "30m"`)
	c.looks("provider-conflict")
	rule := value[string](c, `document.querySelector("#rules [name=rule]").value`)
	other.post("/providers/campus/rules", url.Values{"rule": {rule}, "kind": {"claim"}, "claim": {"groups"}, "match": {`/course-(\d+)/`}, "tenant": {"course-$1"}, "role": {"observer"}, "create": {"1"}}).want(t, http.StatusSeeOther)
	c.do(chromedp.Click(`#rules li:first-child summary`), chromedp.SetValue(`#rules li:first-child [name=tenant]`, "class-$1"), chromedp.SendKeys(`#rules li:first-child [name=tenant]`, "\r"))
	c.wait("the rule as it is, above what was written", `document.querySelector("#rules li details[open] .wrong")?.textContent.includes("were changed after you read them") && document.querySelector("#rules .rule-line strong").textContent === "observer" && document.querySelector("#rules li [name=tenant]").value === "class-$1"`)
	c.looks("rule-conflict")
	c.do(chromedp.SetValue(`#rules li:first-child [name=tenant]`, "course-$1"), chromedp.SendKeys(`#rules li:first-child [name=tenant]`, "\r"))
	c.wait("the rule to be stored", said("The rule is stored"))

	h.fromFile()
	c.open("/providers")
	c.wait("both providers", `document.querySelectorAll(".table tbody tr").length === 2 && document.body?.innerText?.includes("from the file")`)
	c.looks("providers")
	c.open("/account")
	c.looks("account-before")
	c.do(chromedp.Click(`form[action="/account/ways-in/campus/link"] button`))
	c.wait("the provider's page", `document.title === "Campus" && document.querySelector("input[name=name]")`)
	c.do(chromedp.SendKeys("input[name=name]", "boss\r"))
	c.wait("the way in on the account page", `location.pathname === "/account" && document.querySelector("#ways-in td")?.innerText.includes("Campus")`)
	c.looks("account")
	value[bool](c, `(document.querySelector('form[action="/sign-out"]').submit(), true)`)
	c.wait("the door", `location.pathname === "/sign-in"`)
	c.looks("sign-in")
	c.do(chromedp.Click("summary"))
	c.wait("the password", `document.querySelector("#password")?.checkVisibility()`)
	c.looks("sign-in-password")

	c.do(chromedp.Click(`a[href="/sign-in/with/campus"]`))
	c.wait("the labs, since one is signed in there", `location.pathname === "/labs" && document.querySelector(".user-name")?.textContent.includes("Admin")`)
	c.open("/sign-in/return/campus")
	c.wait("the page of what came to nothing", `document.body?.innerText?.includes("Nothing was linked")`)
	c.looks("sign-in-failed")
	value[bool](c, `(document.cookie, fetch("/sign-out", {method: "POST"}).then(() => true))`)
	c.open("/signed-out")
	c.looks("signed-out")
	c.open("/sign-in/with/nobody")
	c.looks("sign-in-nobody")
}

// fromFile adds a provider as --providers does.
func (c *campus) fromFile() {
	c.t.Helper()
	p := login.FileProvider{Provider: login.Provider{ID: "school", Name: "School of Networks", Issuer: "https://id.example.org/realms/school", ClientID: "trunkline"},
		Rules: []tenancy.Rule{{Claim: "groups", Match: "staff", Tenant: "default", Role: tenancy.Member}}}
	c.must(c.providers.SyncFile(c.t.Context(), []login.FileProvider{p}))
	c.signedIn("admin").get("/providers/school").want(c.t, http.StatusOK, "From the file of", "none")
}
