"""The built-in signature check is the ledger's own rule, metered, and never fails on malformed bytes."""

import random

import nacl.bindings as sodium
import pytest
from ed25519_twin import L, sign, verify

from chain.crypto import verify_plain
from contracts.engine.testkit import Harness

SOURCE = """
@view
def check(key: bytes, message: bytes, signature: bytes) -> bool:
    return verify_ed25519(key, message, signature)

@view
def check_text(key: str) -> bool:
    return verify_ed25519(key, b"", b"")
"""
SEED = bytes(range(32))


@pytest.fixture
def ledger() -> Harness:
    harness = Harness()
    assert harness.deploy("c", SOURCE).code is None, harness.failure
    return harness


def signed(seed: bytes, message: bytes) -> tuple[bytes, bytes]:
    public, secret = sodium.crypto_sign_seed_keypair(seed)
    return bytes(public), sodium.crypto_sign(message, secret)[:64]


def test_a_contract_checks_what_others_signed(ledger: Harness) -> None:
    key, signature = signed(SEED, b"shock at 12:00")
    assert ledger.view("c", "check", key, b"shock at 12:00", signature).value is True
    assert ledger.view("c", "check", key, b"shock at 13:00", signature).value is False
    assert ledger.view("c", "check", key[::-1], b"shock at 12:00", signature).value is False


@pytest.mark.parametrize(
    ("key", "signature"),
    [
        (b"", b""),
        (b"\x01" + bytes(31), bytes(64)),
        (bytes(32), bytes(64)),
        (b"\xff" * 32, b"\xff" * 64),
        (bytes(33), bytes(64)),
        (bytes(32), bytes(63)),
        (b"x" * 60_000, b""),
        (b"\xed" + b"\xff" * 30 + b"\x7f", bytes(64)),
    ],
)
def test_malformed_keys_and_signatures_are_none(ledger: Harness, key: bytes, signature: bytes) -> None:
    outcome = ledger.view("c", "check", key, b"message", signature)
    assert (outcome.code, outcome.value) == (None, False)


def test_text_is_a_mistake_of_the_contract(ledger: Harness) -> None:
    assert ledger.view("c", "check_text", "ab" * 32).code == "contract_error"


def test_a_check_is_paid_for_by_the_size_of_its_message(ledger: Harness) -> None:
    key, signature = signed(SEED, b"")
    small, large = (ledger.view("c", "check", key, bytes(size), signature).gas_used for size in (0, 40_000))
    assert small > 2_000
    assert large - small > 40_000 // 8
    starved = ledger.view("c", "check", key, b"", signature, gas_limit=small - 1)
    assert starved.code == "out_of_gas"


def test_the_library_and_the_twin_agree() -> None:
    """Valid signatures, each with one bit changed in key, message or signature, and one that adds the group's order."""
    chance = random.Random(5)
    for _ in range(12):
        seed, message = chance.randbytes(32), chance.randbytes(chance.randrange(80))
        key, signature = signed(seed, message)
        assert sign(seed, message) == (key, signature)
        assert verify(key, message, signature)
        parts = [key, message + b"\x00", signature]
        place = chance.randrange(3)
        changed = bytearray(parts[place])
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        parts[place] = bytes(changed)
        assert verify(*parts) == verify_plain(parts[0], parts[1], parts[2])
        larger = int.from_bytes(signature[32:], "little") + L
        malleable = signature[:32] + larger.to_bytes(32, "little")
        assert not verify(key, message, malleable)
        assert not verify_plain(key, message, malleable)
