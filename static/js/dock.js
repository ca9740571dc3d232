// The dock of shells at the bottom: tabs, their order and which one is in front. It survives a reload: the tabs and the
// identifiers of their sessions are kept in sessionStorage, and the server replays what was on the screen.
import { element, icon } from "./icon.js";
import { grip } from "./grip.js";
import { Shell } from "./shell.js";

export class Dock {
  constructor(at, dock, resized) {
    Object.assign(this, { at, dock, resized, tabs: [], active: null });
    this.bar = document.getElementById("dock-tabs");
    this.panes = document.getElementById("panes");
    this.key = `trunkline.shells ${at}`;
    grip(dock.querySelector(".grip"), { axis: "y", property: "--dock", key: "trunkline.dock", of: dock, min: 120, max: () => innerHeight - 190, changed: () => this.active?.shell.fit() });
    new ResizeObserver(() => this.active?.shell.fit()).observe(this.panes);
    dock.addEventListener("click", (e) => this.clicked(e));
    dock.addEventListener("keydown", (e) => this.keyed(e), true);
    this.restore();
  }

  restore() {
    let kept = null;
    try {
      kept = JSON.parse(sessionStorage.getItem(this.key));
    } catch { /* what cannot be read is forgotten */ }
    if (!kept?.tabs?.length) return;
    for (const t of kept.tabs) this.add(t.node, t.session);
    this.toggle(kept.open, false);
    this.choose(this.tabs[kept.active] ?? this.tabs[0], kept.open);
  }

  keep() {
    const state = { open: !this.dock.hidden, active: this.tabs.indexOf(this.active), tabs: this.tabs.map((t) => ({ node: t.node, session: t.shell.session })) };
    sessionStorage.setItem(this.key, JSON.stringify(state));
  }

  // open starts a new shell on a node.
  open(node) {
    const tab = this.add(node, "");
    this.toggle(true, false);
    this.choose(tab);
  }

  add(node, session) {
    const same = this.tabs.filter((t) => t.node === node).length;
    const tab = { node, title: same ? `${node} (${same + 1})` : node };
    const name = element("span", {}, tab.title);
    const button = element("button", { type: "button", onclick: () => this.choose(tab) }, element("span", { class: "dot" }), name);
    const close = element("button", { class: "tool", type: "button", "aria-label": `Close the shell on ${tab.title}`, onclick: () => this.close(tab) });
    close.append(icon("x"));
    tab.e = element("div", { class: "dock-tab", "data-state": "connecting" }, button, close);
    tab.button = button;
    tab.pane = element("div", { class: "pane", role: "group", "aria-label": `Shell on ${tab.title}`, hidden: true });
    this.bar.append(tab.e);
    this.panes.append(tab.pane);
    this.tabs.push(tab);
    tab.shell = new Shell(`${this.at}/nodes/${encodeURIComponent(node)}/shell`, tab.pane, session, {
      state: (state, words) => {
        tab.e.dataset.state = state;
        button.title = words;
        button.setAttribute("aria-label", `${tab.title}, ${words}`);
      },
      session: () => this.keep(),
      output: () => tab !== this.active && tab.e.classList.add("news"),
      close: () => this.close(tab),
    });
    return tab;
  }

  choose(tab, focus = true) {
    if (!tab) return;
    this.active?.shell.blur();
    for (const t of this.tabs) {
      t.e.classList.toggle("active", t === tab);
      t.button.setAttribute("aria-current", t === tab);
      t.pane.hidden = t !== tab;
    }
    this.active = tab;
    tab.e.classList.remove("news");
    tab.e.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (!this.dock.hidden) tab.shell.show(focus);
    this.keep();
  }

  close(tab) {
    const i = this.tabs.indexOf(tab);
    if (i < 0) return;
    tab.shell.end();
    tab.e.remove();
    tab.pane.remove();
    this.tabs.splice(i, 1);
    if (this.active === tab) {
      this.active = null;
      this.choose(this.tabs[Math.min(i, this.tabs.length - 1)]);
    }
    if (this.tabs.length === 0) this.toggle(false);
    this.keep();
  }

  toggle(open = this.dock.hidden, focus = true) {
    if (open && this.tabs.length === 0) {
      import("./toast.js").then(({ toast }) => toast("No shell is open. Double-click a node that runs."));
      open = false;
    }
    this.dock.hidden = !open;
    for (const b of document.querySelectorAll('.tools [data-do="dock"]')) b.setAttribute("aria-pressed", open);
    if (open) this.opened?.();
    if (open && this.active) this.active.shell.show(focus);
    else if (!open && focus) document.querySelector("svg.map .node[tabindex='0']")?.focus({ preventScroll: true });
    this.keep();
    this.resized();
  }

  clicked(e) {
    const what = e.target.closest("[data-dock]")?.dataset.dock;
    if (what === "find") this.active?.shell.find();
    if (what === "tall") this.dock.classList.toggle("tall");
  }

  keyed(e) {
    if (!e.ctrlKey || !e.shiftKey) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (step) this.choose(this.tabs[(this.tabs.indexOf(this.active) + step + this.tabs.length) % this.tabs.length]);
    else if (e.code === "KeyF") this.active?.shell.find();
    else return;
    e.preventDefault();
    e.stopPropagation();
  }
}
