package edit

import (
	"slices"
	"strings"

	"trunkline/internal/fault"
)

// MaxOps bounds one edit.
const MaxOps = 20_000

// Apply does the ops one after the other, all or none, and returns the new text, what undoes them, and what they touched. file is the
// file's name, for complaints. An Op that does not fit is Invalid or NotFound with its field; one whose Was or WasFields is not what is
// there is a Conflict, and Clashes tells both sides. That the text is still a valid lab is not asked here.
func Apply(file string, data []byte, ops []Op) (Edited, error) {
	e := &editor{file: file, seen: map[string]bool{}, data: data}
	if len(ops) == 0 || ops[0].Op != SetText { // that one may mend a text which cannot be read
		if err := e.load(data); err != nil {
			return Edited{}, err
		}
	}
	inverse, err := e.all(ops)
	if err == nil {
		e.flush()
		err = e.broken
	}
	if err != nil {
		return Edited{}, err
	}
	return Edited{Text: e.data, Inverse: inverse, Done: e.done, Touched: e.touched, Words: sentence(e.words)}, nil
}

// editor is one Apply under way. Ops that do not touch what earlier ones touched are made on the same tree; pending are their splices.
type editor struct {
	file string
	data []byte
	t    *text // nil: data was not read yet
	net  *network

	pending []splice
	set     map[string]bool // paths that pending splices change
	around  map[string]bool // paths around those
	tails   map[string]bool // mappings and lists that something is added to at their end

	broken  error // the splices left no YAML
	count   int
	done    []Op
	touched Touched
	words   []string
	seen    map[string]bool
}

func (e *editor) load(data []byte) error {
	t, err := read(data)
	if err != nil {
		return err
	}
	e.data, e.t, e.net = data, t, nil
	e.pending, e.set, e.around, e.tails = nil, map[string]bool{}, map[string]bool{}, map[string]bool{}
	return nil
}

// flush makes the pending splices, so that what follows sees them. The text is read again when somebody looks.
func (e *editor) flush() {
	if len(e.pending) == 0 {
		return
	}
	e.data = spliced(e.data, e.pending)
	e.t, e.net, e.pending = nil, nil, nil
}

// tree is the text as it was read. After splices that left no YAML it is empty, and broken says so in the end.
func (e *editor) tree() *text {
	if e.t != nil {
		return e.t
	}
	if err := e.load(e.data); err != nil {
		e.broken = fault.Wrap(err, fault.Unsupported, "This part of the file is written in a way that the drawing cannot edit. Change it in the text.")
		e.t, _ = read([]byte("{}"))
	}
	return e.t
}

// all does ops in order. What undoes them is in the reverse order.
func (e *editor) all(ops []Op) ([]Op, error) {
	var inverse [][]Op
	for _, op := range ops {
		if e.count++; e.count > MaxOps {
			return nil, fault.New(fault.Exhausted, "One edit may have %d changes. Do it in parts.", MaxOps)
		}
		undo, err := e.do(op)
		if err != nil {
			return nil, err
		}
		inverse = append(inverse, undo)
	}
	slices.Reverse(inverse)
	return slices.Concat(inverse...), nil
}

func (e *editor) do(op Op) ([]Op, error) {
	if op.Op == SetText {
		return e.setText(op)
	}
	if op.Op == Batch {
		return e.all(op.Ops)
	}
	if e.t == nil && len(e.done) > 0 && e.done[len(e.done)-1].Op == SetText {
		if err := e.load(e.data); err != nil {
			return nil, err
		}
	}
	if e.tree(); e.broken != nil {
		return nil, e.broken
	}
	switch op.Op {
	case AddNode:
		return e.addNode(op)
	case RemoveNode:
		return e.unplug(op, e.removeNode)
	case RenameNode:
		return e.renameNode(op)
	case Set:
		return e.setValue(op)
	case AddLink:
		return e.addLink(op)
	case RemoveLink:
		return e.unplug(op, e.removeLink)
	case MoveEnd:
		return e.unplug(op, e.moveEnd)
	case SetLink:
		return e.setLink(op)
	case SetPosition:
		return e.setPosition(op)
	case StyleNode:
		return e.styleNode(op)
	case SetNote, RemoveNote, SetGroup, RemoveGroup:
		return e.draw(op)
	case Forget:
		return e.forget(op)
	case Restore:
		return e.restore(op)
	}
	return nil, fault.New(fault.Invalid, "There is no edit %q.", op.Op).InField("op")
}

