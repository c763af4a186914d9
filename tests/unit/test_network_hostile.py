"""Whatever comes to the peer port costs one connection at most: strangers, liars, the slow and the greedy."""

import asyncio
import logging
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from network_support import DEADLINE_SECONDS, QUICK, Cluster, Node, eventually, greet_as, running

from chain.encoding import encode
from chain.types import ValidatorId
from network import handshake
from network.errors import DisconnectError, PeerFaultError, Reason, RequestRefusedError
from network.framing import PAYLOAD_BYTES_MAX, Channel, FrameStream, encode_frame
from network.opening import open_stream
from network.tls import client_context, registry_of

NORTH, EAST, MALLORY = (ValidatorId(name) for name in ("north", "east", "mallory"))

RUBBISH = {
    "random bytes": bytes(range(200, 256)) * 20,
    "plain http": b"GET / HTTP/1.1\r\nHost: node\r\n\r\n",
    "a frame without tls": encode_frame(Channel.CONTROL, b"hello"),
    "a broken client hello": b"\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03" + bytes(60),
    "an empty record": b"\x16\x03\x01\x00\x00",
}


async def _still_fine(cluster: Cluster) -> None:
    north, east = cluster.nodes[:2]
    assert await north.network.request(EAST, 1, b"fine?", 5.0) == b"fine?"
    assert [why.reason for _, why in [*north.handler.disconnected, *east.handler.disconnected]] == []


@pytest.mark.parametrize("data", RUBBISH.values(), ids=RUBBISH.keys())
async def test_rubbish_is_refused_and_counted(tmp_path: Path, data: bytes) -> None:
    async with running(tmp_path, NORTH, EAST, limits=replace(QUICK, handshake_seconds_max=0.3)) as cluster:
        north = cluster.nodes[0]
        before = sum(north.network.status().refused.values())
        reader, writer = await asyncio.open_connection("127.0.0.1", north.port)
        writer.write(data)
        async with asyncio.timeout(DEADLINE_SECONDS):
            await reader.read()
        writer.close()
        await eventually(lambda: sum(north.network.status().refused.values()) > before)
        refused = north.network.status().refused
        assert refused.get(Reason.NOT_TLS, 0) + refused.get(Reason.HANDSHAKE_TIMEOUT, 0) >= 1, refused
        await _still_fine(cluster)


async def test_a_connection_that_says_nothing_is_closed_in_time(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST, limits=replace(QUICK, handshake_seconds_max=0.2)) as cluster:
        north = cluster.nodes[0]
        reader, writer = await asyncio.open_connection("127.0.0.1", north.port)
        writer.write(b"\x16\x03")  # half of a header, and then nothing: slow loris
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await reader.read() == b""
        writer.close()
        await eventually(lambda: north.network.status().unauthenticated == 0)
        await _still_fine(cluster)


async def test_tls_without_a_greeting_is_closed_in_time(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST, limits=replace(QUICK, handshake_seconds_max=0.2)) as cluster:
        north = cluster.nodes[0]
        cluster.add_validators([MALLORY])
        cluster.introduce()
        stream = await _tls(cluster, MALLORY, north)
        await _until_closed(stream)
        assert north.network.status().refused.get(Reason.HANDSHAKE_TIMEOUT) == 1
        await _still_fine(cluster)


async def test_many_silent_connections_crowd_out_each_other_and_no_validator(tmp_path: Path) -> None:
    limits = replace(QUICK, unauthenticated_max=4, handshake_seconds_max=20.0)
    async with running(tmp_path, NORTH, limits=limits) as cluster:
        north = cluster.nodes[0]
        opened = [await asyncio.open_connection("127.0.0.1", north.port) for _ in range(30)]
        await eventually(lambda: north.network.status().refused[Reason.CROWDED_OUT] == 26)
        assert north.network.status().unauthenticated == 4
        cluster.add_validators([EAST])
        cluster.introduce()
        stream = await greet_as(cluster, EAST, north)
        await eventually(lambda: EAST in north.network.heads())
        await stream.close()
        for reader, writer in opened:
            writer.close()
            await asyncio.gather(reader.read(), return_exceptions=True)


async def test_connections_are_taken_at_a_bounded_rate(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, limits=replace(QUICK, accepts_per_second=20)) as cluster:
        north = cluster.nodes[0]
        clock = asyncio.get_running_loop().time
        begun = clock()
        opened = [await asyncio.open_connection("127.0.0.1", north.port) for _ in range(50)]
        for _, writer in opened:
            writer.write(RUBBISH["plain http"])
        await eventually(lambda: sum(north.network.status().refused.values()) == 50)
        assert clock() - begun > 0.7, "a burst of 20, then 16 at a time at 20 a second"
        for reader, writer in opened:
            writer.close()
            await asyncio.gather(reader.read(), return_exceptions=True)


