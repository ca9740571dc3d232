package terminal

// state is where in an escape sequence a byte stream is; the states are those of the DEC parser (vt100.net/emu/dec_ansi_parser)
// as far as boundaries need them, with UTF-8 and the C1 controls in UTF-8 form as xterm.js reads them.
type state uint8

const (
	ground state = iota
	escape       // after ESC, with or without intermediates
	csi          // after ESC [
	osc          // after ESC ]: ended by BEL or ST
	str          // DCS, SOS, PM, APC: ended by ST
)

const (
	maxParams = 128  // bytes of one control sequence that are kept; a longer one is followed to its end and then ignored
	maxString = 1024 // bytes of one OSC that are kept (a title)
)

// tracker follows a byte stream and knows, at any byte, whether it is at a boundary and which modes are set. It holds no
// screen: it is what a terminal must be told before it is shown the bytes that follow.
type tracker struct {
	state   state
	more    uint8 // continuation bytes missing of a UTF-8 character
	c1      bool  // the lead byte was 0xC2: the next may be a C1 control
	text    []byte
	tooLong bool
	modes   modes
}

// clone copies the tracker, so that both may go on.
func (t *tracker) clone() *tracker {
	c := *t
	c.text = append([]byte(nil), t.text...)
	return &c
}

// clean reports whether the stream is outside of every escape sequence and character.
func (t *tracker) clean() bool { return t.state == ground && t.more == 0 }

// advance feeds p.
func (t *tracker) advance(p []byte) {
	for i := 0; i < len(p); {
		if t.state == ground && t.more == 0 {
			for i < len(p) && p[i] < 0x80 && p[i] != 0x1b && p[i]&^1 != 0x0e {
				i++ // neither ESC, SO, SI nor a longer character
			}
			if i == len(p) {
				return
			}
		}
		t.step(p[i])
		i++
	}
}

// step feeds one byte.
func (t *tracker) step(b byte) {
	if t.more > 0 {
		if b&0xc0 == 0x80 {
			t.more--
			if t.c1 && b < 0xa0 {
				t.control(b)
			} else if t.state == osc {
				if t.c1 {
					t.keep(0xc2, maxString)
				}
				t.keep(b, maxString)
			}
			t.c1 = false
			return
		}
		t.more, t.c1 = 0, false
	}
	if b >= 0x80 {
		t.lead(b)
		return
	}
	switch b {
	case 0x1b:
		t.endString()
		t.enter(escape)
	case 0x18, 0x1a: // CAN, SUB end any sequence
		t.enter(ground)
	default:
		t.ascii(b)
	}
}

// lead takes the first byte of a character outside ASCII. Inside an escape or control sequence it ends that sequence.
func (t *tracker) lead(b byte) {
	switch {
	case b >= 0xc2 && b < 0xe0:
		t.more, t.c1 = 1, b == 0xc2
	case b >= 0xe0 && b < 0xf0:
		t.more = 2
	case b >= 0xf0 && b < 0xf5:
		t.more = 3
	}
	switch t.state {
	case escape, csi:
		t.enter(ground)
	case osc:
		if !t.c1 {
			t.keep(b, maxString)
		}
	}
}

// control takes a C1 control, whatever the state.
func (t *tracker) control(b byte) {
	t.endString()
	switch b {
	case 0x9b:
		t.enter(csi)
	case 0x9d:
		t.enter(osc)
	case 0x90, 0x98, 0x9e, 0x9f:
		t.enter(str)
	default:
		t.enter(ground)
	}
}

func (t *tracker) ascii(b byte) {
	switch t.state {
	case ground:
		switch b {
		case 0x0e:
			t.modes.shift = 1
		case 0x0f:
			t.modes.shift = 0
		}
	case escape:
		t.escapeByte(b)
	case csi:
		switch {
		case b >= 0x40 && b < 0x7f:
			t.keep(b, maxParams)
			if !t.tooLong {
				t.modes.control(t.text)
			}
			t.enter(ground)
		case b >= 0x20 && b < 0x40:
			t.keep(b, maxParams)
		}
	case osc:
		if b == 0x07 {
			t.endString()
			t.enter(ground)
		} else if b >= 0x20 && b != 0x7f {
			t.keep(b, maxString)
		}
	}
}

func (t *tracker) escapeByte(b byte) {
	switch {
	case b < 0x20 || b == 0x7f:
		return
	case b < 0x30:
		t.keep(b, maxParams)
		return
	}
	if len(t.text) == 0 {
		switch b {
		case '[':
			t.enter(csi)
			return
		case ']':
			t.enter(osc)
			return
		case 'P', 'X', '^', '_':
			t.enter(str)
			return
		}
	}
	t.keep(b, maxParams)
	if !t.tooLong {
		t.modes.escape(t.text)
	}
	t.enter(ground)
}

// endString applies a string that ends here.
func (t *tracker) endString() {
	if t.state == osc && !t.tooLong {
		t.modes.command(t.text)
	}
}

func (t *tracker) enter(s state) {
	t.state, t.text, t.tooLong = s, t.text[:0], false
}

func (t *tracker) keep(b byte, limit int) {
	if len(t.text) >= limit {
		t.tooLong = true
		return
	}
	t.text = append(t.text, b)
}

// resume returns what puts a fresh terminal where this stream is inside a sequence: its beginning if that is kept, and else a beginning
// with which the rest is swallowed and not shown. At a boundary it is empty. A lost character needs nothing: its remaining bytes
// are shown as one replacement character.
func (t *tracker) resume() string {
	switch t.state {
	case escape:
		return "\x1b" + string(t.text)
	case csi:
		if t.tooLong {
			return "\x1b[0<" // a private marker after a digit: parsers ignore the sequence up to its final byte
		}
		return "\x1b[" + string(t.text)
	case osc:
		if t.tooLong {
			return "\x1b]9999;" // no such command
		}
		return "\x1b]" + string(t.text)
	case str:
		return "\x1b^" // privacy message: ignored
	}
	return ""
}