// base is where an op's paths begin.
func (e *editor) base(op Op) ([]string, error) {
	switch {
	case op.Node != "" && op.Link != "":
		return nil, fault.New(fault.Invalid, "An edit names a node or a link, not both.").InField("node")
	case op.Node != "":
		if _, err := e.node(op.Node); err != nil {
			return nil, err
		}
		return e.nodePath(op.Node), nil
	case op.Link != "":
		k, err := e.link(op.Link)
		if err != nil {
			return nil, err
		}
		return []string{"topology", "links", itoa(k.i)}, nil
	}
	return nil, nil
}

const pathSign = "\x00"

func joined(path []string) string { return strings.Join(path, pathSign) }

// way follows a path in a tree that has everything which matters to it: pending splices there are made first.
func (e *editor) way(path []string) (way, []string, error) {
	w, rest := e.tree().walk(nil, path)
	if e.clashes(path, w) {
		e.flush()
		w, rest = e.tree().walk(nil, path)
	}
	return w, rest, nil
}

// clashes reports pending splices on the path, around it, inside it, or right behind it.
func (e *editor) clashes(path []string, w way) bool {
	if len(e.pending) == 0 {
		return false
	}
	if e.around[joined(path)] {
		return true
	}
	for k := 1; k <= len(path); k++ {
		if e.set[joined(path[:k])] {
			return true
		}
	}
	for k := 1; k < len(w); k++ {
		s := w[k]
		last := s.i == len(s.parent.Content)-1 || !s.inList() && s.i == len(s.parent.Content)-2
		if last && e.tails[joined(path[:k-1])] {
			return true
		}
	}
	return false
}

// queue adds splices that change what is at the path. grows names the mapping or list that they add to at the end, nil for none.
func (e *editor) queue(path []string, splices []splice, grows []string) {
	e.pending = append(e.pending, splices...)
	e.set[joined(path)] = true
	for k := 0; k < len(path); k++ {
		e.around[joined(path[:k])] = true
	}
	if grows != nil {
		e.tails[joined(grows)] = true
	}
}

// now makes the splices of an op that changes the file's structure. Nothing may be pending: they were found in the tree as it is.
func (e *editor) now(splices []splice) error {
	if len(e.pending) > 0 {
		return fault.New(fault.Internal, "An edit was made of a text that is not the newest.")
	}
	e.pending = splices
	e.flush()
	return nil
}

func (e *editor) touch(list *[]string, kind, name string) {
	if name != "" && !e.seen[kind+name] {
		e.seen[kind+name] = true
		*list = append(*list, name)
	}
}

func (e *editor) touchNode(name string)    { e.touch(&e.touched.Nodes, "n", name) }
func (e *editor) touchLink(id string)      { e.touch(&e.touched.Links, "l", id) }
func (e *editor) touchSection(name string) { e.touch(&e.touched.Sections, "s", name) }

// setText replaces the text; with Was, what is there is first merged with what the editor made of it.
func (e *editor) setText(op Op) ([]Op, error) {
	e.flush()
	before, after := string(e.data), op.Text
	if was, given := op.Was.V.(string); given && was != before {
		merged, err := merge([]byte(was), []byte(op.Text), e.data, op.Take)
		if err != nil {
			return nil, err
		}
		after = string(merged)
	}
	e.data, e.t, e.net = []byte(after), nil, nil
	e.touchSection("text")
	e.say("the text changed")
	e.done = append(e.done, Op{Op: SetText, Text: after, Was: Of(before)})
	if after == before {
		return nil, nil
	}
	return []Op{{Op: SetText, Text: before, Was: Of(after)}}, nil
}
