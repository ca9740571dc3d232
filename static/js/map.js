// The topology map: nodes and cables as SVG that is patched by name, with pan, zoom and drag. It knows no server.
import { select, zoom, zoomIdentity, drag } from "../vendor/d3.js";
import { drawNode, drawLink, badgePath } from "./mapdraw.js";
import { wirePath, curves } from "./wire.js";

const around = 44; // drawing units kept free around the outermost nodes
const inset = { top: 50, right: 16, bottom: 56, left: 16 }; // pixels that the tools cover
const nameSize = 10.5; // pixels that a name should have at least
const nameRoom = 27; // pixels between neighbours below which names and badges are left out
const readable = 0.8; // nodes are not drawn smaller than this, as long as there is room between them
const bodySize = 48;
const colours = 8; // of hosts, in the style sheet
const many = 150; // above this number of nodes a map glides

export class TopologyMap {
  constructor(svg, lab, { moved }) {
    Object.assign(this, { svg, lab, moved, nodes: new Map(), links: [], at: new Map(), selected: null });
    this.root = select(svg);
    this.view = this.root.append("g").attr("class", "view");
    this.wires = this.view.append("g");
    this.dots = this.view.append("g");
    this.labels = this.view.append("g");
    for (const n of lab.nodes) this.nodes.set(n.name, n);
    for (const n of this.nodes.values()) this.at.set(n.name, []);
    this.draw();
    this.zoom = zoom().scaleExtent([0.05, 4]).on("zoom", (e) => this.zoomed(e.transform));
    this.field = select(svg.parentElement);
    this.field.call(this.zoom).on("dblclick.zoom", null);
    this.field.on("click", (e) => (e.target === svg || e.target === svg.parentElement) && this.select(null));
    // The map may move between the two clicks of a double-click: the panel opens. The node of the first one is meant.
    this.field.on("dblclick", (e) => {
      const c = this.clicked;
      if (c && e.detail > 0 && Math.hypot(e.screenX - c.x, e.screenY - c.y) < 8) this.onOpen?.(c.name);
    });
    this.fit(false);
    this.untouched = true;
  }

  draw() {
    const bends = curves(this.lab.links);
    this.lab.links.forEach((link, i) => {
      const a = this.nodes.get(link.a);
      const b = this.nodes.get(link.b);
      if (!a || !b) return;
      const drawn = drawLink(this.wires, this.labels, link);
      const one = { ...link, ...drawn, bend: bends[i] };
      this.links.push(one);
      this.at.get(link.a).push(one);
      if (link.a !== link.b) this.at.get(link.b).push(one);
      this.lay(one);
    });
    const first = this.lab.nodes[0]?.name;
    for (const n of this.nodes.values()) {
      n.g = drawNode(this.dots, n);
      n.g.attr("tabindex", n.name === first ? 0 : -1);
      this.listen(n);
      this.paint(n);
    }
    this.links.forEach((l) => this.paintLink(l));
  }

  listen(n) {
    const me = this;
    n.g.on("click", (e) => {
      e.stopPropagation();
      if (e.defaultPrevented || e.detail > 1) return;
      me.clicked = { name: n.name, x: e.screenX, y: e.screenY };
      me.select(n.name);
    }).on("dblclick", (e) => {
      e.preventDefault();
      if (e.detail === 0) me.onOpen?.(n.name); // a script's; a person's reaches the field
    }).on("contextmenu", (e) => {
      e.preventDefault();
      me.select(n.name);
      const box = n.g.node().getBoundingClientRect();
      me.onMenu?.(n.name, e.clientX || box.right, e.clientY || box.bottom);
    }).on("pointerenter", () => me.lit(n.name, true)).on("pointerleave", () => me.lit(n.name, false))
      .on("focus", () => me.focused(n)).on("blur", () => me.lit(n.name, false));
    if (!this.lab.canEdit) return;
    n.g.call(drag().clickDistance(4).on("start", function () {
      me.moving = false;
    }).on("drag", (e) => {
      me.moving = true;
      me.untouched = false;
      n.g.classed("dragging", true);
      me.moveTo(n, e.x, e.y);
    }).on("end", () => {
      n.g.classed("dragging", false);
      if (me.moving) me.moved({ [n.name]: { x: Math.round(n.x), y: Math.round(n.y) } });
    }));
  }

  moveTo(n, x, y) {
    n.x = x;
    n.y = y;
    this.roomKnown = 0;
    n.g.attr("transform", `translate(${x},${y})`);
    for (const l of this.at.get(n.name)) this.lay(l);
  }

  lay(l) {
    const w = wirePath(this.nodes.get(l.a), this.nodes.get(l.b), l.bend);
    l.wire.attr("d", w.d);
    l.hit.attr("d", w.d);
    l.aLabel.attr("x", w.a.x).attr("y", w.a.y);
    l.bLabel.attr("x", w.b.x).attr("y", w.b.y);
    l.note?.attr("x", w.mid.x).attr("y", w.mid.y);
  }

