package web

import (
	"bytes"
	"io"
	"strings"

	"trunkline/lab/control"
	"trunkline/templates"
)

// keeping remembers the text of YAML files as they pass, so that a report can show the lines it speaks of.
type keeping struct {
	FileSource
	texts map[string]*bytes.Buffer
}

// keptBytes is how much of a file is remembered for excerpts.
const keptBytes = 256 << 10

// Next passes the next file on.
func (k *keeping) Next() (string, uint32, io.Reader, error) {
	name, mode, content, err := k.FileSource.Next()
	if err == nil && (strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml")) {
		if k.texts == nil {
			k.texts = map[string]*bytes.Buffer{}
		}
		text := &bytes.Buffer{}
		k.texts[name] = text
		content = io.TeeReader(content, &limited{text, keptBytes})
	}
	return name, mode, content, err
}

// limited takes the first so many bytes and drops the rest.
type limited struct {
	to   *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.to.Write(p[:n])
	l.left -= n
	return len(p), nil
}

// excerpt is the lines around one line: two before and one after.
func (k *keeping) excerpt(file string, line int) []templates.ExcerptLine {
	if k == nil || line < 1 || len(k.texts) == 0 {
		return nil
	}
	text, ok := k.texts[file]
	if !ok && len(k.texts) == 1 {
		for _, text = range k.texts {
		}
	}
	if text == nil {
		return nil
	}
	lines := strings.Split(text.String(), "\n")
	var shown []templates.ExcerptLine
	for n := max(1, line-2); n <= min(len(lines), line+1); n++ {
		shown = append(shown, templates.ExcerptLine{Number: n, Text: strings.TrimRight(lines[n-1], "\r"), Here: n == line})
	}
	return shown
}

// reportView makes a report ready to be shown; what was taken as it is needs no excerpt.
func reportView(report control.Report, kept *keeping) templates.Report {
	list := func(lines []control.ReportLine, excerpts bool) []templates.Place {
		var shown []templates.Place
		for _, l := range lines {
			p := templates.Place{File: l.File, Line: l.Line, Column: l.Column, Field: l.Field, Sentence: l.Sentence}
			if excerpts {
				p.Excerpt = kept.excerpt(l.File, l.Line)
			}
			shown = append(shown, p)
		}
		return shown
	}
	return templates.Report{
		Mapped:  list(report.Mapped, false),
		Changed: list(report.Changed, true),
		Dropped: list(report.Dropped, true),
		Refused: list(report.Refused, true),
	}
}
