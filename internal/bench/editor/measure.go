package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"trunkline/internal/bench"
	"trunkline/internal/testkit"
)

// opened is a load of the page, in milliseconds since it was asked for.
type opened struct {
	Answer float64 `json:"answer"` // the server's answer began to come
	Usable float64 `json:"usable"` // the page has been put together, and the work that followed at once is done
	Busy   float64 `json:"busy"`   // how long the page could not answer to a hand in the two seconds after that, in all
}

// loaded waits two seconds after the page has been put together and tells how that went. Source of "at once": a task of more than 50 ms is a long one to
// browsers (W3C Long Tasks), and a gap of as much between two of them is time to answer to a hand.
const loaded = `new Promise((done) => {
	const tasks = [];
	new PerformanceObserver((list) => { for (const e of list.getEntries()) tasks.push([e.startTime, e.startTime + e.duration]); }).observe({ type: "longtask", buffered: true });
	const begun = performance.getEntriesByName("trunkline-lab")[0].startTime;
	setTimeout(() => {
		let usable = begun;
		let busy = 0;
		for (const [from, to] of tasks) {
			if (from <= usable + 50) usable = Math.max(usable, to);
			else busy += to - from;
		}
		done({ answer: performance.getEntriesByType("navigation")[0].responseStart, usable, busy });
	}, Math.max(0, begun + 2000 - performance.now()));
})`

func measure(ctx context.Context, o options, p *testkit.Program, labID string, record *bench.Record) error {
	b, err := open(ctx, o, p)
	if err != nil {
		return err
	}
	defer b.end()
	url := p.URL + "/labs/" + labID
	if err := loads(b, o, url, record); err != nil {
		return err
	}
	if err := streams(b, o, url, record); err != nil {
		return err
	}
	for _, view := range []struct {
		name   string
		nearer int
	}{{"whole", 0}, {"near", 5}} {
		for range view.nearer {
			if err := errors.Join(b.do(chromedp.Click(`[data-map="in"]`)), b.rests()); err != nil {
				return err
			}
		}
		for _, rates := range []bool{true, false} {
			if err := pan(b, o, view.name, rates, record); err != nil {
				return err
			}
		}
	}
	return nil
}

// loads opens the page again and again; the first time nothing of it is in the browser's cache.
func loads(b *browser, o options, url string, record *bench.Record) error {
	var answer, usable, busy []float64
	for i := range o.loads + 1 {
		if err := b.do(chromedp.Navigate(url)); err != nil {
			return err
		}
		if err := b.until("the page", fmt.Sprintf(`performance.getEntriesByName("trunkline-lab").length && document.querySelectorAll(".node").length === %d`, o.nodes)); err != nil {
			return err
		}
		load, err := ask[opened](b, loaded)
		if err != nil {
			return err
		}
		if i == 0 {
			record.Set("editor.interactive_first_ms", load.Usable, "until a page with nothing in the cache can be used")
			continue
		}
		answer, usable, busy = append(answer, load.Answer), append(usable, load.Usable), append(busy, load.Busy)
	}
	record.Set("editor.interactive_ms", bench.Median(usable), fmt.Sprintf("until the page can be used, median of %d; wanted under 2000", o.loads))
	record.Set("editor.interactive_worst_ms", bench.Quantile(usable, 1), "the slowest of them")
	record.Set("editor.answer_ms", bench.Median(answer), "of that until the server's answer comes, median")
	record.Set("editor.busy_after_ms", bench.Median(busy), "in the two seconds after the first drawing, the time that the page was busy at a stretch of 50 ms or more, median")
	return b.shot("whole")
}

// streams counts what the page's event streams bring while it is watched.
func streams(b *browser, o options, url string, record *bench.Record) error {
	if _, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{}); err != nil {
		return err
	}
	var mu sync.Mutex
	names := map[network.RequestID]string{}
	bytes := map[string]*atomic.Int64{"events": {}, "rates": {}}
	listening, enough := context.WithCancel(b.ctx)
	defer enough()
	asked, data := chromedp.Events(listening, network.RequestWillBeSent), chromedp.Events(listening, network.DataReceived)
	go func() {
		for e, err := range asked {
			if err != nil {
				return
			}
			if rest, ok := strings.CutPrefix(e.Request.URL, url+"/"); ok {
				mu.Lock()
				names[e.RequestID] = rest
				mu.Unlock()
			}
		}
	}()
	go func() {
		for e, err := range data {
			if err != nil {
				return
			}
			mu.Lock()
			count := bytes[names[e.RequestID]]
			mu.Unlock()
			if count != nil {
				count.Add(e.DataLength)
			}
		}
	}()
	if err := b.do(chromedp.Navigate(url)); err != nil {
		return err
	}
	if err := b.until("rates", `document.querySelector("svg.map.rates:not(.rates-lost)")`); err != nil {
		return err
	}
	before := map[string]int64{}
	for name, count := range bytes {
		before[name] = count.Load()
	}
	begun := time.Now()
	if err := bench.Rest(b.ctx, 2*o.during); err != nil {
		return err
	}
	for name, count := range bytes {
		record.Set("editor."+name+"_bytes_per_second", float64(count.Load()-before[name])/time.Since(begun).Seconds(), "while every cable carries something else each second")
		if count.Load() == 0 {
			return fmt.Errorf("nothing came on the stream of %s", name)
		}
	}
	return nil
}

// rests waits until the map does not move any more.
func (b *browser) rests() error {
	_, err := ask[bool](b, `new Promise((done) => {
		let before = "", still = 0;
		const look = () => {
			const now = document.querySelector("#map .view").getAttribute("transform") + document.getElementById("map").style.transform;
			still = now === before ? still + 1 : 0;
			before = now;
			if (still > 20) done(true);
			else requestAnimationFrame(look);
		};
		look();
	})`)
	return err
}

// frames is how long each frame took, in milliseconds, since the last call of it.
const frames = `(() => {
	const list = window.frameTimes ?? [];
	const on = !window.frameTimes;
	window.frameTimes = on ? [] : null;
	let before = 0;
	const next = (t) => {
		if (!window.frameTimes) return;
		if (before) window.frameTimes.push(t - before);
		before = t;
		requestAnimationFrame(next);
	};
	if (on) requestAnimationFrame(next);
	return list;
})()`

// pan drags the map and tells how many frames it drew.
func pan(b *browser, o options, view string, rates bool, record *bench.Record) error {
	pressed, err := ask[bool](b, `document.querySelector('[data-map="rates"]').getAttribute("aria-pressed") === "true"`)
	if err != nil {
		return err
	}
	if pressed != rates {
		if err := b.do(chromedp.Click(`[data-map="rates"]`)); err != nil {
			return err
		}
	}
	name := view
	if rates {
		name += "_rates"
		if err := b.until("rates", `document.querySelector("svg.map.rates:not(.rates-lost)")`); err != nil {
			return err
		}
	}
	if err := b.shot("pan-" + name); err != nil {
		return err
	}
	if _, err := ask[[]float64](b, frames); err != nil {
		return err
	}
	if err := b.drag(o.during); err != nil {
		return err
	}
	times, err := ask[[]float64](b, frames)
	if err != nil {
		return err
	}
	record.Set("editor.pan_fps_"+name, 1000/max(1, bench.Median(times)), "frames a second, median; wanted 30 or more")
	record.Set("editor.pan_fps_"+name+"_slow", 1000/max(1, bench.Quantile(times, 0.95)), "frames a second, slowest twentieth")
	record.Set("editor.pan_worst_ms_"+name, bench.Quantile(times, 1), "the longest frame")
	return b.rests()
}
