package edit

import (
	"bytes"
	"encoding/json"
)

// Verb is what an Op does. The set is closed.
type Verb string

const (
	// AddNode adds a node: Node (its name; "" or one that is taken: a free one is made from Kind, such as r1, sw2, h3), Kind, Image, At,
	// and Fields, which are any fields of a node as the file writes them.
	AddNode Verb = "add-node"
	// RemoveNode removes Node, its links, and what other nodes wait for in it.
	RemoveNode Verb = "remove-node"
	// RenameNode gives Node the name To: in links, waits and everywhere else the file names it.
	RenameNode Verb = "rename-node"
	// Set makes the value at Path what Value says; without Value the entry is removed. With Node the path is inside that node
	// (["interfaces","eth1","access"]), with Link inside that link, else from the top of the file (["topology","defaults","image"],
	// ["mgmt","mtu"]). Mappings on the way are made. What a node inherits is overridden in the node. Was, when given, is the value the
	// editor saw there (the node's own or the one it inherits; null: none).
	Set Verb = "set"
	// AddLink adds a link between A and B. An end without an interface gets the next free one of its node's habit (eth1, eth2, …; p1, p2, …
	// on switches). Fields are those of SetLink.
	AddLink Verb = "add-link"
	// RemoveLink removes Link.
	RemoveLink Verb = "remove-link"
	// MoveEnd moves the end End ("a" or "b") of Link to To ("node:interface", or "node" for its next free interface). The link keeps all
	// else that it has, addresses too.
	MoveEnd Verb = "move-end"
	// SetLink sets what Fields names of Link: mtu, cut, labels, vars, impair (both ways), impair-a-to-b, impair-b-to-a (each with rate,
	// delay, jitter, loss, duplicate, reorder, corrupt, as the file writes them: "20ms", "1%", "10mbit"), addresses-a, addresses-b (lists
	// of address/length), mac-a, mac-b. null removes. What is not named stays. WasFields is the same of what the editor saw.
	SetLink Verb = "set-link"
	// SetPosition draws Node at At; without At the file says nothing of its place any more.
	SetPosition Verb = "set-position"
	// StyleNode sets how Node is drawn, by Fields: group (id of a drawn group), color, icon, level. null removes.
	StyleNode Verb = "style-node"
	// SetNote makes or changes the note with the id Note ("": a new one) by Fields: text, x, y, width, height, color. null removes a field.
	SetNote Verb = "set-note"
	// RemoveNote removes Note.
	RemoveNote Verb = "remove-note"
	// SetGroup makes or changes the drawn group with the id Group ("": a new one) by Fields: label, color, x, y, width, height. Which
	// nodes are in it is said by StyleNode.
	SetGroup Verb = "set-group"
	// RemoveGroup removes Group from the drawing, and its nodes from it.
	RemoveGroup Verb = "remove-group"
	// SetText replaces the whole text by Text. Was, when given, is the text that the editor began with: what others changed since then is kept.
	// Take, when given, settles what clashes: "yours" or "theirs" for each Clash, in their order.
	SetText Verb = "set-text"
	// Batch does Ops one after the other, all or none.
	Batch Verb = "batch"
	// Forget takes the entries that Fields names out of the mapping at Path, and the mapping too when Prune says so and nothing else is left
	// in it. Apply makes it for Inverse.
	Forget Verb = "forget"
	// Restore puts back Pieces of text that an edit took out. Apply makes it for Inverse; editors send it back as it is.
	Restore Verb = "restore"
)

