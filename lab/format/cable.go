package format

import (
	"strconv"
	"strings"

	"trunkline/lab"
)

// addLink turns a link of the file into one of the lab, now that the nodes are known.
func (p *parser) addLink(k *fileLink) {
	for i := range k.ends {
		if name, ok := p.renamed[k.ends[i].Node]; ok {
			k.ends[i].Node = name
		}
		if p.skipped[k.ends[i].Node] {
			return
		}
	}
	p.leaveOutside(k)
	if len(k.ends) == 0 {
		return
	}
	for i := range k.ends {
		if !p.fitPort(k, &k.ends[i]) {
			return
		}
	}
	p.takeHostEnd(k, k.hostIf)
	link := &lab.Link{Type: lab.VEth, A: k.ends[0].Endpoint, Line: k.n.Line}
	if len(k.ends) == 2 {
		link.B = k.ends[1].Endpoint
	} else if link.Type = lab.Dummy; k.kind == "mgmt-net" {
		link.Type = lab.MgmtNet
	}
	k.common(link)
	p.lab.Links = append(p.lab.Links, link)
	p.linkAt = append(p.linkAt, k.index)
}

// leaveOutside cuts the end that leads out of the lab. The node keeps its interface, so that its commands find it.
func (p *parser) leaveOutside(k *fileLink) {
	for i, e := range k.ends {
		if !p.outside[e.Node] || len(k.ends) == 0 {
			continue
		}
		k.kind, k.hostIf = "host", e.Interface
		k.ends = append(k.ends[:i:i], k.ends[i+1:]...)
		break
	}
	why, outside := outsideLinks[k.kind]
	if !outside {
		return
	}
	if len(k.ends) == 1 && p.outside[k.ends[0].Node] {
		k.ends = nil
	}
	if len(k.ends) == 0 {
		p.report.drop(k.value, "The link is left out: it is %s.", why)
		return
	}
	p.report.drop(k.value, "%s stays, but leads nowhere: this is %s.", k.ends[0].Endpoint, why)
}

// fitPort gives a port of a bridge a legal name when the file's is none, and notes names that meet on the host.
func (p *parser) fitPort(k *fileLink, e *fileEnd) bool {
	if strings.Contains(e.Node, "{{") || strings.Contains(e.Interface, "{{") && !p.bridges[e.Node] {
		e.refuse("%s", templateSentence)
		return false
	}
	if !p.bridges[e.Node] {
		return true
	}
	if lab.CheckInterfaceName(e.Interface) != nil {
		name := "port" + strconv.Itoa(k.index+1) + "-" + strconv.Itoa(e.slot+1)
		p.report.change(e.path, "The port %s of the bridge %s is called %s: a port's name may have 15 plain characters, and no template.", quote(e.Interface), e.Node, name)
		e.Interface = name
	}
	p.takeHostEnd(k, e.Interface)
	return true
}

// takeHostEnd refuses two interfaces of one name in the host's namespace: containerlab could not make them either.
func (p *parser) takeHostEnd(k *fileLink, name string) {
	if name == "" || k.kind == "macvlan" || k.kind == "dummy" {
		return
	}
	if line, taken := p.hostEnds[name]; taken {
		k.refuse("The name %s is used twice on the host: a bridge's ports and the far ends of host links share one set of names, and line %d has it already. Rename one of them, or make the bridge a node of kind switch, whose ports are its own.", name, line)
		return
	}
	p.hostEnds[name] = k.n.Line
}

// common reads what every type of link may have.
func (k *fileLink) common(link *lab.Link) {
	if f, ok := k.fields["mtu"]; ok {
		link.MTU, _ = f.whole(1, 1<<20)
	}
	if f, ok := k.fields["labels"]; ok {
		if link.Labels = f.textMap(); len(link.Labels) == 0 {
			link.Labels = nil
		}
	}
	if f, ok := k.fields["vars"]; ok {
		link.Vars, _ = f.tree().(map[string]any)
		if link.Vars == nil {
			f.refuse("vars should be a mapping (key: value lines), not %s.", f.shape())
		} else if len(link.Vars) == 0 {
			link.Vars = nil
		}
	}
	if f, ok := k.fields["impairment"]; ok {
		k.r.drop(f, "impairment (containerlab's helper node) is left out: write impair: with delay, loss or rate instead.")
	}
	if f, ok := k.fields["cut"]; ok {
		link.Cut, _ = f.boolean()
	}
	if f, ok := k.fields["flap"]; ok {
		link.Flap = &lab.Flap{}
		every := f.known("every", "down")
		if d, ok := every["every"]; ok {
			link.Flap.Every, _ = d.duration()
		}
		if d, ok := every["down"]; ok {
			link.Flap.Down, _ = d.duration()
		}
	}
	if f, ok := k.fields["impair"]; ok {
		k.impair(f, link)
	}
}

// impair reads one set for both ways, or a-to-b and b-to-a.
func (k *fileLink) impair(v value, link *lab.Link) {
	oneWay := false
	for _, f := range v.fields() {
		oneWay = oneWay || f.key == "a-to-b" || f.key == "b-to-a"
	}
	if !oneWay {
		link.AtoB = v.impairment()
		link.BtoA = link.AtoB
		return
	}
	ways := v.known("a-to-b", "b-to-a")
	if f, ok := ways["a-to-b"]; ok {
		link.AtoB = f.impairment()
	}
	if f, ok := ways["b-to-a"]; ok {
		link.BtoA = f.impairment()
	}
}
