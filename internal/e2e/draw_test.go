package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"trunkline/internal/testkit"
)

// spot is a place in the window.
type spot struct{ x, y float64 }

// where things are drawn, in the window, while the panel is closed.
var drawnAt = []struct {
	kind string
	at   spot
}{
	{"router", spot{420, 200}}, {"router", spot{760, 200}}, {"switch", spot{420, 400}},
	{"linux", spot{260, 560}}, {"linux", spot{420, 600}}, {"linux", spot{580, 560}}, {"linux", spot{860, 400}}, {"internet", spot{220, 160}},
}

// TestANetworkIsDrawnByHand begins with an empty map, draws two routers, a switch, four hosts and a way out by mouse alone, plugs them
// together and fills in their addresses.
func TestANetworkIsDrawnByHand(t *testing.T) {
	program := realProgram(t)
	p := newPerson(t)
	p.do("sign in by the one-time link", chromedp.Navigate(program.SignInLink), chromedp.Click(`form[action^="/sign-in/"] button`), chromedp.WaitVisible(`input[name="password"]`))
	d := p.emptyLab(program)
	d.drawsAll()
	d.fills()
	detail, err := program.Client.Lab(t.Context(), "drawn")
	if err != nil {
		t.Fatal(err)
	}
	if len(detail.Lab.Nodes) != 8 || len(detail.Lab.Links) != 8 {
		t.Errorf("%d nodes and %d cables were drawn:\n%s", len(detail.Lab.Nodes), len(detail.Lab.Links), detail.Source)
	}
}

// drawing is a person who draws, with the names of what was drawn.
type drawing struct {
	*person
	r1, r2, sw, h1, h2, h3, h4, internet string
}

// emptyLab writes a lab without nodes, which is drawn from there.
func (p *person) emptyLab(program *testkit.Program) *drawing {
	p.t.Helper()
	p.do("start with an empty lab", chromedp.Navigate(program.URL+"/labs/new?from=paste"), chromedp.WaitVisible(`#yaml`), chromedp.SendKeys(`#yaml`, "name: drawn\ntopology:\n  nodes: {}\n"),
		chromedp.Click(`#paste-form button.main`))
	p.until(15*time.Second, "the empty map is shown", `/^\/labs\/[0-9a-z]+$/.test(location.pathname) && document.querySelector("#teach")?.hidden === false`) // which the editor says once it listens
	p.shot("empty")
	return &drawing{person: p}
}

// drag presses at one place, goes to another in steps, and lets go.
func (p *person) drag(what string, from, to spot) {
	p.t.Helper()
	actions := []chromedp.Action[chromedp.Void]{chromedp.MouseEvent(chromedp.MouseMoved, from.x, from.y), chromedp.MouseEvent(chromedp.MousePressed, from.x, from.y, chromedp.ButtonLeft, chromedp.ClickCount(1))}
	for i := range 8 {
		part := float64(i+1) / 8
		actions = append(actions, chromedp.MouseEvent(chromedp.MouseMoved, from.x+(to.x-from.x)*part, from.y+(to.y-from.y)*part, chromedp.ButtonLeft))
	}
	p.do(what, append(actions, chromedp.MouseEvent(chromedp.MouseReleased, to.x, to.y, chromedp.ButtonLeft, chromedp.ClickCount(1)))...)
}

// rests is where the middle of something is once it has come to rest; the script gives its place.
func (p *person) rests(script string) spot {
	p.t.Helper()
	at := evaluate[[]float64](p, fmt.Sprintf(`new Promise((done) => {
		let before = "", still = 0;
		const look = () => {
			const now = %s;
			still = String(now) === before ? still + 1 : 0;
			before = String(now);
			if (still >= 10) done(now);
			else requestAnimationFrame(look);
		};
		look();
	})`, script))
	return spot{at[0], at[1]}
}

