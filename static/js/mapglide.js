// How a large map moves: as one picture, which costs nothing, and drawn anew once it rests. Of what is drawn, only what is near the part that is
// seen is there; the rest comes back before it is reached.
const many = 150; // nodes above which a map glides
const ahead = 500; // pixels around what is seen within which everything is there; the style sheet's glass is as large

export class Glide {
  constructor(view) {
    Object.assign(this, { view, hidden: new Set(), gone: new Set() });
    const { svg } = view;
    this.canvas = svg.parentElement;
    this.grid = this.canvas.insertBefore(div("grid"), svg); // the dots of the paper
    this.glass = this.canvas.insertBefore(div("glass"), svg); // apart from the page, or the browser works out its layers anew at each move
    this.glass.appendChild(div("paper")).append(svg);
    this.cover = this.canvas.appendChild(div("cover")); // so that nobody looks for what is below the pointer
  }

  get large() {
    return this.view.nodes.size > many;
  }

  // paper moves the dots. They keep a distance between 18 and 36 pixels.
  paper(t) {
    let s = t.k;
    while (s < 0.75) s *= 2;
    while (s > 1.5) s /= 2;
    const step = 24 * s;
    if (step !== this.step) this.grid.style.backgroundSize = `${step}px ${step}px`;
    this.step = step;
    this.grid.style.transform = `translate(${((t.x % step) + step) % step}px,${((t.y % step) + step) % step}px)`;
  }

  // move shows the picture that was drawn at another place. It says whether that is enough.
  move(from, to) {
    const s = to.k / from.k;
    const [x, y] = [to.x - s * from.x, to.y - s * from.y];
    const { w, h } = this.view.size;
    if (x > s * ahead || y > s * ahead || s * (w + ahead) + x < w || s * (h + ahead) + y < h) return false;
    this.canvas.classList.add("gliding");
    this.glass.style.transform = `translate(${x + ahead * (1 - s)}px,${y + ahead * (1 - s)}px) scale(${s})`;
    return true;
  }

  rest() {
    this.canvas.classList.remove("gliding");
    this.canvas.classList.toggle("large", this.large);
    this.glass.style.transform = "";
  }

  // show leaves out nodes and cables that are far from what is seen; the one that has the focus stays.
  show(t, { w, h }, links, keep) {
    const near = { x0: (-ahead - t.x) / t.k, y0: (-ahead - t.y) / t.k, x1: (w + ahead - t.x) / t.k, y1: (h + ahead - t.y) / t.k };
    const out = (x0, x1, y0, y1) => this.large && (x1 < near.x0 || x0 > near.x1 || y1 < near.y0 || y0 > near.y1);
    for (const n of this.view.nodes.values()) set(this.hidden, n, [n.g], n.name !== keep && out(n.x, n.x, n.y, n.y));
    for (const l of links) {
      const [a, b] = [this.view.nodes.get(l.a), this.view.nodes.get(l.b)];
      set(this.gone, l, [l.g, l.ends, l.note0], out(Math.min(a.x, b.x), Math.max(a.x, b.x), Math.min(a.y, b.y), Math.max(a.y, b.y)));
    }
    for (const n of this.hidden) if (this.view.nodes.get(n.name) !== n) this.hidden.delete(n);
    for (const l of this.gone) if (!links.includes(l)) this.gone.delete(l);
  }

  // unhide brings a node back, so that it can have the focus.
  unhide(n) {
    set(this.hidden, n, [n.g], false);
  }
}

function set(left, one, parts, out) {
  if (left.has(one) === out) return;
  if (out) left.add(one);
  else left.delete(one);
  for (const g of parts) g?.attr("display", out ? "none" : null);
}

function div(name) {
  const e = document.createElement("div");
  e.className = name;
  return e;
}
