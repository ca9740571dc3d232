package host

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// model is a host on which steps are carried out as soon as they are planned.
type model struct {
	Snapshot
	nextID, nextPID int
}

func newModel(spec *hostapi.LabSpec) *model {
	m := &model{Snapshot: Snapshot{Containers: map[string][]*Container{}, Facts: map[string]*facts{}, Busy: map[string]verb{}, LabBusy: map[verb]bool{}, Now: noon}, nextPID: 100}
	if spec != nil {
		m.Want = want(*spec)
		for _, n := range spec.Nodes {
			m.facts(n.Name).FirstSeen = noon
		}
	}
	return m
}

func (m *model) facts(name string) *facts {
	if m.Facts[name] == nil {
		m.Facts[name] = &facts{}
	}
	return m.Facts[name]
}

func (m *model) find(c Container) *Container {
	for _, mine := range m.Containers[c.Stamp.Node] {
		if mine.ID == c.ID {
			return mine
		}
	}
	return nil
}

// carryOut does one step. It complains about steps that a real host could not do.
func (m *model) carryOut(st step) string {
	f := m.facts(st.Node)
	c := m.find(st.Container)
	for i, v := range append([]verb{st.Verb}, st.Then...) {
		if c == nil && v != doCreate && !(&step{Verb: v}).ofLab() {
			return fmt.Sprintf("%s %s: there is no such container", v, st.Node)
		}
		switch v {
		case doCreate:
			if len(m.Containers[st.Node]) > 0 {
				return "a second container for " + st.Node
			}
			m.nextID++
			n := m.Want.nodes[st.Node]
			c = &Container{ID: fmt.Sprint("c", m.nextID), Stamp: Stamp{Lab: "l", Node: st.Node}, SpecHash: n.hash, State: "created"}
			m.Containers[st.Node] = []*Container{c}
			f.Restarts, f.Known, f.Stopped = n.spec.Restarts, true, ""
		case doStart, doRestart:
			if v == doStart && alive(c) {
				return "starts a running node " + st.Node
			}
			m.nextPID++
			c.State, c.PID, c.StartedAt = "running", m.nextPID, m.Now
			f.Stopped, f.Heal = "", ""
			f.Restarts = max(f.Restarts, m.Want.nodes[st.Node].spec.Restarts)
			if m.Want.nodes[st.Node].spec.Healthcheck != nil {
				c.Health = "healthy"
			}
		case doPlug:
			if i == 0 && !alive(c) {
				return "plugs a dead node " + st.Node
			}
			f.Plugged = plugged(c, m.Want.nodes[st.Node])
		case doStop:
			c.State, c.PID = "exited", 0
			f.Stopped = c.ID
		case doPause:
			c.State = "paused"
		case doThaw:
			c.State = "running"
		case doRemove:
			m.Containers[st.Node] = without(m.Containers[st.Node], c.ID)
			if len(m.Containers[st.Node]) == 0 {
				delete(m.Containers, st.Node)
				m.Facts[st.Node] = &facts{FirstSeen: f.FirstSeen}
			}
		case doExec:
			if f.Epoch != epoch(c) {
				f.Epoch, f.Results = epoch(c), nil
			}
			if len(f.Results) != st.Item {
				return fmt.Sprintf("runs command %d of %s, of which %d ran", st.Item, st.Node, len(f.Results))
			}
			f.Results = append(f.Results, hostapi.ExecResult{Command: m.Want.nodes[st.Node].program[st.Item].command})
		case doWire:
			for name, e := range st.Nodes {
				if c := m.container(name); !alive(c) || epoch(c) != e {
					return "wires a node that is not there: " + name
				}
			}
			m.Wired, m.WiredNodes = st.Key, st.Nodes
		case doOpen:
			for name, e := range st.Nodes {
				if m.WiredNodes[name] != e {
					return "opens the gate of a node that is not cabled: " + name
				}
				m.facts(name).Opened = e
			}
		case doUnwire:
			m.Unwired = true
		case doForget:
			if len(m.Containers) > 0 {
				return "forgets a lab that has containers"
			}
			m.Now = m.Now.Add(time.Hour)
		}
	}
	return ""
}

