package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"trunkline/lab/control"
)

func TestAJoinCommandIsMadeInABrowser(t *testing.T) {
	s := newSite(t, nil)
	c := newChrome(t, s)
	c.expects("422") // of the form with a mistake
	c.signIn("admin")
	c.open("/hosts")
	c.wait("the hosts", `document.querySelectorAll(".host-row").length === 2`)
	c.do(chromedp.SendKeys("#join-name", "rack3-7"), chromedp.SendKeys("#join-labels", "zone"), chromedp.Click("#do-join"))
	c.wait("what is wrong with the label", `document.querySelector("#join .wrong")?.textContent.includes("is no pair") && document.querySelector("#join-name").value === "rack3-7"`)
	c.do(chromedp.SetValue("#join-labels", "zone=a"), chromedp.Click("#do-join"))
	c.wait("the command", `document.querySelector("#join-command")?.textContent.startsWith("trunkline host --controller `+s.URL+` --token tlj_")`)
	c.wait("the command in the list of those not used yet", `document.querySelector("#join-tokens tbody tr")?.textContent.includes("rack3-7")`)
	value[bool](c, `(navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }, true)`)
	c.do(chromedp.Click(`#join [data-copy]`))
	c.wait("the command on the clipboard", `window.copied === document.querySelector("#join-command").textContent`)
	value[bool](c, `(window.confirm = (q) => { window.asked = q; return true; }, true)`)
	c.do(chromedp.Click(`#join-tokens form button`))
	c.wait("the question", `window.asked?.includes("Nobody can join by it")`)
	c.wait("the list to empty by itself", `!document.querySelector("#join-tokens tbody tr")`)
}

func TestTheHostsPagesFollowInABrowser(t *testing.T) {
	s := newSite(t, nil)
	c := newChrome(t, s)
	c.signIn("admin")
	c.open("/hosts")
	c.wait("the hosts", `document.querySelectorAll(".host-row").length === 2`)
	c.do(chromedp.SendKeys("#join-name", "half a na"))
	s.World.SetHost("h2", func(h *control.HostDetail) { h.Connected, h.Error = true, "" })
	c.wait("the host that came back", `document.querySelector("#host-h2 .state").textContent === "connected"`)
	if typed := value[string](c, `document.querySelector("#join-name").value`); typed != "half a na" {
		t.Errorf("what was typed became %q", typed)
	}
	c.open("/hosts/h1")
	c.wait("the log", `document.querySelector("#host-log pre")?.textContent.includes("lab converged")`)
	c.do(chromedp.Click("#do-drain"))
	c.wait("the question", `document.querySelector("#drain").open`)
	c.do(chromedp.Click("#drain .main"))
	c.wait("the state to follow", `document.querySelector("#host-head .state").textContent === "being drained" && !document.querySelector("#drain").open`)
	c.do(chromedp.Click("#do-undrain"))
	c.wait("the state to come back", `document.querySelector("#host-head .state").textContent === "connected"`)
}

func TestNodesAreColouredByHostInABrowser(t *testing.T) {
	s := newSite(t, nil)
	s.World.Spread = []string{"host-a", "host-b", "host-c"}
	id := running(t, s)
	c := newChrome(t, s)
	c.signIn("mia")
	c.open("/labs/" + id)
	c.wait("the nodes to run", `document.querySelectorAll('.node[data-state="running"]').length === 6`)
	c.wait("cables between hosts to be marked", `document.querySelectorAll(".link[data-crosses]").length > 0`)
	c.do(chromedp.Click(`[data-map="hosts"]`))
	c.wait("the legend", `document.querySelectorAll("#host-legend [data-host]").length === 3 && !document.querySelector("#host-legend").hidden`)
	if letter := value[string](c, `document.querySelector('.node[data-name="r1"] .host-mark text').textContent.trim()`); letter != "A" {
		t.Errorf("r1 is marked %q", letter)
	}
	if label := value[string](c, `document.querySelector('.node[data-name="r1"]').getAttribute("aria-label")`); !strings.HasSuffix(label, "on host-a") {
		t.Errorf("r1 is read as %q", label)
	}
	c.do(chromedp.Click(`#host-legend [data-host="host-b"]`))
	c.wait("the other hosts' nodes to dim", `document.querySelectorAll(".node.dim").length === 4`)
	c.do(chromedp.Click(`.tools [data-do="side"]`), chromedp.Click(`[data-sheet="placement"]`))
	c.wait("the list with reasons", fmt.Sprintf(`document.querySelector("#placement")?.textContent.includes(%q)`, "2 GiB free on host-c"))
	s.World.Spread = []string{"host-d"}
	s.World.SetNode(id, "r1", "running", "")
	c.wait("a node that moved", `document.querySelector('#host-legend [data-host="host-d"]') && document.querySelector("#placement").textContent.includes("host-d")`)
	c.do(chromedp.Reload())
	c.wait("the choice to stay", `document.querySelector("svg.map").classList.contains("by-host")`)
}
