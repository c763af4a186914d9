"""What a peer sends is counted before anything is made of it: megabytes of nothing cost no more than their bytes."""

import tracemalloc
from collections.abc import Callable

import pytest

from chain.block import decode_block
from chain.certificate import Certificate, Phase, Subject, split_certified_block
from chain.encoding import DecodeError, encode
from chain.evidence import Statement, StatementKind, decode_evidence
from chain.types import Digest, Epoch, Height, Signature, ValidatorId, View
from chain.validators import VALIDATORS_LIMIT
from consensus.pbft import messages
from consensus.pbft.messages import MESSAGE_BYTES_MAX, NewView, ViewChange, decode_message, encode_message

PEAK_BYTES_MAX = 64 * 1024
NOTHINGS = 400_000

digest = Digest(bytes(32))
signature = Signature(bytes(64))
place = (digest, Epoch(2**62), Height(2**62), View(2**62))
names = [ValidatorId(f"{number:02d}".rjust(32, "a").replace("0", "z")) for number in range(VALIDATORS_LIMIT)]


def largest_view_change(signer: ValidatorId) -> ViewChange:
    """Return a VIEW-CHANGE of the largest set, with as many signatures as a certificate may have."""
    signatures = tuple((name, signature) for name in names)
    last, prepared = (Certificate(phase, Subject(*place, digest, digest), signatures) for phase in reversed(Phase))
    return ViewChange(*place, last, prepared, signer, signature)


def peak_of(refuse: Callable[[], object]) -> int:
    """Return the memory that it takes to refuse something."""
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            refuse()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_largest_messages_that_may_be_are_read() -> None:
    change = largest_view_change(names[0])
    view = NewView(*place, tuple(map(largest_view_change, names)), names[0], signature)
    testimony = messages.Testimony(digest, bytes(16), names[0], view, names[1], signature)
    for message in (change, view, testimony):
        encoded = encode_message(message)
        assert len(encoded) < MESSAGE_BYTES_MAX and decode_message(encoded) == message


def test_one_value_more_than_any_message_has_is_too_many() -> None:
    change = encode_message(largest_view_change(names[0]))
    counted = messages.MESSAGE_VALUES_MAX
    assert counted == 9 + 2 * (10 + 3 * VALIDATORS_LIMIT)
    one_more = bytes([change[0] + 1]) + change[1:] + b"\xc0"
    with pytest.raises(DecodeError, match=f"more than {counted} values"):
        decode_message(one_more)


def array(*items: bytes, nothings: int = NOTHINGS) -> bytes:
    """Return the encoding of an array of encoded items and many empty arrays."""
    return b"\xdd" + (len(items) + nothings).to_bytes(4, "big") + b"".join(items) + b"\x90" * nothings


@pytest.mark.parametrize("kind", sorted(messages.Kind))
def test_a_message_of_empty_arrays_costs_nothing(kind: int) -> None:
    data = array(b"\x01", bytes([kind]))
    assert peak_of(lambda: decode_message(data)) < PEAK_BYTES_MAX


def test_a_message_inside_a_message_is_counted_too() -> None:
    inner = array(b"\x01", bytes([messages.Kind.VIEW_CHANGE]))
    outer = encode([1, int(messages.Kind.NEW_VIEW), *place, [inner], "ada", bytes(64)])
    # The bytes of the inner one are taken out, and packed once more to see whether the outer one is canonical.
    assert peak_of(lambda: decode_message(outer)) < 3 * len(inner)


def test_blocks_of_empty_arrays_cost_nothing() -> None:
    block = b"\x93\x01" + encode(b"header") + array(nothings=8 << 20)[: (8 << 20) - 16]
    certified = b"\x94\x01" + encode(b"") + encode(b"") + array(nothings=8 << 20)
    assert peak_of(lambda: decode_block(block)) < PEAK_BYTES_MAX
    assert peak_of(lambda: split_certified_block(certified, size_max=len(certified))) < PEAK_BYTES_MAX


def test_evidence_of_empty_arrays_costs_nothing() -> None:
    evidence = b"\x96\x01\x01" + encode("ada") + array() + b"\xc0\xc0"
    statement = Statement(StatementKind.VIEW_CHANGE, array(b"\x01"), signature)
    assert peak_of(lambda: decode_evidence(evidence)) < PEAK_BYTES_MAX
    assert peak_of(statement.fields) < PEAK_BYTES_MAX
