package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"trunkline/lab/control"
	"trunkline/lab/edit"
)

// figures are the rates that the map shows now, as one text.
const figures = `[...document.querySelectorAll("svg.map.rates .flow:not([display=none]) text")].map((e) => e.textContent).join(" ")`

// watching is the page of a lab that runs, whose rates come ten times a second.
func watching(t *testing.T) (s *site, c *chrome, labID string) {
	t.Helper()
	s = newSite(t, nil)
	s.World.RatesEvery = 100 * time.Millisecond
	labID = running(t, s)
	c = newChrome(t, s)
	c.signIn("mia")
	c.open("/labs/" + labID)
	return s, c, labID
}

func TestTheMapShowsWhatTheNetworkCarriesInABrowser(t *testing.T) {
	s, c, _ := watching(t)
	c.wait("rates beside cables", `/^[\d.]+[kM]?( |$)/.test(`+figures+`)`)
	c.wait("the state of every end", `document.querySelectorAll('.port[data-port="up"]').length >= 6`)
	c.wait("the use of nodes", `/^\d+% \d+M$/.test(document.querySelector(".use text")?.textContent)`)
	before := value[string](c, figures)
	c.wait("other rates", fmt.Sprintf(`%s !== %q`, figures, before))
	if n := s.World.RateWatchers(); n != 1 {
		t.Errorf("%d watch", n)
	}

	c.types("r")
	c.wait("a map without rates", `!document.querySelector("svg.map.rates")`)
	waitFor(t, "nobody to watch once the layer is off", func() bool { return s.World.RateWatchers() == 0 })
	c.do(chromedp.Reload())
	c.wait("the button to stay off", `document.querySelector('[data-map="rates"]')?.getAttribute("aria-pressed") === "false" && performance.getEntriesByName("trunkline-lab").length`)
	if n := s.World.RateWatchers(); n != 0 {
		t.Errorf("%d watch after a reload with the layer off", n)
	}
	c.do(chromedp.Click(`[data-map="rates"]`))
	c.wait("rates again", `/\d/.test(`+figures+`)`)
	value[bool](c, `(Object.defineProperty(document, "hidden", {value: true, configurable: true}), document.dispatchEvent(new Event("visibilitychange")), true)`)
	waitFor(t, "nobody to watch while the tab is not seen", func() bool { return s.World.RateWatchers() == 0 })
	value[bool](c, `(delete document.hidden, document.dispatchEvent(new Event("visibilitychange")), true)`)
	c.wait("rates when it is seen again", `document.querySelector("svg.map.rates:not(.rates-lost)")`)
	c.open("/labs")
	waitFor(t, "nobody to watch once the page is left", func() bool { return s.World.RateWatchers() == 0 })
}

func TestACableShowsItsLoadAndItsEndsInABrowser(t *testing.T) {
	s, c, id := watching(t)
	c.wait("rates", `/\d/.test(`+figures+`)`)
	link := value[string](c, `document.querySelector(".link").dataset.link`)
	slow := map[string]any{"impair-a-to-b": map[string]any{"rate": "1kbit"}, "impair-b-to-a": map[string]any{"rate": "1kbit"}}
	change := func(fields map[string]any) {
		t.Helper()
		_, err := s.World.Edit(c.ctx, s.World.Actor("mia"), id, control.EditRequest{Ops: []edit.Op{{Op: "set-link", Link: link, Fields: fields}}, Apply: true})
		if err != nil {
			t.Fatal(err)
		}
	}
	change(slow)
	c.wait("a full cable", fmt.Sprintf(`document.querySelector('.link[data-link=%q]').dataset.load === "4"`, link))
	c.wait("what it drops", `[...document.querySelectorAll(".flow tspan")].some((e) => /^ (drop|lost) /.test(e.textContent))`)
	change(map[string]any{"cut": true})
	c.wait("both ends without carrier", `document.querySelectorAll('.port[data-port="none"]').length === 2`)
	change(map[string]any{"cut": nil, "impair-a-to-b": nil, "impair-b-to-a": nil})
	c.wait("all ends up again", `!document.querySelector('.port:is([data-port="none"], [data-port="down"])') && !document.querySelector(".link[data-load]")`)
}

