package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"trunkline/lab/control"
	"trunkline/lab/edit"
)

// pair is two people with one lab open, each in a browser of their own.
func pair(t *testing.T) (s *site, id string, mia, admin *chrome) {
	t.Helper()
	s = newSite(t, nil)
	id = s.example("mia", "ospf-triangle")
	open := func(name string) *chrome {
		c := newChrome(t, s)
		c.signIn(name)
		c.open("/labs/" + id)
		c.wait("the map", `document.querySelector('.node[data-name="r1"]')`)
		return c
	}
	return s, id, open("mia"), open("admin")
}

func (c *chrome) click(node string) {
	c.t.Helper()
	x, y := c.middle(node)
	c.do(chromedp.MouseClickXY(x, y))
}

// deaf lets a page not hear of others' edits, as if its connection were slow; hearing ends that.
func (c *chrome) deaf() {
	value[bool](c, `(window.hears = window.fetch, window.fetch = (url, o) => String(url).endsWith("/document") ? Promise.reject(new Error("slow")) : window.hears(url, o), true)`)
}

func (c *chrome) hearing() { value[bool](c, `(window.fetch = window.hears, true)`) }

func source(t *testing.T, s *site, id string) string {
	t.Helper()
	d, err := s.World.Get(t.Context(), s.World.Actor("mia"), id)
	if err != nil {
		t.Fatal(err)
	}
	return d.Source
}

func TestTwoPeopleSeeEachOtherAndWhatIsChosen(t *testing.T) {
	_, id, mia, admin := pair(t)
	mia.wait("the other person", `[...document.querySelectorAll("#here li")].some((li) => li.title === "admin")`)
	admin.wait("the other person", `[...document.querySelectorAll("#here li")].some((li) => li.title === "mia" && li.querySelector("[aria-hidden]").textContent === "MI")`)
	mia.click("r1")
	admin.wait("what she has chosen", `document.querySelector('.node[data-name="r1"] .theirs') && document.querySelector(".theirs .grown text")?.textContent === "mia"`)
	if label := value[string](admin, `document.querySelector('.node[data-name="r1"]').getAttribute("aria-label")`); !strings.HasSuffix(label, "chosen by mia") {
		t.Errorf("the node is read as %q", label)
	}
	if value[bool](mia, `!!document.querySelector(".theirs")`) {
		t.Error("her own choice is shown to her as somebody else's")
	}
	value[bool](mia, `(document.querySelector(".link .hit").dispatchEvent(new MouseEvent("click", {bubbles: true})), true)`)
	admin.wait("the cable that she has chosen instead", `document.querySelector(".link[data-person]") && !document.querySelector(".node .theirs")`)
	mia.types("y")
	mia.wait("the lab file", `document.querySelector(".cm-content")`)
	value[bool](mia, `(document.querySelector(".cm-content").focus(), true)`)
	admin.wait("that she writes", `/^mia writes in line \d+$/.test(document.querySelector("#code-people li")?.textContent)`)
	mia.open("/labs")
	admin.wait("that she left", `document.getElementById("here").hidden && !document.querySelector(".theirs, .link[data-person]")`)
	mia.open("/labs/" + id)
	admin.wait("that she is back", `!document.getElementById("here").hidden`)
}

func TestEditsOfDifferentThingsMergeAndOfOneThingShowBothSides(t *testing.T) {
	s, id, mia, admin := pair(t)
	mia.expects("409") // conflicts are what is tested
	image := func(c *chrome, node, image string) {
		t.Helper()
		c.click(node)
		c.wait("the node's fields", fmt.Sprintf(`document.querySelector('#inspector[data-node=%q] [data-path=\'["image"]\']')`, node))
		value[bool](c, fmt.Sprintf(`(() => { const f = document.querySelector('[data-path=\'["image"]\']'); f.value = %q; f.dispatchEvent(new Event("change", {bubbles: true})); return true })()`, image))
	}
	mia.deaf()
	image(admin, "r1", "theirs:1")
	waitFor(t, "the first edit", func() bool { return strings.Contains(source(t, s, id), "theirs:1") })
	image(mia, "r2", "mine:2")
	waitFor(t, "both edits in the file", func() bool {
		text := source(t, s, id)
		return strings.Contains(text, "theirs:1") && strings.Contains(text, "mine:2")
	})
	image(admin, "r3", "theirs:3")
	waitFor(t, "another edit", func() bool { return strings.Contains(source(t, s, id), "theirs:3") })
	image(mia, "r3", "mine:3")
	mia.wait("both sides", `document.getElementById("dialog").open && ["r3: image", "theirs:3", "mine:3"].every((w) => document.getElementById("dialog").textContent.includes(w))`)
	if text := source(t, s, id); !strings.Contains(text, "theirs:3") || strings.Contains(text, "mine:3") {
		t.Errorf("before she has decided the file is\n%s", text)
	}
	mia.hearing()
	mia.do(chromedp.Click(`[data-clash="yours"]`))
	waitFor(t, "her side", func() bool { return strings.Contains(source(t, s, id), "mine:3") })
}

func TestTextThatTwoPeopleChangedIsChosenPlaceByPlace(t *testing.T) {
	s, id, mia, _ := pair(t)
	mia.expects("409")
	mia.types("y")
	mia.wait("the lab file", `document.querySelector(".cm-content")?.textContent.includes("topology")`)
	before := source(t, s, id)
	mia.deaf()
	theirs := "# theirs\n" + before
	admin := s.World.Actor("admin")
	if _, err := s.World.Edit(t.Context(), admin, id, control.EditRequest{Ops: []edit.Op{{Op: edit.SetText, Text: theirs}}}); err != nil {
		t.Fatal(err)
	}
	value[bool](mia, `(document.querySelector(".cm-content").focus(), true)`) // it begins at the first line
	mia.types("# mine\r")
	mia.wait("that it is said", `document.getElementById("code-state").textContent.includes("Somebody changed the same lines")`)
	mia.hearing()
	mia.do(chromedp.Click("#code-save"))
	mia.wait("both sides", `document.getElementById("dialog").open && ["# theirs", "# mine"].every((w) => document.getElementById("dialog").textContent.includes(w))`)
	if !value[bool](mia, `document.querySelector('[data-clash="keep"]').disabled`) {
		t.Error("it can be kept before a side is chosen")
	}
	mia.do(chromedp.Click(`[name="clash-0"][value="yours"]`), chromedp.Click(`[data-clash="keep"]`))
	waitFor(t, "her side in the file", func() bool { return strings.HasPrefix(source(t, s, id), "# mine\n") })
	mia.wait("nothing left to keep", `document.getElementById("code-save").disabled`)
}
