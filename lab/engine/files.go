package engine

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"

	"trunkline/lab/host"
)

// PutTar unpacks a tar stream into a folder of the container, running or not.
func (e *Engine) PutTar(ctx context.Context, id, dir string, r io.Reader) error {
	if err := e.docker.CopyToContainer(ctx, id, dir, r, container.CopyToContainerOptions{}); err != nil {
		return sentence(err, "put files into %s", dir)
	}
	return nil
}

// GetTar streams a path of the container as tar.
func (e *Engine) GetTar(ctx context.Context, id, p string) (io.ReadCloser, host.FileStat, error) {
	stream, stat, err := e.docker.CopyFromContainer(ctx, id, p)
	if err != nil {
		return nil, host.FileStat{}, sentence(err, "read %s", p)
	}
	return stream, fileStat(stat), nil
}

// Stat looks at a path of the container.
func (e *Engine) Stat(ctx context.Context, id, p string) (host.FileStat, error) {
	stat, err := e.docker.ContainerStatPath(ctx, id, p)
	if err != nil {
		return host.FileStat{}, sentence(err, "look at %s", p)
	}
	return fileStat(stat), nil
}

func fileStat(s container.PathStat) host.FileStat {
	return host.FileStat{Name: s.Name, Size: s.Size, Mode: uint32(s.Mode.Perm()), IsDir: s.Mode.IsDir(), ModTime: s.Mtime}
}

// putFiles streams all the node's files as one tar into the root of its new container: one call, no copy in memory.
func (e *Engine) putFiles(ctx context.Context, id string, c host.ContainerSpec) error {
	reader, writer := io.Pipe()
	packing := make(chan error, 1)
	go func() {
		err := packFiles(writer, c)
		writer.CloseWithError(err)
		packing <- err
	}()
	err := e.PutTar(ctx, id, "/", reader)
	reader.Close() // lets the packer go when the engine stopped reading
	if packed := <-packing; packed != nil && err == nil {
		err = packed
	}
	if err != nil {
		return fmt.Errorf("files of node %s: %w", c.Node.Name, err)
	}
	return nil
}

// packFiles names files only: the engine makes the folders above them where they are missing and leaves those that exist as they are.
func packFiles(w io.Writer, c host.ContainerSpec) error {
	archive := tar.NewWriter(w)
	now := time.Now()
	for _, file := range c.Node.Files {
		name := strings.TrimPrefix(path.Clean("/"+file.Target), "/")
		content, size, err := c.OpenBlob(file.Blob)
		if err != nil {
			return err
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(os.FileMode(file.Mode).Perm()), Size: size, ModTime: now}
		if err = archive.WriteHeader(header); err == nil {
			_, err = io.Copy(archive, content)
		}
		content.Close()
		if err != nil {
			return err
		}
	}
	return archive.Close()
}
