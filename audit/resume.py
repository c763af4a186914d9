"""Keeps the place of a long audit in a file, and goes on from it later.

The file says which history was audited, how far, and to which level; the state at that place lies beside it as a
snapshot. The snapshot proves itself against the history (audit.checkpoint). That the blocks before were checked is a
claim that no history proves: so the file bears a code made with a key that only its user may read, and a file that
somebody else wrote or altered is refused.
"""

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from audit.checkpoint import (
    CheckpointError,
    certified_block,
    drop_other_checkpoints,
    head_at,
    open_checkpoint,
    write_checkpoint,
)
from audit.mismatch import Level
from audit.seeing import Point
from audit.source import BlockSource
from chain.encoding import DecodeError
from chain.genesis import Genesis
from chain.merkle import Frontier, decode_frontier
from chain.runtime import ContractRuntime
from chain.storage import Store
from chain.values import dataclass

FORMAT: Final = "tallystick-audit-place/1"
FILE_BYTES_MAX: Final = 16 * 1024 * 1024
INTERVAL_SECONDS: Final = 60.0
COST_FACTOR: Final = 20
"""Keeping the place takes at most one part in so many of the time."""
KEY_BYTES: Final = 32


class ResumeError(Exception):
    """A file that cannot be used to go on from; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the file says."""

    genesis_hash: str
    level: Level
    height: int
    block_hash: str
    before: Frontier
    """The tree over all blocks before this one."""
    transactions: int
    notes: dict[str, Any]
    """What watchers had counted up to there."""

    def fields(self) -> dict[str, Any]:
        """Return the document without its code."""
        return {
            "format": FORMAT,
            "genesis_hash": self.genesis_hash,
            "level": self.level.value,
            "height": self.height,
            "block_hash": self.block_hash,
            "blocks_before": self.before.encoded().hex(),
            "transactions": self.transactions,
            "notes": self.notes,
        }


def place_key(path: Path) -> bytes:
    """Return the key in a file that only its owner may read, making it if there is none.

    Raises:
        ResumeError: when it cannot be read or made, or others may read it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
        if path.stat().st_mode & 0o077:
            raise ResumeError(f"{path} may be read by others; run: chmod 600 {path}")
        key = path.read_bytes()
    except OSError as error:
        raise ResumeError(f"{path} cannot be used: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise ResumeError(f"{path} is no key; remove it, and files written with it are not accepted any more")
    return key


def read_place(path: Path, key: bytes) -> Place | None:
    """Return what the file says; None if there is no file yet.

    Raises:
        ResumeError: when it was not written with this key as it is now.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ResumeError(f"{path} cannot be read: {error.strerror}") from error
    try:
        document: dict[str, Any] = json.loads(data)
        code = document.pop("code")
        if not hmac.compare_digest(str(code), _code(document, key)):
            raise ResumeError(f"{path} was altered, or written by somebody else; remove it to begin anew")
        if document.pop("format") != FORMAT:
            raise ResumeError(f"{path} was written by another version; remove it to begin anew")
        before = decode_frontier(bytes.fromhex(document.pop("blocks_before")))
        return Place(before=before, level=Level(document.pop("level")), **document)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, DecodeError) as error:
        raise ResumeError(f"{path} is no place of an audit; remove it to begin anew") from error


def states_folder(path: Path) -> Path:
    """Return where the state that belongs to the file lies."""
    return path.with_name(path.name + ".state")


def open_place(
    path: Path,
    place: Place,
    source: BlockSource,
    genesis: Genesis,
    level: Level,
    runtime: ContractRuntime,
    store: Store,
) -> Point:
    """Return the point from which to go on, everything of it proven by the source.

    Raises:
        ResumeError: when the file is of another history or another kind of audit, or its state is not proven.
        SourceUnreadable: when the source cannot be read.
    """
    if place.genesis_hash != genesis.genesis_hash.hex():
        raise ResumeError(f"{path} is of the network {place.genesis_hash}; this is {genesis.genesis_hash.hex()}")
    if place.level is not level:
        raise ResumeError(f"{path} is of an audit up to the level {place.level}; go on with --level {place.level}")
    if place.height > source.head_height():
        raise ResumeError(f"{path} is of block {place.height}; this history ends at {source.head_height()}")
    try:
        decoded = certified_block(source, genesis, place.height)
        if decoded.block.block_hash.hex() != place.block_hash:
            raise CheckpointError(f"block {place.height} is not the one that was audited; the histories differ")
        head, frontier = head_at(decoded, genesis, place.before)
        if level is not Level.EXECUTION:
            return Point(head, place.before, frontier, None, place.transactions)
        folder = states_folder(path)
        ledger = open_checkpoint(folder, place.height, genesis, source, place.before, runtime, store)
    except CheckpointError as error:
        raise ResumeError(f"{path}: {error}; remove it to begin anew") from error
    return Point(ledger.head, place.before, frontier, ledger, place.transactions)


class PlaceKeeper:
    """Implements audit.seeing.Saver: writes the file now and then, and when the audit has to stop."""

    def __init__(
        self, path: Path, key: bytes, level: Level, must_stop: Callable[[], bool], notes: Callable[[], dict[str, Any]]
    ) -> None:
        self._path = path
        self._key = key
        self._level = level
        self._must_stop = must_stop
        self._notes = notes
        self._interval = INTERVAL_SECONDS
        self._kept = time.monotonic()

    def is_due(self) -> bool:
        """Tell whether the last time is long enough ago for what it costs."""
        return time.monotonic() - self._kept >= self._interval

    def must_stop(self) -> bool:
        """Tell whether somebody wants the audit to end."""
        return self._must_stop()

    def save(self, point: Point) -> None:
        """Write state and file, the file last, so that it never names a state that is not there.

        Raises:
            CheckpointError: when the state cannot be written.
            ResumeError: when the file cannot be.
        """
        began = time.monotonic()
        head, folder = point.head, states_folder(self._path)
        if point.ledger is not None:
            write_checkpoint(folder, point.ledger)
        place = Place(
            head.chain_id.hex(),
            self._level,
            head.height,
            head.block_hash.hex(),
            point.before,
            point.transactions,
            self._notes(),
        )
        _write(self._path, place, self._key)
        if point.ledger is not None:
            drop_other_checkpoints(folder, head.height)
        self._kept = time.monotonic()
        self._interval = max(INTERVAL_SECONDS, COST_FACTOR * (self._kept - began))


def forget_place(path: Path) -> None:
    """Remove file and state, once the audit is done."""
    path.unlink(missing_ok=True)
    folder = states_folder(path)
    if folder.is_dir():
        drop_other_checkpoints(folder, -1)
        folder.rmdir()


def _write(path: Path, place: Place, key: bytes) -> None:
    fields = place.fields()
    document = {**fields, "code": _code(fields, key)}
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise ResumeError(f"{path} cannot be written: {error.strerror}") from error


def _code(fields: dict[str, Any], key: bytes) -> str:
    content = json.dumps(fields, sort_keys=True).encode()
    return hmac.new(key, content, hashlib.sha256).hexdigest()