  // update patches what changed of some nodes.
  update(changed) {
    const touched = new Set();
    for (const c of changed) {
      const n = this.nodes.get(c.name);
      if (!n) continue;
      for (const key of ["state", "word", "reason", "health", "host", "down"]) n[key] = c[key];
      this.paint(n);
      for (const l of this.at.get(n.name)) touched.add(l);
    }
    touched.forEach((l) => this.paintLink(l));
  }

  paint(n) {
    n.g.attr("data-state", n.state).attr("data-health", n.health || null)
      .attr("aria-label", `${n.letter ? `${n.letter} ` : ""}${n.name}, ${n.kind}, ${n.word}${n.reason ? `: ${n.reason}` : ""}${n.host ? `, on ${n.host}` : ""}`);
    n.g.select(".badge path").attr("d", badgePath(n.state, n.health));
    n.g.select("title").text(`${n.name}: ${n.word}${n.reason ? `\n${n.reason}` : ""}${n.host ? `\non ${n.host}` : ""}`);
  }

  paintLink(l) {
    const a = this.nodes.get(l.a);
    const b = this.nodes.get(l.b);
    const there = hostsOf(b);
    l.crosses = !!a.host && !!b.host && !hostsOf(a).some((h) => there.includes(h));
    l.g.attr("data-crosses", l.crosses ? "yes" : null);
    const works = (n) => n.state === "running" || n.state === "paused";
    let up = "no";
    if (works(a) && works(b)) up = l.cut || a.down?.includes(l.aif) || b.down?.includes(l.bif) ? "down" : "yes";
    l.g.attr("data-up", up);
    l.g.select("title").text(`${l.a}:${l.aif} ${l.aaddr ?? ""} – ${l.b}:${l.bif} ${l.baddr ?? ""}${l.crosses ? `\nfrom ${a.host} to ${b.host}` : ""}${{ yes: "", no: "", down: "\ndown" }[up]}`);
  }

  // byHost gives each host a letter and a colour, puts them on its nodes, and returns the hosts by name. A segment with parts on several
  // hosts has a plus.
  byHost(on) {
    this.root.classed("by-host", on);
    const counts = new Map();
    for (const n of this.nodes.values()) for (const h of hostsOf(n)) counts.set(h, (counts.get(h) ?? 0) + 1);
    const hosts = [...counts.keys()].sort().map((name, i) => ({ name, count: counts.get(name), letter: letterOf(i), colour: i % colours }));
    const known = new Map(hosts.map((h) => [h.name, h]));
    for (const n of this.nodes.values()) {
      const its = on ? hostsOf(n) : [];
      const one = its.length === 1 ? known.get(its[0]) : null;
      n.g.attr("data-colour", one ? one.colour : its.length > 1 ? "several" : null);
      n.letter = one?.letter ?? (its.length > 1 ? "+" : "");
      n.g.select(".host-mark text").text(n.letter && `${n.letter} `); // the space keeps it apart from the name, for whoever reads the two as one
      this.paint(n);
    }
    return hosts;
  }

  // crossing counts what goes from host to host: cables, and segments with parts on several.
  crossing() {
    return this.links.filter((l) => l.crosses).length + [...this.nodes.values()].filter((n) => hostsOf(n).length > 1).length;
  }

  // onlyHost dims the nodes of all other hosts.
  onlyHost(host) {
    const there = (name) => hostsOf(this.nodes.get(name)).includes(host);
    for (const n of this.nodes.values()) n.g.classed("dim", !!host && !there(n.name));
    for (const l of this.links) l.g.classed("dim", !!host && !(there(l.a) && there(l.b)));
  }

  labState(state) {
    this.lab.state = state;
  }

  lit(name, is) {
    for (const l of this.at.get(name)) {
      const stays = is || this.selected === l.a || this.selected === l.b;
      l.g.classed("lit", stays);
      l.ends.classed("lit", stays);
    }
  }

  select(name) {
    const before = this.selected;
    this.selected = name;
    if (before) {
      this.nodes.get(before)?.g.classed("selected", false);
      this.lit(before, false);
    }
    if (name) {
      const g = this.nodes.get(name)?.g.classed("selected", true);
      const focused = g?.node() === document.activeElement;
      g?.raise(); // which takes the focus away
      if (focused) g.node().focus({ preventScroll: true });
      this.lit(name, true);
    }
    if (before !== name) this.onSelect?.(name);
  }

  node(name) {
    return this.nodes.get(name);
  }

  // focus moves the keyboard to a node, or to the one that had it.
  focus(name) {
    const n = this.nodes.get(name) ?? this.nodes.get(this.here ?? this.lab.nodes[0]?.name);
    n?.g.node().focus({ preventScroll: true });
  }

