"""Signatures of a run: a keyed hash in most runs, the product's Ed25519 in every so manyth.

Nearly all of what a run finds does not depend on how signatures are made, and making and checking them would be a
third of its work. The stand-in keeps what the protocol needs: one signature for one key, tag and payload, and none
that somebody without the seed could make.
"""

import functools
import hashlib
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from chain import crypto
from chain.crypto import SIGNATURE_BYTES, public_key_of
from chain.types import PublicKey, Signature

REAL_EVERY: Final = 32
"""One seed in so many runs with real signatures."""


class Signatures(Protocol):
    """Makes and checks signatures."""

    def sign(self, seed: bytes, tag: str, payload: bytes) -> Signature:
        """Return the signature of a private seed."""
        ...

    def verify(self, key: bytes, tag: str, payload: bytes, signature: bytes) -> bool:
        """Tell whether a signature is good; the form of chain.crypto.Verify."""
        ...


class RealSignatures:
    """Ed25519 as in the product."""

    def __init__(self) -> None:
        self._signers: dict[bytes, Callable[[str, bytes], Signature]] = {}

    def sign(self, seed: bytes, tag: str, payload: bytes) -> Signature:
        """Return the signature of a private seed."""
        signer = self._signers.get(seed)
        if signer is None:
            signer = self._signers[seed] = crypto.signer(seed)
        return signer(tag, payload)

    def verify(self, key: bytes, tag: str, payload: bytes, signature: bytes) -> bool:
        """Tell whether a signature is good."""
        return crypto.verify(key, tag, payload, signature)


class StandInSignatures:
    """A hash over seed, tag and payload; checking needs the seeds, which the run knows and its liars do not use."""

    def __init__(self, seeds: Iterable[bytes]) -> None:
        self._seeds = {key_of(seed): seed for seed in seeds}

    def sign(self, seed: bytes, tag: str, payload: bytes) -> Signature:
        """Return the stand-in signature of a private seed."""
        digest = hashlib.sha256(seed + tag.encode() + b"\x00" + payload).digest()
        return Signature(digest + digest)

    def verify(self, key: bytes, tag: str, payload: bytes, signature: bytes) -> bool:
        """Tell whether a stand-in signature is good."""
        seed = self._seeds.get(PublicKey(key))
        return seed is not None and len(signature) == SIGNATURE_BYTES and self.sign(seed, tag, payload) == signature


@functools.cache
def key_of(seed: bytes) -> PublicKey:
    """Return the public key of a private seed; a run has few and needs them often."""
    return public_key_of(seed)
