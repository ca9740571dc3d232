// The dialogs of the document's past and of edits that did not fit together.
import { load } from "./hx.js";
import { element } from "./icon.js";

// startVersions opens the list of versions, and brings one back.
export function startVersions(doc) {
  const dialog = document.getElementById("dialog");
  document.addEventListener("click", (e) => {
    const b = e.target.closest("button");
    if (b?.dataset.edit === "history") load(`${doc.at}/revisions`, dialog, "innerHTML");
    if (b?.dataset.version) for (const one of dialog.querySelectorAll("[data-version]")) one.setAttribute("aria-current", one === b);
    if (b?.dataset.restore) doc.restore(Number(b.dataset.restore)).then((answer) => answer && dialog.close());
  });
  doc.on("refused", (answer) => answer.clashes?.length && showClashes(dialog, doc, answer));
}

// showClashes shows both sides of what two people changed; nothing of either is lost.
function showClashes(dialog, doc, answer) {
  const side = (title, text) => element("div", {}, element("h4", {}, title), element("pre", { class: "diff", tabindex: "0" }, text || "nothing"));
  const list = answer.clashes.map((c) => element("section", { class: "clash" }, element("h3", { class: "mono" }, c.where), element("div", { class: "sides" }, side("Both began with", c.base), side("It is now", c.theirs), side("You wanted", c.yours))));
  const inner = element("div", { class: "inner wide" },
    element("header", {}, element("h2", { id: "dialog-title" }, "Somebody changed the same thing"), element("button", { class: "tool", type: "button", "data-do": "close-dialog", "aria-label": "Close" }, "×")),
    element("div", { class: "body" }, element("p", { class: "soft" }, "Your change was not kept. Look at both, and make it again where it still makes sense."), ...list),
    element("footer", {}, element("button", { class: "button main", type: "button", "data-do": "close-dialog" }, "Close")));
  dialog.replaceChildren(inner);
  dialog.showModal();
  doc.heard({ revision: answer.revision, by: "" });
}
