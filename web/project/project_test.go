package project

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline/internal/fault"
)

func readAll(t *testing.T, kind string, body []byte) (map[string]string, error) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	source, err := FromRequest(r, "lab.clab.yml")
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for {
		name, _, content, nextErr := source.Next()
		if errors.Is(nextErr, io.EOF) {
			break
		}
		if nextErr != nil {
			err = nextErr
			break
		}
		text, readErr := io.ReadAll(content)
		if readErr != nil {
			t.Fatal(readErr)
		}
		files[name] = string(text)
	}
	if err := source.Close(); err != nil {
		t.Error(err)
	}
	left, readErr := os.ReadDir(os.TempDir())
	if readErr != nil || len(left) > 0 {
		t.Errorf("left behind in the temporary folder: %v, %v", left, readErr)
	}
	return files, err
}

func zipOf(t *testing.T, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, "of "+name)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		h.Mode, h.Size = 0o644, 0
		text := "of " + h.Name
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(text))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			io.WriteString(w, text)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func formOf(t *testing.T, files map[string][]byte) (string, []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.WriteField("name", "not a file"); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		f, err := w.CreateFormFile("files", name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

func TestEveryFormOfAProjectGivesItsFiles(t *testing.T) {
	want := map[string]string{"a.clab.yml": "of a.clab.yml", "configs/r1/frr.conf": "of configs/r1/frr.conf"}
	form, formBody := formOf(t, map[string][]byte{"a.clab.yml": []byte("of a.clab.yml"), "configs/r1/frr.conf": []byte("of configs/r1/frr.conf")})
	zipForm, zipFormBody := formOf(t, map[string][]byte{"lab.zip": zipOf(t, "a.clab.yml", "configs/r1/frr.conf")})
	for _, c := range []struct {
		name, kind string
		body       []byte
		want       map[string]string
	}{
		{"yaml is a single file with the given name", "application/yaml", []byte("name: x"), map[string]string{"lab.clab.yml": "name: x"}},
		{"a zip", "application/zip", zipOf(t, "a.clab.yml", "configs/", "configs/r1/frr.conf"), want},
		{"a tar leaves links out", "application/x-tar", tarOf(t, tar.Header{Name: "a.clab.yml", Typeflag: tar.TypeReg},
			tar.Header{Name: "evil", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, tar.Header{Name: "configs/r1/frr.conf", Typeflag: tar.TypeReg}), want},
		{"a form keeps folders in names", form, formBody, want},
		{"a form with a zip opens it", zipForm, zipFormBody, want},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := readAll(t, c.kind, c.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestABadProjectIsRefusedWithASentence(t *testing.T) {
	whole := tarOf(t, tar.Header{Name: "a", Typeflag: tar.TypeReg})
	for _, c := range []struct {
		name, kind string
		body       []byte
	}{
		{"a path that climbs out of a zip", "application/zip", zipOf(t, "../../etc/cron.d/x")},
		{"an absolute path in a tar", "application/x-tar", tarOf(t, tar.Header{Name: "/etc/passwd", Typeflag: tar.TypeReg})},
		{"a windows path that climbs", "application/zip", zipOf(t, `..\x`)},
		{"a tar cut off", "application/x-tar", whole[:300]},
		{"a zip that is none", "application/zip", []byte("PK but no")},
		{"a type nobody takes", "image/png", []byte{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := readAll(t, c.kind, c.body); !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v", err)
			}
		})
	}
}
