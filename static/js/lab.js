// The page of one lab: map, panel, dock and stream, put together.
import { TopologyMap } from "./map.js";
import { startMapKeys } from "./mapkeys.js";
import { startLongPress } from "./longpress.js";
import { startMapDrop } from "./mapdrop.js";
import { Panel } from "./panel.js";
import { Placement } from "./placement.js";
import { Dock } from "./dock.js";
import { NodeMenu } from "./menu.js";
import { Stream } from "./stream.js";
import { Transfers } from "./transfers.js";
import { morph } from "./hx.js";
import { on } from "./shortcuts.js";
import { toast } from "./toast.js";
import { LabDocument } from "./document.js";
import { Frames } from "./mapframes.js";
import { MapEdit } from "./mapedit.js";
import { Palette } from "./palette.js";
import { EditBar } from "./editbar.js";
import { Code } from "./code.js";
import { startVersions } from "./versions.js";
import { startClashes } from "./clashes.js";
import { Cable } from "./cable.js";
import { Inspect } from "./inspect.js";
import { startPatterns, arrange } from "./pattern.js";
import { startPictures } from "./picture.js";
import { Live } from "./live.js";
import { Presence } from "./presence.js";
import { AddressLayer } from "./mapaddresses.js";
import { MarkLayer } from "./mapmarks.js";
import { Bulk } from "./bulk.js";

export function start() {
  const lab = JSON.parse(document.getElementById("lab-map").textContent);
  const at = `/labs/${lab.id}`;
  const panel = new Panel(at, document.getElementById("side")); // first: it may be open, and then the map is narrower
  const map = new TopologyMap(document.getElementById("map"), lab, { moved: (places) => keep(at, places) });
  const transfers = new Transfers(at);
  const dock = new Dock(at, document.getElementById("dock"), () => map.resized());

  const shell = (name) => {
    const node = map.node(name);
    if (!node?.container) toast(`${name} has no shell: it is a ${node?.kind ?? "segment"}.`);
    else if (!lab.canUse) toast("Only its owner or a manager of this workspace may work in the nodes of this lab.", "error");
    else if (node.state !== "running") toast(`${name} is ${node.word}. Deploy the lab first.`);
    else dock.open(name);
  };
  const details = (name) => {
    map.select(name);
    panel.node(name);
  };
  const menu = new NodeMenu(at, lab, { shell, details, upload: (n) => transfers.choose(n), download: (n) => transfers.fetch(n) });

  // A narrow screen has room for one of the two beside the map.
  const narrow = () => innerWidth <= 700;
  panel.openers.push(() => narrow() && dock.toggle(false, false));
  dock.opened = () => narrow() && panel.toggle(false, false);

  map.onOpen = (name) => {
    panel.doubled();
    shell(name);
  };
  map.onSelect = (name) => (name ? panel.selected(name) : panel.cleared());
  map.onMenu = (name, x, y) => menu.show(map.node(name), x, y);
  startMapKeys(map, { shell, details, menu });
  startLongPress(map.svg);
  startMapDrop(map, (name, files) => lab.canUse && transfers.upload(name, files));
  const doc = new LabDocument(at, lab, null);
  const cable = new Cable(map, doc, panel);
  map.onLink = (id) => cable.show(id);
  const editor = startEditor(map, doc, panel);
  if (lab.editor) {
    startCode(doc, map, at, panel);
    startVersions(doc);
    startClashes(doc);
    new Inspect(doc, panel);
  }
  new MarkLayer(map);
  const presence = new Presence(map, at);
  doc.on("changed", () => presence.redrawn());
  doc.onWrites = (line) => presence.writes(line);
  presence.onLines = (people) => doc.tell("writers", people);
  const live = new Live(map, at);
  const placement = new Placement(at, map, document.getElementById("side"));
  wireButtons({ map, panel, dock, shell, details, transfers, at, placement, doc, editor, live });

  new Stream(`${at}/events`, {
    lab({ state, html }) {
      morph(document.getElementById("lab-status"), html);
      map.labState(state);
      live.labState(state);
    },
    nodes(nodes) {
      map.update(nodes);
      panel.changed(nodes.map((n) => n.name));
      cable.changed(nodes.map((n) => n.name));
      placement.changed();
    },
    edited: (e) => doc.heard(e),
    people: (news) => presence.heard(news),
    gone: () => location.assign("/labs"),
  }, (state) => {
    showLive(state);
    if (state !== "on") presence.lost();
  });
  startPictures(at);
  window.addEventListener("resize", () => map.resized());
  performance.mark("trunkline-lab");
}