// list is what an answer of the engine tells. It reports whether any of it is news.
func (m *model) list() (news bool) {
	for name := range m.Containers {
		if c := m.container(name); alive(c) && m.facts(name).Listed != epoch(c) {
			m.facts(name).Listed, news = epoch(c), true
		}
	}
	return news
}

// settle plans and carries out until nothing is left. The steps of one plan run in an order that rapid picks, and some fail.
func (m *model) settle(t *rapid.T) *Plan {
	for range 400 {
		p := makePlan(&m.Snapshot)
		if p.NeedList && m.list() {
			continue
		}
		if len(p.Steps) == 0 && p.Next.IsZero() {
			return p
		}
		if len(p.Steps) == 0 {
			m.Now = p.Next
			continue
		}
		seen := map[string]bool{}
		for _, st := range p.Steps {
			if st.Reason == "" {
				t.Fatalf("a %s without a reason", st.Verb)
			}
			if !st.ofLab() && seen[st.Node] {
				t.Fatalf("two steps at once for %s", st.Node)
			}
			seen[st.Node] = true
		}
		// The steps of the whole lab were planned for what was there; they come first, the others in any order.
		slices.SortStableFunc(p.Steps, func(a, b step) int {
			switch {
			case a.ofLab() == b.ofLab():
				return 0
			case a.ofLab():
				return -1
			}
			return 1
		})
		for _, st := range p.Steps {
			if st.Verb == doForget {
				return p
			}
			if rapid.IntRange(0, 9).Draw(t, "luck") == 0 {
				f := &m.facts(st.Node).Fail
				if st.ofLab() {
					f = &m.WireFail
				}
				*f = failure{Verb: st.Verb, Err: fault.New(fault.Unavailable, "Not now."), Count: f.Count + 1, RetryAt: m.Now.Add(time.Second)}
				continue
			}
			if wrong := m.carryOut(st); wrong != "" {
				t.Fatal(wrong)
			}
			if st.ofLab() {
				m.WireFail = failure{}
			} else if m.Facts[st.Node] != nil {
				m.Facts[st.Node].Fail = failure{}
			}
		}
		m.Now = m.Now.Add(time.Millisecond)
	}
	t.Fatalf("does not settle; still plans %+v", makePlan(&m.Snapshot).Steps)
	return nil
}

func drawSpec(t *rapid.T) *hostapi.LabSpec {
	spec := &hostapi.LabSpec{ID: "l", Generation: 1}
	count := rapid.IntRange(0, 6).Draw(t, "nodes")
	for i := range count {
		n := hostapi.NodeSpec{Name: fmt.Sprint("n", i), Image: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "image"),
			Run:           rapid.SampledFrom([]hostapi.RunState{hostapi.Running, hostapi.Running, hostapi.Stopped, hostapi.Paused}).Draw(t, "run"),
			Restarts:      rapid.IntRange(0, 2).Draw(t, "restarts"),
			RestartPolicy: rapid.SampledFrom([]string{"", "always", "on-failure"}).Draw(t, "policy"),
			Exec:          slices.Repeat([]string{"true"}, rapid.IntRange(0, 2).Draw(t, "execs"))}
		if rapid.Bool().Draw(t, "delayed") {
			n.StartupDelay = 5 * time.Second
		}
		if rapid.Bool().Draw(t, "checked") {
			n.Healthcheck = &lab.Healthcheck{Test: []string{"CMD", "true"}}
		}
		if rapid.Bool().Draw(t, "staged") {
			n.StageExecs = []lab.StageExec{{Stage: rapid.SampledFrom([]string{"create", "create-links", "configure", "healthy"}).Draw(t, "stage"),
				When: rapid.SampledFrom([]string{"on-enter", "on-exit"}).Draw(t, "when"), Command: "stage"}}
		}
		if i > 0 && rapid.Bool().Draw(t, "waits") { // only for earlier nodes: no cycles
			n.WaitFor = []lab.Wait{{Stage: rapid.SampledFrom([]string{"create", "create-links", "configure", "healthy"}).Draw(t, "held"),
				Node:      rapid.SampledFrom([]string{fmt.Sprint("n", rapid.IntRange(0, i-1).Draw(t, "for")), "far"}).Draw(t, "where"),
				NodeStage: rapid.SampledFrom([]string{"create", "create-links", "configure", "healthy"}).Draw(t, "until")}}
		}
		spec.Nodes = append(spec.Nodes, n)
	}
	return spec
}

