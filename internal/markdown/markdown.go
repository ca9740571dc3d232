// Package markdown draws what people write, such as notes on labs, as HTML that cannot do anything to whoever reads it.
//
// It knows Markdown as on GitHub (tables, strikethrough, task lists, bare addresses) and which marks, attributes and addresses are harmless. It
// refuses to know where the text comes from: none is trusted.
package markdown

import (
	"bytes"
	"html/template"
	"regexp"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"trunkline/internal/fault"
)

// MaxBytes is the longest text that is drawn.
const MaxBytes = 64 << 10

var parser = sync.OnceValue(func() goldmark.Markdown { return goldmark.New(goldmark.WithExtensions(extension.GFM)) })

// policy keeps text, lists, tables, code and links. Pictures are left out: they would tell others who reads, and when. The parser leaves raw
// HTML out already; the policy does not rely on it.
var policy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "strong", "em", "del", "blockquote", "ul", "ol", "li", "pre", "code",
		"table", "thead", "tbody", "tr", "th", "td")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^language-[a-zA-Z0-9+-]{1,32}$`)).OnElements("code")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto")
	p.AllowRelativeURLs(false)
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)
	return p
})

// HTML draws the text. Code: invalid, when it is longer than MaxBytes.
func HTML(text string) (template.HTML, error) {
	if len(text) > MaxBytes {
		return "", fault.New(fault.Invalid, "This text is longer than the %d KiB that are shown. Shorten it.", MaxBytes>>10)
	}
	var out bytes.Buffer
	if err := parser().Convert([]byte(text), &out); err != nil {
		return "", fault.Wrap(err, fault.Invalid, "This text cannot be shown as Markdown.")
	}
	return template.HTML(policy().SanitizeBytes(out.Bytes())), nil // sanitised just now
}