  focused(n) {
    if (this.here) this.nodes.get(this.here)?.g.attr("tabindex", -1);
    else this.nodes.get(this.lab.nodes[0].name).g.attr("tabindex", -1);
    this.here = n.name;
    n.g.attr("tabindex", 0);
    this.lit(n.name, true);
  }

  // highlight dims all but the nodes whose name has the text; it returns those.
  highlight(text) {
    const wanted = text.trim().toLowerCase();
    const hits = [];
    for (const n of this.nodes.values()) {
      const hit = !wanted || n.name.toLowerCase().includes(wanted);
      n.g.classed("dim", !hit);
      if (hit) hits.push(n.name);
    }
    for (const l of this.links) l.g.classed("dim", !!wanted);
    return wanted ? hits : [];
  }

  place(places) {
    for (const [name, p] of Object.entries(places)) {
      const n = this.nodes.get(name);
      if (n) this.moveTo(n, p.x, p.y);
    }
    this.fit();
  }

  zoomed(t) {
    this.untouched = !!this.fitted;
    const paper = this.svg.parentElement.style;
    const dots = 24 * gridScale(t.k);
    paper.backgroundPosition = `${t.x}px ${t.y}px`;
    paper.backgroundSize = `${dots}px ${dots}px`;
    if (this.nodes.size > many && this.transform) this.glide(t);
    else this.settle(t);
  }

  // glide moves a large map as one picture, which costs nothing, and draws it anew once it rests.
  glide(t) {
    const s = t.k / this.transform.k;
    this.root.classed("gliding", true);
    this.svg.style.transform = `translate(${t.x - s * this.transform.x}px,${t.y - s * this.transform.y}px) scale(${s})`;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.settle(t), 140);
  }

  settle(t) {
    clearTimeout(this.resting);
    this.transform = t;
    this.svg.style.transform = "";
    this.root.classed("gliding", false);
    this.view.attr("transform", t);
    // Each of these touches every node or cable, so they change in steps.
    const grown = Math.max(1, Math.min(readable / t.k, this.room()));
    const name = Math.max(1, nameSize / (12 * t.k * grown));
    if (Math.abs(grown - (this.grown ?? 0)) > 0.08 * grown || Math.abs(name - (this.name ?? 0)) > 0.08 * name) {
      Object.assign(this, { grown, name });
      this.svg.style.setProperty("--grown", grown.toFixed(3));
      this.svg.style.setProperty("--name", name.toFixed(3));
      this.svg.style.setProperty("--thin", Math.max(1, 0.6 / t.k).toFixed(3));
    }
    this.root.classed("far", this.nodes.size > 2 && this.gap * t.k < nameRoom);
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
    const w = this.svg.clientWidth || 800;
    const h = this.svg.clientHeight || 600;
    if (all.length === 0) return;
    const xs = all.map((n) => n.x);
    const ys = all.map((n) => n.y);
    const [x0, x1, y0, y1] = [Math.min(...xs) - around, Math.max(...xs) + around, Math.min(...ys) - around, Math.max(...ys) + around + 12];
    const free = { w: Math.max(80, w - inset.left - inset.right), h: Math.max(80, h - inset.top - inset.bottom) };
    const k = Math.min(1.25, free.w / (x1 - x0), free.h / (y1 - y0));
    const t = zoomIdentity.translate(inset.left + free.w / 2 - (k * (x0 + x1)) / 2, inset.top + free.h / 2 - (k * (y0 + y1)) / 2).scale(k);
    this.fitted = true;
    const to = animate ? this.animated() : this.field;
    to.call(this.zoom.transform, t);
    if (to.on && to.duration) to.on("end", () => (this.fitted = false));
    else this.fitted = false;
  }

  // resized keeps everything in view as long as nobody has chosen another view.
  resized() {
    cancelAnimationFrame(this.soon);
    this.soon = requestAnimationFrame(() => this.untouched && this.fit(false));
  }

  reveal(name) {
    const n = this.nodes.get(name);
    if (n) this.animated().call(this.zoom.translateTo, n.x, n.y);
  }

  toggleNames() {
    const on = !this.root.classed("names");
    this.root.classed("names", on);
    return on;
  }

  // under returns the name of the node at a point of the screen.
  under(x, y) {
    return document.elementFromPoint(x, y)?.closest(".node")?.dataset.name;
  }
}

// hostsOf are the names of the hosts that a node is on: one, or several for a segment.
const hostsOf = (n) => (n.host ? n.host.split(", ") : []);

// letterOf is A to Z, then AA, AB and so on.
function letterOf(i) {
  return (i >= 26 ? letterOf(Math.floor(i / 26) - 1) : "") + String.fromCharCode(65 + (i % 26));
}

// gridScale keeps the dots' distance between 18 and 36 pixels.
function gridScale(k) {
  let s = k;
  while (s < 0.75) s *= 2;
  while (s > 1.5) s /= 2;
  return s;
}

