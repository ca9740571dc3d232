package format

import (
	"net/netip"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"trunkline/lab"
)

// ownVars is where what is only ours about the whole lab is kept in a form that containerlab takes: variables of its config templates.
// Notes and drawn groups are always there; addressing is only in an export for containerlab.
const ownVars = "topology.defaults.config.vars.trunkline"

// Limits of a drawing.
const (
	maxDrawn     = 2000
	maxDrawnText = 10_000
)

var drawnColor = regexp.MustCompile(`^(#[0-9a-fA-F]{6}|[a-z][a-z-]{0,29})$`)

// readOwnVars takes config.vars.trunkline out of the defaults.
func (p *parser) readOwnVars(defaults definition) {
	config, ok := defaults["config"]
	if !ok || config.n.Kind != yaml.MappingNode {
		return
	}
	vars := config.child("vars")
	own := vars.child("trunkline")
	if !own.isSet() {
		return
	}
	parts := own.known("notes", "drawn-groups", "addressing")
	drawing := &lab.Drawing{}
	if v, ok := parts["notes"]; ok {
		drawing.Notes = readDrawn(v, readNote)
	}
	if v, ok := parts["drawn-groups"]; ok {
		drawing.Groups = readDrawn(v, readDrawnGroup)
	}
	if len(drawing.Notes)+len(drawing.Groups) > 0 {
		p.lab.Drawing = drawing
	}
	if v, ok := parts["addressing"]; ok {
		p.lab.Addressing = readAddressing(v)
	}
	if len(config.n.Content) == 2 && len(vars.n.Content) == 2 {
		delete(defaults, "config") // nothing else is in it, so nothing is left out
	}
}

// child is a mapping's value by key; without one its node is nil.
func (v value) child(key string) value {
	if v.n == nil || v.n.Kind != yaml.MappingNode {
		return value{r: v.r}
	}
	for _, f := range v.fields() {
		if f.key == key {
			return f.value
		}
	}
	return value{r: v.r}
}

func readDrawn[T any](v value, read func(f field) T) []T {
	list := v.fields()
	if len(list) > maxDrawn {
		v.refuse("The drawing has %d of these; it may have %d.", len(list), maxDrawn)
		return nil
	}
	var all []T
	for _, f := range list {
		all = append(all, read(f))
	}
	return all
}

func readNote(f field) lab.Note {
	n := lab.Note{ID: f.key}
	fields := f.known("text", "x", "y", "width", "height", "color")
	n.Text, n.Color = drawnText(fields["text"]), drawnColorOf(fields["color"])
	n.X, n.Y, n.Width, n.Height = coordinateOf(fields["x"]), coordinateOf(fields["y"]), coordinateOf(fields["width"]), coordinateOf(fields["height"])
	return n
}

func readDrawnGroup(f field) lab.DrawnGroup {
	g := lab.DrawnGroup{ID: f.key}
	fields := f.known("label", "color", "x", "y", "width", "height")
	g.Label, g.Color = drawnText(fields["label"]), drawnColorOf(fields["color"])
	g.X, g.Y, g.Width, g.Height = coordinateOf(fields["x"]), coordinateOf(fields["y"]), coordinateOf(fields["width"]), coordinateOf(fields["height"])
	return g
}

func coordinateOf(v value) float64 {
	if v.n == nil {
		return 0
	}
	f, _ := v.number()
	if f <= -1e7 || f >= 1e7 {
		v.refuse("%s should be less than ten million.", v.name())
		return 0
	}
	return f
}

// drawnText reads text that means nothing but itself: two braces are two braces.
func drawnText(v value) string {
	if v.n == nil {
		return ""
	}
	s, _ := v.rawText()
	if len(s) > maxDrawnText {
		v.refuse("%s has %d bytes; it may have %d.", v.name(), len(s), maxDrawnText)
		return ""
	}
	return s
}

func drawnColorOf(v value) string {
	s := drawnText(v)
	if s != "" && !drawnColor.MatchString(s) {
		v.refuse("color should be a name such as amber, or #rrggbb, not %s.", quote(s))
		return ""
	}
	return s
}

// readAddressing reads {mode, loopbacks, links, lans, ipv4, ipv6}.
func readAddressing(v value) *lab.Addressing {
	a := &lab.Addressing{}
	fields := v.known("mode", "loopbacks", "links", "lans", "ipv4", "ipv6")
	if f, ok := fields["mode"]; ok {
		switch s, _ := f.text(); s {
		case "fill":
			a.Fill = true
		case "off", "":
		default:
			f.refuse("mode should be fill or off, not %s.", quote(s))
		}
	}
	for name, pool := range map[string]*[]netip.Prefix{"loopbacks": &a.Loopbacks, "links": &a.Links, "lans": &a.LANs} {
		if f, ok := fields[name]; ok {
			for _, p := range f.prefixes() {
				*pool = append(*pool, p.Masked())
			}
		}
	}
	for name, without := range map[string]*bool{"ipv4": &a.NoIPv4, "ipv6": &a.NoIPv6} {
		if f, ok := fields[name]; ok {
			on, ok := f.boolean()
			*without = ok && !on
		}
	}
	return a
}

func exportAddressing(a *lab.Addressing) mapping {
	c := newMapping()
	if a.Fill {
		c.text("mode", "fill")
	} else {
		c.add("mode", quoted("off"))
	}
	c.flowList("loopbacks", prefixTexts(a.Loopbacks))
	c.flowList("links", prefixTexts(a.Links))
	c.flowList("lans", prefixTexts(a.LANs))
	if a.NoIPv4 {
		c.add("ipv4", plain("false"))
	}
	if a.NoIPv6 {
		c.add("ipv6", plain("false"))
	}
	return c
}

// exportOwnVars writes what readOwnVars reads, as the defaults of the topology.
func exportOwnVars(topology mapping, d *lab.Drawing, a *lab.Addressing) {
	own := newMapping()
	if d != nil {
		notes, groups := newMapping(), newMapping()
		for _, n := range d.Notes {
			m := flowMapping()
			m.drawn("text", n.Text, n.Color, n.X, n.Y, n.Width, n.Height)
			notes.add(n.ID, m.node)
		}
		for _, g := range d.Groups {
			m := flowMapping()
			m.drawn("label", g.Label, g.Color, g.X, g.Y, g.Width, g.Height)
			groups.add(g.ID, m.node)
		}
		own.child("notes", notes)
		own.child("drawn-groups", groups)
	}
	if a != nil {
		own.child("addressing", exportAddressing(a))
	}
	if len(own.node.Content) == 0 {
		return
	}
	for _, name := range []string{"trunkline", "vars", "config", "defaults"} {
		outer := newMapping()
		outer.child(name, own)
		own = outer
	}
	topology.node.Content = slices.Concat(own.node.Content, topology.node.Content)
}

func (m mapping) drawn(label, text, color string, x, y, width, height float64) {
	if text != "" {
		n := quoted(escapeDollars(text)) // braces mean themselves here
		if n.Style == yaml.LiteralStyle {
			n.Style = yaml.DoubleQuotedStyle
		}
		m.add(label, n)
	}
	if color != "" {
		m.add("color", quoted(color))
	}
	for i, name := range []string{"x", "y", "width", "height"} {
		if f := []float64{x, y, width, height}[i]; f != 0 {
			m.add(name, plain(floatText(f)))
		}
	}
}
