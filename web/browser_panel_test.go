package web_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"trunkline/lab/control"
	"trunkline/lab/edit"
	"trunkline/lab/hostapi"
)

// slow holds back all that a page asks for, until it is quick again.
func (c *chrome) slow() {
	c.t.Helper()
	value[bool](c, `(window.quick ??= window.fetch, window.gate = Promise.withResolvers(), window.fetch = (...a) => gate.promise.then(() => quick(...a)), true)`)
}

func (c *chrome) quick() {
	c.t.Helper()
	value[bool](c, `(window.fetch = quick, gate.resolve(), true)`)
}

func TestThePanelShowsWhatWasChosenLastHoweverSlowTheAnswersAre(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "ospf-triangle")
	c := newChrome(t, s)
	c.signIn("mia")
	c.open("/labs/" + id)
	c.wait("the map", `document.querySelector('.node[data-name="r1"]')`)
	c.click("r1")
	c.wait("the panel", `document.querySelector("#inspector")?.dataset.node === "r1"`)
	c.slow()
	for _, node := range []string{"r2", "h1", "h2", "r3"} {
		c.click(node)
	}
	c.quick()
	c.wait("the node that was chosen last", `document.querySelector("#inspector")?.dataset.node === "r3"`)

	c.slow()
	c.click("r2")
	c.types(kb.Escape)
	c.wait("an empty panel", `document.querySelector("#sheet-node").textContent.includes("Choose a node")`)
	c.quick()
	value[bool](c, fmt.Sprintf(`quick("/labs/%s/nodes/r2").then((r) => r.text()).then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true)))))`, id))
	if shown := value[string](c, `document.querySelector("#sheet-node").textContent`); shown != "Choose a node on the map." {
		t.Errorf("nothing is chosen, and the panel shows %q", shown)
	}
}

func TestEveryActionOfAMenuIsDoneHoweverSlowTheAnswersAre(t *testing.T) {
	s := newSite(t, nil)
	id := running(t, s)
	c := newChrome(t, s)
	c.signIn("mia")
	c.open("/labs/" + id)
	c.wait("the map", `document.querySelector('.node[data-name="r1"]')`)
	c.slow()
	for _, node := range []string{"r1", "r2", "r3"} {
		value[bool](c, fmt.Sprintf(`(document.querySelector('.node[data-name=%q]').dispatchEvent(new MouseEvent("contextmenu", {bubbles: true, cancelable: true})), true)`, node))
		c.wait("the menu", fmt.Sprintf(`document.querySelector('[role="menu"][aria-label=%q]')`, node))
		value[bool](c, `([...document.querySelectorAll('[role="menu"] button')].find((b) => b.textContent === "Stop").click(), true)`)
	}
	c.quick()
	waitFor(t, "the three nodes to be stopped", func() bool {
		d, err := s.World.Get(t.Context(), s.World.Actor("mia"), id)
		if err != nil {
			t.Fatal(err)
		}
		stopped := 0
		for _, n := range d.Nodes {
			if n.State == hostapi.NodeStopped {
				stopped++
			}
		}
		return stopped == 3
	})
}

func TestAPageLearnsOfAnEditThatItsStreamWasTooLateFor(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "ospf-triangle")
	c := newChrome(t, s)
	c.signIn("mia")
	c.open("/labs/" + id)
	c.wait("the map", `document.querySelectorAll(".node").length === 6`)
	value[bool](c, `(dispatchEvent(new PageTransitionEvent("pagehide", {persisted: true})), true)`)
	if _, err := s.World.Edit(t.Context(), s.World.Actor("admin"), id, control.EditRequest{Ops: []edit.Op{{Op: edit.SetText, Text: busy}}}); err != nil {
		t.Fatal(err)
	}
	value[bool](c, `(dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true})), true)`)
	c.wait("the map as the file is now", `document.querySelectorAll(".node").length === 4 && document.querySelector('.node[data-name="h2"]')`)
}
