// What nodes and cables look like. Colour comes from the style sheet by data-state; the badge adds a shape for each state.
import { iconURL } from "./icon.js";

const half = 23;

// badges: strokes on a plate of 8 units radius.
const badges = {
  running: "M-3.200 .2L-1 2.400 3.300-2.200",
  paused: "M-1.800-2.800V2.800M1.800-2.800V2.800",
  stopped: "M-2.300-2.300H2.300V2.300H-2.300Z",
  exited: "M-2.600-2.600L2.600 2.600M2.600-2.600L-2.600 2.600",
  failed: "M0-3.600V.6M0 3.200V3.300",
  unhealthy: "M0-3.600V.6M0 3.200V3.300",
  waiting: "M0-3V0L2.200 1.600",
  creating: "M3.200 0A3.200 3.200 0 1 1 0-3.200",
  starting: "M3.200 0A3.200 3.200 0 1 1 0-3.200",
  removing: "M3.200 0A3.200 3.200 0 1 1 0-3.200",
};

export const badgePath = (state, health) => badges[health === "unhealthy" ? health : state] ?? "";

export function drawNode(parent, n) {
  const outer = parent.append("g").attr("class", "node").attr("role", "button").attr("data-name", n.name).attr("data-kind", n.kind)
    .attr("transform", `translate(${n.x},${n.y})`);
  outer.append("title");
  const g = outer.append("g").attr("class", "grown");
  g.append("rect").attr("class", "halo").attr("x", -half - 4).attr("y", -half - 4).attr("width", 2 * half + 8).attr("height", 2 * half + 8).attr("rx", 15);
  shape(g, n.kind);
  g.append("use").attr("class", "glyph").attr("href", iconURL(`kind-${n.kind}`)).attr("x", -13).attr("y", -13).attr("width", 26).attr("height", 26);
  const badge = g.append("g").attr("class", "badge").attr("transform", `translate(${half - 3},${half - 3})`);
  badge.append("circle").attr("class", "plate").attr("r", 8);
  badge.append("path");
  const host = g.append("g").attr("class", "host-mark").attr("transform", `translate(${-half + 1},${-half + 1})`);
  host.append("rect").attr("class", "plate").attr("x", -8).attr("y", -8).attr("width", 16).attr("height", 16).attr("rx", 4);
  host.append("text").attr("y", 0.5);
  g.append("text").attr("class", "label").attr("y", half + 7).text(n.name);
  return outer;
}

// shape: routers are round, as on any whiteboard; segments flat; all else a rounded square.
function shape(g, kind) {
  if (kind === "router") g.append("circle").attr("class", "body").attr("r", half + 1);
  else if (kind === "lan") g.append("rect").attr("class", "body").attr("x", -half - 4).attr("y", -half + 5).attr("width", 2 * half + 8).attr("height", 2 * half - 10).attr("rx", 18);
  else g.append("rect").attr("class", "body").attr("x", -half).attr("y", -half).attr("width", 2 * half).attr("height", 2 * half).attr("rx", kind === "switch" || kind === "external" ? 6 : 11);
}

export function drawLink(wires, labels, l) {
  const g = wires.append("g").attr("class", "link").attr("data-link", l.id);
  g.append("title");
  const wire = g.append("path").attr("class", "wire");
  const hit = g.append("path").attr("class", "hit");
  const ends = labels.append("g").attr("class", "ends");
  const aLabel = ends.append("text").text(l.aif);
  const bLabel = ends.append("text").text(l.bif);
  const note = l.note ? labels.append("text").attr("class", "note-text").text(l.note) : null;
  g.on("pointerenter", () => ends.classed("lit", true)).on("pointerleave", () => ends.classed("lit", g.classed("lit")));
  return { g, wire, hit, ends, aLabel, bLabel, note };
}

// letterOf is A to Z, then AA, AB and so on.
export function letterOf(i) {
  return (i >= 26 ? letterOf(Math.floor(i / 26) - 1) : "") + String.fromCharCode(65 + (i % 26));
}
