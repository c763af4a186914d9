// Charts and graphs, drawn as SVG.

import { h, svg } from "./dom.js";
import { number } from "./format.js";

/** Return bars: `bars` are [title, value, failed], oldest first. */
export function bars(title, entries, { height = 150 } = {}) {
  const width = Math.min(1160, window.innerWidth - 60), left = 44, bottom = 18, top = 8;
  const most = Math.max(1, ...entries.map(([, value]) => value));
  const step = (width - left) / Math.max(1, entries.length);
  const scale = (height - bottom - top) / most;
  const base = height - bottom;
  const total = entries.reduce((sum, [, value]) => sum + value, 0);
  return svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${number(total)} in all` },
    [0, 0.5, 1].map((part) => {
      const y = base - part * most * scale;
      return [svg("line", { x1: left, x2: width, y1: y, y2: y }), part * most === Math.round(part * most) && svg("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, number(part * most))];
    }),
    entries.map(([name, value, failed], at) => {
      const x = left + at * step + step * 0.1, thick = Math.max(1, step * 0.8);
      return svg("g", {}, svg("title", {}, `${name}: ${number(value)}${failed ? `, ${number(failed)} failed` : ""}`),
        svg("rect", { x, width: thick, y: base - value * scale, height: value * scale }),
        failed ? svg("rect", { class: "failed", x, width: thick, y: base - failed * scale, height: failed * scale }) : null);
    }),
    entries.length ? svg("text", { x: left, y: height - 4 }, entries[0][0]) : null,
    entries.length ? svg("text", { x: width, y: height - 4, "text-anchor": "end" }, entries.at(-1)[0]) : null);
}

const BOX_WIDTH = 190, BOX_HEIGHT = 46, GAP_X = 54, GAP_Y = 14;

/** Return a directed graph in layers from left to right. `nodes`: Map id -> {layer, title, kind, href, self, step}; `edges`: [from, to]. */
export function graph(title, nodes, edges) {
  const layers = new Map();
  for (const [id, node] of nodes) layers.set(node.layer, [...(layers.get(node.layer) ?? []), id]);
  const order = [...layers.keys()].sort((a, b) => a - b);
  const tallest = Math.max(...[...layers.values()].map((ids) => ids.length));
  const height = tallest * (BOX_HEIGHT + GAP_Y) + GAP_Y, width = order.length * (BOX_WIDTH + GAP_X) - GAP_X + 4;
  const spots = new Map();
  order.forEach((layer, column) => {
    const ids = layers.get(layer);
    const free = (height - ids.length * (BOX_HEIGHT + GAP_Y) + GAP_Y) / 2;
    ids.forEach((id, row) => spots.set(id, { x: 2 + column * (BOX_WIDTH + GAP_X), y: free + row * (BOX_HEIGHT + GAP_Y) }));
  });
  const middle = BOX_HEIGHT / 2;
  return h("div", { class: "graph body", tabindex: "0", role: "group", "aria-label": title }, svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` },
    svg("defs", {}, svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, svg("path", { d: "M0 0L8 4L0 8z" }))),
    edges.map(([from, to]) => {
      const a = spots.get(from), b = spots.get(to);
      const x1 = a.x + BOX_WIDTH, y1 = a.y + middle, x2 = b.x - 1, y2 = b.y + middle, bend = (x2 - x1) / 2;
      return svg("path", { d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, "marker-end": "url(#arrow)" });
    }),
    [...nodes].map(([id, node]) => {
      const { x, y } = spots.get(id);
      const box = svg("g", { class: node.self ? "self" : node.step ? "step" : null }, svg("title", {}, id),
        svg("rect", { x, y, width: BOX_WIDTH, height: BOX_HEIGHT, rx: 7 }),
        svg("text", { class: "kind", x: x + 10, y: y + 17 }, node.kind), svg("text", { x: x + 10, y: y + 34 }, clip(node.title)));
      return node.href && !node.self ? svg("a", { href: node.href, "aria-label": `${node.kind} ${node.title}` }, box) : box;
    })));
}

const clip = (text) => (text.length > 24 ? `${text.slice(0, 10)}…${text.slice(-12)}` : text);
