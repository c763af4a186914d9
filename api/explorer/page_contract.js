// Contracts: what they offer, their source, views to call, events, what they store, versions.

import { ApiError, get, view, withQuery } from "./api.js";
import { button, card, facts, h, label, notice, show, table, tiles } from "./dom.js";
import { accountLink, blockLink, boxed, contractLink, hash, number, path, typed, value } from "./format.js";
import { inputFor, read } from "./form.js";
import { source } from "./highlight.js";
import { EVENTS, TRANSACTIONS, listing } from "./listing.js";
import { proofCard } from "./proof.js";

const TABS = [["About", "about", about], ["Source", "source", code], ["Views", "views", views], ["Events", "events", events],
  ["Transactions", "transactions", transactions], ["State", "state", state], ["Versions", "versions", versions]];

export async function contractsPage({ signal }) {
  const columns = [
    ["Contract", (it) => contractLink(it.name)], ["Version", (it) => it.version, "number"], ["Deployed by", (it) => deployer(it.deployer)],
    ["Block", (it) => (it.height ? blockLink(it.height) : "genesis"), "number"], ["State", (it) => (it.frozen ? label("frozen", "warn") : label("in force", "good"))],
    ["Source", (it) => hash(it.source_hash)],
  ];
  const room = await get("/v1/contracts?limit=1", signal);
  const taken = `They take ${number(room.code_tokens)} of the ${number(room.code_tokens_max)} tokens of code that this ledger keeps ready to run.`;
  return { title: "Contracts", content: [h("h1", {}, "Contracts"), h("p", { class: "lead" }, taken), await listing("All contracts", "/v1/contracts", "contracts", columns, signal)] };
}

const deployer = (name) => (name.includes(".") ? accountLink(name) : name);

export async function contractPage({ values: [name, tab = "about"], query, signal }) {
  const root = `/v1/contracts/${encodeURIComponent(name)}`;
  const [contract, { abi }] = await Promise.all([get(root, signal), get(`${root}/abi`, signal)]);
  const [, , draw] = TABS.find(([, id]) => id === tab) ?? TABS[0];
  const tabs = h("nav", { class: "tabs", "aria-label": "Parts of the contract" }, TABS.map(([title, id]) =>
    h("a", { href: id === "about" ? path("contracts", name) : path("contracts", name, id), "aria-current": id === tab ? "page" : null }, title)));
  return { title: name, content: [
    h("div", { class: "row" }, h("h1", {}, name), label(`version ${contract.version}`), contract.frozen && label("frozen", "warn")),
    h("p", { class: "lead" }, abi.doc.split("\n\n")[0]), tabs, await draw({ contract, abi, root, query, signal }) ] };
}

function about({ contract, abi, root }) {
  const signature = (it) => [h("b", {}, it.name), `(${it.params.map((param) => `${param.name}: ${param.type}`).join(", ")})`, it.returns && it.returns !== "None" ? ` → ${it.returns}` : null];
  const columns = [["Method", (it) => [h("span", { class: "mono small" }, signature(it)), it.doc && h("div", { class: "quiet" }, it.doc)]], ["Kind", (it) => label(it.kind, it.kind === "view" ? "accent" : "")],
    ["Fails with", (it) => h("span", { class: "small quiet" }, it.errors.join(", "))]];
  const kinds = (it) => (it.kind === "var" ? it.value : `${it.kind} [${it.key.join(", ")}]${it.value ? ` → ${it.value}` : ""}`);
  const rest = abi.doc.split("\n\n").slice(1).join("\n\n");
  return h("div", { class: "grid" },
    card("Contract", facts([["Deployed by", deployer(contract.deployer)], ["In force since", contract.height ? blockLink(contract.height) : "genesis"], ["Source hash", hash(contract.source_hash, null, true)], ["Language", contract.language],
      ["About", rest ? h("details", {}, h("summary", {}, "What its source says of it"), rest.split("\n\n").map((part) => h("p", {}, part))) : null]]), { more: h("a", { href: root }, "JSON") }),
    card(`Methods (${abi.methods.length})`, table("Methods", columns, abi.methods), { more: h("a", { href: `${root}/abi` }, "ABI") }),
    card("Storage", table("Storage", [["Name", (it) => h("span", { class: "mono" }, it.name)], ["Kind", (it) => h("span", { class: "mono small" }, kinds(it))]], abi.storage), { size: "half" }),
    card("Events", table("Events", [["Event", (it) => it.name], ["Fields", (it) => h("span", { class: "mono small" }, it.fields.map((field) => `${field.name}: ${field.type}`).join(", "))]], abi.events), { size: "half" }));
}

