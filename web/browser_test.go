package web_test

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"trunkline/web/webtest"
)

//go:embed testdata/axe.min.js
var axe string

// chrome is a real browser on a site. Every complaint of the page (exceptions, refused scripts and styles, missing files)
// fails the test, unless the test expects it.
type chrome struct {
	*site
	ctx context.Context

	mu       sync.Mutex
	expected string // part of complaints that are expected
	cutOff   int    // requests that Chromium broke off because an interface of this machine came or went
}

// expects names a part of complaints that are no mistake from now on.
func (c *chrome) expects(part string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected = part
}

func (c *chrome) expectsIt(complaint string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if strings.Contains(complaint, networkChanged) {
		c.cutOff++
		return true
	}
	return c.expected != "" && strings.Contains(complaint, c.expected)
}

func newChrome(t *testing.T, s *site) *chrome {
	t.Helper()
	if testing.Short() {
		t.Skip("a real browser is not quick")
	}
	if _, err := exec.LookPath("chromium"); err != nil {
		if os.Getenv("TRUNKLINE_REQUIRE_REAL") == "1" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed")
	}
	var listening sync.WaitGroup
	t.Cleanup(listening.Wait) // once the browser is gone
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), chromedp.ExecPath("chromium"), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.WSURLReadTimeout(2*time.Minute),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 10*time.Minute)
	t.Cleanup(cancel)
	c := &chrome{site: s, ctx: ctx}
	c.do(chromedp.EmulateViewport(1280, 800))
	c.call(chromedp.Call(ctx, log.Enable, cdp.Empty{}))
	c.call(chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})) // as a window has that somebody looks at
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: listens}); err != nil {
		t.Fatal(err)
	}
	entries, exceptions := chromedp.Events(ctx, log.EntryAdded), chromedp.Console(ctx)
	listening.Go(func() {
		for e, err := range entries {
			if err != nil {
				return
			}
			if e.Entry.Level == "error" && !ofAnEarlierSeat(e.Entry) && !c.expectsIt(e.Entry.Text) {
				t.Errorf("the page complains: %s %s", e.Entry.Text, e.Entry.URL)
			}
		}
	})
	listening.Go(func() {
		for m, err := range exceptions {
			if err != nil {
				return
			}
			if m.IsException() {
				t.Errorf("the page threw: %s", m)
			}
		}
	})
	return c
}

// ofAnEarlierSeat says that a choice was on its way while the page's stream began anew, with another seat, by which it is told again.
func ofAnEarlierSeat(e *log.Entry) bool {
	return strings.HasSuffix(e.URL, "/presence") && strings.Contains(e.Text, "status of 409")
}

