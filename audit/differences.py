"""Finds the first field in which a recorded outcome differs from the one that running the contracts again gives."""

from collections.abc import Iterator
from typing import Any, Final

from audit.block_checks import DecodedRecord
from audit.mismatch import Level, Mismatch
from chain.encoding import DecodeError, decode
from chain.execution import Execution
from chain.transaction import Transaction

RECEIPT_FIELDS: Final = (
    "version",
    "transaction_id",
    "height",
    "index",
    "status",
    "code",
    "events",
    "gas_used",
    "values",
)
EVENT_FIELDS: Final = ("contract", "name", "fields")
NOTHING: Final = "nothing"
TEXT_CHARACTERS_MAX: Final = 200


def outcome_difference(decoded: DecodedRecord, execution: Execution) -> Mismatch:
    """Return where a recorded outcome first differs from the executed one, which it does somewhere."""
    for index, (expected, found) in enumerate(zip(execution.receipts, decoded.record.receipts, strict=False)):
        if expected != found:
            return _receipt_difference(decoded, index, expected, found)
    if len(execution.receipts) != len(decoded.record.receipts):
        return _mismatch(decoded, "receipts", str(len(execution.receipts)), str(len(decoded.record.receipts)))
    executed, stated = execution.result, decoded.result
    if executed.receipts_root != stated.receipts_root:
        return _mismatch(decoded, "result.receipts_root", executed.receipts_root.hex(), stated.receipts_root.hex())
    ours, theirs = executed.next_validators_hash.hex(), stated.next_validators_hash.hex()
    if ours != theirs:
        return _mismatch(decoded, "result.next_validators_hash", ours, theirs)
    assert executed.state_root != stated.state_root, "the outcomes differ"
    detail = "all receipts agree, but the state that the validators signed is another one"
    return _mismatch(decoded, "result.state_root", executed.state_root.hex(), stated.state_root.hex(), detail)


def _mismatch(decoded: DecodedRecord, field: str, expected: str, found: str, detail: str = "") -> Mismatch:
    return Mismatch(Level.EXECUTION, decoded.height, field, expected, found, detail=detail)


def _receipt_difference(decoded: DecodedRecord, index: int, expected: bytes, found: bytes) -> Mismatch:
    transaction = decoded.transactions[index]
    path, ours, theirs = _first(_named(decode(expected)), _named_or_none(found), "receipt")
    contract = _contract_of(path, ours, transaction)
    transaction_id = transaction.transaction_id.hex()
    return Mismatch(Level.EXECUTION, decoded.height, path, _text(ours), _text(theirs), index, transaction_id, contract)


def _named(receipt: list[Any]) -> dict[str, Any]:
    named = dict(zip(RECEIPT_FIELDS, receipt, strict=True))
    named["events"] = [dict(zip(EVENT_FIELDS, event, strict=True)) for event in named["events"]]
    return named


def _named_or_none(receipt: bytes) -> Any:
    try:
        return _named(decode(receipt))
    except (DecodeError, TypeError, ValueError):
        return None


def _first(expected: Any, found: Any, path: str) -> tuple[str, Any, Any]:
    """Return the place of the first difference, and both values there."""
    for name, ours, theirs in _pairs(expected, found):
        if not _same(ours, theirs):
            return _first(ours, theirs, path + name)
    return path, expected, found


def _pairs(expected: Any, found: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in [*expected, *(key for key in found if key not in expected)]:
            yield f".{key}", expected.get(key, NOTHING), found.get(key, NOTHING)
    elif isinstance(expected, list) and isinstance(found, list):
        for place in range(max(len(expected), len(found))):
            ours = expected[place] if place < len(expected) else NOTHING
            yield f"[{place}]", ours, found[place] if place < len(found) else NOTHING


def _same(ours: Any, theirs: Any) -> bool:
    # True equals 1 to Python, but they are different values here.
    return type(ours) is type(theirs) and repr(ours) == repr(theirs)


def _contract_of(path: str, value: Any, transaction: Transaction) -> str:
    if path.startswith("receipt.events[") and isinstance(value, dict) and "contract" in value:
        return str(value["contract"])
    calls = transaction.body.calls
    if path.startswith("receipt.values["):
        call = int(path.removeprefix("receipt.values[").partition("]")[0])
        if call < len(calls):
            return calls[call].contract
    return calls[0].contract


def _text(value: Any) -> str:
    text = value.hex() if isinstance(value, bytes) else value if isinstance(value, str) else repr(value)
    return text if len(text) <= TEXT_CHARACTERS_MAX else f"{text[:TEXT_CHARACTERS_MAX]}..."