async def test_the_log_is_limited_however_often_rubbish_comes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with running(tmp_path, NORTH) as cluster:
        north = cluster.nodes[0]
        with caplog.at_level(logging.INFO):
            for _ in range(20):
                reader, writer = await asyncio.open_connection("127.0.0.1", north.port)
                writer.write(RUBBISH["plain http"])
                await reader.read()
                writer.close()
            await eventually(lambda: north.network.status().refused.get(Reason.NOT_TLS) == 20)
        assert len([record for record in caplog.records if record.name.startswith("network")]) == 1


async def test_a_stranger_with_a_certificate_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        cluster.add_validators([MALLORY])  # the running nodes are not told
        stream = await _tls(cluster, MALLORY, cluster.nodes[0])
        with pytest.raises(DisconnectError) as caught:
            await handshake.receive_hello(stream)
        assert caught.value.reason in (Reason.NOT_ACCEPTED, Reason.LOST, Reason.CLOSED_BY_PEER)
        await stream.close()
        await eventually(lambda: cluster.nodes[0].network.status().refused.get(Reason.FOREIGN_CERTIFICATE) == 1)
        await _still_fine(cluster)


async def test_a_validator_that_greets_under_another_name_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        cluster.add_validators([MALLORY])
        cluster.introduce()
        north = cluster.nodes[0]
        stream = await _tls(cluster, MALLORY, north)
        handshake.send_hello(stream, replace(_hello(), validator_id=EAST))
        await handshake.receive_hello(stream)
        with pytest.raises(DisconnectError, match=Reason.WRONG_PEER):
            await handshake.receive_welcome(stream)
        await stream.close()
        await _still_fine(cluster)


def _oversized() -> bytes:
    return struct.pack(">IB", PAYLOAD_BYTES_MAX[Channel.CONSENSUS] + 2, Channel.CONSENSUS)


BAD_FRAMES: dict[str, tuple[Callable[[], bytes], Reason]] = {
    "oversized": (_oversized, Reason.OVERSIZED),
    "unknown channel": (lambda: struct.pack(">IB", 1, 77), Reason.MALFORMED),
    "empty": (lambda: struct.pack(">IB", 0, Channel.CONSENSUS), Reason.MALFORMED),
    "control rubbish": (lambda: encode_frame(Channel.CONTROL, b"\xc1"), Reason.MALFORMED),
    "unknown control": (lambda: encode_frame(Channel.CONTROL, encode([99, 0, 0])), Reason.MALFORMED),
    "negative head": (lambda: encode_frame(Channel.CONTROL, encode([4, 0, -1, 0])), Reason.MALFORMED),
    "negative clock": (lambda: encode_frame(Channel.CONTROL, encode([4, 0, 0, -1])), Reason.MALFORMED),
    "short request": (lambda: encode_frame(Channel.REQUEST, b"123"), Reason.MALFORMED),
    "short response": (lambda: encode_frame(Channel.RESPONSE, b"123"), Reason.MALFORMED),
    "answer to nothing": (lambda: encode_frame(Channel.RESPONSE, struct.pack(">QB", 5, 0)), Reason.FAULT),
}


@pytest.mark.parametrize(("make", "reason"), BAD_FRAMES.values(), ids=BAD_FRAMES.keys())
async def test_a_bad_frame_of_a_validator_closes_its_connection(
    tmp_path: Path, make: Callable[[], bytes], reason: Reason
) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        north, stream = cluster.nodes[0], await _join(cluster)
        stream.put(make())
        await _until_closed(stream)
        assert _end_of_mallory(north) is reason
        assert await north.network.request(EAST, 1, b"fine?", 5.0) == b"fine?"


async def test_a_message_that_the_handler_blames_or_chokes_on_closes_one_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        north = cluster.nodes[0]

        def blame(peer: ValidatorId, channel: Channel, payload: bytes) -> float:
            raise PeerFaultError("a vote signed by nobody") if payload == b"fault" else ZeroDivisionError("our bug")

        north.handler.on_message = blame  # type: ignore[method-assign]
        for payload, reason in ((b"fault", Reason.FAULT), (b"bug", Reason.INTERNAL_ERROR)):
            stream = await _join(cluster)
            stream.put(encode_frame(Channel.CONSENSUS, payload))
            await _until_closed(stream)
            assert _end_of_mallory(north) is reason
        assert "ZeroDivisionError" in caplog.text
        assert await north.network.request(EAST, 1, b"fine?", 5.0) == b"fine?"


