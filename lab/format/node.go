package format

import (
	"path"
	"strconv"
	"strings"

	"trunkline/lab"
)

// nodeBuilder makes one node out of what its levels say, most specific first.
type nodeBuilder struct {
	p      *parser
	n      *lab.Node
	path   string
	levels []definition
	words  *strings.Replacer
}

// readNode maps one node, or refuses or drops it by its kind.
func (p *parser) readNode(f field) {
	own := p.readDefinition(f.value)
	takeCarried(own, carriedNodeFields)
	kind := p.defs.kindOfNode(own)
	mapped, known := kindOf[kind]
	f.at = position{f.keyAt.Line, f.keyAt.Column}
	p.report.at[f.path] = f.at
	switch {
	case kind == "":
		p.report.refuse(f.path, "Node %s has no kind, of its own or by inheritance. Write kind: linux, or another of %s.", f.key, strings.Join(kindNames[1:len(lab.Kinds)], ", "))
		p.skipped[f.key] = true
		return
	case kind == kindHost:
		p.report.drop(f.value, "Node %s stands for the machine itself, which a lab may not touch; it is left out. For a way out take a node of kind internet.", f.key)
		p.outside[f.key] = true
		return
	case !known:
		at := p.report.find(f.path + ".kind")
		if own.scalar("kind") == "" {
			at = p.report.find(f.path)
		}
		place := p.report.place(f.path, kindRefusal(f.key, kind))
		place.Line, place.Column = at.line, at.column
		p.report.add(&p.report.refused, place)
		p.skipped[f.key] = true
		return
	}
	p.reportDropped(own)
	group := p.defs.groupOfNode(own, kind)
	b := &nodeBuilder{p: p, path: f.path, levels: []definition{own, p.defs.groups[group], p.defs.kinds[kind], p.defs.defaults}}
	b.n = &lab.Node{Name: f.key, Kind: mapped, Group: group, Line: f.keyAt.Line}
	if bridge, inside, ok := strings.Cut(f.key, "|"); ok && mapped == lab.Switch {
		p.readInnerBridge(b, bridge, inside)
	} else if kind != string(mapped) {
		p.bridges[f.key] = true
	}
	if p.bridges[f.key] {
		p.report.mapTo(f.path, "The %s %s is our switch of that name.", kind, b.n.Name)
	}
	b.words = magicWords(p.lab.Name, b.n.Name)
	p.lab.Nodes = append(p.lab.Nodes, b.n)
	b.build()
}

// readInnerBridge maps a bridge inside a container's namespace (name|container): a switch with a cable to that container.
func (p *parser) readInnerBridge(b *nodeBuilder, bridge, inside string) {
	b.n.Name, p.renamed[b.n.Name] = bridge, bridge
	p.report.at["topology.nodes."+bridge] = p.report.at[b.path]
	p.report.change(b.path, "The bridge %s inside %s becomes a switch of that name, with a cable to the interface %s of %s.", bridge, inside, bridge, inside)
	link := &lab.Link{Type: lab.VEth, A: lab.Endpoint{Node: inside, Interface: bridge}, B: lab.Endpoint{Node: bridge, Interface: bridge}, Line: b.n.Line}
	p.lab.Links = append(p.lab.Links, link)
	p.linkAt = append(p.linkAt, -1)
}

func magicWords(labName, node string) *strings.Replacer {
	dir := "clab-" + labName
	return strings.NewReplacer("__clabNodeDir__", path.Join(dir, node), "__clabDir__", dir, "__clabNodeName__", node, "__clabLabName__", labName)
}

func (b *nodeBuilder) magic(s string) string {
	if !strings.Contains(s, "__clab") {
		return s
	}
	return b.words.Replace(s)
}

// text reads an overriding text field.
func (b *nodeBuilder) text(name string) string {
	if v, ok := b.first(name); ok {
		if s, ok := v.text(); ok {
			return b.magic(s)
		}
	}
	return ""
}

