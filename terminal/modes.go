package terminal

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// modes is what a terminal remembers apart from the screen. The zero value is a terminal after a reset (RIS). It holds no
// pointers that are written through, so copying it is cloning it.
type modes struct {
	title     string
	alternate uint16           // 0, or the private mode that switched to the alternate screen: 47, 1047, 1049
	mouse     uint16           // 0, 9, 1000, 1002, 1003
	encoding  uint16           // 0, 1005, 1006, 1015, 1016
	set       [len(flags)]bool // differs from the default
	insert    bool             // IRM
	newline   bool             // LNM
	keypad    bool             // application keypad
	style     byte             // DECSCUSR digit, 0 for none
	otherKeys byte             // xterm's modifyOtherKeys digit, 0 for none
	margins   [2]string        // DECSTBM parameters of the normal and of the alternate screen
	pen       pen              // what the next character is drawn with
	saved     pen              // by DECSC
	shift     byte             // 0: G0, 1: G1
}

// pen is what DECSC saves, without the position.
type pen struct {
	sgr      sgr
	charsets [2]byte // final byte of the designation of G0 and G1; 0 for ASCII
}

// flags are the private modes that are simply on or off, with their default.
var flags = [...]struct {
	number uint16
	on     bool
}{
	{1, false}, {5, false}, {6, false}, {7, true}, {12, false}, {25, true}, {45, false}, {66, false},
	{1004, false}, {1007, false}, {2004, false}, {2026, false}, {2031, false},
}

// escape applies an escape sequence: intermediates and final byte.
func (m *modes) escape(seq []byte) {
	switch string(seq) {
	case "c":
		*m = modes{}
	case "7":
		m.saved = m.pen
	case "8":
		m.pen = m.saved
	case "=":
		m.keypad = true
	case ">":
		m.keypad = false
	}
	if len(seq) == 2 && (seq[0] == '(' || seq[0] == ')') {
		final := seq[1]
		if final == 'B' {
			final = 0
		}
		m.pen.charsets[seq[0]-'('] = final
	}
}

// command applies an operating system command: only the title matters.
func (m *modes) command(text []byte) {
	number, rest, ok := bytes.Cut(text, []byte(";"))
	if ok && (string(number) == "0" || string(number) == "2") {
		m.title = strings.ToValidUTF8(string(rest), "")
	}
}

// control applies a control sequence without its introducer: parameters, intermediates, final byte.
func (m *modes) control(seq []byte) {
	final, body := seq[len(seq)-1], string(seq[:len(seq)-1])
	switch final {
	case 'h', 'l':
		if private, ok := strings.CutPrefix(body, "?"); ok {
			m.eachMode(private, final == 'h', m.private)
		} else {
			m.eachMode(body, final == 'h', m.ansi)
		}
	case 'm':
		if rest, ok := strings.CutPrefix(body, ">4;"); ok && len(rest) == 1 {
			m.otherKeys = rest[0] - '0'
		} else if body == ">4" || body == ">4;" {
			m.otherKeys = 0
		} else if !strings.ContainsAny(body, "<=>? !\"#$%&'()*+,-./") {
			m.pen.sgr.apply(body)
		}
	case 'r':
		if strings.Trim(body, "0123456789;") == "" {
			m.margins[m.screen()] = body
		}
	case 'q':
		if digits, ok := strings.CutSuffix(body, " "); ok {
			m.style = 0
			if len(digits) == 1 && digits[0] >= '0' && digits[0] <= '6' {
				m.style = digits[0]
			}
		}
	case 'p':
		if body == "!" {
			m.softReset()
		}
	case 's':
		if body == "" {
			m.saved = m.pen
		}
	case 'u':
		if body == "" {
			m.pen = m.saved
		}
	}
}

func (m *modes) eachMode(list string, on bool, apply func(uint16, bool)) {
	for field := range strings.SplitSeq(list, ";") {
		if n, err := strconv.ParseUint(field, 10, 16); err == nil {
			apply(uint16(n), on)
		}
	}
}

func (m *modes) ansi(n uint16, on bool) {
	switch n {
	case 4:
		m.insert = on
	case 20:
		m.newline = on
	}
}

func (m *modes) private(n uint16, on bool) {
	switch n {
	case 9, 1000, 1002, 1003:
		m.mouse = either(on, n)
	case 1005, 1006, 1015, 1016:
		m.encoding = either(on, n)
	case 1048:
		m.saveOrRestore(on)
	case 47, 1047, 1049:
		if n == 1049 {
			m.saveOrRestore(on)
		}
		if !on || m.alternate == 0 {
			m.margins[1] = ""
		}
		m.alternate = either(on, n)
	}
	for i, f := range flags {
		if f.number == n {
			m.set[i] = on != f.on
		}
	}
}

func (m *modes) saveOrRestore(save bool) {
	if save {
		m.saved = m.pen
	} else {
		m.pen = m.saved
	}
}

func either(on bool, n uint16) uint16 {
	if on {
		return n
	}
	return 0
}

// softReset is DECSTR: everything but the screen that is shown, the mouse and the title.
func (m *modes) softReset() {
	*m = modes{title: m.title, alternate: m.alternate, mouse: m.mouse, encoding: m.encoding}
}

func (m *modes) screen() int {
	if m.alternate != 0 {
		return 1
	}
	return 0
}

