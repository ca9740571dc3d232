package web_test

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"trunkline/tenancy"
)

// rowOf is the script of a person's or workspace's row in the quotas' tables.
func rowOf(name string) string {
	return `[...document.querySelectorAll(".quota-table tbody tr")].find((row) => row.cells[0].textContent.trim().startsWith("` + name + `"))`
}

func TestQuotasInABrowser(t *testing.T) {
	s := newSite(t, nil)
	s.Quota.Use("campus", "u-mia", tenancy.Amounts{
		tenancy.QuotaLabs: 3, tenancy.QuotaNodes: 9, tenancy.QuotaCPU: 4500, tenancy.QuotaMemory: 3 << 30, tenancy.QuotaDisk: 21 << 30, tenancy.QuotaUploads: 300 << 20, tenancy.QuotaHours: 36 * 3600,
	})
	s.example("mia", "ospf-triangle")
	c := newChrome(t, s)
	c.expects("Failed to load resource") // of forms that are refused
	still := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, still); err != nil {
		t.Fatal(err)
	}
	c.signIn("admin")
	c.open("/quotas")
	c.wait("who is not limited", rowOf("mia")+`?.textContent.includes("9") && document.querySelector("main")?.textContent.includes("By default nobody is limited")`)

	// By keys alone: to the link in the row, to the field, and back with what was stored.
	value[bool](c, `(`+rowOf("mia")+`.querySelector("a").focus(), true)`)
	c.do(chromedp.KeyEvent(kb.Enter))
	c.wait("the form", `location.pathname === "/quotas/people/u-mia" && document.readyState === "complete"`)
	value[bool](c, `(document.querySelector("#quota-labs").focus(), true)`)
	c.types("20")
	c.do(chromedp.KeyEvent(kb.Tab))
	c.wait("the next field by Tab", `document.activeElement.id === "quota-nodes"`)
	c.types("ten")
	c.do(chromedp.KeyEvent(kb.Enter))
	c.wait("which limit is none", `document.querySelector("#quota-nodes-wrong")?.textContent.includes("is no limit of running nodes") && document.querySelector("#quota-nodes")?.ariaInvalid === "true" && document.querySelector("#quota-labs").value === "20"`)
	c.looks("quotas-form-refused")
	c.do(chromedp.SetValue("#quota-nodes", "10"), chromedp.SetValue("#quota-memory", "2 GiB"), chromedp.SetValue("#quota-cpu", "6"), chromedp.SendKeys("#quota-disk", "40 GiB"+kb.Enter))
	c.wait("the bar of what is nearly used up, and of what is", `location.pathname === "/quotas" && `+rowOf("mia")+`?.querySelector("td.near")?.textContent.includes("9 of 10") && `+rowOf("mia")+`.querySelector("td.full")?.textContent.includes("3 GiB of 2 GiB")`)
	part := value[[]float64](c, `[...`+rowOf("mia")+`.querySelectorAll(".near svg, .full svg")].map((bar) => bar.querySelector(".part").getBoundingClientRect().width / bar.getBoundingClientRect().width)`)
	if len(part) != 2 || part[0] < 0.89 || part[0] > 0.91 || part[1] != 1 {
		t.Errorf("the bars are filled to %v", part)
	}
	c.looks("quotas")
	c.open("/quotas/people/u-mia")
	c.wait("by how much it is too much", `document.querySelector(".note.warn")?.textContent.includes("1 GiB more than allowed")`)
	c.looks("quotas-form-over")

	c.open("/quotas/workspaces/campus")
	c.do(chromedp.SendKeys("#quota-nodes", "12"+kb.Enter))
	c.wait("the whole workspace's bar", `location.pathname === "/quotas" && document.querySelector('[aria-labelledby="workspace-title"]')?.textContent.includes("9 of 12")`)
	c.open("/quotas/people/u-mia")
	c.do(chromedp.SetValue("#quota-nodes", "13"), chromedp.Submit("#quota-nodes"))
	c.wait("that it is more than the whole", `document.querySelector("#quota-nodes-wrong")?.textContent.includes("which has 12 of running nodes")`)

	value[bool](c, `(document.querySelector('form[action="/sign-out"]').submit(), true)`)
	c.wait("the door", `location.pathname === "/sign-in"`)
	c.signIn("mia")
	c.open("/labs")
	c.wait("one's own bars above the labs", `[...document.querySelectorAll(".quota-strip li")].some((li) => li.checkVisibility() && li.textContent.includes("9 of 10"))`)
	c.looks("quotas-strip")
	c.open("/quotas")
	c.wait("one's own page", `document.querySelector('[aria-labelledby="own-title"] .full')?.textContent.includes("3 GiB of 2 GiB") && !document.querySelector(".quota-table")`)
	c.looks("quotas-of-a-member")
}