// drawWorld puts containers there that an earlier agent, or chance, left behind.
func drawWorld(t *rapid.T, m *model) {
	for i := range 8 {
		name := fmt.Sprint("n", i)
		for range rapid.SampledFrom([]int{0, 0, 1, 1, 2}).Draw(t, "containers") {
			m.nextID++
			c := &Container{ID: fmt.Sprint("c", m.nextID), Stamp: Stamp{Lab: "l", Node: name}, SpecHash: "other", StartedAt: noon.Add(-time.Minute),
				State: rapid.SampledFrom([]string{"created", "running", "paused", "exited", "dead"}).Draw(t, "state"), ExitCode: rapid.IntRange(0, 1).Draw(t, "code")}
			if m.Want != nil && m.Want.nodes[name] != nil && rapid.Bool().Draw(t, "fits") {
				c.SpecHash = m.Want.nodes[name].hash
			}
			f := m.facts(name)
			f.Known = true
			if alive(c) {
				m.nextPID++
				c.PID = m.nextPID
				f.Listed = epoch(c)
				if m.Want != nil && m.Want.nodes[name] != nil && m.Want.nodes[name].spec.Healthcheck != nil {
					c.Health = "healthy"
				}
			}
			m.Containers[name] = append(m.Containers[name], c)
		}
	}
}

func TestEveryPlanLeadsToWhatIsWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(drawSpec(t))
		m.Reached = map[string][]string{"far": rapid.SampledFrom([][]string{{"create", "create-links", "configure", "healthy"}, {"!create", "!create-links", "!configure", "!healthy"}}).Draw(t, "far")}
		m.Hold = noon.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "hold")) * time.Minute)
		drawWorld(t, m)
		last := m.settle(t)
		if again := makePlan(&m.Snapshot); len(again.Steps) != 0 {
			t.Fatalf("a converged state plans %+v", again.Steps)
		}
		if !last.Quiet() {
			t.Fatalf("nothing is planned, yet %v is left: %+v", last.Left, last.Nodes)
		}
		for name, list := range m.Containers {
			if m.Want.nodes[name] == nil || len(list) != 1 {
				t.Fatalf("%s has %d containers", name, len(list))
			}
		}
		for name, n := range m.Want.nodes {
			checkNode(t, m, name, n)
		}
	})
}

// checkNode: a node is as its spec says, or its own end or a wait without hope says why not.
func checkNode(t *rapid.T, m *model, name string, n *wantedNode) {
	c, f := m.container(name), m.facts(name)
	if n.spec.Run == hostapi.Stopped {
		if alive(c) {
			t.Fatalf("%s runs and shall be stopped", name)
		}
		return
	}
	if ended(c) && n.spec.RestartPolicy != "always" {
		return
	}
	for _, w := range n.spec.WaitFor {
		if !m.reached(w.Node, w.NodeStage) {
			return
		}
	}
	wanted := "running"
	if n.spec.Run == hostapi.Paused {
		wanted = "paused"
	}
	switch {
	case !alive(c):
		t.Fatalf("%s does not run: %+v", name, c)
	case c.State != wanted || c.SpecHash != n.hash:
		t.Fatalf("%s is %s with the hash %s", name, c.State, c.SpecHash)
	case !m.linked(name, c) || f.Opened != epoch(c):
		t.Fatalf("%s is not cabled or its gate is shut", name)
	case wanted == "running" && m.done(name, c) != len(n.program):
		t.Fatalf("%s ran %d of %d commands", name, m.done(name, c), len(n.program))
	case f.Restarts < n.spec.Restarts:
		t.Fatalf("%s was not restarted", name)
	}
}

func TestNothingIsLeftOfARemovedLab(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(nil)
		drawWorld(t, m)
		last := m.settle(t)
		if len(m.Containers) != 0 || !m.Unwired || len(last.Steps) != 1 || last.Steps[0].Verb != doForget {
			t.Fatalf("left: %d containers, unwired %v, last plan %+v", len(m.Containers), m.Unwired, last.Steps)
		}
	})
}

