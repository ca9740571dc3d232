// Package project opens what a person sends as a lab: one YAML file, a zip, a tar stream or a form with several files.
//
// It knows archives and their traps (paths that climb out, links, sizes that lie). It refuses to know what is inside the files.
package project

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path"
	"strings"

	"trunkline/internal/fault"
)

// Limits of one project. The archive's own claims of size are not believed: bytes are counted as they are read.
const (
	MaxBytes = 512 << 20
	MaxFiles = 2000
)

// Source yields the files one by one; it satisfies control.FileSource. Close frees what it holds.
type Source interface {
	Next() (path string, mode uint32, content io.Reader, err error)
	io.Closer
}

// FromRequest opens a request's body by its content type: application/zip, application/x-tar, multipart/form-data, or
// YAML text as a single file called name.
func FromRequest(r *http.Request, name string) (Source, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = "application/yaml"
	}
	switch kind {
	case "application/zip", "application/x-zip-compressed":
		return fromZip(r.Body)
	case "application/x-tar":
		return &tarSource{archive: tar.NewReader(r.Body)}, nil
	case "multipart/form-data":
		return &formSource{form: multipart.NewReader(r.Body, params["boundary"])}, nil
	case "application/yaml", "text/yaml", "application/x-yaml", "text/x-yaml", "text/plain", "application/octet-stream":
		return Single(name, r.Body), nil
	}
	return nil, fault.New(fault.Invalid, "A lab comes as YAML, zip, tar or a form with files, not as %s.", kind)
}

// Single is one file.
func Single(name string, content io.Reader) Source {
	return &single{name: name, content: content}
}

type single struct {
	name    string
	content io.Reader
}

func (s *single) Next() (string, uint32, io.Reader, error) {
	if s.content == nil {
		return "", 0, nil, io.EOF
	}
	content := s.content
	s.content = nil
	name, err := cleanPath(s.name)
	return name, 0o644, content, err
}

func (s *single) Close() error { return nil }

// cleanPath refuses paths that leave the project's folder.
func cleanPath(name string) (string, error) {
	name = strings.ReplaceAll(name, `\`, "/")
	clean := path.Clean(name)
	if name == "" || clean == "." || path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") || strings.ContainsRune(clean, 0) {
		return "", fault.New(fault.Invalid, "The file %q is not inside the lab's folder. Use relative paths without \"..\".", name)
	}
	return clean, nil
}

type tarSource struct{ archive *tar.Reader }

func (s *tarSource) Next() (string, uint32, io.Reader, error) {
	for {
		header, err := s.archive.Next()
		if errors.Is(err, io.EOF) {
			return "", 0, nil, io.EOF
		}
		if err != nil {
			return "", 0, nil, fault.Wrap(err, fault.Invalid, "The archive is damaged or was cut off. Send it again.")
		}
		if header.Typeflag != tar.TypeReg {
			continue // folders come with their files; links and devices have no place in a project
		}
		name, err := cleanPath(header.Name)
		return name, uint32(header.FileInfo().Mode().Perm()), s.archive, err
	}
}

func (s *tarSource) Close() error { return nil }

type zipSource struct {
	spool *os.File
	files []*zip.File
	open  io.ReadCloser
}

// fromZip spools to disk, since a zip's table stands at its end.
func fromZip(body io.Reader) (Source, error) {
	spool, err := os.CreateTemp("", "trunkline-zip-*")
	if err != nil {
		return nil, fault.Wrap(err, fault.Exhausted, "There is no room for the upload on the controller's disk.")
	}
	s := &zipSource{spool: spool}
	size, err := io.Copy(spool, io.LimitReader(body, MaxBytes+1))
	if err != nil {
		s.Close()
		return nil, fault.Wrap(err, fault.Invalid, "The upload was cut off. Send it again.")
	}
	if size > MaxBytes {
		s.Close()
		return nil, fault.New(fault.Exhausted, "The zip is larger than %d MiB.", MaxBytes>>20)
	}
	archive, err := zip.NewReader(spool, size)
	if err != nil {
		s.Close()
		return nil, fault.Wrap(err, fault.Invalid, "That is not a zip file, or it is damaged.")
	}
	s.files = archive.File
	return s, nil
}

func (s *zipSource) Next() (string, uint32, io.Reader, error) {
	s.closeEntry()
	for len(s.files) > 0 {
		file := s.files[0]
		s.files = s.files[1:]
		if !file.Mode().IsRegular() {
			continue
		}
		name, err := cleanPath(file.Name)
		if err != nil {
			return "", 0, nil, err
		}
		if s.open, err = file.Open(); err != nil {
			return "", 0, nil, fault.Wrap(err, fault.Invalid, "The file %s in the zip cannot be read: it is damaged or encrypted.", name)
		}
		return name, uint32(file.Mode().Perm()), s.open, nil
	}
	return "", 0, nil, io.EOF
}

func (s *zipSource) closeEntry() {
	if s.open != nil {
		s.open.Close()
		s.open = nil
	}
}

func (s *zipSource) Close() error {
	s.closeEntry()
	return errors.Join(s.spool.Close(), os.Remove(s.spool.Name()))
}

// formSource takes every file part; its path is the part's full file name. A lone zip among them is opened.
type formSource struct {
	form *multipart.Reader
	zip  Source
}

func (s *formSource) Next() (string, uint32, io.Reader, error) {
	for {
		if s.zip != nil {
			name, mode, content, err := s.zip.Next()
			if !errors.Is(err, io.EOF) {
				return name, mode, content, err
			}
			if err := s.Close(); err != nil {
				return "", 0, nil, fault.Wrap(err, fault.Internal, "The spooled zip could not be removed.")
			}
		}
		part, err := s.form.NextPart()
		if errors.Is(err, io.EOF) {
			return "", 0, nil, io.EOF
		}
		if err != nil {
			return "", 0, nil, fault.Wrap(err, fault.Invalid, "The upload was cut off or is not a form. Send it again.")
		}
		name := fileName(part)
		if name == "" {
			continue
		}
		if strings.EqualFold(path.Ext(name), ".zip") {
			if s.zip, err = fromZip(part); err != nil {
				return "", 0, nil, err
			}
			continue
		}
		name, err = cleanPath(name)
		return name, 0o644, part, err
	}
}

// fileName keeps the folders that Part.FileName drops.
func fileName(part *multipart.Part) string {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return ""
	}
	return params["filename"]
}

func (s *formSource) Close() error {
	if s.zip == nil {
		return nil
	}
	err := s.zip.Close()
	s.zip = nil
	return err
}
