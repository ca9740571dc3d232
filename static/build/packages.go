package main

// pkg is one npm package at the version that we ship.
type pkg struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Licence string `json:"licence"`
}

// packages are all that end up in static/vendor, dependencies of dependencies included, so that each has a pin and a licence.
var packages = []pkg{
	{"htmx.org", "4.0.1", "BSD-0-Clause"},
	{"@xterm/xterm", "6.0.0", "MIT"},
	{"@xterm/addon-fit", "0.11.0", "MIT"},
	{"@xterm/addon-webgl", "0.19.0", "MIT"},
	{"@xterm/addon-search", "0.16.0", "MIT"},
	{"@xterm/addon-serialize", "0.14.0", "MIT"},
	{"@xterm/addon-clipboard", "0.2.0", "MIT"},
	{"@xterm/addon-web-links", "0.12.0", "MIT"},
	{"@xterm/addon-unicode-graphemes", "0.4.0", "MIT"},
	{"js-base64", "3.7.8", "BSD-3-Clause"},
	{"d3-selection", "3.0.0", "ISC"},
	{"d3-zoom", "3.0.0", "ISC"},
	{"d3-drag", "3.0.0", "ISC"},
	{"d3-transition", "3.0.1", "ISC"},
	{"d3-interpolate", "3.0.1", "ISC"},
	{"d3-color", "3.1.0", "ISC"},
	{"d3-ease", "3.0.1", "BSD-3-Clause"},
	{"d3-timer", "3.0.1", "ISC"},
	{"d3-dispatch", "3.0.1", "ISC"},
	{"@tabler/icons", "3.51.0", "MIT"},
	{"@fontsource-variable/ibm-plex-sans", "5.3.0", "OFL-1.1"},
	{"@fontsource-variable/jetbrains-mono", "5.3.0", "OFL-1.1"},
}

// bundles are the entry points; each becomes one minified module.
var bundles = map[string]string{
	"htmx.js": `import htmx from "htmx.org/dist/htmx.esm.js";
window.htmx = htmx;
export default htmx;`,
	"d3.js": `export {select, selectAll, pointer} from "d3-selection";
export {zoom, zoomIdentity, zoomTransform} from "d3-zoom";
export {drag} from "d3-drag";
import "d3-transition";`,
	"xterm.js": `export {Terminal} from "@xterm/xterm";
export {FitAddon} from "@xterm/addon-fit";
export {WebglAddon} from "@xterm/addon-webgl";
export {SearchAddon} from "@xterm/addon-search";
export {SerializeAddon} from "@xterm/addon-serialize";
export {ClipboardAddon} from "@xterm/addon-clipboard";
export {WebLinksAddon} from "@xterm/addon-web-links";
export {UnicodeGraphemesAddon} from "@xterm/addon-unicode-graphemes";`,
}

// copies are files taken as they are.
var copies = map[string]string{
	"@xterm/xterm/css/xterm.css": "xterm.css",
	"@fontsource-variable/ibm-plex-sans/files/ibm-plex-sans-latin-wght-normal.woff2":       "plex-sans-latin.woff2",
	"@fontsource-variable/ibm-plex-sans/files/ibm-plex-sans-latin-ext-wght-normal.woff2":   "plex-sans-latin-ext.woff2",
	"@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2":     "jetbrains-mono-latin.woff2",
	"@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-ext-wght-normal.woff2": "jetbrains-mono-latin-ext.woff2",
}

// axe checks accessibility in the browser tests; it is not shipped.
var axe = pkg{"axe-core", "4.14.1", "MPL-2.0"}
