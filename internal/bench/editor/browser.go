package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/chromedp"

	"trunkline/internal/testkit"
)

// browser is one tab of Chromium.
type browser struct {
	ctx   context.Context
	shots string
	end   func()
}

// open starts Chromium and signs in by the program's one-time link.
func open(ctx context.Context, o options, p *testkit.Program) (*browser, error) {
	folder, err := os.MkdirTemp("", "trunkline-bench-*")
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 900), chromedp.UserDataDir(folder))
	for _, flag := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-3d-apis", "no-first-run"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocated, stop := chromedp.NewExecAllocator(ctx, options...)
	tab, closeTab := chromedp.NewContext(allocated)
	b := &browser{ctx: tab, shots: o.shots, end: func() {
		closeTab()
		stop()
		_ = os.RemoveAll(folder) // a folder for temporary files
	}}
	err = b.do(chromedp.EmulateViewport(1280, 800), chromedp.Navigate(p.SignInLink), chromedp.Click(`form[action^="/sign-in/"] button`), chromedp.WaitVisible(`input[name="password"]`))
	if err != nil {
		b.end()
		return nil, err
	}
	return b, nil
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) error {
	return chromedp.Do(b.ctx, steps...)
}

// ask evaluates JavaScript; a promise is waited for.
func ask[T any](b *browser, script string) (T, error) {
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		return v, fmt.Errorf("%.80s: %w", script, err)
	}
	return v, nil
}

// until waits for a condition of the page.
func (b *browser) until(what, script string) error {
	return testkit.Until(b.ctx, time.Minute, what, func() error {
		switch is, err := ask[bool](b, "!!("+script+")"); {
		case err != nil:
			return err
		case !is:
			return fmt.Errorf("%s: not yet", what)
		}
		return nil
	})
}

// drag takes the paper and moves it in circles, sixty moves a second, as a hand does.
func (b *browser) drag(during time.Duration) error {
	from, err := ask[[]float64](b, paper)
	if err != nil {
		return err
	}
	x, y := from[0], from[1]
	if err := b.do(chromedp.MouseEvent(chromedp.MouseMoved, x, y), chromedp.MouseEvent(chromedp.MousePressed, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1))); err != nil {
		return err
	}
	tick := time.NewTicker(time.Second / 60)
	defer tick.Stop()
	for begun := time.Now(); time.Since(begun) < during; {
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			return b.ctx.Err()
		}
		angle := 2 * math.Pi * time.Since(begun).Seconds() / 2
		if err := b.do(chromedp.MouseEvent(chromedp.MouseMoved, x+160*math.Sin(angle), y+110*(1-math.Cos(angle)), chromedp.ButtonLeft)); err != nil {
			return err
		}
	}
	return b.do(chromedp.MouseEvent(chromedp.MouseReleased, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
}

// paper is where nothing is drawn, near the middle of the map.
const paper = `(() => {
	const box = document.getElementById("canvas").getBoundingClientRect();
	for (let r = 0; r < 260; r += 6) for (let a = 0; a < 24; a++) {
		const [x, y] = [box.x + box.width / 2 + r * Math.cos(a * 0.26), box.y + box.height / 2 - 60 + r * Math.sin(a * 0.26)];
		const e = document.elementFromPoint(x, y);
		if (e?.id === "map" || e?.id === "canvas") return [x, y];
	}
	throw new Error("the map has no free place");
})()`

func (b *browser) shot(name string) error {
	if b.shots == "" {
		return nil
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.shots, name+".png"), picture, 0o644)
}
