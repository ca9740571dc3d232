package edit

import (
	"errors"
	"fmt"

	"trunkline/internal/fault"
)

// clashError carries clashes behind the fault.Conflict that people see.
type clashError struct{ clashes []Clash }

func (e *clashError) Error() string { return fmt.Sprintf("%d clashes", len(e.clashes)) }

// Clashes returns the clashes that an error of Apply or Merge stands for; nil for any other error.
func Clashes(err error) []Clash {
	if e, ok := errors.AsType[*clashError](err); ok {
		return e.clashes
	}
	return nil
}

// conflict is the fault.Conflict for clashes: its field is the first one's, its details name each with both sides.
func conflict(clashes ...Clash) *fault.Error {
	first := clashes[0]
	sentence := fmt.Sprintf("Somebody else changed %s meanwhile. It is now %s; you wanted %s.", first.Where, shown(first.Theirs), shown(first.Yours))
	if more := len(clashes) - 1; more > 0 {
		sentence += fmt.Sprintf(" (and %d more)", more)
	}
	e := fault.Wrap(&clashError{clashes}, fault.Conflict, "%s", sentence).InField(first.Where)
	for _, c := range clashes {
		e.Details = append(e.Details, fault.Place{Line: c.Line, Field: c.Where, Sentence: fmt.Sprintf("Now %s; yours %s; both began with %s.", shown(c.Theirs), shown(c.Yours), shown(c.Base))})
	}
	return e
}

func shown(s string) string {
	if s == "" {
		return "nothing"
	}
	if runes := []rune(s); len(runes) > 80 {
		s = string(runes[:80]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
