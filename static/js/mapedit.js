// Gestures that change the lab: connect, move an end, choose many, name, colour, align, copy, remove. Every one of them is an edit of the
// document, so every one can be undone. The keyboard can do all that the mouse can.
import { wirePath } from "./wire.js";
import { element } from "./icon.js";
import { toast } from "./toast.js";
import { typing } from "./shortcuts.js";
import { Clip } from "./clip.js";
import { arranged, coloured, framed, removal, noted } from "./mapops.js";

const fingers = matchMedia("(pointer: coarse)");

// unwritten says that nothing was typed into a field of the panel since it was kept: what is undone then is what was kept.
const unwritten = (field) => !!field.closest("#sheet-node") && (!field.matches("input:not([type=checkbox])") || field.value === field.defaultValue);

export class MapEdit {
  constructor(map, doc, frames) {
    Object.assign(this, { map, doc, frames, connecting: null });
    this.rubber = map.above.append("path").attr("class", "rubber").attr("display", "none");
    this.box = map.above.append("rect").attr("class", "marquee").attr("display", "none");
    this.plug = map.above.append("g").attr("class", "handle plug").attr("display", "none");
    this.plug.append("circle").attr("r", 9);
    this.plug.append("path").attr("d", "M-4 0H4M0-4V4");
    this.plug.append("title").text("Drag to another node to connect (c)");
    this.ends = ["a", "b"].map((end) => {
      const g = map.above.append("g").attr("class", "handle end").attr("data-end", end).attr("display", "none");
      g.append("circle").attr("r", 8);
      g.append("title").text("Drag to another node to move this end of the cable");
      return g;
    });
    map.dots.on("pointerover.edit", (e) => this.offer(e.target.closest?.(".node")?.dataset.name));
    map.svg.addEventListener("pointerdown", (e) => this.press(e), { capture: true });
    map.field.on("click.edit", (e) => (e.target === map.svg || e.target === map.svg.parentElement) && frames.choose(null));
    map.svg.addEventListener("keydown", (e) => this.nodeKey(e), { capture: true });
    document.addEventListener("keydown", (e) => this.key(e));
    this.clip = new Clip(map, doc, this);
    map.onMoving = () => this.layHandles();
    map.layers.push({ synced: () => this.layHandles(), settled: () => this.layHandles(), laid() {}, painted() {} });
    map.moved = (places) => this.doc.edit(Object.entries(places).map(([node, at]) => ({ op: "set-position", node, at })));
  }

  // offer shows the handle for a new cable beside a node.
  offer(name) {
    if (!name || this.connecting) return;
    this.at = name;
    this.layHandles();
  }

  layHandles() {
    const n = this.map.node(this.at);
    const size = 23 * (this.map.grown ?? 1);
    // However far the map is, a handle is large enough for the mouse, and for a finger where there are fingers.
    const larger = Math.max(1, (fingers.matches ? 1.6 : 0.9) / (this.map.transform?.k ?? 1));
    this.plug.attr("display", n ? null : "none");
    if (n) this.plug.attr("transform", `translate(${n.x + size + 11 * larger},${n.y - 6}) scale(${larger})`);
    const l = this.map.linkOf.get(this.map.link);
    for (const g of this.ends) {
      g.attr("display", l ? null : "none");
      if (l) {
        const p = l.way[g.attr("data-end")];
        g.attr("transform", `translate(${p.x},${p.y}) scale(${larger})`);
      }
    }
  }

  press(e) {
    if (e.button || this.connecting) return;
    const handle = e.target.closest(".handle");
    if (handle) this.startCable(e, handle);
    else if (e.shiftKey && !e.target.closest(".node, .link, .note-box, .frame-grip")) this.startBox(e);
  }

  // startCable draws a cable from a node, or from the other end of the one whose end was taken.
  startCable(e, handle) {
    const l = handle.classList.contains("end") ? this.map.linkOf.get(this.map.link) : null;
    const end = handle.dataset.end;
    const from = l ? l[end === "a" ? "b" : "a"] : this.at;
    if (!this.map.node(from)) return;
    e.preventDefault();
    e.stopPropagation();
    this.follow(e, (place, name) => this.stretch(from, place, name), (name) => {
      this.unstretch();
      if (name && l) this.moveEnd(l, end, name);
      else if (name) this.connect(from, name);
    }, "Let the cable go on a node: here is none.");
  }

