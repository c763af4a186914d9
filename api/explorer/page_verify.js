// What this reader trusts, the head checked against it, and proof files from elsewhere.

import { fetchRaw, get } from "./api.js";
import { button, card, facts, h, label, notice, show } from "./dom.js";
import { hash, number } from "./format.js";
import { distrust, proofCard, refused, trustForm, trusted } from "./proof.js";
import { verify } from "./verify.js";

export async function verifyPage({ signal }) {
  const network = await get("/v1/network", signal);
  const own = h("div");
  const draw = () => show(own, mine(network, draw), network.head.height ? proofCard({ kind: "block", height: network.head.height, hash: network.head.hash }, signal) : null, fileCard(signal));
  draw();
  return { title: "Verify", content: [
    h("h1", {}, "Verify"),
    h("p", { class: "lead" }, "A node may lie. Whoever knows the genesis hash need not believe it: blocks, transactions and stored values are proven by the validators' signatures, checked in this page."),
    own,
    card("What a proof proves", h("div", { class: "body" },
      h("p", {}, "A quorum of the validators, who lead back to the genesis, signed this block together with its outcome; the transaction, receipt or value is part of it."),
      h("p", {}, "It does not prove that no later block changed a value, that the outcome is what the contract's code demands (an audit runs everything again), that what members recorded is true in the world, or that this page is the one that was published: who does not trust the node for its page either takes a proof file to a verifier of their own."))),
  ] };
}

function mine(network, draw) {
  const known = trusted();
  if (known === null) {
    return card("What you trust", h("div", { class: "body" }, trustForm(draw),
      h("p", { class: "quiet" }, "This node says that its ledger has the genesis hash ", h("span", { class: "mono" }, network.genesis_hash), ". That is worth nothing until somebody whom you believe says the same.")));
  }
  const agrees = known === network.genesis_hash;
  return card("What you trust", [facts([["Genesis hash", hash(known, null, true)], ["This node", agrees ? label("says the same", "good") : label("speaks of another ledger", "bad")]]),
    h("div", { class: "pager" }, button("Forget it", () => { distrust(); draw(); }), h("span", { class: "quiet small" }, "Kept in this browser alone."))]);
}

function fileCard(signal) {
  const verdict = h("div", { "aria-live": "polite" });
  const input = h("input", { type: "file", id: "proof-file", "aria-label": "Proof file" });
  input.addEventListener("change", async () => {
    const [chosen] = input.files;
    if (!chosen) return;
    if (trusted() === null) { show(verdict, notice("Say first which genesis hash you trust.", "warn")); return; }
    try {
      const genesis = new Uint8Array(await (await fetchRaw("/v1/genesis", signal, "application/octet-stream")).arrayBuffer());
      const fact = await verify(new Uint8Array(await chosen.arrayBuffer()), genesis, trusted());
      show(verdict, notice(`Proven: certified by ${fact.quorum} of ${fact.validators} validators at height ${number(fact.height)}.`, "good"), h("pre", { class: "small statement" }, JSON.stringify(fact, null, 2)));
    } catch (error) {
      show(verdict, refused(error));
    }
  });
  return card("A proof file", h("div", { class: "body" }, h("p", { class: "quiet" }, "Made by tally prove, or by another node of this ledger."), input, verdict));
}
