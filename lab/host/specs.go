package host

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"trunkline/internal/fault"
	"trunkline/lab"
	"trunkline/lab/hostapi"
)

// kept is a lab's desired state as it is kept on disk. Removed stays until nothing of the lab is left.
type kept struct {
	Removed bool             `json:"removed,omitempty"`
	Spec    *hostapi.LabSpec `json:"spec,omitempty"`
	// Generation of the newest spec, also when Removed.
	Generation int64 `json:"generation"`
	// Reached are the stages that nodes on other hosts have left behind, as told last.
	Reached map[string][]string `json:"reached,omitempty"`
}

// specs keeps desired states in a folder, a file a lab.
type specs struct{ dir string }

func (s specs) path(labID string) string    { return filepath.Join(s.dir, labID+".json") }
func (s specs) journal(labID string) string { return filepath.Join(s.dir, labID+".journal") }

// save replaces a lab's desired state atomically and durably.
func (s specs) save(labID string, k kept) error {
	text, err := json.Marshal(k)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "The lab cannot be written as JSON.")
	}
	return writeFile(s.path(labID), text)
}

// load reads all desired states. A file that cannot be read is an error: guessing would remove somebody's lab.
func (s specs) load() (map[string]kept, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The agent's folder %s cannot be read.", s.dir)
	}
	all := map[string]kept{}
	for _, e := range entries {
		id, isSpec := strings.CutSuffix(e.Name(), ".json")
		if !isSpec {
			continue
		}
		text, err := os.ReadFile(s.path(id))
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "The lab's file %s cannot be read.", s.path(id))
		}
		var k kept
		if err := json.Unmarshal(text, &k); err != nil {
			return nil, fault.Wrap(err, fault.Internal, "The lab's file %s is damaged. Move it away: the controller sends the lab again.", s.path(id))
		}
		all[id] = k
	}
	return all, nil
}

func (s specs) forget(labID string) error {
	if err := os.Remove(s.path(labID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.Internal, "The lab's file %s cannot be removed.", s.path(labID))
	}
	return nil
}

// strays lists journals without a lab, and half-written files that are older than born.
func (s specs) strays(born time.Time) ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The agent's folder %s cannot be read.", s.dir)
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name()] = true
	}
	var found []string
	for _, e := range entries {
		id, isJournal := strings.CutSuffix(e.Name(), ".journal")
		if strings.HasPrefix(e.Name(), ".") {
			if info, err := e.Info(); err == nil && info.ModTime().Before(born) {
				found = append(found, filepath.Join(s.dir, e.Name()))
			}
		} else if isJournal && !there[id+".json"] {
			found = append(found, filepath.Join(s.dir, e.Name()))
		}
	}
	return found, nil
}

// sweep removes what strays lists: an agent that was killed may have left it.
func (s specs) sweep(born time.Time) error {
	found, err := s.strays(born)
	if err != nil {
		return err
	}
	for _, path := range found {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.Wrap(err, fault.Internal, "The file %s, which belongs to no lab, cannot be removed.", path)
		}
	}
	return nil
}

// writeFile replaces path by a synced temporary file and a rename, so that a crash leaves the old or the new content.
func writeFile(path string, text []byte) (err error) {
	defer func() {
		if err != nil {
			err = fault.Wrap(err, fault.Exhausted, "The compute host cannot write %s. Is its disk full?", filepath.Base(path))
		}
	}()
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // finds nothing after the rename
	defer file.Close()
	if _, err := file.Write(text); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// plainName is what may become part of a path and of a container's name.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

// check refuses a spec that cannot be carried out safely. What makes a lab good is the controller's concern.
func check(spec *hostapi.LabSpec) error {
	if !plainName.MatchString(spec.ID) {
		return fault.New(fault.Invalid, "The lab's identity %q is not a plain name.", spec.ID)
	}
	seen := map[string]bool{}
	for i := range spec.Nodes {
		n := &spec.Nodes[i]
		switch {
		case !plainName.MatchString(n.Name):
			return fault.New(fault.Invalid, "The node name %q has a character that a container name cannot have, or is longer than 63.", n.Name)
		case seen[n.Name]:
			return fault.New(fault.Invalid, "Two nodes are named %s.", n.Name)
		case n.Run != hostapi.Running && n.Run != hostapi.Stopped && n.Run != hostapi.Paused:
			return fault.New(fault.Invalid, "The node %s shall be %q, which is not a run state.", n.Name, n.Run)
		}
		seen[n.Name] = true
	}
	for _, e := range spec.Externals {
		if e.Device == "" || e.VLAN < 0 || e.VLAN > lab.MaxVLAN {
			return fault.New(fault.Invalid, "The external node %s names no interface of this host, or the VLAN %d, which there is not.", e.Name, e.VLAN)
		}
	}
	return nil
}
