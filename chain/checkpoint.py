"""Signed heads as C2SP notes: checkpoints of the history, signed by members, cosigned by witnesses.

The text of a checkpoint is three lines: origin, size, root (c2sp.org/tlog-checkpoint). Size and root are those of the
history tree that the header at height `size` commits to: genesis and all blocks before it. A note is the text, an empty
line and signature lines (c2sp.org/signed-note); a witness's signature covers a time too (c2sp.org/tlog-cosignature).
No text here begins like anything else that is signed on a ledger, so the same keys can sign both.
"""

import base64
import binascii
import hashlib
import re
from typing import Final

from chain.block import Header
from chain.crypto import DIGEST_BYTES, PUBLIC_KEY_BYTES, public_key_of, sign_plain, verify_plain
from chain.types import Digest
from chain.values import dataclass

NOTE_BYTES_MAX: Final = 64 * 1024
SIGNATURES_MAX: Final = 64
ORIGIN_PREFIX: Final = "tallystick.ledger/"

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
_KEY_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_KEY_NAME: Final = re.compile(r"[!-*,-~]{1,255}")
"""Key names are ASCII here, without spaces and plus signs."""


class NoteError(ValueError):
    """Text that is no checkpoint, or lacks a signature that it must have."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a ledger's history."""

    chain_id: Digest
    size: int
    """Leaves of the history tree; the height of the header that states its root."""
    root: Digest

    @property
    def origin(self) -> str:
        """The line that names the ledger."""
        return f"{ORIGIN_PREFIX}{self.chain_id.hex()}"

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line."""

    key_name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line with its line feed."""
        return f"\u2014 {self.key_name} {base64.b64encode(self.key_id + self.signature).decode('ascii')}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint and its signatures, which are not checked."""

    checkpoint: Checkpoint
    signatures: tuple[NoteSignature, ...]

    @property
    def text(self) -> str:
        """The whole note."""
        return f"{self.checkpoint.text}\n{''.join(each.line for each in self.signatures)}"


def key_id(name: str, algorithm: int, key: bytes) -> bytes:
    """Return the first bytes of the hash by which a signature line names its key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + key).digest()[:_KEY_ID_BYTES]


def verifier_key(name: str, algorithm: int, key: bytes) -> str:
    """Return a key in the form in which others are configured with it ("vkey")."""
    material = base64.b64encode(bytes([algorithm]) + key).decode("ascii")
    return f"{name}+{key_id(name, algorithm, key).hex()}+{material}"


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """The name and the key of a witness, as somebody learnt them who wants to check its cosignatures."""

    name: str
    key: bytes


def parse_witness_key(text: str) -> WitnessKey:
    """Return the key that a vkey of c2sp.org/tlog-cosignature names: `name+key id+base64(04 || key)`.

    Raises:
        NoteError: when it is none, or its id is that of another key.
    """
    name, _, rest = text.strip().partition("+")
    identifier, _, material = rest.partition("+")
    try:
        content = _base64(material)
    except (ValueError, binascii.Error) as error:
        raise NoteError(f"{text[:100]!r} is no key of a witness: NAME+ID+KEY is expected") from error
    if not _KEY_NAME.fullmatch(name) or len(content) != 1 + PUBLIC_KEY_BYTES:
        raise NoteError(f"{text[:100]!r} is no key of a witness: NAME+ID+KEY is expected")
    if content[0] != COSIGNATURE:
        raise NoteError(f"the key of {name} is not one for cosignatures: its type is {content[0]}, not {COSIGNATURE}")
    if verifier_key(name, COSIGNATURE, content[1:]) != text.strip():
        raise NoteError(f"the key of {name} has not the id {identifier[:16]!r}: it was copied wrongly")
    return WitnessKey(name, content[1:])


def member_key_name(checkpoint: Checkpoint, validator: str) -> str:
    """Return the key name under which a validator signs heads."""
    return f"{checkpoint.origin}/{validator}"


def checkpoint_of(header: Header) -> Checkpoint:
    """Return the head that a header commits to."""
    return Checkpoint(header.chain_id, header.height, header.history_root)


def head_note(header: Header, validator: str, seed: bytes) -> str:
    """Return the head that a header commits to as a note, signed by a validator with its consensus seed."""
    checkpoint = checkpoint_of(header)
    name = member_key_name(checkpoint, validator)
    signature = sign_plain(seed, checkpoint.text.encode())
    return Note(checkpoint, (NoteSignature(name, key_id(name, ED25519, public_key_of(seed)), signature),)).text


def cosign(checkpoint: Checkpoint, name: str, seed: bytes, seconds: int) -> NoteSignature:
    """Return a witness's signature: at this time (POSIX seconds), this was the largest head it had seen."""
    if not _KEY_NAME.fullmatch(name):
        raise NoteError(f"{name!r} cannot name a key: ASCII without spaces and plus signs")
    signature = sign_plain(seed, _cosigned(checkpoint, seconds))
    identifier = key_id(name, COSIGNATURE, public_key_of(seed))
    return NoteSignature(name, identifier, seconds.to_bytes(_TIME_BYTES, "big") + signature)


