package edit

import (
	"strings"

	"trunkline/lab"
)

// DiffLine is one line of a unified diff.
type DiffLine struct {
	Sign string `json:"sign"`          // " ", "-", "+", or "@" before lines that do not follow the ones above
	Old  int    `json:"old,omitempty"` // line in the first text
	New  int    `json:"new,omitempty"`
	Text string `json:"text"`
}

// Comparison is how one text leads to another, in lines and for the network.
type Comparison struct {
	Lines []DiffLine
	Steps []lab.Step
}

// diffContext is how many lines are shown around a change.
const diffContext = 3

// Compare tells the difference of two texts, with the lines around it, and what it means for their labs.
func Compare(a, b []byte, from, to *lab.Lab) Comparison {
	old, now := splitLines(a), splitLines(b)
	hunks := diffLines(old, now)
	var lines []DiffLine
	shownTo := 0 // line of old up to which everything is shown
	for k, h := range hunks {
		start := max(h.a0-diffContext, shownTo)
		if start > shownTo || k == 0 && start > 0 {
			lines = append(lines, DiffLine{Sign: "@", Old: start + 1, New: start + 1 + h.b0 - h.a0})
		}
		for i := start; i < h.a0; i++ {
			lines = append(lines, DiffLine{" ", i + 1, i + 1 + h.b0 - h.a0, clean(old[i])})
		}
		for i := h.a0; i < h.a1; i++ {
			lines = append(lines, DiffLine{Sign: "-", Old: i + 1, Text: clean(old[i])})
		}
		for i := h.b0; i < h.b1; i++ {
			lines = append(lines, DiffLine{Sign: "+", New: i + 1, Text: clean(now[i])})
		}
		end := min(h.a1+diffContext, len(old))
		if k+1 < len(hunks) {
			end = min(end, hunks[k+1].a0)
		}
		for i := h.a1; i < end; i++ {
			lines = append(lines, DiffLine{" ", i + 1, i + 1 + h.b1 - h.a1, clean(old[i])})
		}
		shownTo = end
	}
	return Comparison{lines, lab.Diff(from, to)}
}

func clean(line string) string { return strings.TrimRight(line, "\r\n") }
