// What the network carries, drawn on the map: rates beside cables, the state of interfaces at their ends, the use of nodes. Only what is seen is
// drawn, only what changed is touched, and all of it in one frame; a map seen from afar has none of it.
import { shortRate, shortSize } from "./units.js";

const room = 100; // pixels that a cable with figures is long, at least
const tight = 62; // pixels between neighbours below which nodes have bars only
const margin = 60; // pixels around what is seen
const half = 23; // of a node's body
const letter = 6; // width of a figure's letters
const loads = [0.1, 0.4, 0.7, 0.9]; // shares of a set rate, from which on a cable is drawn wider

// shapes of ends: a dot, a ring that is open, a cross.
const ports = { up: "M-3 0A3 3 0 1 0 3 0A3 3 0 1 0-3 0Z", none: "M-2.800-2.800A4 4 0 1 0 2.800-2.800", down: "M-3.300-3.300L3.300 3.300M3.300-3.300L-3.300 3.300" };

export class RateLayer {
  constructor(map, rates) {
    Object.assign(this, { map, rates, drawn: new Map(), used: new Set(), taken: [], changed: new Set(), changedNodes: new Set(), size: { width: 0, height: 0 } });
    this.g = map.view.insert("g", () => map.above.node()).attr("class", "flows").attr("aria-hidden", "true");
    map.layers.push(this);
    new ResizeObserver(([{ contentRect }]) => {
      this.size = contentRect;
      this.everything();
    }).observe(map.svg.parentElement);
    rates.listen((what) => this.heard(what));
    this.synced();
  }

  get shown() {
    return this.rates.on && this.rates.runs;
  }

  // The map tells of itself.
  synced() {
    this.byEnd = new Map();
    for (const l of this.map.links) {
      this.byEnd.set(`${l.a}:${l.aif}`, l);
      this.byEnd.set(`${l.b}:${l.bif}`, l);
    }
    this.everything();
  }

  settled() {
    this.everything();
  }

  laid(l) {
    if (this.drawn.has(l.id)) this.drawn.get(l.id).place = null;
    this.touch(l);
  }

  painted(l) {
    this.touch(l);
  }

  moved(n) {
    this.changedNodes.add(n.name);
    this.soon();
  }

  heard(what) {
    if (!what) {
      this.everything();
      return;
    }
    for (const end of what.interfaces) this.touch(this.byEnd.get(end));
    for (const name of what.nodes) this.changedNodes.add(name);
    this.soon();
  }

  touch(l) {
    if (!l) return;
    this.changed.add(l);
    this.soon();
  }

