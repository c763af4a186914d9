// Organisations, accounts, and what they decide together.

import { get } from "./api.js";
import { card, facts, h, label, table, tiles } from "./dom.js";
import { accountLink, blockLink, boxed, hash, number, organisationLink, path, status, time, value } from "./format.js";
import { MEMBERS, TRANSACTIONS, listing } from "./listing.js";

export async function organisationsPage({ signal }) {
  const columns = [
    ["Organisation", (it) => organisationLink(it.id)], ["Name", (it) => it.name],
    ["State", (it) => (it.active ? label("active", "good") : label("suspended", "bad"))],
    ["Root key", (it) => h("span", { class: "mono small" }, it.root_key)],
  ];
  return { title: "Organisations", content: [h("h1", {}, "Organisations"), await listing("All organisations", "/v1/organisations", "organisations", columns, signal, { limit: 100 })] };
}

export async function organisationPage({ values: [name], signal }) {
  const [it, network, validators] = await Promise.all([get(`/v1/organisations/${encodeURIComponent(name)}`, signal), get("/v1/network", signal), get("/v1/validators", signal)]);
  const own = validators.validators.filter((validator) => validator.organisation === it.id).map((validator) => validator.id);
  return { title: it.name, content: [
    h("div", { class: "row" }, h("h1", {}, it.name), it.active ? label("active", "good") : label("suspended", "bad")),
    h("p", { class: "lead" }, it.id),
    card("Organisation", facts([["Root key", hash(it.root_key, null, true)], ["Votes on proposals", network.governance.electorate.includes(it.id) ? "yes" : "no"], ["Validators", own.length ? own.join(", ") : "none"]]),
      { more: h("a", { href: `/v1/organisations/${it.id}` }, "JSON") }),
    await listing("Members", `/v1/organisations/${encodeURIComponent(name)}/members`, "members", MEMBERS, signal),
    await listing("What its accounts signed", `/v1/transactions?organisation=${encodeURIComponent(name)}`, "transactions", TRANSACTIONS, signal),
  ] };
}

export async function accountPage({ values: [name], signal }) {
  // A key stands for its account.
  const id = /^[0-9a-f]{64}$/.test(name) ? (await get(`/v1/members/${name}`, signal)).id : name;
  const it = await get(`/v1/accounts/${encodeURIComponent(id)}`, signal);
  return { title: id, content: [
    h("div", { class: "row" }, h("h1", {}, id), it.active ? label("active", "good") : label("revoked", "bad")),
    h("p", { class: "lead" }, "of ", organisationLink(it.organisation)),
    card("Keys", table("Keys", MEMBERS.slice(1), it.keys), { more: h("a", { href: `/v1/accounts/${it.id}` }, "JSON") }),
    await listing("Signed by it, or naming it", `/v1/transactions?mentions=${encodeURIComponent(id)}`, "transactions", TRANSACTIONS, signal),
  ] };
}

export async function proposalsPage({ signal }) {
  const columns = [
    ["Number", (it) => h("a", { href: path("proposals", it.number) }, it.number)], ["Asked for", (it) => it.action.replaceAll("_", " ")], ["Subject", (it) => it.subject],
    ["Status", (it) => status(it.status)], ["Votes", (it) => votes(it)], ["By", (it) => accountLink(it.proposer)], ["Block", (it) => blockLink(it.height), "number"],
  ];
  return { title: "Proposals", content: [h("h1", {}, "Proposals"), h("p", { class: "lead" }, "Decisions that the electorate was asked for."),
    await listing("All proposals", "/v1/proposals", "proposals", columns, signal, { empty: "Nothing was proposed yet." })] };
}

const votes = (it) => `${it.votes.filter((vote) => vote.approves).length} of ${it.approvals_required}`;

export async function proposalPage({ values: [id], signal }) {
  const it = await get(`/v1/proposals/${encodeURIComponent(id)}`, signal);
  const columns = [["Organisation", (vote) => organisationLink(vote.organisation)], ["Member", (vote) => accountLink(vote.member)],
    ["Vote", (vote) => (vote.approves ? label("approves", "good") : label("rejects", "bad"))], ["Block", (vote) => blockLink(vote.height), "number"]];
  return { title: `Proposal ${it.number}`, content: [
    h("div", { class: "row" }, h("h1", {}, `Proposal ${it.number}: ${it.action.replaceAll("_", " ")} ${it.subject}`), status(it.status)),
    h("p", { class: "lead" }, it.reason),
    tiles([["Approvals", votes(it), "needed"], ["Proposed in", blockLink(it.height), it.organisation], ["Open until", h("span", { class: "small" }, time(it.expires))], ["Decided in", it.decided_height ? blockLink(it.decided_height) : "–"]]),
    card("What it asks", facts([["Proposer", accountLink(it.proposer)], ["Arguments", boxed(value(it.args))]]), { more: h("a", { href: `/v1/proposals/${number(it.number)}` }, "JSON") }),
    card("Votes", table("Votes", columns, it.votes)),
  ] };
}
