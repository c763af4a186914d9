"""Greetings: exact bytes back and forth, and a named reason for everything that is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.encoding import decode, encode
from chain.types import Digest, Height, ValidatorId
from network.errors import DisconnectError, Reason
from network.handshake import INSTANCE_BYTES, NETWORK_VERSION, Hello, check_hello, decode_hello

OURS = Hello(Digest(bytes(32)), ValidatorId("north"), Height(7), bytes(INSTANCE_BYTES))
EAST = frozenset({ValidatorId("east")})


def _theirs(validator_id: str = "east", chain_id: bytes = bytes(32)) -> Hello:
    return Hello(Digest(chain_id), ValidatorId(validator_id), Height(9), bytes(INSTANCE_BYTES))


def test_a_greeting_comes_back_from_its_bytes() -> None:
    assert decode_hello(OURS.encoded()) == OURS


def test_another_version_is_named_whatever_follows_it() -> None:
    with pytest.raises(DisconnectError) as caught:
        decode_hello(encode([1, NETWORK_VERSION + 1, "fields", "of", "the", "future"]))
    assert caught.value.reason is Reason.OTHER_VERSION
    assert str(NETWORK_VERSION + 1) in caught.value.detail


def test_another_chain_is_named() -> None:
    with pytest.raises(DisconnectError) as caught:
        check_hello(_theirs(chain_id=b"\x01" * 32), OURS, EAST)
    assert caught.value.reason is Reason.OTHER_CHAIN
    assert ("01" * 8) in caught.value.detail


def test_a_certificate_speaks_for_its_owner_alone() -> None:
    check_hello(_theirs("east"), OURS, EAST)
    with pytest.raises(DisconnectError) as caught:
        check_hello(_theirs("west"), OURS, EAST)
    assert caught.value.reason is Reason.WRONG_PEER


@pytest.mark.parametrize(
    ("position", "value"),
    [(0, 2), (2, bytes(31)), (2, "text"), (3, "UPPER"), (3, ""), (4, -1), (4, True), (5, b"short")],
)
def test_a_field_out_of_its_range_is_malformed(position: int, value: object) -> None:
    fields = decode(OURS.encoded())
    fields[position] = value
    with pytest.raises(DisconnectError) as caught:
        decode_hello(encode(fields))
    assert caught.value.reason is Reason.MALFORMED


def _refusal_of(data: bytes) -> Reason | None:
    try:
        assert decode_hello(data).encoded() == data
    except DisconnectError as error:
        return error.reason
    return None


@given(st.binary(max_size=120))
def test_any_bytes_are_a_greeting_or_a_disconnect(data: bytes) -> None:
    assert _refusal_of(data) in (None, Reason.MALFORMED, Reason.OTHER_VERSION)
