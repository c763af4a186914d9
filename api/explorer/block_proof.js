// A block's page held against the block itself: whatever it shows stands in the header, in the result, or below their roots.

import { Refused, decode, hex } from "./verify.js";

const isBytes = (it) => it instanceof Uint8Array;

async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer()));
}

const tagged = (tag, data) => sha256(new TextEncoder().encode(`tallystick/1/${tag}\0`), data);

/** Return the root of a tree over leaves (docs/protocol.md, Merkle trees). */
async function rootOf(leaves) {
  let level = await Promise.all(leaves.map((leaf) => sha256(Uint8Array.of(0), leaf)));
  if (level.length === 0) return sha256();
  while (level.length > 1) {
    const above = [];
    for (let at = 0; at < level.length; at += 2) {
      above.push(at + 1 < level.length ? sha256(Uint8Array.of(1), level[at], level[at + 1]) : level[at]);
    }
    level = await Promise.all(above);
  }
  return level[0];
}

async function transactionOf(raw) {
  const [, body, signature] = decode(raw, 1, 4);
  const id = await tagged("transaction", body);
  return { id: hex(id), leaf: new Uint8Array(await new Blob([id, signature]).arrayBuffer()) };
}

/**
 * Return what a page shows of a block otherwise than its certified header and result have it, null if nothing.
 * `record` is the recorded block whose header and result were proven; throws Refused where its own transactions or
 * receipts are not those of the header.
 */
export async function blockDiffers(shown, record) {
  const [, block, result, certificate, receipts] = decode(record);
  const [, header, transactions] = decode(block);
  const [version, chain, height, parent, parentResult, history, time, proposer, root, validators, epoch] = decode(header);
  const [, state, receiptsRoot, following] = decode(result);
  if (![...transactions, ...receipts].every(isBytes)) throw new Refused("a malformed block");
  const placed = await Promise.all(transactions.map(transactionOf));
  if (hex(await rootOf(placed.map(({ leaf }) => leaf))) !== hex(root)) throw new Refused("the transactions do not lead to the certified root");
  if (hex(await rootOf(receipts)) !== hex(receiptsRoot)) throw new Refused("the receipts do not lead to the certified root");
  const [, , , , , view, , , votes] = decode(certificate);
  const outcomes = receipts.map((receipt) => (decode(receipt)[4] === 0 ? "succeeded" : "failed"));
  const resultHash = await tagged("result", await new Blob([state, receiptsRoot, following]).arrayBuffer());
  const pairs = {
    version: [shown.version, version], chain: [shown.chain_id, hex(chain)], height: [shown.height, height], parent: [shown.parent_hash, hex(parent)],
    "parent's result": [shown.parent_result_hash, hex(parentResult)], "history root": [shown.history_root, hex(history)], time: [shown.time, time],
    proposer: [shown.proposer, proposer], "transactions root": [shown.transactions_root, hex(root)], validators: [shown.validators_hash, hex(validators)],
    epoch: [shown.epoch, epoch], view: [shown.view, view], size: [shown.size, block.length], result: [shown.result.hash, hex(resultHash)],
    "state root": [shown.result.state_root, hex(state)], "receipts root": [shown.result.receipts_root, hex(receiptsRoot)],
    "next validators": [shown.result.next_validators_hash, hex(following)], "number of transactions": [shown.transaction_count, transactions.length],
    signers: [shown.certificate.signatures.map((it) => it.validator).join(), votes.map(([name]) => name).join()],
    transactions: [shown.transactions.map((it) => `${it.id} ${it.status}`).join(), placed.map(({ id }, at) => `${id} ${outcomes[at]}`).join()],
  };
  const other = Object.entries(pairs).find(([, [page, proof]]) => page !== proof);
  return other ? `${other[0]} of the block` : null;
}
