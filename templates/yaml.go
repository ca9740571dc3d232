package templates

import (
	"html/template"
	"regexp"
	"strings"
)

var yamlKey = regexp.MustCompile(`^(\s*(?:- )*\s*)((?:"[^"]*"|'[^']*'|[^\s#:"'\[\]{},&*!|>%@-][^#:"'\[\]{},]*)):(\s|$)`)

// yamlLine colours one line of YAML: its key and its comment. It need not be right everywhere, only never misleading: what it
// does not understand stays plain.
func yamlLine(line string) template.HTML {
	code, note := line, ""
	if at := commentAt(line); at >= 0 {
		code, note = line[:at], line[at:]
	}
	var b strings.Builder
	if m := yamlKey.FindStringSubmatchIndex(code); m != nil {
		b.WriteString(template.HTMLEscapeString(code[:m[4]]))
		b.WriteString(`<span class="y-key">` + template.HTMLEscapeString(code[m[4]:m[5]]) + `</span>`)
		code = code[m[5]:]
	}
	b.WriteString(template.HTMLEscapeString(code))
	if note != "" {
		b.WriteString(`<span class="y-note">` + template.HTMLEscapeString(note) + `</span>`)
	}
	return template.HTML(b.String()) // every part was escaped
}

// commentAt is where a comment begins: a # at the start or after white space, outside of quotes; -1 when there is none.
func commentAt(line string) int {
	var quote byte
	for i := range len(line) {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && (i == 0 || strings.ContainsRune(" [{,:", rune(line[i-1]))):
			quote = c
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return i
		}
	}
	return -1
}
