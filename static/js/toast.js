// Short messages in the corner. Errors stay until they are closed; what is said again stands there once.
import { element, icon } from "./icon.js";

const box = () => document.getElementById("toasts");

export function toast(text, kind = "info") {
  const e = element("div", { class: `toast ${kind}`, role: kind === "error" ? "alert" : null },
    icon(kind === "error" ? "alert-triangle" : "info-circle"), element("p", {}, text), closer());
  for (const old of box().querySelectorAll(`.toast.${kind}:not(.transfer)`)) if (old.textContent === e.textContent) old.remove();
  box().append(e);
  keepFew();
  return e;
}

export function closer(label = "Close") {
  const b = element("button", { class: "tool", type: "button", "data-do": "close-toast", "aria-label": label });
  b.append(icon("x"));
  return b;
}

function keepFew() {
  const all = [...box().querySelectorAll(".toast:not(.transfer, .lasting)")];
  for (const old of all.slice(0, -4)) old.remove();
}

export function startToasts() {
  document.addEventListener("click", (e) => e.target.closest('[data-do="close-toast"]')?.closest(".toast")?.remove());
  const fade = (e) => {
    if (e.matches?.(".toast:not(.error, .transfer)")) setTimeout(() => e.remove(), 6000);
  };
  for (const e of box().children) fade(e);
  new MutationObserver((list) => list.forEach((m) => m.addedNodes.forEach(fade))).observe(box(), { childList: true });
}
