// Copy, cut, paste and duplicate. What is copied is text that other labs take, on their maps and in their files: a lab file with nothing but the
// nodes and the cables between them. The server writes it and reads it.
import { copyText } from "./dialog.js";
import { toast } from "./toast.js";
import { typing } from "./shortcuts.js";

export const begin = "# Copied from lab "; // of such a text
const looksLike = /^\s*(topology|nodes)\s*:/m;

export class Clip {
  constructor(map, doc, edit) {
    Object.assign(this, { map, doc, edit, ready: null });
    document.addEventListener("copy", (e) => this.copy(e, false));
    document.addEventListener("cut", (e) => this.copy(e, true));
    document.addEventListener("paste", (e) => this.paste(e));
    doc.pasteNodes = (text) => this.put({ text }, "pasted");
    // Browsers let a page write into the clipboard at the moment of the key only, so the text is fetched when Ctrl goes down.
    document.addEventListener("keydown", (e) => (e.key === "Control" || e.key === "Meta") && !typing(e.target) && this.prepare());
  }

  get nodes() {
    return this.edit.chosen.nodes;
  }

  // prepare fetches the text of what is chosen now.
  prepare() {
    const { nodes } = this;
    if (!nodes.length) return Promise.resolve(null);
    const key = `${this.doc.revision} ${nodes.join(" ")}`;
    if (this.ready?.key === key) return this.ready.coming;
    const one = { key, text: null };
    one.coming = this.doc.ask("copy", { nodes, at: this.map.centre() }).then((answer) => {
      if (answer?.error) toast(answer.error.message, "error");
      one.text = answer?.text ?? null;
      if (!one.text && this.ready === one) this.ready = null;
      return one.text;
    });
    this.ready = one;
    return one.coming;
  }

  async copy(e, cut) {
    const { nodes } = this;
    if (typing(e.target) || !nodes.length || String(getSelection()) || document.querySelector("dialog[open]")) return;
    e.preventDefault();
    const coming = this.prepare();
    if (this.ready?.text) e.clipboardData.setData("text/plain", this.ready.text);
    else {
      const text = await coming;
      if (!text) return;
      await copyText(text, true);
    }
    toast(`${nodes.length === 1 ? nodes[0] : `${nodes.length} nodes`} ${cut ? "cut" : "copied"}.`);
    if (cut) await this.doc.edit(nodes.map((node) => ({ op: "remove-node", node })), { words: `${nodes.length === 1 ? nodes[0] : `${nodes.length} nodes`} cut` });
  }

  paste(e) {
    if (typing(e.target) || document.querySelector("dialog[open]")) return;
    const text = e.clipboardData.getData("text/plain");
    if (!looksLike.test(text)) return;
    e.preventDefault();
    this.put({ text }, "pasted");
  }

  duplicate() {
    const { nodes } = this;
    if (nodes.length) this.put({ nodes }, "duplicated");
  }

  // put makes nodes of a text, or copies of nodes, in one step of undo.
  async put(what, verb) {
    const answer = await this.doc.ask("paste", { ...what, at: this.map.centre() });
    if (!answer) return;
    if (answer.error) {
      toast([answer.error.message, ...(answer.error.details ?? []).slice(0, 3).map((d) => d.message)].join(" "), "error");
      return;
    }
    const count = answer.ops.filter((op) => op.op === "add-node").length;
    const fresh = await this.edit.add(answer.ops, `${count === 1 ? answer.ops[0].node : `${count} nodes`} ${verb}`);
    if (fresh.length && answer.left?.length) toast(answer.left.slice(0, 4).join(" "));
  }
}