func (b *nodeBuilder) build() {
	b.labels()
	b.ownFields()
	if !b.n.Kind.IsContainer() {
		b.refuseContainerFields()
		return
	}
	n := b.n
	n.Image = b.text("image")
	n.Entrypoint, n.Cmd = b.command("entrypoint"), b.command("cmd")
	n.Exec = b.mergedList("exec")
	n.Env = b.environment()
	n.User, n.Hostname = b.text("user"), b.text("hostname")
	n.Sysctls = b.mergedMap("sysctls")
	n.Ports = b.ports()
	for _, c := range b.mergedList("cap-add") {
		n.CapAdd = append(n.CapAdd, strings.TrimPrefix(strings.ToUpper(c), "CAP_"))
	}
	if v, ok := b.first("cpu"); ok {
		n.CPU, _ = v.number()
	}
	if v, ok := b.first("memory"); ok {
		n.MemoryBytes, _ = v.bytes()
	}
	if v, ok := b.first("shm-size"); ok {
		n.ShmBytes, _ = v.bytes()
	}
	if v, ok := b.first("startup-delay"); ok {
		n.StartupDelay, _ = v.seconds()
	}
	if v, ok := b.first("restart-policy"); ok {
		n.RestartPolicy, _ = v.text()
	}
	if v, ok := b.first("auto-start"); ok {
		if on, ok := v.boolean(); ok && !on {
			n.Run = "stopped"
		}
	}
	b.binds()
	b.startupConfig()
	b.management()
	b.networkMode()
	b.resolver()
	b.stages()
	b.healthcheck()
	b.imageNote()
}

// containerFields make no sense on a switch, a segment or a way out.
var containerFields = []string{"image", "cmd", "entrypoint", "exec", "env", "env-files", "binds", "startup-config", "user", "hostname", "cpu", "memory",
	"shm-size", "sysctls", "cap-add", "ports", "dns", "mgmt-ipv4", "mgmt-ipv6", "restart-policy", "startup-delay", "stages", "healthcheck", "auto-start"}

// refuseContainerFields drops what a node says itself of a container it is not; what it inherits is meant for others.
func (b *nodeBuilder) refuseContainerFields() {
	for _, name := range containerFields {
		if v, ok := b.levels[0][name]; ok && !isBlank(v.n) {
			b.p.report.drop(v, "%s is left out: a %s is no container.", name, b.n.Kind)
		}
	}
}

func (b *nodeBuilder) imageNote() {
	if b.n.Image == "" && b.n.Kind == lab.Linux {
		b.p.report.change(b.path, "Node %s names no image, so it runs %s.", b.n.Name, b.n.Kind.DefaultImage())
	}
}

// command reads a command line; containerlab splits it like a shell does.
func (b *nodeBuilder) command(name string) []string {
	v, ok := b.first(name)
	if !ok {
		return nil
	}
	s, ok := v.text()
	if !ok {
		return nil
	}
	words, err := lab.SplitWords(b.magic(s))
	if err != nil {
		v.refuse("%s", err)
		return nil
	}
	return words
}

// labels merges the labels and takes the drawing's position out of them.
func (b *nodeBuilder) labels() {
	b.n.Labels = b.mergedMap("labels")
	x, okX := coordinate(b.n.Labels["graph-posX"])
	y, okY := coordinate(b.n.Labels["graph-posY"])
	if okX && okY {
		b.n.X, b.n.Y = &x, &y
		delete(b.n.Labels, "graph-posX")
		delete(b.n.Labels, "graph-posY")
		if len(b.n.Labels) == 0 {
			b.n.Labels = nil
		}
	}
}

func coordinate(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && f > -1e7 && f < 1e7
}

// ports records what a later step publishes. An entry is [address:][port:]port[/protocol].
func (b *nodeBuilder) ports() []string {
	v, ok := b.first("ports")
	if !ok {
		return nil
	}
	var ports []string
	for _, item := range v.items() {
		s, ok := item.text()
		if !ok {
			continue
		}
		if !isPort(s) {
			item.refuse("A port should be written as 8080:80, 8080:80/udp or 80, not %s.", quote(s))
			continue
		}
		ports = append(ports, s)
	}
	return ports
}

func isPort(s string) bool {
	s, protocol, given := strings.Cut(s, "/")
	if given && protocol != "tcp" && protocol != "udp" && protocol != "sctp" {
		return false
	}
	parts := strings.Split(s, ":")
	for i := max(0, len(parts)-2); i < len(parts); i++ {
		low, high, isRange := strings.Cut(parts[i], "-")
		if parts[i] == "" && i < len(parts)-1 {
			continue
		}
		if !isPortNumber(low) || isRange && !isPortNumber(high) {
			return false
		}
	}
	return true
}

func isPortNumber(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}