def is_signed(note: Note, name: str, key: bytes) -> bool:
    """Tell whether a member's key has signed the head.

    Raises:
        NoteError: when a line names this very key and its signature is bad.
    """
    lines = _lines(note, name, key_id(name, ED25519, key))
    if not all(verify_plain(key, note.checkpoint.text.encode(), line.signature) for line in lines):
        raise NoteError(f"a bad signature of {name}")
    return bool(lines)


def cosigned_at(note: Note, name: str, key: bytes) -> int | None:
    """Return when a witness has cosigned the head, in POSIX seconds; None if it has not.

    Raises:
        NoteError: when a line names this very key and its signature is bad.
    """
    identifier, found = key_id(name, COSIGNATURE, key), None
    for line in _lines(note, name, identifier):
        seconds = int.from_bytes(line.signature[:_TIME_BYTES], "big")
        message, signature = _cosigned(note.checkpoint, seconds), line.signature[_TIME_BYTES:]
        if seconds >= 2**63 or not verify_plain(key, message, signature):
            raise NoteError(f"a bad cosignature of {name}")
        found = max(found or 0, seconds)
    return found


def parse_note(data: bytes, chain_id: Digest) -> Note:
    """Return the note of a ledger's head in bytes from anywhere; signatures are not checked.

    Raises:
        NoteError: when it is none, or of another ledger.
    """
    try:
        if len(data) > NOTE_BYTES_MAX:
            raise NoteError(f"a note of {len(data)} bytes is too long")
        text = data.decode("utf-8")
        if any(ord(char) < 0x20 and char != "\n" for char in text):
            raise NoteError("a note holds no control characters")
        body, separator, lines = text.rpartition("\n\n")
        origin, size, root = body.split("\n")
        checkpoint = Checkpoint(chain_id, int(size) if _SIZE.fullmatch(size) else -1, Digest(_base64(root)))
        if not separator or len(checkpoint.root) != DIGEST_BYTES or not lines.endswith("\n"):
            raise NoteError("not a checkpoint")
        if origin != checkpoint.origin:
            raise NoteError(f"a checkpoint of {origin[:100]!r}, not of {checkpoint.origin}")
        signatures = tuple(_signature(line) for line in lines[:-1].split("\n"))
    except (ValueError, binascii.Error) as error:
        raise NoteError(f"not a checkpoint: {error}") from error
    note = Note(checkpoint, signatures)
    if checkpoint.size < 1 or len(signatures) > SIGNATURES_MAX or note.text != text:
        raise NoteError("not a checkpoint in its one form")
    return note


def _lines(note: Note, name: str, identifier: bytes) -> list[NoteSignature]:
    return [line for line in note.signatures if (line.key_name, line.key_id) == (name, identifier)]


def _signature(line: str) -> NoteSignature:
    dash, name, data = line.split(" ")
    content = _base64(data)
    if dash != "\u2014" or not _KEY_NAME.fullmatch(name) or len(content) <= _KEY_ID_BYTES:
        raise NoteError("a malformed signature line")
    return NoteSignature(name, content[:_KEY_ID_BYTES], content[_KEY_ID_BYTES:])


def _cosigned(checkpoint: Checkpoint, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{checkpoint.text}".encode()


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
