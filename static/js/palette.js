// The palette: kinds of nodes that are dragged onto the map, or put there by a click or Enter.
import { element, icon } from "./icon.js";

export class Palette {
  // add is told what was chosen and where it was dropped: (kind, {x, y}).
  constructor(map, bar, add) {
    Object.assign(this, { map, bar, add });
    bar.addEventListener("click", (e) => {
      const kind = e.target.closest("[data-kind]")?.dataset.kind;
      if (kind && !this.dragged) this.add(kind, this.free());
      this.dragged = false;
    });
    bar.addEventListener("pointerdown", (e) => this.press(e));
    bar.addEventListener("keydown", (e) => this.key(e));
    // A finger scrolls a palette that has not room for all, and drags sideways out of it.
    new ResizeObserver(() => bar.classList.toggle("scrolls", bar.scrollHeight > bar.clientHeight + 1)).observe(bar);
    for (const b of bar.querySelectorAll("[data-kind]")) b.tabIndex = b === bar.querySelector("[data-kind]") ? 0 : -1;
  }

  focus() {
    this.bar.querySelector('[tabindex="0"]').focus();
  }

  key(e) {
    const all = [...this.bar.querySelectorAll("button")];
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    const at = all.indexOf(document.activeElement);
    const next = all[(at + step + all.length) % all.length];
    all.forEach((b) => (b.tabIndex = b === next ? 0 : -1));
    next.focus();
  }

  press(e) {
    const button = e.target.closest("[data-kind]");
    if (!button || e.button) return;
    this.dragged = false;
    const from = { x: e.clientX, y: e.clientY };
    const ghost = element("div", { class: "ghost" }, icon(`kind-${button.dataset.kind}`));
    button.setPointerCapture(e.pointerId);
    const move = (m) => {
      if (!this.dragged && Math.hypot(m.clientX - from.x, m.clientY - from.y) < 6) return;
      if (!this.dragged) document.body.append(ghost);
      this.dragged = true;
      Object.assign(ghost.style, { left: `${m.clientX}px`, top: `${m.clientY}px` });
    };
    const up = (m) => {
      for (const [name, f] of [["pointermove", move], ["pointerup", up], ["pointercancel", up]]) button.removeEventListener(name, f);
      ghost.remove();
      if (!this.dragged || m.type !== "pointerup") return;
      const box = this.map.svg.parentElement.getBoundingClientRect();
      const inside = m.clientX > box.left && m.clientX < box.right && m.clientY > box.top && m.clientY < box.bottom && !document.elementFromPoint(m.clientX, m.clientY)?.closest(".palette");
      if (inside) this.add(button.dataset.kind, this.map.placeOf(m));
      setTimeout(() => (this.dragged = false)); // after the click that a browser makes of this
    };
    button.addEventListener("pointermove", move);
    button.addEventListener("pointerup", up);
    button.addEventListener("pointercancel", up);
  }

  // free is a place near the middle of what is seen that no node stands on.
  free() {
    const from = this.map.centre();
    const near = (p) => [...this.map.nodes.values()].some((n) => Math.hypot(n.x - p.x, n.y - p.y) < 80);
    for (let i = 0; i < 400; i++) {
      const angle = i * 2.4;
      const r = 34 * Math.sqrt(i);
      const p = { x: Math.round(from.x + r * Math.cos(angle)), y: Math.round(from.y + r * Math.sin(angle)) };
      if (!near(p)) return p;
    }
    return from;
  }
}
