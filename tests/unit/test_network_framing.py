"""Frames are cut exactly, however the bytes arrive, and limits are checked before the body."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from network.errors import DisconnectError, Reason
from network.framing import GREETING_BYTES_MAX, PAYLOAD_BYTES_MAX, Channel, Frame, FrameDecoder, encode_frame

frames = st.lists(st.tuples(st.sampled_from(Channel), st.binary(max_size=300)), max_size=8)


@given(frames, st.lists(st.integers(1, 50), max_size=40))
def test_any_cutting_of_the_stream_gives_the_same_frames(sent: list[tuple[Channel, bytes]], cuts: list[int]) -> None:
    data = b"".join(encode_frame(channel, payload) for channel, payload in sent)
    decoder = FrameDecoder(PAYLOAD_BYTES_MAX)
    received = []
    for cut in [*cuts, len(data)]:
        piece, data = data[:cut], data[cut:]
        decoder.feed(piece)
        while (frame := decoder.next_frame()) is not None:
            received.append(frame)
    assert received == [Frame(channel, payload) for channel, payload in sent]


def _end_of(data: bytes) -> Reason | None:
    decoder = FrameDecoder(PAYLOAD_BYTES_MAX)
    decoder.feed(data)
    try:
        while (frame := decoder.next_frame()) is not None:
            assert encode_frame(frame.channel, frame.payload) in data
    except DisconnectError as error:
        return error.reason
    return None


@given(st.binary(max_size=200))
def test_any_bytes_give_frames_or_a_disconnect(data: bytes) -> None:
    assert _end_of(data) in (None, Reason.MALFORMED, Reason.OVERSIZED)


def test_the_limit_is_checked_with_the_header_alone() -> None:
    decoder = FrameDecoder(PAYLOAD_BYTES_MAX)
    decoder.feed(struct.pack(">IB", PAYLOAD_BYTES_MAX[Channel.CONSENSUS] + 2, Channel.CONSENSUS))
    with pytest.raises(DisconnectError) as caught:
        decoder.next_frame()
    assert caught.value.reason is Reason.OVERSIZED


def test_the_largest_payload_passes() -> None:
    payload = bytes(PAYLOAD_BYTES_MAX[Channel.REQUEST])
    decoder = FrameDecoder(PAYLOAD_BYTES_MAX)
    decoder.feed(encode_frame(Channel.REQUEST, payload))
    assert decoder.next_frame() == Frame(Channel.REQUEST, payload)


@pytest.mark.parametrize("header", [(0, Channel.CONTROL), (1, 99)])
def test_an_empty_frame_or_unknown_channel_is_malformed(header: tuple[int, int]) -> None:
    decoder = FrameDecoder(PAYLOAD_BYTES_MAX)
    decoder.feed(struct.pack(">IB", *header))
    with pytest.raises(DisconnectError) as caught:
        decoder.next_frame()
    assert caught.value.reason is Reason.MALFORMED


def test_before_the_greeting_only_small_control_frames_pass() -> None:
    decoder = FrameDecoder(GREETING_BYTES_MAX)
    decoder.feed(encode_frame(Channel.CONTROL, b"x") + encode_frame(Channel.CONSENSUS, b"y"))
    assert decoder.next_frame() == Frame(Channel.CONTROL, b"x")
    with pytest.raises(DisconnectError):
        decoder.next_frame()


def test_limits_may_widen_between_two_frames_of_one_read() -> None:
    decoder = FrameDecoder(GREETING_BYTES_MAX)
    decoder.feed(encode_frame(Channel.CONTROL, b"x") + encode_frame(Channel.CONSENSUS, b"y"))
    decoder.next_frame()
    decoder.payload_bytes_max = PAYLOAD_BYTES_MAX
    assert decoder.next_frame() == Frame(Channel.CONSENSUS, b"y")


def test_a_partial_frame_waits() -> None:
    decoder = FrameDecoder(PAYLOAD_BYTES_MAX)
    data = encode_frame(Channel.BLOCKS, b"abc")
    for byte in data[:-1]:
        decoder.feed(bytes([byte]))
        assert decoder.next_frame() is None
    decoder.feed(data[-1:])
    assert decoder.next_frame() == Frame(Channel.BLOCKS, b"abc")
