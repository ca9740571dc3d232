package host

import (
	"context"
	"testing"
)

// slowEngine answers a List with what there was when it was asked, once the test lets it.
type slowEngine struct {
	Engine
	there chan []Container // an answer that is ready when it is asked for
	let   chan struct{}
}

func (e *slowEngine) List(context.Context) ([]Container, error) {
	all := <-e.there
	<-e.let
	return all, nil
}

// An answer that was under way when the events broke off shows what there was before: it says nothing of what came after.
func TestAnAnswerUnderWayAllaysNoDoubt(t *testing.T) {
	e := &slowEngine{there: make(chan []Container), let: make(chan struct{})}
	l := newLister(e)
	look := func(state string, meanwhile func()) int {
		t.Helper()
		resets := make(chan int, 1)
		go func() {
			answer, err := l.list(t.Context(), t.Context())
			if err != nil {
				t.Error(err)
				resets <- -1
				return
			}
			resets <- answer.resets
		}()
		e.there <- []Container{{ID: "c1", State: state, Stamp: Stamp{Lab: "l", Node: "n"}}}
		meanwhile()
		e.let <- struct{}{}
		return <-resets
	}
	for _, c := range []struct {
		what      string
		state     string
		meanwhile func()
		want      int
	}{
		{"all is well at first", "running", func() {}, 0},
		{"a node that ends in sight ends by itself", "exited", func() {}, 0},
		{"it runs again, and the events break off meanwhile", "running", l.doubted, 0},
		{"the engine had restarted", "exited", func() {}, 1},
		{"that is told once", "exited", l.doubted, 1},
		{"but for what nobody had followed since", "exited", func() {}, 2},
	} {
		if got := look(c.state, c.meanwhile); got != c.want {
			t.Errorf("%s: %d restarts of the engine, want %d", c.what, got, c.want)
		}
	}
}
