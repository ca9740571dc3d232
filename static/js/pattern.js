// Patterns of nodes, and arrangements of all: the server says where to, and one edit brings it there.
import { toast } from "./toast.js";

export function startPatterns(map, doc, edit) {
  const dialog = document.getElementById("pattern");
  const form = dialog.querySelector("form");
  const shown = () => {
    for (const f of form.querySelectorAll("[data-shape]")) f.hidden = f.dataset.shape !== form.elements.shape.value;
  };
  form.elements.shape.addEventListener("change", shown);
  document.addEventListener("click", (e) => {
    const act = e.target.closest("button[data-edit]")?.dataset.edit;
    if (act === "generate") {
      shown();
      dialog.returnValue = "";
      dialog.showModal();
    }
    if (act === "tiers") arrange(map, doc, "tiers");
  });
  dialog.addEventListener("close", async () => {
    if (dialog.returnValue !== "go") return;
    const number = (name) => Number(form.elements[name].value) || 0;
    const shape = form.elements.shape.value;
    const request = { shape, count: number("count"), kind: form.elements.kind.value, hosts: number("hosts"), at: free(map) };
    if (shape === "tree") request.fanout = number("fanout");
    if (shape === "leaf-spine") request.spines = number("spines");
    const answer = await doc.ask("pattern", request);
    if (answer?.error) toast(answer.error.message, "error");
    else if (answer) {
      await edit.add(answer.ops, `${form.elements.shape.selectedOptions[0].text} of ${request.count}`);
      map.fit();
    }
  });
}

// free is the middle of the top of an empty place: below what is drawn, or where one looks.
function free(map) {
  const all = [...map.nodes.values()];
  if (!all.length) return map.centre();
  const xs = all.map((n) => n.x);
  return { x: Math.round((Math.min(...xs) + Math.max(...xs)) / 2), y: Math.max(...all.map((n) => n.y)) + 160 };
}

// arrange puts every node where the server would, as one step of undo.
export async function arrange(map, doc, as) {
  const answer = await fetch(`${doc.at}/arrangement?as=${as}`, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) {
    toast("The map could not be arranged. Try again.", "error");
    return;
  }
  const places = await answer.json();
  const moved = Object.entries(places).filter(([name, at]) => map.node(name) && (map.node(name).x !== at.x || map.node(name).y !== at.y));
  await doc.edit(moved.map(([node, at]) => ({ op: "set-position", node, at })), { words: "nodes arranged" });
  map.fit();
}
