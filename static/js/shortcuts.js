// One listener for all keys. A page registers its own with on().
const keys = new Map();
let first = "";

// on registers a key such as "y", "?" or "g l". when says whether it counts now.
export function on(key, run, when = () => true) {
  keys.set(key, { run, when });
}

// typing says that a key belongs to a field or a terminal.
export function typing(target) {
  return !!target.closest?.('input, textarea, select, [contenteditable="true"], .xterm');
}

export function startShortcuts() {
  on("?", () => document.getElementById("help").showModal());
  on("g l", () => location.assign("/labs"));
  on("n", () => location.assign("/labs/new"));
  document.addEventListener("keydown", (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || document.querySelector("dialog[open]")) return;
    const known = keys.get(first ? `${first} ${e.key}` : e.key) ?? keys.get(e.key);
    first = e.key === "g" ? "g" : "";
    if (!known || !known.when(e)) return;
    e.preventDefault();
    known.run(e);
  });
}
