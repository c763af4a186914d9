"""Measures an audit as a share of what checking its signatures alone allows, in one process and one run.

    python -m benchmarks.audit [--blocks 20] [--transactions 200] [--rounds 7] [--json FILE]

The history is made first, in memory: transfers with three reads, three writes and one event, signed by eight
organisations, certified by three of four validators. Then, in turn and several times: every signature alone (on
transactions and votes that were decoded before), the audit without contracts (`--level receipts`), and the whole audit.
Figures are processor time of this process, the least of all rounds, as other work on a machine only ever adds; each
round measures all of them, so that they see the same machine. What several processes bring: benchmarks.audit_spread.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from audit.auditor import run_audit
from audit.mismatch import Level
from audit.verdict import Outcome
from benchmarks.executor_workload import ACCOUNTS, KEYS, SEEDS, transfer_genesis
from chain.certificate import VOTE_TAG, Certificate, Phase, Subject, sign_vote
from chain.crypto import verify
from chain.ledger import Ledger, open_ledger
from chain.next_block import next_block
from chain.recorded_block import RecordedBlock
from chain.state_database import StateDatabase
from chain.storage import MemoryStore
from chain.transaction import Call, Transaction, TransactionBody, sign_transaction, verify_transaction
from chain.types import Milliseconds, ValidatorId, View
from contracts.engine.runtime import Engine

BLOCK_MS: Final = 50
VALID_MS: Final = 60_000


@dataclass(slots=True)
class History:
    """Implements audit.source.BlockSource; keeps what the signatures alone need."""

    genesis_bytes: bytes
    records: list[bytes]
    transactions: list[Transaction]
    votes: list[tuple[bytes, bytes, bytes]]
    """Key, payload and signature of each vote in a certificate."""

    def genesis(self) -> bytes:
        return self.genesis_bytes

    def head_height(self) -> int:
        return len(self.records)

    def blocks(self, first: int, last: int) -> Iterator[bytes]:
        yield from self.records[first - 1 : last]


def make_history(blocks: int, transactions: int) -> History:
    """Return a history of so many blocks with so many transfers each."""
    genesis = transfer_genesis()
    ledger = open_ledger(genesis, StateDatabase(MemoryStore()), Engine())
    history = History(genesis.encoded(), [], [], [])
    gas_limit = genesis.parameters.block_gas_max // transactions
    for height in range(blocks):
        numbers = range(height * transactions, (height + 1) * transactions)
        batch = [_transfer(ledger, number, gas_limit) for number in numbers]
        _decide(ledger, history, batch)
    return history


def _transfer(ledger: Ledger, number: int, gas_limit: int) -> Transaction:
    sender, account = number % len(KEYS), f"account{number % ACCOUNTS}"
    head = ledger.head
    calls = (Call("transfer", "transfer", (account, 1)),)
    body = TransactionBody(
        head.chain_id, KEYS[sender], number.to_bytes(16, "big"), Milliseconds(head.time + VALID_MS), calls, gas_limit
    )
    return sign_transaction(body, SEEDS[sender])


def _decide(ledger: Ledger, history: History, batch: list[Transaction]) -> None:
    head, validators = ledger.head, ledger.genesis.validators
    block = next_block(head, batch, head.time + BLOCK_MS)
    execution = ledger.execute(block, lambda transaction: True)
    assert all(b"insufficient" not in receipt for receipt in execution.receipts), "transfers succeed"
    place = (block.header.height, View(0), block.block_hash, execution.result.result_hash)
    subject = Subject(head.chain_id, validators.epoch, *place)
    signatures: list[tuple[ValidatorId, Any]] = []
    for name, seed, key in zip(validators.ids[: validators.quorum], SEEDS, KEYS, strict=False):
        signature = sign_vote(seed, Phase.COMMIT, subject)
        signatures.append((name, signature))
        history.votes.append((key, subject.payload(Phase.COMMIT), signature))
    certificate = Certificate(Phase.COMMIT, subject, tuple(signatures))
    record = RecordedBlock(block.raw, execution.result.encoded(), certificate.encoded(), execution.receipts)
    history.records.append(record.encoded())
    history.transactions += batch
    ledger.apply(execution)


def check_signatures(history: History) -> None:
    """Check all signatures and do nothing else."""
    assert all(map(verify_transaction, history.transactions))
    assert all(verify(key, VOTE_TAG, payload, signature) for key, payload, signature in history.votes)


def audit_to(level: Level) -> Callable[[History], None]:
    """Return a function that audits a history up to a level."""

    def audit(history: History) -> None:
        verdict = run_audit(history, level=level)
        assert verdict.outcome is Outcome.OK, verdict.first_mismatch

    return audit


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--blocks", type=int, default=20)
    parser.add_argument("--transactions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    history = make_history(options.blocks, options.transactions)
    actions = {
        "signatures alone": check_signatures,
        "--level transactions": audit_to(Level.TRANSACTIONS),
        "--level receipts": audit_to(Level.RECEIPTS),
        "everything": audit_to(Level.EXECUTION),
    }
    actions["everything"](history)
    rounds = [{name: _seconds(action, history) for name, action in actions.items()} for _ in range(options.rounds)]
    least = {name: min(each[name] for each in rounds) for name in actions}
    count, alone = len(history.transactions), least["signatures alone"]
    signatures = count + len(history.votes)
    print(f"{options.blocks} blocks of {options.transactions} transactions, {signatures:,} signatures; processor time")
    for name, seconds in least.items():
        print(f"{name:<22}{count / seconds:>9,.0f} transactions/s a core   {alone / seconds:>5.0%} of signatures alone")
    if options.json is not None:
        shape = {"blocks": options.blocks, "transactions": count, "signatures": signatures}
        options.json.write_text(json.dumps({**shape, "seconds": least}, indent=2) + "\n", encoding="utf-8")


def _seconds(action: Callable[[History], None], history: History) -> float:
    began = time.process_time()
    action(history)
    return time.process_time() - began


if __name__ == "__main__":
    main()
