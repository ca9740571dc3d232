package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"trunkline/internal/testkit"
)

// patience is for what comes within seconds on a machine that has nothing else to do: it is no measure of the product.
const patience = 2 * time.Minute

// person drives one browser tab and keeps a picture of each step.
type person struct {
	t     *testing.T
	ctx   context.Context
	shots string
	step  int
}

// skip says why the test cannot run here; where real parts are required it fails instead.
func skip(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("TRUNKLINE_REQUIRE_REAL") != "" {
		t.Fatal("real parts are required: " + reason)
	}
	t.Skip(reason)
}

// realProgram builds and starts trunkline up, or skips with the reason.
func realProgram(t *testing.T) *testkit.Program {
	t.Helper()
	if os.Getuid() != 0 {
		skip(t, "needs root to make interfaces")
	}
	if out, err := exec.CommandContext(t.Context(), "docker", "image", "inspect", "trunkline/router").CombinedOutput(); err != nil {
		skip(t, "needs Docker with the node images: "+strings.TrimSpace(string(out)))
	}
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "trunkline"), "trunkline/cmd/trunkline")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	build = exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "trunkline-init"), "trunkline/cmd/trunkline-init")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build init: %v\n%s", err, out)
	}
	program, err := testkit.Up(t.Context(), filepath.Join(bin, "trunkline"), t.TempDir(), "--egress")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		removeLabs(t, program)
		program.Stop()
		if t.Failed() {
			t.Log("the program printed:\n" + program.Output())
		}
	})
	return program
}

// removeLabs leaves nothing behind, whatever became of the test.
func removeLabs(t *testing.T, program *testkit.Program) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	labs, err := program.Client.Labs(ctx)
	if err != nil {
		t.Errorf("the labs to remove are not known: %v", err)
	}
	for _, lab := range labs {
		if out, err := program.Run(ctx, "lab", "destroy", lab.ID, "--wait"); err != nil {
			t.Errorf("destroy %s: %v\n%s", lab.Name, err, out)
		}
	}
}

// newPerson opens a browser of its own. Drawing by the graphics card is off, so that the text of terminals is in the page.
func newPerson(t *testing.T) *person {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		skip(t, "needs chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 900), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(patience))
	for _, flag := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-3d-apis", "no-first-run"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as the context of the first call
		t.Fatalf("start chromium: %v", err)
	}
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil { // as a window has that somebody looks at
		t.Fatal(err)
	}
	shots := filepath.Join("..", "..", "test", "out", "e2e")
	if err := errors.Join(os.RemoveAll(shots), os.MkdirAll(shots, 0o755)); err != nil {
		t.Fatal(err)
	}
	return &person{t: t, ctx: ctx, shots: shots}
}

// do takes steps on a page that has been loaded, with its scripts.
func (p *person) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	p.until(patience, "the page is loaded", `document.readyState === "complete"`)
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	for _, action := range actions {
		err := chromedp.Do(ctx, action)
		for (replacedMeanwhile(err) || networkChanged(err)) && ctx.Err() == nil {
			err = chromedp.Do(ctx, action)
		}
		if err != nil {
			p.shot("failed")
			p.t.Fatalf("%s: %v", what, err)
		}
	}
}

// replacedMeanwhile says that an element was found, and that another one stood in its place before anything was done to it.
func replacedMeanwhile(err error) bool {
	var refused *cdproto.Error
	return errors.As(err, &refused) && slices.Contains([]string{
		"Could not find node with given id", "No node with given id found", "Node is detached from document", "Node does not have a layout object", "Could not compute content quads.",
	}, refused.Message)
}

// networkChanged says that Chromium broke off the loading of a page because an interface of this machine came or went.
func networkChanged(err error) bool {
	var failed *chromedp.LoadError
	return errors.As(err, &failed) && failed.ErrorText == "net::ERR_NETWORK_CHANGED"
}

