package control_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/lab/control"
	"trunkline/tenancy"
)

// TestWhateverHappensEachNodeRunsOnceAndNothingLeaks deploys, changes, cancels and destroys labs while hosts go, come back and are
// drained, and looks at what is left once it is quiet.
func TestWhateverHappensEachNodeRunsOnceAndNothingLeaks(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := newRig(t)
	r.lostAfter = 150 * time.Millisecond
	r.start()
	m := r.addHosts("abc")
	for _, machine := range m {
		machine.rough = true // hosts vanish while nodes start
	}
	p := &pandemonium{rig: r, rand: rand.New(rand.NewPCG(seed, 1)), m: m, drained: map[string]bool{}}
	for i := range 3 {
		p.labs = append(p.labs, r.create(p.file(fmt.Sprintf("lab%d", i))))
	}
	for range 60 {
		p.step()
		pause := time.NewTimer(time.Duration(p.rand.IntN(60)) * time.Millisecond)
		<-pause.C
	}
	p.quiet()
	for _, id := range p.labs {
		p.runsOnce(id)
	}
	await(t, p.identifiers, func() bool { return p.identifiers() == "" })
	for _, id := range p.labs {
		must(t, r.control.Destroy(t.Context(), r.ada, id, true))
		r.untilGone(id)
	}
	await(t, said("all identifiers to be given back"), func() bool { taken, _ := r.used(); return taken == 0 })
	for name, machine := range m {
		for _, id := range p.labs {
			await(t, said("nothing to be left on host-"+name), func() bool {
				_, _, wired := machine.fake.Wired(id)
				return !wired && machine.fake.Count(id) == 0
			})
		}
	}
}

type pandemonium struct {
	*rig
	rand    *rand.Rand
	m       map[string]*machine
	labs    []string
	drained map[string]bool
}

// file is a lab of a few nodes in a ring and on a lan, some with a wish for a host that may change.
func (p *pandemonium) file(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\ntopology:\n  defaults: {kind: linux, image: trunkline/tiny}\n  nodes:\n    net: {kind: lan}\n", name)
	n := 2 + p.rand.IntN(5)
	for i := range n {
		wish := ""
		if p.rand.IntN(2) == 0 {
			wish = fmt.Sprintf("labels: {trunkline.separate: s%d}", i/3) // as many as there are hosts
		}
		fmt.Fprintf(&b, "    n%d: {%s}\n", i, wish)
	}
	b.WriteString("  links:\n")
	for i := range n {
		fmt.Fprintf(&b, "    - endpoints: [\"n%d:eth1\", \"n%d:eth2\"]\n    - endpoints: [\"n%d:eth3\", \"net:p%d\"]\n", i, (i+1)%n, i, i)
	}
	return b.String()
}

// step does one thing. An intent that is refused is fine: another one is under way, or no host fits.
func (p *pandemonium) step() {
	ctx, id := p.t.Context(), p.labs[p.rand.IntN(len(p.labs))]
	zone := string("abc"[p.rand.IntN(3)])
	machine := p.m[zone]
	switch p.rand.IntN(12) {
	case 0, 1, 2, 3:
		_ = p.control.Deploy(ctx, p.ada, id)
	case 4:
		_ = p.control.Cancel(ctx, p.ada, id)
	case 5:
		_ = p.control.Destroy(ctx, p.ada, id, false)
	case 6:
		name := p.get(id).Name
		p.replace(id, p.file(name))
	case 7:
		machine.unlink()
	case 8:
		if machine.stop != nil {
			machine.link()
		}
	case 9:
		if machine.stop != nil {
			machine.stop()
		}
		machine.start("host-" + zone)
	case 10:
		p.drained[zone] = !p.drained[zone]
		p.drain("host-"+zone, p.drained[zone])
	case 11:
		p.restart()
	}
}

// quiet ends all faults, and deploys every lab.
func (p *pandemonium) quiet() {
	p.t.Helper()
	for zone, machine := range p.m {
		machine.link()
		p.drain("host-"+zone, false)
	}
	p.awaitHosts("abc")
	for _, id := range p.labs {
		var err error
		await(p.t, func() string { return fmt.Sprintf("the deploy to be taken: %v", err) }, func() bool {
			err = p.control.Deploy(p.t.Context(), p.ada, id)
			return err == nil
		})
	}
	for _, id := range p.labs {
		await(p.t, func() string {
			d := p.get(id)
			return fmt.Sprintf("lab %s to run; it is %s: %s", d.Name, d.State, d.Reason)
		}, func() bool {
			d := p.get(id)
			return d.State == control.Running && d.Reason == ""
		})
	}
}

// runsOnce checks that each node of the lab runs on the host that it is placed on and is nowhere else.
func (p *pandemonium) runsOnce(id string) {
	p.t.Helper()
	var said string
	await(p.t, func() string { return said }, func() bool {
		want, got := map[string][]string{}, map[string][]string{}
		for _, n := range p.get(id).Nodes {
			if n.Kind.IsContainer() {
				want[n.Host] = append(want[n.Host], n.Name)
			}
		}
		all := 0
		for zone, machine := range p.m {
			names := machine.fake.Running(id)
			slices.Sort(names)
			if len(names) > 0 {
				got["host-"+zone] = names
			}
			all += machine.fake.Count(id)
		}
		said = fmt.Sprintf("nodes %v, running %v, %d containers", want, got, all)
		return fmt.Sprint(want) == fmt.Sprint(got) && all == len(p.get(id).Nodes)-1
	})
}

// identifiers says which lab has others than it needs.
func (p *pandemonium) identifiers() string {
	needed := 0
	for _, id := range p.labs {
		r, err := p.store.Lab(p.t.Context(), tenancy.Everywhere(), id)
		must(p.t, err)
		needed += len(r.Desired.VNIs)
	}
	if taken, _ := p.used(); taken != needed {
		return fmt.Sprintf("%d identifiers to be taken, not %d", needed, taken)
	}
	return ""
}
