// The lab file beside the drawing: the same document as text. What is typed is checked while it is typed, kept once it is valid (of a lab that
// runs, once it is asked for), and an edit of the drawing changes here only the lines that it changes.
import { completions } from "./codewords.js";
import { look } from "./codelook.js";
import { peopleLines } from "./codepeople.js";
import { element } from "./icon.js";
import { begin } from "./clip.js";
import { toast } from "./toast.js";

const pause = 700; // milliseconds without typing
const patience = 4000; // milliseconds until the server is asked again that did not answer

export class Code {
  constructor(doc, host, { canEdit, at, running }) {
    Object.assign(this, { doc, host, canEdit, at, running, base: 0, saved: null });
    this.told = document.getElementById("code-state");
    this.button = document.getElementById("code-save");
    this.button?.addEventListener("click", () => this.save());
    window.addEventListener("beforeunload", (e) => this.dirty && e.preventDefault());
    doc.on("changed", ({ text, answer }) => this.changed(text, answer));
    doc.on("writers", (people) => this.writers(people));
  }

  // open loads the editor the first time that it is looked at, with the text as it is by then.
  open({ text, revision, marks }) {
    if (!this.opening) Object.assign(this, { saved: text, base: revision, first: marks ?? [] });
    this.opening ??= this.start();
    return this.opening;
  }

  async start() {
    const [cm, schema] = await Promise.all([import("../vendor/codemirror.js"), fetch("/labs/schema").then((r) => r.json())]);
    this.cm = cm;
    const nonce = document.querySelector("script[nonce]").nonce;
    this.lock = new cm.Compartment();
    this.ours = cm.Annotation.define();
    this.theirs = peopleLines(cm);
    this.view = new cm.EditorView({
      parent: this.host,
      state: cm.EditorState.create({
        doc: this.saved,
        extensions: [
          cm.EditorView.cspNonce.of(nonce), cm.lineNumbers(), cm.highlightActiveLine(), cm.highlightActiveLineGutter(), cm.drawSelection(), cm.rectangularSelection(),
          cm.history(), cm.indentOnInput(), cm.bracketMatching(), cm.foldGutter(), cm.yaml(), ...look(cm), cm.lintGutter(), cm.search({ top: true }),
          cm.autocompletion({ override: [completions(schema, () => this.doc.lab, cm)] }), cm.closeBrackets(), cm.EditorState.tabSize.of(2), cm.indentUnit.of("  "),
          cm.keymap.of([{ key: "Mod-s", run: () => (this.save(), true), preventDefault: true }, ...cm.closeBracketsKeymap, ...cm.completionKeymap, ...cm.foldKeymap, ...cm.searchKeymap, ...cm.historyKeymap, ...cm.lintKeymap, cm.indentWithTab, ...cm.defaultKeymap]),
          cm.EditorView.contentAttributes.of({ "aria-label": "Lab file" }), this.lock.of(cm.EditorState.readOnly.of(!this.canEdit)),
          cm.EditorView.updateListener.of((u) => u.docChanged && !u.transactions.some((t) => t.annotation(this.ours)) && this.typed()),
          cm.EditorView.updateListener.of((u) => (u.selectionSet || u.focusChanged || u.docChanged) && this.line()), this.theirs.extension,
          cm.EditorView.lineWrapping,
        ],
      }),
    });
    this.host.classList.add("ready");
    this.host.addEventListener("paste", (e) => this.pasted(e), { capture: true });
    this.theirs.show(this.view, this.others ?? []);
    this.mark(this.first);
    this.say();
  }

  get text() {
    return this.view.state.doc.toString();
  }

  get dirty() {
    return !!this.view && this.text !== this.saved;
  }

  // pasted: nodes that were copied go where nodes and links belong, as on the map. Beside text that is not kept yet they are text.
  pasted(e) {
    const text = e.clipboardData.getData("text/plain");
    if (!text.startsWith(begin) || this.dirty || !this.canEdit || !this.doc.pasteNodes) return;
    e.preventDefault();
    e.stopPropagation();
    this.doc.pasteNodes(text);
  }

  // line tells the others where somebody writes here.
  line() {
    const { state, hasFocus } = this.view;
    this.doc.onWrites?.(this.canEdit && hasFocus ? state.doc.lineAt(state.selection.main.head).number : 0);
  }

  // writers shows who else writes in the file.
  writers(people) {
    this.others = people;
    const list = document.getElementById("code-people");
    list.replaceChildren(...people.map((p) => element("li", { "data-person": p.colour }, `${p.name} writes in line ${p.line}`)));
    list.hidden = !people.length;
    if (this.view) this.theirs.show(this.view, people);
  }

  typed() {
    this.say();
    clearTimeout(this.later);
    this.later = setTimeout(() => this.look(), pause);
  }

