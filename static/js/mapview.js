// What of the map is seen: pan, zoom, fit, and sizes that stay readable. It knows places of nodes, not what they are.
import { select, zoom, zoomIdentity, pointer } from "../vendor/d3.js";
import { Glide } from "./mapglide.js";

const around = 44; // drawing units kept free around the outermost nodes
const aroundPixels = 30; // and pixels: nodes are not drawn ever smaller
const inset = { top: 50, right: 16, bottom: 56, left: 16 }; // pixels that the tools cover
const nameSize = 10.5; // pixels that a name should have at least
const nameRoom = 27; // pixels between neighbours below which names and badges are left out
const readable = 0.8; // nodes are not drawn smaller than this, as long as there is room between them
const bodySize = 48;

export class MapView {
  constructor(svg) {
    Object.assign(this, { svg, nodes: new Map() });
    this.root = select(svg);
    this.view = this.root.append("g").attr("class", "view");
    this.field = select(svg.parentElement);
    // What is dragged with shift, or begins on a handle, is not the paper.
    this.zoom = zoom().scaleExtent([0.05, 4]).extent(() => [[0, 0], [this.size.w, this.size.h]]).filter((e) => !(e.type !== "wheel" && (e.shiftKey || e.button)) && !e.target.closest?.(".handle, .note, .frame-grip, .over-map"))
      .on("zoom", (e) => this.zoomed(e.transform)).on("end", (e) => this.gliding && this.settle(e.transform));
    this.field.call(this.zoom).on("dblclick.zoom", null);
    this.glider = new Glide(this);
    this.size = this.measured();
    new ResizeObserver(() => this.resized()).observe(svg.parentElement);
  }

  zoomed(t) {
    this.untouched = !!this.fitted;
    this.glider.paper(t);
    this.gliding = this.glider.large && !!this.transform && this.glider.move(this.transform, t);
    if (!this.gliding) this.settle(t);
  }

  settle(t) {
    this.gliding = false;
    this.transform = t;
    this.glider.rest();
    this.view.attr("transform", t);
    // Each of these touches every node or cable, so they change in steps.
    const grown = Math.max(1, Math.min(readable / t.k, this.room()));
    const name = Math.max(1, nameSize / (12 * t.k * grown));
    if (Math.abs(grown - (this.grown ?? 0)) > 0.08 * grown || Math.abs(name - (this.name ?? 0)) > 0.08 * name) {
      Object.assign(this, { grown, name });
      this.svg.style.setProperty("--grown", grown.toFixed(3));
      this.svg.style.setProperty("--name", name.toFixed(3));
      this.svg.style.setProperty("--thin", Math.max(1, 0.6 / t.k).toFixed(3));
      this.root.classed("grows", grown > 1);
    }
    this.root.classed("far", this.nodes.size > 2 && this.gap * t.k < nameRoom);
    this.thin();
    for (const layer of this.layers ?? []) layer.settled();
  }

  // thin leaves out what is far from what is seen.
  thin() {
    if (this.transform) this.glider.show(this.transform, this.size, this.links ?? [], this.here ?? this.lab?.nodes[0]?.name);
  }

  // room says how many times larger nodes may be drawn before neighbours touch: most of them, not the two nearest.
  room() {
    if (this.roomKnown) return this.roomKnown;
    const all = [...this.nodes.values()];
    const nearest = all.map((n) => all.reduce((least, m) => (m === n ? least : Math.min(least, Math.hypot(m.x - n.x, m.y - n.y))), 1000)).sort((a, b) => a - b);
    this.gap = nearest[Math.floor(nearest.length / 10)] ?? 1000;
    this.roomKnown = Math.max(1, (0.72 * this.gap) / bodySize);
    return this.roomKnown;
  }

  zoomBy(factor) {
    this.animated().call(this.zoom.scaleBy, factor);
  }

  animated() {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    return still ? this.field : this.field.transition().duration(220);
  }

  fit(animate = true) {
    const all = [...this.nodes.values()];
    const w = this.size.w || 800;
    const h = this.size.h || 600;
    if (all.length === 0) {
      if (!this.transform) this.settle(zoomIdentity); // so that a place on an empty map is one
      return;
    }
    const xs = all.map((n) => n.x);
    const ys = all.map((n) => n.y);
    const left = inset.left + (this.covered ?? 0);
    const free = { w: Math.max(80, w - left - inset.right), h: Math.max(80, h - inset.top - inset.bottom) };
    let k = 1.25;
    let x0, x1, y0, y1;
    for (let i = 0; i < 2; i++) { // the second time with the margin that the first time asks for
      const margin = Math.max(around, aroundPixels / k);
      [x0, x1, y0, y1] = [Math.min(...xs) - margin, Math.max(...xs) + margin, Math.min(...ys) - margin, Math.max(...ys) + margin + 0.4 * margin];
      k = Math.min(1.25, free.w / (x1 - x0), free.h / (y1 - y0));
    }
    const t = zoomIdentity.translate(left + free.w / 2 - (k * (x0 + x1)) / 2, inset.top + free.h / 2 - (k * (y0 + y1)) / 2).scale(k);
    this.fitted = true;
    const to = animate ? this.animated() : this.field;
    to.call(this.zoom.transform, t);
    if (to.on && to.duration) to.on("end", () => (this.fitted = false));
    else this.fitted = false;
  }

  // resized: a panel opened or closed, or the window changed. Whoever saw everything sees everything still, unless another view was chosen
  // where that is not so; and what is chosen is not left behind the panel.
  resized() {
    cancelAnimationFrame(this.soon);
    this.soon = requestAnimationFrame(() => {
      const before = this.size;
      const now = this.measured();
      const all = [...this.nodes.values()];
      const seen = (n, size) => this.within(n, size);
      const chosen = this.nodes.get(this.selected);
      this.size = now;
      if (this.untouched || (all.every((n) => seen(n, before)) && !all.every((n) => seen(n, now)))) this.fit(false);
      else if (chosen && seen(chosen, before) && !seen(chosen, now)) this.field.call(this.zoom.translateTo, chosen.x, chosen.y);
      this.thin();
    });
  }

  measured() {
    return { w: this.svg.clientWidth, h: this.svg.clientHeight };
  }

  // within says that a node is in view in a field of that size, whole.
  within(n, { w, h }) {
    if (!this.transform) return false;
    const [x, y] = this.transform.apply([n.x, n.y]);
    const half = (bodySize / 2) * (this.grown ?? 1) * this.transform.k;
    return x > half && y > half && x < w - half && y < h - half;
  }

  reveal(name) {
    const n = this.nodes.get(name);
    if (n) this.animated().call(this.zoom.translateTo, n.x, n.y);
  }

  // place of a pointer event, in drawing units.
  placeOf(e) {
    return this.toDrawing(...pointer(e, this.svg.parentElement));
  }

  // toDrawing is a point of the field in pixels, in drawing units.
  toDrawing(x, y) {
    const [px, py] = this.transform.invert([x, y]);
    return { x: Math.round(px), y: Math.round(py) };
  }

  // under returns the name of the node at a point of the screen.
  under(x, y) {
    return document.elementFromPoint(x, y)?.closest(".node")?.dataset.name;
  }

  // centre of what is seen, in drawing units.
  centre() {
    return this.toDrawing(this.svg.clientWidth / 2, this.svg.clientHeight / 2);
  }

  // toScreen is where a place of the drawing is in the field, in pixels.
  toScreen({ x, y }) {
    const [px, py] = this.transform.apply([x, y]);
    return { x: px, y: py };
  }
}

