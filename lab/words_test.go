package lab_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"trunkline/internal/fault"
	"trunkline/lab"
)

func TestACommandIsSplitLikeAShellSplitsIt(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{"  ip  addr\tadd ", []string{"ip", "addr", "add"}},
		{`sh -c "echo $X && ls"`, []string{"sh", "-c", "echo $X && ls"}},
		{`a'b c'd`, []string{"ab cd"}},
		{`'' "" x`, []string{"", "", "x"}},
		{`a\ b \"c\" "d\"e\\f\g"`, []string{"a b", `"c"`, `d"e\f\g`}},
		{"a \\\n b", []string{"a", "b"}},
		{`c:\`, []string{`c:\`}},
		{`'single \ stays'`, []string{`single \ stays`}},
		{"one\ntwo", []string{"one", "two"}},
	} {
		if got, err := lab.SplitWords(c.line); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, %v; want %q", c.line, got, err, c.want)
		}
	}
	for _, open := range []string{`echo "x`, `it's`, `"a\"`} {
		if _, err := lab.SplitWords(open); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: got %v", open, err)
		}
	}
}

func TestJoinedWordsSplitIntoThemselves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.StringOfN(rapid.SampledFrom([]rune("a '\"\\\n\t$é")), 0, 6, -1)).Draw(t, "words")
		got, err := lab.SplitWords(lab.JoinWords(words))
		if err != nil || !slices.Equal(got, words) && len(words) > 0 {
			t.Fatalf("%q came back as %q: %v", words, got, err)
		}
	})
}

func TestTheNearestNameIsOffered(t *testing.T) {
	names := []string{"router1", "router2", "pc", "kind", "image", "mgmt-ipv4"}
	for word, want := range map[string]string{
		"routr1": "router1", "ROUTER2": "router2", "imgae": "image", "knid": "kind", "mgmt_ipv4": "mgmt-ipv4", "pcx": "pc", "elephant": "", "": "",
	} {
		if got := lab.Nearest(word, names); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}
