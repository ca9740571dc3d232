// The buttons of the editor: undo, redo, what is chosen, what is not yet applied.
export class EditBar {
  constructor(map, doc, edit, frames, bulk) {
    Object.assign(this, { map, doc, edit, frames, bulk });
    this.bar = document.getElementById("edit-bar");
    this.chosenBar = document.getElementById("chosen-bar");
    this.pending = document.getElementById("pending");
    const actions = {
      undo: () => doc.undo(),
      redo: () => doc.redo(),
      live: () => doc.setLive(!doc.live),
      apply: () => document.getElementById("do-deploy")?.click(),
      discard: () => doc.undo(),
      remove: () => edit.remove(),
      duplicate: () => edit.clip.duplicate(),
      group: () => edit.frame(),
      note: () => edit.note(),
      fill: () => doc.fill(),
      rename: () => this.rename(),
      bulk: () => this.bulk?.show(),
    };
    document.addEventListener("click", (e) => {
      const d = e.target.closest("button[data-edit], button[data-align], button[data-ink]")?.dataset;
      if (!d) return;
      if (d.edit) actions[d.edit]?.();
      if (d.align) edit.align(d.align);
      if (d.ink !== undefined) edit.colour(d.ink);
    });
    doc.on("steps", () => this.draw());
    doc.on("plan", (plan) => this.plan(plan));
    map.onPick = () => this.draw();
    frames.onChoose = () => this.draw();
    const onLink = map.onLink;
    map.onLink = (id) => {
      onLink?.(id);
      edit.layHandles();
      this.draw();
    };
    this.draw();
  }

  rename() {
    const { nodes, drawn } = this.edit.chosen;
    if (drawn) this.frames.notes.has(drawn) ? this.edit.writeNote(drawn) : this.edit.nameGroup(drawn);
    else if (nodes.length === 1) this.edit.rename(nodes[0]);
  }

  draw() {
    const { doc } = this;
    const set = (name, usable, title) => {
      const b = this.bar.querySelector(`[data-edit="${name}"]`);
      b.disabled = !usable;
      b.title = title;
    };
    set("undo", doc.done.length, doc.done.length ? `Undo: ${doc.done.at(-1).words || "the last change"} (Ctrl+Z)` : "Nothing to undo");
    set("redo", doc.undone.length, doc.undone.length ? `Redo: ${doc.undone.at(-1).words || "what was undone"} (Ctrl+Y)` : "Nothing to redo");
    this.bar.querySelector('[data-edit="live"]').setAttribute("aria-pressed", doc.live);
    this.bar.classList.toggle("busy", doc.waiting > 0);
    const { nodes, links, drawn } = this.edit.chosen;
    this.chosenBar.hidden = !(nodes.length || links.length || drawn);
    this.chosenBar.dataset.what = drawn ? "drawn" : !nodes.length ? (links.length > 1 ? "links" : "link") : nodes.length + links.length > 1 ? "nodes" : "node";
    const several = [nodes.length && count(nodes.length, "node"), links.length && count(links.length, "cable")].filter(Boolean).join(", ");
    const one = nodes.length ? nodes[0] : links[0]?.replace(" ", " – ");
    this.chosenBar.querySelector("output").textContent = drawn ? (this.frames.notes.has(drawn) ? "Note" : "Group") : nodes.length + links.length > 1 ? several : (one ?? "");
    this.bulk?.chosen();
  }

  // plan shows what is in the file and not yet on the hosts.
  plan(steps) {
    const changes = steps.filter((s) => s.verb !== "keep" && s.verb !== "note");
    const beside = steps.filter((s) => s.verb === "keep" || s.verb === "note");
    this.pending.hidden = !changes.length;
    if (!changes.length) return;
    this.pending.querySelector("summary span").textContent = `${count(changes.length, "change")} not yet applied`;
    this.pending.querySelector("ul").replaceChildren(...[...changes.slice(0, 40), ...beside].map((s) => {
      const li = document.createElement("li");
      li.textContent = s.verb === "note" ? s.reason : s.verb === "keep" ? `${s.object}: ${s.reason}` : `${s.object}: ${s.verb}${s.reason ? `, ${s.reason}` : ""}`;
      return li;
    }));
  }
}

const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
