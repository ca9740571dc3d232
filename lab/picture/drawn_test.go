package picture_test

import (
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trunkline/lab"
	"trunkline/lab/picture"
)

// annotated is the small lab with a frame around two nodes, one of a size of its own, an empty one, and two notes.
func annotated() *lab.Lab {
	l := small()
	l.Nodes[0].Labels = map[string]string{lab.GroupLabel: "site", lab.ColorLabel: "green"}
	l.Nodes[1].Labels = map[string]string{lab.GroupLabel: "site", lab.ColorLabel: `"/><script>`}
	l.Drawing = &lab.Drawing{
		Groups: []lab.DrawnGroup{{ID: "site", Label: "Site A", Color: "violet"}, {ID: "fixed", Label: "DMZ", X: -300, Y: -200, Width: 100, Height: 80}, {ID: "empty", Label: "Nothing in it"}},
		Notes: []lab.Note{{ID: "n1", Text: "Lab 3: set OSPF up\n\nthen cut the <cable>", X: 260, Y: 20, Width: 150},
			{ID: "n2", Text: "x", X: 0, Y: 300, Color: "#123456"}},
	}
	return l
}

func TestNotesAndFramesAreInThePicture(t *testing.T) {
	at := map[string]picture.Point{"r1": {0, 0}, "h1": {200, 0}, "out": {0, 150}}
	svg := string(picture.SVG(annotated(), at, func(lab.Kind) string { return `<circle cx="12" cy="12" r="9"/>` }, picture.Names{}))
	wellFormed(t, svg)
	for _, want := range []string{
		">Site A<", `<rect x="-40" y="-56" width="280" height="106" rx="14" fill="#f6f3fa"`, ">DMZ<", `<rect x="-300" y="-200" width="100" height="80"`,
		">Lab 3: set OSPF<", ">up<", ">then cut the<", ">&lt;cable&gt;<", `fill="#dee3e8"`, `fill="#d1e3d8" stroke="#2b7f4b"`, `viewBox="-320 -220 750 `,
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture does not hold %q", want)
		}
	}
	if strings.Contains(svg, "Nothing in it") || strings.Contains(svg, "script") {
		t.Error("it holds what is not drawn")
	}
	if strings.Index(svg, ">Site A<") > strings.Index(svg, ">r1<") || strings.Index(svg, ">up<") < strings.Index(svg, ">r1<") {
		t.Error("frames are not behind the nodes, or notes not before them")
	}
	if folder := os.Getenv("TRUNKLINE_TEST_SHOTS"); folder != "" {
		if err := os.WriteFile(folder+"/annotated.svg", []byte(svg), 0o644); err != nil {
			t.Error(err)
		}
	}
}

func TestNoNoteBreaksThePicture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := annotated()
		l.Drawing.Notes[0].Text = rapid.String().Draw(t, "text")
		l.Drawing.Notes[0].Width = rapid.Float64Range(0, 400).Draw(t, "width")
		l.Drawing.Notes[0].Color, l.Drawing.Groups[0].Label = rapid.String().Draw(t, "colour"), rapid.String().Draw(t, "label")
		wellFormed(t, string(picture.SVG(l, nil, func(lab.Kind) string { return "" }, picture.Names{})))
	})
}
