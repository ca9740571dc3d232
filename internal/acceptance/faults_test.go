package acceptance

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline/internal/client"
	"trunkline/internal/fault"
	"trunkline/internal/testkit"
	"trunkline/lab/control"
)

var faultsFor = flag.Duration("faults", 45*time.Second, "how long random faults strike three hosts")

// TestRandomFaultsOnThreeHostsEndInOrder lets labs come, change and go while agents, engines, switches, the controller and the
// underlay fail at random. When the faults end, every lab becomes what was asked of it last, works, and goes without leftovers.
func TestRandomFaultsOnThreeHostsEndInOrder(t *testing.T) {
	f := newFleet(t, []string{tiny}, "zone=a", "zone=b", "zone=c")
	t.Logf("-seed %d, faults for %v", *seed, *faultsFor)
	ctx, cancel := context.WithTimeout(t.Context(), *faultsFor)
	defer cancel()
	group := errgroup.Group{}
	group.Go(func() error { f.strike(ctx, rand.New(rand.NewPCG(*seed, 1))); return nil })
	labs := make([]*changingLab, 3)
	for i := range labs {
		labs[i] = &changingLab{f: f, name: fmt.Sprintf("lab%d", i), random: rand.New(rand.NewPCG(*seed, uint64(10+i)))}
		group.Go(func() error { return labs[i].live(ctx) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	f.awaitConnected(len(f.hosts))
	begun := time.Now()
	for _, l := range labs {
		l.settles()
	}
	t.Logf("everything had converged %v after the last fault", time.Since(begun).Round(time.Millisecond))
	for _, l := range labs {
		if l.stored {
			f.forgets(l.name)
		}
	}
	f.awaitForgotten()
	f.nothingIsLeftAnywhere()
}

// awaitForgotten waits until no lab is stored: the hosts have told that nothing of them is left.
func (f *fleet) awaitForgotten() {
	f.t.Helper()
	err := testkit.Until(f.t.Context(), within, "the end of every lab", func() error {
		labs, err := f.Client.Labs(f.t.Context())
		if err == nil && len(labs) > 0 {
			err = fmt.Errorf("%d are left, %s is %s: %q", len(labs), labs[0].Name, labs[0].State, labs[0].Reason)
		}
		return err
	})
	if err != nil {
		f.t.Errorf("%v\n%s", err, f.logTail())
	}
}

// harm is one way to harm a host, and its mend.
type harm struct {
	name       string
	harm, mend func(i int)
}

// strike harms until ctx ends: one thing at a time, for up to four seconds; agents, engines and switches are started again by a service manager on
// people's machines, here by the mend.
func (f *fleet) strike(ctx context.Context, random *rand.Rand) {
	harms := []harm{
		{"agent killed", func(i int) { f.agents[i].Kill() }, func(i int) { f.must(f.agents[i].Start()) }},
		{"Docker killed", func(i int) { f.hosts[i].KillDocker() }, func(i int) { f.hosts[i].StartDocker() }},
		{"Open vSwitch killed", func(i int) { f.hosts[i].KillOVS() }, func(i int) { f.hosts[i].StartOVS() }},
		{"controller killed", func(int) { f.Kill() }, func(int) { f.must(f.Start(f.t.Context())) }},
		{"underlay cut", func(i int) { f.hosts[i].CutUnderlay(true) }, func(i int) { f.hosts[i].CutUnderlay(false) }},
		{"Open vSwitch refuses", func(i int) { f.must(f.refuseOVS(i, true)) }, func(i int) { f.must(f.refuseOVS(i, false)) }},
		{"power cut", func(i int) { f.hosts[i].Crash() }, f.revive},
	}
	for ctx.Err() == nil {
		h, i := harms[random.IntN(len(harms))], random.IntN(len(f.hosts))
		lasts := time.Duration(200+random.IntN(4000)) * time.Millisecond
		f.t.Logf("%s on %s for %v", h.name, name(i), lasts)
		h.harm(i)
		pause(ctx, lasts)
		h.mend(i)
		pause(ctx, time.Duration(random.IntN(2000))*time.Millisecond)
	}
}

// refuseOVS takes the socket of the switch's database out of reach, or gives it back.
func (f *fleet) refuseOVS(i int, refused bool) error {
	socket := filepath.Join(f.hosts[i].OVSFolder(), "db.sock")
	if refused {
		return os.Rename(socket, socket+".away")
	}
	return os.Rename(socket+".away", socket)
}

func (f *fleet) must(err error) {
	if err != nil {
		f.t.Error(err)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// changingLab is deployed, changed, stopped and destroyed at random. Where an answer was lost, what was asked for may have been done or not.
type changingLab struct {
	f         *fleet
	name      string
	random    *rand.Rand
	stored    bool
	nodes     int  // of the version stored last
	deployed  int  // nodes of the version deployed last; 0: destroyed
	mayStore  bool // the last answer about the file was lost
	mayIntend bool // the last answer about what shall run was lost
}

func (l *changingLab) live(ctx context.Context) error {
	for ctx.Err() == nil {
		var err error
		switch choice := l.random.IntN(10); {
		case !l.stored || choice < 2:
			err = l.store(ctx)
		case choice < 7:
			err = l.intent(ctx, "deploy", l.nodes)
		case choice < 9:
			err = l.intent(ctx, "destroy", 0)
		default:
			if err = l.intent(ctx, "stop", l.deployed); err == nil && l.deployed > 0 {
				err = l.intent(ctx, "deploy", l.nodes)
			}
		}
		if err != nil && !tolerable(err) && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		pause(ctx, time.Duration(l.random.IntN(3000))*time.Millisecond)
	}
	return nil
}

// tolerable are answers that a person understands while things fail; internal is none. Unauthenticated is one of this test alone: the
// token of its machine is made anew at each start of the controller.
func tolerable(err error) bool {
	for _, code := range []fault.Code{fault.Unavailable, fault.Conflict, fault.Exhausted, fault.Unsupported, fault.Invalid, fault.Unauthenticated} {
		if fault.Is(err, code) {
			return true
		}
	}
	return false
}

// lost tells answers that say nothing of whether what was asked for was done: the controller was killed, or this test ended its request.
func lost(err error) bool {
	return fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Internal)
}

func (l *changingLab) store(ctx context.Context) error {
	nodes := 3 + l.random.IntN(6)
	change := client.Import{Name: l.name, ContentType: "application/yaml", Body: strings.NewReader(l.file(nodes))}
	if l.stored || l.mayStore {
		switch detail, err := l.f.API().Lab(ctx, l.name); {
		case err == nil:
			change.Replace, change.Name = detail.ID, ""
		case l.stored || !fault.Is(err, fault.NotFound):
			return err
		}
	}
	_, err := l.f.API().Create(ctx, change)
	if err == nil {
		l.stored, l.nodes = true, nodes
	}
	l.mayStore = lost(err) || err != nil && l.mayStore
	return err
}

func (l *changingLab) intent(ctx context.Context, verb string, deployed int) error {
	_, err := l.f.API().Intent(ctx, l.name, verb, url.Values{})
	if err == nil {
		l.deployed = deployed
	}
	l.mayIntend = lost(err) || err != nil && l.mayIntend
	return err
}

// file is a ring whose nodes are also on one LAN, most of them tied to a host.
func (l *changingLab) file(nodes int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: %s\ntopology:\n  kinds:\n    linux: {image: %s}\n  nodes:\n    office: {kind: lan}\n", l.name, tiny)
	for i := range nodes {
		label := ""
		if zone := l.random.IntN(4); zone < 3 {
			label = ", labels: {trunkline.place.zone: " + string(rune('a'+zone)) + "}"
		}
		fmt.Fprintf(&b, "    n%d: {kind: linux%s}\n", i, label)
	}
	b.WriteString("  links:\n")
	for i := range nodes {
		fmt.Fprintf(&b, "    - endpoints: [n%d:eth1, n%d:eth2]\n      ipv4: [10.0.%d.1/30, 10.0.%d.2/30]\n", i, (i+1)%nodes, i, i)
		fmt.Fprintf(&b, "    - endpoints: [office:eth%d, n%d:eth3]\n      ipv4: ['', 10.255.0.%d/24]\n", i+1, i, i+10)
	}
	return b.String()
}

// again asks once more for what may have been done or not, until there is an answer.
func (l *changingLab) again(wanted bool, what string, ask func(context.Context) error) {
	l.f.t.Helper()
	if !wanted {
		return
	}
	if err := testkit.Until(l.f.t.Context(), within, what, func() error { return ask(l.f.t.Context()) }); err != nil {
		l.f.t.Fatal(err)
	}
}

// settles asks for the newest version once more, as a person would who comes back, and expects it to work.
func (l *changingLab) settles() {
	l.f.t.Helper()
	l.again(l.mayStore, "a version of "+l.name, l.store)
	if !l.stored {
		return
	}
	if l.deployed == 0 {
		l.again(l.mayIntend, "a destroy of "+l.name, func(ctx context.Context) error { return l.intent(ctx, "destroy", 0) })
		l.f.becomes(l.name, control.Stored)
		return
	}
	err := testkit.Until(l.f.t.Context(), within, "a deploy of "+l.name, func() error { return l.intent(l.f.t.Context(), "deploy", l.nodes) })
	if err != nil {
		l.f.t.Fatal(err)
	}
	// An engine that was just killed may fail a deploy for a moment: it goes on by itself, as the sentence says.
	l.f.until(l.name, l.name+" to run", func(d *control.LabDetail) bool { return d.State == control.Running })
	for i := range l.nodes {
		l.f.reaches(fmt.Sprintf("%s/n%d", l.name, i), fmt.Sprintf("10.0.%d.2", i))
		l.f.reaches(fmt.Sprintf("%s/n%d", l.name, i), fmt.Sprintf("10.255.0.%d", 10+(i+1)%l.nodes))
	}
}
