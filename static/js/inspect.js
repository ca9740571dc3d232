// The panel about a node: what is changed there is an edit of the document.
export class Inspect {
  constructor(doc, panel) {
    Object.assign(this, { doc, panel });
    panel.sheet.addEventListener("change", (e) => e.target.dataset.path && panel.name && this.change(panel.name, e.target));
    panel.sheet.addEventListener("submit", (e) => e.preventDefault());
    doc.on("changed", () => panel.name && panel.open && this.refresh());
  }

  async change(node, field) {
    const { type, link, end } = field.dataset;
    const path = JSON.parse(field.dataset.path);
    const text = field.value.trim();
    let op;
    if (type === "name") op = { op: "rename-node", node, to: text };
    else if (type === "list" && link) op = { op: "set-link", link, fields: { [`addresses-${end}`]: listOf(text) } };
    else op = { op: "set", node, path, ...valueOf(type, text, field) };
    const answer = await this.doc.edit([op]);
    if (!answer) this.refresh();
    else if (type === "name" && this.panel.name === node) this.panel.selected(text);
  }

  // refresh shows what is kept; a field that somebody is writing in stays as it is.
  async refresh() {
    await this.panel.refresh();
    for (const field of this.panel.sheet.querySelectorAll("input[data-path]:not([type=checkbox])")) if (field !== document.activeElement) field.value = field.defaultValue;
  }
}

const listOf = (text) => (text ? text.split(/[\s,]+/).filter(Boolean) : null);

// valueOf is the value of an edit; nothing at all takes the field out of the file.
export function valueOf(type, text, field) {
  if (type === "bool") return field.checked ? { value: true } : {};
  if (!text) return {};
  if (type === "number") return { value: Number.isNaN(Number(text)) ? text : Number(text) };
  if (type === "numbers") return { value: listOf(text).map((v) => (Number.isNaN(Number(v)) ? v : Number(v))) };
  if (type === "list") return { value: listOf(text) };
  return { value: text };
}
