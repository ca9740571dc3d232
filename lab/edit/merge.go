package edit

import (
	"fmt"
	"slices"
	"strings"
)

// Merge makes of two texts that both come from base one that has the changes of both: mine is the editor's, theirs what is there now.
// Where both changed the same lines in different ways, or put different lines into one place, it is a Conflict; Clashes tells each with
// both sides in full, and nothing is decided. So is a merge whose text would no longer be YAML.
func Merge(base, mine, theirs []byte) ([]byte, error) { return merge(base, mine, theirs, nil) }

// merge does as Merge, and takes a side where take has one for a clash; take has one for each of them, or none.
func merge(base, mine, theirs []byte, take []Side) ([]byte, error) {
	switch {
	case string(mine) == string(theirs), string(base) == string(mine):
		return theirs, nil
	case string(base) == string(theirs):
		return mine, nil
	}
	m := &merger{take: take, base: splitLines(base), mine: splitLines(mine), theirs: splitLines(theirs)}
	m.run(diffLines(m.base, m.mine), diffLines(m.base, m.theirs))
	if len(m.clashes) > 0 && len(m.clashes) != len(take) {
		return nil, conflict(m.clashes...)
	}
	merged := []byte(strings.Join(m.out, ""))
	if _, err := read(merged); err != nil {
		if _, broken := read(mine); broken == nil {
			if len(m.clashes) == 0 && len(take) == 1 {
				return map[Side][]byte{Yours: mine, Theirs: theirs}[take[0]], nil
			}
			return nil, conflict(Clash{Where: "the text", Line: 1, Base: string(base), Yours: string(mine), Theirs: string(theirs)})
		}
	}
	return merged, nil
}

type merger struct {
	base, mine, theirs []string
	take               []Side
	out                []string
	clashes            []Clash
}

// run goes through the hunks of both sides in the order of base.
func (m *merger) run(mine, theirs []hunk) {
	at := 0
	for len(mine) > 0 || len(theirs) > 0 {
		first := m.next(mine, theirs)
		m.out = append(m.out, m.base[at:first]...)
		at = first
		switch {
		case len(theirs) == 0 || len(mine) > 0 && before(mine[0], theirs[0]):
			m.out = append(m.out, m.mine[mine[0].b0:mine[0].b1]...)
			at, mine = mine[0].a1, mine[1:]
		case len(mine) == 0 || before(theirs[0], mine[0]):
			m.out = append(m.out, m.theirs[theirs[0].b0:theirs[0].b1]...)
			at, theirs = theirs[0].a1, theirs[1:]
		default:
			at, mine, theirs = m.overlap(mine, theirs)
		}
	}
	m.out = append(m.out, m.base[at:]...)
}

func (m *merger) next(mine, theirs []hunk) int {
	switch {
	case len(mine) == 0:
		return theirs[0].a0
	case len(theirs) == 0:
		return mine[0].a0
	}
	return min(mine[0].a0, theirs[0].a0)
}

// before reports that x ends before y begins; two insertions at one place are not before each other.
func before(x, y hunk) bool {
	if x.a1 < y.a0 {
		return true
	}
	return x.a1 == y.a0 && x.a1 > x.a0 || x.a1 == y.a0 && x.a0 == x.a1 && y.a1 > y.a0
}

// overlap takes the hunks of both sides that belong together, and either finds them equal or notes a clash.
func (m *merger) overlap(mine, theirs []hunk) (int, []hunk, []hunk) {
	start, end := min(mine[0].a0, theirs[0].a0), max(mine[0].a1, theirs[0].a1)
	i, j := 1, 1
	for {
		switch {
		case i < len(mine) && mine[i].a0 < end:
			end = max(end, mine[i].a1)
			i++
			continue
		case j < len(theirs) && theirs[j].a0 < end:
			end = max(end, theirs[j].a1)
			j++
			continue
		}
		break
	}
	yours, _ := side(m.base, m.mine, mine[:i], start, end)
	others, line := side(m.base, m.theirs, theirs[:j], start, end)
	if slices.Equal(yours, others) {
		m.out = append(m.out, yours...)
	} else {
		where := fmt.Sprintf("line %d", line+1)
		if len(others) > 1 {
			where = fmt.Sprintf("lines %d to %d", line+1, line+len(others))
		}
		if i := len(m.clashes); i < len(m.take) && m.take[i] == Yours {
			m.out = append(m.out, yours...)
		} else {
			m.out = append(m.out, others...)
		}
		m.clashes = append(m.clashes, Clash{
			Where: where, Line: line + 1, Base: strings.Join(m.base[start:end], ""), Yours: strings.Join(yours, ""), Theirs: strings.Join(others, ""),
		})
	}
	return end, mine[i:], theirs[j:]
}

// side is what one side made of the lines from start to end of base, and where that begins in it.
func side(base, text []string, hunks []hunk, start, end int) ([]string, int) {
	line := hunks[0].b0 - (hunks[0].a0 - start)
	var out []string
	at := start
	for _, h := range hunks {
		out = append(out, base[at:h.a0]...)
		out = append(out, text[h.b0:h.b1]...)
		at = h.a1
	}
	return append(out, base[at:end]...), line
}
