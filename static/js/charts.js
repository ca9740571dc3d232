// The charts of the panel: what a cable carries each way and drops, or what a node uses, over the last five minutes. The figures stand below
// each as text.
import { Chart } from "./chart.js";
import { element, icon } from "./icon.js";
import { rateWords, sizeWords, shortRate, shortSize } from "./units.js";

const share = (cores) => `${Math.round(100 * cores)} %`;
const frames = (v) => `${shortRate(v)}/s`;

export class Charts {
  constructor(map, rates, sheet) {
    Object.assign(this, { map, rates, sheet, charts: [], about: "" });
  }

  // look makes the charts of what the panel shows now.
  look() {
    const place = this.sheet.querySelector("[data-charts]");
    const link = place.dataset.charts === "link" ? this.map.linkOf.get(place.dataset.of) : null;
    const told = !this.rates.on ? "off" : this.rates.runs ? "on" : "still";
    const about = `${place.dataset.charts} ${place.dataset.of} ${told}`;
    if (about === this.about && place === this.place && (told !== "on" || place.childElementCount)) {
      this.draw();
      return;
    }
    this.leave();
    Object.assign(this, { about, place, link, name: place.dataset.of });
    if (told === "off") place.append(element("button", { type: "button", class: "button small", "data-do": "rates" }, icon("activity"), "Show rates and use"));
    if (told === "on") this.make(link);
    this.draw();
  }

  leave() {
    for (const c of this.charts) c.end();
    this.charts = [];
    this.about = "";
    this.place?.replaceChildren();
  }

  make(link) {
    this.charts = link ? [
      new Chart(this.place, "Rate", [`${link.a} → ${link.b}`, `${link.b} → ${link.a}`], { axis: shortRate, words: rateWords, least: 1000 }),
      new Chart(this.place, "Dropped frames", [`${link.a} → ${link.b}`, `${link.b} → ${link.a}`], { axis: shortRate, words: frames, least: 4, low: true }),
    ] : [
      new Chart(this.place, "CPU, of a core", [this.name], { axis: share, words: share, least: 0.1 }),
      new Chart(this.place, "Memory", [this.name], { axis: shortSize, words: sizeWords, least: 1 << 20, base: 2 }),
    ];
  }

  // later draws when the page has time, once for all that came.
  later() {
    if (!this.charts.length || this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
    });
  }

  draw() {
    if (!this.charts.length || !this.place.isConnected) return;
    const now = Math.floor(Date.now() / 1000);
    const { rates, map, charts } = this;
    if (this.link) {
      const l = map.linkOf.get(this.name);
      if (!l) return;
      const [there, back] = rates.past(l, map.nodes.get(l.a), map.nodes.get(l.b), now);
      charts[0].draw(now, [there.bits, back.bits]);
      charts[1].draw(now, [there.dropped, back.dropped]);
    } else {
      charts[0].draw(now, [rates.history.read(`use ${this.name}`, now, (v) => v.cpu)]);
      charts[1].draw(now, [rates.history.read(`use ${this.name}`, now, (v) => v.memory)]);
    }
  }
}
