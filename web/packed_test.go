package web_test

import (
	"compress/gzip"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestDrawingsAreCompressedAndPagesAreNot(t *testing.T) {
	s := newSite(t, nil)
	id := s.example("mia", "nlan-bgp")
	b := s.as("mia")
	for _, path := range []string{"/document", "/export?as=svg"} {
		plain := b.get("/labs/"+id+path, "Accept-Encoding", "identity")
		packed := b.get("/labs/"+id+path, "Accept-Encoding", "gzip")
		if plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: encodings %q and %q", path, plain.Header.Get("Content-Encoding"), packed.Header.Get("Content-Encoding"))
		}
		for _, one := range []answer{plain, packed} {
			if vary := one.Header.Values("Vary"); !slices.Contains(vary, "Accept-Encoding") || one.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: it varies by %q and is kept %q", path, vary, one.Header.Get("Cache-Control"))
			}
		}
		z, err := gzip.NewReader(strings.NewReader(packed.body))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(z); err != nil || string(text) != plain.body {
			t.Errorf("%s: unpacked it is another (%v)", path, err)
		}
		if 3*len(packed.body) > len(plain.body) {
			t.Errorf("%s: %d bytes of %d", path, len(packed.body), len(plain.body))
		}
		t.Logf("%s: %d bytes of %d", path, len(packed.body), len(plain.body))
	}
	for _, path := range []string{"/labs/" + id, "/labs/" + id + "/nodes/r1", "/labs", "/account"} {
		if page := b.get(path, "Accept-Encoding", "gzip"); page.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed, and a page may hold what its length gives away", path)
		}
	}
}
