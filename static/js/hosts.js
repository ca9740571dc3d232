// The pages of the compute hosts, kept up to date part by part. Forms are no parts: nobody loses what is being typed.
import { Stream } from "./stream.js";
import { morph } from "./hx.js";

export function start() {
  const parts = document.querySelector(".parts[data-events]");
  if (!parts) return;
  const live = document.getElementById("live");
  new Stream(parts.dataset.events, {
    parts(changed) {
      for (const { id, html } of changed) {
        const old = document.getElementById(id);
        if (old) morph(old, html);
      }
    },
    gone: () => location.assign("/hosts"),
  }, (state) => {
    live.dataset.live = state;
    live.textContent = { on: "", lost: "Not live: connecting again", off: "Not live" }[state];
  });
}
