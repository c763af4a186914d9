"""From a verified block to the rows of the tables: pure, so that a rebuilt database is the same as the one before.

Contract values become JSON as people write it: integers are numbers, bytes lower-case hexadecimal text, maps objects.
What types were is told by the contract's interface. No database holds U+0000 in text, so it is replaced by U+FFFD.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from chain.identity import Member
from chain.index_terms import words
from chain.receipt import Receipt
from chain.transaction import Transaction
from tallystick.proof import VerifiedBlock

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]
"""Rows by table, in the order of gateway.follower.schema."""

REPLACEMENT: Final = "\ufffd"
NO_CONTRACT: Final = ""
"""Stands where an item is named by a memo rather than by a contract."""


def rows_of(block: VerifiedBlock, senders: Mapping[bytes, Member]) -> Rows:
    """Return what a block adds to each table; senders are members by their keys."""
    certified = block.certified
    header, height = certified.header, certified.header.height
    time = datetime.fromtimestamp(header.time / 1000, UTC).isoformat(timespec="milliseconds")
    rows: Rows = {
        "blocks": [
            (
                *(height, certified.block_hash.hex(), header.parent_hash.hex(), time.replace("+00:00", "Z")),
                *(header.time, header.proposer, header.epoch, len(block.transactions)),
                *(certified.result.state_root.hex(), certified.result.result_hash.hex()),
            )
        ],
        "transactions": [],
        "calls": [],
        "receipts": [],
        "events": [],
        "contract_items": [],
    }
    for index, (transaction, receipt) in enumerate(zip(block.transactions, block.receipts, strict=True)):
        place = (height, index)
        body = transaction.body
        sender = senders.get(body.sender_key)
        who = (None, None) if sender is None else (sender.member_id, sender.organisation)
        limits = (body.valid_until, body.gas_limit)
        texts = (_text(body.memo), _text(body.idempotency_key))
        rows["transactions"].append(
            (*place, transaction.transaction_id.hex(), *who, body.sender_key.hex(), *limits, *texts)
        )
        rows["calls"] += [
            (*place, number, call.contract, call.method, json_text(call.args)) for number, call in enumerate(body.calls)
        ]
        status = "succeeded" if receipt.succeeded else "failed"
        outcome = (status, _text(receipt.code), receipt.gas_used, json_text(receipt.values))
        rows["receipts"].append((*place, transaction.transaction_id.hex(), *outcome))
        rows["events"] += [
            (*place, number, event.contract, event.name, json_text(event.fields))
            for number, event in enumerate(receipt.events)
        ]
        rows["contract_items"] += [(item, contract, *place) for item, contract in sorted(_items(transaction, receipt))]
    return rows


def json_text(value: Any) -> str:
    """Return a contract value as JSON text."""
    return json.dumps(plain_json(value), ensure_ascii=False, separators=(",", ":"))


def plain_json(value: Any) -> Any:
    """Return a contract value as JSON that people read; bytes become hexadecimal text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {_text(key): plain_json(item) for key, item in value.items()}
    assert isinstance(value, Sequence), f"{type(value).__name__} is no contract value"
    return [plain_json(item) for item in value]


def _text(text: str | None) -> str | None:
    return None if text is None else text.replace("\x00", REPLACEMENT)


def _items(transaction: Transaction, receipt: Receipt) -> set[tuple[str, str]]:
    """Return what a transaction names, by the rules of the node's own index, each with the contract that is told it."""
    named: set[tuple[str, str]] = set()
    named.update(_named(words((transaction.body.memo,)), NO_CONTRACT))
    for call in transaction.body.calls:
        named.update(_named(words(call.args), call.contract))
    for event in receipt.events:
        named.update(_named(words(event.fields.values()), event.contract))
    return named


def _named(found: Iterable[str], contract: str) -> Iterator[tuple[str, str]]:
    return ((word.replace("\x00", REPLACEMENT), contract) for word in found)
