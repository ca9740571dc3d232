// What gestures on the map become as edits of the lab file. Everything here is a function of the drawing: no page, no server.

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
export function removal({ nodes, links, drawn }, frames) {
  if (drawn) return [frames.notes.has(drawn) ? { op: "remove-note", note: drawn } : { op: "remove-group", group: drawn }];
  return [...links.map((link) => ({ op: "remove-link", link })), ...nodes.map((node) => ({ op: "remove-node", node }))];
}

// noted is an edit that puts a note at a place.
export function noted(at, frames) {
  return { op: "set-note", note: freeName("note1", new Set(frames.notes.keys())), fields: { text: "Note", x: at.x, y: at.y } };
}
