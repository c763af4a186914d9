"""A witness's memory on disk: the head that it vouches for, written and synced before a cosignature leaves.

A witness that forgot its head could be shown another history and cosign that too. So the folder is created on purpose,
once; what is in it is replaced as a whole or not at all; and after an alarm nothing is cosigned any more.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from chain.checkpoint import Note
from chain.genesis import Genesis
from chain.proof_file import ProofFile, ValidatorsEvidence
from chain.types import Digest
from chain.values import dataclass
from tallystick.witnessing import Fork, Head, head_from_json, head_to_json

STATE_FILE: Final = "witness.json"
NOTE_FILE: Final = "checkpoint"
LOCK_FILE: Final = ".lock"
FORMAT: Final = "tallystick-witness/1"
STATE_BYTES_MAX: Final = 1024 * 1024


class WitnessStateError(ValueError):
    """The folder holds no witness's memory, or that of another ledger."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a witness remembers."""

    chain_id: Digest
    head: Head | None
    alarm: str | None
    """The folder with the evidence of a fork; then nothing is cosigned any more."""


def create(folder: Path, chain_id: Digest) -> Memory:
    """Begin a memory in a folder that has none.

    Raises:
        WitnessStateError: when there is one.
        OSError: when it cannot be written.
    """
    if (folder / STATE_FILE).exists():
        raise WitnessStateError(f"{folder} is a witness's folder already")
    folder.mkdir(parents=True, exist_ok=True)
    memory = Memory(chain_id, None, None)
    save(folder, memory)
    return memory


def load(folder: Path, chain_id: Digest) -> Memory:
    """Return the memory in a folder.

    Raises:
        WitnessStateError: when there is none, it is damaged, or of another ledger.
    """
    path = folder / STATE_FILE
    try:
        with path.open("rb") as file:
            document: Any = json.loads(file.read(STATE_BYTES_MAX))
        head = None if document["head"] is None else head_from_json(document["head"])
        alarm = document["alarm"]
        if document["format"] != FORMAT or not (alarm is None or isinstance(alarm, str)):
            raise ValueError("another format")
        found = bytes.fromhex(document["chain_id"])
    except FileNotFoundError as error:
        raise WitnessStateError(
            f"{folder} holds no witness's memory. For a new witness say --new; for one that has worked before find its "
            "folder: a witness without memory can be shown another history"
        ) from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise WitnessStateError(f"{path} cannot be read: {error}") from error
    if found != chain_id:
        raise WitnessStateError(f"{folder} is the memory of a witness of the ledger {found.hex()}")
    return Memory(chain_id, head, alarm)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a second witness from working with the same memory: the two could cosign what does not fit together.

    Raises:
        WitnessStateError: when another one is at work.
        OSError: when the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WitnessStateError(f"another witness is at work in {folder}") from error
        yield


def save(folder: Path, memory: Memory) -> None:
    """Replace the memory, durably.

    Raises:
        OSError: when it cannot be written; then nothing may be cosigned.
    """
    document = {
        "format": FORMAT,
        "chain_id": memory.chain_id.hex(),
        "head": None if memory.head is None else head_to_json(memory.head),
        "alarm": memory.alarm,
    }
    write_durably(folder / STATE_FILE, (json.dumps(document, indent=1) + "\n").encode())


def write_evidence(folder: Path, fork: Fork, genesis: Genesis) -> Path:
    """Write both sides of a fork and a statement about them; return their folder.

    Raises:
        OSError: when they cannot be written.
    """
    place = folder / f"fork-{fork.height}"
    place.mkdir(parents=True, exist_ok=True)
    for name, data in fork.files(genesis).items():
        write_durably(place / name, data)
    statement = {
        "genesis_hash": genesis.genesis_hash.hex(),
        "height": fork.height,
        "view-1.proof": fork.sources[0],
        "view-2.proof": fork.sources[1],
        "signed_both": fork.signed_both(),
        "meaning": "Both files verify with this genesis hash and show different blocks of one height. "
        "No honest quorum certifies two; a third of the validators or more have signed for two histories.",
    }
    write_durably(place / "statement.json", (json.dumps(statement, indent=1) + "\n").encode())
    return place


def write_contradiction(folder: Path, note: Note, head: Head, genesis: Genesis) -> Path:
    """Write a signed head that a certified one contradicts, both sides and a statement; return their folder.

    Raises:
        OSError: when they cannot be written.
    """
    place = folder / f"head-{note.checkpoint.size}"
    place.mkdir(parents=True, exist_ok=True)
    certified = ProofFile(genesis.genesis_hash, genesis.encoded(), (), (head.certified,), ValidatorsEvidence())
    statement = {
        "genesis_hash": genesis.genesis_hash.hex(),
        "size": note.checkpoint.size,
        "signers": [each.key_name for each in note.signatures],
        "view-1.proof": head.source,
        "meaning": "The certified header at this height states another history than the signed head of this size: "
        "who signed the head was shown, or has shown, another history.",
    }
    write_durably(place / "view-1.proof", certified.encoded())
    write_durably(place / "signed-head", note.text.encode())
    write_durably(place / "statement.json", (json.dumps(statement, indent=1) + "\n").encode())
    return place


def write_durably(path: Path, data: bytes) -> None:
    """Write a file that is there completely, or as it was before, whatever happens."""
    partial = path.with_name(f".{path.name}.new")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
