package format

import "testing"

func TestAPatternLetsInWhatItNamesAndNoMore(t *testing.T) {
	cases := []struct {
		name     string
		patterns []string
		image    string
		want     bool
	}{
		{"a star lets everything in", []string{"*"}, "quay.io/x/y:1", true},
		{"a star lets an id in", []string{"*"}, "sha256:0123", true},
		{"no pattern lets nothing in", nil, "trunkline/tiny", false},
		{"a name without a tag lets every tag in", []string{"trunkline/router"}, "trunkline/router:v2", true},
		{"a name without a tag lets a digest in", []string{"trunkline/router"}, "trunkline/router@sha256:0123", true},
		{"a tag lets no other tag in", []string{"trunkline/router:v1"}, "trunkline/router:v2", false},
		{"no tag is the tag latest", []string{"trunkline/router:latest"}, "trunkline/router", true},
		{"a folder lets its images in", []string{"trunkline/*"}, "trunkline/tiny:latest", true},
		{"a folder lets no other registry's in", []string{"trunkline/*"}, "elsewhere.example/trunkline/tiny", false},
		{"a folder lets no longer name in", []string{"trunkline/*"}, "trunklines/tiny", false},
		{"a folder lets no id in", []string{"trunkline/*"}, "sha256:0123", false},
		{"Docker's own registry may be written or not in the image", []string{"frrouting/*"}, "docker.io/frrouting/frr:v8", true},
		{"Docker's own registry may be written or not in the pattern", []string{"docker.io/library/alpine"}, "alpine", true},
		{"a registry lets its images in", []string{"quay.io/*"}, "quay.io/frrouting/frr:9.1", true},
		{"a registry with a port is no tag", []string{"localhost:5000/*"}, "localhost:5000/x", true},
		{"one of several is enough", []string{"trunkline/*", "alpine"}, "alpine:3", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := AllowsImage(c.patterns, c.image); got != c.want {
				t.Errorf("AllowsImage(%v, %q) = %v", c.patterns, c.image, got)
			}
		})
	}
}