// Op is one edit of a lab file. Which fields count is said with each Verb; the others are empty. Names, ids of links (lab.Link.ID:
// "r1:eth1 r2:eth1") and values are as the text has them when the Op's turn comes: in a list of Ops each one sees what those before it did.
type Op struct {
	Op   Verb   `json:"op"`
	Node string `json:"node,omitempty"`
	Link string `json:"link,omitempty"`

	Note  string `json:"note,omitempty"`
	Group string `json:"group,omitempty"`

	Kind   string         `json:"kind,omitempty"`
	Image  string         `json:"image,omitempty"`
	At     *Point         `json:"at,omitempty"`
	Fields map[string]any `json:"fields,omitempty"`
	// WasFields is what the editor saw of Fields; a field that is not in it is not compared. null: it was not set.
	WasFields map[string]any `json:"wasFields,omitempty"`

	A   End    `json:"a,omitzero"`
	B   End    `json:"b,omitzero"`
	End string `json:"end,omitempty"` // "a" or "b"
	To  string `json:"to,omitempty"`

	Path  []string `json:"path,omitempty"` // keys from the outside to the inside; a number counts a list's items from 0
	Value Value    `json:"value,omitzero"`
	Was   Value    `json:"was,omitzero"`

	Text   string  `json:"text,omitempty"`
	Take   []Side  `json:"take,omitempty"`
	Ops    []Op    `json:"ops,omitempty"`
	Pieces []Piece `json:"pieces,omitempty"`

	// Raw is Value as YAML, to be written like this while it says the same; where an Op takes out the last entry of a mapping or list, it
	// is what stays of that. Prune is how many of the mappings around a removed entry go with it when nothing else is left in them.
	// Apply makes both for Inverse.
	Raw   string `json:"raw,omitempty"`
	Prune int    `json:"prune,omitempty"`
}

// Side is one of the two that changed the same lines.
type Side string

// The sides of a Clash.
const (
	Yours  Side = "yours"  // what the edit would make it
	Theirs Side = "theirs" // what it is now
)

// End is one end of a link.
type End struct {
	Node      string `json:"node"`
	Interface string `json:"interface,omitempty"`
}

// Point is a place in the drawing, in drawing units.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// Value is a value of JSON that may be missing: null is a value, and not the same as none.
type Value struct {
	Given bool
	V     any // nil, bool, float64, int, string, []any, map[string]any
}

// Of is a given Value.
func Of(v any) Value { return Value{Given: true, V: v} }

// IsZero reports that no value was given.
func (v Value) IsZero() bool { return !v.Given }

// MarshalJSON writes the value; a missing one is left out by its field's omitzero.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.V) }

// UnmarshalJSON reads any value, null too.
func (v *Value) UnmarshalJSON(data []byte) error {
	v.Given, v.V = true, nil
	decoder := json.NewDecoder(bytes.NewReader(data))
	return decoder.Decode(&v.V)
}

// Piece is one entry of a mapping or item of a list, as it stood in the text.
type Piece struct {
	In     []string `json:"in"`              // path of the mapping or list
	Key    string   `json:"key,omitempty"`   // of the entry; "" for an item
	After  string   `json:"after,omitempty"` // what stood before it: the entry's key; for links the link's id, for other items their text. "": nothing
	Skip   int      `json:"skip,omitempty"`  // lines between that and the piece: blank ones and comments of their own
	Text   string   `json:"text"`            // its lines, with the comments above that belong to it
	Value  any      `json:"value,omitempty"` // what it says, for where it cannot be put back as it was
	Indent int      `json:"indent,omitempty"`
	Bare   bool     `json:"bare,omitempty"`  // the file ended with it, without a line end
	Whole  string   `json:"whole,omitempty"` // when it was the only one: all that stood behind the key of the mapping or list
}

// Edited is what Apply made.
type Edited struct {
	Text    []byte
	Inverse []Op // undoes all of it, applied in this order
	Done    []Op // the ops with every choice made, and with what they found as Was: they do the same to a newer text, or clash
	Touched Touched
	Words   string // what was done, in a few words: "r1 renamed to core; link r1:eth1 r2:eth1 cut"
}

// Touched names what an edit changed, as it is called afterwards; what is gone is named as it was.
type Touched struct {
	Nodes    []string `json:"nodes,omitempty"`
	Links    []string `json:"links,omitempty"`    // ids
	Sections []string `json:"sections,omitempty"` // "name", "mgmt", "topology.defaults", "notes", "groups", "addressing", "text"
}

// Clash is one thing that two people changed in different ways. Both sides are here in full.
type Clash struct {
	Where  string `json:"where"`          // "node r1: image", "link r1:eth1 r2:eth1: mtu", "lines 12 to 14"
	Line   int    `json:"line,omitempty"` // in the newest text; 0: it is not there any more
	Base   string `json:"base"`           // what both began with
	Yours  string `json:"yours"`          // what this edit would make it
	Theirs string `json:"theirs"`         // what it is now
}