func (p *person) middle(selector string) spot {
	p.t.Helper()
	return p.rests(fmt.Sprintf(`(() => { const b = document.querySelector(%q)?.getBoundingClientRect(); return b ? [b.x + b.width / 2, b.y + b.height / 2] : [-1, -1]; })()`, selector))
}

// body is the middle of a node's picture.
func (p *person) body(node string) spot { return p.middle(nodeOnMap(node) + " .body") }

// settled waits until every edit is answered.
func (p *person) settled() {
	p.t.Helper()
	p.until(20*time.Second, "every edit is answered", `!document.querySelector("#edit-bar").classList.contains("busy")`)
}

// document is the lab file as the server has it.
func (p *person) document() string {
	p.t.Helper()
	return evaluate[string](p, "fetch(`${location.pathname}/document`, { headers: { Accept: 'application/json' } }).then((r) => r.json()).then((d) => d.text)")
}

func (p *person) strings(script string) []string {
	p.t.Helper()
	return evaluate[[]string](p, script)
}

// drawsAll takes everything from the palette and connects it.
func (d *drawing) drawsAll() {
	d.t.Helper()
	var names []string
	d.do("choose how near the map is, which then stays", chromedp.Click(`[data-map="out"]`))
	for _, one := range drawnAt {
		d.drag("drag "+one.kind+" from the palette", d.middle(fmt.Sprintf(`#palette [data-kind=%q]`, one.kind)), one.at)
		d.until(10*time.Second, "another node is drawn", fmt.Sprintf(`document.querySelectorAll("#map .node").length === %d`, len(names)+1))
		d.settled()
		for _, name := range d.strings(`[...document.querySelectorAll("#map .node")].map((n) => n.dataset.name)`) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		d.closesPanel()
	}
	d.t.Logf("drawn: %q", names)
	d.r1, d.r2, d.sw, d.h1, d.h2, d.h3, d.h4, d.internet = names[0], names[1], names[2], names[3], names[4], names[5], names[6], names[7]
	d.shot("nodes-drawn")
	d.connects(d.r1, d.sw)
	d.connects(d.sw, d.h1)
	d.connects(d.sw, d.h3)
	d.connects(d.r1, d.sw)
	d.connects(d.sw, d.h2)
	d.connects(d.r1, d.r2)
	d.connects(d.r2, d.h4)
	d.connects(d.internet, d.r1)
	d.shot("cabled")
}

// closesPanel makes room: the keyboard opens and closes it.
func (p *person) closesPanel() {
	p.t.Helper()
	if evaluate[bool](p, `!document.querySelector("#side").hidden`) {
		p.do("close the panel", chromedp.Click(`#side [data-do="side"]`))
	}
}

// connects drags a cable from the handle beside a node to another node.
func (d *drawing) connects(a, b string) {
	d.t.Helper()
	const all = `[...document.querySelectorAll("#map .link")].map((l) => l.dataset.link)`
	before := d.strings(all)
	from := d.body(a)
	d.do("point at "+a, chromedp.MouseEvent(chromedp.MouseMoved, from.x-4, from.y), chromedp.MouseEvent(chromedp.MouseMoved, from.x, from.y))
	d.until(5*time.Second, "the handle is offered", `document.querySelector("#map .handle.plug").getAttribute("display") !== "none"`)
	d.drag("draw a cable from "+a+" to "+b, d.middle(`#map .handle.plug circle`), d.body(b))
	d.until(10*time.Second, "the cable is there", fmt.Sprintf(`document.querySelectorAll("#map .link").length === %d`, len(before)+1))
	d.settled()
	d.closesPanel()
}

// fills presses the button that gives addresses.
func (d *drawing) fills() {
	d.t.Helper()
	d.do("fill the addresses", chromedp.Click(`#edit-bar [data-edit="fill"]`))
	d.settled()
	d.until(10*time.Second, "addresses are in the file", `!document.querySelector('#edit-bar [data-edit="undo"]').disabled`)
	if text := d.document(); !strings.Contains(text, "/24") {
		d.t.Fatalf("there are no addresses in\n%s", text)
	}
	d.shot("filled")
}