func (c *chrome) call(_ cdp.Empty, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// do takes steps on a page that has been loaded, with its scripts.
func (c *chrome) do(steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	c.loaded()
	for _, step := range steps {
		waitFor(c.t, "an element that stays until it is reached", func() bool {
			err := chromedp.Do(c.ctx, step)
			if err != nil && !replacedMeanwhile(err) {
				c.t.Fatal(err)
			}
			return err == nil
		})
	}
}

// loaded waits until nothing is left to load of a page that another one may be giving way to.
func (c *chrome) loaded() {
	c.t.Helper()
	waitFor(c.t, "the page to be loaded", func() bool {
		is, err := chromedp.Run(c.ctx, chromedp.Evaluate[bool](`document.readyState === "complete"`))
		if err != nil && !leftMeanwhile(err) {
			c.t.Fatal(err)
		}
		return err == nil && is
	})
}

// replacedMeanwhile says that an element was found, and that another one stood in its place before anything was done to it.
func replacedMeanwhile(err error) bool {
	var refused *cdproto.Error
	return errors.As(err, &refused) && slices.Contains([]string{
		"Could not find node with given id", "No node with given id found", "Node is detached from document", "Node does not have a layout object", "Could not compute content quads.",
	}, refused.Message)
}

// value evaluates JavaScript.
func value[T any](c *chrome, js string) T {
	c.t.Helper()
	c.loaded()
	v, err := chromedp.Run(c.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		c.t.Fatalf("%s: %v", js, err)
	}
	return v
}

// wait until an expression is true, or fail by the name of what did not come. What throws is not true yet.
func (c *chrome) wait(what, js string) {
	c.t.Helper()
	var threw *chromedp.ExceptionError
	c.t.Cleanup(func() {
		if c.t.Failed() {
			shows, err := chromedp.Run(c.ctx, chromedp.Evaluate[string]("`the focus is on ${document.activeElement?.outerHTML.slice(0, 120)}; the screen shows ${"+screen+"}`"))
			c.t.Logf("%s: %s (%v, %v)", what, shows, err, threw)
		}
	})
	waitFor(c.t, what, func() bool {
		holds, err := chromedp.Run(c.ctx, chromedp.Evaluate[bool]("!!("+js+")", chromedp.EvalAwaitPromise))
		if err != nil && !leftMeanwhile(err) && !errors.As(err, &threw) {
			c.t.Fatalf("%s: %s: %v", what, js, err)
		}
		return err == nil && holds
	})
}

// leftMeanwhile says that the browser went to another page while a script ran: the next page can be asked.
func leftMeanwhile(err error) bool {
	var refused *cdproto.Error
	return errors.As(err, &refused) && refused.Code == -32000
}

// types presses keys as a keyboard does: the character comes with the key, so that a page can suppress it.
func (c *chrome) types(text string) {
	c.t.Helper()
	for _, r := range text {
		for _, k := range kb.Encode(r) {
			if k.Type == kb.KeyChar {
				continue
			}
			if k.Type == kb.KeyDown && (unicode.IsPrint(r) || r == '\r') {
				k.Text = string(r)
			}
			if _, err := chromedp.Call(c.ctx, input.DispatchKeyEvent, *k); err != nil {
				c.t.Fatal(err)
			}
		}
	}
}

const networkChanged = "net::ERR_NETWORK_CHANGED"

// open loads a page, anew when the network of this machine changed meanwhile: Chromium then breaks off what it loads, also from loopback.
func (c *chrome) open(path string) {
	c.t.Helper()
	c.loaded()
	for {
		before := c.timesCutOff()
		var failed *chromedp.LoadError
		err := chromedp.Do(c.ctx, chromedp.Navigate(c.URL+path))
		if err != nil && (!errors.As(err, &failed) || failed.ErrorText != networkChanged) {
			c.t.Fatal(err)
		}
		if err == nil && c.timesCutOff() == before {
			return
		}
	}
}

func (c *chrome) timesCutOff() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cutOff
}

func (c *chrome) signIn(name string) {
	c.t.Helper()
	c.open("/sign-in")
	c.do(chromedp.SendKeys("#email", name), chromedp.SendKeys("#password", webtest.Password+"\r"))
	c.wait("the bar after signing in", `document.querySelector(".bar")`)
}

// middle is where a hand would click a node, once the map has come to rest: it makes room when panels open.
func (c *chrome) middle(node string) (x, y float64) {
	c.t.Helper()
	p := value[[]float64](c, fmt.Sprintf(`new Promise((done) => {
		let before = "", still = 0;
		const look = () => {
			const b = document.querySelector('.node[data-name=%q] .body').getBoundingClientRect();
			const now = [b.x + b.width / 2, b.y + b.height / 2];
			still = String(now) === before ? still + 1 : 0;
			before = String(now);
			if (still >= 10) done(now);
			else requestAnimationFrame(look);
		};
		look();
	})`, node))
	return p[0], p[1]
}

// listens remembers every message of a page, which may fade before a test looks.
const listens = `addEventListener("DOMContentLoaded", () => {
	const box = document.getElementById("toasts"), hear = () => [...box.children].forEach((t) => said.add(t.textContent));
	window.said = new Set();
	if (!box) return;
	hear();
	new MutationObserver(hear).observe(box, {childList: true, subtree: true, characterData: true});
})`

// said is whether the page has said something, in a message that may be gone.
func said(text string) string {
	return `[...(window.said ?? [])].some((t) => t.includes("` + text + `"))`
}

const screen = `document.querySelector(".pane:not([hidden])")?.shell.text()`

func TestTheListAndTheMapInABrowser(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "ring-100")
	c := newChrome(t, s)
	c.signIn("mia")
	c.wait("the lab in the list", `document.querySelectorAll(".lab-row").length === 1`)
	s.example("mia", "ospf-triangle")
	c.wait("a lab that was made elsewhere", `document.querySelectorAll(".lab-row").length === 2`)
	c.open("/labs/" + id)
	c.wait("a hundred nodes", `document.querySelectorAll(".node").length === 100 && document.querySelectorAll(".link").length === 100`)
	c.do(chromedp.Click("#do-deploy"))
	c.wait("the nodes to run on the map", `document.querySelectorAll('.node[data-state="running"]').length === 100`)
	c.wait("the state above the map", `document.querySelector("#lab-status").dataset.state === "running"`)
	c.wait("cables that are up", `document.querySelectorAll('.link[data-up="yes"]').length === 100`)
}