// shot keeps a picture of the page, for whoever looks into the test: none is no failure.
func (p *person) shot(name string) {
	p.t.Helper()
	p.step++
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(p.shots, fmt.Sprintf("%02d-%s.png", p.step, name)), png, 0o644)
	}
	if err != nil {
		p.t.Logf("screenshot %s: %v", name, err)
	}
}

func evaluate[T any](p *person, script string) T {
	p.t.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("evaluate %s: %v", script, err)
	}
	return value
}

// until waits for a condition of the page, given as a script, and shows the page when it does not come true.
func (p *person) until(limit time.Duration, what, script string) {
	p.t.Helper()
	err := testkit.Until(p.ctx, limit, what, func() error {
		holds, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](script))
		if err == nil && !holds {
			err = fmt.Errorf("not yet: %s", script)
		}
		return err
	})
	if err != nil {
		p.shot("failed")
		p.t.Fatalf("%v\nthe terminal shows:\n%s", err, p.terminal())
	}
}

// terminal is the text of the shell in front.
func (p *person) terminal() string {
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.querySelector("#panes .pane:not([hidden])")?.shell?.text() ?? "no shell is in front"`))
	if err != nil {
		return err.Error()
	}
	return text
}

// types enters a line into the shell in front.
func (p *person) types(line string) {
	p.t.Helper()
	p.do("type "+line, press(line+"\r"))
}

// press sends a key down with its text and a key up for each character, as a keyboard does.
func press(text string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		for _, r := range text {
			down := input.DispatchKeyEventParams{Type: "keyDown", Text: string(r), Key: string(r)}
			if r == '\r' {
				down.Key, down.Code, down.WindowsVirtualKeyCode = "Enter", "Enter", 13
			}
			up := down
			up.Type, up.Text = "keyUp", ""
			for _, event := range []input.DispatchKeyEventParams{down, up} {
				if _, err := cdp.Call(ctx, target, input.DispatchKeyEvent, event); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// sees waits until the shell in front shows the text.
func (p *person) sees(limit time.Duration, text string) {
	p.t.Helper()
	err := testkit.Until(p.ctx, limit, "the shell shows "+text, func() error {
		if shown := p.terminal(); !strings.Contains(shown, text) {
			return fmt.Errorf("it shows:\n%s", shown)
		}
		return nil
	})
	if err != nil {
		p.shot("failed")
		p.t.Fatal(err)
	}
}

// openShell double-clicks a node and waits for the prompt.
func (p *person) openShell(node string) {
	p.t.Helper()
	middle := evaluate[[]float64](p, fmt.Sprintf(`new Promise((done) => { // once the map has come to rest: it makes room when panels open
		let before = "", still = 0;
		const look = () => {
			const box = document.querySelector(%q).getBoundingClientRect(), now = [box.x + box.width / 2, box.y + box.height / 3];
			still = String(now) === before ? still + 1 : 0;
			before = String(now);
			if (still >= 10) done(now);
			else requestAnimationFrame(look);
		};
		look();
	})`, nodeOnMap(node)))
	p.do("double-click "+node, chromedp.MouseClickXY(middle[0], middle[1]), chromedp.MouseClickXY(middle[0], middle[1], chromedp.ClickCount(2)))
	p.until(patience, "a shell on "+node+" is in front", fmt.Sprintf(`document.querySelector("#dock-tabs .dock-tab.active")?.innerText.trim() === %q && document.querySelector("#dock-tabs .dock-tab.active").dataset.state === "open"`, node))
	p.sees(patience, node)
}

func nodeOnMap(node string) string { return fmt.Sprintf(`#map .node[data-name=%q]`, node) }

// awaitLab waits for the lab's state on its page.
func (p *person) awaitLab(limit time.Duration, state string) {
	p.t.Helper()
	p.until(limit, "the lab is "+state, fmt.Sprintf(`document.querySelector("#lab-status")?.dataset.state === %q`, state))
}

// containsLine reports whether one line of the text is the wanted one.
func containsLine(text, wanted string) bool {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == wanted {
			return true
		}
	}
	return false
}
