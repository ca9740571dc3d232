// The menu of a node, by right click, long press or Shift+F10.
import { element, icon } from "./icon.js";
import { copyText } from "./dialog.js";
import { act } from "./hx.js";

export class NodeMenu {
  constructor(at, lab, actions) {
    Object.assign(this, { at, lab, actions });
    document.addEventListener("pointerdown", (e) => this.e && !this.e.contains(e.target) && this.hide(false));
    window.addEventListener("blur", () => this.hide(false));
  }

  show(n, x, y) {
    this.hide(false);
    this.from = document.activeElement;
    const running = n.state === "running";
    const ended = ["stopped", "exited", "failed"].includes(n.state);
    const items = [
      ["terminal-2", "Open shell", () => this.actions.shell(n.name), n.container && running && this.lab.canUse, "Enter"],
      ["info-circle", "Details", () => this.actions.details(n.name), true, "Space"],
      ["copy", "Copy the name", () => copyText(n.name), true],
    ];
    if (n.container && this.lab.canRun) {
      items.push(null,
        n.state === "paused" ? ["player-play", "Resume", () => this.act(n, "resume"), true] : ["player-pause", "Pause", () => this.act(n, "pause"), running],
        ended ? ["player-play", "Start", () => this.act(n, "start"), true] : ["player-stop", "Stop", () => this.act(n, "stop"), running || n.state === "paused"],
        ["rotate", "Restart", () => this.act(n, "restart"), running]);
    }
    if (n.container && this.lab.canUse) {
      items.push(null, ["upload", "Upload files", () => this.actions.upload(n.name), running], ["download", "Download", () => this.actions.download(n.name), running]);
    }
    this.e = element("div", { class: "menu", role: "menu", "aria-label": n.name },
      element("div", { class: "title" }, n.name, element("span", { class: "quiet" }, n.word)), ...items.map((i) => this.item(i)));
    document.body.append(this.e);
    const box = this.e.getBoundingClientRect();
    this.e.style.left = `${Math.max(8, Math.min(x, innerWidth - box.width - 8))}px`;
    this.e.style.top = `${Math.max(8, Math.min(y, innerHeight - box.height - 8))}px`;
    this.e.addEventListener("keydown", (e) => this.key(e));
    this.e.querySelector("button:not([disabled])").focus();
  }

  item(i) {
    if (!i) return element("hr");
    const [name, text, run, usable, key] = i;
    const b = element("button", { type: "button", role: "menuitem", disabled: !usable, onclick: () => {
      this.hide();
      run();
    } }, icon(name), text);
    if (key) b.append(element("kbd", {}, key));
    return b;
  }

  key(e) {
    const all = [...this.e.querySelectorAll("button:not([disabled])")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step) all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
    else if (e.key === "Escape" || e.key === "Tab") this.hide();
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  act(n, action) {
    act(`${this.at}/nodes/${encodeURIComponent(n.name)}/${action}`);
  }

  hide(back = true) {
    this.e?.remove();
    this.e = null;
    if (back) this.from?.focus?.({ preventScroll: true });
  }
}
