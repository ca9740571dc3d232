package fakehost

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/host"
)

// file is one file of a fake container. Folders exist by the files below them.
type file struct {
	content []byte
	mode    int64
	at      time.Time
}

// readFiles takes a new container's project files.
func readFiles(spec host.ContainerSpec) (map[string]file, error) {
	files := map[string]file{"/etc/hostname": {[]byte(spec.Node.Hostname + "\n"), 0o644, time.Now()}}
	for _, f := range spec.Node.Files {
		r, _, err := spec.OpenBlob(f.Blob)
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			return nil, err
		}
		files[path.Clean(f.Target)] = file{content, int64(f.Mode), time.Now()}
	}
	return files, nil
}

// PutTar implements host.Files.
func (e *Engine) PutTar(ctx context.Context, id, dir string, r io.Reader) error {
	incoming := map[string]file{}
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "What was sent is not a tar archive.")
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "The archive broke off.")
		}
		incoming[path.Join(dir, header.Name)] = file{content, header.Mode, header.ModTime}
	}
	e.h.mu.Lock()
	defer e.h.mu.Unlock()
	c := e.h.containers[id]
	if c == nil {
		return gone(id)
	}
	for name, f := range incoming {
		c.files[name] = f
	}
	return ctx.Err()
}

// GetTar implements host.Files.
func (e *Engine) GetTar(_ context.Context, id, p string) (io.ReadCloser, host.FileStat, error) {
	e.h.mu.Lock()
	defer e.h.mu.Unlock()
	stat, err := e.h.statLocked(id, p)
	if err != nil {
		return nil, stat, err
	}
	var names []string
	for name := range e.h.containers[id].files {
		if name == p || strings.HasPrefix(name, path.Clean(p)+"/") || p == "/" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, name := range names {
		f := e.h.containers[id].files[name]
		inside := path.Join(path.Base(p), strings.TrimPrefix(name, path.Clean(p)))
		header := &tar.Header{Typeflag: tar.TypeReg, Name: inside, Mode: f.mode, Size: int64(len(f.content)), ModTime: f.at}
		if err := archive.WriteHeader(header); err != nil {
			return nil, stat, err
		}
		if _, err := archive.Write(f.content); err != nil {
			return nil, stat, err
		}
	}
	return io.NopCloser(&out), stat, archive.Close()
}

// Stat implements host.Files.
func (e *Engine) Stat(_ context.Context, id, p string) (host.FileStat, error) {
	e.h.mu.Lock()
	defer e.h.mu.Unlock()
	return e.h.statLocked(id, p)
}

func (h *Host) statLocked(id, p string) (host.FileStat, error) {
	c := h.containers[id]
	if c == nil {
		return host.FileStat{}, gone(id)
	}
	if f, ok := c.files[p]; ok {
		return host.FileStat{Name: path.Base(p), Size: int64(len(f.content)), Mode: uint32(f.mode), ModTime: f.at}, nil
	}
	for name := range c.files {
		if p == "/" || strings.HasPrefix(name, path.Clean(p)+"/") {
			return host.FileStat{Name: path.Base(p), Mode: 0o755, IsDir: true}, nil
		}
	}
	return host.FileStat{}, fault.New(fault.NotFound, "There is no %s in the node.", p)
}
