"""How receipts are shown, as JSON and to people."""

from datetime import UTC, datetime
from typing import Any

from chain.json_values import fields_to_json, to_json
from chain.receipt import Receipt
from chain.types import Milliseconds
from cli.colours import bad, good


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as JSON."""
    return {
        "id": receipt.transaction_id.hex(),
        "height": receipt.height,
        "index": receipt.index,
        "status": "succeeded" if receipt.succeeded else "failed",
        "code": receipt.code,
        "gas_used": receipt.gas_used,
        "events": [
            {"contract": event.contract, "name": event.name, "fields": fields_to_json(event.fields)}
            for event in receipt.events
        ],
        "values": [to_json(value) for value in receipt.values],
    }


def receipt_text(receipt: Receipt) -> str:
    """Return a receipt in lines for people."""
    lines = [
        f"transaction {receipt.transaction_id.hex()}",
        f"block {receipt.height}, index {receipt.index}",
        good("succeeded") if receipt.succeeded else bad(f"FAILED: {receipt.code}"),
        f"gas used {receipt.gas_used}",
    ]
    lines += [f"event {event.contract}.{event.name} {plain(event.fields)}" for event in receipt.events]
    lines += [f"value {plain(value)}" for value in receipt.values if value is not None]
    return "\n".join(lines)


def moment(time: Milliseconds) -> str:
    """Return a time as people read it."""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def plain(value: Any) -> str:
    """Return a contract value as people read it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {plain(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(plain(item) for item in value) + "]"
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    return printable(value) if isinstance(value, str) else str(value)


def printable(text: str) -> str:
    """Return text with escapes for what a terminal would act upon: on a ledger anybody may have written it."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
