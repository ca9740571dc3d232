// The dialog of edits that do not fit together: what both began with, what it is now, and what was wanted. Nothing of either side is lost: of the
// text each place is chosen by itself, a change of the drawing is made all the same or left.
import { element, icon } from "./icon.js";

export function startClashes(doc) {
  const dialog = document.getElementById("dialog");
  doc.on("refused", (answer) => {
    if (!answer.clashes?.length) return;
    doc.heard({ revision: answer.revision, by: "" });
    const text = answer.clashes.every((c) => /^(lines? \d|the text$)/.test(c.where));
    dialog.replaceChildren(text ? ofText(dialog, answer) : ofDrawing(dialog, answer));
    if (!dialog.open) dialog.showModal();
  });
}

const pre = (text) => element("pre", { class: "diff", tabindex: "0" }, text || "nothing");
const side = (title, text) => element("div", {}, element("h4", {}, title), pre(text));
const button = (text, name, main = false) => element("button", { class: main ? "button main" : "button", type: "button", "data-clash": name }, text);

function frame(dialog, soft, body, buttons) {
  const close = element("button", { class: "tool", type: "button", "data-do": "close-dialog", "aria-label": "Close" }, icon("x"));
  return element("div", { class: "inner wide" },
    element("header", {}, element("h2", { id: "dialog-title" }, "Somebody changed the same thing"), close),
    element("div", { class: "body" }, element("p", { class: "soft" }, soft), ...body), element("footer", {}, ...buttons));
}

// ofDrawing: the change is made on what is there now, or not at all.
function ofDrawing(dialog, answer) {
  const list = answer.clashes.map((c) => element("section", { class: "clash" }, element("h3", { class: "mono" }, c.where),
    element("div", { class: "sides" }, side("Both began with", c.base), side("It is now", c.theirs), side("You wanted", c.yours))));
  const leave = button("Leave it as it is now", "theirs");
  const insist = button("Make my change all the same", "yours", true);
  leave.addEventListener("click", () => dialog.close());
  insist.addEventListener("click", () => {
    dialog.close();
    answer.again();
  });
  return frame(dialog, "Your change has not been made. Look at both.", list, answer.again ? [leave, insist] : [leave]);
}

// ofText: each place takes one side; what you wrote elsewhere is kept. Until then all that you wrote stays in the editor.
function ofText(dialog, answer) {
  const keep = button("Keep what is chosen", "keep", true);
  const chosen = answer.clashes.map(() => null);
  const way = (i, value, title, text) => {
    const input = element("input", { type: "radio", name: `clash-${i}`, value });
    input.addEventListener("change", () => {
      chosen[i] = value;
      keep.disabled = chosen.includes(null);
    });
    return element("div", {}, element("label", { class: "row" }, input, title), pre(text));
  };
  const list = answer.clashes.map((c, i) => element("fieldset", { class: "clash" }, element("legend", { class: "mono" }, c.where),
    element("div", { class: "sides" }, side("Both began with", c.base), way(i, "theirs", "It is now", c.theirs), way(i, "yours", "You wrote", c.yours))));
  keep.disabled = true;
  keep.addEventListener("click", () => {
    dialog.close();
    answer.again({ take: chosen, takeAt: answer.revision });
  });
  const later = button("Go on writing", "later");
  later.addEventListener("click", () => dialog.close());
  return frame(dialog, "What you wrote is not kept yet. Choose a side for each place; everything else that you wrote is kept as well.", list, [later, keep]);
}
