package acceptance

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/internal/testkit"
	"trunkline/lab"
	"trunkline/lab/control"
	"trunkline/lab/edit"
)

var editsInARow = flag.Int("edits", 12, "how many random edits a running lab gets, one after the other")

// settles is how long a lab of thirty nodes on a slow machine may take to become what an edit says. What it took is printed.
const settles = 3 * time.Minute

// TestRandomEditsOfARunningLab edits a running lab of thirty nodes on three hosts as its page does, and looks after each edit from inside
// the nodes: everything is as the file says, and what the file says as before was not touched.
func TestRandomEditsOfARunningLab(t *testing.T) {
	f := newFleet(t, []string{tiny}, "zone=a", "zone=b", "zone=c")
	t.Logf("-seed %d -edits %d", *seed, *editsInARow)
	f.stores("edited", thirty())
	f.asks("edited", "deploy")
	f.becomes("edited", control.Running)
	on := f.placed("edited")
	if len(on) < 3 {
		t.Fatalf("nodes are on %v", on)
	}
	t.Logf("thirty nodes run on %v", on)
	e := &edits{f: f, page: newPage(&f.rig), random: rand.New(rand.NewPCG(*seed, 2))}
	e.last = e.awaitAsWritten("the lab as it was stored")
	for n := 1; n <= *editsInARow && !t.Failed(); n++ {
		e.one(n)
	}
	e.report()
	f.destroys("edited")
	f.nothingIsLeftAnywhere()
}

// thirty is a ring of 26 containers, each of which is also on one of three switches or on a segment; every host has a third of them.
func thirty() string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: edited\ntopology:\n  kinds:\n    linux: {image: %s}\n  nodes:\n", tiny)
	for i, sw := range []string{"sw0", "sw1", "sw2"} {
		fmt.Fprintf(&b, "    %s: {kind: switch, labels: {trunkline.place.zone: %s}}\n", sw, zone(i))
	}
	b.WriteString("    office: {kind: lan}\n")
	const containers = 26
	for i := range containers {
		fmt.Fprintf(&b, "    n%d: {kind: linux, labels: {trunkline.place.zone: %s}}\n", i, zone(i))
	}
	b.WriteString("  links:\n")
	for i := range containers {
		fmt.Fprintf(&b, "    - endpoints: [n%d:eth1, n%d:eth2]\n      ipv4: [10.1.%d.1/30, 10.1.%d.2/30]\n", i, (i+1)%containers, i, i)
		at, network := fmt.Sprintf("sw%d:p%d", i/7%4, i+1), i/7%4
		if network == 3 {
			at = fmt.Sprintf("office:p%d", i+1)
		}
		fmt.Fprintf(&b, "    - endpoints: [%s, n%d:eth3]\n      ipv4: ['', 10.20%d.0.%d/24]\n", at, i, network, i+10)
	}
	return b.String()
}

func zone(i int) string { return string(rune('a' + i%3)) }

// edits is somebody who edits a running lab, and remembers how to take back what he did.
type edits struct {
	f      *fleet
	page   *page
	random *rand.Rand
	last   sight
	undos  [][]edit.Op
	fresh  int             // numbers that new names and networks have had
	took   []time.Duration // until the look that found all as written had ended
	felt   []time.Duration // until that look began
	kinds  map[string]int
}