// restore returns what brings a terminal that was just reset into these modes.
func (m *modes) restore() string {
	var b strings.Builder
	if m.title != "" {
		b.WriteString("\x1b]2;" + strings.Map(printable, m.title) + "\x1b\\")
	}
	csiIf := func(cond bool, seq string) {
		if cond {
			b.WriteString("\x1b[" + seq)
		}
	}
	csiIf(m.margins[0] != "", m.margins[0]+"r")
	csiIf(m.alternate != 0, "?"+number(m.alternate)+"h")
	csiIf(m.alternate != 0 && m.margins[1] != "", m.margins[1]+"r")
	if m.saved != (pen{}) {
		b.WriteString(m.saved.restore() + "\x1b7")
		b.WriteString("\x1b[m\x1b(B\x1b)B")
	}
	b.WriteString(m.pen.restore())
	if m.shift == 1 {
		b.WriteByte(0x0e)
	}
	for i, f := range flags {
		csiIf(m.set[i], "?"+number(f.number)+letter(!f.on))
	}
	csiIf(m.mouse != 0, "?"+number(m.mouse)+"h")
	csiIf(m.encoding != 0, "?"+number(m.encoding)+"h")
	csiIf(m.insert, "4h")
	csiIf(m.newline, "20h")
	csiIf(m.otherKeys != 0, ">4;"+string('0'+rune(m.otherKeys))+"m")
	csiIf(m.style != 0, string(rune(m.style))+" q")
	if m.keypad {
		b.WriteString("\x1b=")
	}
	return b.String()
}

func (p pen) restore() string {
	out := p.sgr.restore()
	for i, final := range p.charsets {
		if final != 0 {
			out += "\x1b" + string(rune('('+i)) + string(rune(final))
		}
	}
	return out
}

func printable(r rune) rune {
	if r < 0x20 || r >= 0x7f && r < 0xa0 {
		return -1
	}
	return r
}

func number(n uint16) string { return strconv.Itoa(int(n)) }

func letter(on bool) string {
	if on {
		return "h"
	}
	return "l"
}

// sgr is the rendition of characters: attributes by their number, and colours as the parameters that set them.
type sgr struct {
	attributes                    uint16 // bit n: SGR n, for 1 to 9; bit 10: overlined; bit 11: double underline
	foreground, background, under string
	underline                     string // "4" or "4:3"
}

// apply takes the parameters of one SGR sequence.
func (s *sgr) apply(params string) {
	fields := strings.Split(params, ";")
	for len(fields) > 0 {
		used := s.one(fields)
		fields = fields[used:]
	}
}

// one applies the first parameter and says how many it took.
func (s *sgr) one(fields []string) int {
	head, _, colon := strings.Cut(fields[0], ":")
	n, err := strconv.Atoi(head)
	if head != "" && err != nil {
		return 1
	}
	switch {
	case n == 0:
		*s = sgr{}
	case n == 4 && fields[0] == "4:0", n == 24:
		s.underline = ""
		s.attributes &^= 1 << 11
	case n == 4:
		s.underline = fields[0]
	case n == 21:
		s.attributes |= 1 << 11
	case n >= 1 && n <= 9:
		s.attributes |= 1 << n
	case n == 22:
		s.attributes &^= 1<<1 | 1<<2
	case n >= 23 && n <= 29 && n != 26:
		s.attributes &^= 1 << (n - 20)
		if n == 25 {
			s.attributes &^= 1 << 6
		}
	case n == 53:
		s.attributes |= 1 << 10
	case n == 55:
		s.attributes &^= 1 << 10
	case n == 39:
		s.foreground = ""
	case n == 49:
		s.background = ""
	case n == 59:
		s.under = ""
	case n >= 30 && n <= 37, n >= 90 && n <= 97:
		s.foreground = fields[0]
	case n >= 40 && n <= 47, n >= 100 && n <= 107:
		s.background = fields[0]
	case n == 38 || n == 48 || n == 58:
		return s.extended(n, fields, colon)
	}
	return 1
}

// extended takes 38, 48 and 58: one field with colons, or 38;5;N, or 38;2;R;G;B.
func (s *sgr) extended(n int, fields []string, colon bool) int {
	used := 1
	if !colon {
		switch {
		case len(fields) >= 3 && fields[1] == "5":
			used = 3
		case len(fields) >= 5 && fields[1] == "2":
			used = 5
		default:
			return len(fields)
		}
	}
	colour := strings.Join(fields[:used], ";")
	switch n {
	case 38:
		s.foreground = colour
	case 48:
		s.background = colour
	default:
		s.under = colour
	}
	return used
}

func (s sgr) restore() string {
	var params []string
	for n := 1; n <= 9; n++ {
		if n != 4 && s.attributes&(1<<n) != 0 {
			params = append(params, strconv.Itoa(n))
		}
	}
	if s.attributes&(1<<10) != 0 {
		params = append(params, "53")
	}
	if s.attributes&(1<<11) != 0 {
		params = append(params, "21")
	}
	params = append(params, s.underline, s.foreground, s.background, s.under)
	params = slices.DeleteFunc(params, func(p string) bool { return p == "" })
	if len(params) == 0 {
		return ""
	}
	return "\x1b[" + strings.Join(params, ";") + "m"
}
