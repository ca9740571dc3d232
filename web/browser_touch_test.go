package web_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// fingers puts fingers down, moves them or lifts them: "touchStart", "touchMove" or "touchEnd".
func (c *chrome) fingers(kind string, at ...[2]float64) {
	c.t.Helper()
	points := make([]*input.TouchPoint, len(at))
	for i, f := range at {
		id := float64(i)
		points[i] = &input.TouchPoint{X: f[0], Y: f[1], ID: &id}
	}
	if _, err := chromedp.Call(c.ctx, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventType(kind), TouchPoints: points}); err != nil {
		c.t.Fatal(err)
	}
}

// touch moves fingers: down at the first places, along the others, and up.
func (c *chrome) touch(moves ...[][2]float64) {
	c.t.Helper()
	kind := "touchStart"
	for _, at := range moves {
		c.fingers(kind, at...)
		kind = "touchMove"
	}
	c.fingers("touchEnd")
}

// swipe is one finger from a place to another.
func (c *chrome) swipe(x, y, toX, toY float64) {
	c.t.Helper()
	var way [][][2]float64
	for i := range 7 {
		part := float64(i) / 6
		way = append(way, [][2]float64{{x + (toX-x)*part, y + (toY-y)*part}})
	}
	c.touch(way...)
}

// briskly makes a gesture anew for as long as this machine stood still in the middle of it, which made it one of a finger that rests.
func (c *chrome) briskly(gesture func()) {
	c.t.Helper()
	for {
		value[bool](c, `(window.rested = false, addEventListener("contextmenu", () => (window.rested = true), {capture: true, once: true}), true)`)
		gesture()
		if !value[bool](c, `window.rested`) {
			return
		}
		c.types(kb.Escape)
	}
}

func TestTheMapOnATablet(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "ospf-triangle")
	c := newChrome(t, s)
	c.do(chromedp.EmulateViewport(1024, 768, chromedp.EmulateTouch))
	c.signIn("mia")
	c.open("/labs/" + id)
	c.wait("the map to take edits", `document.querySelector("#teach")?.hidden && document.querySelector('.node[data-name="r1"]')`)
	x, y := c.middle("r1")
	c.swipe(500, 740, 530, 700)
	if nx, ny := c.middle("r1"); nx-x < 20 || y-ny < 30 {
		t.Errorf("one finger moved the paper by %v, %v", nx-x, ny-y)
	}
	near := value[float64](c, `document.querySelector('.node[data-name="r1"] .body').getBoundingClientRect().width`)
	c.touch([][2]float64{{450, 740}, {550, 740}}, [][2]float64{{430, 740}, {570, 740}}, [][2]float64{{400, 740}, {600, 740}})
	if now := value[float64](c, `document.querySelector('.node[data-name="r1"] .body').getBoundingClientRect().width`); now < 1.2*near {
		t.Errorf("two fingers made a node %v wide of %v", now, near)
	}
	c.do(chromedp.Click(`[data-map="fit"]`))
	x, y = c.middle("h1")
	c.briskly(func() { c.touch([][2]float64{{x, y}}) })
	c.wait("what was tapped", `document.querySelector("#chosen-bar output").textContent === "h1" && document.querySelector("#inspector")?.dataset.node === "h1"`)
	cables := value[int](c, `document.querySelectorAll("#map .link").length`)
	x, y = c.middle("h1")
	p := value[[]float64](c, `(() => { const b = document.querySelector("#map .handle.plug circle").getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2, b.width]; })()`)
	if p[2] < 24 {
		t.Errorf("the handle is %v pixels wide, and a finger wider", p[2])
	}
	x, y = c.middle("r3")
	c.swipe(p[0], p[1], x, y)
	c.wait("another cable", fmt.Sprintf(`document.querySelectorAll("#map .link").length === %d`, cables+1))
}

func TestAFingerThatRestsOnANodeOpensItsMenu(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "ospf-triangle")
	c := newChrome(t, s)
	c.do(chromedp.EmulateViewport(900, 768, chromedp.EmulateTouch)) // so narrow that the panel does not open by itself and move the map
	c.signIn("mia")
	c.open("/labs/" + id)
	c.wait("the map", `document.querySelector('.node[data-name="r1"]')`)
	const menu = `document.querySelector('[role="menu"][aria-label="r1"]')`
	x, y := c.middle("r1")
	c.fingers("touchStart", [2]float64{x, y})
	c.fingers("touchMove", [2]float64{x + 3, y - 2}) // no finger is quite still
	c.wait("the node's menu", menu)
	c.fingers("touchMove", [2]float64{x + 40, y + 40})
	c.fingers("touchEnd")
	if nx, ny := c.middle("r1"); nx != x || ny != y {
		t.Errorf("the finger that opened the menu moved the node by %v, %v", nx-x, ny-y)
	}
	c.wait("the menu to stay", menu+`?.contains(document.activeElement)`)
	c.touch([][2]float64{{x + 300, y + 200}})
	c.wait("a tap elsewhere to close it", `!`+menu)
	c.briskly(func() { c.swipe(x, y, x+60, y+50) })
	if nx, _ := c.middle("r1"); nx-x < 40 {
		t.Errorf("a finger that moves took the node along by %v", nx-x)
	}
}
