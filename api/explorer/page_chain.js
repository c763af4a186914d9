// Blocks, transactions, events, and everything that names a word.

import { get } from "./api.js";
import { card, facts, h, label, table, tiles } from "./dom.js";
import { accountLink, blockLink, boxed, bytes, contractLink, fields, hash, number, path, short, status, time, transactionLink, value, when } from "./format.js";
import { BLOCKS, EVENTS, TRANSACTIONS, listing } from "./listing.js";
import { proofCard } from "./proof.js";

export async function blocksPage({ signal }) {
  return { title: "Blocks", content: [h("h1", {}, "Blocks"), await listing("All blocks", "/v1/blocks", "blocks", BLOCKS, signal)] };
}

export async function transactionsPage({ query, signal }) {
  const filters = ["sender", "organisation", "contract", "mentions"].filter((name) => query.get(name));
  const text = filters.map((name) => `${name}=${encodeURIComponent(query.get(name))}`).join("&");
  return { title: "Transactions", content: [h("h1", {}, "Transactions"), filterForm("transactions", ["sender", "organisation", "contract", "mentions"], query),
    await listing(filters.length ? "Transactions found" : "All transactions", `/v1/transactions?${text}`, "transactions", TRANSACTIONS, signal)] };
}

export async function eventsPage({ query, signal }) {
  const names = ["contract", "name", "mentions"];
  const text = names.filter((name) => query.get(name)).map((name) => `${name}=${encodeURIComponent(query.get(name))}`).join("&");
  return { title: "Events", content: [h("h1", {}, "Events"), filterForm("events", names, query),
    await listing(text ? "Events found" : "All events", `/v1/events?${text}`, "events", EVENTS, signal)] };
}

function filterForm(page, names, query) {
  const inputs = names.map((name) => h("input", { class: "text", name, value: query.get(name) ?? "", "aria-label": name, placeholder: name, autocomplete: "off" }));
  const form = h("form", { class: "row", "aria-label": "Filter" }, inputs.map((input) => h("div", {}, input)), h("button", { class: "plain" }, "Filter"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const parts = inputs.filter((input) => input.value.trim()).map((input) => `${input.name}=${encodeURIComponent(input.value.trim())}`);
    location.hash = `#/${page}${parts.length ? `?${parts.join("&")}` : ""}`;
  });
  return h("div", { class: "card" }, h("div", { class: "body" }, form));
}

export async function blockPage({ values: [name], signal }) {
  const block = await get(`/v1/blocks/${encodeURIComponent(name)}`, signal);
  const columns = [
    ["Index", (it) => it.index, "number"],
    ["Transaction", (it) => transactionLink(it.id)],
    ["Status", (it) => status(it.status)],
  ];
  const rows = block.transactions.slice(0, 500).map((it, index) => ({ ...it, index }));
  const neighbours = [block.height > 1 && h("a", { class: "button", href: path("blocks", block.height - 1), rel: "prev" }, "← Earlier"),
    h("a", { class: "button", href: path("blocks", block.height + 1), rel: "next" }, "Later →")];
  return { title: `Block ${block.height}`, content: [
    h("div", { class: "row" }, h("h1", {}, `Block ${number(block.height)}`), neighbours),
    h("p", { class: "lead" }, `${time(block.time)}, proposed by ${block.proposer}`),
    h("div", { class: "grid" },
      card("Block", facts([
        ["Hash", hash(block.hash, null, true)], ["Parent", block.height > 1 ? hash(block.parent_hash, path("blocks", block.parent_hash), true) : ["genesis ", hash(block.parent_hash, null, true)]],
        ["Transactions", number(block.transaction_count)], ["Size", bytes(block.size)], ["Protocol version", block.version],
        ["Epoch and view", `${block.epoch}, ${block.view}`],
      ]), { size: "half", more: h("a", { href: `/v1/blocks/${block.height}` }, "JSON") }),
      card("Certificate", [facts([["Signed by", block.certificate.signatures.map((it) => [label(it.validator, "good"), " "])], ["Result", hash(block.result.hash, null, true)],
        ["State root", hash(block.result.state_root, null, true)], ["Receipts root", hash(block.result.receipts_root, null, true)],
        ["Transactions root", hash(block.transactions_root, null, true)], ["History root", hash(block.history_root, null, true)],
        ["Validators", [hash(block.validators_hash, null, true), block.validators_hash !== block.result.next_validators_hash && label("changed by this block", "warn")]]])], { size: "half" }),
      card(`Transactions (${number(block.transaction_count)})`, [table("Transactions of the block", columns, rows),
        block.transactions.length > rows.length && h("p", { class: "body quiet" }, `The first ${number(rows.length)} are shown; JSON has all.`)]),
      proofCard({ kind: "block", height: block.height, hash: block.hash, shown: block }, signal)),
  ] };
}

