"""SHA-256 with domain separation, for code that has to do without a signature library."""

import functools
import hashlib
from typing import Final

from chain.types import Digest

PROTOCOL: Final = b"tallystick/1/"
"""Begins every domain, so that nothing signed or hashed here means anything in another protocol."""

DIGEST_BYTES: Final = 32
TAGS_KEPT: Final = 128
"""Tags whose domain is remembered; the protocol has fewer."""


@functools.lru_cache(TAGS_KEPT)
def domain(tag: str) -> bytes:
    """Return the prefix that separates one use of hashing or signing from all others."""
    return PROTOCOL + tag.encode("ascii") + b"\x00"


def tagged_hash(tag: str, *parts: bytes) -> Digest:
    """Return SHA-256 over the domain of `tag` and the concatenation of `parts`."""
    return Digest(hashlib.sha256(b"".join((domain(tag), *parts))).digest())
