// Dialogs, drop-down menus, copying and asking before a form goes.
import { toast } from "./toast.js";

export function startDialogs() {
  document.addEventListener("click", (e) => {
    const opener = e.target.closest("[data-open]");
    if (opener) document.querySelector(opener.dataset.open)?.showModal();
    const doing = e.target.closest("[data-do]")?.dataset.do;
    if (doing === "help") document.getElementById("help").showModal();
    if (doing === "close-dialog") e.target.closest("dialog")?.close();
    if (e.target instanceof HTMLDialogElement) closeOutside(e);
    for (const d of document.querySelectorAll("details.drop[open]")) if (!d.contains(e.target)) d.open = false;
    const copy = e.target.closest("[data-copy]");
    if (copy) copyText(document.querySelector(copy.dataset.copy).textContent);
  });
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    for (const d of document.querySelectorAll("details.drop[open]")) {
      d.open = false;
      d.querySelector("summary").focus();
    }
  });
  document.addEventListener("submit", (e) => {
    const question = e.submitter?.dataset.confirm;
    if (question && !window.confirm(question)) e.preventDefault();
  });
}

function closeOutside(e) {
  const box = e.target.getBoundingClientRect();
  const inside = e.clientX >= box.left && e.clientX <= box.right && e.clientY >= box.top && e.clientY <= box.bottom;
  if (!inside && e.detail > 0) e.target.close();
}

// copyText uses the clipboard where the page may (https and localhost), and the older way elsewhere.
export async function copyText(text, quiet = false) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "sr";
    const focused = document.activeElement;
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    focused?.focus();
    if (!done) {
      toast("The browser does not let this page copy. Select the text and copy it yourself.", "error");
      return;
    }
  }
  if (!quiet) toast("Copied.");
}
