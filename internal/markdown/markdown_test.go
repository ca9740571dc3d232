package markdown_test

import (
	"regexp"
	"strings"
	"testing"

	"trunkline/internal/fault"
	"trunkline/internal/markdown"
)

func TestWhatPeopleWriteIsDrawn(t *testing.T) {
	for text, part := range map[string]string{
		"# Notes":                           "<h1>Notes</h1>",
		"**bold** and ~~gone~~":             "<strong>bold</strong> and <del>gone</del>",
		"1. one\n2. two":                    "<ol>",
		"| a | b |\n|---|---|\n| 1 | 2 |":   "<td>1</td>",
		"```yaml\nname: x\n```":             `<code class="language-yaml">`,
		"[the plan](https://example.org/a)": `<a href="https://example.org/a" rel="nofollow noreferrer">the plan</a>`,
		"https://example.org":               `href="https://example.org"`,
		"a < b && c > d":                    "a &lt; b &amp;&amp; c &gt; d",
	} {
		got, err := markdown.HTML(text)
		if err != nil || !strings.Contains(string(got), part) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// harmful is what no drawn text may hold. Text that is shown as text has its marks escaped, so that none of these match it.
var harmful = regexp.MustCompile(`(?i)<\s*/?\s*(script|style|iframe|object|embed|img|svg|math|form|input|meta|link|base|video|audio|body)|<[^>]*\s(on\w+|style|id|name|srcset|formaction)\s*=|href="(?:[^h"m]|javascript|data|vbscript)|href=""`)

var attacks = []string{
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](java\tscript:alert(1))",
	"[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:msgbox)", "[x](&#106;avascript:alert(1))", "![x](https://evil.example/pixel.png)",
	"<a href='javascript:alert(1)'>x</a>", `<a href="https://a" onclick="alert(1)">x</a>`, "<iframe src=https://evil.example></iframe>", "<svg/onload=alert(1)>",
	"<style>*{display:none}</style>", "<p style=position:fixed>x</p>", "<form action=/sign-out><button>x</button></form>", "<base href=https://evil.example>",
	"<math><mtext></p><style><img src onerror=alert(1)></style></math>", "[x](/account/tokens)", "[x](//evil.example)", "<!--><script>alert(1)</script>-->",
	"```<script>\nalert(1)\n```", "`<script>alert(1)</script>`", "<javascript:alert(1)>", "<p id=csrf name=x>", `[a](https://x "onmouseover=alert(1) x=")`,
	"<details open ontoggle=alert(1)>", "\x00<script\x00>alert(1)</script>", "[x]: javascript:alert(1)\n\n[x]", "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
}

func TestNothingThatPeopleWriteDoesAnything(t *testing.T) {
	for _, text := range attacks {
		got, err := markdown.HTML(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if found := harmful.FindString(string(got)); found != "" {
			t.Errorf("%q is drawn with %q: %q", text, found, got)
		}
	}
}

func FuzzNothingThatPeopleWriteDoesAnything(f *testing.F) {
	for _, text := range attacks {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := markdown.HTML(text)
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
		if found := harmful.FindString(string(got)); found != "" {
			t.Errorf("%q is drawn with %q: %q", text, found, got)
		}
	})
}

func TestATextThatIsTooLongIsRefused(t *testing.T) {
	if _, err := markdown.HTML(strings.Repeat("a", markdown.MaxBytes+1)); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}
