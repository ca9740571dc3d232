// What gestures on the map become as edits of the lab file. Everything here is a function of the drawing: no page, no server.
const mark = "trunkline-nodes";

// arranged are edits that bring nodes into line: left, centre, right, top, middle, bottom, across, down.
export function arranged(nodes, how) {
  if (nodes.length < 2) return [];
  const axis = ["left", "centre", "right", "across"].includes(how) ? "x" : "y";
  const values = nodes.map((n) => n[axis]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const to = { left: low, top: low, right: high, bottom: high, centre: (low + high) / 2, middle: (low + high) / 2 }[how];
  const sorted = [...nodes].sort((p, q) => p[axis] - q[axis]);
  return sorted.map((n, i) => {
    const v = Math.round(to ?? low + ((high - low) * i) / (sorted.length - 1));
    return { op: "set-position", node: n.name, at: axis === "x" ? { x: v, y: Math.round(n.y) } : { x: Math.round(n.x), y: v } };
  });
}

// clip is nodes and the cables between them as text.
export function clip(map, names) {
  const chosen = new Set(names);
  const nodes = names.map((name) => map.node(name)).map(({ name, kind, image, x, y, color, group, fields }) => ({ name, kind, image, x, y, color, group, fields }));
  const links = map.links.filter((l) => chosen.has(l.a) && chosen.has(l.b)).map(({ a, aif, b, bif, mtu, cut, aToB, bToA }) => ({ a, aif, b, bif, mtu, cut, aToB, bToA }));
  return JSON.stringify({ [mark]: 1, lab: map.lab.id, nodes, links });
}

// pasted are the edits that put such a text into a lab, a little beside where it was; null for any other text.
export function pasted(text, map) {
  let from;
  try {
    from = JSON.parse(text);
  } catch {
    return null;
  }
  if (from?.[mark] !== 1 || !Array.isArray(from.nodes)) return null;
  const taken = new Set(map.nodes.keys());
  const names = new Map();
  const near = from.lab === map.lab.id ? { x: 50, y: 50 } : offset(from.nodes, map.centre());
  const ops = from.nodes.map((n) => {
    const node = freeName(n.name, taken);
    names.set(n.name, node);
    const op = { op: "add-node", node, kind: n.kind, at: { x: n.x + near.x, y: n.y + near.y } };
    if (n.image) op.image = n.image;
    if (n.fields) op.fields = n.fields;
    return op;
  });
  for (const n of from.nodes) if (n.color) ops.push({ op: "style-node", node: names.get(n.name), fields: { color: n.color } });
  for (const l of from.links ?? []) {
    const fields = {};
    if (l.mtu) fields.mtu = l.mtu;
    if (l.cut) fields.cut = true;
    if (l.aToB) fields["impair-a-to-b"] = l.aToB;
    if (l.bToA) fields["impair-b-to-a"] = l.bToA;
    ops.push({ op: "add-link", a: { node: names.get(l.a), interface: l.aif }, b: { node: names.get(l.b), interface: l.bif }, ...(Object.keys(fields).length ? { fields } : {}) });
  }
  return ops;
}

function offset(nodes, to) {
  const mid = (key) => nodes.reduce((sum, n) => sum + n[key], 0) / nodes.length;
  return { x: Math.round(to.x - mid("x")), y: Math.round(to.y - mid("y")) };
}

// freeName is the name itself, or with the next number that nobody has: r1 becomes r2, web becomes web2.
export function freeName(name, taken) {
  let free = name;
  const [, stem, number] = /^(.*?)(\d*)$/.exec(name);
  for (let i = number === "" ? 2 : Number(number) + 1; taken.has(free); i++) free = `${stem}${i}`;
  taken.add(free);
  return free;
}

// coloured are edits that give a colour to what is chosen; "" takes it.
export function coloured({ nodes, drawn }, frames, ink) {
  const color = ink || null;
  if (drawn) return [frames.notes.has(drawn) ? { op: "set-note", note: drawn, fields: { color } } : { op: "set-group", group: drawn, fields: { color } }];
  return nodes.map((node) => ({ op: "style-node", node, fields: { color } }));
}

// framed are edits that draw a frame around nodes, or take the one that is around exactly them away.
export function framed(nodes, frames) {
  if (!nodes.length) return [];
  const map = frames.map;
  const first = map.node(nodes[0]).group;
  const same = first && nodes.every((name) => map.node(name).group === first) && frames.members(first).length === nodes.length;
  if (same) return [{ op: "remove-group", group: first }];
  const id = freeName("group1", new Set(frames.groups.keys()));
  return [{ op: "set-group", group: id, fields: { label: `Group ${id.slice(5)}` } }, ...nodes.map((node) => ({ op: "style-node", node, fields: { group: id } }))];
}

// removal are edits that take away what is chosen.
export function removal({ nodes, link, drawn }, frames) {
  if (drawn) return [frames.notes.has(drawn) ? { op: "remove-note", note: drawn } : { op: "remove-group", group: drawn }];
  if (link) return [{ op: "remove-link", link }];
  return nodes.map((node) => ({ op: "remove-node", node }));
}

// noted is an edit that puts a note at a place.
export function noted(at, frames) {
  return { op: "set-note", note: freeName("note1", new Set(frames.notes.keys())), fields: { text: "Note", x: at.x, y: at.y } };
}
