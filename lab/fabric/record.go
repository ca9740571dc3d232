package fabric

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// address is one address of one interface.
type address struct {
	Interface string       `json:"interface"`
	Prefix    netip.Prefix `json:"prefix"`
}

// plugRecord remembers which addresses we set in a node: the kernel doesn't say whose an address is.
type plugRecord struct{ path string }

func (f *Fabric) plugRecord(lab, node string) plugRecord {
	return plugRecord{filepath.Join(f.labDir(lab), "node-"+f.names.digest(16, "record", node)+".json")}
}

// labDir holds what is remembered of one lab.
func (f *Fabric) labDir(lab string) string {
	return filepath.Join(f.recordsDir(), f.names.digest(16, "lab", lab))
}

func (f *Fabric) recordsDir() string { return filepath.Join(f.cfg.StateDir, "fabric", "labs") }

// load returns what was set; a record that is missing or unreadable is an empty one, so that nothing is taken away by guess.
func (r plugRecord) load() []address {
	var list []address
	if data, err := os.ReadFile(r.path); err != nil || json.Unmarshal(data, &list) != nil {
		return nil
	}
	return list
}

func (r plugRecord) save(want map[address]bool) error {
	list := make([]address, 0, len(want))
	for a := range want {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b address) int {
		return strings.Compare(a.Interface+a.Prefix.String(), b.Interface+b.Prefix.String())
	})
	if len(list) == 0 {
		if err := os.Remove(r.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	return writeIfChanged(r.path, list)
}

// writeIfChanged replaces a JSON file in one step, and leaves it alone when it says the same.
func writeIfChanged(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if have, err := os.ReadFile(path); err == nil && string(have) == string(data) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	next := path + ".new"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// readJSON reads a file that writeIfChanged wrote.
func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}
