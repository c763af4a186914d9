"""Ed25519, and SHA-256 with domain separation: the only file that knows a signature library.

libsodium decides what a valid signature is, on every node and for every auditor: two libraries disagree on edge
cases, and a ledger on which nodes disagree about a signature is split. It refuses non-canonical and small-order
keys and R values, and non-canonical S (RFC 8032, section 5.1.7).
"""

from collections.abc import Callable
from typing import Final

import nacl.bindings as sodium
from nacl.exceptions import BadSignatureError

from chain.hashing import DIGEST_BYTES as DIGEST_BYTES
from chain.hashing import PROTOCOL
from chain.hashing import domain as domain
from chain.hashing import tagged_hash as tagged_hash
from chain.types import PublicKey, Signature

PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
SEED_BYTES: Final = 32


Verify = Callable[[bytes, str, bytes, bytes], bool]
"""Tells whether a signature is good: key, tag, payload, signature."""


class InvalidKeyError(ValueError):
    """A public key or a seed that must not be used."""


def public_key_of(seed: bytes) -> PublicKey:
    """Return the public key of a 32-byte private seed."""
    return PublicKey(_keypair(seed)[0])


def sign(seed: bytes, tag: str, payload: bytes) -> Signature:
    """Sign `payload` in the domain of `tag` with a 32-byte private seed."""
    return signer(seed)(tag, payload)


def signer(seed: bytes) -> Callable[[str, bytes], Signature]:
    """Return a function that signs with a 32-byte private seed, whose expansion costs as much as a signature."""
    secret = _keypair(seed)[1]

    def sign_payload(tag: str, payload: bytes) -> Signature:
        return Signature(sodium.crypto_sign(domain(tag) + payload, secret)[:SIGNATURE_BYTES])

    return sign_payload


def sign_plain(seed: bytes, message: bytes) -> Signature:
    """Sign bytes whose form another standard fixes, without a domain of ours.

    The caller makes sure that they begin like nothing that is signed with a domain.
    """
    assert not message.startswith(PROTOCOL), "a domain of ours"
    return Signature(sodium.crypto_sign(message, _keypair(seed)[1])[:SIGNATURE_BYTES])


def verify(key: bytes, tag: str, payload: bytes, signature: bytes) -> bool:
    """Tell whether `signature` is `key`'s over `payload` in the domain of `tag`; never raises on bad input."""
    return verify_plain(key, domain(tag) + payload, signature)


def verify_plain(key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` is `key`'s over bytes that another protocol made, without a domain of ours.

    It is for contracts, which check what devices and other systems signed. Nothing of the ledger is signed this way.
    """
    if len(key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        sodium.crypto_sign_open(signature + message, key)
    except BadSignatureError:
        return False
    return True


def check_public_key(key: bytes) -> PublicKey:
    """Return `key` if it may be registered.

    Raises:
        InvalidKeyError: when it has another length, is no canonical point of the main subgroup, or has small order.
    """
    if len(key) != PUBLIC_KEY_BYTES or not sodium.crypto_core_ed25519_is_valid_point(key):
        raise InvalidKeyError(f"{key.hex()} is not a usable Ed25519 public key")
    return PublicKey(key)


def _keypair(seed: bytes) -> tuple[bytes, bytes]:
    if len(seed) != SEED_BYTES:
        raise InvalidKeyError(f"a private seed has {SEED_BYTES} bytes, not {len(seed)}")
    public, secret = sodium.crypto_sign_seed_keypair(seed)
    return bytes(public), bytes(secret)
