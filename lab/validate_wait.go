package lab

import (
	"fmt"
	"slices"
	"strings"
)

// stages are containerlab's, in the order a node goes through them.
var stages = []string{"create", "create-links", "configure", "healthy", "exit"}

func (v *validator) waits(n *Node) {
	for i, w := range n.Stages {
		at := fmt.Sprintf("%s.stages[%d]", nodePath(n), i)
		line := max(w.Line, n.Line)
		switch other := v.nodes[w.Node]; {
		case !slices.Contains(stages, w.Stage):
			v.say(line, at, "There is no stage %q.%s", w.Stage, v.near(w.Stage, stages))
		case !slices.Contains(stages, w.NodeStage):
			v.say(line, at, "There is no stage %q.%s", w.NodeStage, v.near(w.NodeStage, stages))
		case other == nil:
			v.say(line, at, "Node %s waits for %q, which is not there.%s", n.Name, w.Node, v.near(w.Node, v.names))
		case !other.Kind.IsContainer():
			v.say(line, at, "Node %s waits for %s, which is a %s and goes through no stages.", n.Name, w.Node, other.Kind)
		case w.NodeStage == "healthy" && other.Healthcheck == nil && !imageMayCheck(other):
			v.say(line, at, "Node %s waits until %s is healthy, but %s has no healthcheck. Add one.", n.Name, w.Node, w.Node)
		}
	}
}

// imageMayCheck is true where the image may bring its own healthcheck.
func imageMayCheck(n *Node) bool { return n.Image != "" }

// step is one stage of one node.
type step struct {
	node  string
	stage int
}

// cycles names nodes that wait for each other. A stage waits for the stage before it and for what its wait-for says.
func (v *validator) cycles() {
	state := map[step]int{} // 1: being visited, 2: done
	var trail []step
	var visit func(s step) bool
	visit = func(s step) bool {
		switch state[s] {
		case 1:
			v.cycle(trail[slices.Index(trail, s):])
			return false
		case 2:
			return true
		}
		state[s] = 1
		trail = append(trail, s)
		for _, next := range v.before(s) {
			if !visit(next) {
				return false
			}
		}
		trail = trail[:len(trail)-1]
		state[s] = 2
		return true
	}
	for _, n := range v.lab.Nodes {
		if len(n.Stages) > 0 && !visit(step{n.Name, len(stages) - 1}) {
			return
		}
	}
}

// before lists what must be done before a step can be.
func (v *validator) before(s step) []step {
	var list []step
	if s.stage > 0 {
		list = append(list, step{s.node, s.stage - 1})
	}
	n := v.nodes[s.node]
	if n == nil {
		return list
	}
	for _, w := range n.Stages {
		if w.Stage == stages[s.stage] {
			if i := slices.Index(stages, w.NodeStage); i >= 0 && v.nodes[w.Node] != nil {
				list = append(list, step{w.Node, i})
			}
		}
	}
	return list
}

func (v *validator) cycle(trail []step) {
	var names []string
	for _, s := range trail {
		if len(names) == 0 || names[len(names)-1] != s.node {
			names = append(names, s.node)
		}
	}
	if len(names) == 1 || names[len(names)-1] != names[0] {
		names = append(names, names[0])
	}
	n := v.nodes[names[0]]
	at, line := nodePath(n), n.Line
	for i, w := range n.Stages {
		if w.Node == names[min(1, len(names)-1)] {
			at, line = fmt.Sprintf("%s.stages[%d]", nodePath(n), i), max(w.Line, n.Line)
			break
		}
	}
	v.say(line, at, "These nodes wait for each other and would never start: %s. Take one wait-for away.", strings.Join(names, " waits for "))
}
