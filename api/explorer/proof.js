// Proofs, checked by this page itself against the genesis hash that its reader trusts; the node is only asked for evidence.

import { ApiError, fetchRaw, get } from "./api.js";
import { blockDiffers } from "./block_proof.js";
import { button, card, h, notice, show } from "./dom.js";
import { boxed, number, time, typed, value } from "./format.js";
import { Refused, Unsupported, decode, encode, unhex, verify } from "./verify.js";

const KEY = "trusted-genesis";
const BINARY = "application/octet-stream";
const HASH = /^[0-9a-f]{64}$/;
const HEIGHT_IN_HEADER = 2;

/** Return the genesis hash that the reader trusts, null if none was given. */
export function trusted() {
  const known = localStorage.getItem(KEY);
  return known !== null && HASH.test(known) ? known : null;
}

/** Remember the genesis hash that the reader trusts; returns whether it is one. */
export function trust(text) {
  const known = text.trim().toLowerCase();
  if (!HASH.test(known)) return false;
  localStorage.setItem(KEY, known);
  return true;
}

export function distrust() {
  localStorage.removeItem(KEY);
}

/**
 * Return a card that proves a block, a transaction, or what the state holds under a key.
 * `subject.shown` is what the page shows of it: a proof of something else is no proof of that. For a stored value that
 * is a record, `subject.record` is the record's name in the contract's interface.
 */
export function proofCard(subject, signal) {
  const verdict = h("div", { class: "verdict", "aria-live": "polite" });
  const check = button("Verify", () => run(subject, signal, verdict, check), "plain primary verify");
  return card("Proof", h("div", { class: "body" },
    h("div", { class: "row" }, check, h("span", { class: "quiet" }, "This page checks signatures and hashes itself, against the genesis hash that you trust.")), verdict));
}

async function run(subject, signal, verdict, check) {
  if (trusted() === null) return show(verdict, trustForm(() => run(subject, signal, verdict, check)));
  check.disabled = true;
  show(verdict, h("p", { class: "loading" }, "Checking …"));
  const start = performance.now();
  try {
    const record = subject.kind === "block" ? await bytes(`/v1/blocks/${subject.height}/raw`, signal) : null;
    const [file, genesis, records] = await Promise.all([evidence(subject, record, signal), bytes("/v1/genesis", signal), recordsOf(subject, signal)]);
    const fact = await verify(file, genesis, trusted());
    const whole = { ...subject, records };
    const other = differs(whole, fact) ?? (whole.shown && record ? await blockDiffers(whole.shown, record) : null);
    show(verdict, proven(whole, fact, other, performance.now() - start));
  } catch (error) {
    show(verdict, refused(error));
  }
  check.disabled = false;
  return undefined;
}

/** Return a form that asks what the reader trusts, and goes on once that is known. */
export function trustForm(next) {
  const input = h("input", { class: "text", name: "genesis", maxlength: 80, autocomplete: "off", spellcheck: "false", placeholder: "64 hexadecimal digits" });
  const complaint = h("div");
  const form = h("form", {}, h("label", { class: "field" }, h("span", {}, "The genesis hash that you know from elsewhere: from a contract, another member, an earlier audit"), input),
    h("button", { class: "plain primary" }, "Trust it"), complaint);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (trust(input.value)) next();
    else show(complaint, notice("A genesis hash has 64 hexadecimal digits.", "bad"));
  });
  return form;
}

/** Return the verdict on a proof that was refused. */
export function refused(error) {
  if (error instanceof Refused) return notice(`NOT PROVEN: ${error.message}. The node shows something that this ledger has not certified: believe none of it.`, "bad");
  if (error instanceof Unsupported) return notice(`Not checked: ${error.message}. This says nothing about the node.`, "warn");
  if (error instanceof ApiError) return notice(`Not checked: the node gives no proof (${error.message}).`, "warn");
  if (error.name === "AbortError" || error instanceof TypeError) return notice("Not checked: the node does not answer.", "warn");
  // What the node sent is so misshapen that it cannot even be taken apart.
  return notice(`NOT PROVEN: what the node sent is no proof (${error.message}).`, "bad");
}

function proven(subject, fact, other, milliseconds) {
  if (other) return notice(`FORGED: the proof holds, and it is about something else than what this page was given to show: ${other}.`, "bad");
  return [
    notice(`Proven: block ${number(fact.height)} of ${time(fact.time)} is certified by ${fact.quorum} of ${fact.validators} validators, and they lead back to the genesis that you trust.`, "good"),
    h("ul", { class: "checks" }, statements(subject, fact).map((line) => h("li", {}, "✓ ", line))),
    h("p", { class: "quiet small" }, `Genesis ${fact.genesis_hash}. Checked here in ${Math.round(milliseconds)} ms. It does not say that no later block changed it; see `, h("a", { href: "#/verify" }, "what a proof proves"), "."),
  ];
}

