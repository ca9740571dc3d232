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

// load fetches a fragment into an element. What is asked for last is what is shown: what was asked for before is let go of.
export function load(url, target, swap = "innerMorph") {
  return ask("GET", url, target, "replace", { target, swap });
}

// loadBy is load with values that are too long for an address.
export function loadBy(values, url, target) {
  return ask("POST", url, target, "replace", { target, swap: "innerMorph", values });
}

// unload lets go of what is on its way into an element.
export function unload(target) {
  target.dispatchEvent(new CustomEvent("htmx:abort"));
}

// act asks for something to be done. Each of them is sent, one after the other.
export function act(url) {
  const toasts = document.getElementById("toasts");
  return ask("POST", url, toasts, "queue all", { target: toasts, swap: "none" });
}

// ask sends from an element, which htmx keeps a line of requests for: by itself it would drop the third of a line, whatever it is about.
function ask(method, url, source, sync, how) {
  source.setAttribute("hx-sync", sync);
  return window.htmx.ajax(method, url, { source, ...how });
}
