package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"trunkline/lab/control"
	"trunkline/lab/edit"
)

const busy = `name: busy
topology:
  nodes:
    r1:
      kind: router
      image: trunkline/router
      env: {ROLE: core}
      interfaces: {lo: {addresses: [10.255.0.1/32]}}
    r2: {kind: router, labels: {role: edge}}
    h1: {kind: linux}
    h2: {kind: linux}
  links:
    - endpoints: ["r1:eth1", "r2:eth1"]
      ipv4: [10.0.0.1/30, 10.0.0.2/30]
      impair: {delay: 10ms}
    - endpoints: ["h1:eth1", "h2:eth1"]
      ipv4: [10.0.0.1/30, 10.0.0.2/30]
`

// busyLab is a lab of mia's that is drawn in her browser.
func busyLab(t *testing.T) (*site, string, *chrome) {
	t.Helper()
	s := newSite(t, nil)
	id := s.example("mia", "ospf-triangle")
	if _, err := s.World.Edit(t.Context(), s.World.Actor("mia"), id, control.EditRequest{Ops: []edit.Op{{Op: edit.SetText, Text: busy}}}); err != nil {
		t.Fatal(err)
	}
	c := newChrome(t, s)
	c.signIn("mia")
	c.open("/labs/" + id)
	c.wait("the map", `document.querySelectorAll(".node").length === 4`)
	return s, id, c
}

// chooses chooses several nodes by the keyboard.
func (c *chrome) chooses(nodes ...string) {
	c.t.Helper()
	for _, node := range nodes {
		value[bool](c, fmt.Sprintf(`(document.querySelector('.node[data-name=%q]').focus(), true)`, node))
		c.types("x")
	}
	c.wait("they are chosen", fmt.Sprintf(`document.querySelector("#chosen-bar output").textContent === "%d nodes"`, len(nodes)))
}

func (c *chrome) ctrl(key string) {
	c.t.Helper()
	c.do(chromedp.KeyEvent(key, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
}

func TestNodesAreCopiedWithAllThatTheyHaveAndInOneStep(t *testing.T) {
	s, id, c := busyLab(t)
	before := source(t, s, id)
	c.chooses("r1", "r2")
	c.ctrl("d")
	c.wait("the copies", `document.querySelectorAll(".node").length === 6`)
	text := source(t, s, id)
	for _, part := range []string{"r3:\n      kind: router\n      image: trunkline/router\n      env:\n        ROLE: core\n", "r4:\n      kind: router\n      labels:\n        role: edge\n", "- endpoints: [\"r3:eth1\", \"r4:eth1\"]\n      impair: {delay: 10ms}\n"} {
		if !strings.Contains(text, part) {
			t.Errorf("the file has no %q:\n%s", part, text)
		}
	}
	c.wait("what is said of addresses", said("addresses of 3 interfaces were left out"))
	c.ctrl("z")
	c.wait("the copies to be gone", `document.querySelectorAll(".node").length === 4`)
	if after := source(t, s, id); after != before {
		t.Errorf("undone, the file is\n%s", after)
	}
	// Another lab takes the text, with the addresses, for there they are free.
	copied := value[string](c, fmt.Sprintf(`fetch("/labs/%s/copy", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({nodes: ["r1", "r2"], at: {x: 0, y: 0}})}).then((r) => r.json()).then((a) => a.text)`, id))
	other := s.example("mia", "nlan-bgp")
	if _, err := s.World.Edit(t.Context(), s.World.Actor("mia"), other, control.EditRequest{Ops: []edit.Op{{Op: edit.SetText, Text: "name: other\ntopology:\n  nodes:\n    r1: {kind: router}\n"}}}); err != nil {
		t.Fatal(err)
	}
	c.open("/labs/" + other)
	c.wait("the other map", `document.querySelector(".node")`)
	value[bool](c, fmt.Sprintf(`(() => { const d = new DataTransfer(); d.setData("text/plain", %q); document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: d, bubbles: true, cancelable: true})); return true })()`, copied))
	waitFor(t, "the nodes in the other lab", func() bool {
		text := source(t, s, other)
		return strings.Contains(text, "ROLE: core") && strings.Contains(text, "10.255.0.1/32")
	})
}

func TestSeveralNodesAreChangedAtOnce(t *testing.T) {
	s, id, c := busyLab(t)
	before := source(t, s, id)
	c.chooses("r1", "r2", "h1")
	c.types("b")
	c.wait("the form", `document.querySelector("#bulk-form [data-bulk=image]")?.placeholder === "mixed"`)
	if kind := value[string](c, `document.querySelector("[data-bulk=kind]").selectedOptions[0].textContent`); kind != "mixed" {
		t.Errorf("the kind of routers and a host is shown as %q", kind)
	}
	value[bool](c, `(() => { const f = document.querySelector("[data-bulk=image]"); f.value = "all:1"; f.dispatchEvent(new Event("change", {bubbles: true})); return true })()`)
	waitFor(t, "the image of all", func() bool { return strings.Count(source(t, s, id), "image: all:1") == 3 })
	if text := source(t, s, id); !strings.Contains(text, "role: edge") || !strings.Contains(text, "h2: {kind: linux}") {
		t.Errorf("more than the image has changed:\n%s", text)
	}
	c.wait("one step to undo", `document.querySelector('[data-edit="undo"]').title.includes("Image of 3 nodes")`)
	c.ctrl("z")
	waitFor(t, "all as before", func() bool { return source(t, s, id) == before })
}

func TestAddressesAndTheirConflictsAreOnTheMap(t *testing.T) {
	_, _, c := busyLab(t)
	c.wait("marks at the nodes", `["r1", "h1"].every((n) => document.querySelector('.node[data-name="' + n + '"] .mark-sign')) && !document.querySelector('.node[data-name="h2"] .mark-sign')`)
	if label := value[string](c, `document.querySelector('.node[data-name="h1"]').getAttribute("aria-label")`); !strings.Contains(label, "is used on two networks") {
		t.Errorf("the node is read as %q", label)
	}
	value[bool](c, `(document.querySelector('.node[data-name="h1"]').dispatchEvent(new FocusEvent("focusin", {bubbles: true})), true)`) // a window that nobody looks at has no focus
	c.wait("the sentence beside what has the focus", `!document.querySelector(".mark-card").hidden && document.querySelector(".mark-card").textContent.includes("two networks")`)
	c.types("p")
	c.wait("addresses at both ends", `["10.0.0.1/30", "10.0.0.2/30", "10.255.0.1/32"].every((a) => document.getElementById("map").textContent.includes(a))`)
	c.do(chromedp.Reload())
	c.wait("they are still there", `document.querySelectorAll("svg.map.addresses .address").length === 4`)
	c.click("h1")
	c.wait("the sentence in the panel", `document.querySelector("#inspector[data-node=h1] .mark")?.textContent.includes("two networks")`)
}
