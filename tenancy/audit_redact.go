package tenancy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"trunkline/internal/fault"
)

// keptSecret stands where a secret was.
const keptSecret = "(secret)"

// secretWords are parts of the names of fields whose values nobody may read in the audit, in small letters without dashes and the like.
var secretWords = []string{
	"password", "passwd", "passphrase", "secret", "token", "cookie", "authorization", "privatekey", "credential", "apikey", "accesskey", "signingkey",
	"hash", "verifier", "nonce", "signature", "ticket", "seed", "invitationlink", "signinlink", "communitystring", "bearer",
}

// notSecret are ends of names that tell of a secret what may be known, such as tokenId.
var notSecret = []string{"id", "ids", "name", "count", "expires", "expiry", "expiresat", "created", "createdat", "lastused", "lastusedat", "life", "kind", "type", "prefix"}

// secretPrefixes begin our own secrets, wherever they turn up: API tokens and join tokens.
var secretPrefixes = []string{TokenPrefix, "tlj_"}

// secretName reports whether a field of that name holds what must not be read.
func secretName(name string) bool {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return -1
	}, name)
	if !slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(plain, word) }) {
		return plain == "pw" || plain == "pass" || plain == "psk"
	}
	return !slices.ContainsFunc(notSecret, func(end string) bool { return strings.HasSuffix(plain, end) })
}

// mostDetail is how many bytes of canonical JSON Before and After each keep. More is told by its length and hash.
const mostDetail = 16 << 10

// redacted is the value as canonical JSON without its secrets; "" for nil.
func redacted(value any) (string, error) {
	if value == nil {
		return "", nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "What was changed cannot be recorded.")
	}
	canonical, err := canonicalJSON(text, secretName)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "What was changed cannot be recorded.")
	}
	if canonical == "null" {
		return "", nil
	}
	if len(canonical) > mostDetail {
		sum := sha256.Sum256([]byte(canonical))
		return canonicalJSON(mustMarshal(map[string]any{"bytes": len(canonical), "sha256": hex.EncodeToString(sum[:])}), nil)
	}
	return canonical, nil
}

// canonicalJSON is the same value in the one form that is hashed: names sorted by their bytes, no spaces, strings with the escapes that JSON
// demands and no others, numbers as they were written. It follows RFC 8785 in all but numbers. Values of fields that are secret are replaced.
func canonicalJSON(text []byte, secret func(name string) bool) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return "", err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("there is more after the value")
	}
	var out strings.Builder
	writeCanonical(&out, value, secret)
	return out.String(), nil
}

func writeCanonical(out *strings.Builder, value any, secret func(string) bool) {
	switch v := value.(type) {
	case map[string]any:
		out.WriteByte('{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				out.WriteByte(',')
			}
			writeString(out, name)
			out.WriteByte(':')
			if secret != nil && v[name] != nil && v[name] != "" && secret(name) {
				writeString(out, keptSecret)
				continue
			}
			writeCanonical(out, v[name], secret)
		}
		out.WriteByte('}')
	case []any:
		out.WriteByte('[')
		for i, element := range v {
			if i > 0 {
				out.WriteByte(',')
			}
			writeCanonical(out, element, secret)
		}
		out.WriteByte(']')
	case string:
		if secret != nil && slices.ContainsFunc(secretPrefixes, func(p string) bool { return strings.Contains(v, p) }) {
			v = keptSecret
		}
		writeString(out, v)
	case json.Number:
		out.WriteString(v.String())
	case bool:
		if v {
			out.WriteString("true")
		} else {
			out.WriteString("false")
		}
	default:
		out.WriteString("null")
	}
}

// writeString writes a JSON string with as few escapes as JSON allows. What is no UTF-8 becomes U+FFFD.
func writeString(out *strings.Builder, text string) {
	const hexDigits = "0123456789abcdef"
	out.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\b':
			out.WriteString(`\b`)
		case r == '\t':
			out.WriteString(`\t`)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\f':
			out.WriteString(`\f`)
		case r == '\r':
			out.WriteString(`\r`)
		case r < ' ':
			out.WriteString(`\u00`)
			out.WriteByte(hexDigits[r>>4])
			out.WriteByte(hexDigits[r&0xf])
		case r == utf8.RuneError:
			out.WriteRune(utf8.RuneError)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
}

// mustMarshal is for values of our own making, which are always JSON.
func mustMarshal(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}
