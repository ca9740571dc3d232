// The map by keyboard: arrows go to the nearest node in that direction, with Alt they move the node.
const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function startMapKeys(map, { shell, details, menu }) {
  let later = 0;
  map.svg.addEventListener("keydown", (e) => {
    const name = e.target.closest?.(".node")?.dataset.name;
    if (!name || e.ctrlKey || e.metaKey) return;
    const n = map.node(name);
    const way = ways[e.key];
    if (way && e.altKey && map.lab.canEdit) {
      map.moveTo(n, Math.round(n.x / 10 + way[0]) * 10, Math.round(n.y / 10 + way[1]) * 10);
      clearTimeout(later);
      later = setTimeout(() => map.moved({ [name]: { x: n.x, y: n.y } }), 500);
    } else if (way) {
      const next = nearest(map, n, way);
      if (next) map.focus(next.name);
    } else if (e.key === "Enter") shell(name);
    else if (e.key === " ") details(name);
    else if (e.key === "Escape") map.select(null);
    else if (e.key === "ContextMenu" || (e.key === "F10" && e.shiftKey)) {
      const box = n.g.node().getBoundingClientRect();
      menu.show(n, box.right, box.bottom);
    } else return;
    e.preventDefault();
    e.stopPropagation();
  });
}

// nearest weighs distance along the way against distance beside it.
function nearest(map, from, [wx, wy]) {
  let best = null;
  let least = Infinity;
  for (const n of map.nodes.values()) {
    const dx = n.x - from.x;
    const dy = n.y - from.y;
    const ahead = dx * wx + dy * wy;
    if (n === from || ahead <= 4) continue;
    const beside = Math.abs(dx * wy) + Math.abs(dy * wx);
    if (beside > ahead * 2.5) continue;
    const cost = ahead + 2 * beside;
    if (cost < least) [best, least] = [n, cost];
  }
  return best;
}
