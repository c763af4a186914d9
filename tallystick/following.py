"""Following the ledger: verified blocks and events in order, none left out, across failures and restarts.

Events are read from whole verified blocks, not from a node's filtered stream, so a node cannot leave one out unnoticed.
The node's stream of blocks serves as a bell only.
"""

import asyncio
import json
import os
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

from chain.encoding import DecodeError
from chain.recorded_block import decode_range
from chain.runtime import Event
from chain.types import Digest, Height, Milliseconds
from chain.values import dataclass
from tallystick.errors import ApiError, NodeUnavailable, VerificationError
from tallystick.proof import VerifiedBlock
from tallystick.transport import Request, Transport
from tallystick.verifier import Verifier

RANGE_BLOCKS: Final = 100
SILENCE_SECONDS: Final = 60.0
"""Heartbeats come more often; a stream that is silent for longer is dead."""

RANGE_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 0.2
_CHECKPOINT: Final = re.compile(r"([0-9]{1,19})-([0-9]{1,10})-([0-9]{1,10})")


@dataclass(frozen=True, slots=True, order=True)
class Checkpoint:
    """The place of an event in the ledger; keep the last one that was handled, and go on after it."""

    height: int
    index: int
    """Of the transaction in its block."""
    event: int
    """Of the event in its receipt."""

    def __str__(self) -> str:
        return f"{self.height}-{self.index}-{self.event}"


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """An event with its place in the ledger."""

    contract: str
    name: str
    fields: dict[str, Any]
    transaction_id: Digest
    time: Milliseconds
    """Time of the block."""
    checkpoint: Checkpoint

    @property
    def height(self) -> int:
        """Height of the block."""
        return self.checkpoint.height


class CheckpointFile:
    """Owns a file that remembers the last event that was handled, over restarts."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)

    def load(self) -> Checkpoint | None:
        """Return the checkpoint, None if there is none yet.

        Raises:
            ValueError: when the file holds something else.
        """
        try:
            text = self._path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        match = _CHECKPOINT.fullmatch(text)
        if match is None:
            raise ValueError(f"{self._path} holds no checkpoint")
        return Checkpoint(*(int(part) for part in match.groups()))

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint durably."""
        temporary = self._path.with_name(self._path.name + ".new")
        with temporary.open("w", encoding="ascii") as file:
            file.write(f"{checkpoint}\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)


async def follow_blocks(
    transport: Transport, verifier: Verifier, after_height: int
) -> AsyncGenerator[VerifiedBlock, None]:
    """Yield every block after a height as it is decided, verified and each on top of the one before; never ends.

    Raises:
        VerificationError: when a node presents a block that does not hold.
        ApiError: when a node refuses, for instance because the blocks are pruned.
    """
    parent: VerifiedBlock | None = None
    next_height = after_height + 1
    while True:
        try:
            async with aclosing(_bell(transport)) as bell:
                async for height in bell:
                    while next_height <= height:
                        for block in await _range(transport, verifier, next_height):
                            _check_follows(parent, block)
                            parent, next_height = block, next_height + 1
                            yield block
        except NodeUnavailable:
            # Whoever follows waits for the nodes to come back, however long it takes.
            pass
        transport.give_way()
        await asyncio.sleep(RETRY_SECONDS)


async def _bell(transport: Transport) -> AsyncGenerator[int, None]:
    """Yield the height of the head at once, and then that of every block as a node tells of it, until it stops."""
    try:
        async with transport.stream(Request("GET", "/v1/blocks"), SILENCE_SECONDS) as (url, response):
            yield _number(url, response.headers.get("X-Ledger-Height"))
            async for line in response.content:
                if line.startswith(b"event: error"):
                    raise NodeUnavailable({url: "ended its stream of blocks"})
                if line.startswith(b"data: "):
                    yield _number(url, json.loads(line[6:]).get("height"))
    except ApiError as error:
        if error.status < 500:
            raise
        raise NodeUnavailable({error.url: str(error)}) from error


def _number(url: str, value: object) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise VerificationError(url, f"{text[:64]!r} is no height")
    return int(text)


async def _range(transport: Transport, verifier: Verifier, first: int) -> list[VerifiedBlock]:
    """Return verified blocks from a height on, at least one."""
    query = {"from": str(first), "limit": str(RANGE_BLOCKS)}
    answer = await transport.ask_for(Request("GET", "/v1/blocks/raw", query, attempt_seconds=RANGE_SECONDS))
    try:
        start, records = decode_range(answer.body)
    except DecodeError as error:
        raise VerificationError(answer.url, str(error)) from error
    if not records:
        # The node that rang the bell is ahead of the one that answered.
        raise NodeUnavailable({answer.url: f"does not have block {first} yet"})
    if start != first:
        raise VerificationError(answer.url, f"sent blocks from {start} where {first} was asked for")
    blocks: list[VerifiedBlock] = []
    for height, record in enumerate(records, first):
        blocks.append(verifier.block(answer.url, record, height))
        # Checking signatures takes a while; others on this loop go first.
        await asyncio.sleep(0)
    return blocks


def _check_follows(parent: VerifiedBlock | None, block: VerifiedBlock) -> None:
    if parent is not None and block.certified.header.parent_hash != parent.certified.block_hash:
        # Two certified blocks that contradict each other: more validators are faulty than the ledger tolerates.
        raise VerificationError("all nodes", f"block {Height(block.certified.header.height)} follows another history")


def events_of(block: VerifiedBlock) -> list[LedgerEvent]:
    """Return all events of a block, in order."""
    return [
        _ledger_event(event, block, receipt.transaction_id, Checkpoint(receipt.height, receipt.index, number))
        for receipt in block.receipts
        for number, event in enumerate(receipt.events)
    ]


def _ledger_event(event: Event, block: VerifiedBlock, transaction_id: Digest, checkpoint: Checkpoint) -> LedgerEvent:
    time = block.certified.header.time
    return LedgerEvent(event.contract, event.name, event.fields, transaction_id, time, checkpoint)
