// Where the nodes of a lab are: the list in the panel, and colours and letters on the map with their legend.
import { load } from "./hx.js";
import { element } from "./icon.js";

export class Placement {
  constructor(at, map, side) {
    Object.assign(this, { at, map, side, on: false, stale: true });
    this.sheet = document.getElementById("sheet-placement");
    this.legend = document.getElementById("host-legend");
    this.button = document.querySelector('[data-map="hosts"]');
    const tab = side.querySelector('[data-sheet="placement"]');
    this.able = tab !== null; // guests of the lab are not told where it runs
    if (!this.able) return;
    tab.addEventListener("click", () => this.stale && this.refresh());
    this.legend.addEventListener("click", (e) => {
      const b = e.target.closest("[data-host]");
      if (b) this.only(b.getAttribute("aria-pressed") === "true" ? null : b.dataset.host);
    });
    if (localStorage.getItem("trunkline.byhost") === "on") this.toggle();
  }

  toggle() {
    if (!this.able) return;
    this.on = !this.on;
    localStorage.setItem("trunkline.byhost", this.on ? "on" : "off");
    this.button.setAttribute("aria-pressed", this.on);
    this.draw();
  }

  // changed: nodes came to a host, moved or went.
  changed() {
    if (!this.able) return;
    if (this.on) this.draw();
    this.stale = true;
    if (this.sheet.hidden || this.side.hidden) return;
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.refresh(), 300);
  }

  refresh() {
    this.stale = false;
    load(`${this.at}/placement`, this.sheet);
  }

  draw() {
    const hosts = this.map.byHost(this.on);
    this.legend.hidden = !this.on;
    if (!this.on) {
      this.only(null);
      return;
    }
    const entries = hosts.map(({ name, count, letter, colour }) => element("button", { type: "button", "data-host": name, "data-colour": colour, "aria-pressed": this.shown === name },
      element("b", {}, letter), name, element("span", { class: "quiet", title: `${count} ${count === 1 ? "node" : "nodes"}` }, count)));
    const crossing = this.map.crossing();
    this.legend.replaceChildren(element("p", { class: "title" }, hosts.length ? "By host" : "No node is on a host"), ...entries);
    if (crossing) this.legend.append(element("p", { class: "crosses", title: "Cables, and segments with a part on each of several hosts (+)" }, element("i"), `${crossing} across hosts`));
  }

  // only dims what is not on the host; null shows all.
  only(host) {
    this.shown = host;
    this.map.onlyHost(host);
    for (const b of this.legend.querySelectorAll("[data-host]")) b.setAttribute("aria-pressed", b.dataset.host === host);
  }
}
