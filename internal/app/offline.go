package app

import (
	"errors"
	"os"
	"path/filepath"

	"trunkline/internal/fault"
)

// Places is where a controller with these settings keeps what it knows.
type Places struct {
	Database string // a file's path, or postgres://…
	Files    string // folder of project files
	Work     string // folder for what is made on the way
}

// PlacesOf works them out as Open does.
func PlacesOf(data, database string) Places {
	folder := filepath.Join(data, controllerFolder)
	if database == "" {
		database = filepath.Join(folder, "trunkline.db")
	}
	return Places{Database: database, Files: filepath.Join(folder, "files"), Work: folder}
}

// Offline runs do while no controller uses the data folder, and lets none start meanwhile. The folder is made when it is not there.
// Code: conflict (a controller runs).
func Offline(data string, do func() error) error {
	if !filepath.IsAbs(data) {
		return fault.New(fault.Invalid, "--data %q must be an absolute path.", data).InField("data")
	}
	if err := errors.Join(os.MkdirAll(data, 0o711), os.MkdirAll(filepath.Join(data, controllerFolder), 0o700)); err != nil {
		return fault.Wrap(err, fault.Invalid, "The data folder %s cannot be made. Give another by --data.", data)
	}
	lock, err := lockFolder(data)
	if err != nil {
		return err
	}
	return errors.Join(do(), lock.Close())
}
