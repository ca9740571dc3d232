package format

import (
	"fmt"
	"strings"

	"trunkline/internal/fault"
	"trunkline/lab"
)

// waitPath is where lab.Validate places a complaint about a wait-for.
func waitPath(node string, index int) string { return fmt.Sprintf("%s.stages[%d]", node, index) }

// validate asks package lab what is wrong with the lab and puts its complaints where the file says it.
func (p *parser) validate() {
	if p.lab == nil || len(p.lab.Nodes) == 0 && len(p.report.refused) > 0 {
		return
	}
	for _, complaint := range lab.Validate(p.lab) {
		p.refusePlace(complaint)
	}
}

func (p *parser) refusePlace(c fault.Place) {
	c.Field = p.fileField(c.Field)
	if at := p.report.find(c.Field); at.line > 0 {
		c.Line, c.Column = at.line, at.column
	} else if c.Line > 0 {
		c.Column = 1
	}
	c.File = p.in.File
	p.report.add(&p.report.refused, c)
}

// fileField turns the index of a link in the lab into its index in the file.
func (p *parser) fileField(field string) string {
	const prefix = "topology.links["
	if !strings.HasPrefix(field, prefix) {
		return field
	}
	var index int
	number, rest, _ := strings.Cut(field[len(prefix):], "]")
	if _, err := fmt.Sscanf(number, "%d", &index); err != nil || index >= len(p.linkAt) || p.linkAt[index] < 0 {
		return "topology.links"
	}
	return fmt.Sprintf("%s%d]%s", prefix, p.linkAt[index], rest)
}
