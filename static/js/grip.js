// A line between two parts of the page that can be dragged, or moved by arrow keys. The size is remembered.
export function grip(handle, { axis, property, key, of, min, max, changed = () => {} }) {
  const horizontal = axis === "x";
  const set = (size) => {
    const fits = Math.round(Math.max(min, Math.min(max(), size)));
    of.style.setProperty(property, `${fits}px`);
    handle.setAttribute("aria-valuenow", fits);
    changed();
    return fits;
  };
  const now = () => (horizontal ? of.offsetWidth : of.offsetHeight);
  handle.setAttribute("aria-valuemin", min);
  handle.setAttribute("aria-valuemax", Math.round(max()));
  new ResizeObserver(() => handle.setAttribute("aria-valuenow", Math.round(now()))).observe(of); // asked now, it would lay out the page once more
  const kept = Number(localStorage.getItem(key));
  if (kept) set(kept);
  handle.addEventListener("pointerdown", (e) => {
    e.preventDefault();
    handle.setPointerCapture(e.pointerId);
    handle.classList.add("active");
    const from = horizontal ? e.clientX : e.clientY;
    const size = now();
    const move = (m) => set(size + from - (horizontal ? m.clientX : m.clientY));
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", () => {
      handle.removeEventListener("pointermove", move);
      handle.classList.remove("active");
      localStorage.setItem(key, now());
      window.dispatchEvent(new Event("resize"));
    }, { once: true });
  });
  handle.addEventListener("keydown", (e) => {
    const step = { ArrowLeft: 24, ArrowUp: 24, ArrowRight: -24, ArrowDown: -24 }[e.key];
    if (!step || horizontal !== (e.key === "ArrowLeft" || e.key === "ArrowRight")) return;
    e.preventDefault();
    localStorage.setItem(key, set(now() + step));
    window.dispatchEvent(new Event("resize"));
  });
}