func TestAShellInABrowserSurvivesAReload(t *testing.T) {
	s := newSite(t, nil)
	id := running(t, s)
	c := newChrome(t, s)
	c.signIn("mia")
	c.open("/labs/" + id)
	c.wait("the map", `document.querySelector('.node[data-name="r1"]')`)
	x, y := c.middle("r1")
	c.do(chromedp.MouseClickXY(x, y), chromedp.MouseClickXY(x, y, chromedp.ClickCount(2)))
	c.wait("a prompt", screen+`?.includes("root@r1")`)
	c.types("echo first line\r")
	c.wait("the echo", screen+`?.includes("\nfirst line")`)
	c.types("flood\r")
	c.wait("the end of a long output", screen+`?.endsWith("#") && `+screen+`.includes("01234567890123456789")`)
	c.types("echo kept\r")
	c.wait("the second echo", screen+`?.includes("\nkept")`)
	c.do(chromedp.Reload())
	c.wait("the same shell after the reload", screen+`?.includes("\nkept")`)
	c.types("echo again\r")
	c.wait("typing goes on", screen+`?.includes("\nagain")`)
	c.types("exit 3\r")
	c.wait("the reason of the end", `document.querySelector(".pane .told:not([hidden])")?.textContent.includes("exit code 3")`)
	c.wait("the tab's dot", `document.querySelector('.dock-tab[data-state="ended"]')`)
	c.do(chromedp.Click(".pane .told button"))
	c.wait("a new shell in the same tab", `document.querySelector('.dock-tab[data-state="open"]') && `+screen+`?.endsWith("#")`)
	c.do(chromedp.Click(".dock-tab .tool"))
	c.wait("the dock to close with its last tab", `document.getElementById("dock").hidden`)
}

func TestADraggedNodeStaysWhereItWasPut(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "ospf-triangle")
	c := newChrome(t, s)
	c.signIn("mia")
	c.open("/labs/" + id)
	c.wait("the map", `document.querySelector('.node[data-name="r1"]')`)
	x, y := c.middle("r1")
	c.do(chromedp.DragAndDropXY(x, y, x+80, y+60))
	waitFor(t, "the place to be stored", func() bool {
		d, err := s.World.Get(c.ctx, s.World.Actor("mia"), id)
		return err == nil && d.Revision == 2 // moving a node is an edit of the file
	})
	at := value[string](c, `document.querySelector('.node[data-name="r1"]').getAttribute("transform")`)
	c.do(chromedp.Reload())
	c.wait("the map", `document.querySelector('.node[data-name="r1"]')`)
	d, err := s.World.Get(c.ctx, s.World.Actor("mia"), id)
	if err != nil {
		t.Fatal(err)
	}
	kept := value[string](c, `document.querySelector('.node[data-name="r1"]').getAttribute("transform")`)
	want := fmt.Sprintf("translate(%v,%v)", *d.Lab.Node("r1").X, *d.Lab.Node("r1").Y)
	if kept != want {
		t.Errorf("dragged to %s, stored %s, drawn at %s", at, want, kept)
	}
}

func TestAFileDroppedOnANodeLandsInIt(t *testing.T) {
	s := newSite(t, nil)
	id := running(t, s)
	c := newChrome(t, s)
	c.signIn("mia")
	c.open("/labs/" + id)
	c.wait("the map", `document.querySelector('.node[data-name="h1"]')`)
	c.wait("the stream", `document.querySelector('.node[data-name="h1"]').dataset.state === "running"`)
	x, y := c.middle("h1")
	value[bool](c, fmt.Sprintf(`(() => {
		const transfer = new DataTransfer();
		transfer.items.add(new File([new Uint8Array(5 << 20).fill(65)], "big.img"));
		for (const name of ["dragover", "drop"]) {
			document.getElementById("map").dispatchEvent(new DragEvent(name, {bubbles: true, cancelable: true, dataTransfer: transfer, clientX: %f, clientY: %f}));
		}
		return true;
	})()`, x, y))
	c.wait("the upload to be done", said("big.img/root/big.img in h1"))
	a := s.as("mia").get("/labs/" + id + "/nodes/h1/files?path=/root/big.img")
	if len(a.body) != 5<<20 {
		t.Errorf("%d bytes are in the node", len(a.body))
	}
}

