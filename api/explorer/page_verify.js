// What this reader trusts: the genesis hash.

import { get } from "./api.js";
import { card, facts, h } from "./dom.js";
import { hash } from "./format.js";

export async function verifyPage({ signal }) {
  const network = await get("/v1/network", signal);
  return { title: "Verify", content: [h("h1", {}, "Verify"), card("This ledger", facts([["Genesis hash", hash(network.genesis_hash, null, true)]]))] };
}
