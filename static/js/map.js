// The topology map: nodes and cables as SVG, patched by name. It knows no server and no edits: gestures that change something are in mapedit.js.
import { drag } from "../vendor/d3.js";
import { drawNode, drawLink, badgePath, letterOf } from "./mapdraw.js";
import { wirePath, curves } from "./wire.js";
import { MapView } from "./mapview.js";

const colours = 8; // of hosts, in the style sheet

export class TopologyMap extends MapView {
  // moved is told where nodes were dragged to: {name: {x, y}}.
  constructor(svg, lab, { moved }) {
    super(svg);
    this.covered = document.getElementById("palette")?.offsetWidth ?? 0; // of the left edge
    Object.assign(this, { lab, moved, links: [], linkOf: new Map(), at: new Map(), selected: null, picked: new Set(), pickedLinks: new Set(), frames: null, layers: [] });
    this.ground = this.view.append("g");
    this.wires = this.view.append("g");
    this.dots = this.view.append("g");
    this.labels = this.view.append("g");
    this.above = this.view.append("g");
    this.sync(lab);
    this.field.on("click", (e) => (e.target === svg || e.target === svg.parentElement) && this.select(null));
    // The map may move between the two clicks of a double-click: the panel opens. The node of the first one is meant.
    this.field.on("dblclick", (e) => {
      const c = this.clicked;
      if (c && e.detail > 0 && Math.hypot(e.screenX - c.x, e.screenY - c.y) < 8) this.onOpen?.(c.name);
    });
    this.fit(false);
    this.untouched = true;
  }

  // sync makes the map what lab says, and leaves what is the same as it is.
  sync(lab) {
    this.lab = lab;
    this.roomKnown = 0;
    const wanted = new Map(lab.nodes.map((n) => [n.name, n]));
    for (const [name, n] of this.nodes) {
      const now = wanted.get(name);
      if (now && now.kind === n.kind) continue;
      n.g.remove();
      n.theirs?.remove();
      this.nodes.delete(name);
      this.picked.delete(name);
    }
    this.nodes = new Map(lab.nodes.map((n) => [n.name, this.keepNode(n)]));
    this.syncLinks(lab.links);
    for (const n of this.nodes.values()) this.paint(n);
    this.links.forEach((l) => this.paintLink(l));
    if (this.selected && !this.nodes.has(this.selected)) this.select(null);
    if (!this.nodes.has(this.here)) this.here = null;
    const focusable = this.here ?? lab.nodes[0]?.name;
    for (const n of this.nodes.values()) n.g.attr("tabindex", n.name === focusable ? 0 : -1);
    this.frames?.sync(lab);
    this.thin();
    for (const layer of this.layers) layer.synced();
    this.onSync?.();
  }

  keepNode(now) {
    const n = this.nodes.get(now.name);
    if (!n) {
      const fresh = { ...now };
      fresh.g = drawNode(this.dots, fresh);
      this.listen(fresh);
      return fresh;
    }
    const moved = n.x !== now.x || n.y !== now.y;
    Object.assign(n, { reason: "", health: "", host: "", down: null, color: null, group: null, icon: null, level: null, image: null }, now);
    if (moved) for (const g of [n.g, n.theirs]) g?.attr("transform", `translate(${n.x},${n.y})`);
    return n;
  }

  syncLinks(links) {
    const bends = curves(links);
    const known = this.linkOf;
    const kept = new Map(links.map((l) => [l.id, l.note]));
    for (const [id, l] of known) {
      if (kept.has(id) && kept.get(id) === l.note) continue;
      for (const e of [l.g, l.ends, l.note0, l.theirs]) e?.remove();
      known.delete(id);
    }
    this.links = [];
    this.at = new Map([...this.nodes.keys()].map((name) => [name, []]));
    links.forEach((link, i) => {
      if (!this.nodes.has(link.a) || !this.nodes.has(link.b)) return;
      const one = Object.assign(known.get(link.id) ?? this.drawnLink(link), { cut: false, note: undefined, mtu: 0, aToB: null, bToA: null, aaddr: "", baddr: "" }, link, { bend: bends[i] });
      known.set(link.id, one);
      this.links.push(one);
      this.at.get(link.a).push(one);
      if (link.a !== link.b) this.at.get(link.b).push(one);
      this.lay(one);
    });
    if (this.link && !known.has(this.link)) this.selectLink(null);
    for (const id of this.pickedLinks) if (!known.has(id)) this.pickedLinks.delete(id);
    for (const l of this.links) l.g.classed("picked", this.pickedLinks.has(l.id)).classed("selected", this.link === l.id);
  }

