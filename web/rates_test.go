package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// told is an event of a rates stream.
type told struct {
	Full       bool                 `json:"full"`
	Interfaces map[string][]int64   `json:"i"`
	Nodes      map[string][]float64 `json:"n"`
}

func toldBy(t *testing.T, event string) told {
	t.Helper()
	var r told
	if err := json.Unmarshal([]byte(strings.TrimPrefix(event, "rates ")), &r); err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	return r
}

func TestRatesBeginWithEverythingAndGoOnWithWhatChanged(t *testing.T) {
	s := newSite(t, nil)
	s.World.RatesEvery = 50 * time.Millisecond
	id := running(t, s)
	c := events(t, s.as("mia"), "/labs/"+id+"/rates")
	first := toldBy(t, next(t, c, "rates "))
	if !first.Full || len(first.Interfaces) == 0 || len(first.Nodes) == 0 {
		t.Fatalf("it begins with %+v", first)
	}
	known := map[string]string{}
	for name, rate := range first.Interfaces {
		known[name] = text(rate)
		for _, v := range rate {
			if digits := strings.TrimRight(text([]int64{v}), "0]"); len(digits) > len("[123") {
				t.Errorf("%s has more than three digits that count: %d", name, v)
			}
		}
	}
	for range 3 {
		change := toldBy(t, next(t, c, "rates "))
		if change.Full {
			t.Fatal("everything came again")
		}
		for name, rate := range change.Interfaces {
			if known[name] == text(rate) {
				t.Errorf("%s is told again: %v", name, rate)
			}
			known[name] = text(rate)
		}
	}
}

func text(list []int64) string {
	b, _ := json.Marshal(list)
	return string(b)
}

func TestRatesOfAnotherTenantAreNotFound(t *testing.T) {
	s := newSite(t, nil)
	id := running(t, s)
	s.as("eve").get("/labs/"+id+"/rates").want(t, http.StatusNotFound)
	if n := s.World.RateWatchers(); n != 0 {
		t.Errorf("%d watch", n)
	}
}

func TestNothingIsMeasuredOnceNobodyWatches(t *testing.T) {
	s := newSite(t, nil)
	s.World.RatesEvery = 50 * time.Millisecond
	id := running(t, s)
	t.Run("while somebody watches", func(t *testing.T) {
		c := events(t, s.as("mia"), "/labs/"+id+"/rates")
		next(t, c, "rates ")
		if n := s.World.RateWatchers(); n != 1 {
			t.Errorf("%d watch", n)
		}
	})
	waitFor(t, "the measuring to end", func() bool { return s.World.RateWatchers() == 0 })
}
