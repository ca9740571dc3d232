package tenancy

import (
	"regexp"
	"slices"
	"strings"
)

// What an event keeps of a command line.
const (
	mostArguments = 100
	mostArgument  = 1000 // bytes
)

var (
	// assigned is NAME=value, name: value and --name=value, anywhere in an argument that may be a whole script.
	assigned = regexp.MustCompile(`([A-Za-z0-9_-]+)(\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s"']+)`)
	// following is --name value within a script.
	following = regexp.MustCompile(`(--?[A-Za-z0-9_-]+)(\s+)("[^"]*"|'[^']*'|[^\s"'-][^\s"']*)`)
	// inAddress is the password of a URL.
	inAddress = regexp.MustCompile(`(://[^\s:/@]*:)([^\s@/]+)(@)`)
	// bearer is a header's value after its scheme.
	bearer = regexp.MustCompile(`(?i)(authorization\s*:?\s*)(.+)`)
)

// AuditCommandLine is the command as the audit keeps it: what looks like a secret is taken out, by the names of options and variables, and what is very long is cut.
// A secret that stands alone, such as what is piped into a program, is not in it; one that looks like an ordinary word stays.
func AuditCommandLine(command []string) []string {
	if command == nil {
		return nil
	}
	kept := make([]string, 0, min(len(command), mostArguments)+1)
	for i, argument := range command {
		if i == mostArguments {
			return append(kept, "…")
		}
		if i > 0 && isOption(command[i-1]) && secretName(command[i-1]) && !strings.HasPrefix(argument, "-") {
			kept = append(kept, keptSecret)
			continue
		}
		kept = append(kept, plainText(withoutSecrets(argument), mostArgument))
	}
	return kept
}

func isOption(argument string) bool {
	return strings.HasPrefix(argument, "-") && !strings.Contains(argument, "=")
}

func withoutSecrets(argument string) string {
	argument = bearer.ReplaceAllString(argument, "${1}"+keptSecret)
	argument = inAddress.ReplaceAllString(argument, "${1}"+keptSecret+"${3}")
	for _, pattern := range []*regexp.Regexp{assigned, following} {
		argument = pattern.ReplaceAllStringFunc(argument, func(found string) string {
			parts := pattern.FindStringSubmatch(found)
			if !secretName(parts[1]) {
				return found
			}
			return parts[1] + parts[2] + keptSecret
		})
	}
	for _, word := range strings.Fields(argument) {
		if slices.ContainsFunc(secretPrefixes, func(p string) bool { return strings.HasPrefix(strings.Trim(word, `"'`), p) }) {
			argument = strings.ReplaceAll(argument, word, keptSecret)
		}
	}
	return argument
}