async def test_a_peer_that_stands_still_is_noticed_and_blocks_nobody(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        north, stream = cluster.nodes[0], await _join(cluster)
        while north.network.send(MALLORY, Channel.TRANSACTIONS, bytes(100_000)):
            assert await north.network.request(EAST, 1, b"fine?", 5.0) == b"fine?"
        await north.handler.until(lambda: _end_of_mallory(north) is not None)
        assert _end_of_mallory(north) is Reason.SILENT
        await stream.close()


async def test_a_peer_that_does_not_read_loses_bulk_first_and_then_the_connection(tmp_path: Path) -> None:
    limits = replace(QUICK, bulk_bytes_max=1_000_000, urgent_bytes_max=1_000_000, silence_seconds_max=60.0)
    async with running(tmp_path, NORTH, EAST, limits=limits) as cluster:
        north, stream = cluster.nodes[0], await _join(cluster)

        def dropped() -> int:
            return next(one for one in north.network.status().peers if one.peer == MALLORY).dropped_frames

        while dropped() == 0:
            assert north.network.send(MALLORY, Channel.TRANSACTIONS, bytes(100_000))
            await asyncio.sleep(0)
        for _ in range(100_000):
            if not north.network.send(MALLORY, Channel.CONSENSUS, bytes(100_000)):
                break
            await asyncio.sleep(0)
        await north.handler.until(lambda: _end_of_mallory(north) is not None)
        assert _end_of_mallory(north) is Reason.URGENT_OVERFLOW
        await _until_closed(stream)


async def test_a_peer_above_its_quota_is_read_more_slowly(tmp_path: Path) -> None:
    limits = replace(QUICK, inbound_frames_per_second=1000)
    async with running(tmp_path, NORTH, EAST, limits=limits) as cluster:
        north, stream = cluster.nodes[0], await _join(cluster)

        def throttled() -> int:
            return next(one for one in north.network.status().peers if one.peer == MALLORY).throttled

        stream.put(encode_frame(Channel.TRANSACTIONS, b"x") * 1200)
        await eventually(lambda: throttled() > 0)
        assert await north.network.request(EAST, 1, b"fine?", 5.0) == b"fine?"
        stream.put(encode_frame(Channel.TRANSACTIONS, b"last"))
        await north.handler.until(lambda: any(payload == b"last" for _, _, payload in north.handler.messages))
        assert len(north.handler.messages) == 1201, "it is slowed down, nothing is lost"
        await stream.close()


async def test_too_many_requests_at_once_are_refused_not_queued(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        north, stream = cluster.nodes[0], await _join(cluster)
        gate = asyncio.Event()

        async def wait(peer: ValidatorId, kind: int, payload: bytes) -> bytes:
            await gate.wait()
            return b"done"

        north.handler.on_request = wait  # type: ignore[method-assign]
        count = QUICK.answers_open_max + 5
        for number in range(count):
            stream.put(encode_frame(Channel.REQUEST, struct.pack(">QB", number, 1)))
        outcomes: list[int] = []
        while len(outcomes) < count:
            frame = await stream.read_frame()
            if frame.channel is Channel.RESPONSE:
                outcomes.append(frame.payload[8])
                if len(outcomes) == 5:
                    assert outcomes == [1] * 5
                    gate.set()
        assert outcomes == [1] * 5 + [0] * QUICK.answers_open_max
        await stream.close()


async def test_an_answer_beyond_the_limit_becomes_a_refusal(tmp_path: Path) -> None:
    async with running(tmp_path, NORTH, EAST) as cluster:
        north, east = cluster.nodes
        east.handler.answer = lambda peer, kind, payload: bytes(PAYLOAD_BYTES_MAX[Channel.RESPONSE])
        with pytest.raises(RequestRefusedError, match="too large"):
            await north.network.request(EAST, 1, b"", 5.0)


def _hello() -> handshake.Hello:
    return handshake.decode_hello(
        encode([1, handshake.NETWORK_VERSION, bytes(32), "mallory", 0, bytes(handshake.INSTANCE_BYTES)])
    )


async def _tls(cluster: Cluster, name: ValidatorId, node: Node) -> FrameStream:
    context = client_context(cluster.files[name], registry_of(cluster.validators))
    return await open_stream("127.0.0.1", node.port, context, DEADLINE_SECONDS)


async def _join(cluster: Cluster) -> FrameStream:
    """Connect to the first node as a validator that the test plays itself."""
    if MALLORY not in cluster.files:
        cluster.add_validators([MALLORY])
        cluster.introduce()
    north = cluster.nodes[0]
    stream = await greet_as(cluster, MALLORY, north)
    await eventually(lambda: MALLORY in north.network.heads())
    return stream


async def _until_closed(stream: FrameStream) -> None:
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                await stream.read_frame()
    except DisconnectError as error:
        if error.reason is Reason.HANDSHAKE_TIMEOUT:
            raise
    finally:
        await stream.close()


def _end_of_mallory(node: Node) -> Reason | None:
    ends = [why.reason for peer, why in node.handler.disconnected if peer == MALLORY]
    return ends[-1] if ends else None
