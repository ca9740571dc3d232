// Who else is in the lab: their initials in its head, what they have chosen on the map in their colour, and where they write in the file. The
// page's stream says what others do; what is chosen here is told by one small request, not more often than a few times a second.
import { element } from "./icon.js";

const pause = 220; // milliseconds between two choices that are told
const shown = 5; // people; the others are a number
const most = 64; // nodes, and cables, of one choice

export class Presence {
  constructor(map, at) {
    Object.assign(this, { map, at, people: new Map(), you: "", line: 0, marked: { nodes: new Map(), links: new Map() }, told: "" });
    map.onChosen = () => this.choose();
  }

  // heard takes what the stream says. you: the page has a new place in the room, and everything is told anew.
  heard({ you, people, left }) {
    if (you !== undefined) {
      this.people.clear();
      this.you = you;
      this.told = "";
      this.choose();
    }
    for (const p of people) this.people.set(p.seat, p);
    for (const seat of left ?? []) this.people.delete(seat);
    this.draw();
  }

  // lost: nobody is known to be here while the stream is away.
  lost() {
    this.people.clear();
    this.you = "";
    this.draw();
  }

  get others() {
    const me = this.people.get(this.you)?.who;
    return [...this.people.values()].filter((p) => p.who !== me);
  }

  draw() {
    this.drawHead();
    this.drawMap();
    this.onLines?.(this.others.filter((p) => p.line));
  }

  // drawHead lists everybody once, oneself last, where somebody else is here too.
  drawHead() {
    const list = document.getElementById("here");
    const me = this.people.get(this.you)?.who;
    const all = [...new Map([...this.people.values()].map((p) => [p.who, p])).values()].sort((a, b) => (a.who === me) - (b.who === me) || a.who - b.who);
    list.hidden = !this.others.length;
    const words = (p) => `${p.name}${p.guest ? ", guest" : ""}${p.who === me ? " (you)" : ""}`;
    const face = (text, title, colour) => element("li", { "data-person": colour, title }, element("span", { "aria-hidden": "true" }, text), element("span", { class: "sr" }, title));
    const rest = all.slice(shown);
    list.replaceChildren(...all.slice(0, shown).map((p) => face(initials(p.name), words(p), p.colour)), ...(rest.length ? [face(`+${rest.length}`, rest.map(words).join(", "), "more")] : []));
  }

  // drawMap outlines what others have chosen. Only what has changed is touched.
  drawMap() {
    const nodes = byThing(this.others, "nodes");
    const links = byThing(this.others, "links");
    redo(this.marked.nodes, nodes, (name, people) => this.markNode(name, people));
    redo(this.marked.links, links, (id, people) => this.markLink(id, people));
  }

  // redrawn: the map has new nodes and cables, which carry no marks yet.
  redrawn() {
    for (const name of this.marked.nodes.keys()) if (this.map.node(name) && !this.map.node(name).by) this.marked.nodes.delete(name);
    for (const id of this.marked.links.keys()) if (this.map.linkOf.has(id) && !this.map.linkOf.get(id).theirs) this.marked.links.delete(id);
    this.drawMap();
  }

  markNode(name, people) {
    const n = this.map.node(name);
    if (!n) return;
    n.by = people.map((p) => p.name).join(", ");
    n.g.selectAll(".theirs").remove();
    n.theirs?.remove();
    n.theirs = null;
    if (people.length) {
      const g = n.g.select(".grown").insert("g", ".label").attr("class", "theirs");
      people.slice(0, 3).forEach((p, i) => {
        const r = 28 + 4 * i;
        g.append("rect").attr("data-person", p.colour).attr("x", -r).attr("y", -r).attr("width", 2 * r).attr("height", 2 * r).attr("rx", 12 + 3 * i);
      });
      // The names stand outside of the node, so that they are not a part of what it is called.
      n.theirs = this.map.labels.append("g").attr("class", "theirs").attr("aria-hidden", "true").attr("transform", `translate(${n.x},${n.y})`);
      n.theirs.append("g").attr("class", "grown").append("text").attr("data-person", people[0].colour).attr("y", -33 - 4 * Math.min(people.length - 1, 2)).text(short(people));
    }
    this.map.paint(n);
  }

  markLink(id, people) {
    const l = this.map.linkOf.get(id);
    if (!l) return;
    l.theirs?.remove();
    l.theirs = null;
    l.g.attr("data-person", people[0]?.colour ?? null);
    if (!people.length) return;
    l.theirs = this.map.labels.append("text").attr("class", "theirs").attr("data-person", people[0].colour).text(short(people));
    this.map.lay(l);
  }

  // writes: the line of the file that somebody writes in here; 0: none.
  writes(line) {
    if (line === this.line) return;
    this.line = line;
    this.choose();
  }

  choose() {
    this.soon ??= setTimeout(() => {
      this.soon = null;
      this.tell();
    }, pause);
  }

  async tell() {
    if (!this.you) return;
    const { map } = this;
    const nodes = map.picked.size ? [...map.picked] : map.selected ? [map.selected] : [];
    const said = JSON.stringify({ seat: this.you, nodes: nodes.slice(0, most), links: map.chosenLinks().slice(0, most), line: this.line });
    if (said === this.told) return;
    this.told = said;
    const answer = await fetch(`${this.at}/presence`, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: said }).catch(() => null);
    if (answer?.status !== 429) return;
    this.told = "";
    setTimeout(() => this.choose(), 1000);
  }
}

// initials are two letters of a name: of its first two words, or its first two.
export function initials(name) {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const letters = words.length > 1 ? [...words[0]][0] + [...words[1]][0] : [...(words[0] ?? "?")].slice(0, 2).join("");
  return letters.toUpperCase();
}

const short = (people) => (people.length > 2 ? `${people[0].name} and ${people.length - 1}` : people.map((p) => p.name).join(", "));

// byThing turns who has chosen what into what is chosen by whom, each person once.
function byThing(people, key) {
  const all = new Map();
  for (const p of people) {
    for (const id of p[key] ?? []) {
      const list = all.get(id) ?? [];
      if (!list.some((q) => q.who === p.who)) all.set(id, [...list, p]);
    }
  }
  return all;
}

// redo draws anew what is chosen by others than before, and takes the marks off what nobody has chosen.
function redo(drawn, wanted, draw) {
  const sign = (people) => people.map((p) => `${p.who} ${p.name}`).join("\n");
  for (const id of drawn.keys()) {
    if (wanted.has(id)) continue;
    draw(id, []);
    drawn.delete(id);
  }
  for (const [id, people] of wanted) {
    if (drawn.get(id) === sign(people)) continue;
    draw(id, people);
    drawn.set(id, sign(people));
  }
}
