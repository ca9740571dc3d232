package acceptance

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"trunkline/lab/control"
	"trunkline/lab/edit"
	"trunkline/lab/hostapi"
)

// movedFile has a node on each host that answers to the same addresses, with another time to live, where the cables of c and of the switch end.
const movedFile = `name: moved
topology:
  defaults: {kind: linux, image: trunkline/tiny}
  nodes:
    c: {image: trunkline/host, labels: {trunkline.place.host: host-a}}
    near: {labels: {trunkline.place.host: host-a}}
    far: {labels: {trunkline.place.host: host-b}, sysctls: {net.ipv4.ip_default_ttl: "77"}}
    d: {image: trunkline/host, labels: {trunkline.place.host: host-a}}
    sw: {kind: switch, labels: {trunkline.place.host: host-a}}
  links:
    - endpoints: [c:eth1, near:eth1]
      ipv4: [10.9.0.1/24, 10.9.0.2/24]
    - endpoints: [d:eth1, sw:eth1]
      ipv4: [10.9.1.1/24]
    - endpoints: [near:eth2, sw:eth2]
      ipv4: [10.9.1.2/24]
`

const (
	movedTo  = "10.9.0.2"
	behindTo = "10.9.1.2" // behind the switch: who asks for it sees no cable go
	nearTTL  = 64
	farTTL   = 77
	pingEach = 10 * time.Millisecond
	atOnce   = time.Second      // within which an edit of what runs is felt
	forgets  = 15 * time.Second // neighbours remember for longer than that, and no busy machine adds so much
)

// reply is one answered ping, in this machine's time, which the nodes of test hosts share.
type reply struct {
	at       time.Time
	seq, ttl int
}

var replyLine = regexp.MustCompile(`^\[(\d+\.\d+)\] .* icmp_seq=(\d+) ttl=(\d+) `)

// pinging is a ping that goes on.
type pinging struct {
	r       *rig
	replies <-chan reply
	stop    func()
}

// pinging begins to ping and waits for the first answer.
func (r *rig) pinging(lab, node, to string, each time.Duration) (*pinging, reply) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	conn, err := r.Client.Exec(ctx, lab, node, hostapi.ExecRequest{Command: []string{"ping", "-D", "-n", "-i", strconv.FormatFloat(each.Seconds(), 'f', -1, 64), to}})
	if err != nil {
		cancel()
		r.t.Fatal(err)
	}
	replies := make(chan reply, 10000)
	go func() { // ends with the connection
		defer close(replies)
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			if m := replyLine.FindStringSubmatch(lines.Text()); m != nil {
				seconds, _ := strconv.ParseFloat(m[1], 64) // the expression lets only numbers through
				seq, _ := strconv.Atoi(m[2])
				ttl, _ := strconv.Atoi(m[3])
				replies <- reply{time.UnixMicro(int64(seconds * 1e6)), seq, ttl}
			}
		}
	}()
	p := &pinging{r, replies, func() { conn.Close(); cancel() }}
	return p, p.next("the first answer")
}

// next is the next answer.
func (p *pinging) next(what string) reply {
	p.r.t.Helper()
	select {
	case got, more := <-p.replies:
		if !more {
			p.r.t.Fatalf("the ping ended before %s", what)
		}
		return got
	case <-time.After(within):
		p.r.t.Fatalf("%s did not come within %v", what, within)
	}
	return reply{}
}

// untilBy follows the answers until they come from the node with this time to live: the last one before and the first one from it.
func (p *pinging) untilBy(ttl int, last reply) (before, first reply) {
	p.r.t.Helper()
	for {
		got := p.next("an answer by the other end")
		if got.ttl == ttl {
			return last, got
		}
		last = got
	}
}

// quiet is how long no answer comes after the last that was sent before a cut.
const quiet = 300 * time.Millisecond

// lastBefore follows the answers until none comes any more.
func (p *pinging) lastBefore(last reply) reply {
	p.r.t.Helper()
	for {
		select {
		case got, more := <-p.replies:
			if !more {
				p.r.t.Fatal("the ping ended by itself")
			}
			last = got
		case <-time.After(quiet):
			return last
		}
	}
}

// lossUntil follows the answers until one comes after that moment, and counts the pings before it that were answered and those that were not.
func (p *pinging) lossUntil(end time.Time, first reply) (lost, answered int) {
	p.r.t.Helper()
	seen := map[int]bool{first.seq: true}
	for last := first; ; {
		if last.at.After(end) {
			return last.seq - first.seq + 1 - len(seen), len(seen)
		}
		last = p.next("an answer after all that was done")
		seen[last.seq] = true
	}
}

