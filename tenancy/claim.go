package tenancy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"trunkline/internal/fault"
)

// ClaimPath leads to a claim inside claims: one key for each level.
type ClaimPath []string

// Bounds of what administrators write.
const (
	maxPathBytes  = 512
	maxPathLevels = 16
)

// ParseClaimPath reads keys that are separated by dots; \. is a dot within a key, and \\ a backslash: `realm_access.roles`,
// `https://example\.org/groups`. Code: invalid.
func ParseClaimPath(text string) (ClaimPath, error) {
	wrong := func(why string) (ClaimPath, error) {
		return nil, fault.New(fault.Invalid, "The claim %q cannot be read: %s. Write keys with dots between them, such as realm_access.roles, and \\. for a dot within a key.", clip(text), why).InField("claim")
	}
	if len(text) > maxPathBytes {
		return wrong(fmt.Sprintf("it has more than %d bytes", maxPathBytes))
	}
	var path ClaimPath
	var key strings.Builder
	escaped := false
	for _, c := range []byte(text) { // the separators are ASCII, so that bytes will do
		switch {
		case escaped && c != '.' && c != '\\':
			return wrong("a backslash stands before something else than a dot or a backslash")
		case escaped:
			escaped = false
			key.WriteByte(c)
		case c == '\\':
			escaped = true
		case c == '.':
			path = append(path, key.String())
			key.Reset()
		default:
			key.WriteByte(c)
		}
	}
	path = append(path, key.String())
	switch {
	case escaped:
		return wrong("it ends with a backslash")
	case slices.Contains(path, ""):
		return wrong("a key is empty")
	case len(path) > maxPathLevels:
		return wrong(fmt.Sprintf("it has more than %d levels", maxPathLevels))
	}
	return path, nil
}

// String is what ParseClaimPath reads.
func (p ClaimPath) String() string {
	keys := make([]string, len(p))
	for i, key := range p {
		keys[i] = strings.ReplaceAll(strings.ReplaceAll(key, `\`, `\\`), ".", `\.`)
	}
	return strings.Join(keys, ".")
}

// Values returns the texts at the path, each once, sorted. Lists are gone through at every level, numbers and truth values are written as JSON
// writes them, and of an object its keys count: some providers name roles so. present tells a claim that is empty, or null, from one that is not there.
func (p ClaimPath) Values(claims map[string]any) (values []string, present bool) {
	present = p.collect(claims, &values)
	slices.Sort(values)
	return slices.Compact(values), present
}

func (p ClaimPath) collect(at any, values *[]string) (present bool) {
	switch at := at.(type) {
	case []any:
		// An empty list is an empty claim at any level. A list whose elements all lack the key is not there.
		present = len(at) == 0
		for _, element := range at {
			present = p.collect(element, values) || present
		}
		return present
	case map[string]any:
		if len(p) == 0 {
			for key := range at {
				*values = append(*values, key)
			}
			return true
		}
		next, there := at[p[0]]
		return there && p[1:].collect(next, values)
	}
	if len(p) > 0 {
		return false
	}
	if text, ok := scalar(at); ok {
		*values = append(*values, text)
	}
	return true
}

// scalar writes a leaf as text. null, and an empty text, are no value.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, v != ""
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return v.String(), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// clip keeps what is shown of a value short.
func clip(text string) string {
	const most = 80
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
