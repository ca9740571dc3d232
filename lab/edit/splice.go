package edit

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// splice puts text in the place of the bytes from start to end.
type splice struct {
	start, end int
	text       string
}

// spliced returns data with the splices made, which may not overlap. Those at one place keep their order.
func spliced(data []byte, splices []splice) []byte {
	slices.SortStableFunc(splices, func(a, b splice) int { return a.start - b.start })
	var out bytes.Buffer
	at := 0
	for _, s := range splices {
		out.Write(data[at:s.start])
		out.WriteString(s.text)
		at = s.end
	}
	out.Write(data[at:])
	return out.Bytes()
}

// region is where an entry of a block mapping or an item of a block list stands: whole lines, without the comments above.
type region struct {
	start, end int // start may be inside a line, after a dash
	inline     bool
}

// entryRegion is the region of the entry whose key has index i.
func (t *text) entryRegion(m *yaml.Node, i int) region {
	key, value := m.Content[i], m.Content[i+1]
	at := t.at(key)
	limit := len(t.data)
	if i+2 < len(m.Content) {
		limit = t.at(m.Content[i+2])
	}
	return t.regionFrom(at, t.ends[value], key.Column-1, limit)
}

// itemRegion is the region of item i of a block list, with its dash.
func (t *text) itemRegion(list *yaml.Node, i int) region {
	item := list.Content[i]
	limit := len(t.data)
	if i+1 < len(list.Content) {
		limit = t.dash(list, i+1)
	}
	return t.regionFrom(t.dash(list, i), t.ends[item], t.dashColumn(list), limit)
}

// dash is the offset of the dash of item i.
func (t *text) dash(list *yaml.Node, i int) int {
	column := t.dashColumn(list)
	at := t.at(list.Content[i])
	for line := t.lineStart(at); ; line = t.lineStart(line - 1) {
		if p := line + column; p < len(t.data) && p <= at && t.data[p] == '-' && blank(t.data[line:p], " -") {
			return p
		}
		if line <= t.lines[0] {
			return at
		}
	}
}

func blank(b []byte, allowed string) bool {
	return len(bytes.Trim(b, allowed)) == 0
}

// dashColumn is the column, from 0, of a block list's dashes.
func (t *text) dashColumn(list *yaml.Node) int {
	if list.Anchor == "" && list.Style&yaml.TaggedStyle == 0 {
		return list.Column - 1
	}
	at := t.inner[list]
	return at - t.lineStart(at)
}

func (t *text) regionFrom(at, end, indent, limit int) region {
	r := region{start: at, end: min(t.nextLine(end), len(t.data))}
	if line := t.lineStart(at); blank(t.data[line:at], " \t") {
		r.start = line
	} else {
		r.inline = true
	}
	for next := r.end; next < min(limit, len(t.data)); {
		stop := t.nextLine(next)
		line := t.data[next:stop]
		trimmed := bytes.TrimLeft(line, " \t")
		switch {
		case len(bytes.TrimSpace(line)) == 0:
		case trimmed[0] == '#' && len(line)-len(trimmed) > indent:
			r.end = stop
		default:
			return r
		}
		next = stop
	}
	return r
}

// withComments moves the start up over the comment lines directly above that have the same indentation, and over blank lines above
// these when blank lines follow as well: an entry goes with the gap before it. floor is where what stands before ends, after the offset
// of what follows.
func (t *text) withComments(r region, floor, after, indent int) region {
	if r.inline {
		return r
	}
	for r.start > floor {
		above := t.lineStart(r.start - 1)
		line := t.data[above:r.start]
		trimmed := bytes.TrimLeft(line, " ")
		if above < floor || len(trimmed) == 0 || trimmed[0] != '#' || len(line)-len(trimmed) != indent {
			break
		}
		r.start = above
	}
	gap := r.start
	for gap > floor {
		above := t.lineStart(gap - 1)
		if above < floor || len(bytes.TrimSpace(t.data[above:gap])) > 0 {
			break
		}
		gap = above
	}
	if gap == floor && gap < r.start && (t.endsBlock(after, indent) || t.blankLine(after)) {
		r.start = gap
	}
	return r
}

// blankLine reports that the line at the offset holds nothing, or that the text ends there.
func (t *text) blankLine(at int) bool {
	return at >= len(t.data) || len(bytes.TrimSpace(t.data[at:t.nextLine(at)])) == 0
}

// endsBlock reports that the line at the offset belongs to something further out.
func (t *text) endsBlock(at, indent int) bool {
	if at >= len(t.data) {
		return true
	}
	line := t.data[at:t.nextLine(at)]
	return len(line)-len(bytes.TrimLeft(line, " ")) < indent
}

// shift moves the lines of a text from one indentation to another. The first line is moved only with first.
func shift(s string, by int, first bool) string {
	if by == 0 {
		return s
	}
	lines := strings.SplitAfter(s, "\n")
	for i, line := range lines {
		switch {
		case i == 0 && !first, strings.TrimSpace(line) == "":
		case by > 0:
			lines[i] = strings.Repeat(" ", by) + line
		default:
			have := len(line) - len(strings.TrimLeft(line, " "))
			lines[i] = line[min(-by, have):]
		}
	}
	return strings.Join(lines, "")
}

// endLine makes sure that what is inserted at the offset begins on a new line.
func (t *text) endLine(at int, s string) string {
	if at > t.lines[0] && at <= len(t.data) && t.data[at-1] != '\n' {
		return t.nl + strings.TrimSuffix(s, t.nl)
	}
	return s
}
