// Files dropped on a node of the map.
import { collect, hasFiles } from "./files.js";
import { toast } from "./toast.js";

export function startMapDrop(map, upload) {
  const stage = map.svg.parentElement;
  let over = null;
  const mark = (name) => {
    if (name === over) return;
    if (over) map.node(over).g.classed("drop", false);
    if (name) map.node(name).g.classed("drop", true);
    over = name;
    hint(name);
  };
  const card = document.createElement("div");
  card.className = "hint-card";
  card.hidden = true;
  stage.append(card);
  const hint = (name) => {
    const n = name && map.node(name);
    card.hidden = false;
    if (!n) card.textContent = "Drop on a node: the files go into it";
    else if (!n.container) card.textContent = `${name} has no files`;
    else card.textContent = n.state === "running" ? `Into /root/ of ${name}` : `${name} is ${n.word}: nothing can be put into it`;
  };
  const usable = (name) => {
    const n = name && map.node(name);
    return n?.container && n.state === "running";
  };
  stage.addEventListener("dragover", (e) => {
    if (!hasFiles(e.dataTransfer)) return;
    e.preventDefault();
    const name = map.under(e.clientX, e.clientY) ?? null;
    e.dataTransfer.dropEffect = usable(name) ? "copy" : "none";
    if (card.hidden) hint(name);
    mark(name);
  });
  const leave = () => {
    mark(null);
    card.hidden = true;
  };
  stage.addEventListener("dragleave", (e) => !stage.contains(e.relatedTarget) && leave());
  stage.addEventListener("drop", async (e) => {
    if (!hasFiles(e.dataTransfer)) return;
    e.preventDefault();
    const name = map.under(e.clientX, e.clientY);
    leave();
    if (!name) toast("Drop the file on a node to put it there.");
    else if (!usable(name)) toast(`${name} does not run, so nothing can be put into it.`, "error");
    else upload(name, await collect(e.dataTransfer));
  });
  // A file that misses the map must not replace the page.
  window.addEventListener("dragover", (e) => hasFiles(e.dataTransfer) && e.preventDefault());
  window.addEventListener("drop", (e) => hasFiles(e.dataTransfer) && e.preventDefault());
}
