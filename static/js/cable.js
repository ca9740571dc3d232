// The panel about a cable: what is typed there is an edit of the document, all values of a direction together.
import { load } from "./hx.js";
import { toast } from "./toast.js";

const values = ["rate", "delay", "jitter", "loss", "duplicate", "reorder", "corrupt"];

export class Cable {
  constructor(map, doc, panel) {
    Object.assign(this, { map, doc, panel, at: doc.at });
    this.sheet = panel.sheet;
    this.sheet.addEventListener("change", (e) => this.change(e));
    this.sheet.addEventListener("submit", (e) => e.preventDefault());
    this.sheet.addEventListener("click", (e) => {
      const act = e.target.closest("[data-cable]")?.dataset.cable;
      if (act) this.act(act);
    });
    doc.on("changed", () => this.shown && this.refresh());
  }

  // show puts a cable into the panel; null leaves the panel to nodes.
  show(id) {
    this.shown = id;
    if (!id) return;
    this.panel.leaves();
    if (this.panel.open) this.panel.show("node");
    else if (innerWidth > 1000) this.panel.show("node");
    this.refresh();
  }

  // changed: nodes are in another state now, or their interfaces are; the cable may have gained or lost its carrier.
  changed(names) {
    const l = this.shown && this.map.linkOf.get(this.shown);
    if (!l || !this.panel.open || !(names.includes(l.a) || names.includes(l.b))) return;
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.refresh(), 150);
  }

  // refresh shows what is kept; a field that somebody is writing in stays as it is.
  async refresh() {
    if (!this.doc.lab.links.some((l) => l.id === this.shown)) return;
    await load(`${this.at}/link?id=${encodeURIComponent(this.shown)}`, this.sheet);
    for (const field of this.sheet.querySelectorAll("#cable-form input:not([type=checkbox])")) if (field !== document.activeElement) field.value = field.defaultValue;
  }

  form() {
    return this.sheet.querySelector("#cable-form");
  }

  change(e) {
    if (!this.shown) return;
    const field = e.target;
    if (field.dataset.end) this.plug(field);
    else if (field.name === "preset") this.preset(field);
    else if (field.name === "mtu") this.set({ mtu: field.value.trim() ? Number(field.value) : null });
    else if (field.name === "every" || field.name === "down") this.flap();
    else if (field.name?.includes(".")) {
      const [way, name] = field.name.split(".");
      const other = way === "a-to-b" ? "b-to-a" : "a-to-b";
      if (this.sheet.querySelector("#cable-both").checked) this.form().elements[`${other}.${name}`].value = field.value;
      this.set(this.impairments());
    }
  }

  impairments() {
    const of = (way) => {
      const one = {};
      for (const name of values) {
        const text = this.form().elements[`${way}.${name}`].value.trim();
        if (text) one[name] = text;
      }
      return Object.keys(one).length ? one : null;
    };
    return { "impair-a-to-b": of("a-to-b"), "impair-b-to-a": of("b-to-a") };
  }

  set(fields) {
    return this.doc.edit([{ op: "set-link", link: this.shown, fields }]).then((answer) => answer ?? this.refresh());
  }

  preset(field) {
    const { down, up } = field.selectedOptions[0].dataset;
    if (!down) return;
    const fields = { "impair-a-to-b": JSON.parse(up), "impair-b-to-a": JSON.parse(down) };
    this.set(fields).then(() => toast(`Like ${field.selectedOptions[0].text}: ${this.map.linkOf.get(this.shown)?.a} is the customer.`));
  }

  flap() {
    const { every, down } = this.form().elements;
    const value = every.value.trim() ? { every: every.value.trim(), down: down.value.trim() || "1s" } : undefined;
    this.doc.edit([{ op: "set", link: this.shown, path: ["flap"], ...(value ? { value } : {}) }]).then((answer) => answer ?? this.refresh());
  }

  // plug moves an end by the keyboard.
  async plug(field) {
    const answer = await this.doc.edit([{ op: "move-end", link: this.shown, end: field.dataset.end, to: field.value.trim() }]);
    const id = answer?.touched.links?.find((k) => this.map.linkOf.has(k));
    if (id) this.map.selectLink(id);
    else this.refresh();
  }

  act(act) {
    const { "impair-a-to-b": there, "impair-b-to-a": back } = this.impairments();
    const deaf = (way) => (way?.loss === "100%" ? without(way, "loss") : { ...way, loss: "100%" });
    if (act === "cut" || act === "mend") this.set({ cut: act === "cut" ? true : null });
    if (act === "deaf-b") this.set({ "impair-a-to-b": deaf(there) });
    if (act === "deaf-a") this.set({ "impair-b-to-a": deaf(back) });
    if (act === "perfect") this.set({ cut: null, "impair-a-to-b": null, "impair-b-to-a": null });
  }
}

// without is an object without one of its fields; null when nothing is left.
function without(object, name) {
  const { [name]: _, ...rest } = object;
  return Object.keys(rest).length ? rest : null;
}
