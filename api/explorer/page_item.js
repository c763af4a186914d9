// The story of a good: where it is, who holds it, what happened to it, what it was made from and packed into.

import { ApiError, get, view } from "./api.js";
import { graph } from "./charts.js";
import { card, facts, h, label, notice } from "./dom.js";
import { number, organisationLink, path, plain, short, time } from "./format.js";
import { TRANSACTIONS, listing } from "./listing.js";
import { proofCard } from "./proof.js";

const CONTRACT = "traceability";
const JOURNEY_MAX = 200;
const NEIGHBOURS_MAX = 8;
const DEPTH = 2;
const NODES_MAX = 40;
const LOT = /\/01\/[0-9]{14}\/10\/[^/]+$/;

export async function itemPage({ values: [id], signal }) {
  const heading = [h("h1", {}, name(id)), h("p", { class: "lead mono" }, id)];
  const isLot = LOT.test(id);
  const [raw, journey, origins, descendants, contents] = await Promise.all([
    isLot ? null : ask("passport", [id], signal, (it) => it), isLot ? null : ask("journey", [id, JOURNEY_MAX], signal), family("origins", id, signal),
    family("descendants", id, signal), isLot ? null : ask("contents", [id, "", 50], signal),
  ]);
  const passport = raw && plain(raw);
  const mentions = await listing("Transactions that name it", `/v1/transactions?mentions=${encodeURIComponent(id)}`, "transactions", TRANSACTIONS, signal, { limit: 10, empty: "No transaction names it." });
  if (!passport && !journey?.length) {
    return { title: name(id), content: [heading, await lot(id, signal), genealogy(id, null, [], origins, descendants), mentions] };
  }
  const marks = passport ? [label(passport.status, ["destroyed", "used_up"].includes(passport.status) ? "warn" : "good"), passport.recalled && label("recalled", "bad"), passport.out_of_range && label("out of its temperature range", "bad")] : [];
  return { title: name(id), content: [
    h("div", { class: "row" }, heading[0], marks), heading[1],
    passport?.recalled && notice("A recall reaches this item. It may not be sold, dispensed or used.", "bad"),
    h("div", { class: "grid" },
      passport && card("Now", facts([["Held by", passport.holder ? organisationLink(passport.holder) : "nobody"], ["On its way to", passport.item.bound_for ? organisationLink(passport.item.bound_for) : null],
        ["Packed in", passport.container ? itemLink(passport.container) : "nothing"], ["Last place", passport.item.place || "–"], ["Made by", organisationLink(passport.item.maker)],
        ["Lot", passport.item.lot ? itemLink(passport.item.lot) : null], ["Product", passport.product || null]]), { more: h("a", { href: jsonOf("passport", [id]) }, "JSON") }),
      genealogy(id, passport, contents ?? [], origins, descendants),
      journey?.length ? card(`Journey (${journey.length})`, story(journey, id), { more: h("a", { href: jsonOf("journey", [id, JOURNEY_MAX]) }, "JSON") }) : null,
      contents?.length ? card(`Contents (${contents.length})`, h("ul", { class: "body" }, contents.map((it) => h("li", {}, itemLink(it))))) : null,
      passport ? proofCard({ kind: "state", contract: CONTRACT, key: JSON.stringify(["goods", id]), record: "Item", shown: raw.map.item }, signal) : null),
    mentions,
  ] };
}

/** Ask a view of the contract; null where the item or the contract is unknown to it. */
async function ask(method, args, signal, read = plain) {
  try {
    return read((await view(CONTRACT, method, args, signal)).value);
  } catch (error) {
    if (error instanceof ApiError && [404, 422].includes(error.status)) return null;
    throw error;
  }
}

async function lot(id, signal) {
  const [found, accounts] = await Promise.all([ask("show_lot", [id], signal), ask("lot_accounts", [id, "", 50], signal)]);
  if (!found) return null;
  const amounts = (accounts ?? []).map((it) => lotAccount(it.account, Number(it.amount) / 1e6, found.unit ?? ""));
  return card("Lot", facts([["Made by", organisationLink(found.maker)], ["Events", number(found.steps)], ...amounts]), { more: h("a", { href: jsonOf("show_lot", [id]) }, "JSON") });
}