// startEditor lets whoever may change the lab change it; others see it change.
function startEditor(map, doc, panel) {
  doc.on("changed", ({ lab }) => {
    map.untouched = false; // the view stays while somebody draws
    map.sync(lab);
  });
  doc.on("unmade", () => map.putBack());
  let edit = null;
  const frames = new Frames(map, {
    noteMoved: (note, fields) => doc.edit([{ op: "set-note", note, fields }]),
    noteOpened: (id) => edit?.writeNote(id),
    groupOpened: (id) => edit?.nameGroup(id),
    groupMoved: (group, nodes, data) => doc.edit([
      ...nodes.map((n) => ({ op: "set-position", node: n.name, at: { x: Math.round(n.x), y: Math.round(n.y) } })),
      ...(data.width ? [{ op: "set-group", group, fields: { x: Math.round(data.x), y: Math.round(data.y) } }] : []),
    ]),
  });
  if (!map.lab.editor) return null;
  edit = new MapEdit(map, doc, frames);
  const bulk = new Bulk(map, doc, edit, panel);
  new EditBar(map, doc, edit, frames, bulk);
  on("b", () => bulk.several && bulk.show());
  const palette = new Palette(map, document.getElementById("palette"), (kind, at) => edit.add([{ op: "add-node", kind, at }]));
  startPatterns(map, doc, edit);
  const teach = document.getElementById("teach");
  map.onSync = () => (teach.hidden = map.nodes.size > 0);
  map.onSync();
  on("a", () => palette.focus());
  return edit;
}

// startCode puts the editor of the lab file where its lines were, once somebody looks.
function startCode(doc, map, at, panel) {
  const lines = document.getElementById("source");
  const running = () => !["stored", "stopped", "failed"].includes(map.lab.state);
  const code = new Code(doc, document.getElementById("code"), { canEdit: map.lab.canEdit, at, running });
  const open = async () => {
    if (document.getElementById("sheet-yaml").hidden || !panel.open) return;
    const now = doc.text === null ? await fetch(`${at}/document`, { headers: { Accept: "application/json" } }).then((r) => r.json()).catch(() => null) : doc;
    if (!now) {
      toast("The lab file could not be loaded. Check the connection and open it again.", "error");
      return;
    }
    await code.open(now.revision < doc.revision ? doc : now);
    lines.hidden = true;
    if (map.selected) code.reveal(map.selected);
  };
  panel.shown = open;
}

function showLive(state) {
  const live = document.getElementById("live");
  live.dataset.live = state;
  live.textContent = { on: "", lost: "Not live: connecting again", off: "Not live" }[state];
}

// keep stores where nodes were dragged to.
async function keep(at, places) {
  const answer = await fetch(`${at}/positions`, { method: "POST", headers: { "Content-Type": "application/json", Accept: "application/json" }, body: JSON.stringify(places) }).catch(() => null);
  if (answer?.ok) return;
  const problem = await answer?.json().catch(() => null);
  toast(problem?.error?.message ?? "The new place could not be stored. Check the connection.", "error");
}

function wireButtons({ map, panel, dock, shell, details, transfers, at, placement, doc, editor, live }) {
  const names = document.querySelector('[data-map="names"]');
  const addresses = new AddressLayer(map, document.querySelector('[data-map="addresses"]'));
  const actions = {
    in: () => map.zoomBy(1.4),
    out: () => map.zoomBy(1 / 1.4),
    fit: () => map.fit(),
    names: () => names.setAttribute("aria-pressed", map.toggleNames()),
    addresses: () => addresses.toggle(),
    hosts: () => placement.toggle(),
    rates: () => live.toggle(),
    async layout() {
      if (editor) {
        await arrange(map, doc, "free");
        return;
      }
      const answer = await fetch(`${at}/layout`, { method: "POST", headers: { Accept: "application/json" } }).catch(() => null);
      if (answer?.ok) map.place(await answer.json());
      else toast("The map could not be arranged. Try again.", "error");
    },
  };
  document.addEventListener("click", (e) => {
    const button = e.target.closest("button");
    if (!button) return;
    const d = button.dataset;
    if (d.map) actions[d.map]();
    if (d.do === "side") panel.toggle();
    if (d.do === "dock") dock.toggle();
    if (d.shell) shell(d.shell);
    if (d.goto) {
      details(d.goto);
      map.reveal(d.goto);
    }
    if (d.upload) transfers.choose(d.upload);
    if (d.download) transfers.fetch(d.download);
  });
  on("+", actions.in);
  on("=", actions.in);
  on("-", actions.out);
  on("0", actions.fit);
  on("i", actions.names);
  on("p", actions.addresses);
  on("h", actions.hosts);
  on("r", actions.rates);
  on("y", () => panel.show("yaml", true));
  on("/", () => document.getElementById("find-node").focus());
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey && !e.altKey && !e.metaKey && e.code === "Backquote") {
      e.preventDefault();
      dock.toggle();
    }
  });
  const find = document.getElementById("find-node");
  find.addEventListener("input", () => map.highlight(find.value));
  find.addEventListener("keydown", (e) => {
    const hit = e.key === "Enter" && map.highlight(find.value)[0];
    if (hit) {
      details(hit);
      map.reveal(hit);
      map.focus(hit);
    }
    if (e.key === "Enter" || e.key === "Escape") {
      find.value = "";
      map.highlight("");
    }
    if (e.key === "Escape") map.focus();
  });
}
