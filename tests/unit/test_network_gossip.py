"""Batches leave at once when idle and gather under load; what comes in is checked, sifted and never passed on."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.encoding import DecodeError, encode
from chain.types import ValidatorId
from network.errors import PeerFaultError
from network.gossip import GossipLimits, TransactionGossip, decode_batch, encode_batch

EAST = ValidatorId("east")


class _World:
    """The seams, recorded."""

    def __init__(self, limits: GossipLimits) -> None:
        self.sent: list[list[bytes]] = []
        self.delivered: list[tuple[ValidatorId, list[bytes]]] = []
        self.known: set[bytes] = set()
        self.gossip = TransactionGossip(self._broadcast, self._deliver, self.known.__contains__, limits)

    def _broadcast(self, payload: bytes) -> None:
        self.sent.append(decode_batch(payload))

    def _deliver(self, peer: ValidatorId, raws: list[bytes]) -> None:
        self.delivered.append((peer, raws))


async def test_an_idle_node_sends_at_once_and_then_gathers() -> None:
    world = _World(GossipLimits(pause_seconds=0.05))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(world.gossip.run())
        await asyncio.sleep(0)
        world.gossip.offer(b"first")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert world.sent == [[b"first"]]
        for raw in (b"second", b"third"):
            world.gossip.offer(raw)
            await asyncio.sleep(0)
        assert world.sent == [[b"first"]], "the pause gathers"
        async with asyncio.timeout(10.0):
            while len(world.sent) < 2:
                await asyncio.sleep(0.005)
        assert world.sent == [[b"first"], [b"second", b"third"]]
        assert world.gossip.sent_transactions == 3
        running.cancel()


async def test_a_full_batch_leaves_within_the_pause() -> None:
    world = _World(GossipLimits(batch_bytes=10, pause_seconds=1000.0))
    for raw in (b"1234", b"5678", b"90ab"):
        world.gossip.offer(raw)
    assert world.sent == [[b"1234", b"5678"]]


async def test_one_large_transaction_makes_its_own_batch() -> None:
    world = _World(GossipLimits(batch_bytes=10))
    for raw in (b"1", bytes(100), b"2"):
        world.gossip.offer(raw)
    assert world.sent == [[b"1"], [bytes(100)]]


async def test_what_is_known_is_not_delivered_and_nothing_received_is_sent_on() -> None:
    world = _World(GossipLimits())
    world.known.add(b"old")
    world.gossip.receive(EAST, encode_batch([b"old", b"new"]))
    world.gossip.receive(EAST, encode_batch([b"old"]))
    assert world.delivered == [(EAST, [b"new"])]
    assert world.sent == []
    assert (world.gossip.received_transactions, world.gossip.repeated_transactions) == (3, 2)


@pytest.mark.parametrize("payload", [b"", b"\xc1", encode([]), encode([1, []]), encode([2, [b"x"]]), encode([1, [5]])])
async def test_a_malformed_batch_is_the_peers_fault(payload: bytes) -> None:
    world = _World(GossipLimits())
    with pytest.raises(PeerFaultError):
        world.gossip.receive(EAST, payload)
    assert world.delivered == []


@given(st.binary(max_size=60))
def test_any_bytes_are_a_batch_or_a_decode_error(data: bytes) -> None:
    try:
        raws = decode_batch(data)
    except DecodeError:
        return
    assert encode_batch(raws) == data
