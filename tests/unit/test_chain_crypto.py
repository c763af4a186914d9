"""Hashing with domains and Ed25519 by libsodium's rules: what is signed, and what is refused."""

import hashlib

import pytest

from chain.crypto import InvalidKeyError, check_public_key, domain, public_key_of, sign, tagged_hash, verify

SEED = bytes(range(32))
L = 2**252 + 27742317777372353535851937790883648493
"""Order of the group (RFC 8032, section 5.1)."""
P = 2**255 - 19


def test_a_domain_ends_with_zero_so_that_no_tag_begins_another() -> None:
    assert domain("block") == b"tallystick/1/block\x00"
    assert tagged_hash("a", b"b") != tagged_hash("ab")


def test_tagged_hash_is_sha256_over_domain_and_parts() -> None:
    expected = hashlib.sha256(b"tallystick/1/block\x00onetwo").digest()
    assert tagged_hash("block", b"one", b"two") == tagged_hash("block", b"onetwo") == expected


def test_public_keys_of_rfc_8032() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    assert public_key_of(seed).hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def test_signatures_are_deterministic_and_bound_to_key_domain_and_payload() -> None:
    key, signature = public_key_of(SEED), sign(SEED, "vote", b"payload")
    assert signature == sign(SEED, "vote", b"payload")
    assert verify(key, "vote", b"payload", signature)
    assert not verify(key, "other", b"payload", signature)
    assert not verify(key, "vote", b"payloae", signature)
    assert not verify(public_key_of(bytes(32)), "vote", b"payload", signature)


@pytest.mark.parametrize("position", [0, 31, 32, 63])
def test_an_altered_signature_is_bad(position: int) -> None:
    signature = bytearray(sign(SEED, "vote", b"payload"))
    signature[position] ^= 1
    assert not verify(public_key_of(SEED), "vote", b"payload", bytes(signature))


def test_input_of_a_wrong_length_is_bad_and_raises_nothing() -> None:
    key, signature = public_key_of(SEED), sign(SEED, "vote", b"payload")
    for wrong in (b"", signature[:-1], signature + b"\x00"):
        assert not verify(key, "vote", b"payload", wrong)
    for wrong_key in (b"", key[:-1], key + b"\x00"):
        assert not verify(wrong_key, "vote", b"payload", signature)


def test_a_second_form_of_the_same_signature_is_bad() -> None:
    """S plus the group's order satisfies the equation too; accepting it would let anybody alter signatures."""
    signature = sign(SEED, "vote", b"payload")
    larger = int.from_bytes(signature[32:], "little") + L
    assert larger < 2**256
    assert not verify(public_key_of(SEED), "vote", b"payload", signature[:32] + larger.to_bytes(32, "little"))


SMALL_ORDER = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
NON_CANONICAL = tuple(
    ((P + y) | sign_bit << 255).to_bytes(32, "little").hex() for y in range(19) for sign_bit in (0, 1)
)


@pytest.mark.parametrize("key", [*SMALL_ORDER, *NON_CANONICAL])
def test_keys_of_small_order_or_not_canonical_are_no_keys(key: str) -> None:
    with pytest.raises(InvalidKeyError):
        check_public_key(bytes.fromhex(key))
    zeros = bytes.fromhex(SMALL_ORDER[0]) + bytes(32)
    assert not verify(bytes.fromhex(key), "vote", b"payload", zeros)


def test_keys_with_a_part_of_small_order_are_no_keys() -> None:
    """Sum of a good key and the point of order two: it would verify under some rules and not under others."""
    good = public_key_of(SEED)
    y = int.from_bytes(good, "little") & (2**255 - 1)
    # Adding (0, -1) negates both coordinates.
    negated = (P - y) | ((1 - (good[31] >> 7)) << 255)
    with pytest.raises(InvalidKeyError):
        check_public_key(negated.to_bytes(32, "little"))
    assert check_public_key(good) == good


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), b"\x02" + bytes(31)])
def test_what_is_no_point_is_no_key(key: bytes) -> None:
    with pytest.raises(InvalidKeyError):
        check_public_key(key)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(64)])
def test_seeds_have_32_bytes(seed: bytes) -> None:
    with pytest.raises(InvalidKeyError):
        public_key_of(seed)
    with pytest.raises(InvalidKeyError):
        sign(seed, "vote", b"")
