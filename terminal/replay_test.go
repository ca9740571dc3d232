package terminal

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// follow is the tracker of a terminal that saw all of text.
func follow(text string) *tracker {
	t := &tracker{}
	t.advance([]byte(text))
	return t
}

func TestBoundaries(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		clean bool
	}{
		"nothing":                                {"", true},
		"text":                                   {"abc\r\n", true},
		"a whole character":                      {"é", true},
		"two of three bytes of a character":      {"\xe2\x82", false},
		"a broken character, then text":          {"\xe2\x82a", true},
		"a stray continuation byte":              {"\x82", true},
		"escape":                                 {"\x1b", false},
		"escape and an intermediate":             {"\x1b(", false},
		"a designated character set":             {"\x1b(0", true},
		"an open control sequence":               {"\x1b[38;5", false},
		"a control sequence":                     {"\x1b[38;5;1m", true},
		"a line feed inside a sequence":          {"\x1b[3\n8", false},
		"an open title":                          {"\x1b]0;my title", false},
		"a title ended by BEL":                   {"\x1b]0;my title\x07", true},
		"a title ended by ST":                    {"\x1b]0;my title\x1b\\", true},
		"half of ST":                             {"\x1b]0;my title\x1b", false},
		"a sequence that was cancelled":          {"\x1b[38\x18", true},
		"an open device string, BEL and all":     {"\x1bPq#0\x07", false},
		"a device string":                        {"\x1bPq#0\x1b\\", true},
		"a C1 control sequence in UTF-8":         {"\u009b1", false},
		"a C1 string terminator":                 {"\x1b]0;t\u009c", true},
		"a privacy message":                      {"\x1b^secret", false},
		"a character outside ASCII ends a CSI":   {"\x1b[1é", true},
		"an emoji of four bytes less the last":   {"\xf0\x9f\x98", false},
		"an emoji":                               {"😀", true},
		"escape starts anew inside of a CSI":     {"\x1b[1\x1b[2", false},
		"a letter that has the byte 0x9b inside": {"\u039b", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := follow(c.text).clean(); got != c.clean {
				t.Errorf("clean after %q: %v", c.text, got)
			}
		})
	}
}

func TestALateJoinerIsToldTheModes(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a plain shell":                       {"$ ls\r\n", ""},
		"vim":                                 {"\x1b[?1049h\x1b[?1h\x1b=\x1b[?2004h\x1b[?25l", "\x1b[?1049h\x1b[?1h\x1b[?25l\x1b[?2004h\x1b="},
		"vim has ended":                       {"\x1b[?1049h\x1b[?1h\x1b=\x1b[?25l\x1b[?25h\x1b[?1l\x1b>\x1b[?1049l", ""},
		"bracketed paste":                     {"\x1b[?2004h", "\x1b[?2004h"},
		"mouse with SGR coordinates":          {"\x1b[?1000h\x1b[?1002;1006h", "\x1b[?1002h\x1b[?1006h"},
		"mouse off again":                     {"\x1b[?1002h\x1b[?1006h\x1b[?1002l\x1b[?1006l", ""},
		"no wrapping":                         {"\x1b[?7l", "\x1b[?7l"},
		"bold, red on grey":                   {"\x1b[1;31;48;5;250m", "\x1b[1;31;48;5;250m"},
		"true colour, undone":                 {"\x1b[38;2;1;2;3mX\x1b[39m", ""},
		"colours with colons":                 {"\x1b[38:2::1:2:3;4:3m", "\x1b[4:3;38:2::1:2:3m"},
		"attributes taken back":               {"\x1b[1;2;3;4;5;7;8;9m\x1b[22;23;24;25;27;28;29m", ""},
		"underlined twice and over, coloured": {"\x1b[21;53;58;5;3m", "\x1b[53;21;58;5;3m"},
		"those taken back":                    {"\x1b[21;53;58;5;3m\x1b[24;55;59m", ""},
		"bright colours":                      {"\x1b[97;104m\x1b[49m", "\x1b[97m"},
		"a colour that is cut short":          {"\x1b[1;38;5m", "\x1b[1m"},
		"a bare m resets":                     {"\x1b[1;31m\x1b[m", ""},
		"line drawing":                        {"\x1b(0", "\x1b(0"},
		"G1 shifted in":                       {"\x1b)0\x0e", "\x1b)0\x0e"},
		"a scroll region":                     {"\x1b[3;20r", "\x1b[3;20r"},
		"a scroll region of another screen":   {"\x1b[?1049h\x1b[3;20r\x1b[?1049l", ""},
		"rectangles are no regions":           {"\x1b[1;1;2;2;7$r", ""},
		"bar cursor":                          {"\x1b[6 q", "\x1b[6 q"},
		"default cursor":                      {"\x1b[6 q\x1b[0 q", "\x1b[0 q"},
		"a title":                             {"\x1b]0;r1: ~é°\x07", "\x1b]2;r1: ~é°\x1b\\"},
		"insert mode":                         {"\x1b[4h", "\x1b[4h"},
		"a saved pen":                         {"\x1b[31m\x1b7\x1b[32m", "\x1b[31m\x1b7\x1b[m\x1b(B\x1b)B\x1b[32m"},
		"modifyOtherKeys":                     {"\x1b[>4;2m", "\x1b[>4;2m"},
		"a full reset":                        {"\x1b[?1049h\x1b[31m\x1b]0;t\x07\x1bc", ""},
		"a soft reset":                        {"\x1b[?1h\x1b[31m\x1b[?25l\x1b[?1000h\x1b[!p", "\x1b[?1000h"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := follow(c.text).modes.restore(); got != c.want {
				t.Errorf("restore after %q:\n got %q\nwant %q", c.text, got, c.want)
			}
		})
	}
}

