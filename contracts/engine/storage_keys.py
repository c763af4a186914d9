"""From a contract's key to the key of the state, in chain.state_keys's encoding, which is written here directly.

A key is the storage's name and its parts. Lengths are looked at before anything is encoded, so that a long text costs
no more than a short one. Keys that are one text are remembered, because a call uses the same few several times.
"""

from collections.abc import Callable
from dataclasses import field
from typing import Any, Final

from chain.encoding import INT_MAX, INT_MIN
from chain.state_keys import (
    BYTES_TAG,
    FALSE_TAG,
    INTEGER_TAG,
    KEY_BYTES_MAX,
    TEXT_TAG,
    TRUE_TAG,
    encode_key,
)
from chain.values import dataclass
from contracts.engine.errors import Failed
from contracts.engine.module import Storage

KNOWN_KEYS_MAX: Final = 64
"""Encodings that are remembered for one storage; then all are forgotten."""

KNOWN_LENGTH_MAX: Final = 256
"""Characters above which a key is not remembered, nor looked for: hashing it would cost more than is paid for."""

PartEncoder = Callable[[Any], bytes]


@dataclass(frozen=True, slots=True)
class Keys:
    """How the keys of one storage are encoded."""

    encode: Callable[..., bytes]
    """From a contract's key, or from nothing for a storage with one entry."""
    known: dict[str, bytes] = field(default_factory=dict)
    """Encodings of keys that are one short text; look here first, the key being text."""


def part_encoder(kind: str) -> PartEncoder:
    """Return the function that encodes one part of a key, to the bytes of chain.state_keys.encode_key."""

    def text(value: Any) -> bytes:
        if type(value) is not str:
            raise Failed(f"the key is str, not {type(value).__name__}")
        if len(value) > KEY_BYTES_MAX:
            raise Failed("the key is too long")
        return text_tag + value.encode("utf-8").replace(b"\x00", b"\x00\xff") + b"\x00"

    def data(value: Any) -> bytes:
        if type(value) is not bytes:
            raise Failed(f"the key is bytes, not {type(value).__name__}")
        if len(value) > KEY_BYTES_MAX:
            raise Failed("the key is too long")
        return bytes_tag + value.replace(b"\x00", b"\x00\xff") + b"\x00"

    def number(value: Any) -> bytes:
        if type(value) is not int or not INT_MIN <= value <= INT_MAX:
            raise Failed("the key is an int of 64 bits")
        return integer_tag + (value - INT_MIN).to_bytes(8, "big")

    def truth(value: Any) -> bytes:
        if type(value) is not bool:
            raise Failed(f"the key is bool, not {type(value).__name__}")
        return true_tag if value else false_tag

    text_tag, bytes_tag, integer_tag = bytes([TEXT_TAG]), bytes([BYTES_TAG]), bytes([INTEGER_TAG])
    true_tag, false_tag = bytes([TRUE_TAG]), bytes([FALSE_TAG])
    return {"str": text, "bytes": data, "int": number, "bool": truth}[kind]


def storage_keys(storage: Storage) -> Keys:
    """Return how the keys of a storage are encoded; its guards share what this remembers."""
    base = encode_key((storage.name,))
    encoders = [part_encoder(kind) for kind in storage.keys]
    text_prefix = base + bytes([TEXT_TAG])
    known: dict[str, bytes] = {}

    def single(key: Any) -> bytes:
        encoded = base + first(key)
        if len(encoded) > KEY_BYTES_MAX:
            raise Failed("the key is too long")
        return encoded

    def remembered(key: Any) -> bytes:
        if type(key) is not str or len(key) >= KNOWN_LENGTH_MAX:
            return single(key)
        encoded = text_prefix + key.encode("utf-8").replace(b"\x00", b"\x00\xff") + b"\x00"
        if len(encoded) > KEY_BYTES_MAX:
            raise Failed("the key is too long")
        if len(known) == KNOWN_KEYS_MAX:
            known.clear()
        known[key] = encoded
        return encoded

    def composite(key: Any) -> bytes:
        if type(key) is not tuple or len(key) != len(encoders):
            raise Failed(f"the key of {storage.name} has {len(encoders)} parts")
        return partial_key(base, encoders, key)

    if not encoders:
        return Keys(lambda: base)
    first = encoders[0]
    if storage.keys == ("str",):
        return Keys(remembered, known)
    return Keys(single if len(encoders) == 1 else composite)


def partial_key(base: bytes, encoders: list[PartEncoder], parts: Any) -> bytes:
    """Return the encoding of the leading parts of a key."""
    if type(parts) is not tuple:
        parts = (parts,)
    if len(parts) > len(encoders):
        raise Failed("the key has too many parts")
    encoded = base + b"".join(encoder(part) for encoder, part in zip(encoders, parts, strict=False))
    if len(encoded) > KEY_BYTES_MAX:
        raise Failed("the key is too long")
    return encoded
