// The panel about several nodes and cables: one field changes in all of them, as one step of undo. What is not touched stays as it is in each.
import { valueOf } from "./inspect.js";
import { loadBy } from "./hx.js";

const ways = [["aToB", "impair-a-to-b"], ["bToA", "impair-b-to-a"]];

export class Bulk {
  constructor(map, doc, edit, panel) {
    Object.assign(this, { map, doc, edit, panel, sheet: panel.sheet });
    this.sheet.addEventListener("change", (e) => this.form && this.change(e.target));
    this.sheet.addEventListener("submit", (e) => e.preventDefault());
    doc.on("changed", () => this.form && this.refresh());
    panel.openers.push(() => this.chosen());
  }

  get form() {
    return this.sheet.querySelector("#bulk-form");
  }

  // several says that what is chosen is for this panel.
  get several() {
    const { nodes, links } = this.edit.chosen;
    return nodes.length + links.length > 1;
  }

  // chosen: another choice was made. An open panel follows it.
  chosen() {
    clearTimeout(this.soon);
    if (this.several) this.soon = setTimeout(() => this.panel.open && this.refresh(), 180);
  }

  // show brings the panel to the front.
  show() {
    this.panel.leaves();
    this.panel.show("node");
    return this.refresh().then(() => this.form?.querySelector("input, select")?.focus());
  }

  async refresh() {
    clearTimeout(this.soon);
    if (!this.several) return;
    this.panel.leaves();
    const { nodes, links } = this.edit.chosen;
    const focused = this.sheet.contains(document.activeElement) ? document.activeElement : null;
    await loadBy({ nodes: nodes.join("\n"), links: links.join("\n") }, `${this.doc.at}/bulk`, this.sheet);
    for (const field of this.sheet.querySelectorAll("[data-bulk]")) {
      if (field.type === "checkbox") {
        field.indeterminate = "mixed" in field.dataset;
        field.checked = field.hasAttribute("checked");
      } else if (field.tagName === "INPUT" && field !== focused) field.value = field.defaultValue;
    }
  }

  async change(field) {
    if (field.dataset.new) {
      this.addLabel();
      return;
    }
    const name = field.dataset.bulk;
    if (!name) return;
    const { nodes, links } = this.edit.chosen;
    const ofNodes = field.closest("fieldset").dataset.of === "nodes";
    const ops = ofNodes ? nodes.map((node) => nodeOp(node, name, field)) : links.map((id) => this.linkOp(id, name, field));
    const words = `${field.labels[0]?.textContent ?? name} of ${ofNodes ? `${nodes.length} nodes` : `${links.length} cables`}`;
    if (!(await this.doc.edit(ops, { words }))) this.refresh();
  }

  // addLabel puts a label on all nodes, once it has a name and a value.
  async addLabel() {
    const [key, value] = ["key", "value"].map((name) => this.form.querySelector(`[data-new="${name}"]`));
    if (!key.value.trim() || !value.value.trim()) return;
    const { nodes } = this.edit.chosen;
    const ops = nodes.map((node) => ({ op: "set", node, path: ["labels", key.value.trim()], value: value.value.trim() }));
    if (!(await this.doc.edit(ops, { words: `label ${key.value.trim()} of ${nodes.length} nodes` }))) return;
    key.value = value.value = "";
  }

  linkOp(link, name, field) {
    const text = field.value.trim();
    if (name === "cut") return { op: "set-link", link, fields: { cut: field.checked || null } };
    if (name === "mtu") return { op: "set-link", link, fields: { mtu: text ? Number(text) : null } };
    const l = this.map.linkOf.get(link);
    const fields = {};
    for (const [key, way] of ways) {
      const one = { ...l?.[key] };
      if (text) one[name] = text;
      else delete one[name];
      fields[way] = Object.keys(one).length ? one : null;
    }
    return { op: "set-link", link, fields };
  }
}

function nodeOp(node, name, field) {
  const text = field.value.trim();
  if (name === "group") return { op: "style-node", node, fields: { group: text || null } };
  const path = name.startsWith("label.") ? ["labels", name.slice(6)] : [name];
  return { op: "set", node, path, ...valueOf(field.dataset.type, text, field) };
}
