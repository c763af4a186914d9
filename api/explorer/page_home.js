// The overview: height, rates, blocks and transactions as they come.

import { follow, get } from "./api.js";
import { bars } from "./charts.js";
import { card, h, show, table, tableRow, tiles } from "./dom.js";
import { ago, number, short } from "./format.js";
import { BLOCKS, TRANSACTIONS } from "./listing.js";

const ROWS = 10;
const PERIODS = 60;
const REDRAW_MS = 1000;

export async function homePage({ signal }) {
  const [network, blocks, transactions, statistics] = await Promise.all([
    get("/v1/network", signal), get(`/v1/blocks?limit=${ROWS}`, signal),
    get(`/v1/transactions?limit=${ROWS}`, signal), statisticsOrNull(signal),
  ]);
  const state = { network, head: blocks.blocks[0] ?? null, totals: statistics?.totals ?? null, recent: [] };
  const summary = h("div", { "aria-live": "off" });
  const live = h("span", { class: "live", "data-on": "false", role: "status" }, h("i"), h("span", {}, "connecting"));
  const chart = h("div", { class: "body" });
  const blockRows = h("tbody"), transactionRows = h("tbody");
  const columns = [BLOCKS.filter(([name]) => !["Size", "View"].includes(name)), TRANSACTIONS.filter(([name]) => name !== "Block")];

  const draw = () => show(summary, tilesOf(state));
  draw();
  drawChart(chart, statistics);

  let pending = false;
  const later = () => {
    if (pending) return;
    pending = true;
    setTimeout(async () => {
      pending = false;
      if (signal.aborted) return;
      draw();
      const fresh = await statisticsOrNull(signal);
      if (fresh && !signal.aborted) { state.totals = fresh.totals; draw(); drawChart(chart, fresh); }
    }, REDRAW_MS);
  };
  const connected = (on) => {
    live.dataset.on = String(on);
    live.lastChild.textContent = on ? "live" : "reconnecting";
  };
  follow("/v1/blocks", signal, (block) => {
    state.head = block;
    state.recent = [...state.recent, block].slice(-100);
    push(blockRows, columns[0], block);
    later();
  }, connected);
  follow("/v1/transactions", signal, (transaction) => push(transactionRows, columns[1], transaction), () => {});
  const clock = setInterval(() => draw(), 5000);
  signal.addEventListener("abort", () => clearInterval(clock));

  return { title: network.name, content: [
    h("div", { class: "row" }, h("h1", {}, network.name), live),
    h("p", { class: "lead" }, `A ledger kept by ${network.validator_count} validators; it stands as long as no more than ${network.faults_max} of them fail.`),
    summary,
    h("div", { class: "grid" },
      card("Transactions a minute, last hour", chart, { more: h("a", { href: "/v1/statistics" }, "JSON") }),
      card("Blocks", table("Newest blocks", columns[0], blocks.blocks, { body: blockRows }), { size: "half", more: h("a", { href: "#/blocks" }, "All") }),
      card("Transactions", table("Newest transactions", columns[1], transactions.transactions, { body: transactionRows }), { size: "half", more: h("a", { href: "#/transactions" }, "All") })),
  ] };
}

async function statisticsOrNull(signal) {
  try {
    return await get(`/v1/statistics?resolution=minute&periods=${PERIODS}&until=${Date.now()}`, signal);
  } catch (error) {
    // The index may be switched off, or be behind: everything else is shown all the same.
    if (["not_indexed", "not_ready"].includes(error.code) || error.name === "AbortError") return null;
    throw error;
  }
}

function tilesOf({ network, head, totals, recent }) {
  const span = recent.length > 1 ? (recent.at(-1).time - recent[0].time) / 1000 : 0;
  const moved = recent.slice(1).reduce((sum, block) => sum + block.transaction_count, 0);
  return tiles([
    ["Height", number(head?.height ?? 0), head ? `block ${ago(head.time)}` : "no block yet"],
    ["Transactions", totals ? number(totals.transactions) : "–", totals ? `${number(totals.failed)} failed` : "no index"],
    ["Events", totals ? number(totals.events) : "–", "announced by contracts"],
    ["Rate", span > 0 ? `${(moved / span).toFixed(1)} /s` : "–", span > 0 ? `over the last ${recent.length} blocks` : "as blocks come"],
    ["View", number(head?.view ?? 0), `primary ${network.node.primary ?? "unknown"}`],
    ["Genesis", h("span", { class: "mono short", title: network.genesis_hash }, short(network.genesis_hash)), "the chain's id"],
  ]);
}

function drawChart(element, statistics) {
  if (!statistics) return show(element, h("p", { class: "quiet" }, "This node keeps no index of history, or it is behind."));
  const known = new Map(statistics.periods.map((period) => [period.time, period]));
  const entries = Array.from({ length: PERIODS }, (_, at) => statistics.start + at * 60000).map((time) => {
    const period = known.get(time);
    return [new Date(time).toISOString().slice(11, 16), period?.transactions ?? 0, period?.failed ?? 0];
  });
  return show(element, bars("Transactions a minute", entries));
}

function push(body, columns, row) {
  body.prepend(tableRow(columns, row, true));
  while (body.children.length > ROWS) body.lastChild.remove();
}
