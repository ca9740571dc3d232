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
	{"codemirror", "6.0.2", "MIT"},
	{"@codemirror/autocomplete", "6.20.4", "MIT"},
	{"@codemirror/commands", "6.11.1", "MIT"},
	{"@codemirror/lang-yaml", "6.1.3", "MIT"},
	{"@codemirror/language", "6.13.1", "MIT"},
	{"@codemirror/lint", "6.9.8", "MIT"},
	{"@codemirror/merge", "6.12.3", "MIT"},
	{"@codemirror/search", "6.7.2", "MIT"},
	{"@codemirror/state", "6.7.6", "MIT"},
	{"@codemirror/view", "6.43.15", "MIT"},
	{"@lezer/common", "1.5.5", "MIT"},
	{"@lezer/highlight", "1.2.5", "MIT"},
	{"@lezer/lr", "1.4.12", "MIT"},
	{"@lezer/yaml", "1.0.4", "MIT"},
	{"@marijn/find-cluster-break", "1.0.4", "MIT"},
	{"crelt", "1.0.7", "MIT"},
	{"style-mod", "4.1.4", "MIT"},
	{"w3c-keyname", "2.2.8", "MIT"},
	{"uplot", "1.6.32", "MIT"},
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
	"codemirror.js": `export {EditorView, keymap, lineNumbers, highlightActiveLine, highlightActiveLineGutter, drawSelection, rectangularSelection, Decoration, ViewPlugin, hoverTooltip} from "@codemirror/view";
export {EditorState, StateField, StateEffect, Compartment, Annotation, Transaction, RangeSetBuilder} from "@codemirror/state";
export {yaml, yamlLanguage} from "@codemirror/lang-yaml";
export {syntaxTree, syntaxHighlighting, HighlightStyle, indentOnInput, bracketMatching, foldGutter, foldKeymap, indentUnit} from "@codemirror/language";
export {defaultKeymap, history, historyKeymap, indentWithTab} from "@codemirror/commands";
export {autocompletion, completionKeymap, closeBrackets, closeBracketsKeymap, startCompletion} from "@codemirror/autocomplete";
export {search, searchKeymap, openSearchPanel} from "@codemirror/search";
export {linter, lintGutter, lintKeymap, setDiagnostics} from "@codemirror/lint";
export {MergeView, unifiedMergeView} from "@codemirror/merge";
export {tags} from "@lezer/highlight";`,
	"uplot.js": `export {default} from "uplot";`,
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
	"uplot/dist/uPlot.min.css":   "uplot.css",
	"@fontsource-variable/ibm-plex-sans/files/ibm-plex-sans-latin-wght-normal.woff2":       "plex-sans-latin.woff2",
	"@fontsource-variable/ibm-plex-sans/files/ibm-plex-sans-latin-ext-wght-normal.woff2":   "plex-sans-latin-ext.woff2",
	"@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2":     "jetbrains-mono-latin.woff2",
	"@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-ext-wght-normal.woff2": "jetbrains-mono-latin-ext.woff2",
}

// axe checks accessibility in the browser tests; it is not shipped.
var axe = pkg{"axe-core", "4.14.1", "MPL-2.0"}
