// What the lab carries and uses, from a stream of its own. It is open while somebody looks: the layer is on, the tab is seen and the lab may run.
// Nothing is measured otherwise.
import { Stream } from "./stream.js";
import { History } from "./history.js";
import { bitsOf } from "./units.js";

const key = "trunkline.rates";
const nothing = { in: 0, out: 0, dropped: 0 };

export class LabRates {
  constructor(url) {
    Object.assign(this, { url, on: localStorage.getItem(key) !== "off", runs: false, interfaces: new Map(), nodes: new Map(), history: new History(), listeners: [], state: "off" });
    window.addEventListener("pagehide", () => this.history.pause(seconds()));
  }

  // listen is told {interfaces, nodes}, the names of what changed; null: all of it may have.
  listen(listener) {
    this.listeners.push(listener);
  }

  toggle(on = !this.on) {
    this.on = on;
    localStorage.setItem(key, on ? "on" : "off");
    this.follow();
    return on;
  }

  // labRuns says whether anything of the lab may run.
  labRuns(runs) {
    this.runs = runs;
    this.follow();
  }

  follow() {
    const wanted = this.on && this.runs;
    if (wanted && !this.stream) this.stream = new Stream(this.url, { rates: (r) => this.take(r) }, (state) => this.told(state), { hiddenFor: 0, quiet: true });
    else if (!wanted && this.stream) {
      this.stream.end();
      this.stream = null;
      this.told("off");
    } else this.tell(null);
  }

  told(state) {
    this.state = state === "on" ? "waiting" : state;
    if (state === "off") this.forget();
    if (state !== "on") this.history.pause(seconds());
    this.tell(null);
  }

  forget() {
    this.interfaces.clear();
    this.nodes.clear();
  }

  take({ full, i = {}, n = {} }) {
    const now = seconds();
    this.history.resume(now);
    this.state = "on";
    if (full) {
      for (const name of this.interfaces.keys()) i[name] ??= [];
      for (const name of this.nodes.keys()) n[name] ??= [];
    }
    for (const [name, [inn = 0, out = 0, dropped = 0]] of Object.entries(i)) this.put(this.interfaces, name, name, now, { in: inn, out, dropped });
    for (const [name, [cpu = 0, memory = 0]] of Object.entries(n)) this.put(this.nodes, name, `use ${name}`, now, { cpu, memory });
    this.tell(full ? null : { interfaces: Object.keys(i), nodes: Object.keys(n) });
  }

  put(all, name, past, now, value) {
    all.set(name, value);
    this.history.put(past, now, value);
  }

  tell(what) {
    for (const listener of this.listeners) listener(what);
  }

  rate(node, iface) {
    return this.interfaces.get(`${node}:${iface}`) ?? nothing;
  }

  // ways is what a cable carries from a to b and from b to a. What arrives is what counts; a segment's port has no figures of its own.
  ways(l, a, b) {
    const [ra, rb] = [this.rate(l.a, l.aif), this.rate(l.b, l.bif)];
    return [way(ra, rb, a, b, bitsOf(l.aToB?.rate)), way(rb, ra, b, a, bitsOf(l.bToA?.rate))];
  }

  // past is what an interface of a cable's way carried in each of the last seconds: bits that arrive, and frames dropped.
  past(l, a, b, now) {
    const read = (from, fromIf, to, toIf, sender, receiver) => {
      const [name, pick] = measured(sender, receiver) ? [`${to}:${toIf}`, (v) => v.in] : [`${from}:${fromIf}`, (v) => v.out];
      return { bits: this.history.read(name, now, pick), dropped: this.history.read(`${to}:${toIf}`, now, (v) => v.dropped) };
    };
    return [read(l.a, l.aif, l.b, l.bif, a, b), read(l.b, l.bif, l.a, l.aif, b, a)];
  }
}

// measured says whether what arrives is counted where it arrives.
const measured = (sender, receiver) => receiver.container || !sender.container;

function way(sender, receiver, from, to, limit) {
  const bits = measured(from, to) ? receiver.in : sender.out;
  const sent = from.container ? sender.out : bits;
  return { bits, dropped: receiver.dropped, lost: sent > 20_000 && sent > 1.15 * bits ? 1 - bits / sent : 0, load: limit ? bits / limit : 0 };
}

const seconds = () => Math.floor(Date.now() / 1000);
