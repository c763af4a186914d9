// Proofs as the node gives them, for whoever checks them elsewhere.

import { card, facts, h } from "./dom.js";

/** Return a card with the proof of a block, a transaction, or a key of the state. */
export function proofCard(subject) {
  const sources = {
    block: () => `/v1/blocks/${subject.height}/raw`,
    transaction: () => `/v1/transactions/${subject.id}/proof`,
    state: () => `/v1/state/${encodeURIComponent(subject.contract)}/${encodeURIComponent(subject.key)}?proof`,
  };
  return card("Proof", facts([["From this node", h("a", { href: sources[subject.kind]() }, "fetch it")]]));
}
