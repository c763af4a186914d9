"""Questions about the state are answered beside the execution of blocks, each on the state of one block."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from executor_support import Chain, killed, running
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.encoding import encode
from chain.ledger import Ledger
from chain.storage import Head, MemoryStore
from chain.types import Digest, Height
from contracts.executor.client import ExecutorClient
from contracts.executor.errors import ExecutorDied
from contracts.executor.remote_store import RemoteStore
from contracts.executor.state_link import (
    BEGIN,
    END,
    GET,
    PAGE_ENTRIES_MAX,
    SCAN,
    StateLink,
)
from contracts.executor.worker import Ports
from processes.channel import Channel
from processes.frames import decode_payload, encode_frame, encode_payload
from processes.link import PACKET_BYTES_MAX, Link, LinkEnds, LinkLost

LOOKS = 200
"""Looks of a view that is to be under way while blocks go by."""


class Frozen:
    """A copy of a store in memory; implements chain.storage.FrozenView."""

    def __init__(self, store: MemoryStore) -> None:
        self._copy = MemoryStore()
        self._copy.write(list(store.scan(b"l", b"m")))
        self.is_closed = False

    def get(self, key: bytes) -> bytes | None:
        assert not self.is_closed
        return self._copy.get(key)

    def scan(self, start: bytes, end: bytes, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        assert not self.is_closed
        return self._copy.scan(start, end, reverse)

    def close(self) -> None:
        self.is_closed = True


class DirectLink(Link):
    """A link whose other end answers at once."""

    def __init__(self, state: StateLink) -> None:
        super().__init__(-1)
        self._state = state
        self._answers: list[bytes] = []

    def send(self, packet: bytes) -> None:
        assert len(packet) <= PACKET_BYTES_MAX
        answer = self._state.answer(packet)
        if answer is not None:
            assert len(answer) <= PACKET_BYTES_MAX
            self._answers.append(answer)

    def receive(self) -> bytes | None:
        if not self._answers:
            raise LinkLost
        return self._answers.pop(0)


def linked(store: MemoryStore, ledger: Ledger) -> tuple[StateLink, list[Frozen]]:
    views: list[Frozen] = []

    def freeze() -> Frozen:
        views.append(Frozen(store))
        return views[-1]

    return StateLink(ledger, freeze), views


async def test_blocks_go_by_while_a_view_runs_without_end(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        endless = asyncio.create_task(client.view("fake", "hang", [], None, 1_000))
        behind = [asyncio.create_task(client.view("fake", "counter", [], None, 1_000)) for _ in range(20)]
        await asyncio.sleep(0)
        for height in range(1, 6):
            block = chain.block("increment")
            await client.execute(block.raw)
            assert (await client.apply(block.block_hash)).height == height
            chain.ledger.apply(chain.ledger.execute(block, lambda transaction: True))
        assert not endless.done() and not any(view.done() for view in behind)
        assert client.restarts == 0
        endless.cancel()
        for view in behind:
            view.cancel()


async def test_a_view_that_sees_blocks_go_by_stays_with_the_state_that_it_began_with(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        await client.replay([chain.decide("increment_both") for _ in range(3)])
        before = (await client.statistics())["looks"]
        slow = asyncio.create_task(client.view("fake", "both_slowly", [10 * LOOKS], None, 1_000))
        while (await client.statistics())["looks"] < before + LOOKS:
            await asyncio.sleep(0)
        await client.replay([chain.decide("increment_both") for _ in range(3)])
        assert client.head.height == 6 and not slow.done()
        seen = await slow
        assert (seen.height, seen.value) == (3, [3, 3])
        now = await client.view("fake", "both_slowly", [0], None, 1_000)
        assert (now.height, now.value) == (6, [6, 6])


async def test_a_view_outlives_the_executor(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        await client.replay([chain.decide("increment_both")])
        before = (await client.statistics())["looks"]
        slow = asyncio.create_task(client.view("fake", "both_slowly", [LOOKS], None, 1_000))
        while (await client.statistics())["looks"] == before:
            await asyncio.sleep(0)
        await killed(client)
        assert (await slow).value == [1, 1]
        assert client.restarts == 1


async def test_a_killed_reader_is_started_again_and_no_block_notices(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        assert (await client.view("fake", "counter", [], None, 1_000)).value == 0
        executor = client.pid
        for count in range(3):
            assert client.reader_pid is not None
            os.kill(client.reader_pid, signal.SIGKILL)
            await client.replay([chain.decide("increment")])
            while (counter := await counted(client)) is None:
                pass
            assert counter == count + 1
        assert (client.pid, client.restarts, client.reader_restarts) == (executor, 0, 3)


async def counted(client: ExecutorClient) -> Any:
    """Return the counter, None if the reader died over the question."""
    try:
        return (await client.view("fake", "counter", [], None, 1_000)).value
    except ExecutorDied:
        return None


async def test_a_reader_cannot_end_the_node(tmp_path: Path) -> None:
    chain = Chain()
    async with running(tmp_path, chain) as client:
        for number, method in enumerate(["lie", "rubbish", "nonsense", "memory", "crash", "fault", "bug"]):
            with pytest.raises(ExecutorDied):
                await client.view("fake", method, [], None, 1_000)
            assert (await client.view("fake", "counter", [], None, 1_000)).value == 0
            assert (client.restarts, client.reader_restarts) == (0, number + 1)


def test_the_node_is_served_before_the_reader(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ends = LinkEnds()
    serving = Link(ends.renew())
    asking = Link(ends.asking())
    looks: list[bytes] = []

    def look(packet: bytes) -> bytes:
        looks.append(packet)
        if len(looks) == 2:
            ours.sendall(encode_frame(["second"]))
        return b"answer"

    ports = Ports(Channel(theirs.fileno()), serving, look)
    for packet in (b"1", b"2", b"3"):
        asking.send(packet)
    ours.sendall(encode_frame(["first"]))
    assert ports.next_request() == ["first"] and looks == []
    # Nothing of the node waits now; it comes while the second look is answered, and the third waits for it.
    assert ports.next_request() == ["second"] and looks == [b"1", b"2"]
    ours.sendall(encode_frame(["third"]) + encode_frame(["fourth"]))
    assert [ports.next_request(), ports.next_request()] == [["third"], ["fourth"]]
    assert looks == [b"1", b"2"]
    assert [asking.receive(), asking.receive()] == [b"answer", b"answer"]
    ends.close()
    ours.close()
    theirs.close()


def test_whoever_serves_a_link_never_waits_for_the_other_end() -> None:
    ends = LinkEnds()
    serving, asking = Link(ends.renew()), Link(ends.asking())
    assert serving.receive() is None
    for _ in range(100):
        serving.send(bytes(PACKET_BYTES_MAX))
    assert asking.receive() == bytes(PACKET_BYTES_MAX), "and no packet is cut"
    ends.close()
    with pytest.raises(OSError, match="descriptor"):
        serving.receive()


def test_a_link_that_ended_says_so() -> None:
    ends = LinkEnds()
    copy = os.dup(ends.renew())
    left = Link(copy)
    ends.close()
    with pytest.raises(LinkLost):
        left.receive()
    with pytest.raises(LinkLost):
        left.send(b"x")
    os.close(copy)


ENTRIES = st.dictionaries(
    st.binary(min_size=1, max_size=3).map(lambda key: b"l" + key),
    st.one_of(st.binary(max_size=4), st.sampled_from([10_000, 20_000, 70_000]).map(bytes)),
    max_size=12,
)
KEYS = st.binary(max_size=3).map(lambda key: b"l" + key)


@settings(max_examples=80, deadline=None)
@given(ENTRIES, KEYS, KEYS, st.booleans())
def test_a_store_across_the_link_reads_as_the_store_itself(
    entries: dict[bytes, bytes], start: bytes, end: bytes, reverse: bool
) -> None:
    store = MemoryStore()
    store.write(list(entries.items()), Head(Height(0), Digest(bytes(32))))
    state, _ = linked(store, Chain().ledger)
    remote = RemoteStore(DirectLink(state), 7)
    remote.begin()
    for key in [*entries, start, end]:
        assert remote.get(key) == store.get(key)
    assert list(remote.scan(start, end, reverse)) == list(store.scan(start, end, reverse))


def test_many_entries_come_in_pages() -> None:
    store = MemoryStore()
    store.write([(b"l%04d" % number, b"x" * 10) for number in range(1_000)])
    state, _ = linked(store, Chain().ledger)
    remote = RemoteStore(DirectLink(state), 0)
    remote.begin()
    for reverse in (False, True):
        before = state.looks
        assert list(remote.scan(b"l", b"m", reverse)) == list(store.scan(b"l", b"m", reverse))
        assert state.looks - before == -(-1_000 // PAGE_ENTRIES_MAX)
    before = state.looks
    assert next(remote.scan(b"l", b"m")) == (b"l0000", b"x" * 10)
    assert state.looks == before + 1, "what nobody takes is not fetched"


def test_a_snapshot_is_kept_while_it_is_read_and_no_longer() -> None:
    chain, store = Chain(), MemoryStore()
    store.write([(b"lkey", b"old")])
    state, views = linked(store, chain.ledger)
    remote = RemoteStore(DirectLink(state), 0)
    with pytest.raises(LinkLost):
        remote.get(b"lkey")
    first = remote.begin()
    assert (first.height, first.chain_id, first.state_root) == (0, chain.head.chain_id, chain.head.result.state_root)
    store.write([(b"lkey", b"new")])
    chain.decide("increment")
    state.applied()
    assert remote.get(b"lkey") == b"old" and list(remote.scan(b"l", b"m")) == [(b"lkey", b"old")]
    remote.end()
    assert [view.is_closed for view in views] == [True]
    assert remote.begin().height == 1 and remote.get(b"lkey") == b"new"
    remote.end()
    assert remote.begin().block_hash == chain.head.block_hash
    assert len(views) == 2, "the same block's state is frozen once"
    remote.end()
    chain.decide("increment")
    state.applied()
    assert [view.is_closed for view in views] == [True, True]


REQUESTS = st.one_of(
    st.binary(max_size=40),
    st.lists(
        st.one_of(st.integers(-3, 9), st.sampled_from([BEGIN, GET, SCAN, END]), st.binary(max_size=3), st.booleans()),
        max_size=6,
    ).map(encode),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(REQUESTS, max_size=6))
def test_any_packets_are_answered_or_passed_over(packets: list[bytes]) -> None:
    store = MemoryStore()
    store.write([(b"l%d" % number, b"value") for number in range(3)])
    state, _ = linked(store, CHAIN.ledger)
    for packet in packets:
        answer = state.answer(packet)
        if answer is not None:
            assert decode_payload(answer)[0] == decode_payload(packet)[0]


CHAIN = Chain()


def test_answers_to_a_predecessor_are_passed_over() -> None:
    store = MemoryStore()
    store.write([(b"lkey", b"value")])
    state, _ = linked(store, CHAIN.ledger)
    link = DirectLink(state)
    link.send(encode_payload([5, BEGIN]))
    link.send(encode_payload([6, GET, b"lkey", 0]))
    remote = RemoteStore(link, 1_000)
    assert remote.begin().height == 0
    assert remote.get(b"lkey") == b"value" and remote.get(b"lother") is None
