// The list of labs, kept up to date row by row.
import { Stream } from "./stream.js";
import { morph } from "./hx.js";

export function start() {
  const list = document.getElementById("lab-list");
  const filter = document.getElementById("lab-filter");
  const show = () => {
    const some = list.children.length > 0;
    document.getElementById("no-labs").hidden = some;
    document.getElementById("some-labs").hidden = !some;
    const wanted = filter.value.trim().toLowerCase();
    for (const row of list.children) row.hidden = !row.dataset.name.toLowerCase().includes(wanted);
  };
  const put = ({ id, html }) => {
    const old = document.getElementById(`lab-${id}`);
    if (old) {
      morph(old, html);
      return;
    }
    list.insertAdjacentHTML("afterbegin", html);
    list.firstElementChild.classList.add("fresh");
  };
  const remove = ({ id }) => {
    const row = document.getElementById(`lab-${id}`);
    if (!row) return;
    row.classList.add("leaving");
    setTimeout(() => {
      row.remove();
      show();
    }, 300);
  };
  filter.addEventListener("input", show);
  new Stream(list.dataset.events, {
    rows(rows) {
      const there = new Set(rows.map((r) => `lab-${r.id}`));
      for (const row of [...list.children]) if (!there.has(row.id)) row.remove();
      rows.forEach(put);
      show();
    },
    row(row) {
      put(row);
      show();
    },
    removed: remove,
  });
  show();
}