export async function transactionPage({ values: [id], signal }) {
  const it = await get(`/v1/transactions/${encodeURIComponent(id)}`, signal);
  const member = await memberOf(it.sender_key, signal);
  const done = it.status === "committed";
  const names = await Promise.all(it.calls.map((call) => parametersOf(call, signal)));
  return { title: `Transaction ${short(it.id)}`, content: [
    h("div", { class: "row" }, h("h1", {}, "Transaction"), status(done ? it.receipt.status : "pending"), it.receipt?.code && label(it.receipt.code, "bad")),
    h("p", { class: "lead mono" }, hash(it.id, null, true)),
    tiles([["Block", done ? blockLink(it.height) : "–", done ? `index ${it.index}` : "waits in this node"], ["Time", done ? when(it.time) : "–", done ? time(it.time) : null],
      ["Sender", member ? accountLink(member.id) : short(it.sender_key), member ? member.organisation : "unknown key"],
      ["Gas used", done ? number(it.receipt.gas_used) : "–", `of ${number(it.gas_limit)}`]]),
    h("div", { class: "grid" },
      it.calls.map((call, at) => card(it.calls.length > 1 ? `Call ${at + 1} of ${it.calls.length}` : "Call", [
        facts([["Method", [contractLink(call.contract), ".", h("b", {}, call.method)]], ["Arguments", boxed(names[at] ? argumentsOf(names[at], call.args) : value(call.args))],
          ["Returned", done && it.receipt.values.length ? boxed(value(it.receipt.values[at])) : null]])])),
      done && it.receipt.events.length ? card(`Events (${it.receipt.events.length})`, facts(it.receipt.events.map((event) => [h("span", {}, contractLink(event.contract), ".", event.name), boxed(fields(event.fields))]))) : null,
      card("What was signed", facts([["Sender's key", hash(it.sender_key, null, true)], ["Nonce", h("span", { class: "mono" }, it.nonce)], ["Valid until", time(it.valid_until)],
        ["Memo", it.memo], ["Idempotency key", it.idempotency_key], ["Signature", h("span", { class: "mono small" }, it.signature)]]), { more: h("a", { href: `/v1/transactions/${it.id}` }, "JSON") }),
      done ? proofCard({ kind: "transaction", id: it.id, shown: it }, signal) : null),
  ] };
}

/** Return the names of a call's parameters by the interface in force, null where they are not these. */
async function parametersOf(call, signal) {
  if (call.contract === "system") return null;
  try {
    const { abi } = await get(`/v1/contracts/${call.contract}/abi`, signal);
    const method = abi.methods.find((it) => it.name === call.method);
    return method?.params.length === call.args.length ? method.params.map((it) => it.name) : null;
  } catch (error) {
    if (error.code === "unknown_contract") return null;
    throw error;
  }
}

function argumentsOf(names, args) {
  return args.length ? h("dl", {}, names.map((name, at) => [h("dt", {}, name), h("dd", {}, value(args[at]))])) : value(args);
}

async function memberOf(key, signal) {
  try {
    return await get(`/v1/members/${key}`, signal);
  } catch (error) {
    if (error.code === "unknown_member") return null;
    throw error;
  }
}

export async function wordPage({ values: [word], signal }) {
  return { title: word, content: [h("h1", {}, word), h("p", { class: "lead" }, "Transactions that name this text in arguments, events or memo."),
    await listing("Transactions", `/v1/transactions?mentions=${encodeURIComponent(word)}`, "transactions", TRANSACTIONS, signal, { empty: "No transaction names it." }),
    await listing("Events", `/v1/events?mentions=${encodeURIComponent(word)}`, "events", EVENTS, signal, { limit: 10, empty: "No event names it." })] };
}
