"""From a verified block to the messages that are published about it: pure, so that a repeated one is the same.

Each message has an id that follows from the ledger alone. What is larger than a server takes is sent in parts, which
together are the body; each part has an id of its own.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chain.json_values import fields_to_json
from tallystick.following import LedgerEvent, events_of
from tallystick.proof import VerifiedBlock

CHAIN_DIGITS: Final = 16
"""Of the genesis hash, in ids; the whole one is in a header."""
HEADER_BYTES_MAX: Final = 1024
"""What a server counts beside the body."""
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `id` becomes the header Nats-Msg-Id."""

    subject: str
    id: str
    body: bytes
    headers: Mapping[str, str]


def event_messages(block: VerifiedBlock, prefix: str, message_bytes_max: int) -> list[Message]:
    """Return a message for each event, as JSON in the form of GET /v1/events."""
    messages: list[Message] = []
    for event in events_of(block):
        subject = ".".join([prefix, "events", _token(event.contract), _token(event.name)])
        body = json.dumps(_event_json(event), ensure_ascii=False, separators=(",", ":")).encode()
        id_ = f"{_chain(block)[:CHAIN_DIGITS]}-{event.checkpoint}"
        messages += _parts(block, subject, id_, body, "application/json", message_bytes_max)
    return messages


def block_messages(block: VerifiedBlock, prefix: str, message_bytes_max: int) -> list[Message]:
    """Return the certified block with its receipts, in the canonical bytes of GET /v1/blocks/{block}/raw."""
    id_ = f"{_chain(block)[:CHAIN_DIGITS]}-{block.certified.header.height}"
    body = block.record.encoded()
    return _parts(block, f"{prefix}.blocks", id_, body, "application/msgpack", message_bytes_max)


def _parts(
    block: VerifiedBlock, subject: str, id_: str, body: bytes, content_type: str, message_bytes_max: int
) -> list[Message]:
    headers = {
        "Content-Type": content_type,
        "Tallystick-Chain": _chain(block),
        "Tallystick-Height": str(block.certified.header.height),
        "Tallystick-Block": block.certified.block_hash.hex(),
    }
    size = message_bytes_max - HEADER_BYTES_MAX
    assert size > 0, "a server that takes no bodies is refused when it is connected"
    if len(body) <= size:
        return [Message(subject, id_, body, headers)]
    bodies = [body[start : start + size] for start in range(0, len(body), size)]
    return [
        Message(subject, f"{id_}-part{number}", part, {**headers, "Tallystick-Part": f"{number}/{len(bodies)}"})
        for number, part in enumerate(bodies, 1)
    ]


def _event_json(event: LedgerEvent) -> dict[str, Any]:
    return {
        "height": event.height,
        "time": event.time,
        "index": event.checkpoint.index,
        "event_index": event.checkpoint.event,
        "transaction_id": event.transaction_id.hex(),
        "contract": event.contract,
        "name": event.name,
        "fields": fields_to_json(event.fields),
    }


def _chain(block: VerifiedBlock) -> str:
    return block.certified.header.chain_id.hex()


def _token(name: str) -> str:
    """Return a name as a part of a subject, in which dots and stars have a meaning."""
    return _UNSAFE.sub("_", name)
