// The course of cables: straight when alone, bent when several join the same two nodes, a loop when both ends are one node.
// reach is from a node's middle to where its interface's name stands: beyond its body, and beyond its name below.
const reach = (dy, length) => (dy / length > 0.45 ? 62 : 44);

// curves gives each link how far it bends: 0, or a signed number of steps among its parallels.
export function curves(links) {
  const pairs = new Map();
  links.forEach((l, i) => {
    const key = [l.a, l.b].sort().join("\n");
    pairs.set(key, [...(pairs.get(key) ?? []), i]);
  });
  const bends = new Array(links.length).fill(0);
  for (const list of pairs.values()) {
    list.forEach((i, n) => {
      const side = links[i].a <= links[i].b ? 1 : -1;
      bends[i] = (n - (list.length - 1) / 2) * side;
      if (links[i].a === links[i].b) bends[i] = n + 1;
    });
  }
  return bends;
}

// wirePath is the path, the places of its labels, and the place of any part of its length from 0 to 1.
export function wirePath(p, q, bend) {
  if (p === q) {
    const r = 26 + 10 * bend;
    return { d: `M${p.x - 12},${p.y - 20}C${p.x - r},${p.y - 30 - r} ${p.x + r},${p.y - 30 - r} ${p.x + 12},${p.y - 20}`, a: { x: p.x - 30, y: p.y - 34 }, b: { x: p.x + 30, y: p.y - 34 }, mid: { x: p.x, y: p.y - 44 }, length: 0, point: () => p };
  }
  const dx = q.x - p.x;
  const dy = q.y - p.y;
  const length = Math.hypot(dx, dy) || 1;
  const off = bend * Math.min(34, length * 0.28);
  const cx = (p.x + q.x) / 2 - (dy / length) * off * 2;
  const cy = (p.y + q.y) / 2 + (dx / length) * off * 2;
  const point = (t) => ({
    x: (1 - t) * (1 - t) * p.x + 2 * t * (1 - t) * cx + t * t * q.x,
    y: (1 - t) * (1 - t) * p.y + 2 * t * (1 - t) * cy + t * t * q.y,
  });
  const ta = Math.min(0.42, reach(dy, length) / length);
  const tb = Math.min(0.42, reach(-dy, length) / length);
  return { d: off ? `M${p.x},${p.y}Q${cx},${cy} ${q.x},${q.y}` : `M${p.x},${p.y}L${q.x},${q.y}`, a: point(ta), b: point(1 - tb), mid: point(0.5), length, point };
}