  // look checks what is there, and keeps it where nothing runs that it would change.
  async look() {
    if (!this.dirty) {
      this.mark([]);
      return;
    }
    const text = this.text;
    const answer = await this.doc.send("edits", { text, base: this.base, check: true });
    if (!answer) {
      this.unreached();
      return;
    }
    if (text !== this.text) return;
    this.mark([...(answer.report?.refused ?? []), ...(answer.marks ?? [])], answer.clashes);
    if (!answer.error && !this.running()) await this.save();
    else this.say(answer);
  }

  // save keeps the text; what others did meanwhile is merged into it.
  async save(settled = {}) {
    clearTimeout(this.later);
    if (!this.dirty || this.saving) return;
    const text = this.text;
    this.saving = true;
    const answer = await this.doc.write(text, this.base, { settled, again: (sides) => this.save(sides) }).finally(() => (this.saving = false));
    if (!answer) {
      this.unreached();
      return;
    }
    if (answer.error) {
      this.refused(answer);
      if (this.text === text) return;
    } else if (this.text === text || answer.text === text) this.adopt(answer, text);
    if (this.dirty) this.typed();
  }

  // refused says why the text was not kept: at its lines, or in a message where it is about none of them, such as a limit. The text stays, and is
  // sent again when it is another, or when it is asked for.
  refused(answer) {
    const lines = answer.report?.refused ?? [];
    this.mark(lines, answer.clashes);
    this.say(answer);
    this.message?.remove();
    if (lines.length || answer.clashes?.length) return;
    Object.assign(this.told, { textContent: "Not kept" }).dataset.kind = "bad";
    this.message = toast(answer.error.message, "error");
  }

  // unreached says that what is typed is here only, and looks again by itself.
  unreached() {
    if (this.told) Object.assign(this.told, { textContent: "Not kept: no connection" }).dataset.kind = "bad";
    clearTimeout(this.later);
    this.later = setTimeout(() => this.look(), patience);
  }

  // adopt takes over what is kept now, with what was typed since the text was sent.
  adopt(answer, sent) {
    if (this.text === sent) this.replace(answer.text);
    this.message?.remove();
    this.saved = answer.text;
    this.base = answer.revision;
    this.mark(answer.marks ?? []);
    this.say(answer);
  }

  // changed: the document is another now, by an edit of the drawing or of somebody else. What is typed here and not kept yet stays; it is
  // merged when it is kept.
  changed(text, answer) {
    if (this.saving || this.dirty) return;
    if (this.view) this.replace(text);
    this.saved = text;
    this.base = this.doc.revision;
    if (!this.view) return;
    this.mark(answer.marks ?? []);
    this.say();
  }

  // replace changes only what differs, so that the cursor and the folds stay where they are.
  replace(text) {
    const old = this.text;
    if (old === text) return;
    let from = 0;
    while (from < old.length && from < text.length && old[from] === text[from]) from++;
    let end = 0;
    while (end < old.length - from && end < text.length - from && old[old.length - 1 - end] === text[text.length - 1 - end]) end++;
    this.view.dispatch({
      changes: { from, to: old.length - end, insert: text.slice(from, text.length - end) },
      annotations: [this.ours.of(true), this.cm.Transaction.addToHistory.of(false)],
    });
  }

  // mark puts complaints at their lines.
  mark(places, clashes = []) {
    const lines = this.view.state.doc.lines;
    const found = [...places.map((p) => ({ line: p.line, message: p.message ?? p.sentence, severity: "error" })), ...(clashes ?? []).map((c) => ({ line: c.line, message: `${c.where}: it is now ${c.theirs || "gone"}`, severity: "warning" }))];
    const diagnostics = found.map(({ line, message, severity }) => {
      const at = this.view.state.doc.line(Math.min(Math.max(line || 1, 1), lines));
      return { from: at.from + (at.text.length - at.text.trimStart().length), to: at.to, severity, message };
    });
    this.problems = diagnostics.length;
    this.view.dispatch(this.cm.setDiagnostics(this.view.state, diagnostics.sort((a, b) => a.from - b.from)));
  }

  say(answer) {
    if (!this.told) return;
    const dirty = this.dirty;
    if (this.button) this.button.disabled = !dirty;
    const clashes = answer?.clashes?.length ?? 0;
    this.told.dataset.kind = clashes || this.problems ? "bad" : dirty ? "warn" : "ok";
    this.told.textContent = clashes ? "Somebody changed the same lines: Save shows both" : dirty && this.problems ? `${this.problems} to mend, not kept yet` : dirty ? (this.running() ? "Not kept yet: Ctrl+S" : "…") : "";
  }

  // reveal goes to the line of a node.
  reveal(name) {
    if (!this.view) return;
    const found = new RegExp(`^\\s+${name.replace(/[.*+?^$()|[\]\\{}]/g, "\\$&")}:`, "m").exec(this.text);
    if (!found) return;
    const at = found.index + found[0].length;
    this.view.dispatch({ selection: { anchor: at }, effects: this.cm.EditorView.scrollIntoView(at, { y: "center" }) });
  }
}
