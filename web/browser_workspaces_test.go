package web_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"trunkline/tenancy"
)

// looks checks a page at two widths, light and dark: nothing sticks out, and axe finds nothing. TRUNKLINE_TEST_SHOTS names a folder that gets
// pictures of it.
func (c *chrome) looks(page string) {
	c.t.Helper()
	for _, width := range []int64{1280, 768} {
		for _, scheme := range []string{"light", "dark"} {
			c.do(chromedp.EmulateViewport(width, 900))
			value[bool](c, fmt.Sprintf(`(document.documentElement.dataset.theme = %q, true)`, scheme))
			value[bool](c, "(() => {"+axe+"; window.axe = axe; return true })()")
			value[bool](c, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => Promise.allSettled(document.getAnimations().map((a) => a.finished)).then(() => done(true)))))`) // colours have settled
			for _, f := range value[[]string](c, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + (n.any[0]?.message ?? "")).join(" | ")))`) {
				c.t.Errorf("%s (%d, %s): %s", page, width, scheme, f)
			}
			if value[bool](c, `document.documentElement.scrollWidth > innerWidth`) {
				c.t.Errorf("%s (%d, %s) is wider than the window", page, width, scheme)
			}
			if folder := os.Getenv("TRUNKLINE_TEST_SHOTS"); folder != "" {
				picture, err := chromedp.Run(c.ctx, chromedp.FullScreenshot(85))
				if err == nil {
					err = os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%d-%s.jpg", page, width, scheme)), picture, 0o644)
				}
				if err != nil {
					c.t.Error(err)
				}
			}
		}
	}
	c.do(chromedp.EmulateViewport(1280, 900))
}

func TestWorkspacesInABrowser(t *testing.T) {
	h := newHouse(t)
	h.person("ada", "physics", tenancy.Owner)
	h.person("bob", "physics", tenancy.Manager)
	h.person("otto", "physics", tenancy.Observer)
	h.person("ada", "maths", tenancy.Member)
	c := newChrome(t, h.site)
	c.expects("Failed to load resource") // of links that lead nowhere, and of forms that are refused
	still := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, still); err != nil {
		t.Fatal(err)
	}
	c.open("/sign-in")
	c.do(chromedp.SendKeys("#email", "ada@example.edu"), chromedp.SendKeys("#password", housePassword+"\r"))
	c.wait("the bar after signing in", `document.querySelector(".bar")`)

	chosen := `document.querySelector("#switcher .workspace-name")?.textContent`
	c.wait("the first workspace", chosen+` === "Physics"`)
	c.wait("the page's scripts", `document.readyState === "complete"`)
	c.types("gw")
	c.wait("the switcher", `document.querySelector("#switcher").open && document.activeElement.textContent.startsWith("Maths")`)
	c.looks("switcher")
	c.do(chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.ArrowUp))
	c.types("\r")
	c.wait("the workspace that was chosen by keys", chosen+` === "Maths" && location.pathname === "/labs" && document.readyState === "complete"`)
	c.open("/members")
	c.wait("the page's scripts", `document.readyState === "complete"`)
	c.types("gw")
	c.do(chromedp.KeyEvent(kb.ArrowDown))
	c.types("\r")
	c.wait("the members of the other one", chosen+` === "Physics" && location.pathname === "/members" && document.querySelectorAll(".people tbody tr").length === 3`)
	c.looks("members")

	c.do(chromedp.SetValue("#invite-uses", "30"), chromedp.SendKeys("#invite-domain", "example.edu\r"))
	c.wait("the link and its code", `document.querySelector("#invite-link") && document.querySelectorAll(".qr rect").length > 100`)
	link := value[string](c, `document.querySelector("#invite-link").textContent`)
	value[bool](c, `(navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }, true)`)
	c.do(chromedp.Click(`[data-copy="#invite-link"]`))
	c.wait("the link on the clipboard", `window.copied === document.querySelector("#invite-link").textContent`)
	c.looks("invitation-made")
	c.do(chromedp.SendKeys("#delete-name", "Phisics\r"))
	c.wait("what is wrong with the name", `document.querySelector("#delete-wrong")?.textContent.includes("Type the workspace")`)
	c.do(chromedp.SetValue("#delete-name", "Physics"), chromedp.Click(`form[action="/workspace/delete"] button`))
	c.wait("the deleted workspace in the list", `location.pathname === "/workspaces" && document.querySelector(".deleted")?.textContent.includes("Deleted by ada")`)
	c.looks("workspaces")
	c.do(chromedp.Click(`form[action="/workspaces/physics/restore"] button`))
	c.wait("it to be open again", `!document.querySelector(".deleted") && `+said("open again"))

	path := strings.TrimPrefix(link, h.URL)
	c.open(path)
	c.looks("join")
	value[bool](c, `(document.querySelector('form[action="/sign-out"]').submit(), true)`)
	c.wait("the door", `location.pathname === "/sign-in"`)
	c.open(path)
	c.looks("join-newcomer")
	c.do(chromedp.SendKeys("#email", "new@example.edu"), chromedp.SendKeys("#name", "New"), chromedp.SendKeys("#password", housePassword+"\r"))
	c.wait("the newcomer at home", chosen+` === "Physics" && `+said("Welcome to Physics"))
	c.open("/members")
	c.looks("members-of-a-member")

	events := `document.querySelector(".toast.error")?.textContent`
	c.open("/labs")
	// The stream may begin at any time: once a lab that was made after the page is on it, it has.
	_, err := h.World.AddExample(tenancy.Actor{UserID: "u-bob", UserName: "bob", TenantID: "physics", Role: tenancy.Manager}, "ospf-triangle")
	h.must(err)
	c.wait("the lab on the page, and the stream", `document.querySelectorAll(".lab-row").length === 1`)
	_, err = h.World.AddExample(tenancy.Actor{UserID: "u-bob", UserName: "bob", TenantID: "physics", Role: tenancy.Manager}, "ring-100")
	h.must(err)
	c.wait("the stream to be live", `document.querySelectorAll(".lab-row").length === 2`)
	newcomer, err := h.store.UserByEmail(c.ctx, "new@example.edu")
	h.must(err)
	ada, err := h.accounts.ActorOf(c.ctx, "u-ada", "physics")
	h.must(err)
	h.must(h.workspaces.RemoveMember(c.ctx, ada, newcomer.ID))
	c.wait("the reason on the page", events+`?.includes("You were removed from this workspace by ada.")`)
	c.open("/join/tli_nothing")
	c.looks("join-refused")
	c.open("/workspaces")
	c.looks("no-workspace")
}
