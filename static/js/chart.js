// One small chart of the last minutes, by uPlot, in the colours of the page. Whoever can't see it reads its figures below.
import uPlot from "../vendor/uplot.js";
import { element } from "./icon.js";
import { kept } from "./history.js";

const inks = ["--accent", "--warn", "--bad"];
const dashes = [[], [5, 3], [2, 3]];
const styles = () => getComputedStyle(document.documentElement);
const minutes = (now) => (_, at) => at.map((t) => (now() - t < 30 ? "now" : `${Math.round((t - now()) / 60)} min`).replace("-", "−"));

export class Chart {
  // axis and words write a value: short at the axis, in full as text. least is the least upper end of the axis. A low chart has no time below.
  constructor(place, title, names, { axis, words, least, base = 10, low = false }) {
    const height = low ? 44 : 92;
    Object.assign(this, { words, names, now: 0 });
    this.plot = element("div", { class: "plot", role: "img" });
    this.figures = names.map(() => ({ now: element("span"), peak: element("small") }));
    const list = element("ul", {}, ...names.map((name, i) => element("li", { "data-line": i }, element("i"), element("b", { title: name }, name), this.figures[i].now, this.figures[i].peak)));
    this.e = element("div", { class: "live-chart" }, element("header", {}, element("h3", {}, title), element("span", {}, "last 5 minutes")), this.plot, list);
    this.title = title;
    place.append(this.e);
    const ink = (name) => () => styles().getPropertyValue(name);
    const line = { stroke: ink("--ink-3"), font: "11px Plex, system-ui, sans-serif", ticks: { show: false }, grid: { stroke: ink("--line"), width: 1 } };
    this.chart = new uPlot({
      width: Math.max(120, this.plot.clientWidth), height, legend: { show: false }, cursor: { show: false }, padding: [6, 14, low ? 4 : 0, 0],
      scales: { x: { time: false, range: () => [this.now - kept, this.now] }, y: { range: (_, __, top) => [0, Math.max(least, 1.1 * (top ?? 0))] } },
      axes: [{ ...line, size: low ? 0 : 20, gap: 3, splits: () => [240, 180, 120, 60, 0].map((ago) => this.now - ago), values: low ? () => [] : minutes(() => this.now) },
        { ...line, size: 46, gap: 4, space: 26, values: (_, at) => at.map(axis), incrs: base === 2 ? powers() : undefined }],
      series: [{}, ...names.map((_, i) => ({ stroke: ink(inks[i]), width: 1.5, dash: dashes[i], points: { show: false }, spanGaps: false }))],
    }, [[0], ...names.map(() => [null])], this.plot);
    this.resizing = new ResizeObserver(([{ contentRect }]) => contentRect.width > 40 && this.chart.setSize({ width: contentRect.width, height }));
    this.resizing.observe(this.plot);
    this.theme = new MutationObserver(() => this.chart.redraw());
    this.theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => this.chart.redraw();
    this.dark.addEventListener("change", this.recolour);
  }

  // draw shows a list of values for each line, a value for each second, the last of now.
  draw(now, lines) {
    this.now = now;
    const from = now - kept;
    this.chart.setData([lines[0].map((_, i) => from + i), ...lines]);
    const told = lines.map((list, i) => {
      const seen = list.filter((v) => v !== null);
      const [last, peak] = seen.length ? [this.words(list.at(-1) ?? seen.at(-1)), this.words(Math.max(...seen))] : ["", ""];
      this.figures[i].now.textContent = last || "not measured yet";
      this.figures[i].peak.textContent = peak && `peak ${peak}`;
      return seen.length ? `${this.names[i]} ${last}, peak ${peak}` : `${this.names[i]} not measured yet`;
    });
    this.plot.setAttribute("aria-label", `${this.title} over the last five minutes: ${told.join("; ")}`);
  }

  end() {
    this.resizing.disconnect();
    this.theme.disconnect();
    this.dark.removeEventListener("change", this.recolour);
    this.chart.destroy();
    this.e.remove();
  }
}

// powers are steps that are round in bytes.
const powers = () => Array.from({ length: 40 }, (_, i) => 2 ** i);
