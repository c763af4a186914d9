// How things are written: numbers, times, hashes, values of contracts, and links to their pages.

import { copier, h, label } from "./dom.js";

const numbers = new Intl.NumberFormat("en");
const stamps = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });
const UETR = /^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$/;
const ACCOUNT = /^[a-z][a-z0-9_-]{0,31}\.[a-z][a-z0-9_-]{0,31}$/;
const HASH = /^[0-9a-f]{64}$/;
const ITEM = /^https:\/\/id\.gs1\.org\/(?:01|00|8003|8004)\//;

export const number = (value) => numbers.format(value);
export const time = (ms) => `${stamps.format(new Date(ms))} UTC`;

export function ago(ms, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${number(Math.floor(seconds / 86400))} d ago`;
}

export function when(ms) {
  return h("time", { datetime: new Date(ms).toISOString(), title: time(ms) }, ago(ms));
}

export function bytes(count) {
  if (count < 1024) return `${count} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = count / 1024, unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function duration(ms) {
  for (const [unit, size] of [["d", 86400000], ["h", 3600000], ["min", 60000], ["s", 1000]]) {
    if (ms >= size && ms % size === 0) return `${number(ms / size)} ${unit}`;
  }
  return `${number(ms)} ms`;
}

const DURATIONS = new Set(["validity_window_max", "block_interval_min", "clock_drift_max", "view_timeout_base", "view_timeout_max", "proposal_expiry"]);
const COUNTED = ["transactions", "blocks", "validators", "approvals", "proposals"];

/** Return a rule of the ledger as people read it: its name, and its value with its unit. */
export function rule([name, value]) {
  const words = name.split("_");
  const counted = COUNTED.find((unit) => words.includes(unit));
  let shown = number(value);
  if (words.includes("bytes")) shown = bytes(value);
  else if (words.includes("gas")) shown += " gas";
  else if (DURATIONS.has(name)) shown = duration(value);
  else if (counted) shown += ` ${value === 1 ? counted.slice(0, -1) : counted}`;
  return [words.join(" "), h("span", { title: `${name}: ${value}` }, shown)];
}

export const short = (text) => (text.length > 20 ? `${text.slice(0, 8)}…${text.slice(-6)}` : text);

export const path = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;

export function hash(text, target = null, whole = false) {
  const shown = h("span", { class: whole ? "mono" : "mono short", title: whole ? null : text }, whole ? text : short(text));
  return [target ? h("a", { href: target }, shown) : shown, whole ? copier(text) : null];
}

export const blockLink = (height) => h("a", { href: path("blocks", height) }, number(height));
export const transactionLink = (id, whole = false) => hash(id, path("transactions", id), whole);
export const contractLink = (name) => h("a", { href: path("contracts", name) }, name);
export const organisationLink = (name) => h("a", { href: path("organisations", name) }, name);
export const accountLink = (name) => h("a", { href: path("accounts", name) }, name);

export function status(text) {
  const kinds = { succeeded: "good", committed: "good", failed: "bad", pending: "warn", open: "accent", carried_out: "good", rejected: "bad" };
  return label(text.replaceAll("_", " "), kinds[text] ?? "");
}

/** Return the page of a word of the ledger, by what it looks like. */
export function wordPath(word) {
  if (ITEM.test(word)) return path("items", word);
  if (UETR.test(word)) return path("transfers", word);
  if (ACCOUNT.test(word)) return path("accounts", word);
  return path("words", word);
}

/** Return the page of a search result. */
export function resultPath({ type, id }) {
  const pages = { block: "blocks", transaction: "transactions", account: "accounts", organisation: "organisations",
    contract: "contracts", item: "items", transfer: "transfers", word: "words" };
  return path(pages[type], id);
}

function text(value) {
  if (ITEM.test(value) || UETR.test(value) || ACCOUNT.test(value)) return h("a", { href: wordPath(value) }, value);
  if (HASH.test(value)) return h("a", { href: path("words", value), title: value }, short(value));
  if (value.length > 400) {
    return h("details", {}, h("summary", {}, `${value.slice(0, 80)} … (${number(value.length)} characters)`), h("span", { class: "text" }, value));
  }
  return h("span", { class: "text" }, value === "" ? "“”" : value);
}

/** Return a contract value as people read it. */
export function value(it) {
  if (it === null) return h("span", { class: "none" }, "none");
  if (typeof it === "boolean") return h("span", { class: "int" }, String(it));
  if (typeof it === "string") return text(it);
  if (Array.isArray(it)) {
    return it.length ? h("ol", { start: 0 }, it.map((item) => h("li", {}, value(item)))) : h("span", { class: "none" }, "[ ]");
  }
  if ("int" in it) return h("span", { class: "int" }, it.int);
  if ("bytes" in it) return h("span", { class: "bytes", title: it.bytes }, it.bytes.length > 70 ? `0x${short(it.bytes)}` : `0x${it.bytes}`);
  return fields(it.map);
}

export function fields(record) {
  const entries = Object.entries(record);
  if (!entries.length) return h("span", { class: "none" }, "{ }");
  return h("dl", {}, entries.map(([name, item]) => [h("dt", {}, name), h("dd", {}, value(item))]));
}

/** Return a value of a type with the names of its records' fields, without which they are stored; `records` are those of the interface. */
export function typed(it, type, records) {
  const kind = type.replace(/ \| None$/, "");
  const [, items] = /^list\[(.*)\]$/.exec(kind) ?? [];
  const [, values] = /^dict\[str, (.*)\]$/.exec(kind) ?? [];
  if (items && Array.isArray(it)) return it.map((one) => typed(one, items, records));
  if (values && it?.map) return { map: Object.fromEntries(Object.entries(it.map).map(([name, one]) => [name, typed(one, values, records)])) };
  const record = records.find((one) => one.name === kind);
  if (!record || !Array.isArray(it)) return it;
  return { map: Object.fromEntries(it.map((one, at) => [record.fields[at]?.name ?? String(at), typed(one, record.fields[at]?.type ?? "", records)])) };
}

export const boxed = (content) => h("div", { class: "value" }, content);

/** Return a value without its tags: records as objects, integers as numbers where exact, otherwise text. */
export function plain(it) {
  if (it === null || typeof it !== "object") return it;
  if (Array.isArray(it)) return it.map(plain);
  if ("int" in it) return Number.isSafeInteger(Number(it.int)) ? Number(it.int) : it.int;
  if ("bytes" in it) return it.bytes;
  return Object.fromEntries(Object.entries(it.map).map(([name, item]) => [name, plain(item)]));
}

/** Say in a line what a transaction calls. */
export function calls(transaction) {
  const [first, ...others] = transaction.calls;
  // A line may end behind the dot, not within a name.
  const name = h("span", { class: "call" }, contractLink(first.contract), ".", h("wbr", {}), first.method);
  return [name, others.length ? h("span", { class: "quiet" }, ` and ${others.length} more`) : null];
}