func TestALabIsForgottenOnlyAfterALook(t *testing.T) {
	m := newModel(nil)
	m.Unwired, m.Stale = true, true
	if p := makePlan(&m.Snapshot); len(p.Steps) != 0 || p.Quiet() {
		t.Errorf("before the look that is due: plans %q, left %v", words(p.Steps), p.Left)
	}
	m.Stale = false
	if p := makePlan(&m.Snapshot); words(p.Steps) != "forget" {
		t.Errorf("after it: plans %q", words(p.Steps))
	}
}

func TestAPlanChangesNothingByItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(drawSpec(t))
		drawWorld(t, m)
		first, second := makePlan(&m.Snapshot), makePlan(&m.Snapshot)
		if !reflect.DeepEqual(first, second) {
			t.Fatalf("two plans of one state differ:\n%+v\n%+v", first, second)
		}
	})
}

// planFor plans for one node with the given container, after everything else of the lab is as wanted.
func planFor(n hostapi.NodeSpec, c *Container, change func(*facts)) (*Plan, string) {
	m := newModel(&hostapi.LabSpec{ID: "l", Nodes: []hostapi.NodeSpec{n}})
	f := m.facts(n.Name)
	f.Known = true
	if c != nil {
		if c.SpecHash == "" {
			c.SpecHash = m.Want.nodes[n.Name].hash
		}
		m.Containers[n.Name] = []*Container{c}
	}
	if change != nil {
		change(f)
	}
	p := makePlan(&m.Snapshot)
	return p, words(p.Steps)
}