  drawnLink(link) {
    const { note, ...drawn } = drawLink(this.wires, this.labels, link);
    drawn.note0 = note;
    drawn.g.on("click", (e) => {
      e.stopPropagation();
      if ((e.shiftKey || e.ctrlKey || e.metaKey) && this.lab.canEdit) this.pickLink(link.id);
      else this.selectLink(link.id);
    }).on("contextmenu", (e) => {
      e.preventDefault();
      this.selectLink(link.id);
    });
    return drawn;
  }

  listen(n) {
    const me = this;
    n.g.on("click", (e) => {
      e.stopPropagation();
      if (e.defaultPrevented || e.detail > 1) return;
      me.clicked = { name: n.name, x: e.screenX, y: e.screenY };
      if ((e.shiftKey || e.ctrlKey || e.metaKey) && me.lab.canEdit) me.pick(n.name);
      else me.select(n.name);
    }).on("dblclick", (e) => {
      e.preventDefault();
      if (e.detail === 0) me.onOpen?.(n.name); // a script's; a person's reaches the field
    }).on("contextmenu", (e) => {
      e.preventDefault();
      if (!me.picked.has(n.name)) me.select(n.name);
      const box = n.g.node().getBoundingClientRect();
      me.onMenu?.(n.name, e.clientX || box.right, e.clientY || box.bottom);
    }).on("pointerenter", () => me.lit(n.name, true)).on("pointerleave", () => me.lit(n.name, false))
      .on("focus", () => me.focused(n)).on("blur", () => me.lit(n.name, false));
    if (!this.lab.canEdit) return;
    let together = [];
    let from = null;
    const escape = (e) => {
      if (e.key !== "Escape") return;
      e.stopPropagation();
      from.forEach(([one, x, y]) => me.moveTo(one, x, y));
      me.onMoving?.();
      together = [];
      me.moving = false;
    };
    n.g.call(drag().filter((e) => !e.button && !e.target.closest(".handle")).clickDistance(4).on("start", function () {
      me.moving = false;
      together = me.picked.has(n.name) ? [...me.picked].map((name) => me.nodes.get(name)) : [n];
      from = together.map((one) => [one, one.x, one.y]);
      window.addEventListener("keydown", escape, true);
    }).on("drag", (e) => {
      me.moving = together.length > 0;
      if (!me.moving) return;
      me.untouched = false;
      n.g.classed("dragging", true);
      for (const one of together) me.moveTo(one, one.x + e.dx, one.y + e.dy);
      me.onMoving?.();
    }).on("end", () => {
      window.removeEventListener("keydown", escape, true);
      n.g.classed("dragging", false);
      if (me.moving) me.moved(Object.fromEntries(together.map((one) => [one.name, { x: Math.round(one.x), y: Math.round(one.y) }])));
    }));
  }

  moveTo(n, x, y) {
    n.x = x;
    n.y = y;
    this.roomKnown = 0;
    for (const g of [n.g, n.theirs]) g?.attr("transform", `translate(${x},${y})`);
    for (const l of this.at.get(n.name)) this.lay(l);
    this.frames?.follow(n);
    for (const layer of this.layers) layer.moved?.(n);
  }

  // putBack brings what was dragged to where the drawing has it.
  putBack() {
    for (const { name, x, y } of this.lab.nodes) {
      const n = this.nodes.get(name);
      if (n && (n.x !== x || n.y !== y)) this.moveTo(n, x, y);
    }
    this.frames?.sync(this.lab);
    this.onMoving?.();
  }

  lay(l) {
    const w = wirePath(this.nodes.get(l.a), this.nodes.get(l.b), l.bend);
    l.way = w;
    l.wire.attr("d", w.d);
    l.hit.attr("d", w.d);
    l.aLabel.attr("x", w.a.x).attr("y", w.a.y);
    l.bLabel.attr("x", w.b.x).attr("y", w.b.y);
    for (const layer of this.layers) layer.laid(l);
    l.note0?.attr("x", w.mid.x).attr("y", w.mid.y);
    l.theirs?.attr("x", w.mid.x).attr("y", w.mid.y + 14);
  }

