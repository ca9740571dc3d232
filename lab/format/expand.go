package format

import (
	"fmt"
	"strings"
)

// expand replaces ${NAME} and its operators from env, and $NAME where env has it. "$$" keeps a following name or brace
// as it is. The operators are those of containerlab (a8m/envsubst): - := = :- + :+ and, as in a shell, ? and :?.
//
// lenient leaves ${NAME} as it is when env has no such name: commands may mean a variable of the node's own shell.
func expand(s string, env map[string]string, lenient bool) (string, error) {
	if !strings.Contains(s, "$") {
		return s, nil
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		rest := s[i+1:]
		switch {
		case s[i] != '$' || rest == "":
			out.WriteByte(s[i])
		case rest[0] == '$' && len(rest) > 1 && (rest[1] == '{' || isNameStart(rest[1])):
			out.WriteString(rest[:2])
			i += 2
		case rest[0] == '{':
			end := closingBrace(rest)
			if end < 0 {
				if lenient {
					out.WriteByte('$')
					continue
				}
				return "", fmt.Errorf("${ is opened and never closed. Close it, or write $${ for the text itself")
			}
			text, err := expandBraces(rest[1:end], env, lenient)
			if err != nil {
				return "", err
			}
			out.WriteString(text)
			i += end + 1
		default:
			name := leadingName(rest)
			value, ok := env[name]
			if name == "" || !ok {
				out.WriteByte('$')
				continue
			}
			out.WriteString(value)
			i += len(name)
		}
	}
	return out.String(), nil
}

// expandBraces evaluates what stands between ${ and }.
func expandBraces(inner string, env map[string]string, lenient bool) (string, error) {
	name := leadingName(inner)
	operator := inner[len(name):]
	value, set := env[name]
	orEmpty := strings.HasPrefix(operator, ":")
	if orEmpty {
		set = set && value != ""
	}
	kind, word := strings.TrimPrefix(operator, ":"), ""
	if kind != "" {
		kind, word = kind[:1], kind[1:]
	}
	switch {
	case name == "" || (kind != "" && !strings.Contains("-=+?", kind)) || (kind == "" && orEmpty):
		if lenient {
			return "${" + inner + "}", nil
		}
		return "", fmt.Errorf("${%s} is no expression we know. Write ${NAME} or ${NAME:-value}, or $${ for the text itself", inner)
	case kind == "+" && set:
		return expand(word, env, lenient)
	case kind == "+":
		return "", nil
	case set:
		return value, nil
	case kind == "-" || kind == "=":
		return expand(word, env, lenient)
	case kind == "?" && word != "":
		return "", fmt.Errorf("the variable %s is not given: %s", name, word)
	case lenient && kind == "":
		return "${" + inner + "}", nil
	}
	return "", fmt.Errorf("the variable %s is not given and has no default. Give it with the import, write ${%s:-value}, or $${%s} for the text itself", name, name, name)
}

// closingBrace finds the brace that closes the one at s[0], -1 if none does.
func closingBrace(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '{' && (i == 0 || s[i-1] == '$'):
			depth++
		case s[i] == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func leadingName(s string) string {
	if s == "" || !isNameStart(s[0]) {
		return ""
	}
	end := 1
	for end < len(s) && (isNameStart(s[end]) || s[end] >= '0' && s[end] <= '9') {
		end++
	}
	return s[:end]
}

func isNameStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// escapeDollars is what Format writes so that expand gives s back, whatever env holds.
func escapeDollars(s string) string {
	if !strings.Contains(s, "$") {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '$' && i+1 < len(s) && (s[i+1] == '{' || isNameStart(s[i+1])) {
			out.WriteByte('$')
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
