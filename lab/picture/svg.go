package picture

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"

	"trunkline/lab"
)

// Sizes in drawing units: half of a node's body, and what is kept free around all.
const (
	half   = 23
	space  = 60
	margin = 20 // around frames and notes
)

// SVG draws the lab with its nodes at the places given; a node without one stands at the origin. glyph is the inside of the icon of a kind, 24 by
// 24, drawn in the current colour. The picture stands by itself: it loads nothing and runs nothing.
func SVG(l *lab.Lab, at map[string]Point, glyph func(lab.Kind) string, names Names) []byte {
	var b strings.Builder
	drawn := drawingOf(l, at)
	box := bounds(l, at, drawn)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="%g %g %g %g" width="%g" height="%g" role="img" aria-label="%s">`,
		box.x, box.y, box.w, box.h, box.w, box.h, escape("Network "+l.Name))
	fmt.Fprintf(&b, "\n<title>%s</title>\n", escape(l.Name))
	fmt.Fprintf(&b, `<rect x="%g" y="%g" width="%g" height="%g" fill="#ffffff"/>`+"\n", box.x, box.y, box.w, box.h)
	for i, g := range drawn.groups {
		drawFrame(&b, g, drawn.frames[i])
	}
	b.WriteString(`<g fill="none" stroke="#7d8981" stroke-width="1.75">` + "\n")
	bends := bends(l)
	for i, k := range l.Links {
		if k.B.Node != "" {
			drawCable(&b, k, course(at[k.A.Node], at[k.B.Node], bends[i]))
		}
	}
	b.WriteString("</g>\n" + `<g font-family="ui-monospace, 'DejaVu Sans Mono', monospace" text-anchor="middle" paint-order="stroke" stroke="#ffffff" stroke-width="4" stroke-linejoin="round">` + "\n")
	for i, k := range l.Links {
		if k.B.Node != "" {
			drawWords(&b, l, k, course(at[k.A.Node], at[k.B.Node], bends[i]), names)
		}
	}
	b.WriteString("</g>\n")
	for _, n := range l.Nodes {
		drawNode(&b, n, at[n.Name], glyph(n.Kind))
	}
	for _, n := range drawn.notes {
		drawNote(&b, n)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

type box struct{ x, y, w, h float64 }

func bounds(l *lab.Lab, at map[string]Point, drawn drawing) box {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	hold := func(b box) { x0, y0, x1, y1 = min(x0, b.x), min(y0, b.y), max(x1, b.x+b.w), max(y1, b.y+b.h) }
	for _, n := range l.Nodes {
		p := at[n.Name]
		hold(box{p.X - space, p.Y - space, 2 * space, 2 * space})
	}
	for _, f := range drawn.frames {
		hold(f.wider(margin))
	}
	for _, n := range drawn.notes {
		hold(n.wider(margin))
	}
	if math.IsInf(x0, 1) {
		return box{0, 0, 2 * space, 2 * space}
	}
	return box{x0, y0, x1 - x0, y1 - y0}
}

func (b box) wider(by float64) box { return box{b.x - by, b.y - by, b.w + 2*by, b.h + 2*by} }

func drawCable(b *strings.Builder, k *lab.Link, c curve) {
	dash := ""
	if k.Cut {
		dash = ` stroke-dasharray="5 5"`
	}
	fmt.Fprintf(b, `<path d="%s"%s/>`+"\n", c.path, dash)
}

func drawWords(b *strings.Builder, l *lab.Lab, k *lab.Link, c curve, names Names) {
	near, far := ends(l, k, names)
	word := func(p Point, text, colour string) {
		if text != "" {
			fmt.Fprintf(b, `<text x="%.1f" y="%.1f" font-size="10" dominant-baseline="central" fill="%s">%s</text>`+"\n", p.X, p.Y, colour, escape(text))
		}
	}
	word(c.near, near, "#465049")
	word(c.far, far, "#465049")
	word(c.middle, impairment(k), "#8a5300")
}

func drawNode(b *strings.Builder, n *lab.Node, p Point, glyph string) {
	fmt.Fprintf(b, `<g transform="translate(%g,%g)">`, p.X, p.Y)
	paint := ` fill="#ffffff" stroke="#465049" stroke-width="1.5"`
	if colour := ink(n.Labels[lab.ColorLabel], ""); colour != "" {
		paint = fmt.Sprintf(` fill="%s" stroke="%s" stroke-width="1.5"`, tint(colour, 22), colour)
	}
	switch n.Kind {
	case lab.Router:
		fmt.Fprintf(b, `<circle r="%d"%s/>`, half+1, paint)
	case lab.LAN:
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="18"%s/>`, -half-4, -half+5, 2*half+8, 2*half-10, paint)
	default:
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="10"%s/>`, -half, -half, 2*half, 2*half, paint)
	}
	fmt.Fprintf(b, `<g transform="translate(-13,-13) scale(1.0833)" color="#161c19" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">%s</g>`, glyph)
	fmt.Fprintf(b, `<text y="%d" font-family="ui-monospace, 'DejaVu Sans Mono', monospace" font-size="12" font-weight="600" text-anchor="middle" dominant-baseline="hanging" fill="#161c19" paint-order="stroke" stroke="#ffffff" stroke-width="4">%s</text></g>`+"\n",
		half+7, escape(n.Name))
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return b.String()
}