func TestTheMapByKeyboard(t *testing.T) {
	s := newSite(t, nil)
	id := running(t, s)
	c := newChrome(t, s)
	c.signIn("mia")
	c.open("/labs/" + id)
	c.wait("the map", `document.querySelector('.node[data-name="r1"]')`)
	value[bool](c, `(document.querySelector('.node[data-name="r1"]').focus(), true)`)
	c.do(chromedp.KeyEvent("\u0301")) // arrow down
	name := value[string](c, `document.activeElement.dataset.name`)
	if name == "r1" || name == "" {
		t.Fatalf("the arrow led to %q", name)
	}
	c.types(" ")
	c.wait("details of the node", fmt.Sprintf(`document.querySelector("#inspector")?.dataset.node === %q`, name))
	c.types("\r")
	c.wait("a shell", fmt.Sprintf(screen+`?.includes("root@%s")`, name))
	c.do(chromedp.KeyEvent("`", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	c.wait("the dock to hide", `document.getElementById("dock").hidden`)
}

func TestPagesAreAccessible(t *testing.T) {
	s := newSite(t, nil)
	id := running(t, s)
	c := newChrome(t, s)
	still := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}}}
	if _, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, still); err != nil {
		t.Fatal(err)
	}
	check := func(page, scheme string) {
		value[bool](c, fmt.Sprintf(`(document.documentElement.dataset.theme = %q, true)`, scheme))
		value[bool](c, "(() => {"+axe+"; window.axe = axe; return true })()")
		value[bool](c, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => Promise.allSettled(document.getAnimations().filter((a) => a instanceof CSSTransition).map((a) => a.finished)).then(() => done(true)))))`) // colours have settled
		found := value[[]string](c, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + (n.any[0]?.message ?? "")).join(" | ")))`)
		for _, f := range found {
			t.Errorf("%s (%s): %s", page, scheme, f)
		}
	}
	c.open("/sign-in")
	check("sign-in", "light")
	check("sign-in", "dark")
	c.signIn("admin")
	for _, page := range []string{"/labs", "/labs/new", "/labs/new?from=example", "/labs/new?from=upload", "/labs/new?from=paste", "/images", "/hosts", "/hosts/h1", "/hosts/h2", "/networks", "/account", "/about"} {
		c.open(page)
		check(page, "light")
		check(page, "dark")
	}
	c.open("/labs/" + id)
	c.wait("the map", `document.querySelector('.node[data-name="r1"]')`)
	x, y := c.middle("r1")
	c.do(chromedp.MouseClickXY(x, y), chromedp.MouseClickXY(x, y, chromedp.ClickCount(2)))
	c.wait("a prompt", screen+`?.includes("root@r1")`)
	c.do(chromedp.Click(`.tools [data-do="side"]`))
	x, y = c.middle("r2")
	c.do(chromedp.MouseClickXY(x, y))
	c.wait("details", `document.querySelector("#inspector")`)
	check("lab", "light")
	check("lab", "dark")
	c.do(chromedp.Click(`[data-map="hosts"]`), chromedp.Click(`[data-sheet="placement"]`))
	c.wait("the list of places", `document.querySelector("#placement")`)
	check("lab by host", "light")
	check("lab by host", "dark")
	c.open("/hosts/h1")
	c.wait("the log", `document.querySelector("#host-log pre")`)
	c.do(chromedp.Click("#do-revoke"))
	check("host, about to be revoked", "light")
	check("host, about to be revoked", "dark")
}

func TestAPanelThatIsOpenedShowsWhatIsChosenAlready(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "ospf-triangle")
	c := newChrome(t, s)
	c.do(chromedp.EmulateViewport(768, 800)) // so narrow that it does not open by itself
	c.signIn("mia")
	c.open("/labs/" + id)
	c.wait("the map", `document.querySelector('.node[data-name="r1"]')`)
	c.click("r1")
	c.wait("the choice", `document.querySelector("#chosen-bar output").textContent === "r1"`)
	c.do(chromedp.Click(`.tools [data-do="side"]`))
	c.wait("the details of what is chosen", `document.querySelector("#inspector")?.dataset.node === "r1"`)
	c.do(chromedp.Click(`.tools [data-do="side"]`))
	value[bool](c, `(document.querySelector('.node[data-name="r2"]').focus(), true)`)
	c.types("x")
	c.wait("the choice", `document.querySelector("#chosen-bar output").textContent === "2 nodes"`)
	c.do(chromedp.Click(`.tools [data-do="side"]`))
	c.wait("the fields of both", `document.querySelector("#bulk-form")`)
}