  everything() {
    this.all = true;
    this.soon();
  }

  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { map, rates } = this;
    if (map.gliding) {
      this.all = true; // once it rests
      return;
    }
    this.measure();
    map.root.classed("rates", this.shown).classed("rates-lost", this.shown && rates.state !== "on").classed("tight", map.nodes.size > 2 && map.gap * this.k < tight);
    if (this.all) this.choose();
    else {
      for (const l of this.changed) {
        this.load(l);
        if (this.seesLink(l)) this.drawLink(l);
      }
      for (const name of this.changedNodes) {
        const n = map.nodes.get(name);
        if (n && this.sees(n)) this.drawNode(n);
      }
    }
    this.all = false;
    this.changed.clear();
    this.changedNodes.clear();
  }

  // measure takes what is seen from the map's transform.
  measure() {
    const { map } = this;
    const t = map.transform;
    const { width, height } = this.size;
    this.k = t.k;
    this.scale = Math.max(1, 0.95 / t.k);
    this.close = this.shown && !map.root.classed("far");
    this.seen = { x0: (-margin - t.x) / t.k, y0: (-margin - t.y) / t.k, x1: (width + margin - t.x) / t.k, y1: (height + margin - t.y) / t.k };
  }

  sees({ x, y }) {
    const s = this.seen;
    return this.close && x > s.x0 && x < s.x1 && y > s.y0 && y < s.y1;
  }

  // seesLink asks for room between the two nodes as well.
  seesLink(l) {
    if (!this.close || !l.way || (!this.sees(l.way.a) && !this.sees(l.way.b))) return false;
    return l.way.length * this.k > room * Math.max(1, this.map.grown * this.k);
  }

  // choose draws all that is seen, and takes away what is not.
  choose() {
    const { map } = this;
    const ids = new Set();
    this.taken = map.links.filter((l) => l.note && l.way).map((l) => l.way.mid);
    for (const l of map.links) {
      this.load(l);
      if (!this.seesLink(l)) continue;
      ids.add(l.id);
      const d = this.drawn.get(l.id);
      if (d) d.place = null;
      this.drawLink(l);
    }
    for (const [id, d] of this.drawn) {
      if (ids.has(id)) continue;
      d.g.remove();
      this.drawn.delete(id);
    }
    const before = this.used;
    this.used = new Set();
    for (const n of map.nodes.values()) if (this.sees(n)) this.drawNode(n);
    for (const n of before) {
      if (this.used.has(n)) continue;
      n.use?.g.remove();
      n.use = null;
    }
  }

  // load makes a cable wider by how much of its set rate it carries.
  load(l) {
    const [ab, ba] = this.shown ? this.ways(l) : [];
    const share = ab ? Math.max(ab.load, ba.load) : 0;
    const step = loads.filter((from) => share >= from).length || null;
    if (step === (l.load ?? null)) return;
    l.load = step;
    l.g.attr("data-load", step);
  }

  ways(l) {
    return this.rates.ways(l, this.map.nodes.get(l.a), this.map.nodes.get(l.b));
  }

  drawLink(l) {
    let d = this.drawn.get(l.id);
    if (!d) {
      const g = this.g.append("g");
      d = { g, ends: ["a", "b"].map(() => ({ port: g.append("path").attr("class", "port"), flow: null })) };
      this.drawn.set(l.id, d);
    }
    if (!d.place) this.lay(l, d);
    const [ab, ba] = this.ways(l);
    this.drawEnd(l, d, 0, ab);
    this.drawEnd(l, d, 1, ba);
  }

  drawEnd(l, d, i, way) {
    const one = d.ends[i];
    const state = this.stateOf(l, i);
    if (one.state !== state) {
      one.state = state;
      one.port.attr("data-port", state || null).attr("d", ports[state] ?? "");
    }
    const text = way.bits ? shortRate(way.bits) : "";
    const lost = way.dropped ? ` drop ${shortRate(way.dropped)}` : way.lost ? ` lost ${Math.round(100 * way.lost)}%` : "";
    if (one.text === text && one.lost === lost) return;
    Object.assign(one, { text, lost });
    if (!text && !lost) {
      one.flow?.g.attr("display", "none");
      return;
    }
    one.flow ??= this.flow(d, d.place[i]);
    const { g, arrow, figure, drop } = one.flow;
    const wide = (letter * (text.length + lost.length)) / 2;
    g.attr("display", null);
    arrow.attr("transform", `translate(${-wide - 2},0) rotate(${d.place[i].angle})`);
    figure.node().firstChild.data = text || "0";
    drop.text(lost);
  }

  flow(d, place) {
    const g = d.g.append("g").attr("class", "flow").attr("transform", place.at);
    const arrow = g.append("path").attr("d", "M-6-3.500L4 0L-6 3.500L-4 0Z");
    const figure = g.append("text").attr("x", 4);
    figure.node().append("");
    return { g, arrow, figure, drop: figure.append("tspan") };
  }

  // lay puts an end's mark at its node, and its figure on the cable's right, seen from the node it leaves, as cars drive.
  lay(l, d) {
    const { scale: s } = this;
    const body = half * (this.map.grown ?? 1);
    const { way } = l;
    d.place = [0, 1].map((i) => {
      const from = way.point(i);
      const at = (distance) => {
        const t = Math.min(0.45, distance / way.length);
        return way.point(i ? 1 - t : t);
      };
      const p = at(body + 4 * s);
      const length = Math.hypot(p.x - from.x, p.y - from.y) || 1;
      const [dx, dy] = [(p.x - from.x) / length, (p.y - from.y) / length];
      const edge = Math.min(body / Math.max(Math.abs(dx), Math.abs(dy)), 1.25 * body) + 4 * s;
      const mark = at(edge);
      d.ends[i].port.attr("transform", `translate(${mark.x},${mark.y}) scale(${s})`);
      const aside = (7 + 14 * Math.abs(dy)) * s;
      const beside = (distance, off) => {
        const q = at(distance);
        return { x: q.x - dy * off, y: q.y + dx * off };
      };
      const first = body + (Math.abs(dy) > 0.5 ? (dy > 0 ? 40 : 30) : 32) * s;
      const q = this.free([0, 26, 52].map((more) => beside(first + more * s, aside)).concat(beside(first, -aside)));
      const where = `translate(${q.x},${q.y}) scale(${s})`;
      d.ends[i].flow?.g.attr("transform", where);
      return { at: where, angle: Math.round((Math.atan2(dy, dx) * 180) / Math.PI) };
    });
    for (const one of d.ends) one.text = null; // its arrow points anew
  }

  // free is the first place where no other figure stands, or else the first.
  free(places) {
    const [w, h] = [40 * this.scale, 12 * this.scale];
    const open = places.find((p) => !this.taken.some((o) => Math.abs(o.x - p.x) < w && Math.abs(o.y - p.y) < h)) ?? places[0];
    this.taken.push(open);
    return open;
  }

  // stateOf is an end's interface: up, none (no carrier), down (switched off), or "" while its node does not run.
  stateOf(l, i) {
    const [mine, other] = [this.map.nodes.get(i ? l.b : l.a), this.map.nodes.get(i ? l.a : l.b)];
    const works = (n) => n.state === "running" || n.state === "paused";
    if (!works(mine)) return "";
    if (l.cut || !works(other)) return "none";
    if (mine.down?.includes(i ? l.bif : l.aif)) return "down";
    return other.down?.includes(i ? l.aif : l.bif) ? "none" : "up";
  }

  // drawNode shows what a node uses beside its name and state, which are what it is called by.
  drawNode(n) {
    this.used.add(n);
    const use = this.rates.nodes.get(n.name);
    const text = use?.memory ? `${Math.round(100 * use.cpu)}% ${shortSize(use.memory)}` : "";
    if (!n.use) {
      if (!text) return;
      const g = this.g.append("g").attr("class", "use");
      n.use = { g, figure: g.append("text").attr("y", -half - 12), bar: g.append("path").attr("d", "M-13 17.500H9"), fill: g.append("path").attr("class", "full") };
    }
    const at = `translate(${n.x},${n.y}) scale(${this.map.grown ?? 1})`;
    if (n.use.at !== at) n.use.g.attr("transform", (n.use.at = at));
    if (n.use.text === text) return;
    n.use.text = text;
    n.use.g.attr("display", text ? null : "none");
    if (!text) return;
    n.use.figure.text(text);
    n.use.fill.attr("d", `M-13 17.500H${(-13 + 22 * Math.min(1, use.cpu)).toFixed(1)}`);
  }
}
