package format

import "strings"

// MapImage returns the image that stands in for the one a file names, or the image itself when no pattern fits.
//
// A pattern is an image name where * stands for anything, such as "frrouting/*" or "quay.io/*". Without a tag it fits every
// tag, without a registry every registry. An exact name wins over a pattern, a longer pattern over a shorter one.
func MapImage(m map[string]string, image string) string {
	if to, ok := m[image]; ok {
		return to
	}
	best, bestLength := "", -1
	for pattern := range m {
		length := len(strings.ReplaceAll(pattern, "*", ""))
		if !imageFits(pattern, image) || length < bestLength || length == bestLength && pattern > best {
			continue
		}
		best, bestLength = pattern, length
	}
	if bestLength < 0 {
		return image
	}
	return m[best]
}

func imageFits(pattern, image string) bool {
	names := []string{image}
	if short := withoutTag(image); short != image {
		names = append(names, short)
	}
	if host, rest, ok := strings.Cut(image, "/"); ok && isRegistry(host) {
		rest = strings.TrimPrefix(rest, "library/")
		names = append(names, rest, withoutTag(rest))
	}
	for _, name := range names {
		if globMatch(pattern, name) {
			return true
		}
	}
	return false
}

// withoutTag cuts a tag or digest; a port in the registry's name is no tag.
func withoutTag(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if colon := strings.LastIndexByte(image, ':'); colon > strings.LastIndexByte(image, '/') {
		return image[:colon]
	}
	return image
}

func isRegistry(host string) bool { return strings.ContainsAny(host, ".:") || host == "localhost" }

// globMatch reports whether name fits pattern, where * stands for any text, slashes included.
func globMatch(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	if !strings.HasPrefix(name, parts[0]) {
		return false
	}
	name = name[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name = name[at+len(part):]
	}
	return strings.HasSuffix(name, last)
}