func words(steps []step) string {
	var list []string
	for _, st := range steps {
		text := string(st.Verb)
		for _, v := range st.Then {
			text += "+" + string(v)
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

func TestThePlanOfOneNode(t *testing.T) {
	run := func(s hostapi.RunState) hostapi.NodeSpec { return hostapi.NodeSpec{Name: "r1", Run: s} }
	with := func(n hostapi.NodeSpec, f func(*hostapi.NodeSpec)) hostapi.NodeSpec { f(&n); return n }
	exited := func(code int) *Container {
		return &Container{ID: "c1", State: "exited", ExitCode: code, StartedAt: noon.Add(-time.Hour)}
	}
	cases := []struct {
		name   string
		node   hostapi.NodeSpec
		have   *Container
		facts  func(*facts)
		steps  string
		state  hostapi.NodeState
		reason string
	}{
		{"no container is made, started and plugged by one worker", run(hostapi.Running), nil, nil, "create+start+plug", hostapi.NodeCreating, ""},
		{"commands before the links come between start and plug", with(run(hostapi.Running), func(n *hostapi.NodeSpec) {
			n.StageExecs = []lab.StageExec{{Stage: "create", When: "on-exit", Command: "true"}}
		}), nil, nil, "create+start", hostapi.NodeCreating, ""},
		{"a stopped node without container needs none", run(hostapi.Stopped), nil, nil, "wire", hostapi.NodeStopped, ""},
		{"a running node that shall be stopped is stopped", run(hostapi.Stopped), &Container{ID: "c1", State: "running", PID: 9}, nil, "stop", hostapi.NodeRunning, ""},
		{"a stopped node keeps a container of an older definition", run(hostapi.Stopped), &Container{ID: "c1", State: "exited", SpecHash: "old"}, nil, "wire", hostapi.NodeStopped, ""},
		{"a changed definition makes the container anew", run(hostapi.Running), &Container{ID: "c1", State: "running", PID: 9, SpecHash: "old"}, nil, "remove", hostapi.NodeRemoving, "its definition changed: it is made anew"},
		{"what was created and not started is started", run(hostapi.Running), &Container{ID: "c1", State: "created"}, nil, "start+plug", hostapi.NodeStarting, ""},
		{"what ended by itself stays ended", run(hostapi.Running), exited(3), nil, "wire", hostapi.NodeExited, "its command ended by itself with exit code 3"},
		{"what the engine ended starts again", run(hostapi.Running), exited(137), func(f *facts) { f.Heal = death(exited(137)) }, "start+plug", hostapi.NodeExited, exitReason(137)},
		{"what was stopped and shall run starts", run(hostapi.Running), exited(143), func(f *facts) { f.Stopped = "c1" }, "start+plug", hostapi.NodeExited, exitReason(143)},
		{"a policy of on-failure leaves a success alone", with(run(hostapi.Running), func(n *hostapi.NodeSpec) { n.RestartPolicy = "on-failure" }), exited(0), nil, "wire", hostapi.NodeExited, exitReason(0)},
		{"a policy of on-failure starts a failure again", with(run(hostapi.Running), func(n *hostapi.NodeSpec) { n.RestartPolicy = "on-failure" }), exited(1), nil, "start+plug", hostapi.NodeExited, exitReason(1)},
		{"a policy waits longer after each try", with(run(hostapi.Running), func(n *hostapi.NodeSpec) { n.RestartPolicy = "always" }), exited(1),
			func(f *facts) { f.DeathAt, f.PolicyRuns = noon, 3 }, "wire", hostapi.NodeExited, exitReason(1) + "; it is started again, as its restart policy is always"},
		{"a risen counter restarts a running node", with(run(hostapi.Running), func(n *hostapi.NodeSpec) { n.Restarts = 2 }), &Container{ID: "c1", State: "running", PID: 9},
			func(f *facts) { f.Restarts = 1 }, "restart+plug", hostapi.NodeStarting, ""},
		{"a paused node that shall run is thawed", run(hostapi.Running), &Container{ID: "c1", State: "paused", PID: 9}, nil, "thaw wire", hostapi.NodePaused, ""},
		{"an image that is missing is not tried at once again", run(hostapi.Running), nil,
			func(f *facts) {
				f.Fail = failure{Verb: doCreate, Err: fault.New(fault.NotFound, "The image x is missing."), RetryAt: noon.Add(time.Minute)}
			}, "wire", hostapi.NodeFailed, "The image x is missing."},
		{"a startup delay holds the node back", with(run(hostapi.Running), func(n *hostapi.NodeSpec) { n.StartupDelay = time.Second }), nil,
			func(f *facts) { f.FirstSeen = noon }, "wire", hostapi.NodeWaiting, "starts 1s after the others"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, steps := planFor(c.node, c.have, c.facts)
			if steps != c.steps {
				t.Errorf("plans %q, want %q", steps, c.steps)
			}
			if got := p.Nodes[0]; got.State != c.state || got.Reason != c.reason {
				t.Errorf("the node is %s (%q), want %s (%q)", got.State, got.Reason, c.state, c.reason)
			}
		})
	}
}

func TestAWaitWithoutHopeDoesNotKeepTheLabFromConverging(t *testing.T) {
	node := func(name string, waits ...lab.Wait) hostapi.NodeSpec {
		return hostapi.NodeSpec{Name: name, Run: hostapi.Running, WaitFor: waits}
	}
	cases := []struct {
		name    string
		nodes   []hostapi.NodeSpec
		reached map[string][]string
	}{
		{"two nodes that wait for each other", []hostapi.NodeSpec{node("a", lab.Wait{Stage: "create", Node: "b", NodeStage: "create"}), node("b", lab.Wait{Stage: "create", Node: "a", NodeStage: "create"})}, nil},
		{"a node on another host that cannot come there", []hostapi.NodeSpec{node("a", lab.Wait{Stage: "create", Node: "zz", NodeStage: "healthy"})},
			map[string][]string{"zz": {"create", "!healthy"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := newModel(&hostapi.LabSpec{ID: "l", Nodes: c.nodes})
			m.Reached = c.reached
			p := makePlan(&m.Snapshot)
			if p.Left[phaseUp] != 0 {
				t.Errorf("%d nodes count as work that is left", p.Left[phaseUp])
			}
			for _, n := range p.Nodes {
				if n.State != hostapi.NodeWaiting || !strings.Contains(n.Reason, "cannot happen") {
					t.Errorf("%s is %s: %q", n.Name, n.State, n.Reason)
				}
			}
		})
	}
}
