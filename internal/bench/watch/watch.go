package main

import (
	"bufio"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"

	"trunkline/internal/testkit"
	"trunkline/lab/control"
)

// settled is how many samples everybody has been told before anything is counted.
const settled = 5

// heard is what came to some who watch.
type heard struct{ bytes, samples atomic.Int64 }

// watching is everybody who watches.
type watching struct {
	api, page heard
	leave     func() // returns when all have left
}

// watch lets people watch, and returns once all of them have been told something.
func watch(ctx context.Context, o options, p *testkit.Program, labID string) (*watching, error) {
	live, end := context.WithCancel(ctx)
	var people sync.WaitGroup
	w := &watching{leave: func() { end(); people.Wait() }}
	begun := make(chan struct{}, o.watchers+o.pages)
	for range o.watchers {
		people.Go(func() { w.byAPI(live, p, begun) })
	}
	page, err := p.SignIn(ctx)
	for range o.pages {
		if err == nil {
			err = w.byPage(live, page, labID, &people, begun)
		}
	}
	if err != nil {
		w.leave()
		return nil, err
	}
	for range o.watchers + o.pages {
		select {
		case <-begun:
		case <-ctx.Done():
			w.leave()
			return nil, ctx.Err()
		}
	}
	for _, h := range []*heard{&w.api, &w.page} {
		h.bytes.Store(0)
		h.samples.Store(0)
	}
	return w, nil
}

func (w *watching) byAPI(ctx context.Context, p *testkit.Program, begun chan<- struct{}) {
	told := 0
	_ = p.Client.WatchRates(ctx, labName, func(r control.Rates) bool { // ends with the context
		text, _ := json.Marshal(r)
		w.api.bytes.Add(int64(len(text) + 1))
		w.api.samples.Add(1)
		if told++; told == settled {
			begun <- struct{}{}
		}
		return true
	})
}

// byPage opens both streams that the lab's page has.
func (w *watching) byPage(ctx context.Context, page *testkit.Page, labID string, people *sync.WaitGroup, begun chan<- struct{}) error {
	for _, path := range []string{"/events", "/rates"} {
		stream, err := page.Stream(ctx, "/labs/"+labID+path)
		if err != nil {
			return err
		}
		people.Go(func() {
			defer stream.Close()
			told := 0
			for lines := bufio.NewReader(stream); ; {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				w.page.bytes.Add(int64(len(line)))
				if !strings.HasPrefix(line, "event: rates") {
					continue
				}
				w.page.samples.Add(1)
				if told++; told == settled {
					begun <- struct{}{}
				}
			}
		})
	}
	return nil
}
