// What is wrong with addresses, on the map: a sign at the node, the interface's name with its own sign, and the sentence where one points or is.
const sign = "M0-7.500L8 6.500H-8Z";
const bang = "M0-3V1.800M0 3.900V4";

export class MarkLayer {
  constructor(map) {
    Object.assign(this, { map, nodes: new Set(), links: new Set() });
    this.card = document.createElement("div");
    Object.assign(this.card, { className: "mark-card", hidden: true });
    map.svg.parentElement.append(this.card);
    const svg = map.svg;
    for (const name of ["pointerover", "focusin"]) svg.addEventListener(name, (e) => this.point(e));
    for (const name of ["pointerleave", "focusout"]) svg.addEventListener(name, () => (this.card.hidden = true));
    map.layers.push(this);
    this.synced();
  }

  settled() {
    if (!this.card.hidden) this.place();
  }

  laid() {}

  painted() {}

  // synced puts the signs where the drawing has them now.
  synced() {
    const { map } = this;
    const byNode = new Map();
    const byEnd = new Map();
    for (const { ends, sentence } of map.lab.marks ?? []) {
      for (const e of ends) {
        add(byNode, e.node, sentence);
        add(byEnd, `${e.node}:${e.interface}`, sentence);
      }
    }
    for (const n of this.nodes) if (!byNode.has(n.name) || map.node(n.name) !== n) this.markNode(n, null);
    for (const [name, sentences] of byNode) if (map.node(name)) this.markNode(map.node(name), sentences);
    for (const l of map.links) {
      const [a, b] = [byEnd.get(`${l.a}:${l.aif}`), byEnd.get(`${l.b}:${l.bif}`)];
      if (a || b || l.marks) this.markLink(l, a, b);
    }
  }

  markNode(n, sentences) {
    n.marks = sentences;
    const had = n.g.select(".mark-sign");
    if (sentences && had.empty()) {
      const g = n.g.select(".grown").append("g").attr("class", "mark-sign").attr("transform", "translate(21,-21)");
      g.append("path").attr("class", "plate").attr("d", sign);
      g.append("path").attr("class", "bang").attr("d", bang);
    } else if (!sentences) had.remove();
    this.nodes[sentences ? "add" : "delete"](n);
    this.map.paint(n);
  }

  markLink(l, a, b) {
    l.marks = a || b ? [...new Set([...(a ?? []), ...(b ?? [])])] : null;
    l.ends.classed("has-mark", !!l.marks);
    l.aLabel.classed("marked", !!a).text(a ? `! ${l.aif}` : l.aif);
    l.bLabel.classed("marked", !!b).text(b ? `! ${l.bif}` : l.bif);
    this.map.paintLink(l);
  }

  // point shows the sentences of what the pointer or the keyboard is at.
  point(e) {
    const { map, card } = this;
    const node = e.target.closest?.(".node");
    const thing = node ? map.node(node.dataset.name) : map.linkOf.get(e.target.closest?.(".link")?.dataset.link);
    card.hidden = !thing?.marks || map.moving;
    if (card.hidden) return;
    card.textContent = thing.marks.slice(0, 3).join(" ") + (thing.marks.length > 3 ? ` And ${thing.marks.length - 3} more.` : "");
    this.at = { place: () => (node ? thing : thing.way.mid), below: node ? 52 : 0 };
    this.place();
  }

  // place puts the card below what it is about, inside the map.
  place() {
    const { map, card, at } = this;
    const p = map.toScreen(at.place());
    const room = map.svg.clientWidth;
    const width = Math.min(320, room - 24);
    const left = Math.max(12, Math.min(p.x - width / 2, room - width - 12));
    const below = p.y + Math.max(20, at.below * (map.grown ?? 1) * map.transform.k);
    Object.assign(card.style, { left: `${left}px`, width: `${width}px`, top: `${Math.min(below, map.svg.clientHeight - card.offsetHeight - 12)}px` });
  }
}

function add(map, key, sentence) {
  const list = map.get(key);
  if (!list) map.set(key, [sentence]);
  else if (!list.includes(sentence)) list.push(sentence);
}
