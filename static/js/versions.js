// The dialog of the document's past.
import { load } from "./hx.js";

// startVersions opens the list of versions, and brings one back.
export function startVersions(doc) {
  const dialog = document.getElementById("dialog");
  document.addEventListener("click", (e) => {
    const b = e.target.closest("button");
    if (b?.dataset.edit === "history") load(`${doc.at}/revisions`, dialog, "innerHTML");
    if (b?.dataset.version) for (const one of dialog.querySelectorAll("[data-version]")) one.setAttribute("aria-current", one === b);
    if (b?.dataset.restore) doc.restore(Number(b.dataset.restore)).then((answer) => answer && dialog.close());
  });
}
