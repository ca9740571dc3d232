// Searching in a shell's output.
import { element, icon } from "./icon.js";

const decorations = { matchBackground: "#5a4a1c", matchOverviewRuler: "#efc068", activeMatchBackground: "#c58a1f", activeMatchColorOverviewRuler: "#ffd98a" };

export class Finder {
  constructor(pane, searcher, back) {
    Object.assign(this, { searcher, back });
    this.field = element("input", { type: "search", placeholder: "Search", "aria-label": "Search in the output", spellcheck: "false" });
    this.count = element("output", { "aria-live": "polite" });
    const button = (name, label, run) => {
      const b = element("button", { class: "tool", type: "button", "aria-label": label, onclick: run });
      b.append(icon(name));
      return b;
    };
    this.e = element("div", { class: "term-find", hidden: true }, this.field, this.count,
      button("chevron-up", "The one before", () => this.go(false)), button("chevron-down", "The next one", () => this.go(true)), button("x", "Close the search", () => this.close()));
    pane.append(this.e);
    this.field.addEventListener("input", () => this.go(false, true));
    this.field.addEventListener("keydown", (e) => {
      if (e.key === "Enter") this.go(e.shiftKey);
      else if (e.key === "Escape") this.close();
      else return;
      e.preventDefault();
    });
    searcher.onDidChangeResults(({ resultIndex, resultCount }) => {
      this.count.textContent = this.field.value ? (resultCount ? `${resultIndex + 1} of ${resultCount}` : "none") : "";
    });
  }

  open() {
    this.e.hidden = false;
    this.field.focus();
    this.field.select();
  }

  go(forward, incremental = false) {
    const options = { decorations, incremental };
    if (forward) this.searcher.findNext(this.field.value, options);
    else this.searcher.findPrevious(this.field.value, options);
  }

  close() {
    this.searcher.clearDecorations();
    this.e.hidden = true;
    this.back();
  }
}
