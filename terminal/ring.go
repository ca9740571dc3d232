package terminal

import "bytes"

const (
	firstRing = 16 << 10 // a ring grows from here to its limit, by doubling
	lineSeek  = 1 << 10  // so far from the oldest byte a replay looks for the start of a line
)

// ring holds the last bytes of a stream, numbered from its beginning, and the terminal's modes at the oldest one.
type ring struct {
	buf   []byte
	limit int
	tail  uint64 // number of the oldest byte held
	head  uint64 // number of the next byte to come
	at    tracker
}

// write appends p, at most half of the limit, and lets the oldest go: up to a boundary, so that tail is never inside a sequence
// (unless one sequence is longer than the whole ring).
func (r *ring) write(p []byte) {
	r.grow(len(p))
	if excess := int(r.head-r.tail) + len(p) - len(r.buf); excess > 0 {
		r.drop(excess)
	}
	for len(p) > 0 {
		n := copy(r.buf[r.head%uint64(len(r.buf)):], p)
		r.head += uint64(n)
		p = p[n:]
	}
}

// grow makes room for n more bytes as far as the limit allows. Sizes are powers of two times the first.
func (r *ring) grow(n int) {
	need := int(r.head-r.tail) + n
	size := max(len(r.buf), min(firstRing, r.limit))
	for size < need && size < r.limit {
		size = min(2*size, r.limit)
	}
	if size == len(r.buf) {
		return
	}
	bigger := make([]byte, size)
	for pos := r.tail; pos < r.head; {
		part := r.contiguous(pos)
		for len(part) > 0 {
			n := copy(bigger[pos%uint64(size):], part)
			pos += uint64(n)
			part = part[n:]
		}
	}
	r.buf = bigger
}

// drop lets at least n bytes go, and more until a boundary.
func (r *ring) drop(n int) {
	for n > 0 && r.tail < r.head {
		part := r.contiguous(r.tail)
		part = part[:min(n, len(part))]
		r.at.advance(part)
		r.tail += uint64(len(part))
		n -= len(part)
	}
	for r.tail < r.head && !r.at.clean() {
		r.at.step(r.buf[r.tail%uint64(len(r.buf))])
		r.tail++
	}
}

// contiguous returns the bytes from pos to the head or to the end of the buffer, whichever comes first.
func (r *ring) contiguous(pos uint64) []byte {
	if pos >= r.head {
		return nil
	}
	from := pos % uint64(len(r.buf))
	return r.buf[from:min(uint64(len(r.buf)), from+r.head-pos)]
}

// read copies bytes from pos, which must be held, and returns how many.
func (r *ring) read(p []byte, pos uint64) int {
	n := 0
	for n < len(p) {
		part := r.contiguous(pos + uint64(n))
		if len(part) == 0 {
			break
		}
		n += copy(p[n:], part)
	}
	return n
}

// replay returns where a late joiner starts and what its terminal must be told before. On the normal screen, when older lines
// are gone, it starts with a whole line if one starts soon.
func (r *ring) replay() (uint64, string) {
	at, pos := r.at.clone(), r.tail
	if pos > 0 && at.modes.alternate == 0 {
		pos = r.lineStart(at)
	}
	if pos == r.tail {
		at = &r.at
	}
	return pos, "\x1bc" + at.modes.restore() + at.resume()
}

// lineStart advances at to the byte after the first line feed near the tail, and returns its number, or the tail.
func (r *ring) lineStart(at *tracker) uint64 {
	var near [lineSeek]byte
	window := near[:r.read(near[:], r.tail)]
	pos := r.tail
	for {
		i := bytes.IndexByte(window, '\n')
		if i < 0 {
			return r.tail
		}
		at.advance(window[:i+1])
		pos += uint64(i + 1)
		window = window[i+1:]
		if at.modes.alternate != 0 {
			return r.tail
		}
		if at.clean() {
			return pos
		}
	}
}

// partScreen reports whether a full-screen program runs whose first drawing is no longer held, so that a replay may lack parts
// of the screen: the program should be made to draw all of it again.
func (r *ring) partScreen() bool {
	if r.at.modes.alternate == 0 {
		return false
	}
	at := r.at.clone()
	for pos := r.tail; pos < r.head; {
		part := r.contiguous(pos)
		at.advance(part)
		pos += uint64(len(part))
	}
	return at.modes.alternate != 0
}
