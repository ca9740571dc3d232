package host

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"

	"trunkline/internal/fault"
	"trunkline/lab/hostapi"
)

// journal remembers of each node of a lab what neither the engine nor the spec tells: which of its commands ran in this start,
// which restarts were carried out, and whether its end was wanted. One JSON object a line, appended; a torn last line is
// ignored. It is not synced to the disk: what it remembers does not outlive the machine's own restart.
type journal struct {
	path string
	boot string // process ids, and so epochs, mean nothing beyond it

	mu      sync.Mutex
	file    *os.File // nil until the first record
	dropped bool     // its lab is forgotten: nothing may make the file again
	nodes   map[string]*memo
}

// record is one line; set fields change the node's memo.
type record struct {
	Node     string              `json:"node"`
	Restarts *int                `json:"restarts,omitempty"`
	Stopped  *string             `json:"stopped,omitempty"`
	Died     string              `json:"died,omitempty"`
	Epoch    string              `json:"epoch,omitempty"` // with Begin, Result or Undo
	Begin    bool                `json:"begin,omitempty"`
	Undo     bool                `json:"undo,omitempty"` // what began did not start
	Result   *hostapi.ExecResult `json:"result,omitempty"`
	Opened   string              `json:"opened,omitempty"`
	Boot     string              `json:"boot,omitempty"`   // alone: the boot of the machine that the lines after it belong to
	Making   *bool               `json:"making,omitempty"` // the engine is being asked for a container
	Gone     bool                `json:"gone,omitempty"`   // the container is removed: forget the node
}

func newJournal(path, boot string) *journal {
	return &journal{path: path, boot: boot, nodes: map[string]*memo{}}
}

// bootID names this boot of the machine; "" where the kernel does not tell.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// open reads what is there and writes it anew, without what is overtaken.
func (j *journal) open() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	file, err := os.Open(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "The journal %s cannot be read.", j.path)
	}
	lines := json.NewDecoder(bufio.NewReader(file))
	written := ""
	for {
		var r record
		if lines.Decode(&r) != nil {
			break
		}
		if r.Boot != "" {
			written = r.Boot
			continue
		}
		j.applyLocked(r)
	}
	if written != j.boot {
		for _, m := range j.nodes {
			m.Epoch, m.Results, m.Begun, m.Opened = "", nil, false, ""
		}
	}
	file.Close()
	return j.compactLocked()
}

func (j *journal) compactLocked() error {
	text, err := json.Marshal(record{Boot: j.boot})
	if err != nil {
		return fault.Wrap(err, fault.Internal, "The journal cannot be written as JSON.")
	}
	text = append(text, '\n')
	for name, m := range j.nodes {
		if m.Begun {
			m.Results = append(m.Results, hostapi.ExecResult{ExitCode: -1, Output: "The agent restarted while this command ran; it is not run again."})
			m.Begun = false
		}
		for _, r := range m.records(name) {
			line, err := json.Marshal(r)
			if err != nil {
				return fault.Wrap(err, fault.Internal, "The journal cannot be written as JSON.")
			}
			text = append(append(text, line...), '\n')
		}
	}
	return writeFile(j.path, text)
}

// records says everything of the memo.
func (m *memo) records(name string) []record {
	first := record{Node: name, Stopped: &m.Stopped, Died: m.Died, Opened: m.Opened, Making: &m.Making}
	if m.Known {
		first.Restarts = &m.Restarts
	}
	all := []record{first}
	for i := range m.Results {
		all = append(all, record{Node: name, Epoch: m.Epoch, Result: &m.Results[i]})
	}
	return all
}

func (j *journal) applyLocked(r record) {
	if r.Gone {
		delete(j.nodes, r.Node)
		return
	}
	m := j.nodes[r.Node]
	if m == nil {
		m = &memo{}
		j.nodes[r.Node] = m
	}
	if r.Restarts != nil {
		m.Restarts, m.Known = *r.Restarts, true
	}
	if r.Stopped != nil {
		m.Stopped = *r.Stopped
	}
	if r.Died != "" {
		m.Died = r.Died
	}
	if r.Opened != "" {
		m.Opened = r.Opened
	}
	if r.Making != nil {
		m.Making = *r.Making
	}
	if r.Epoch == "" {
		return
	}
	if r.Epoch != m.Epoch {
		m.Epoch, m.Results, m.Begun = r.Epoch, nil, false
	}
	m.Begun = r.Begin
	if r.Result != nil {
		m.Results = append(m.Results[:len(m.Results):len(m.Results)], *r.Result)
	}
}

// note keeps a record. A journal that cannot be written (full disk) is an error, as what it guards would happen twice.
func (j *journal) note(r record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.dropped {
		return fault.New(fault.Conflict, "The lab has just been removed from this host.")
	}
	if err := j.appendLocked(r); err != nil {
		return fault.Wrap(err, fault.Exhausted, "The compute host cannot write its journal. Is its disk full?")
	}
	j.applyLocked(r)
	return nil
}

func (j *journal) appendLocked(r record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if j.file == nil {
		_, missing := os.Stat(j.path)
		if j.file, err = os.OpenFile(j.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
			return err
		}
		if missing != nil {
			if err := j.appendLocked(record{Boot: j.boot}); err != nil {
				return err
			}
		}
	}
	_, err = j.file.Write(append(line, '\n'))
	return err
}

// memo returns what is remembered of the node.
func (j *journal) memo(node string) memo {
	j.mu.Lock()
	defer j.mu.Unlock()
	if m := j.nodes[node]; m != nil {
		return *m
	}
	return memo{}
}

func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		j.file.Close()
		j.file = nil
	}
}

// making reports that an agent asked for a container and has not written down what came of it.
func (j *journal) making() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, m := range j.nodes {
		if m.Making {
			return true
		}
	}
	return false
}

// drop removes the journal with its lab: a note that comes later is refused, and does not make the file again.
func (j *journal) drop() error {
	j.close()
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := os.Remove(j.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.Internal, "The journal %s cannot be removed.", j.path)
	}
	j.dropped = true
	return nil
}

// restore takes a drop back: the lab could not be forgotten after all.
func (j *journal) restore() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dropped = false
}