function statements(subject, fact) {
  if (fact.kind === "transaction") {
    return [`The transaction, as it was signed by the key ${fact.sender_key}, is number ${fact.index} of that block.`,
      `Its receipt is certified: ${fact.code === null ? "it succeeded" : `it failed with ${fact.code}`}.`, "Calls, events and returned values are what this page shows."];
  }
  if (fact.kind === "key") {
    if (fact.version === null) return [`${fact.contract} held nothing under this key, and never had.`];
    return [h("span", {}, `${fact.contract} held under this key, written by transaction ${fact.version.index} of block ${number(fact.version.height)}:`, boxed(fact.version.value === null ? "nothing: it was deleted" : value(stored(subject, fact))),
      subject.record && h("span", { class: "quiet" }, "The fields are named as this node's interface of the contract names them."))];
  }
  const whole = subject.shown ? ["Header, result, transactions and their outcomes are what this page shows."] : [];
  return [`The block's hash is ${fact.block_hash}.`, ...whole, ...fact.members.map((it) => `${it.id} of ${it.organisation} is a validator of it.`)];
}

// Evidence: what the node hands out, put together as a proof file (docs/protocol.md, proof files).

async function evidence(subject, record, signal) {
  if (subject.kind === "transaction") {
    const [, raw, index, count, path, receipt, receiptsPath, ...certified] = taken(await bytes(`/v1/transactions/${subject.id}/proof`, signal), 10);
    return file("transaction", certified, [raw, index, count, path, receipt, receiptsPath]);
  }
  if (subject.kind === "state") {
    const path = `/v1/state/${encodeURIComponent(subject.contract)}/${encodeURIComponent(subject.key)}`;
    const [, contract, key, proof, ...certified] = taken(await bytes(path, signal), 7);
    return file("key", certified, [contract, key, decode(certified[0])[HEIGHT_IN_HEADER], proof, []]);
  }
  const [, block, result, certificate] = taken(record, 5);
  return file("validators", [taken(block, 3)[1], result, certificate], []);
}

function taken(data, length) {
  const fields = decode(data);
  if (!Array.isArray(fields) || fields.length !== length) throw new Refused("the node sent something else than a proof");
  return fields;
}

function file(kind, certified, content) {
  return encode([1, kind, unhex(trusted()), null, [], [certified], content]);
}

async function bytes(path, signal) {
  return new Uint8Array(await (await fetchRaw(path, signal, BINARY)).arrayBuffer());
}

// What the page shows, held against what was proven.

function differs(subject, fact) {
  if (fact.kind === "validators") return subject.height === fact.height && subject.hash === fact.block_hash ? null : "another block";
  if (fact.kind === "key") {
    if (subject.contract !== fact.contract) return "another contract";
    const key = subject.key.startsWith("0x") ? `0x${fact.key}` : keyText(fact.key);
    if (subject.key !== key) return "another key";
    if (!subject.record || subject.shown === undefined) return null;
    return fact.version?.value && canonical(stored(subject, fact)) === canonical(subject.shown) ? null : "another value";
  }
  const { shown } = subject;
  if (subject.id !== fact.transaction_id) return "another transaction";
  const [, , , , , calls] = decode(decode(unhex(fact.raw))[1]);
  const [, , height, index, , code, events, , values] = decode(unhex(fact.receipt));
  const same = (one, other) => canonical(one) === canonical(other);
  if (shown.height !== height || shown.index !== index) return "another place in the ledger";
  if (shown.sender_key !== fact.sender_key) return "another sender";
  if (shown.receipt.code !== code) return "another outcome";
  if (!same(shown.calls, calls.map(([contract, method, args]) => ({ contract, method, args: tagged(args) })))) return "other calls";
  if (!same(shown.receipt.events, events.map(([contract, name, fields]) => ({ contract, name, fields: tagged(fields).map })))) return "other events";
  return same(shown.receipt.values, tagged(values)) ? null : "other values";
}

async function recordsOf(subject, signal) {
  return subject.record ? (await get(`/v1/contracts/${encodeURIComponent(subject.contract)}/abi`, signal)).abi.records : null;
}

/** Return a proven value; the fields of records, which are stored without them, with their names. */
function stored(subject, fact) {
  const it = decode(unhex(fact.version.value));
  return subject.record ? typed(tagged(it), subject.record, subject.records) : tagged(it);
}

/** Return a decoded value in the JSON form of the API. */
function tagged(it) {
  if (it === null || typeof it === "boolean" || typeof it === "string") return it;
  if (typeof it === "number" || typeof it === "bigint") return { int: String(it) };
  if (it instanceof Uint8Array) return { bytes: [...it].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
  if (Array.isArray(it)) return it.map(tagged);
  return { map: Object.fromEntries([...it].map(([name, item]) => [name, tagged(item)])) };
}

function canonical(it) {
  return JSON.stringify(it, (_, item) => (item && typeof item === "object" && !Array.isArray(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item));
}

/** Return a key of texts as the JSON array that addresses it; anything else as hexadecimal digits. */
function keyText(encoded) {
  const data = unhex(encoded);
  const parts = [];
  for (let at = 0; at < data.length;) {
    const end = data.indexOf(0, at);
    if (data[at] !== 2 || end < 0 || data[end + 1] === 0xff) return encoded;
    parts.push(new TextDecoder().decode(data.subarray(at + 1, end)));
    at = end + 1;
  }
  return JSON.stringify(parts);
}