  // follow tracks one pointer until it is lifted; Escape leaves all as it was. Over nothing the words say what was missing.
  follow(e, move, up, words = "") {
    const svg = this.map.svg;
    svg.setPointerCapture(e.pointerId);
    const nameAt = (m) => this.map.under(m.clientX, m.clientY) ?? null;
    const moved = (m) => m.pointerId === e.pointerId && move(this.map.placeOf(m), nameAt(m), m);
    const done = (m) => {
      if (m.pointerId !== e.pointerId && m.key !== "Escape") return;
      m.stopPropagation(); // an Escape is used up by this
      svg.removeEventListener("pointermove", moved);
      svg.removeEventListener("pointerup", done);
      svg.removeEventListener("pointercancel", done);
      window.removeEventListener("keydown", done, true);
      const name = m.type === "pointerup" ? nameAt(m) : null;
      if (words && !name && m.type === "pointerup" && Math.hypot(m.clientX - e.clientX, m.clientY - e.clientY) > 30) toast(words);
      up(name, m);
    };
    window.addEventListener("keydown", done, true);
    svg.addEventListener("pointermove", moved);
    svg.addEventListener("pointerup", done);
    svg.addEventListener("pointercancel", done);
  }

  stretch(from, place, over) {
    const to = this.map.node(over);
    this.rubber.attr("display", null).attr("d", wirePath(this.map.node(from), to ?? place, 0).d).classed("meets", !!to);
    this.markTarget(over);
  }

  unstretch() {
    this.rubber.attr("display", "none");
    this.markTarget(null);
  }

  markTarget(name) {
    if (this.target) this.map.node(this.target)?.g.classed("drop", false);
    this.target = name;
    if (name) this.map.node(name)?.g.classed("drop", true);
  }

  async connect(a, b) {
    if (a === b) {
      toast(`A cable from ${a} leads to another node. Let it go there.`);
      return;
    }
    const answer = await this.doc.edit([{ op: "add-link", a: { node: a }, b: { node: b } }]);
    const id = answer?.touched.links?.[0];
    if (id && this.map.linkOf.has(id)) this.map.selectLink(id);
  }

  // moveEnd plugs an end into another node; the cable keeps all else that it has.
  async moveEnd(l, end, name) {
    if (name === l[end]) return;
    const answer = await this.doc.edit([{ op: "move-end", link: l.id, end, to: name }]);
    const id = answer?.touched.links?.find((k) => this.map.linkOf.has(k));
    if (id) this.map.selectLink(id);
  }

  startBox(e) {
    e.preventDefault();
    e.stopPropagation();
    const from = this.map.placeOf(e);
    const before = [...this.map.picked];
    this.follow(e, (to) => {
      const [x0, x1, y0, y1] = [Math.min(from.x, to.x), Math.max(from.x, to.x), Math.min(from.y, to.y), Math.max(from.y, to.y)];
      this.box.attr("display", null).attr("x", x0).attr("y", y0).attr("width", x1 - x0).attr("height", y1 - y0);
      const inside = [...this.map.nodes.values()].filter((n) => n.x >= x0 && n.x <= x1 && n.y >= y0 && n.y <= y1).map((n) => n.name);
      this.map.selectLink(null);
      this.map.show(null);
      this.map.pickOnly([...new Set([...before, ...inside])]);
    }, () => {
      this.box.attr("display", "none");
      if (this.map.picked.size === 1) this.map.select([...this.map.picked][0]);
    });
  }

