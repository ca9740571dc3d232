package web_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"trunkline/tenancy"
)

func TestTheAuditInABrowser(t *testing.T) {
	h := newHouse(t)
	h.person("ada", "physics", tenancy.Owner)
	h.person("bob", "physics", tenancy.Member)
	c := newChrome(t, h.site)
	still := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, still); err != nil {
		t.Fatal(err)
	}
	c.open("/sign-in")
	c.do(chromedp.SendKeys("#email", "ada@example.edu"), chromedp.SendKeys("#password", housePassword+"\r"))
	c.wait("the labs", `location.pathname === "/labs"`)
	c.open("/audit?text=nothing-like-it")
	c.wait("the sentence of an empty list", `document.querySelector(".empty h2").textContent === "No event fits"`)
	c.looks("audit-none")

	follow, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.audit.Run(follow) }()
	defer func() {
		end()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()
	ada, err := h.accounts.ActorOf(t.Context(), "u-ada", "physics")
	h.must(err)
	h.must(h.workspaces.ChangeRole(t.Context(), ada, "u-bob", tenancy.Manager))
	waitFor(t, "the chain to be followed", func() bool {
		chain, err := h.audit.Chain(t.Context())
		return err == nil && !chain.Whole.IsZero()
	})
	c.open("/audit")
	c.wait("the state of the chain", `document.querySelector(".chain").textContent.startsWith("Unbroken up to")`)
	c.do(chromedp.SendKeys("#audit-person", "ad"), chromedp.SendKeys("#audit-about", "bob"+kb.Enter))
	c.wait("what Ada did to Bob", `document.querySelectorAll(".events li").length === 1 && document.querySelector(".events .sentence").textContent === "ada changed the role of bob from member to manager"`)
	if got := value[string](c, `location.search`); !strings.Contains(got, "person=ad") || !strings.Contains(got, "about=bob") {
		t.Errorf("the address has %s", got)
	}
	c.do(chromedp.Focus(".events summary"))
	c.do(chromedp.KeyEvent(kb.Enter))
	c.wait("what was before and after", `document.querySelector(".events details").open && [...document.querySelectorAll(".events tbody tr.differs td")].map((d) => d.textContent).join() === "member,manager"`)
	c.looks("audit")
	c.do(chromedp.Click(".buttons a"))
	c.wait("everything again", `location.search === "?of=workspace" && document.querySelectorAll(".events li").length > 1`)
}

func TestActingAsSomebodyElseInABrowser(t *testing.T) {
	h := newHouse(t)
	h.person("bob", tenancy.DefaultTenant, tenancy.Member)
	c := newChrome(t, h.site)
	c.expects("Failed to load resource") // of the account page, which is refused
	c.open("/sign-in")
	c.do(chromedp.SendKeys("#email", "admin"), chromedp.SendKeys("#password", housePassword+"\r"))
	c.wait("the labs", `location.pathname === "/labs"`)
	c.open("/members")
	value[bool](c, `(window.confirm = () => true, true)`)
	c.do(chromedp.Click(`form[action="/members/u-bob/act"] button`))
	c.wait("the bar", `document.querySelector(".acting p")?.textContent.startsWith("You are acting as bob.")`)
	c.looks("acting")
	c.open("/account")
	c.wait("why not", `document.querySelector("main").textContent.includes("Passwords, ways to sign in, sessions and tokens are theirs alone.") && document.querySelector(".acting button")`)
	c.do(chromedp.Click(".acting button"))
	c.wait("oneself again", `location.pathname === "/members" && !document.querySelector(".acting") && document.querySelector('nav a[href="/hosts"]')`)
}
