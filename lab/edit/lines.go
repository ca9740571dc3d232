package edit

import "bytes"

// hunk says that lines a0 to a1 of one text became lines b0 to b1 of another; the ends are not included.
type hunk struct{ a0, a1, b0, b1 int }

// splitLines cuts a text after each line end.
func splitLines(data []byte) []string {
	parts := bytes.SplitAfter(data, []byte("\n"))
	if n := len(parts); n > 0 && len(parts[n-1]) == 0 {
		parts = parts[:n-1]
	}
	lines := make([]string, len(parts))
	for i, p := range parts {
		lines[i] = string(p)
	}
	return lines
}

// diffLines returns the hunks that lead from a to b, in order. Lines that both have once are what it holds on to, as in Bram Cohen's
// patience diff: what belongs together stays together.
func diffLines(a, b []string) []hunk {
	d := differ{a: a, b: b}
	d.between(0, len(a), 0, len(b))
	return d.hunks
}

type differ struct {
	a, b  []string
	hunks []hunk
}

// maxTable bounds the table of a comparison line by line; larger differences count as replaced altogether.
const maxTable = 4_000_000

func (d *differ) between(a0, a1, b0, b1 int) {
	for a0 < a1 && b0 < b1 && d.a[a0] == d.b[b0] {
		a0, b0 = a0+1, b0+1
	}
	for a0 < a1 && b0 < b1 && d.a[a1-1] == d.b[b1-1] {
		a1, b1 = a1-1, b1-1
	}
	if a0 == a1 && b0 == b1 {
		return
	}
	if a0 == a1 || b0 == b1 {
		d.add(hunk{a0, a1, b0, b1})
		return
	}
	if anchors := d.anchors(a0, a1, b0, b1); len(anchors) > 0 {
		for _, at := range anchors {
			d.between(a0, at.a, b0, at.b)
			a0, b0 = at.a+1, at.b+1
		}
		d.between(a0, a1, b0, b1)
		return
	}
	if (a1-a0)*(b1-b0) > maxTable {
		d.add(hunk{a0, a1, b0, b1})
		return
	}
	d.byTable(a0, a1, b0, b1)
}

func (d *differ) add(h hunk) {
	if n := len(d.hunks); n > 0 && d.hunks[n-1].a1 == h.a0 && d.hunks[n-1].b1 == h.b0 {
		d.hunks[n-1].a1, d.hunks[n-1].b1 = h.a1, h.b1
		return
	}
	d.hunks = append(d.hunks, h)
}

type anchor struct{ a, b int }

// anchors are the longest run of lines that both sides have exactly once, in the order of both.
func (d *differ) anchors(a0, a1, b0, b1 int) []anchor {
	type seen struct{ inA, inB, a, b int }
	lines := map[string]*seen{}
	at := func(line string) *seen {
		s := lines[line]
		if s == nil {
			s = &seen{}
			lines[line] = s
		}
		return s
	}
	for i := a0; i < a1; i++ {
		s := at(d.a[i])
		s.inA, s.a = s.inA+1, i
	}
	for i := b0; i < b1; i++ {
		s := at(d.b[i])
		s.inB, s.b = s.inB+1, i
	}
	var common []anchor
	for i := a0; i < a1; i++ {
		if s := lines[d.a[i]]; s.inA == 1 && s.inB == 1 {
			common = append(common, anchor{s.a, s.b})
		}
	}
	return longestRising(common)
}

// longestRising is the longest part of a list whose b rises, by patience sorting.
func longestRising(list []anchor) []anchor {
	var tops []int // index in list of the smallest end of a run of each length
	before := make([]int, len(list))
	for i, at := range list {
		low, high := 0, len(tops)
		for low < high {
			middle := (low + high) / 2
			if list[tops[middle]].b < at.b {
				low = middle + 1
			} else {
				high = middle
			}
		}
		before[i] = -1
		if low > 0 {
			before[i] = tops[low-1]
		}
		if low == len(tops) {
			tops = append(tops, i)
		} else {
			tops[low] = i
		}
	}
	if len(tops) == 0 {
		return nil
	}
	run := make([]anchor, len(tops))
	for i, k := tops[len(tops)-1], len(tops)-1; k >= 0; i, k = before[i], k-1 {
		run[k] = list[i]
	}
	return run
}

// byTable compares by the table of longest common subsequences.
func (d *differ) byTable(a0, a1, b0, b1 int) {
	n, m := a1-a0, b1-b0
	table := make([][]int32, n+1)
	for i := range table {
		table[i] = make([]int32, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if d.a[a0+i] == d.b[b0+j] {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < n || j < m {
		switch {
		case i < n && j < m && d.a[a0+i] == d.b[b0+j]:
			i, j = i+1, j+1
		case j >= m || i < n && table[i+1][j] >= table[i][j+1]:
			d.add(hunk{a0 + i, a0 + i + 1, b0 + j, b0 + j})
			i++
		default:
			d.add(hunk{a0 + i, a0 + i, b0 + j, b0 + j + 1})
			j++
		}
	}
}
