"""`tally audit diff`: the first height at which two histories, or two state databases, part, with both sides.

Neither side is trusted, and neither is checked: only what they show is compared, block by block. Certificates are left
out, because honest nodes have different ones of the same block.
"""

from collections.abc import Callable, Iterator
from typing import Any

from audit.block_checks import DecodedRecord, decode_record
from audit.consistency import genesis_hash_of
from audit.mismatch import AuditMismatch
from audit.source import BlockSource
from audit.state_differences import LeafDifference, leaf_differences
from chain.state_database import StateDatabase
from chain.values import dataclass

HEADER_FIELDS = (
    "version",
    "chain_id",
    "height",
    "parent_hash",
    "parent_result_hash",
    "history_root",
    "time",
    "proposer",
    "transactions_root",
    "validators_hash",
    "epoch",
)
RESULT_FIELDS = ("state_root", "receipts_root", "next_validators_hash")


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field with both sides."""

    field: str
    a: str
    b: str


@dataclass(frozen=True, slots=True)
class HistoryDifference:
    """How two histories compare."""

    height: int | None
    """The first height at which they part; 0 for the genesis, None if they do not as far as both go."""
    a_height: int
    b_height: int
    fields: tuple[FieldDifference, ...]


@dataclass(frozen=True, slots=True)
class StateDifference:
    """How two state databases compare."""

    a_height: int
    b_height: int
    count: int
    """Keys that differ."""
    first: tuple[LeafDifference, ...]
    """Those of them that were written first."""


def compare_histories(a: BlockSource, b: BlockSource, on_progress: Callable[[int, int], None]) -> HistoryDifference:
    """Compare block by block up to the first difference.

    Raises:
        SourceUnreadable: when a source cannot be read.
        AuditMismatch: when one finds something false itself.
    """
    heights = (a.head_height(), b.head_height())
    ours, theirs = genesis_hash_of(a), genesis_hash_of(b)
    if ours != theirs:
        return HistoryDifference(0, *heights, (FieldDifference("genesis_hash", ours, theirs),))
    common = min(heights)
    for height, (left, right) in enumerate(zip(a.blocks(1, common), b.blocks(1, common), strict=True), 1):
        if left != right:
            fields = tuple(_record_differences(height, left, right))
            if fields:
                return HistoryDifference(height, *heights, fields)
        on_progress(height, common)
    return HistoryDifference(None, *heights, ())


def compare_states(a: StateDatabase, b: StateDatabase) -> StateDifference:
    """Compare all leaves; both databases hold the state of some block."""
    assert a.head is not None and b.head is not None, "a state belongs to a block"
    count, first = leaf_differences(a, b)
    return StateDifference(a.head.height, b.head.height, count, tuple(first))


def _record_differences(height: int, left: bytes, right: bytes) -> Iterator[FieldDifference]:
    try:
        a, b = decode_record(height, left), decode_record(height, right)
    except AuditMismatch as error:
        yield FieldDifference("block", _form(height, left), _form(height, right) or str(error))
        return
    for name in HEADER_FIELDS:
        yield from _field(f"header.{name}", getattr(a.block.header, name), getattr(b.block.header, name))
    for name in RESULT_FIELDS:
        yield from _field(f"result.{name}", getattr(a.result, name), getattr(b.result, name))
    yield from _list_differences("transaction", _ids(a), _ids(b))
    if _ids(a) == _ids(b):
        yield from _list_differences("transaction bytes", _hexes(a.block.transactions), _hexes(b.block.transactions))
    yield from _list_differences("receipt", _receipts(a), _receipts(b))


def _form(height: int, data: bytes) -> str:
    try:
        return decode_record(height, data).block.block_hash.hex()
    except AuditMismatch as error:
        return f"no recorded block: {error.mismatch.found}"


def _field(name: str, a: Any, b: Any) -> Iterator[FieldDifference]:
    if a != b:
        yield FieldDifference(name, *(each.hex() if isinstance(each, bytes) else str(each) for each in (a, b)))


def _list_differences(name: str, a: list[str], b: list[str]) -> Iterator[FieldDifference]:
    for index in range(max(len(a), len(b))):
        left = a[index] if index < len(a) else "nothing"
        right = b[index] if index < len(b) else "nothing"
        if left != right:
            yield FieldDifference(f"{name} {index}", left, right)


def _ids(decoded: DecodedRecord) -> list[str]:
    return [transaction.transaction_id.hex() for transaction in decoded.transactions]


def _hexes(values: tuple[bytes, ...]) -> list[str]:
    return [value.hex() for value in values]


def _receipts(decoded: DecodedRecord) -> list[str]:
    return [
        f"{'ok' if receipt.code is None else receipt.code}, gas {receipt.gas_used}, events {len(receipt.events)}, "
        f"values {list(receipt.values)!r}"
        + "".join(f", {event.contract}.{event.name} {dict(event.fields)!r}" for event in receipt.events)
        for receipt in decoded.receipts
    ]
