// The network as it lives: what it carries and uses, on the map and in the panel.
import { LabRates } from "./rates.js";
import { RateLayer } from "./maprates.js";

const still = ["stored", "stopped", "failed"];

export class Live {
  constructor(map, at) {
    this.map = map;
    this.rates = new LabRates(`${at}/rates`);
    this.layer = new RateLayer(map, this.rates);
    this.button = document.querySelector('[data-map="rates"]');
    this.sheet = document.getElementById("sheet-node");
    document.body.addEventListener("htmx:after:swap", () => this.look());
    this.sheet.addEventListener("click", (e) => e.target.closest('[data-do="rates"]') && this.toggle());
    this.rates.listen(() => this.charts?.later());
    this.show();
    this.labState(map.lab.state);
  }

  toggle() {
    this.rates.toggle();
    this.show();
    this.look();
  }

  show() {
    this.button.setAttribute("aria-pressed", this.rates.on);
  }

  labState(state) {
    const runs = !still.includes(state);
    if (runs === this.rates.runs) return;
    this.rates.labRuns(runs);
    this.look();
  }

  // look finds the place for charts in the panel, and loads what draws them the first time.
  async look() {
    if (!this.sheet.querySelector("[data-charts]")) {
      this.charts?.leave();
      return;
    }
    this.loading ??= import("./charts.js");
    const { Charts } = await this.loading;
    this.charts ??= new Charts(this.map, this.rates, this.sheet);
    this.charts.look();
  }
}
