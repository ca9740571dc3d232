// New lab: three tabs, and an upload with a bar. Folders keep their paths.
import { collect } from "./files.js";
import { toast } from "./toast.js";
import { send } from "./send.js";

export function start() {
  startTabs();
  const form = document.getElementById("upload-form");
  if (form) startUpload(form);
  const yaml = document.getElementById("yaml");
  yaml?.addEventListener("keydown", (e) => {
    if (e.key !== "Tab" || e.shiftKey || e.ctrlKey || e.altKey) return;
    e.preventDefault();
    yaml.setRangeText("  ", yaml.selectionStart, yaml.selectionEnd, "end");
  });
}

function startTabs() {
  const tabs = [...document.querySelectorAll('.tabs [role="tab"]')];
  const choose = (tab) => {
    for (const t of tabs) {
      const on = t === tab;
      t.setAttribute("aria-selected", on);
      t.tabIndex = on ? 0 : -1;
      document.getElementById(t.getAttribute("aria-controls")).hidden = !on;
    }
  };
  for (const t of tabs) {
    t.addEventListener("click", () => choose(t));
    t.addEventListener("keydown", (e) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
      if (!step) return;
      const next = tabs[(tabs.indexOf(t) + step + tabs.length) % tabs.length];
      choose(next);
      next.focus();
    });
  }
}

function startUpload(form) {
  const zone = document.getElementById("drop-zone");
  const picked = document.getElementById("picked");
  let files = [];
  const take = (list) => {
    files = list;
    const size = list.reduce((sum, f) => sum + f.file.size, 0);
    picked.textContent = list.length === 1 ? list[0].path : `${list.length} files, ${(size / 1024).toFixed(0)} KiB`;
  };
  for (const id of ["pick-files", "pick-folder"]) {
    const input = document.getElementById(id);
    input.addEventListener("change", () => take([...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }))));
  }
  for (const name of ["dragenter", "dragover"]) {
    zone.addEventListener(name, (e) => {
      e.preventDefault();
      zone.classList.add("over");
    });
  }
  zone.addEventListener("dragleave", (e) => !zone.contains(e.relatedTarget) && zone.classList.remove("over"));
  zone.addEventListener("drop", async (e) => {
    e.preventDefault();
    zone.classList.remove("over");
    take(await collect(e.dataTransfer));
    if (files.length) go();
  });
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    if (files.length) go();
    else toast("Choose a file first, or drop one on the field.", "error");
  });

  function go() {
    const body = new FormData();
    for (const { file, path } of stripped(files)) body.append("files", file, path);
    const query = new URLSearchParams({ name: form.elements.name?.value ?? "", images: form.elements.images?.value ?? "" });
    const bar = document.getElementById("upload-progress");
    const cancel = document.getElementById("upload-cancel");
    bar.hidden = cancel.hidden = false;
    const upload = send("POST", `${form.getAttribute("action")}?${query}`, body, (part) => (bar.value = part), { "HX-Request": "true" });
    cancel.onclick = () => upload.cancel();
    upload.done
      .then(({ redirect, html }) => (redirect ? location.assign(redirect) : replacePage(html)))
      .catch((problem) => problem.cancelled || toast(problem.message, "error"))
      .finally(() => (bar.hidden = cancel.hidden = true));
  }
}

// replacePage shows an answer that is a page with the form's mistakes.
function replacePage(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  document.getElementById("main").replaceChildren(...page.getElementById("main").childNodes);
  window.htmx.process(document.getElementById("main"));
  start();
  window.scrollTo(0, 0);
  document.querySelector('[role="alert"]')?.focus();
}

// stripped takes the folder's own name off, when all files are in one folder.
function stripped(files) {
  const top = files[0].path.split("/")[0] + "/";
  const all = files.every((f) => f.path.startsWith(top));
  return all ? files.map((f) => ({ file: f.file, path: f.path.slice(top.length) })) : files;
}
