// Addresses on the map: at the ends of cables those of the interface, below a node those that belong to no cable. Only what is seen and what finds
// a place is written; the rest shows when one points at it.
const letter = 6.1; // width of a letter, at the size below
const line = 12.5;
const margin = 40; // pixels around what is seen
const room = 88; // pixels that a cable with addresses is long, at least
const key = "trunkline.addresses";

export class AddressLayer {
  constructor(map, button) {
    Object.assign(this, { map, button, written: new Set(), below: new Set(), on: false });
    map.layers.push(this);
    if (localStorage.getItem(key) === "on") this.toggle(false);
  }

  toggle(keep = true) {
    this.on = !this.on;
    if (keep) localStorage.setItem(key, this.on ? "on" : "off");
    this.button.setAttribute("aria-pressed", this.on);
    this.map.root.classed("addresses", this.on);
    this.soon();
  }

  // The map tells of itself.
  synced() {
    this.soon();
  }

  settled() {
    this.soon();
  }

  laid() {
    this.soon();
  }

  painted() {}

  soon() {
    if (!this.on && !this.written.size && !this.below.size) return;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { map } = this;
    const t = map.transform;
    const close = this.on && !map.root.classed("far");
    this.scale = t.k < 1.3 ? Math.max(1, 0.95 / t.k) : 1.3 / t.k; // letters stay about as large, near and far
    const [w, h] = [map.svg.clientWidth, map.svg.clientHeight];
    const sees = ({ x, y }) => t.applyX(x) > -margin && t.applyY(y) > -margin && t.applyX(x) < w + margin && t.applyY(y) < h + margin;
    const nodes = close ? [...map.nodes.values()].filter(sees) : [];
    this.taken = new Grid(90);
    this.drawNodes(nodes);
    const links = close ? map.links.filter((l) => l.way && Math.hypot(t.k * (map.node(l.a).x - map.node(l.b).x), t.k * (map.node(l.a).y - map.node(l.b).y)) > room && (sees(l.way.a) || sees(l.way.b))) : [];
    const kept = new Set(links);
    for (const l of this.written) {
      if (kept.has(l)) continue;
      l.ends.selectAll(".address").remove();
      this.written.delete(l);
    }
    for (const l of links) this.drawLink(l);
  }

  // drawNodes writes what a node has besides its cables, and keeps its body and name free.
  drawNodes(nodes) {
    const size = 23 * (this.map.grown ?? 1);
    const small = (10 * this.scale) / (this.map.grown ?? 1);
    const kept = new Set(nodes);
    for (const n of this.below) {
      if (kept.has(n)) continue;
      n.g.selectAll(".loopback").remove();
      this.below.delete(n);
      n.own = "";
      this.map.paint(n);
    }
    for (const n of nodes) {
      const own = (n.ports ?? []).filter((p) => !p.cabled && p.addresses?.length).map((p) => (p.name === "lo" ? "" : `${p.name} `) + p.addresses.join(" "));
      this.taken.add(n.x, n.y + 8 * this.scale, Math.max(size, (letter * this.scale * n.name.length) / 2), size + 16 * this.scale);
      if (!own.length && !this.below.has(n)) continue;
      const text = n.g.select(".grown");
      text.selectAll(".loopback").remove();
      own.slice(0, 2).forEach((words, i) => text.append("text").attr("class", "loopback").style("font-size", `${small}px`).attr("y", 30 + 15 * (this.map.name ?? 1)).attr("dy", `${0.2 + 1.2 * i}em`).text(` ${words}`)); // the space keeps it apart from the name, for whoever reads both
      this.below[own.length ? "add" : "delete"](n);
      n.own = own.slice(0, 2).join(" ");
      this.map.paint(n);
      if (own.length) this.taken.add(n.x, n.y + size + (20 + 7 * own.length) * this.scale, (letter * this.scale * Math.max(...own.map((o) => o.length))) / 2, 8 * own.length * this.scale);
    }
  }

  drawLink(l) {
    this.written.add(l);
    l.ends.selectAll(".address").remove();
    for (const end of ["a", "b"]) {
      const port = this.map.node(l[end]).ports?.find((p) => p.name === l[`${end}if`]);
      if (port?.addresses?.length) this.write(l, end, port.addresses);
    }
  }

  // write puts the lines where nothing else stands: at the interface's place, above or beside it, or farther along the cable.
  write(l, end, lines) {
    const s = this.scale;
    const half = { w: (letter * s * Math.max(...lines.map((x) => x.length))) / 2, h: (line * s * lines.length) / 2 };
    const from = l.way[end];
    const to = l.way.mid;
    const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
    const places = [0, 18, 36].flatMap((far) => {
      const t = Math.min(1, (far * s) / length);
      const [x, y] = [from.x + t * (to.x - from.x), from.y + t * (to.y - from.y)];
      return [[x, y + half.h + 7 * s], [x, y - half.h - 7 * s], [x + half.w + 8 * s, y], [x - half.w - 8 * s, y]];
    });
    const free = places.find(([x, y]) => !this.taken.meets(x, y, half.w, half.h));
    const [x, y] = free ?? places[0];
    if (free) this.taken.add(x, y, half.w, half.h);
    const text = l.ends.append("text").attr("class", free ? "address" : "address covered").attr("transform", `translate(${x},${y}) scale(${s})`);
    lines.forEach((words, i) => text.append("tspan").attr("x", 0).attr("y", line * (i - (lines.length - 1) / 2)).text(words));
  }
}

// Grid knows which boxes of the drawing are taken. Boxes have a middle and half a width and height.
class Grid {
  constructor(cell) {
    Object.assign(this, { cell, cells: new Map() });
  }

  *keys(x, y, w, h) {
    const of = (v) => Math.floor(v / this.cell);
    for (let i = of(x - w); i <= of(x + w); i++) for (let j = of(y - h); j <= of(y + h); j++) yield `${i} ${j}`;
  }

  add(x, y, w, h) {
    for (const k of this.keys(x, y, w, h)) {
      if (!this.cells.has(k)) this.cells.set(k, []);
      this.cells.get(k).push([x, y, w, h]);
    }
  }

  meets(x, y, w, h) {
    for (const k of this.keys(x, y, w, h)) if (this.cells.get(k)?.some(([ox, oy, ow, oh]) => Math.abs(ox - x) < ow + w && Math.abs(oy - y) < oh + h)) return true;
    return false;
  }
}