// asksEdit has an edit of the running lab carried out, and returns when it was asked for.
func (f *fleet) asksEdit(op edit.Op) time.Time {
	f.t.Helper()
	asked := time.Now()
	result, err := f.Client.Edit(f.limited(), "moved", control.EditRequest{Ops: []edit.Op{op}, Apply: true})
	if err != nil || !result.Applied {
		f.t.Fatalf("%+v: %+v, %v", op, result, err)
	}
	return asked
}

// moves moves an end of a cable, named with %s for the node, from near to far and back again and again. It returns how long after the edit was asked
// for that was felt, how long nobody answered, and the last answer.
func (p *pinging) moves(f *fleet, cable, end, name string, last reply) (felt, paused []time.Duration, _ reply) {
	p.r.t.Helper()
	for _, way := range slices.Repeat([]struct {
		from, to string
		ttl      int
	}{{"near", "far", farTTL}, {"far", "near", nearTTL}}, 4) {
		asked := f.asksEdit(edit.Op{Op: edit.MoveEnd, Link: fmt.Sprintf(cable, way.from), End: end, To: way.to + ":" + name})
		before, first := p.untilBy(way.ttl, last)
		p.r.t.Logf("the end %q moves to %s: the first answer from there %d ms after the edit was asked for, %d ms after the last one from before; %d pings lost",
			fmt.Sprintf(cable, way.from), way.to, first.at.Sub(asked).Milliseconds(), first.at.Sub(before.at).Milliseconds(), first.seq-before.seq-1)
		felt, paused, last = append(felt, first.at.Sub(asked)), append(paused, first.at.Sub(before.at)), first
	}
	return felt, paused, last
}

// TestACableMovesBetweenHostsUnderAPing moves an end of a cable to a node on another host and back while a ping runs, at the pinging node's own
// cable and behind a switch, and says how long nobody answers, and how long after the edit was asked for it is felt.
func TestACableMovesBetweenHostsUnderAPing(t *testing.T) {
	f := newFleet(t, []string{tiny, host}, "zone=a", "zone=b")
	f.stores("moved", movedFile)
	f.asks("moved", "deploy")
	f.becomes("moved", control.Running)
	began := f.started("moved")
	d, last := f.pinging("moved", "d", behindTo, pingEach)
	defer d.stop()
	behind, _, _ := d.moves(f, "%s:eth2 sw:eth2", "a", "eth2", last)
	d.stop()
	p, last := f.pinging("moved", "c", movedTo, pingEach)
	defer p.stop()
	felt, paused, last := p.moves(f, "c:eth1 %s:eth1", "b", "eth1", last)
	var cut, mended []time.Duration
	for range 4 {
		asked := f.asksEdit(cutOf(true))
		last = p.lastBefore(last)
		cut = append(cut, max(last.at.Sub(asked), 0))
		asked = f.asksEdit(cutOf(nil))
		last = p.next("an answer after the cable is mended")
		mended = append(mended, last.at.Sub(asked))
	}
	for _, of := range []struct {
		what string
		took []time.Duration
	}{
		{"an end moved to another host is felt", felt}, {"one that moves behind a switch", behind}, {"nobody answers while an end moves", paused},
		{"a cut is felt", cut}, {"a mended cable is felt", mended},
	} {
		slices.Sort(of.took)
		t.Logf("%s: median %d ms, %d to %d ms", of.what, of.took[len(of.took)/2].Milliseconds(), of.took[0].Milliseconds(), of.took[len(of.took)-1].Milliseconds())
		if of.took[0] > atOnce { // what else this machine does makes it later, and never earlier
			t.Errorf("%s after %v at best, and not within %v", of.what, of.took[0], atOnce)
		}
		if worst := of.took[len(of.took)-1]; worst > forgets {
			t.Errorf("%s after %v: somebody had to find out by himself", of.what, worst)
		}
	}
	if is := f.started("moved"); !maps.Equal(began, is) {
		t.Errorf("the nodes ran since %v, and run since %v", began, is)
	}
	p.stop()
	f.destroys("moved")
	f.nothingIsLeftAnywhere()
}

// cutOf cuts the cable, or mends it with nil.
func cutOf(on any) edit.Op {
	return edit.Op{Op: edit.SetLink, Link: "c:eth1 near:eth1", Fields: map[string]any{"cut": on}}
}

// started is since when each container runs, as the controller says it.
func (r *rig) started(lab string) map[string]time.Time {
	r.t.Helper()
	detail, err := r.Client.Lab(r.limited(), lab)
	if err != nil {
		r.t.Fatal(err)
	}
	since := map[string]time.Time{}
	for _, n := range detail.Nodes {
		if !n.Kind.IsContainer() {
			continue
		}
		if n.State != hostapi.NodeRunning || n.StartedAt.IsZero() {
			r.t.Errorf("%s is %s since %s", n.Name, n.State, n.StartedAt)
		}
		since[n.Name] = n.StartedAt
	}
	return since
}
