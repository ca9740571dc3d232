package format

import (
	"trunkline/lab"
)

// stageNames are containerlab's, in the order a node goes through them.
var stageNames = []string{"create", "create-links", "configure", "healthy", "exit"}

// stages appends the wait-for and exec steps of every level, stage by stage, least specific level first, as containerlab does.
func (b *nodeBuilder) stages() {
	for _, stage := range stageNames {
		b.each("stages", func(v value) {
			s, ok := v.known(stageNames...)[stage]
			if !ok {
				return
			}
			parts := s.known("wait-for", "exec")
			if w, ok := parts["wait-for"]; ok {
				b.waits(stage, w)
			}
			if e, ok := parts["exec"]; ok {
				b.stageExecs(stage, e)
			}
		})
	}
}

func (b *nodeBuilder) waits(stage string, v value) {
	for _, item := range v.items() {
		fields := item.known("node", "stage")
		wait := lab.Wait{Stage: stage, NodeStage: "create", Line: item.n.Line}
		if f, ok := fields["node"]; ok {
			wait.Node, _ = f.text()
		}
		if f, ok := fields["stage"]; ok {
			wait.NodeStage, _ = f.text()
		}
		if wait.Node == "" {
			item.refuse("A wait-for needs the node to wait for, such as node: r1.")
			continue
		}
		if b.hasWait(wait) {
			continue
		}
		b.p.report.at[waitPath(b.path, len(b.n.Stages))] = item.at
		b.n.Stages = append(b.n.Stages, wait)
	}
}

func (b *nodeBuilder) hasWait(w lab.Wait) bool {
	for _, had := range b.n.Stages {
		if had.Stage == w.Stage && had.Node == w.Node && had.NodeStage == w.NodeStage {
			return true
		}
	}
	return false
}

func (b *nodeBuilder) stageExecs(stage string, v value) {
	for _, item := range v.items() {
		fields := item.known("command", "target", "phase")
		step := lab.StageExec{Stage: stage, When: "on-enter"}
		if f, ok := fields["phase"]; ok {
			step.When, _ = f.text()
			if step.When != "on-enter" && step.When != "on-exit" {
				f.refuse("phase should be on-enter or on-exit, not %s.", quote(step.When))
				continue
			}
		}
		if f, ok := fields["target"]; ok {
			if target, _ := f.text(); target == "host" {
				b.p.report.drop(item, "The command of stage %s is left out: its target is the host, where a lab runs nothing.", stage)
				continue
			} else if target != "container" && target != "" {
				f.refuse("target should be container, not %s.", quote(target))
				continue
			}
		}
		f, ok := fields["command"]
		if !ok {
			item.refuse("An exec step needs a command.")
			continue
		}
		command, _ := f.text()
		step.Command = b.magic(command)
		b.n.StageExecs = append(b.n.StageExecs, step)
	}
}