func TestAReplayNeverStartsInsideASequence(t *testing.T) {
	unit := "\x1b[38;5;12m€\x1b]0;title\x07é\x1bPq1;2\x1b\\"
	for cut := range len(unit) {
		r := ring{limit: 1 << 10}
		r.write([]byte(strings.Repeat("x", cut)))
		for range 200 {
			r.write([]byte(unit))
		}
		pos, _ := r.replay()
		got := make([]byte, r.head-pos)
		r.read(got, pos)
		start := false
		for _, piece := range []string{"\x1b[38", "€", "\x1b]0;", "é", "\x1bPq", "\\"} {
			start = start || strings.HasPrefix(string(got), piece)
		}
		if !start || strings.HasPrefix(string(got), "\\") || !utf8.Valid(got) {
			t.Errorf("cut %d: the replay starts with %.12q", cut, got)
		}
	}
}

func TestASequenceLongerThanTheRingIsSwallowed(t *testing.T) {
	for name, c := range map[string]struct{ start, end string }{
		"a clipboard":      {"\x1b]52;c;", "\x07"},
		"an image":         {"\x1bPq", "\x1b\\"},
		"a control of CSI": {"\x1b[", "m"},
	} {
		t.Run(name, func(t *testing.T) {
			r := ring{limit: 1 << 10}
			r.write([]byte(c.start))
			for range 100 {
				r.write([]byte(strings.Repeat("1", 100)))
			}
			pos, restore := r.replay()
			rest := make([]byte, r.head-pos)
			r.read(rest, pos)
			at := follow(restore + string(rest))
			if at.clean() {
				t.Fatalf("the terminal would show the rest of %q", c.start)
			}
			at.advance([]byte(c.end))
			if !at.clean() || at.modes != (modes{}) {
				t.Errorf("after the end: state %d, %q", at.state, at.modes.restore())
			}
		})
	}
}

