// The panel beside the map: details of a node, the lab file, the files.
import { load, unload } from "./hx.js";
import { grip } from "./grip.js";

export class Panel {
  constructor(at, side) {
    Object.assign(this, { at, side, name: null, openers: [] });
    this.sheet = document.getElementById("sheet-node");
    this.nothing = [...this.sheet.children].map((e) => e.cloneNode(true));
    side.addEventListener("click", (e) => {
      const tab = e.target.closest("[data-sheet]");
      if (tab) this.show(tab.dataset.sheet);
    });
    grip(side.querySelector(".grip"), { axis: "x", property: "--side", key: "trunkline.side", of: side, min: 280, max: () => innerWidth * 0.7 });
    if (localStorage.getItem("trunkline.panel") === "open") this.toggle(true);
  }

  get open() {
    return !this.side.hidden;
  }

  // toggle opens it with what is chosen, or closes it.
  toggle(open = !this.open, keep = true) {
    this.side.hidden = !open;
    for (const b of document.querySelectorAll('.tools [data-do="side"]')) b.setAttribute("aria-pressed", open);
    if (keep) localStorage.setItem("trunkline.panel", open ? "open" : "closed");
    if (open) {
      this.refresh();
      for (const opener of this.openers) opener();
    }
    window.dispatchEvent(new Event("resize"));
  }

  // show brings a sheet to the front; with flip, a sheet that is in front already closes the panel.
  show(name, flip = false) {
    const tab = this.side.querySelector(`[data-sheet="${name}"]`);
    if (flip && this.open && tab.getAttribute("aria-selected") === "true") {
      this.toggle(false);
      return;
    }
    for (const t of this.side.querySelectorAll("[data-sheet]")) {
      t.setAttribute("aria-selected", t === tab);
      document.getElementById(t.getAttribute("aria-controls")).hidden = t !== tab;
    }
    if (!this.open) this.toggle(true);
    this.shown?.(name);
  }

  // node opens the panel at a node.
  node(name) {
    this.leaves();
    this.name = name;
    const loads = !this.open; // by opening
    this.show("node");
    if (!loads) this.refresh();
  }

  // selected loads a node. A closed panel opens where there is room for it, but not before it is certain that the click was not
  // the first half of a double-click: the map moves when the panel opens.
  selected(name) {
    this.leaves();
    this.name = name;
    if (this.open) this.refresh();
    else if (innerWidth > 1000) this.opening = setTimeout(() => this.name === name && this.node(name), 400);
  }

  // doubled: the click was the first half of a double-click.
  doubled() {
    clearTimeout(this.opening);
  }

  // cleared: nothing is chosen, so nothing is shown that could be changed. What is chosen next may come at once.
  cleared() {
    this.leaves();
    this.emptying = setTimeout(() => {
      unload(this.sheet);
      this.sheet.replaceChildren(...this.nothing.map((e) => e.cloneNode(true)));
    }, 80);
  }

  // leaves what was shown to what comes in its place.
  leaves() {
    this.name = null;
    clearTimeout(this.opening);
    clearTimeout(this.emptying);
  }

  changed(names) {
    if (!this.name || !names.includes(this.name) || !this.open) return;
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.refresh(), 150);
  }

  refresh() {
    return this.name && load(`${this.at}/nodes/${encodeURIComponent(this.name)}`, this.sheet);
  }
}
