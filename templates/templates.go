// Package templates is the HTML: one view struct for each page and each fragment, and the files that show them.
//
// It knows what a page needs to be drawn, in words and numbers that are ready to be shown. It refuses to know services,
// requests, sessions and rights: web fills the views.
package templates

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"strings"
	"time"
)

//go:embed html
var files embed.FS

// View is a page or a fragment. Template is the name of the template that draws it.
type View interface{ Template() string }

// Titled is a view that is a page of its own.
type Titled interface {
	View
	Title() string
}

// Frame is what stands around every page.
type Frame struct {
	Nonce     string
	Path      string // of the request, to mark where one is
	Theme     string // "", "light" or "dark"; "" follows the system
	Version   string
	SignedIn  bool
	UserName  string
	Role      string
	SiteAdmin bool
	Flash     string // a sentence to show once
	GuestName string // of a guest without an account, who has one lab and no menus

	HasWorkspaces bool   // the site has them, and they could be listed
	Workspace     string // name of the one that is chosen; "" when none is
	Workspaces    []WorkspaceChoice
	SwitchNext    string // where choosing another leads

	ActingFor string // name of the real person, where one acts as another
	Audit     bool   // what was done here is there to be seen
}

// Set is all templates, parsed.
type Set struct{ all *template.Template }

// Assets is what pages are made of besides.
type Assets interface {
	URL(name string) string        // the address of a file such as "css/app.css"
	Modules(entry string) []string // a module such as "js/app.js", and all that it imports
}

// New parses the templates.
func New(assets Assets) (*Set, error) {
	asset := assets.URL
	functions := template.FuncMap{
		"asset":    asset,
		"modules":  assets.Modules,
		"icon":     func(name string) template.HTML { return icon(asset, name, "icon") },
		"since":    since,
		"stamp":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"bytes":    Bytes,
		"count":    Count,
		"lines":    func(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") },
		"yaml":     yamlLine,
		"join":     func(list []string) string { return strings.Join(list, ", ") },
		"until":    until,
		"ticks":    ticks,
		"under":    under,
		"day":      func(t time.Time) string { return t.UTC().Format("2 January 15:04 MST") },
		"sharerow": func(lab string, row ShareRow) map[string]any { return map[string]any{"Lab": lab, "Row": row} },
	}
	all, err := template.New("").Funcs(functions).ParseFS(files, "html/*.html")
	if err != nil {
		return nil, err
	}
	return &Set{all: all}, nil
}

// page is what the layout is executed with.
type page struct {
	Frame
	Title string
	Body  template.HTML
	Name  string
}

// Fleet says whether the page is one of hosts or networks, which have a style sheet of their own.
func (p page) Fleet() bool {
	return p.Name == "hosts" || p.Name == "host" || p.Name == "hostlog" || p.Name == "networks"
}

// Page draws a whole page.
func (s *Set) Page(frame Frame, view View) ([]byte, error) {
	body, err := s.Fragment(frame, view)
	if err != nil {
		return nil, err
	}
	p := page{Frame: frame, Body: template.HTML(body), Name: view.Template()} // just drawn by html/template
	if t, ok := view.(Titled); ok {
		p.Title = t.Title()
	}
	var b bytes.Buffer
	if err := s.all.ExecuteTemplate(&b, "layout", p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Fragment draws a view alone. Templates see it as .View and the frame as .Frame.
func (s *Set) Fragment(frame Frame, view View) ([]byte, error) {
	var b bytes.Buffer
	data := struct {
		Frame Frame
		View  View
	}{frame, view}
	if err := s.all.ExecuteTemplate(&b, view.Template(), data); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// icon is a use of the sprite; it says nothing to screen readers, the text beside it does.
func icon(asset func(string) string, name, class string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="%s" aria-hidden="true" focusable="false"><use href="%s#%s"></use></svg>`,
		template.HTMLEscapeString(class), template.HTMLEscapeString(asset("vendor/icons.svg")), template.HTMLEscapeString(name)))
}

// since says how long ago t was, in the largest unit that fits.
func since(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := time.Since(t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return Count(int(d/time.Minute), "minute", "minutes") + " ago"
	case d < 24*time.Hour:
		return Count(int(d/time.Hour), "hour", "hours") + " ago"
	case d < 31*24*time.Hour:
		return Count(int(d/(24*time.Hour)), "day", "days") + " ago"
	}
	return t.UTC().Format("2 January 2006")
}

// until says how long it is to t, in the largest unit that fits.
func until(t time.Time) string {
	d := time.Until(t)
	switch {
	case d <= 0:
		return "expired"
	case d < time.Minute:
		return "within a minute"
	case d < 2*time.Hour:
		return "in " + Count(int((d+30*time.Second)/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		return "in " + Count(int((d+30*time.Minute)/time.Hour), "hour", "hours")
	}
	return "in " + Count(int((d+12*time.Hour)/(24*time.Hour)), "day", "days")
}

// ticks shows what stands between backticks in a sentence as code.
func ticks(sentence string) template.HTML {
	parts := strings.Split(sentence, "`")
	var b strings.Builder
	for i, part := range parts {
		text := template.HTMLEscapeString(part)
		switch {
		case i%2 == 0:
			b.WriteString(text)
		case i == len(parts)-1: // one that nothing closes
			b.WriteString("`" + text)
		default:
			b.WriteString("<code>" + text + "</code>")
		}
	}
	return template.HTML(b.String())
}

// under says whether path is a page or one below it.
func under(path, page string) bool { return path == page || strings.HasPrefix(path, page+"/") }

// Count is a number with its noun.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Bytes is a size in binary units.
func Bytes(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return Count(int(n), "byte", "bytes")
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	if value < 10 {
		return fmt.Sprintf("%.1f %ciB", value, units[unit])
	}
	return fmt.Sprintf("%.0f %ciB", value, units[unit])
}
