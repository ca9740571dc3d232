package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"trunkline/internal/fault"
)

// lockFolder keeps a second controller off the same data. The kernel drops the lock with the process, however it ends.
func lockFolder(data string) (*os.File, error) {
	name := filepath.Join(data, "lock")
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "The data folder %s cannot be used: it is not writable. Run as its owner, or give another by --data.", data)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder, readErr := os.ReadFile(name)
		closing := file.Close()
		return nil, fault.Wrap(errors.Join(err, readErr, closing), fault.Conflict,
			"Another Trunkline (process %s) uses the data folder %s. Stop it, or give another folder by --data.", strings.TrimSpace(string(holder)), data)
	}
	if err := errors.Join(file.Truncate(0), writePID(file)); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.Exhausted, "The data folder %s cannot be written. Is the disk full?", data), file.Close())
	}
	return file, nil
}

func writePID(file *os.File) error {
	_, err := file.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}