  // nodeKey is a key on a node: while a cable is being drawn by keyboard, the arrows choose where to.
  nodeKey(e) {
    const name = e.target.closest?.(".node")?.dataset.name;
    if (!name || e.ctrlKey || e.metaKey || e.altKey) return;
    if (this.connecting) {
      if (e.key === "Enter" || e.key === " ") this.endConnect(name);
      else if (e.key === "Escape") this.endConnect(null);
      else {
        requestAnimationFrame(() => this.connecting && this.stretch(this.connecting, this.map.node(this.map.here), this.map.here));
        return;
      }
    } else if (e.key === "c") {
      this.connecting = name;
      toast(`A cable from ${name}: go to a node with the arrow keys and press Enter. Escape leaves it.`);
    } else if (e.key === "F2") this.rename(name);
    else if (e.key === "x") this.map.pick(name);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  endConnect(to) {
    const from = this.connecting;
    this.connecting = null;
    this.unstretch();
    if (to && from) this.connect(from, to);
  }

  key(e) {
    const command = e.ctrlKey || e.metaKey;
    const key = e.key.toLowerCase();
    if ((typing(e.target) && !(command && "zy".includes(key) && unwritten(e.target))) || document.querySelector("dialog[open]")) return;
    if (e.key === "Escape") this.unchoose();
    else if (command && key === "z") this.doc[e.shiftKey ? "redo" : "undo"]();
    else if (command && key === "y") this.doc.redo();
    else if (command && key === "a") this.map.pickOnly([...this.map.nodes.keys()]);
    else if (command && key === "d") this.clip.duplicate();
    else if (command && key === "g") this.frame();
    else if (!command && (e.key === "Delete" || e.key === "Backspace")) this.remove();
    else if (!command && !e.altKey && key === "t") this.note();
    else return;
    e.preventDefault();
  }

  unchoose() {
    this.map.select(null);
    this.frames.choose(null);
  }

  // chosen is what the next command is about: nodes, or one cable, note or frame.
  get chosen() {
    const nodes = this.map.picked.size ? [...this.map.picked] : this.map.selected ? [this.map.selected] : [];
    return { nodes, link: this.map.link, links: this.map.chosenLinks(), drawn: this.frames.chosen };
  }

  remove() {
    return this.doc.edit(removal(this.chosen, this.frames));
  }

  align(how) {
    return this.doc.edit(arranged([...this.map.picked].map((name) => this.map.node(name)), how));
  }

  colour(ink) {
    return this.doc.edit(coloured(this.chosen, this.frames, ink));
  }

  frame() {
    return this.doc.edit(framed(this.chosen.nodes, this.frames));
  }

  async note() {
    const answer = await this.doc.edit([noted(this.map.centre(), this.frames)]);
    const id = answer && [...this.frames.notes.keys()].at(-1);
    if (id) this.writeNote(id);
  }

  // rename puts a field where the name is.
  rename(name) {
    const n = this.map.node(name);
    if (n) this.field(n.g.select(".label").node().getBoundingClientRect(), name, (to) => to !== name && this.doc.edit([{ op: "rename-node", node: name, to }]));
  }

  nameGroup(id) {
    const g = this.frames.groups.get(id);
    this.field(g.label.node().getBoundingClientRect(), g.data.label ?? "", (label) => this.doc.edit([{ op: "set-group", group: id, fields: { label } }]));
  }

  writeNote(id) {
    const n = this.frames.notes.get(id);
    this.field(n.body.node().getBoundingClientRect(), n.data.text, (text) => (text.trim() ? this.doc.edit([{ op: "set-note", note: id, fields: { text } }]) : this.doc.edit([{ op: "remove-note", note: id }])), "textarea");
  }

  // field is written over the map; Enter (of a text, with Ctrl) takes it, Escape leaves all as it was.
  field(over, value, take, kind = "input") {
    const canvas = this.map.svg.parentElement.getBoundingClientRect();
    const back = document.activeElement;
    const input = element(kind, { class: "over-map", "aria-label": kind === "input" ? "Name" : "Text", spellcheck: "false", autocomplete: "off" });
    input.value = value;
    Object.assign(input.style, { left: `${over.left - canvas.left - 8}px`, top: `${over.top - canvas.top - 6}px`, width: `${Math.max(130, over.width + 40)}px` });
    if (kind === "textarea") input.style.height = `${Math.max(70, over.height + 12)}px`;
    let over0 = false;
    const end = (keep) => {
      if (over0) return;
      over0 = true;
      input.remove();
      back?.focus?.({ preventScroll: true });
      if (keep && input.value.trim() !== value.trim()) take(input.value.trim());
    };
    input.addEventListener("keydown", (e) => {
      e.stopPropagation();
      if (e.key === "Escape") end(false);
      else if (e.key === "Enter" && (kind === "input" || e.ctrlKey || e.metaKey)) end(true);
    });
    input.addEventListener("blur", () => end(true));
    this.map.svg.parentElement.append(input);
    input.focus();
    input.select();
  }

  // add makes nodes and chooses them.
  async add(ops, words) {
    const answer = await this.doc.edit(ops, { words });
    const fresh = answer?.touched.nodes?.filter((name) => this.map.node(name)) ?? [];
    if (fresh.length === 1) this.map.select(fresh[0]);
    else if (fresh.length) this.map.pickOnly(fresh);
    return fresh;
  }
}
