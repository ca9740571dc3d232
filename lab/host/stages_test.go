package host

import (
	"slices"
	"testing"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// finish carries out whatever is planned until nothing is.
func (m *model) finish(t *testing.T) {
	t.Helper()
	for range 100 {
		p := makePlan(&m.Snapshot)
		if p.NeedList && m.list() {
			continue
		}
		if len(p.Steps) == 0 {
			return
		}
		for _, st := range p.Steps {
			if wrong := m.carryOut(st); wrong != "" {
				t.Fatal(wrong)
			}
		}
	}
	t.Fatal("does not settle")
}

func TestANodeWaitsForOneOnAnotherHost(t *testing.T) {
	spec := hostapi.LabSpec{ID: "l", Nodes: []hostapi.NodeSpec{
		{Name: "a", Run: hostapi.Running, WaitFor: []lab.Wait{{Stage: "create", Node: "far", NodeStage: "healthy"}}},
	}}
	m := newModel(&spec)
	for _, c := range []struct {
		reached []string
		steps   string
		left    int
		reason  string
	}{
		{nil, "wire", 1, "waits for far on another host to be healthy"},
		{[]string{"create", "create-links", "configure"}, "wire", 1, "waits for far on another host to be healthy"},
		{[]string{"create", "create-links", "configure", "!healthy"}, "wire", 0, "waits for far on another host to be healthy, which cannot happen as things are"},
		{[]string{"create", "create-links", "configure", "healthy"}, "create+start+plug", 1, ""},
	} {
		m.Reached = map[string][]string{"far": c.reached}
		p := makePlan(&m.Snapshot)
		if got := words(p.Steps); got != c.steps || p.Left[phaseUp] != c.left || p.Nodes[0].Reason != c.reason {
			t.Errorf("with %v: plans %q, %d left, %q", c.reached, got, p.Left[phaseUp], p.Nodes[0].Reason)
		}
	}
}

// The result of a node's last command is written down a moment before its step is over: until then the node is on its way.
func TestALabHasNotConvergedWhileACommandIsUnderWay(t *testing.T) {
	spec := hostapi.LabSpec{ID: "l", Nodes: []hostapi.NodeSpec{{Name: "a", Run: hostapi.Running, Exec: []string{"true"}}}}
	m := newModel(&spec)
	m.finish(t)
	if p := makePlan(&m.Snapshot); !p.Quiet() || p.Nodes[0].State != hostapi.NodeRunning {
		t.Fatalf("left %v, the node is %s", p.Left, p.Nodes[0].State)
	}
	m.Busy["a"] = doExec
	if p := makePlan(&m.Snapshot); p.Quiet() || p.Nodes[0].State != hostapi.NodeStarting {
		t.Errorf("with its step under way: left %v, the node is %s", p.Left, p.Nodes[0].State)
	}
}

func TestAnAwaitedNodeTellsItsStages(t *testing.T) {
	check := &hostapi.NodeSpec{Name: "a", Run: hostapi.Running, Awaited: true, Healthcheck: &lab.Healthcheck{Test: []string{"CMD", "true"}}}
	spec := hostapi.LabSpec{ID: "l", Nodes: []hostapi.NodeSpec{*check, {Name: "b", Run: hostapi.Running}}}
	for _, c := range []struct {
		name   string
		change func(m *model)
		want   []string
	}{
		{"nothing is there", func(*model) {}, nil},
		{"its image is missing", func(m *model) {
			m.facts("a").Fail = failure{Verb: doCreate, Err: fault.New(fault.NotFound, "The image x is missing."), RetryAt: noon.Add(time.Minute)}
		}, []string{"!create", "!create-links", "!configure", "!healthy", "!exit"}},
		{"it is all there", func(m *model) { m.finish(t) }, []string{"create", "create-links", "configure", "healthy"}},
		{"it is unhealthy", func(m *model) { m.finish(t); m.container("a").Health = "unhealthy" }, []string{"create", "create-links", "configure", "!healthy"}},
		{"it ended", func(m *model) {
			m.finish(t)
			c := m.container("a")
			c.State, c.PID = "exited", 0
		}, []string{"create", "create-links", "configure", "!healthy", "exit"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newModel(&spec)
			c.change(m)
			p := makePlan(&m.Snapshot)
			if got := p.Nodes[0].Stages; !slices.Equal(got, c.want) {
				t.Errorf("tells %q, want %q", got, c.want)
			}
			if p.Nodes[1].Stages != nil {
				t.Errorf("a node that nobody awaits tells %q", p.Nodes[1].Stages)
			}
		})
	}
}
