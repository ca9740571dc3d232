// A finger that rests on a node opens what a right click does. Some browsers say "contextmenu" for it themselves; for the others this says it.
const long = 600; // milliseconds; after the browsers that do it themselves
const still = 10; // pixels that a resting finger may wander

export function startLongPress(svg) {
  let timer = 0;
  let from = null; // where the finger rests
  let opened = false;
  const stop = () => {
    clearTimeout(timer);
    from = null;
  };
  svg.addEventListener("pointerdown", (e) => {
    stop();
    opened = false;
    if (e.pointerType !== "touch" || !e.isPrimary || !e.target.closest(".node")) return;
    from = { x: e.clientX, y: e.clientY };
    timer = setTimeout(() => e.target.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, cancelable: true, clientX: e.clientX, clientY: e.clientY })), long);
  }, { capture: true });
  svg.addEventListener("pointermove", (e) => from && Math.hypot(e.clientX - from.x, e.clientY - from.y) > still && stop(), { capture: true });
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, stop, { capture: true });
  svg.addEventListener("contextmenu", () => {
    opened = from !== null;
    stop();
  }, { capture: true });
  // Nothing is dragged by a finger that rests or has opened the menu, and lifting it is no click.
  svg.addEventListener("touchmove", (e) => (from || opened) && e.stopPropagation(), { capture: true, passive: true });
  svg.addEventListener("touchend", (e) => opened && e.cancelable && e.preventDefault(), { capture: true, passive: false });
}
