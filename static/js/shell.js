// One shell: an xterm and the websocket that feeds it. The protocol is described in package terminal.
import { Terminal, FitAddon, WebglAddon, SearchAddon, ClipboardAddon, WebLinksAddon, UnicodeGraphemesAddon } from "../vendor/xterm.js";
import { element } from "./icon.js";
import { copyText } from "./dialog.js";
import { Finder } from "./shellfind.js";
import { Wire } from "./shellwire.js";

const theme = {
  background: "#0f1311", foreground: "#dfe6e1", cursor: "#93adff", cursorAccent: "#0f1311", selectionBackground: "#3d4f86",
  black: "#1b211e", red: "#ff8a80", green: "#62d296", yellow: "#efc068", blue: "#8ab6ff", magenta: "#c9a6f5", cyan: "#6fd3d8", white: "#dfe6e1",
  brightBlack: "#7f8b84", brightRed: "#ffaba4", brightGreen: "#8fe6b5", brightYellow: "#f7d694", brightBlue: "#b0ceff", brightMagenta: "#dfc6ff", brightCyan: "#9ce6ea", brightWhite: "#ffffff",
};

export class Shell {
  // told: state(name, words), session(), output(), close()
  constructor(url, pane, session, told) {
    Object.assign(this, { pane, told });
    pane.shell = this; // so that tests and the console can read what is on the screen
    this.term = new Terminal({
      allowProposedApi: true, fontFamily: '"JetBrains", ui-monospace, "DejaVu Sans Mono", monospace', fontSize: 13, lineHeight: 1.15,
      cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches, scrollback: 10000, theme, macOptionIsMeta: true, minimumContrastRatio: 4.5,
      linkHandler: { activate: (e, uri) => openLink(e, uri) },
    });
    this.fitter = new FitAddon();
    this.searcher = new SearchAddon();
    this.term.loadAddon(this.fitter);
    this.term.loadAddon(this.searcher);
    this.term.loadAddon(new WebLinksAddon(openLink));
    this.term.loadAddon(new UnicodeGraphemesAddon());
    this.term.loadAddon(new ClipboardAddon(undefined, { readText: async () => "", writeText: (_, text) => (this.wire.replaying ? undefined : copyText(text, true)) }));
    this.finder = new Finder(pane, this.searcher, () => this.term.focus());
    this.line = element("div", { class: "told", hidden: true, role: "status" });
    pane.append(this.line);
    this.term.attachCustomKeyEventHandler((e) => this.key(e));
    this.wire = new Wire(url, session, this.term, {
      state: (state, words) => this.say(state, words),
      session: () => told.session(),
      output: () => told.output(),
      size: (cols, rows) => this.sized(cols, rows),
    });
    this.term.onData((text) => this.wire.type(text));
    this.term.onBinary((text) => this.wire.bytes(text));
    this.opened = false;
    this.say("connecting", "connecting");
  }

  get session() {
    return this.wire.session;
  }

  // show opens the terminal the first time it can be seen, since its size is not known before.
  show(focus = true) {
    if (!this.opened) {
      this.opened = true;
      this.term.open(this.pane);
      this.fit();
      document.fonts?.ready.then(() => this.fit());
      this.wire.connect();
    }
    this.accelerate();
    this.fit();
    if (focus) this.term.focus();
  }

  // accelerate draws by the graphics card while this shell is in front; browsers allow few such contexts.
  accelerate() {
    if (this.webgl) return;
    try {
      this.webgl = new WebglAddon();
      this.webgl.onContextLoss(() => this.blur());
      this.term.loadAddon(this.webgl);
    } catch {
      this.webgl = null; // without one the browser draws text
    }
  }

  blur() {
    this.webgl?.dispose();
    this.webgl = null;
  }

  fit() {
    if (!this.opened || this.pane.hidden || !this.pane.offsetHeight) return;
    const wanted = this.fitter.proposeDimensions();
    if (!wanted || !wanted.cols || !wanted.rows) return;
    if (wanted.cols !== this.term.cols || wanted.rows !== this.term.rows) this.term.resize(wanted.cols, wanted.rows);
    this.wire.resize(wanted.cols, wanted.rows);
  }

  // sized shows the shell in the size that the one who types has.
  sized(cols, rows) {
    if (cols !== this.term.cols || rows !== this.term.rows) this.term.resize(cols, rows);
  }

  key(e) {
    if (e.type !== "keydown") return true;
    if (e.ctrlKey && !e.altKey && e.code === "Backquote") return false;
    if (!e.ctrlKey || !e.shiftKey) return true;
    if (e.code === "KeyC") {
      e.preventDefault();
      if (this.term.hasSelection()) copyText(this.term.getSelection(), true);
      return false;
    }
    if (e.code === "KeyV") {
      e.preventDefault();
      navigator.clipboard?.readText().then((text) => this.term.paste(text), () => this.note("The browser does not let this page read the clipboard. Use the middle button or the browser's own paste."));
      return false;
    }
    return !(e.code === "KeyF" || e.code === "ArrowLeft" || e.code === "ArrowRight");
  }

  say(state, words) {
    this.told.state(state, words);
    clearTimeout(this.fade);
    if (state === "open") {
      this.line.hidden = true;
      return;
    }
    const buttons = [];
    if (state === "ended") {
      buttons.push(element("button", { type: "button", onclick: () => this.again() }, "New shell"));
      buttons.push(element("button", { type: "button", onclick: () => this.told.close() }, "Close the tab"));
    }
    if (state === "lost") buttons.push(element("button", { type: "button", onclick: () => this.wire.connect() }, "Try now"));
    this.line.replaceChildren(element("span", {}, words), ...buttons);
    // A connection that is there within a moment needs no words.
    if (state === "connecting") this.fade = setTimeout(() => (this.line.hidden = false), 400);
    else this.line.hidden = false;
  }

  note(words) {
    this.line.replaceChildren(element("span", {}, words));
    this.line.hidden = false;
    clearTimeout(this.fade);
    this.fade = setTimeout(() => (this.line.hidden = true), 5000);
  }

  // again starts a new shell in the same tab.
  again() {
    this.term.reset();
    this.wire.renew();
    this.term.focus();
  }

  // text is what the terminal shows and remembers, a line a row.
  text() {
    const buffer = this.term.buffer.active;
    const rows = [];
    for (let i = 0; i < buffer.length; i++) rows.push(buffer.getLine(i).translateToString(true));
    return rows.join("\n").trimEnd();
  }

  find() {
    this.finder.open();
  }

  // end closes the shell for good: the tab was closed.
  end() {
    this.wire.end();
    this.blur();
    this.term.dispose();
  }
}

function openLink(e, uri) {
  if (!/^https?:/i.test(uri)) return;
  const opened = window.open();
  if (!opened) return;
  opened.opener = null;
  opened.location.href = uri;
}