  // update patches what changed of some nodes' states.
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
    for (const layer of this.layers) touched.forEach((l) => layer.painted(l));
  }

  paint(n) {
    n.g.attr("data-state", n.state).attr("data-health", n.health || null).attr("data-ink", n.color || null)
      .attr("aria-label", `${n.letter ? `${n.letter} ` : ""}${n.name}${n.own ? ` ${n.own}` : ""}, ${n.kind}, ${n.word}${n.reason ? `: ${n.reason}` : ""}${n.host ? `, on ${n.host}` : ""}${n.by ? `, chosen by ${n.by}` : ""}${n.marks ? `. ${n.marks.join(" ")}` : ""}`);
    n.g.select(".badge path").attr("d", badgePath(n.state, n.health));
    n.g.select("title").text(`${n.name}: ${n.word}${n.reason ? `\n${n.reason}` : ""}${n.host ? `\non ${n.host}` : ""}${n.marks ? `\n${n.marks.join("\n")}` : ""}`);
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
    l.g.attr("data-up", up).attr("data-cut", l.cut ? "yes" : null);
    l.g.select("title").text(`${l.a}:${l.aif} ${l.aaddr ?? ""} – ${l.b}:${l.bif} ${l.baddr ?? ""}${l.crosses ? `\nfrom ${a.host} to ${b.host}` : ""}${{ yes: "", no: "", down: "\ndown" }[up]}${l.marks ? `\n${l.marks.join("\n")}` : ""}`);
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
    for (const l of this.at.get(name) ?? []) {
      const stays = is || this.selected === l.a || this.selected === l.b || this.link === l.id;
      l.g.classed("lit", stays);
      l.ends.classed("lit", stays);
    }
  }

  // select makes one node what the panel shows; null: nothing.
  select(name) {
    this.unpickLinks();
    this.selectLink(null);
    this.pickOnly(name ? [name] : []);
    this.show(name);
  }

  show(name) {
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

  // pick adds a node to those that are chosen, or takes it out.
  pick(name) {
    const all = new Set(this.picked);
    if (!all.delete(name)) all.add(name);
    if (this.link) this.pickLink(this.link);
    this.pickOnly([...all]);
    this.show(all.size === 1 && !this.pickedLinks.size ? [...all][0] : null);
  }

  pickOnly(names) {
    this.picked = new Set(names.filter((name) => this.nodes.has(name)));
    for (const n of this.nodes.values()) n.g.classed("picked", this.picked.size > 1 && this.picked.has(n.name));
    this.onPick?.();
    this.onChosen?.();
  }

  // selectLink makes one cable what the panel shows.
  selectLink(id) {
    const before = this.link;
    if (id) this.unpickLinks();
    if (before === (id ?? null)) return;
    this.link = null;
    if (before && this.linkOf.has(before)) {
      const l = this.linkOf.get(before);
      l.g.classed("selected", false);
      l.ends.classed("chosen", false);
      this.lit(l.a, false);
      this.lit(l.b, false);
    }
    if (id) {
      this.pickOnly([]);
      this.show(null);
      this.link = id;
      const l = this.linkOf.get(id);
      l.g.classed("selected", true).classed("lit", true);
      l.ends.classed("lit chosen", true);
    }
    this.onLink?.(this.link);
    this.onChosen?.();
  }

  // chosenLinks are the ids of the cables that are chosen.
  chosenLinks() {
    return this.link ? [this.link] : [...this.pickedLinks];
  }

  // pickLink adds a cable to what is chosen, or takes it out. The one that the panel shows becomes one of several.
  pickLink(id) {
    const before = this.link;
    this.selectLink(null);
    for (const one of before && before !== id ? [before, id] : [id]) if (!this.pickedLinks.delete(one)) this.pickedLinks.add(one);
    this.show(null);
    this.paintPicked();
  }

  unpickLinks() {
    if (!this.pickedLinks.size) return;
    this.pickedLinks.clear();
    this.paintPicked();
  }

  paintPicked() {
    for (const l of this.links) l.g.classed("picked", this.pickedLinks.has(l.id));
    this.onPick?.();
    this.onChosen?.();
  }

  node(name) {
    return this.nodes.get(name);
  }

  // focus moves the keyboard to a node, or to the one that had it.
  focus(name) {
    const n = this.nodes.get(name) ?? this.nodes.get(this.here ?? this.lab.nodes[0]?.name);
    if (n) this.glider.unhide(n);
    n?.g.node().focus({ preventScroll: true });
  }

  focused(n) {
    const before = this.here ?? this.lab.nodes[0].name;
    this.nodes.get(before)?.g.attr("tabindex", -1);
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

  toggleNames() {
    const on = !this.root.classed("names");
    this.root.classed("names", on);
    return on;
  }
}

// hostsOf are the names of the hosts that a node is on: one, or several for a segment.
const hostsOf = (n) => (n.host ? n.host.split(", ") : []);
