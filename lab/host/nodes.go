package host

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// node returns the container of a lab's node: the one check that a request stays inside its lab.
func (x *Executor) node(labID, name string) (Container, error) {
	x.mu.Lock()
	l := x.labs[labID]
	x.mu.Unlock()
	if l != nil {
		if spec := l.desired().Spec; spec != nil {
			for i := range spec.Nodes {
				if spec.Nodes[i].Name != name {
					continue
				}
				if c, ok := l.ref(name); ok {
					return c, nil
				}
				return Container{}, fault.New(fault.Conflict, "Node %s has no container yet. Wait until it is created, or start it.", name)
			}
		}
	}
	return Container{}, fault.New(fault.NotFound, "This host has no node %s in that lab.", name)
}

// Exec implements hostapi.NodeHost.
func (x *Executor) Exec(ctx context.Context, labID, node string, e hostapi.ExecRequest) (hostapi.ExecStream, error) {
	c, err := x.node(labID, node)
	if err != nil {
		return nil, err
	}
	execer, ok := x.cfg.Engine.(Execer)
	switch {
	case !ok:
		return nil, fault.New(fault.Unsupported, "This host's engine cannot run commands in nodes.")
	case c.State == "paused":
		return nil, fault.New(fault.Conflict, "Node %s is paused. Resume it first.", node)
	case !alive(&c):
		return nil, fault.New(fault.Conflict, "Node %s does not run. Start it first.", node)
	case len(e.Command) == 0 && !e.TTY:
		return nil, fault.New(fault.Invalid, "Without a terminal a command must be given.")
	}
	return execer.Exec(ctx, c.ID, e)
}

// files returns the node's container and who copies into it.
func (x *Executor) files(labID, node, p string) (Files, Container, error) {
	c, err := x.node(labID, node)
	if err != nil {
		return nil, c, err
	}
	f, ok := x.cfg.Engine.(Files)
	if !ok {
		return nil, c, fault.New(fault.Unsupported, "This host's engine cannot copy files.")
	}
	if !path.IsAbs(p) || strings.ContainsRune(p, 0) {
		return nil, c, fault.New(fault.Invalid, "The path %q must be absolute.", p)
	}
	return f, c, nil
}

// PutFile implements hostapi.NodeHost. The content is spooled to disk first: a transfer that breaks off changes nothing in the node.
func (x *Executor) PutFile(ctx context.Context, labID, node string, put hostapi.PutFile, r io.Reader) error {
	f, c, err := x.files(labID, node, put.Path)
	if err != nil {
		return err
	}
	spool, err := os.CreateTemp(x.tmp, "upload-*")
	if err != nil {
		return diskFault(err)
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	size, err := io.Copy(spool, contextReader{ctx, r})
	if err != nil {
		return copyFault(err)
	}
	if put.Size >= 0 && size != put.Size {
		return fault.New(fault.Unavailable, "Of %d bytes only %d came. Nothing was changed; send the file again.", put.Size, size)
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return diskFault(err)
	}
	if put.Tar {
		return f.PutTar(ctx, c.ID, path.Clean(put.Path), spool)
	}
	_, err = f.Stat(ctx, c.ID, path.Clean(put.Path))
	isNew := fault.Is(err, fault.NotFound)
	if err = putSpooled(ctx, f, c.ID, put, spool, size); err != nil && isNew {
		x.removeHalf(ctx, c.ID, path.Clean(put.Path))
	}
	return err
}

// removeHalf takes away what a failed copy may have left in the node, as when its disk is full. Nobody can be told when that
// fails as well: the copy's own error is on its way.
func (x *Executor) removeHalf(ctx context.Context, id, file string) {
	execer, ok := x.cfg.Engine.(Execer)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	stream, err := execer.Exec(ctx, id, hostapi.ExecRequest{Command: []string{"rm", "-f", "--", file}})
	if err != nil {
		return
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, func() { stream.Close() })
	defer stop()
	stream.CloseWrite()
	if _, err := collect(stream); err != nil {
		x.log.Debug("half a file may be left in a node", "container", id, "file", file, "error", err)
	}
}

// putSpooled streams one whole file into the container as tar.
func putSpooled(ctx context.Context, f Files, id string, put hostapi.PutFile, r io.Reader, size int64) error {
	dir, name := path.Split(path.Clean(put.Path))
	if name == "" || strings.HasSuffix(put.Path, "/") {
		return fault.New(fault.Invalid, "The path %q names a folder; it must name the file.", put.Path)
	}
	mode := put.Mode
	if mode == 0 {
		mode = 0o644
	}
	reader, writer := io.Pipe()
	packed := make(chan struct{})
	go func() { // ends when the engine has read all, or closes the reader below
		defer close(packed)
		archive := tar.NewWriter(writer)
		err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(mode & 0o777), Size: size, ModTime: time.Now()})
		if err == nil {
			_, err = io.Copy(archive, r)
		}
		writer.CloseWithError(errors.Join(err, archive.Close()))
	}()
	err := f.PutTar(ctx, id, dir, reader)
	reader.CloseWithError(context.Canceled)
	<-packed
	return err
}

