package format

import (
	"testing"

	"pgregory.net/rapid"
)

func TestVariablesExpandFromTheGivenMapOnly(t *testing.T) {
	t.Setenv("HOME", "/never")
	env := map[string]string{"V": "value", "EMPTY": "", "N": "V"}
	for _, c := range []struct{ in, want, lenient string }{
		{"plain", "plain", "plain"},
		{"${V}", "value", "value"},
		{"a${V}b${V}", "avaluebvalue", "avaluebvalue"},
		{"$V/x", "value/x", "value/x"},
		{"$HOME $1 $(date) $", "$HOME $1 $(date) $", "$HOME $1 $(date) $"},
		{"$$V $${V} $$", "$V ${V} $$", "$V ${V} $$"},
		{"${HOME:-x}", "x", "x"},
		{"${HOME-x} ${HOME=y} ${HOME:=z}", "x y z", "x y z"},
		{"${EMPTY-x}${EMPTY:-y}", "y", "y"},
		{"${EMPTY}", "", ""},
		{"${V+set}${V:+set}${EMPTY:+set}${HOME+set}", "setset", "setset"},
		{"${HOME:-${V}}", "value", "value"},
		{"${HOME:-a:b}", "a:b", "a:b"},
		{"${HOME}", "refused", "${HOME}"},
		{"${HOME:?gone}", "refused", "refused"},
		{"${HOME", "refused", "${HOME"},
		{"${#V}", "refused", "${#V}"},
		{"${V%%x}", "refused", "${V%%x}"},
		{"${}", "refused", "${}"},
	} {
		for lenient, want := range map[bool]string{false: c.want, true: c.lenient} {
			got, err := expand(c.in, env, lenient)
			if err != nil {
				got = "refused"
			}
			if got != want {
				t.Errorf("%q, lenient %v: got %q (%v), want %q", c.in, lenient, got, err, want)
			}
		}
	}
}

func TestEscapedTextSurvivesExpansion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("$V{}:-x ")), 0, 12, -1).Draw(t, "text")
		for _, lenient := range []bool{false, true} {
			if got, err := expand(escapeDollars(text), map[string]string{"V": "value"}, lenient); err != nil || got != text {
				t.Fatalf("%q came back as %q: %v", text, got, err)
			}
		}
	})
}

func TestBracesAreWrittenAsATemplateWritesThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("{}\" x")), 0, 16, -1).Draw(t, "text")
		if got, ok := unescapeBraces(escapeBraces(text)); !ok || got != text {
			t.Fatalf("%q came back as %q", text, got)
		}
	})
	for _, action := range []string{"{{ .x }}", "a {{"} {
		if got, ok := unescapeBraces(action); ok {
			t.Errorf("%q is a template, got %q", action, got)
		}
	}
}