func TestThePanelHasChartsInABrowser(t *testing.T) {
	_, c, _ := watching(t)
	c.wait("rates", `/\d/.test(`+figures+`)`)
	if value[int](c, `performance.getEntriesByType("resource").filter((r) => r.name.includes("uplot.js")).length`) != 0 {
		t.Error("the charts' library is loaded before anybody asks for a chart")
	}
	link := value[string](c, `(() => { const l = document.querySelector(".link"); l.querySelector(".hit").dispatchEvent(new MouseEvent("click", {bubbles: true})); return l.dataset.link; })()`)
	c.wait("the cable's charts", fmt.Sprintf(`document.querySelector("#live-charts")?.dataset.of === %q && document.querySelectorAll("#live-charts canvas").length === 2`, link))
	c.wait("its figures as text", `/^Rate over the last five minutes: .* → .* bit\/s, peak .*; /.test(document.querySelector("#live-charts .plot").getAttribute("aria-label").replaceAll(/[kMG]bit/g, "bit"))`)
	c.wait("something drawn", `(() => { const e = document.querySelector("#live-charts canvas"); return e.getContext("2d").getImageData(0, 0, e.width, e.height).data.some((v, i) => i % 4 === 3 && v > 0); })()`)
	before := value[string](c, `document.querySelector("#live-charts li span").textContent`)
	c.wait("other figures", fmt.Sprintf(`document.querySelector("#live-charts li span").textContent !== %q`, before))
	x, y := c.middle("r1")
	c.do(chromedp.MouseClickXY(x, y))
	c.wait("the node's charts", `document.querySelector("#live-charts")?.dataset.of === "r1" && /^Memory/.test(document.querySelectorAll("#live-charts h3")[1]?.textContent)`)
	c.wait("what it uses", `/^\d+ MiB$/.test(document.querySelectorAll("#live-charts li span")[1].textContent)`)
	width := value[float64](c, `document.querySelector("#live-charts canvas").getBoundingClientRect().width`)
	value[bool](c, `(document.documentElement.style.setProperty("--side", "520px"), document.getElementById("side").style.setProperty("--side", "520px"), true)`)
	c.wait("wider charts in a wider panel", fmt.Sprintf(`document.querySelector("#live-charts canvas").getBoundingClientRect().width > %f + 100`, width))
	c.types("r")
	c.wait("a way to see them while the layer is off", `document.querySelector('#live-charts [data-do="rates"]') && !document.querySelector("#live-charts canvas")`)
	c.do(chromedp.Click(`#live-charts [data-do="rates"]`))
	c.wait("the charts again", `document.querySelectorAll("#live-charts canvas").length === 2`)
}

func TestALargeMapMovesAndComesBackInABrowser(t *testing.T) {
	s := newSite(t, nil)
	var file strings.Builder
	file.WriteString("name: wide\ntopology:\n  defaults: {kind: linux, image: trunkline/tiny}\n  nodes:\n")
	for i := range 200 {
		fmt.Fprintf(&file, "    n%d: {labels: {graph-posX: %q, graph-posY: %q}}\n", i, fmt.Sprint(i%20*180), fmt.Sprint(i/20*180))
	}
	a := s.as("mia").post("/labs", url.Values{"yaml": {file.String()}})
	c := newChrome(t, s)
	c.signIn("mia")
	c.open(a.Header.Get("Location"))
	c.wait("all nodes", `document.querySelectorAll(".node").length === 200 && performance.getEntriesByName("trunkline-lab").length`)
	if n := value[int](c, `document.querySelectorAll(".node[display=none]").length`); n != 0 {
		t.Errorf("%d nodes are left out while everything is seen", n)
	}
	for range 6 {
		c.do(chromedp.Click(`[data-map="in"]`))
		c.middle("n90")
	}
	left := value[int](c, `document.querySelectorAll(".node[display=none]").length`)
	if left < 100 {
		t.Errorf("%d of 200 nodes are left out though few are near what is seen", left)
	}
	seen := func() string {
		t.Helper()
		return value[string](c, `[...document.querySelectorAll(".node:not([display=none])")].map((n) => n.dataset.name).join(" ")`)
	}
	before := seen()
	x, y := c.middle("n90")
	c.do(chromedp.DragAndDropXY(x+60, y+60, x-400, y-200))
	c.wait("the map at rest", `!document.querySelector(".canvas.gliding")`)
	x2, y2 := c.middle("n90")
	if x-x2 < 300 || y-y2 < 150 {
		t.Errorf("the node was at %.0f, %.0f and is at %.0f, %.0f after a drag", x, y, x2, y2)
	}
	if seen() == before {
		t.Error("the same nodes are there after the map was moved")
	}
	far := value[string](c, `document.querySelector(".node[display=none]").dataset.name`)
	c.do(chromedp.SendKeys("#find-node", far+"\r"))
	c.wait("the keyboard at a node that was left out", fmt.Sprintf(`document.activeElement.dataset?.name === %q`, far))
}
