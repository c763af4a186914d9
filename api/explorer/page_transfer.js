// The story of a transfer: quote, acceptance, screenings, payout or return, each with the block that holds it.

import { ApiError, get, view } from "./api.js";
import { card, facts, h, label, tiles } from "./dom.js";
import { accountLink, blockLink, boxed, fields, plain, time, transactionLink } from "./format.js";
import { EVENTS, TRANSACTIONS, listing } from "./listing.js";
import { proofCard } from "./proof.js";

const CONTRACT = "remittance";
const KINDS = { paid_out: "good", accepted: "accent", returned: "warn", rejected: "bad", cancelled: "warn", expired: "warn" };
const STEPS = ["Accepted", "Screened", "PaidOut", "Released", "Returned"];

export async function transferPage({ values: [uetr], signal }) {
  const [raw, events] = await Promise.all([transferOf(uetr, signal), get(`/v1/events?mentions=${encodeURIComponent(uetr)}&order=asc&limit=100`, signal)]);
  const transfer = raw && plain(raw);
  const heading = h("h1", {}, "Transfer");
  const named = await listing("Transactions that name it", `/v1/transactions?mentions=${encodeURIComponent(uetr)}`, "transactions", TRANSACTIONS, signal, { limit: 10, empty: "No transaction names it." });
  if (!transfer) {
    return { title: `Transfer ${uetr}`, content: [heading, h("p", { class: "lead mono" }, uetr), await listing("Events", `/v1/events?mentions=${encodeURIComponent(uetr)}`, "events", EVENTS, signal, { empty: "No event names it." }), named] };
  }
  const { terms } = transfer;
  const own = events.events.filter((event) => STEPS.includes(event.name));
  return { title: `Transfer ${uetr}`, content: [
    h("div", { class: "row" }, heading, label(transfer.state.replaceAll("_", " "), KINDS[transfer.state] ?? ""), transfer.reason && label(transfer.reason, "bad")),
    h("p", { class: "lead mono" }, uetr),
    tiles([["Sent", money(terms.source_amount, terms.source_currency), `by ${terms.sender}`], ["Arrives", money(terms.target_amount, terms.target_currency), `at ${terms.receiver}`],
      ["Fee", money(transfer.fee, terms.source_currency), `charges ${terms.charge_bearer}`], ["Rate", rate(terms), `quote ${terms.quote}`]]),
    h("div", { class: "grid" },
      card("Steps", steps(transfer, own), { size: "half" }),
      card("Terms", facts([["Corridor", transfer.corridor], ["FX provider", transfer.fx_provider], ["Expires", time(transfer.expires_at)], ["Sender's reference", terms.sender_reference],
        ["Travel rule data", h("span", { class: "mono small" }, terms.travel_rule)], ["Screened by sender", screening(transfer.sender_screening)], ["Screened by receiver", screening(transfer.receiver_screening)]]),
      { size: "half", more: h("a", { href: `/v1/contracts/${CONTRACT}/views/transfer_of?args=${encodeURIComponent(JSON.stringify([uetr]))}` }, "JSON") }),
      proofCard({ kind: "state", contract: CONTRACT, key: JSON.stringify(["transfers", uetr]), record: "Transfer", shown: raw }, signal)),
    named,
  ] };
}

async function transferOf(uetr, signal) {
  try {
    return (await view(CONTRACT, "transfer_of", [uetr], signal)).value;
  } catch (error) {
    if (error instanceof ApiError && [404, 422].includes(error.status)) return null;
    throw error;
  }
}

function steps(transfer, events) {
  const done = events.map((event) => h("li", { class: wrong(event) ? "wrong" : null },
    h("div", { class: "row" }, h("b", {}, title(event)), h("time", {}, time(event.time))),
    h("div", {}, "by ", accountLink(event.fields.by), ", block ", blockLink(event.height), ", ", transactionLink(event.transaction_id)),
    h("details", { class: "small" }, h("summary", {}, "Fields"), boxed(fields(event.fields)))));
  const waiting = transfer.state === "accepted" ? [h("li", { class: "waiting" }, h("b", {}, "Payout"), h("div", { class: "quiet" }, "waits for both screenings"))] : [];
  return h("ol", { class: "journey" }, done, waiting);
}

const wrong = (event) => event.fields.passed === false || event.name === "Released";

function title(event) {
  const { fields: known } = event;
  if (event.name === "Screened") return `Screened by the ${known.side}: ${known.passed ? "passed" : `stopped (${known.reason})`}`;
  const titles = { Accepted: "Accepted, money locked", PaidOut: "Paid out", Released: `Released: ${known.state} (${known.reason})`, Returned: `Returned (${known.reason})` };
  return titles[event.name] ?? event.name;
}

const screening = (it) => (it ? [it.passed ? label("passed", "good") : label("stopped", "bad"), it.reason ? ` ${it.reason}` : null] : "not yet");

function minor(currency) {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  } catch {
    return 0;
  }
}

function money(amount, currency) {
  const digits = minor(currency);
  return `${new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(amount / 10 ** digits)} ${currency}`;
}

function rate(terms) {
  const source = terms.source_amount / 10 ** minor(terms.source_currency), target = terms.target_amount / 10 ** minor(terms.target_currency);
  return source ? (target / source).toPrecision(5) : "–";
}
