// Files into nodes and out of them. Uploads go one after the other for each node, each with a bar and a way to cancel.
import { element, icon } from "./icon.js";
import { closer, toast } from "./toast.js";
import { send } from "./send.js";

export class Transfers {
  constructor(at) {
    this.at = at;
    this.queues = new Map();
    this.running = 0;
    window.addEventListener("beforeunload", (e) => this.running > 0 && e.preventDefault());
  }

  // upload puts files below folder, keeping the folders that they were dropped with.
  upload(node, files, folder = "/root/") {
    const base = folder.endsWith("/") ? folder : `${folder}/`;
    for (const { file, path } of files) {
      const before = this.queues.get(node) ?? Promise.resolve();
      const card = new Card(file.name, `to ${base}${path} in ${node}`);
      this.queues.set(node, before.then(() => this.one(node, file, base, path, card)));
    }
  }

  async one(node, file, base, path, card) {
    if (card.cancelled) return;
    const slash = path.lastIndexOf("/") + 1;
    const query = new URLSearchParams({ path: base + path.slice(0, slash), name: path.slice(slash) });
    this.running++;
    const upload = send("PUT", `${this.at}/nodes/${encodeURIComponent(node)}/files?${query}`, file, (part, done, total) => card.progress(part, done, total), { Accept: "application/json" });
    card.onCancel = upload.cancel;
    try {
      const answer = await upload.done;
      if (answer.status >= 400) throw new Error(answer.json().error.message);
      card.done(`${answer.json().path} in ${node}`);
    } catch (problem) {
      if (problem.cancelled) card.close();
      else card.failed(problem.message);
    } finally {
      this.running--;
    }
  }

  choose(node) {
    const dialog = document.getElementById("upload");
    dialog.querySelector("[data-node]").textContent = node;
    const form = dialog.querySelector("form");
    form.onsubmit = (e) => {
      e.preventDefault();
      const files = [...form.elements.files.files].map((file) => ({ file, path: file.name }));
      this.upload(node, files, form.elements.path.value);
      form.elements.files.value = "";
      dialog.close();
    };
    dialog.showModal();
  }

  fetch(node) {
    const dialog = document.getElementById("download");
    dialog.querySelector("[data-node]").textContent = node;
    const form = dialog.querySelector("form");
    const input = form.elements.path;
    form.onsubmit = async (e) => {
      e.preventDefault();
      const url = `${this.at}/nodes/${encodeURIComponent(node)}/files?${new URLSearchParams({ path: input.value })}`;
      dialog.close();
      await download(url);
    };
    dialog.showModal();
    input.setSelectionRange(input.value.length, input.value.length);
  }
}

// download asks first whether there is something, so that a wrong path is a sentence here and not a page.
async function download(url) {
  const frame = element("a", { href: url, download: "" });
  const probe = new AbortController();
  const answer = await fetch(url, { headers: { Accept: "application/json" }, signal: probe.signal }).catch(() => null);
  if (answer?.ok) {
    probe.abort();
    frame.click();
    return;
  }
  const problem = await answer?.json().catch(() => null);
  toast(problem?.error?.message ?? "Trunkline did not answer. Try again.", "error");
}

const size = (n) => (n < 1048576 ? `${(n / 1024).toFixed(0)} KiB` : `${(n / 1048576).toFixed(1)} MiB`);

// Card is one upload in the corner.
class Card {
  constructor(name, where) {
    this.bar = element("progress", { class: "progress", max: 1, value: 0, "aria-label": `Upload of ${name}` });
    this.small = element("small", {}, where);
    this.where = where;
    this.mark = element("span");
    this.mark.append(icon("upload"));
    const cancel = closer("Cancel the upload");
    this.e = element("div", { class: "toast transfer" }, this.mark, element("p", {}, element("strong", {}, name), this.small), cancel, this.bar);
    cancel.addEventListener("click", () => {
      this.cancelled = true;
      this.onCancel?.();
    });
    document.getElementById("toasts").append(this.e);
  }

  progress(part, done, total) {
    this.bar.value = part;
    this.small.textContent = part < 1 ? `${size(done)} of ${size(total)}, ${this.where}` : `Writing it ${this.where}`;
  }

  done(where) {
    this.e.classList.add("done");
    this.bar.remove();
    this.small.textContent = where;
    this.mark.replaceChildren(icon("circle-check"));
    setTimeout(() => this.close(), 8000);
  }

  failed(why) {
    this.e.classList.add("error");
    this.e.setAttribute("role", "alert");
    this.bar.remove();
    this.small.textContent = why;
    this.mark.replaceChildren(icon("alert-triangle"));
  }

  close() {
    this.e.remove();
  }
}
