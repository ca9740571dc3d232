package tenancy

import (
	"time"

	"trunkline/internal/fault"
)

// Level is how much of one lab is shared with somebody. Each level includes the ones above it in this list.
type Level string

const (
	LevelView    Level = "view"    // look at the lab and watch its shells
	LevelConsole Level = "console" // and work in its nodes
	LevelEdit    Level = "edit"    // and change, run and end it
)

// Levels lists the levels, the least first.
var Levels = []Level{LevelView, LevelConsole, LevelEdit}

// levelVerbs is the least level that a verb needs. A verb that is not in it is not given by any share.
var levelVerbs = map[Verb]Level{SeeLab: LevelView, UseNode: LevelConsole, EditLab: LevelEdit, RunLab: LevelEdit}

var levelRank = map[Level]int{LevelView: 1, LevelConsole: 2, LevelEdit: 3}

// Includes reports whether the level is at least the other. An unknown level includes nothing, and is included by none.
func (l Level) Includes(other Level) bool {
	return levelRank[other] > 0 && levelRank[l] >= levelRank[other]
}

// Known reports whether it is one of the levels.
func (l Level) Known() bool { return levelRank[l] > 0 }

// GuestOf is what an actor may do with one lab beyond his role: somebody who may has shared it with him.
type GuestOf struct {
	Lab   string    `json:"lab"` // id
	Level Level     `json:"level"`
	Share string    `json:"-"` // id of the share that gives it
	Owner string    `json:"-"` // name of the lab's owner
	By    string    `json:"-"` // name of who shared it
	Until time.Time `json:"-"` // when the share ends
}

// gives reports whether the share is of this object and gives the verb. A nil one gives nothing.
func (g *GuestOf) gives(verb Verb, object ObjectRef) bool {
	return g != nil && g.Lab != "" && object.Lab == g.Lab && g.Level.Includes(levelVerbs[verb])
}

// OnlyGuest reports that the actor is in this workspace for one lab and nothing else.
func (a Actor) OnlyGuest() bool { return a.Guest != nil && a.Role == "" }

// WithoutGuest is the actor by his role alone.
func (a Actor) WithoutGuest() Actor {
	a.Guest = nil
	return a
}

// refuseGuest answers a guest who asks for what the share does not give. Of anything but his lab he learns no more than that it is not there.
func refuseGuest(g *GuestOf, verb Verb, object ObjectRef) error {
	switch {
	case object.Lab != "" && object.Lab != g.Lab:
		return Missing(object.Name)
	case object.Lab == "":
		return fault.New(fault.Forbidden, "Only one lab of this workspace was shared with you.")
	case levelVerbs[verb] == "":
		return fault.New(fault.Forbidden, "Only its owner or a manager of its workspace may do this.")
	}
	return fault.New(fault.Forbidden, "%s was shared with you only %s. Ask who shared it for more.", sentenceCase(object.Name), g.Level.words())
}

// words says what a level allows, after “shared”.
func (l Level) words() string {
	switch l {
	case LevelEdit:
		return "to change and run it"
	case LevelConsole:
		return "to work in its nodes"
	}
	return "to look at"
}

// sentenceCase is a name such as "lab campus" at the beginning of a sentence.
func sentenceCase(name string) string {
	if name == "" {
		return "It"
	}
	if name[0] >= 'a' && name[0] <= 'z' {
		return string(name[0]-'a'+'A') + name[1:]
	}
	return name
}
