package picture

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"unicode/utf8"

	"trunkline/lab"
)

// What people draw around the network: frames behind it and notes before it, as large as the lab's page draws them.
const (
	around     = 40 // between a frame and the nodes in it
	titled     = 16 // more of it above, where its name stands
	lineHeight = 18
	letter     = 7.2 // width of one, of the notes' font
	noteInset  = 12
)

// inks are the colours of the palette, on white.
var inks = map[string]string{"blue": "#2f6fb5", "green": "#2b7f4b", "amber": "#b4780a", "red": "#b3362c", "violet": "#7a4bb0"}

var hexColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// ink is a colour of the palette or a written one; plain for anything else.
func ink(name, plain string) string {
	if colour := inks[name]; colour != "" {
		return colour
	}
	if hexColour.MatchString(name) {
		return name
	}
	return plain
}

// tint is so much of a colour on white, as a colour: not every program that shows SVG knows opacity.
func tint(colour string, percent int) string {
	var r, g, b int
	if _, err := fmt.Sscanf(colour, "#%02x%02x%02x", &r, &g, &b); err != nil {
		return "#ffffff"
	}
	light := func(c int) int { return 255 - (255-c)*percent/100 }
	return fmt.Sprintf("#%02x%02x%02x", light(r), light(g), light(b))
}

// drawing is what people drew around the network: groups and their frames, and notes.
type drawing struct {
	groups []lab.DrawnGroup
	frames []box // of each group
	notes  []note
}

func drawingOf(l *lab.Lab, at map[string]Point) (d drawing) {
	if l.Drawing == nil {
		return d
	}
	for _, g := range l.Drawing.Groups {
		if f, some := frameBox(l, g, at); some {
			d.groups, d.frames = append(d.groups, g), append(d.frames, f)
		}
	}
	for _, n := range l.Drawing.Notes {
		d.notes = append(d.notes, noteOf(n))
	}
	return d
}

// frameBox is where a group's frame is; false: it has no size of its own and no nodes.
func frameBox(l *lab.Lab, g lab.DrawnGroup, at map[string]Point) (box, bool) {
	if g.Width > 0 {
		height := g.Height
		if height == 0 {
			height = g.Width
		}
		return box{g.X, g.Y, g.Width, height}, true
	}
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, n := range l.Nodes {
		if n.Labels[lab.GroupLabel] == g.ID {
			p := at[n.Name]
			x0, y0, x1, y1 = min(x0, p.X), min(y0, p.Y), max(x1, p.X), max(y1, p.Y)
		}
	}
	if math.IsInf(x0, 1) {
		return box{}, false
	}
	return box{x0 - around, y0 - around - titled, x1 - x0 + 2*around, y1 - y0 + 2*around + titled + 10}, true
}

func drawFrame(b *strings.Builder, g lab.DrawnGroup, f box) {
	colour := ink(g.Color, "#7d8981")
	fmt.Fprintf(b, `<rect x="%g" y="%g" width="%g" height="%g" rx="14" fill="%s" stroke="%s" stroke-dasharray="6 4"/>`+"\n",
		f.x, f.y, f.w, f.h, tint(colour, 7), tint(colour, 65))
	fmt.Fprintf(b, `<text x="%g" y="%g" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12" font-weight="600" fill="%s">%s</text>`+"\n",
		f.x+14, f.y+20, ink(g.Color, "#465049"), escape(g.Label))
}

// note is a note's place and the lines that its text takes there.
type note struct {
	box
	lines []string
	paint string
}

func noteOf(n lab.Note) note {
	width := n.Width
	if width == 0 {
		longest := 4
		for line := range strings.Lines(n.Text) {
			longest = max(longest, utf8.RuneCountInString(strings.TrimRight(line, "\n")))
		}
		width = math.Min(260, 40+letter*float64(longest))
	}
	lines := wrap(n.Text, int((width-2*noteInset)/letter))
	height := n.Height
	if height == 0 {
		height = 2*noteInset + lineHeight*float64(len(lines))
	}
	return note{box{n.X, n.Y, width, height}, lines, ink(n.Color, "#b4780a")}
}

// wrap breaks a text into lines of at most so many characters, between words where there are some.
func wrap(text string, most int) []string {
	most = max(most, 1)
	var lines []string
	for _, paragraph := range strings.Split(text, "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > most {
				lines, line = append(lines, line), ""
			}
			for runes := []rune(word); len(runes) > most; runes = []rune(word) {
				lines, word = append(lines, string(runes[:most])), string(runes[most:])
			}
			line = strings.TrimLeft(line+" "+word, " ")
		}
		lines = append(lines, line)
	}
	return lines
}

func drawNote(b *strings.Builder, n note) {
	fmt.Fprintf(b, `<rect x="%g" y="%g" width="%g" height="%g" rx="6" fill="%s" stroke="%s"/>`+"\n", n.x, n.y, n.w, n.h, tint(n.paint, 14), tint(n.paint, 50))
	for i, line := range n.lines {
		if y := n.y + noteInset + lineHeight*(float64(i)+0.7); line != "" && y < n.y+n.h {
			fmt.Fprintf(b, `<text x="%g" y="%.1f" font-family="ui-monospace, 'DejaVu Sans Mono', monospace" font-size="12" fill="#161c19">%s</text>`+"\n", n.x+noteInset, y, escape(line))
		}
	}
}