function code({ contract, root }) {
  return card("Source", source(contract.source), { more: [h("span", { class: "quiet" }, `${number(contract.source.split("\n").length)} lines`), h("a", { href: root }, "JSON")] });
}

function views({ contract, abi, query, signal }) {
  const methods = abi.methods.filter((method) => method.kind === "view");
  if (!methods.length) return notice("This contract has no views.");
  return methods.map((method) => {
    const inputs = method.params.map((param) => inputFor(param, abi));
    const answer = h("div", { "aria-live": "polite" });
    const form = h("form", {}, inputs.map((input, at) => h("label", { class: "field" }, h("span", {}, `${method.params[at].name}: ${method.params[at].type}`), input)),
      h("button", { class: "plain primary" }, "Call"), answer);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const args = inputs.map((input, at) => read(input, method.params[at]));
        const reply = await view(contract.name, method.name, args, signal);
        show(answer, h("h3", {}, `At height ${number(reply.height)}, ${number(reply.gas_used)} gas`), boxed(value(reply.value)));
      } catch (error) {
        if (!(error instanceof ApiError || error instanceof SyntaxError || error instanceof TypeError)) throw error;
        show(answer, notice(error.problem?.contract_code ? `The contract refuses: ${error.problem.contract_code}` : error.message, "bad"));
      }
    });
    const open = query.get("view") === method.name || methods.length === 1;
    return h("details", { class: "card", open }, h("summary", { class: "body" }, h("b", { class: "mono" }, method.name), " ", h("span", { class: "quiet" }, method.doc)), h("div", { class: "body" }, form));
  });
}

function events({ contract, signal }) {
  return listing("Events", `/v1/events?contract=${contract.name}`, "events", EVENTS, signal);
}

function transactions({ contract, signal }) {
  return listing("Transactions", `/v1/transactions?contract=${contract.name}`, "transactions", TRANSACTIONS, signal);
}

async function state({ contract, abi, query, signal }) {
  const chosen = query.get("prefix") ?? "";
  const select = h("select", { class: "text", "aria-label": "Storage" }, h("option", { value: "" }, "all storage"), abi.storage.map((it) => h("option", { value: it.name, selected: it.name === chosen }, it.name)));
  select.addEventListener("change", () => { location.hash = `${path("contracts", contract.name, "state")}${select.value ? `?prefix=${select.value}` : ""}`; });
  const proof = h("div");
  const kindOf = (it) => abi.storage.find((one) => Array.isArray(it.key) && one.name === it.key[0])?.value ?? "";
  const columns = [
    ["Key", (it) => h("span", { class: "mono small" }, Array.isArray(it.key) ? it.key.map((part) => (typeof part === "object" ? Object.values(part)[0] : String(part))).join(" · ") : it.key)],
    ["Value", (it) => boxed(value(typed(it.value, kindOf(it), abi.records)))],
    ["Proof", (it) => button("Prove", () => { show(proof, proofCard({ kind: "state", contract: contract.name, key: it.key_raw, record: kindOf(it) }, signal)); proof.scrollIntoView({ block: "nearest" }); })],
  ];
  const where = withQuery(`/v1/state/${contract.name}`, { prefix: chosen ? JSON.stringify([chosen]) : null });
  return [h("div", { class: "row" }, h("div", {}, select)), h("p", {}), proof, await listing("Keys and values", where, "entries", columns, signal, { empty: "Nothing is stored." })];
}

function versions({ contract, root, signal }) {
  const columns = [["Version", (it) => it.version, "number"], ["By", (it) => deployer(it.deployer)], ["Since", (it) => (it.height ? blockLink(it.height) : "genesis")], ["Source hash", (it) => hash(it.source_hash)],
    ["Source", (it) => h("a", { href: `${root}/versions/${it.version}` }, it.version === contract.version ? "JSON, in force" : "JSON")]];
  return listing("Versions", `${root}/versions`, "versions", columns, signal);
}
