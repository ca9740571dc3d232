package web

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"

	"trunkline/web/drawing"
)

// layoutsKept is how many layouts are remembered: a large one takes a tenth of a second, and is wanted again by every load of the page.
const layoutsKept = 64

// layoutMemo remembers layouts, which depend on the cables alone.
type layoutMemo struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte][]drawing.Point
}

var layouts layoutMemo

// of is drawing.Layout.
func (m *layoutMemo) of(nodes int, edges [][2]int) []drawing.Point {
	text := binary.AppendVarint(nil, int64(nodes))
	for _, e := range edges {
		text = binary.AppendVarint(binary.AppendVarint(text, int64(e[0])), int64(e[1]))
	}
	key := sha256.Sum256(text)
	m.mu.Lock()
	points, known := m.known[key]
	m.mu.Unlock()
	if !known {
		points = drawing.Layout(nodes, edges)
		m.mu.Lock()
		if len(m.known) >= layoutsKept || m.known == nil {
			m.known = map[[sha256.Size]byte][]drawing.Point{}
		}
		m.known[key] = points
		m.mu.Unlock()
	}
	return slices.Clone(points)
}
