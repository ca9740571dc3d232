// Light, dark, or as the system has it. The server reads the cookie, so a page never flashes.
const order = ["", "light", "dark"];
const words = { "": "as the system has it", light: "light", dark: "dark" };

export function startTheme() {
  document.addEventListener("click", (e) => {
    if (!e.target.closest('[data-do="theme"]')) return;
    const root = document.documentElement;
    const next = order[(order.indexOf(root.dataset.theme ?? "") + 1) % order.length];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    const age = next ? 31536000 : 0;
    document.cookie = `theme=${next}; path=/; max-age=${age}; samesite=lax`;
    import("./toast.js").then(({ toast }) => toast(`Colours: ${words[next]}`));
  });
}
