package static

import (
	"embed"
	"strings"
)

//go:embed icons/*.svg
var icons embed.FS

// KindGlyph is the inside of the icon of a kind of nodes: SVG, 24 by 24, drawn in the current colour. "" for a kind that has none.
func KindGlyph(kind string) string {
	text, err := icons.ReadFile("icons/kind-" + kind + ".svg")
	if err != nil {
		return ""
	}
	_, inside, _ := strings.Cut(string(text), ">")
	inside, _, _ = strings.Cut(inside, "</svg>")
	return inside
}