// one makes one edit that is not refused, and waits until the hosts are as it says.
func (e *edits) one(n int) {
	e.f.t.Helper()
	for range 50 {
		what, ops := e.draw(e.last.lab)
		if ops == nil {
			continue
		}
		begun := time.Now()
		answer, code, text := e.send(ops)
		if code != http.StatusOK {
			if answer.Error == nil || code >= http.StatusInternalServerError {
				e.f.t.Fatalf("edit %d, %s: answered %d:\n%.2000s", n, what, code, text)
			}
			e.f.t.Logf("edit %d, %s: refused: %s", n, what, answer.Error.Sentence)
			continue
		}
		answered := time.Since(begun)
		if what != undo {
			e.undos = append(e.undos, answer.Inverse)
		}
		seen := e.awaitAsWritten(fmt.Sprintf("edit %d, %s: %s", n, what, answer.Words))
		took := time.Since(begun)
		e.took, e.felt = append(e.took, took), append(e.felt, seen.begun.Sub(begun))
		e.f.t.Logf("edit %d, %s: %s: answered after %.2f s, as written after %.2f s at most, all looked into after %.2f s", n, what, answer.Words, answered.Seconds(), seen.begun.Sub(begun).Seconds(), took.Seconds())
		e.untouched(e.last, seen)
		e.last = seen
		if e.kinds == nil {
			e.kinds = map[string]int{}
		}
		e.kinds[what]++
		return
	}
	e.f.t.Fatalf("edit %d: fifty edits in a row were refused", n)
}

// answered is what the editor's page is told of an edit.
type answered struct {
	Words   string    `json:"words"`
	Inverse []edit.Op `json:"inverse"`
	Error   *struct {
		Sentence string `json:"message"`
	} `json:"error"`
}

func (e *edits) send(ops []edit.Op) (answer answered, code int, text string) {
	e.f.t.Helper()
	body, err := json.Marshal(control.EditRequest{Ops: ops, Apply: true})
	if err != nil {
		e.f.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(e.f.limited(), http.MethodPost, e.f.URL+"/labs/"+e.last.id+"/edits", strings.NewReader(string(body)))
	if err != nil {
		e.f.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Origin", e.f.URL)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	response, err := e.page.http.Do(request)
	if err != nil {
		e.f.t.Fatal(err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil {
		e.f.t.Fatal(err)
	}
	if err := json.Unmarshal(said, &answer); err != nil {
		e.f.t.Fatalf("an edit is answered with %d and no JSON: %v\n%.2000s", response.StatusCode, err, said)
	}
	return answer, response.StatusCode, string(said)
}

// awaitAsWritten waits until the lab runs as its file says, seen from inside its nodes.
func (e *edits) awaitAsWritten(what string) (seen sight) {
	e.f.t.Helper()
	err := testkit.Until(e.f.t.Context(), settles, "the hosts are as the file says", func() (err error) {
		seen, err = e.look()
		if err == nil {
			err = seen.asWritten()
		}
		return err
	})
	if err != nil {
		e.f.t.Fatalf("%s: %v\nthe file:\n%s\n%s", what, err, seen.source, e.f.logTail())
	}
	return seen
}

// untouched checks that what the file says as before was left alone: containers were not started anew, interfaces not made anew.
func (e *edits) untouched(before, after sight) {
	e.f.t.Helper()
	for name, was := range before.nodes {
		is, stays := after.nodes[name]
		if !stays {
			continue
		}
		if was.container != is.container || was.started != is.started {
			e.f.t.Errorf("%s: its container %.12s, started at tick %s, is now %.12s, started at tick %s", name, was.container, was.started, is.container, is.started)
		}
		for port, had := range was.ports {
			if has, stays := is.ports[port]; stays && (had.index != has.index || had.mac != has.mac) {
				e.f.t.Errorf("%s %s was number %d with %s, is number %d with %s", name, port, had.index, had.mac, has.index, has.mac)
			}
		}
	}
}

// report prints how long edits took.
func (e *edits) report() {
	if len(e.took) == 0 {
		return
	}
	for _, of := range []struct {
		what string
		took []time.Duration
	}{{"the look that found all as written began", e.felt}, {"it had looked into every node and every ping was over", e.took}} {
		slices.Sort(of.took)
		e.f.t.Logf("%d edits (%v): from the request until %s: median %.2f s, worst %.2f s", len(of.took), e.kinds, of.what,
			of.took[len(of.took)/2].Seconds(), of.took[len(of.took)-1].Seconds())
	}
}

// containers are the names of the nodes that are containers.
func containers(l *lab.Lab) (names []string) {
	for _, n := range l.Nodes {
		if n.Kind.IsContainer() {
			names = append(names, n.Name)
		}
	}
	return names
}
