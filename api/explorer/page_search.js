// What a search found.

import { get, withQuery } from "./api.js";
import { card, h, label, notice, table } from "./dom.js";
import { resultPath } from "./format.js";

export async function searchPage({ query, signal }) {
  const text = query.get("q") ?? "";
  const heading = h("h1", {}, `Search: ${text}`);
  if (!text.trim()) return { title: "Search", content: [heading, notice("Type a hash, a height, an account, an organisation, a contract, an item or a UETR.")] };
  const answer = await get(withQuery("/v1/search", { q: text, limit: 50 }), signal);
  const [only] = answer.results;
  if (only && answer.results.length === 1 && (only.id === text || only.type === "block")) location.replace(resultPath(only));
  const columns = [["Kind", (it) => label(it.type, "accent")], ["Name", (it) => h("a", { href: resultPath(it) }, it.id)], ["What", (it) => it.description]];
  const nothing = [notice("Nothing on this ledger has this name."), h("p", { class: "quiet" }, "Names are found from their beginning; a word within a text is not."),
    !answer.indexed && notice("This node keeps no index: identifiers inside transactions are not searched.", "warn")];
  return { title: `Search: ${text}`, content: [heading, answer.results.length ? card(`${answer.results.length} found`, table("Results", columns, answer.results), { more: h("a", { href: withQuery("/v1/search", { q: text }) }, "JSON") }) : nothing] };
}
