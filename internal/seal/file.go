package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"trunkline/internal/fault"
)

// File reads the keys of a file, and makes the file with a new key when there is none. A line is a key in base64; empty lines and those that
// begin with # do not count. The first key seals: to change keys, put a new line on top and keep the old one until nothing needs it.
// A file that others may read is refused.
func File(path string) (*Ring, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, err
		}
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The key file %s cannot be read. Give this user the right to, or name another file.", path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "The key file %s cannot be read.", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Invalid, "The key file %s can be read by others (mode %04o). Run chmod 600 on it.", path, info.Mode().Perm())
	}
	return parse(path, text)
}

func parse(path string, text []byte) (*Ring, error) {
	var secrets [][]byte
	number := 0
	for line := range bytes.Lines(text) {
		number++
		trimmed := strings.TrimSpace(string(line))
		if trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		secret, err := base64.StdEncoding.DecodeString(trimmed)
		if err != nil || len(secret) != KeyBytes {
			return nil, fault.Wrap(err, fault.Invalid, "Line %d of the key file %s is no key: a key is %d bytes in base64, such as `openssl rand -base64 %d` prints.", number, path, KeyBytes, KeyBytes)
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 {
		return nil, fault.New(fault.Invalid, "The key file %s holds no key. Put the line back, or delete the file: then a new key is made, and people have to sign in again.", path)
	}
	return New(secrets...)
}

// create writes a new key. Of two who come at once one wins, and both read the same: the file appears with its key in it.
func create(path string) error {
	failed := func(err error) error {
		return fault.Wrap(err, fault.Unavailable, "The key file %s cannot be made. Give this user the right to write there, or name another file.", path)
	}
	secret := make([]byte, KeyBytes)
	rand.Read(secret)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return failed(err)
	}
	draft, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return failed(err)
	}
	_, err = fmt.Fprintf(draft, "# Opens what Trunkline keeps sealed in its database: secrets of providers and sign-ins. Keep it apart from backups of the database.\n%s\n",
		base64.StdEncoding.EncodeToString(secret))
	err = errors.Join(err, draft.Sync(), draft.Close())
	if err == nil {
		if err = os.Link(draft.Name(), path); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	if err = errors.Join(err, os.Remove(draft.Name())); err != nil {
		return failed(err)
	}
	return nil
}
