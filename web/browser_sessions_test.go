package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"trunkline/tenancy"
)

func TestSessionsTokensAndServicesInABrowser(t *testing.T) {
	h := newHouse(t)
	h.Web.Services = tenancy.NewServices(h.store, h.accounts, nil)
	ada := h.person("ada", "physics", tenancy.Owner)
	h.person("otto", "physics", tenancy.Observer)
	for _, form := range []url.Values{
		{"name": {"laptop"}, "scope": {"all"}, "expires": {"never"}}, {"name": {"nightly builds on the machine in the rack by the window"}, "scope": {"labs"}, "expires": {"7d"}},
	} {
		ada.post("/account/tokens", form).want(t, http.StatusOK, "not shown again")
	}
	c := newChrome(t, h.site)
	c.expects("Failed to load resource") // of forms that are refused
	still := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, still); err != nil {
		t.Fatal(err)
	}
	c.open("/sign-in")
	c.do(chromedp.SendKeys("#email", "ada@example.edu"), chromedp.SendKeys("#password", housePassword+"\r"))
	c.wait("the bar after signing in", `document.querySelector(".bar")`)

	c.open("/account")
	c.wait("both sessions", `document.querySelectorAll(".sessions tbody tr").length === 2 && document.querySelector(".sessions .chip")?.textContent === "this one"`)
	c.looks("account")
	c.do(chromedp.SendKeys("#token-name", "phone"), chromedp.SetValue("#token-scope", "read"), chromedp.Submit("#token-name"))
	c.wait("the new token", `/^tlk_[0-9A-Za-z]{49}$/.test(document.querySelector("#secret")?.textContent)`)
	c.looks("account-new-token")
	c.do(chromedp.Submit(`form[action="/account/sessions/end-others"]`))
	c.wait("one session", `document.querySelectorAll(".sessions tbody tr").length === 1`)
	ada.get("/account").want(t, http.StatusSeeOther)

	c.open("/members")
	c.wait("the empty list", `document.querySelector("#services")?.textContent.includes("There are none.")`)
	c.looks("members-no-services")
	c.do(chromedp.SendKeys("#service-name", "nightly-builds"), chromedp.Submit("#service-name"))
	c.wait("the service account", `document.querySelector(".service h3")?.textContent === "nightly-builds" && document.querySelector(".service").textContent.includes("It has no token")`)
	c.do(chromedp.Click(".service summary"), chromedp.SendKeys(`.service input[name="name"]`, "builder"), chromedp.Submit(`.service input[name="name"]`))
	c.wait("its token", `/^tlk_/.test(document.querySelector("#secret")?.textContent)`)
	c.do(chromedp.Click(".service summary"))
	c.looks("members-services")
	c.do(chromedp.SetValue(`.service form.role select`, "observer"), chromedp.Submit(`.service form.role select`))
	c.wait("its other role", `document.querySelector(".service form.role select")?.value === "observer" && `+said("counts for its tokens at once"))
	c.do(chromedp.SendKeys("#service-name", "nightly-builds"), chromedp.Submit("#service-name"))
	c.wait("why not", `document.querySelector("#service-wrong")?.textContent.includes("already")`)
	c.looks("members-service-refused")
}
