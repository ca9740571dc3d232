package lab

import (
	"strings"

	"trunkline/internal/fault"
)

// SplitWords cuts a command line into words like a POSIX shell does: blanks separate, single and double quotes and the
// backslash keep. Nothing else of a shell happens: no variables, no globs, no pipes. An open quote is Invalid.
func SplitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\n', '\r':
			if inWord {
				words, inWord = append(words, word.String()), false
				word.Reset()
			}
		case '\'':
			end := strings.IndexByte(line[i+1:], '\'')
			if end < 0 {
				return nil, fault.New(fault.Invalid, "A single quote is opened and never closed. Close it, or write \\' for the character itself.")
			}
			word.WriteString(line[i+1 : i+1+end])
			i, inWord = i+1+end, true
		case '"':
			end, ok := doubleQuoted(line[i+1:], &word)
			if !ok {
				return nil, fault.New(fault.Invalid, "A double quote is opened and never closed. Close it, or write \\\" for the character itself.")
			}
			i, inWord = i+end, true
		case '\\':
			i++
			if i < len(line) && line[i] == '\n' { // a line that goes on
				continue
			}
			inWord = true
			word.WriteString(line[min(i, len(line)-1):min(i+1, len(line))])
		default:
			inWord = true
			word.WriteByte(c)
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// doubleQuoted writes what stands before the closing quote of s and returns the number of bytes up to and including it.
func doubleQuoted(s string, word *strings.Builder) (int, bool) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return i + 1, true
		case s[i] == '\\' && i+1 < len(s) && strings.IndexByte("\"\\$`\n", s[i+1]) >= 0:
			if i++; s[i] != '\n' {
				word.WriteByte(s[i])
			}
		default:
			word.WriteByte(s[i])
		}
	}
	return 0, false
}

// JoinWords is the inverse of SplitWords: each word is quoted where it must be.
func JoinWords(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quoteWord(w)
	}
	return strings.Join(quoted, " ")
}

func quoteWord(w string) string {
	if w != "" && !strings.ContainsAny(w, " \t\r\n'\"\\") {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}
