// Listings: pages by cursor, more at the end, and the whole of what is asked for as CSV or NDJSON.

import { get, withQuery } from "./api.js";
import { append, button, card, h, label, table, tableRow } from "./dom.js";
import { accountLink, blockLink, boxed, calls, contractLink, fields, number, bytes, status, transactionLink, when } from "./format.js";

const EXPORT_MAX = 10000;

export const BLOCKS = [
  ["Height", (it) => blockLink(it.height)],
  ["Time", (it) => when(it.time), "nowrap"],
  ["Transactions", (it) => number(it.transaction_count), "number"],
  ["Size", (it) => bytes(it.size), "number"],
  ["Proposer", (it) => it.proposer],
  ["View", (it) => (it.view === 0 ? "0" : label(`${it.view}`, "warn")), "number"],
];

export const TRANSACTIONS = [
  ["Transaction", (it) => transactionLink(it.id)],
  ["Calls", (it) => calls(it)],
  ["Status", (it) => [status(it.receipt?.status ?? it.status), it.receipt?.code ? ` ${it.receipt.code}` : null]],
  ["Block", (it) => blockLink(it.height), "number"],
  ["Time", (it) => when(it.time), "nowrap"],
];

export const EVENTS = [
  ["Event", (it) => [contractLink(it.contract), ".", it.name]],
  ["Fields", (it) => boxed(fields(it.fields))],
  ["Transaction", (it) => transactionLink(it.transaction_id)],
  ["Block", (it) => blockLink(it.height), "number"],
  ["Time", (it) => when(it.time), "nowrap"],
];

export const MEMBERS = [
  ["Account", (it) => accountLink(it.id)],
  ["Roles", (it) => it.roles.map((role) => [label(role), " "])],
  ["State", (it) => (it.active ? label("active", "good") : label("revoked", "bad"))],
  ["Key", (it) => h("span", { class: "mono small" }, it.key)],
];

/** Return a card with a listing of `name` at `path`, more of it on demand, and its export. */
export async function listing(title, path, name, columns, signal, { limit = 25, empty = "There is nothing yet.", size = "", exports = true } = {}) {
  const body = h("tbody");
  const pager = h("div", { class: "pager" });
  let cursor = null;
  let count = 0;
  async function more() {
    const page = await get(withQuery(path.split("?")[0], { ...queryOf(path), limit, cursor }), signal);
    append(body, page[name].map((row) => tableRow(columns, row)));
    count += page[name].length;
    cursor = page.next;
    pager.replaceChildren();
    if (cursor) pager.append(button("Show more", more));
    pager.append(h("span", { class: "quiet small" }, count ? `${number(count)} shown${cursor ? "" : ", all there are"}` : empty));
  }
  await more();
  const links = [h("a", { href: path, target: "_blank", rel: "noopener" }, "JSON")];
  if (exports) links.push(exporter("CSV", path, name, signal), exporter("NDJSON", path, name, signal));
  return card(title, [count ? table(title, columns, [], { body }) : null, pager], { more: links, size });
}

function queryOf(path) {
  return Object.fromEntries(new URLSearchParams(path.split("?")[1] ?? ""));
}

function exporter(kind, path, name, signal) {
  const it = h("button", { type: "button", class: "copy", title: `Save up to ${number(EXPORT_MAX)} entries as ${kind}` }, kind);
  it.addEventListener("click", async () => {
    it.disabled = true;
    const rows = [];
    let cursor = null;
    do {
      const page = await get(withQuery(path.split("?")[0], { ...queryOf(path), limit: 200, cursor }), signal);
      rows.push(...page[name]);
      cursor = page.next;
      it.textContent = `${kind} ${number(rows.length)}`;
    } while (cursor && rows.length < EXPORT_MAX);
    save(`${name}.${kind.toLowerCase()}`, kind === "CSV" ? csv(rows) : rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    it.textContent = kind;
    it.disabled = false;
  });
  return it;
}

/** Offer a text as a file. */
export function save(name, text, type = "text/plain") {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

export function csv(rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return [names, ...rows.map((row) => names.map((name) => row[name]))].map((cells) => `${cells.map(cell).join(",")}\r\n`).join("");
}

function cell(it) {
  const text = it === null || it === undefined ? "" : typeof it === "object" ? JSON.stringify(it) : String(it);
  // A spreadsheet would take such a text for a formula.
  const safe = /^[=+\-@\t]/.test(text) && typeof it === "string" ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
