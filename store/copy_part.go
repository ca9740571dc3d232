package store

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
)

// part is a file that is made beside its place: it appears there whole or not at all. What a process that was killed left of one is used again by the
// next, so that no halves pile up. It is for its owner's eyes only.
type part struct {
	file *os.File
	at   string // its place
}

func newPart(at string) (*part, error) {
	folder, name := filepath.Split(at)
	path := filepath.Join(folder, "."+name+".part")
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, unwritable(err, at)
		}
		p := &part{file, at}
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			return nil, errors.Join(fault.Wrap(err, fault.Conflict, "Another Trunkline is writing %s just now. Wait for it.", at), file.Close())
		}
		opened, openedErr := file.Stat()
		there, thereErr := os.Stat(path)
		if openedErr != nil || thereErr != nil || !os.SameFile(opened, there) {
			_ = file.Close() // another has put it in its place meanwhile: that file is not ours to write
			continue
		}
		if err := errors.Join(file.Truncate(0), file.Chmod(0o600)); err != nil {
			return nil, errors.Join(unwritable(err, at), p.drop())
		}
		return p, nil
	}
}

func (p *part) path() string { return p.file.Name() }

// publish puts the file in its place, on the disk for good.
func (p *part) publish() error {
	if err := errors.Join(p.file.Sync(), os.Rename(p.path(), p.at)); err != nil {
		return errors.Join(unwritable(err, p.at), p.drop())
	}
	folder, err := os.Open(filepath.Dir(p.at))
	if err == nil {
		err = errors.Join(folder.Sync(), folder.Close())
	}
	if err := errors.Join(err, p.file.Close()); err != nil {
		return unwritable(err, p.at)
	}
	return nil
}

// drop leaves nothing of it. After publish it must not be called.
func (p *part) drop() error {
	return errors.Join(os.Remove(p.path()), p.file.Close())
}

func unwritable(err error, at string) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fault.Wrap(err, fault.Exhausted, "The disk is full: %s was not written. Free some space and try again.", at)
	}
	return fault.Wrap(err, fault.Unavailable, "The file %s cannot be written. Check its folder and its disk.", at)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}

// WriteFile puts a file in its place, whole and for its owner's eyes only, once write has written it. Code: conflict (it is there, and force is not given).
func WriteFile(at string, force bool, write func(io.Writer) error) error {
	at, err := filepath.Abs(at)
	if err != nil {
		return unwritable(err, at)
	}
	if !force && exists(at) {
		return fault.New(fault.Conflict, "The file %s is there already. Give another, or --force to replace it.", at)
	}
	made, err := newPart(at)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriter(made.file)
	if err := write(buffered); err != nil {
		return errors.Join(err, made.drop())
	}
	if err := buffered.Flush(); err != nil {
		return errors.Join(unwritable(err, at), made.drop())
	}
	return made.publish()
}
