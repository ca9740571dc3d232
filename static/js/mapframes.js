// What people draw around the network: notes and frames. Both are in the lab file; nothing that runs depends on them.
import { drag } from "../vendor/d3.js";

const padding = 40; // between a frame and the nodes in it
const titled = 16; // more of it above, where its name stands

export class Frames {
  // actions: noteMoved(id, fields), noteOpened(id), groupMoved(id, names), groupOpened(id).
  constructor(map, actions) {
    Object.assign(this, { map, actions, notes: new Map(), groups: new Map(), chosen: null });
    map.frames = this;
    this.sync(map.lab);
  }

  sync(lab) {
    this.lab = lab;
    keep(this.groups, lab.groups ?? [], (g) => this.drawGroup(g));
    for (const g of this.groups.values()) this.layGroup(g);
    keep(this.notes, lab.notes ?? [], (n) => this.drawNote(n));
    for (const n of this.notes.values()) this.layNote(n);
    if (this.chosen && !this.notes.has(this.chosen) && !this.groups.has(this.chosen)) this.choose(null);
  }

  drawNote(note) {
    const g = this.map.above.append("foreignObject").attr("class", "note-box").attr("data-note", note.id);
    const body = g.append("xhtml:div").attr("class", "note").attr("tabindex", 0).attr("role", "note");
    body.on("click", (e) => {
      e.stopPropagation();
      this.choose(note.id);
    }).on("focus", () => this.choose(note.id)).on("dblclick", (e) => {
      e.stopPropagation();
      this.actions.noteOpened(note.id);
    }).on("keydown", (e) => {
      if (e.key !== "Enter") return;
      e.preventDefault();
      this.actions.noteOpened(note.id);
    });
    const one = { g, body };
    if (this.map.lab.canEdit) {
      g.call(drag().clickDistance(4).subject(() => ({ x: one.data.x, y: one.data.y })).on("drag", (e) => {
        Object.assign(one.data, { x: e.x, y: e.y });
        one.moved = true;
        this.layNote(one);
      }).on("end", () => {
        if (one.moved) this.actions.noteMoved(note.id, { x: Math.round(one.data.x), y: Math.round(one.data.y) });
        one.moved = false;
      }));
    }
    return one;
  }

  layNote({ g, body, data }) {
    const width = data.width || Math.min(260, 40 + 7.2 * Math.max(...data.text.split("\n").map((l) => l.length), 4));
    g.attr("x", data.x).attr("y", data.y).attr("width", width).attr("height", data.height || 24 + 18 * lines(data.text, width));
    body.attr("data-ink", data.color || null).text(data.text);
  }

  drawGroup(group) {
    const g = this.map.ground.append("g").attr("class", "frame").attr("data-group", group.id);
    const box = g.append("rect").attr("class", "box").attr("rx", 14);
    const label = g.append("text").attr("class", "frame-grip").attr("tabindex", 0).attr("role", "button");
    label.on("click", (e) => {
      e.stopPropagation();
      this.choose(group.id);
    }).on("focus", () => this.choose(group.id)).on("dblclick", () => this.actions.groupOpened(group.id)).on("keydown", (e) => e.key === "Enter" && this.actions.groupOpened(group.id));
    const one = { g, box, label };
    if (this.map.lab.canEdit) {
      label.call(drag().clickDistance(4).on("drag", (e) => {
        one.moved = true;
        for (const n of this.members(group.id)) this.map.moveTo(n, n.x + e.dx, n.y + e.dy);
        if (one.data.width) Object.assign(one.data, { x: one.data.x + e.dx, y: one.data.y + e.dy });
        this.layGroup(one);
      }).on("end", () => {
        if (one.moved) this.actions.groupMoved(group.id, this.members(group.id), one.data);
        one.moved = false;
      }));
    }
    return one;
  }

  members(id) {
    return [...this.map.nodes.values()].filter((n) => n.group === id);
  }

  layGroup({ g, box, label, data }) {
    let b = data.width ? { x: data.x ?? 0, y: data.y ?? 0, w: data.width, h: data.height || data.width } : null;
    const all = this.members(data.id);
    if (!b && all.length) {
      const [x0, x1] = [Math.min(...all.map((n) => n.x)), Math.max(...all.map((n) => n.x))];
      const [y0, y1] = [Math.min(...all.map((n) => n.y)), Math.max(...all.map((n) => n.y))];
      b = { x: x0 - padding, y: y0 - padding - titled, w: x1 - x0 + 2 * padding, h: y1 - y0 + 2 * padding + titled + 10 };
    }
    g.attr("display", b ? null : "none").attr("data-ink", data.color || null);
    if (!b) return;
    box.attr("x", b.x).attr("y", b.y).attr("width", b.w).attr("height", b.h);
    label.attr("x", b.x + 14).attr("y", b.y + 20).text(data.label || "Group").attr("aria-label", `Group ${data.label || "without a name"}, ${all.length} nodes`);
  }

  // follow keeps the frame of a node that moves around it.
  follow(n) {
    const g = n.group && this.groups.get(n.group);
    if (g && !g.data.width) this.layGroup(g);
  }

  // choose marks a note or a frame; null: none.
  choose(id) {
    const before = this.chosen;
    this.chosen = id;
    for (const key of [before, id]) (this.notes.get(key) ?? this.groups.get(key))?.g.classed("selected", key === id);
    if (id) this.map.select(null);
    this.chosen = id;
    this.onChoose?.(id);
  }
}

// keep brings what is drawn to what there is, by id.
function keep(drawn, wanted, draw) {
  const ids = new Set(wanted.map((w) => w.id));
  for (const [id, one] of drawn) {
    if (ids.has(id)) continue;
    one.g.remove();
    drawn.delete(id);
  }
  for (const data of wanted) {
    if (!drawn.has(data.id)) drawn.set(data.id, draw(data));
    drawn.get(data.id).data = { ...data };
  }
}

const lines = (text, width) => text.split("\n").reduce((n, l) => n + Math.max(1, Math.ceil((l.length * 7.2) / (width - 24))), 0);
