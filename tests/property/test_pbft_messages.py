"""Any bytes either decode to a message that encodes to the same bytes, or raise DecodeError."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from chain.certificate import Certificate, Phase, Subject
from chain.encoding import INT_MAX, DecodeError, encode
from chain.types import Digest, Epoch, Height, Signature, ValidatorId, View
from consensus.pbft import messages
from consensus.pbft.records import EVER, Record, RecordKind, decode_record, encode_record

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "consensus_messages.json").read_text())
ENCODED = [bytes.fromhex(case["encoded"]) for case in VECTORS["valid"]]

digests = st.binary(min_size=32, max_size=32).map(Digest)
signatures = st.binary(min_size=64, max_size=64).map(Signature)
names = st.sampled_from(["ada", "bob", "cyd-2", "d"]).map(ValidatorId)
numbers = st.integers(0, INT_MAX)
heights = st.integers(1, INT_MAX).map(Height)
subjects = st.builds(Subject, digests, numbers.map(Epoch), heights, numbers.map(View), digests, digests)
certificates = st.builds(
    Certificate,
    st.sampled_from(Phase),
    subjects,
    st.lists(st.tuples(names, signatures), max_size=4).map(tuple),
)
maybe = st.none() | certificates
votes = st.builds(messages.Vote, st.sampled_from(Phase), subjects, names, signatures)
epochs, views = numbers.map(Epoch), numbers.map(View)
view_changes = st.builds(messages.ViewChange, digests, epochs, heights, views, maybe, maybe, names, signatures)
several = st.lists(view_changes, max_size=3).map(tuple)
new_views = st.builds(messages.NewView, digests, epochs, heights, views, several, names, signatures)
nonces = st.binary(min_size=16, max_size=16)
inquiries = st.builds(messages.Inquiry, digests, nonces, names, signatures)
testimonies = st.builds(
    messages.Testimony, digests, nonces, names, st.none() | votes | view_changes | new_views, names, signatures
)


def accepts(data: bytes) -> None:
    try:
        message = messages.decode_message(data)
    except DecodeError:
        return
    assert messages.encode_message(message) == data


@given(st.one_of(votes, view_changes, new_views, inquiries, testimonies))
def test_every_message_survives_the_wire(message: messages.Message) -> None:
    assert messages.decode_message(messages.encode_message(message)) == message


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    accepts(data)


@given(st.sampled_from(ENCODED), st.data())
def test_a_message_with_bytes_changed(encoded: bytes, data: st.DataObject) -> None:
    changed = bytearray(encoded)
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(changed) - 1))
        changed[position] = data.draw(st.integers(0, 255))
    accepts(bytes(changed))
    accepts(bytes(changed[: data.draw(st.integers(0, len(changed)))]))


def test_nesting_is_bounded_however_deep_the_bytes_go() -> None:
    data = ENCODED[-2]
    chain_id = messages.decode_message(data).chain_id
    for _ in range(3000):
        data = encode([1, 7, chain_id, bytes(16), "ada", data, "bob", bytes(64)])
    accepts(data)


@given(st.builds(Record, st.sampled_from(RecordKind), st.integers(1, EVER).map(Height), st.binary(max_size=100)))
def test_every_record_survives_the_log(record: Record) -> None:
    assert decode_record(encode_record(record)) == record


@given(st.binary(max_size=60))
def test_any_bytes_of_a_record(data: bytes) -> None:
    try:
        record = decode_record(data)
    except DecodeError:
        return
    assert encode_record(record) == data
