package e2e

import (
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// spot is a place in the window.
type spot struct{ x, y float64 }

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

// rests is where something is once it has come to rest; the script gives its place.
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

// onCable is a place on a cable, a bit off its middle, where notes are.
func (p *person) onCable(id string) spot {
	p.t.Helper()
	return p.rests(fmt.Sprintf(`(() => { const w = document.querySelector(%q), at = w.getPointAtLength(w.getTotalLength() * 0.4).matrixTransform(w.getScreenCTM()); return [at.x, at.y]; })()`, cableOnMap(id)+" .hit"))
}

func cableOnMap(id string) string { return fmt.Sprintf(`#map .link[data-link=%q]`, id) }

func (p *person) clickAt(what string, at spot) {
	p.t.Helper()
	p.do(what, chromedp.MouseClickXY(at.x, at.y))
}

// ctrl is a key with Ctrl held.
func ctrl(key string) chromedp.Action[chromedp.Void] {
	return chromedp.KeyEvent(key, chromedp.KeyModifiers(chromedp.ModifierCtrl))
}

// settled waits until every edit is answered.
func (p *person) settled() {
	p.t.Helper()
	p.until(patience, "every edit is answered", `!document.querySelector("#edit-bar").classList.contains("busy")`)
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

// cables are the ids of all cables on the map.
func (p *person) cables() []string {
	p.t.Helper()
	return p.strings(`[...document.querySelectorAll("#map .link")].map((l) => l.dataset.link)`)
}

// cableBetween is the first cable that joins two nodes.
func (p *person) cableBetween(a, b string) string {
	p.t.Helper()
	for _, id := range p.cables() {
		if port(id, a) != "" && port(id, b) != "" {
			return id
		}
	}
	p.t.Fatalf("no cable joins %s and %s among %q", a, b, p.cables())
	return ""
}

// port is the interface that a cable has at a node.
func port(cable, node string) string {
	for end := range strings.FieldsSeq(cable) {
		if name, found := strings.CutPrefix(end, node+":"); found {
			return name
		}
	}
	return ""
}

// choosesCable clicks a cable and waits for its panel.
func (p *person) choosesCable(id string) {
	p.t.Helper()
	p.clickAt("choose the cable "+id, p.onCable(id))
	p.until(patience, "the panel of "+id+" is shown", fmt.Sprintf(`document.querySelector("#inspector")?.dataset.link === %q`, id))
}

// choosesNode clicks a node and waits for its panel.
func (p *person) choosesNode(name string) {
	p.t.Helper()
	p.clickAt("choose "+name, p.body(name))
	p.until(patience, "the panel of "+name+" is shown", fmt.Sprintf(`!document.querySelector("#side").hidden && document.querySelector("#inspector")?.dataset.node === %q`, name))
}

// closesPanel makes room.
func (p *person) closesPanel() {
	p.t.Helper()
	if evaluate[bool](p, `!document.querySelector("#side").hidden`) {
		p.do("close the panel", chromedp.Click(`#side [data-do="side"]`))
	}
}

// asks types a command into the shell in front and waits for what only its end prints.
func (p *person) asks(limit time.Duration, command, wanted string) {
	p.t.Helper()
	p.types("clear; " + command)
	p.sees(limit, wanted)
}

// backTo brings a shell that is open already to the front.
func (p *person) backTo(node string) {
	p.t.Helper()
	p.do("choose the shell of "+node, chromedp.Click(fmt.Sprintf(`#dock-tabs button[aria-label^="%s,"]`, node)))
	p.until(patience, "the shell of "+node+" is in front", fmt.Sprintf(`document.querySelector("#dock-tabs .dock-tab.active")?.innerText.trim() === %q`, node))
}

// focusesShell clicks into the shell in front.
func (p *person) focusesShell() {
	p.t.Helper()
	p.clickAt("go back to the shell", p.middle(`#panes .pane:not([hidden]) .xterm-screen`))
}
