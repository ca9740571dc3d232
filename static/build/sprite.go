package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// icons are the icons of @tabler/icons (outline) that pages use. The icons of node kinds are our own, in static/icons.
var icons = strings.Fields(`
	activity alert-triangle arrow-back-up arrow-forward-up arrow-left arrow-right ban bolt box check chevron-down chevron-right chevron-up circle-check clipboard
	clock cloud-upload code copy cpu device-floppy devices download eye file file-upload filter folder hand-stop help-circle hierarchy-2 history id
	info-circle key layout-align-bottom layout-align-center layout-align-left layout-align-middle layout-align-right layout-align-top layout-bottombar
	layout-distribute-horizontal layout-distribute-vertical layout-sidebar-right line link list-check list-details loader-2 lock login logout map-pin mask
	maximize minus network note palette pencil player-pause player-play player-stop plug plug-connected plug-connected-x plus refresh restore rotate
	route router ruler-measure scissors search select-all server settings share shield-check shield-lock sitemap stack-2 star sun-moon table tag
	terminal-2 tool topology-star-3 transfer-in transfer-out trash unlink upload user versions wand x zoom-in zoom-out`)

var (
	svgBody  = regexp.MustCompile(`(?s)<svg[^>]*>(.*)</svg>`)
	invisble = regexp.MustCompile(`<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*/>`)
	spaces   = regexp.MustCompile(`\s+`)
)

// sprite writes icons.svg with a symbol per icon: 24 by 24, drawn in the current colour.
func sprite(modules, out string) error {
	var b bytes.Buffer
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg">`)
	seen := map[string]bool{}
	add := func(name, path string) error {
		if seen[name] {
			return fmt.Errorf("icon %s is there twice", name)
		}
		seen[name] = true
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		m := svgBody.FindSubmatch(text)
		if m == nil {
			return fmt.Errorf("%s is not an SVG file", path)
		}
		body := spaces.ReplaceAll(bytes.TrimSpace(invisble.ReplaceAll(m[1], nil)), []byte(" "))
		fmt.Fprintf(&b, `<symbol id="%s" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">%s</symbol>`, name, body)
		return nil
	}
	own, err := filepath.Glob(filepath.Join("static", "icons", "*.svg"))
	if err != nil {
		return err
	}
	slices.Sort(own)
	for _, path := range own {
		if err := add(strings.TrimSuffix(filepath.Base(path), ".svg"), path); err != nil {
			return err
		}
	}
	for _, name := range icons {
		if err := add(name, filepath.Join(modules, "@tabler", "icons", "icons", "outline", name+".svg")); err != nil {
			return err
		}
	}
	b.WriteString("</svg>\n")
	return os.WriteFile(filepath.Join(out, "icons.svg"), b.Bytes(), 0o644)
}
