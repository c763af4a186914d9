"""Frames leave at once where nothing is on its way to the peer, and in order, by the writer, where something is."""

import asyncio
from typing import Any, cast

from chain.types import Height, ValidatorId
from network.connection import Connection
from network.framing import Channel, FrameStream
from network.limits import NetworkLimits


class Stream:
    """A stream to a peer that takes what is put when it is told to."""

    def __init__(self) -> None:
        self.put_data: list[bytes] = []
        self.is_flushed = True
        self.drained = asyncio.Event()

    def put(self, data: bytes) -> None:
        self.put_data.append(data)
        self.is_flushed = False

    async def drain(self) -> None:
        await self.drained.wait()


def connection_on(stream: Stream) -> Connection:
    return Connection(
        ValidatorId("peer"),
        cast(FrameStream, stream),
        cast(Any, None),
        NetworkLimits(),
        lambda: Height(0),
        Height(0),
    )


async def test_what_is_sent_to_an_idle_peer_is_written_at_once_and_the_rest_in_order_behind_it() -> None:
    stream = Stream()
    connection = connection_on(stream)
    writing = asyncio.create_task(connection._write())
    await asyncio.sleep(0)
    assert connection.send(Channel.CONSENSUS, b"first")
    assert stream.put_data == [b"first"], "nobody had to be woken"
    assert connection.send(Channel.CONSENSUS, b"second")
    # The first is taken by now; but the second waits for the writer, and nothing may overtake it.
    stream.is_flushed = True
    assert connection.send(Channel.CONSENSUS, b"third")
    assert stream.put_data == [b"first"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert stream.put_data == [b"first", b"secondthird"]
    assert connection.send(Channel.CONSENSUS, b"fourth")
    assert len(stream.put_data) == 2, "the writer waits for the peer"
    stream.drained.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert b"".join(stream.put_data) == b"firstsecondthirdfourth"
    assert connection.sent_bytes == len(b"firstsecondthirdfourth")
    writing.cancel()


async def test_before_the_writer_runs_everything_waits() -> None:
    stream = Stream()
    connection = connection_on(stream)
    assert connection.send(Channel.CONSENSUS, b"first")
    assert stream.put_data == []
