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
	activity adjustments alert-circle alert-triangle align-box-left-middle antenna-bars-5 arrow-back-up arrow-forward-up arrow-left arrow-right
	arrows-diff arrows-maximize arrows-shuffle ban bolt box box-multiple brush building calendar chart-bar chart-line check chevron-down chevron-left
	chevron-right chevron-up circle-check clipboard clipboard-plus clock cloud cloud-upload code color-swatch copy cpu database device-desktop
	device-floppy devices dots dots-vertical download eye eye-off file file-code file-diff file-upload filter flag folder folder-plus gauge git-branch
	git-compare git-merge grid-dots grip-vertical hand-stop help-circle hierarchy hierarchy-2 history id info-circle key layout-align-bottom
	layout-align-center layout-align-left layout-align-middle layout-align-right layout-align-top layout-bottombar layout-distribute-horizontal
	layout-distribute-vertical layout-grid layout-sidebar-right line link link-off list-check list-details loader-2 lock login logout mail map-pin mask
	maximize message minus network note palette pencil photo pin player-pause player-play player-stop plug plug-connected plug-connected-x plus pointer
	qrcode refresh restore rotate route router ruler-measure satellite scissors search select-all server settings share shield shield-check shield-lock
	sitemap sitemap-off square stack-2 star sun-moon switch-horizontal switch-vertical table tag tags terminal-2 ticket timeline tool
	topology-bus topology-full topology-ring topology-star topology-star-3 transfer-in transfer-out trash unlink upload user user-cog user-minus
	user-plus users users-group versions wand wave-sine wifi wifi-off world x zoom-in zoom-out zoom-reset`)

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