// maxLinks is how many symbolic links in a row are followed.
const maxLinks = 8

// GetFile implements hostapi.NodeHost.
func (x *Executor) GetFile(ctx context.Context, labID, node, p string) (io.ReadCloser, hostapi.FileInfo, error) {
	f, c, err := x.files(labID, node, p)
	if err != nil {
		return nil, hostapi.FileInfo{}, err
	}
	for p = path.Clean(p); ; {
		stream, stat, err := f.GetTar(ctx, c.ID, p)
		if err != nil {
			return nil, hostapi.FileInfo{}, err
		}
		info := fileInfo(stat)
		if stat.IsDir {
			info.Size = -1
			return stream, info, nil
		}
		archive := tar.NewReader(stream)
		header, err := archive.Next()
		if err != nil {
			stream.Close()
			return nil, info, fault.Wrap(err, fault.Unavailable, "The engine's copy of %s broke off. Try again.", p)
		}
		switch header.Typeflag {
		case tar.TypeReg:
			info.Size = header.Size
			return &member{archive, stream}, info, nil
		case tar.TypeSymlink:
			stream.Close()
			if p, err = follow(ctx, f, c.ID, p, header.Linkname); err != nil {
				return nil, info, err
			}
		default:
			stream.Close()
			return nil, info, fault.New(fault.Unsupported, "%s is neither a file nor a folder.", p)
		}
	}
}

// follow resolves a symbolic link and those it leads to.
func follow(ctx context.Context, f Files, id, p, target string) (string, error) {
	for range maxLinks {
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(p), target)
		}
		p = path.Clean(target)
		stream, stat, err := f.GetTar(ctx, id, p)
		if err != nil {
			return "", err
		}
		if stat.IsDir {
			stream.Close()
			return p, nil
		}
		header, err := tar.NewReader(stream).Next()
		stream.Close()
		if err != nil || header.Typeflag != tar.TypeSymlink {
			return p, nil // whatever is wrong with it shows when it is read
		}
		target = header.Linkname
	}
	return "", fault.New(fault.Invalid, "%s leads through more than %d symbolic links.", p, maxLinks)
}

// member is one file of a tar stream.
type member struct {
	*tar.Reader
	stream io.Closer
}

func (m *member) Close() error { return m.stream.Close() }

// StatFile implements hostapi.NodeHost.
func (x *Executor) StatFile(ctx context.Context, labID, node, p string) (hostapi.FileInfo, error) {
	f, c, err := x.files(labID, node, p)
	if err != nil {
		return hostapi.FileInfo{}, err
	}
	stat, err := f.Stat(ctx, c.ID, path.Clean(p))
	return fileInfo(stat), err
}

func fileInfo(s FileStat) hostapi.FileInfo {
	return hostapi.FileInfo{Name: s.Name, Size: s.Size, Mode: s.Mode, IsDir: s.IsDir, ModTime: s.ModTime}
}

// MissingBlobs implements hostapi.BlobHost.
func (x *Executor) MissingBlobs(_ context.Context, hashes []string) ([]string, error) {
	return x.blobs.missing(hashes)
}

// PutBlob implements hostapi.BlobHost.
func (x *Executor) PutBlob(ctx context.Context, hash string, r io.Reader) error {
	return x.blobs.put(ctx, hash, r)
}