// output draws what programs print, whole and broken.
func output() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{
			"\x1b[?1049h", "\x1b[?1049l", "\x1b[?47h", "\x1b[?47l", "\x1b[?25l", "\x1b[?25h", "\x1b[?2004h", "\x1b[?2004l", "\x1b[?1000;1006h",
			"\x1b[?1000l", "\x1b[1;31m", "\x1b[38;5;200m", "\x1b[48;2;1;2;3m", "\x1b[4:3m", "\x1b[58;5;9m", "\x1b[m", "\x1b[22;39m", "\x1b7", "\x1b8",
			"\x1b[s", "\x1b[u", "\x1b(0", "\x1b(B", "\x1b)0", "\x0e", "\x0f", "\x1b[2;9r", "\x1b[r", "\x1b[4 q", "\x1b=", "\x1b>", "\x1bc", "\x1b[!p",
			"\x1b]0;title é°\x07", "\x1b]2;x\x1b\\", "\x1b]8;;http://a\x07", "\x1bPq1\x1b\\", "\x1b_apc\x1b\\", "\u009b1m", "\x1b[4h", "\x1b[20l", "\x1b[>4;1m",
			"\x1b[?7l", "\x1b[?6h", "\x1b", "\x1b[", "\x1b]", "\x1bP", "\x18", "\xe2\x82", "\x9b", "\x07", "\r\n", "\n", "€", "😀", "日本", "plain text ",
		}),
		rapid.StringMatching(`[ -~]{0,40}`),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 6), func(b []byte) string { return string(b) }),
	)
	many := rapid.OneOf(rapid.SliceOfN(piece, 0, 20), rapid.SliceOfN(piece, 40, 200))
	return rapid.Map(many, func(p []string) string { return strings.Join(p, "") })
}

func TestAReplayLeavesTheTerminalAsIfItHadSeenEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := output().Draw(t, "output")
		r := ring{limit: rapid.IntRange(64, 512).Draw(t, "limit")}
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, min(len(rest), r.limit/2)).Draw(t, "read")
			r.write([]byte(rest[:n]))
			rest = rest[n:]
		}
		if r.head != uint64(len(text)) || int(r.head-r.tail) > r.limit {
			t.Fatalf("head %d of %d bytes, %d held", r.head, len(text), r.head-r.tail)
		}
		pos, restore := r.replay()
		held := make([]byte, r.head-pos)
		r.read(held, pos)
		if string(held) != text[pos:] {
			t.Fatalf("the ring holds %q, not %q", held, text[pos:])
		}
		whole, joiner := follow(text), follow(restore+string(held))
		if whole.modes != joiner.modes {
			t.Fatalf("modes differ: saw all %q, joined late %q", whole.modes.restore(), joiner.modes.restore())
		}
		if pos < r.head && r.tail < r.head && (whole.state != joiner.state || whole.more != joiner.more) {
			t.Fatalf("boundaries differ: saw all %d %d, joined late %d %d", whole.state, whole.more, joiner.state, joiner.more)
		}
	})
}

func TestOneByteAtATimeIsTheSameAsAllAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := output().Draw(t, "output")
		slow := &tracker{}
		for _, b := range []byte(text) {
			slow.step(b)
		}
		if fast := follow(text); fast.modes != slow.modes || fast.clean() != slow.clean() {
			t.Fatalf("%q: %+v and %+v", text, fast, slow)
		}
	})
}

func TestAFullScreenProgramIsMadeToDrawAgainWhenItsStartIsForgotten(t *testing.T) {
	s := serve(t, Config{Unattended: 1 << 30})
	shell := newScripted()
	session := s.open(t, shell.dial)
	shell.print("\x1b[?1049h\x1b[?2004h\x1b[2J" + strings.Repeat("screen ", 100_000))
	until(t, "all is read", func() bool { return session.Info().Output >= 700_000 })
	b := s.look(t, session, "")
	until(t, "two sizes", func() bool { return shell.lastSize() == [2]uint16{80, 24} })
	shell.mu.Lock()
	defer shell.mu.Unlock()
	if len(shell.sizes) != 2 || shell.sizes[0] != [2]uint16{80, 25} {
		t.Errorf("sizes: %v", shell.sizes)
	}
	if got := b.message("ready", nil)["restore"]; got != "\x1bc\x1b[?1049h\x1b[?2004h" {
		t.Errorf("restore: %q", got)
	}
}