/** Name an account of a lot: books are kept by double entry, so what was made stands there as what is owed. */
function lotAccount(account, amount, unit) {
  if (!account.startsWith(":")) return [["Held by ", organisationLink(account)], `${number(amount)} ${unit}`];
  const word = account.slice(1).replaceAll("_", " ");
  return account === ":created" ? ["Made in all", `${number(-amount)} ${unit}`] : [word[0].toUpperCase() + word.slice(1), `${number(amount)} ${unit}`];
}

const jsonOf = (method, args) => `/v1/contracts/${CONTRACT}/views/${method}?args=${encodeURIComponent(JSON.stringify(args))}`;
const itemLink = (id) => h("a", { href: path("items", id), title: id }, name(id));

/** Return what people call a Digital Link: its last qualifier. */
function name(id) {
  const parts = id.replace("https://id.gs1.org/", "").split("/");
  const kinds = { 21: "serial", 10: "lot", "01": "product", "00": "SSCC", 414: "place" };
  const [kind, value] = parts.slice(-2);
  return value && kinds[kind] ? `${kinds[kind]} ${decodeURIComponent(value)}` : id;
}

function story(journey, id) {
  return h("ol", { class: "journey" }, journey.map((it) => h("li", { class: it.error ? "wrong" : null },
    h("div", { class: "row" }, h("b", {}, (it.step || it.method).replaceAll("_", " ")), it.error && label(`declared in error: ${it.error}`, "bad"), h("time", {}, time(it.time))),
    h("div", {}, "by ", organisationLink(it.organisation), it.place ? ` at ${name(it.place)}` : null, it.subject !== id ? [" inside ", itemLink(it.subject)] : null),
    h("div", { class: "small" }, h("a", { href: path("words", it.event) }, `event ${short(it.event)}`)))));
}

/** Collect the family of a thing, step by step, up to a depth; returns edges from origin to product. */
async function family(method, id, signal) {
  const edges = [];
  let layer = [id];
  const known = new Set(layer);
  for (let depth = 0; depth < DEPTH && layer.length; depth += 1) {
    const next = [];
    for (const subject of layer) {
      const found = (await ask(method, [subject, "", NEIGHBOURS_MAX], signal)) ?? [];
      for (const other of found) {
        edges.push({ from: method === "origins" ? other : subject, to: method === "origins" ? subject : other, other, depth: depth + 1 });
        if (!known.has(other) && known.size < NODES_MAX) { known.add(other); next.push(other); }
      }
    }
    layer = next;
  }
  return edges;
}

function genealogy(id, passport, contents, origins, descendants) {
  return card("Made from, packed into", genealogyBody(id, passport, contents, origins, descendants));
}

function genealogyBody(id, passport, contents, origins, descendants) {
  const nodes = new Map([[id, { layer: 0, ...titles(id), self: true }]]);
  const edges = [];
  const add = (other, layer) => { if (!nodes.has(other)) nodes.set(other, { layer, ...titles(other) }); };
  for (const edge of origins) { add(edge.other, -edge.depth); edges.push([edge.from, edge.to]); }
  for (const edge of descendants) { add(edge.other, edge.depth); edges.push([edge.from, edge.to]); }
  if (passport?.container) { add(passport.container, 1); edges.push([id, passport.container]); }
  for (const inside of contents.slice(0, NEIGHBOURS_MAX)) { add(inside, -1); edges.push([inside, id]); }
  if (nodes.size === 1) return h("p", { class: "body quiet" }, "Nothing it was made from or packed into is recorded.");
  const drawn = edges.filter(([from, to]) => nodes.has(from) && nodes.has(to) && nodes.get(from).layer < nodes.get(to).layer);
  return graph("What it was made from and packed into", nodes, drawn);
}

function titles(subject) {
  if (subject.startsWith("transformation ")) {
    const event = subject.slice("transformation ".length);
    return { kind: "transformation", title: short(event), step: true, href: path("words", event) };
  }
  const [kind, ...rest] = name(subject).split(" ");
  return rest.length ? { kind, title: rest.join(" "), href: path("items", subject) } : { kind: "thing", title: subject, href: path("items", subject) };
}
