"""Frames between a node and its processes: any bytes are cut into messages or refused."""

import asyncio
import os
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processes.channel import Channel, PipeClosed
from processes.frames import FRAME_BYTES_MAX, FrameBuffer, FrameError, encode_frame
from processes.watchdog import TICKS, Watchdog

MESSAGES = st.lists(
    st.lists(st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.binary() | st.text(), max_size=6),
    max_size=5,
)


@given(MESSAGES, st.integers(1, 40))
def test_messages_survive_any_cutting_of_the_stream(messages: list[list[Any]], size: int) -> None:
    stream = b"".join(encode_frame(message) for message in messages)
    buffer = FrameBuffer()
    found = [message for at in range(0, len(stream), size) for message in buffer.feed(stream[at : at + size])]
    assert found == messages


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}, 2**64, object(), 1j])
def test_what_has_no_encoding_is_refused(value: object) -> None:
    with pytest.raises(FrameError, match="cannot be encoded"):
        encode_frame([1, value])


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_refused(stream: bytes) -> None:
    try:
        messages = FrameBuffer().feed(stream)
    except FrameError:
        return
    assert all(type(message) is list for message in messages)


@pytest.mark.parametrize(
    "payload",
    [b"\xc0", b"\x81\xa1a\x01", b"\x91", b"\xc1", b"\x90\x90", b"\x91" * 5_000 + b"\xc0", b"\x91\xa1\xff"],
)
def test_a_payload_that_is_no_array_is_refused(payload: bytes) -> None:
    with pytest.raises(FrameError):
        FrameBuffer().feed(struct.pack(">I", len(payload)) + payload)


def test_a_frame_beyond_the_limit_is_refused_before_it_is_kept() -> None:
    with pytest.raises(FrameError, match=str(FRAME_BYTES_MAX + 1)):
        FrameBuffer().feed(struct.pack(">I", FRAME_BYTES_MAX + 1))
    with pytest.raises(FrameError):
        encode_frame([bytes(FRAME_BYTES_MAX)])


def test_a_channel_reads_what_was_written_and_notices_the_end() -> None:
    reading, writing = os.pipe()
    sender, receiver = Channel(writing), Channel(reading)
    sender.send([1, "one"])
    sender.send([2, b"two"])
    assert receiver.receive() == [1, "one"]
    assert receiver.receive() == [2, b"two"]
    os.write(writing, b"\x00\x00")
    os.close(writing)
    with pytest.raises(PipeClosed):
        receiver.receive()
    os.close(reading)


def test_a_channel_notices_that_nobody_reads() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(PipeClosed):
        Channel(writing).send([1])
    os.close(writing)


async def test_a_watchdog_counts_ticks_so_that_a_pause_is_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    expired: list[str] = []
    watchdog = Watchdog(expired.append)
    watchdog.arm(0.2, "nothing")
    watchdog.disarm()
    watchdog.arm(0.04, "this")
    delays: list[float] = []
    loop = asyncio.get_running_loop()
    original = loop.call_later

    def call_later(delay: float, callback: Callable[..., None], *arguments: Any) -> asyncio.TimerHandle:
        delays.append(delay)
        return original(delay, callback, *arguments)

    monkeypatch.setattr(loop, "call_later", call_later)
    while not expired:
        await asyncio.sleep(0.01)
    assert expired == ["this took longer than 0.04 s"]
    assert [delay for delay in delays if delay == 0.04 / TICKS] == [0.04 / TICKS] * (TICKS - 1)
