// The switcher of workspaces: opened by "g w", walked by arrow keys. Other tabs of the same browser are told: they are of one session.
import { on } from "./shortcuts.js";
import { toast } from "./toast.js";

const channel = "BroadcastChannel" in window ? new BroadcastChannel("trunkline-workspace") : null;

export function startWorkspaces() {
  const switcher = document.getElementById("switcher");
  if (channel) channel.onmessage = (e) => toast(`${e.data} was chosen in another tab. Reload this page to go on there.`, "error");
  document.addEventListener("submit", (e) => {
    const name = e.target.dataset?.workspace;
    if (name && channel) channel.postMessage(name);
  });
  if (!switcher) return;
  on("g w", () => {
    switcher.open = true;
    items(switcher)[0]?.focus();
  });
  switcher.addEventListener("keydown", (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    switcher.open = true;
    const all = items(switcher);
    const now = all.indexOf(document.activeElement);
    all[now < 0 ? (step > 0 ? 0 : all.length - 1) : (now + step + all.length) % all.length]?.focus();
  });
}

const items = (switcher) => [...switcher.querySelectorAll(".menu :is(button, a)")];
