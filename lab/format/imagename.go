package format

import "strings"

// ImageName brings an image reference into the form a host lists it by: without Docker's own registry, with a tag.
func ImageName(name string) string {
	name = withoutDockerHub(name)
	if strings.Contains(name, "@") || strings.LastIndexByte(name, ':') > strings.LastIndexByte(name, '/') {
		return name
	}
	return name + ":latest"
}

func withoutDockerHub(name string) string {
	for _, prefix := range []string{"docker.io/library/", "docker.io/", "index.docker.io/library/", "index.docker.io/", "library/"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return rest
		}
	}
	return name
}

// AllowsImage reports whether one of the patterns lets the image in.
//
// A pattern is an image name where * stands for anything. Without a tag it lets every tag in. Stricter than in a map, a pattern
// without a registry means Docker's own: "trunkline/*" does not let "elsewhere.example/trunkline/x" in.
func AllowsImage(patterns []string, image string) bool {
	name := ImageName(image)
	for _, pattern := range patterns {
		pattern = withoutDockerHub(pattern)
		if globMatch(pattern, name) || globMatch(pattern, withoutTag(name)) {
			return true
		}
	}
	return false
}
