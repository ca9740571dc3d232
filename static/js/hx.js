// All that we ask of htmx beyond its attributes, so that another version touches this file only.
import { toast } from "./toast.js";

export function startHtmx() {
  const body = document.body;
  body.addEventListener("trunkline:toast", (e) => toast(e.detail.text));
  // No answer at all: say so. Answers with an error carry their own toast.
  body.addEventListener("htmx:error", (e) => {
    if (!e.detail?.ctx?.response) toast("Trunkline did not answer. Check the connection and try again.", "error");
  });
  body.addEventListener("htmx:after:swap", (e) => {
    const target = e.detail?.ctx?.target;
    const dialog = document.getElementById("dialog");
    if (target === dialog || target === "#dialog") dialog.showModal();
  });
  body.addEventListener("htmx:finally:request", (e) => {
    const form = e.detail?.ctx?.sourceElement ?? e.target;
    const ok = (e.detail?.ctx?.response?.status ?? 500) < 400;
    if (ok && form instanceof HTMLFormElement && !("stay" in form.dataset)) form.closest("dialog")?.close();
  });
}

// morph brings an element to new HTML and keeps focus, open details and scroll.
export function morph(target, html) {
  return window.htmx.swap({ target, text: html, swap: "outerMorph" });
}

// load fetches a fragment into an element.
export function load(url, target, swap = "innerMorph") {
  return window.htmx.ajax("GET", url, { target, swap });
}
