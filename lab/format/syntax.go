package format

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline/internal/fault"
)

const templateSentence = "This is a Go template ({{ … }}), and it needs its variables before it is a lab file. Render it first, then import the result."

// bracesHint follows templateSentence at a value, where the braces may be meant.
const bracesHint = " For the two braces themselves write {{\"{{\"}}."

// bracesAction is how a template says "{{", and thus how a lab file does.
const bracesAction = `{{"{{"}}`

func escapeBraces(s string) string { return strings.ReplaceAll(s, "{{", bracesAction) }

// unescapeBraces is the inverse of escapeBraces; false when there is any other template action.
func unescapeBraces(s string) (string, bool) {
	if !strings.Contains(s, "{{") {
		return s, true
	}
	parts := strings.Split(s, bracesAction)
	for _, part := range parts {
		if strings.Contains(part, "{{") {
			return "", false
		}
	}
	return strings.Join(parts, "{{"), true
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// refuseSyntax says where the YAML breaks, or that it is a template when that is why.
func (p *parser) refuseSyntax(data []byte, err error) {
	place := fault.Place{File: p.in.File, Line: templateLine(data), Column: 1, Sentence: templateSentence}
	if place.Line == 0 {
		reason := strings.TrimLeft(strings.TrimPrefix(yamlLine.ReplaceAllString(err.Error(), ""), "yaml: "), ": ")
		place.Sentence = "The YAML breaks here: " + reason + ". Look at the indentation and the quotes of this line and the one before."
		if place.Line = brokenLine(data, err); place.Line == 0 {
			place.Column = 0
		}
		if isTabIndented(data, place.Line) {
			place.Sentence = "A tab is used for indentation here. YAML takes spaces only: replace it by spaces."
		}
	}
	p.report.refused = append(p.report.refused, place)
}

// isTabIndented reports a tab among the white space that a line begins with: the commonest mistake of all.
func isTabIndented(data []byte, line int) bool {
	lines := strings.Split(string(data), "\n")
	if line < 1 || line > len(lines) {
		return false
	}
	text := lines[line-1]
	return strings.ContainsRune(text[:len(text)-len(strings.TrimLeft(text, " \t"))], '\t')
}

// templateLine is the first line with a template action outside a comment, 0 if there is none.
func templateLine(data []byte) int {
	for i, line := range strings.Split(string(data), "\n") {
		if strings.Contains(line, "{{") && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			return i + 1
		}
	}
	return 0
}

// searchedBytes bounds the files in which the broken line is searched for: that takes some dozen parses.
const searchedBytes = 32 << 10

// lookAhead is how many lines a value may span for the search to see past it.
const lookAhead = 12

// brokenLine finds the line after the longest beginning of the file that is still YAML. The library's own line is often
// that of the mapping around the fault, and is taken for large files only.
func brokenLine(data []byte, err error) int {
	reported := 0
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		reported, _ = strconv.Atoi(m[1])
	}
	if len(data) > searchedBytes {
		return reported
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	good, bad := 0, len(lines)
	for good+1 < bad {
		middle := (good + bad) / 2
		if at := goodWithin(lines, middle, min(middle+lookAhead, bad-1)); at > 0 {
			good = at
		} else {
			bad = middle
		}
	}
	return max(1, min(max(good+1, reported), len(lines)))
}

// goodWithin returns the first of the beginnings with first to last lines that is YAML, 0 if none is: a beginning may also end
// inside a value that goes on.
func goodWithin(lines [][]byte, first, last int) int {
	for n := first; n <= last; n++ {
		if yaml.Unmarshal(bytes.Join(lines[:n], nil), &yaml.Node{}) == nil {
			return n
		}
	}
	return 0
}
