package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// drawn opens the map of a lab of three nodes and waits until it takes edits.
func drawn(t *testing.T) (*chrome, string) {
	t.Helper()
	s := newSite(t, nil)
	id := s.example("mia", "ospf-triangle")
	c := newChrome(t, s)
	c.signIn("mia")
	c.open("/labs/" + id)
	c.wait("the map to take edits", `document.querySelector("#teach")?.hidden && document.querySelector('.node[data-name="r1"]')`)
	return c, id
}

func (c *chrome) file(id string) string {
	c.t.Helper()
	d, err := c.World.Get(c.ctx, c.World.Actor("mia"), id)
	if err != nil {
		c.t.Fatal(err)
	}
	return d.Source
}

// plug is where the handle of a node is that a cable is drawn from.
func (c *chrome) plug(node string) (x, y float64) {
	c.t.Helper()
	x, y = c.middle(node)
	c.do(chromedp.MouseEvent(chromedp.MouseMoved, x-3, y), chromedp.MouseEvent(chromedp.MouseMoved, x, y))
	c.wait("the handle", `document.querySelector("#map .handle.plug").getAttribute("display") !== "none"`)
	p := value[[]float64](c, `(() => { const b = document.querySelector("#map .handle.plug circle").getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()`)
	return p[0], p[1]
}

func TestACableThatGoesNowhereIsNoCable(t *testing.T) {
	c, id := drawn(t)
	before := c.file(id)
	x, y := c.plug("r1")
	c.do(chromedp.DragAndDropXY(x, y, 640, 770))
	c.wait("what was missing", said("here is none"))
	x, y = c.plug("r1")
	bx, by := c.middle("r1")
	c.do(chromedp.DragAndDropXY(x, y, bx, by))
	c.wait("what was missing", said("leads to another node"))
	x, y = c.plug("r1")
	bx, by = c.middle("r2")
	c.do(chromedp.MouseEvent(chromedp.MousePressed, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1)), chromedp.MouseEvent(chromedp.MouseMoved, bx, by, chromedp.ButtonLeft))
	c.wait("the cable in hand", `document.querySelector("#map .rubber").classList.contains("meets")`)
	c.do(chromedp.KeyEvent(kb.Escape), chromedp.MouseEvent(chromedp.MouseReleased, bx, by, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	c.wait("no cable in hand", `document.querySelector("#map .rubber").getAttribute("display") === "none"`)
	if after := c.file(id); after != before {
		t.Errorf("the file is now\n%s", after)
	}
}

func TestWhatThePanelChangedIsUndoneFromThere(t *testing.T) {
	c, id := drawn(t)
	x, y := c.middle("r1")
	c.do(chromedp.MouseClickXY(x, y))
	const field = `#node-design input[data-path*="memory"]`
	c.wait("the panel of r1", fmt.Sprintf(`document.querySelector(%q)`, field))
	before := c.file(id)
	c.do(chromedp.SendKeys(field, "128MiB"), chromedp.KeyEvent(kb.Tab))
	waitFor(t, "the memory to be kept", func() bool { return strings.Contains(c.file(id), "128MiB") })
	c.do(chromedp.KeyEvent("z", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	waitFor(t, "the memory to be gone", func() bool { return c.file(id) == before })
	c.do(chromedp.Click(`#canvas`, chromedp.NodeVisible))
	x, y = c.middle("r2")
	c.do(chromedp.MouseClickXY(x, y))
	c.wait("the panel of r2", `document.querySelector("#inspector")?.dataset.node === "r2"`)
	c.do(chromedp.KeyEvent(kb.Escape))
	c.wait("an empty panel", `document.querySelector("#sheet-node").textContent.includes("Choose a node")`)
}

func TestTheTextThatIsOpenedAfterDrawingIsTheNewest(t *testing.T) {
	c, id := drawn(t)
	x, y := c.middle("r1")
	c.do(chromedp.DragAndDropXY(x, y, x+40, y+40))
	waitFor(t, "the place to be kept", func() bool {
		d, err := c.World.Get(c.ctx, c.World.Actor("mia"), id)
		return err == nil && d.Revision == 2
	})
	c.do(chromedp.Click(`.tools [data-do="side"]`), chromedp.Click(`[data-sheet="yaml"]`), chromedp.WaitVisible(`#code .cm-content`))
	p := value[[]float64](c, `new Promise((done) => requestAnimationFrame(() => { const b = document.querySelector("#code .cm-line").getBoundingClientRect(); done([b.x + 20, b.y + 8]); }))`)
	c.do(chromedp.MouseClickXY(p[0], p[1]), chromedp.KeyEvent(kb.Home, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	c.types("# mine\r")
	waitFor(t, "the comment to be kept", func() bool { return strings.HasPrefix(c.file(id), "# mine\n") })
	if value[bool](c, `!!document.querySelector("dialog[open]")`) {
		t.Error("a conflict is told where there is none")
	}
}

func TestTheMapIsSavedAsPNG(t *testing.T) {
	c, _ := drawn(t)
	value[bool](c, `(() => {
		const made = URL.createObjectURL.bind(URL);
		URL.createObjectURL = (blob) => { window.saved = blob; return made(blob); };
		return true;
	})()`)
	c.do(chromedp.Click(`.tools [data-do="side"]`), chromedp.Click(`[data-sheet="yaml"]`), chromedp.Click(`.file-bar summary`), chromedp.Click(`[data-picture="png"]`))
	c.wait("the picture", `window.saved`)
	if kind := value[string](c, `window.saved.type`); kind != "image/png" {
		t.Errorf("it is of type %q", kind)
	}
	// Not all of it is paper: the nodes are there.
	dark := value[int](c, `createImageBitmap(window.saved).then((image) => {
		const canvas = new OffscreenCanvas(image.width, image.height), at = canvas.getContext("2d");
		at.drawImage(image, 0, 0);
		const data = at.getImageData(0, 0, image.width, image.height).data;
		let dark = 0;
		for (let i = 0; i < data.length; i += 4) if (data[i] < 128) dark++;
		return dark;
	})`)
	if dark < 500 {
		t.Errorf("the picture has %d dark points", dark)
	}
}
