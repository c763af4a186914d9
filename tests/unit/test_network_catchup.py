"""A node that is behind gets there, whoever lies, stalls or leaves; every peer set aside is named with the reason."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from network_support import DEADLINE_SECONDS, Cluster, Node, running

from chain.encoding import encode
from chain.types import Height, ValidatorId
from network.catchup import BlockRefusedError, CatchUp, CatchUpLimits
from network.errors import PeerUnavailableError, RequestRefusedError, RequestTimeoutError
from network.requests import RequestKind, Sources, answer, decode_blocks_request
from network.sources import SetAside, SourceLimits

AAA, BBB, CCC = (ValidatorId(name) for name in ("aaa", "bbb", "ccc"))
LIMITS = CatchUpLimits(check_seconds=0.02, blocks_max=4)

Answer = Callable[[bytes], bytes]


def _genuine(height: int) -> bytes:
    return b"block %d" % height


@dataclass
class _Ledger:
    """Accepts genuine blocks in order."""

    height: int = 0
    reached: asyncio.Condition = field(default_factory=asyncio.Condition)

    def own_height(self) -> Height:
        return Height(self.height)

    async def apply(self, block: bytes) -> None:
        number = int(block.split()[-1])
        if number <= self.height:
            return
        if block != _genuine(number) or number != self.height + 1:
            raise BlockRefusedError(f"{block!r} at {self.height}")
        async with self.reached:
            self.height = number
            self.reached.notify_all()

    async def until(self, height: int) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS), self.reached:
            await self.reached.wait_for(lambda: self.height >= height)


@dataclass
class _Peers:
    """Scripted peers instead of a network, and a clock that stands still unless moved."""

    announced: dict[ValidatorId, Height]
    answers: dict[ValidatorId, Answer]
    asked: list[tuple[ValidatorId, bytes, float]] = field(default_factory=list)
    now: float = 0.0

    async def request(self, peer_id: ValidatorId, kind: int, payload: bytes, timeout_seconds: float) -> bytes:
        assert kind == RequestKind.BLOCKS
        self.asked.append((peer_id, payload, timeout_seconds))
        return self.answers[peer_id](payload)

    def heads(self) -> Mapping[ValidatorId, Height]:
        return self.announced


def _serve(upto: int) -> Answer:
    def blocks(payload: bytes) -> bytes:
        wanted = decode_blocks_request(payload)
        last = min(upto, wanted.first + wanted.blocks_max - 1)
        return encode([1, [_genuine(height) for height in range(wanted.first, last + 1)]])

    return blocks


def _fail(error: Exception) -> Answer:
    def blocks(payload: bytes) -> bytes:
        raise error

    return blocks


@asynccontextmanager
async def _catching_up(peers: _Peers, ledger: _Ledger) -> AsyncIterator[CatchUp]:
    catching = CatchUp(peers, ledger.own_height, ledger.apply, LIMITS, lambda: peers.now)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(catching.run())
        yield catching
        task.cancel()


async def test_ranges_come_from_one_peer_that_serves_well() -> None:
    ledger, peers = _Ledger(), _Peers({AAA: Height(10), BBB: Height(10)}, {AAA: _serve(10), BBB: _serve(10)})
    async with _catching_up(peers, ledger) as catching:
        catching.wake()
        await ledger.until(10)
        firsts = [decode_blocks_request(payload).first for _, payload, _ in peers.asked]
        assert firsts == [1, 5, 9]
        assert {peer for peer, _, _ in peers.asked} == {AAA}
        assert catching.status().set_aside == {}
        assert catching.status().fetched_blocks == 10


async def test_a_node_that_stays_behind_starts_without_being_woken() -> None:
    ledger, peers = _Ledger(), _Peers({AAA: Height(3)}, {AAA: _serve(3)})
    async with _catching_up(peers, ledger):
        await ledger.until(3)


async def test_nobody_ahead_is_nothing_to_ask() -> None:
    ledger, peers = _Ledger(height=5), _Peers({AAA: Height(5)}, {})
    async with _catching_up(peers, ledger) as catching:
        catching.wake()
        for _ in range(5):
            await asyncio.sleep(0)
        assert peers.asked == []
        assert catching.status().source is None


def _false_block(payload: bytes) -> bytes:
    first = decode_blocks_request(payload).first
    return encode([1, [_genuine(first), b"forged %d" % (first + 1)]])


BAD_PEERS: dict[str, tuple[Answer, SetAside]] = {
    "a forged block": (_false_block, SetAside.LIED),
    "rubbish": (lambda payload: b"\xc1", SetAside.LIED),
    "no blocks": (lambda payload: encode([1, []]), SetAside.SERVED_NOTHING),
    "old blocks": (lambda payload: encode([1, [_genuine(0)]]), SetAside.SERVED_NOTHING),
    "silence": (_fail(RequestTimeoutError(AAA, "no answer")), SetAside.SLOW),
    "a refusal": (_fail(RequestRefusedError(AAA, "busy")), SetAside.REFUSED),
    "a gap": (_fail(RequestRefusedError(AAA, "lacking: blocks 1 to 5")), SetAside.LACKING),
    "absence": (_fail(PeerUnavailableError(AAA, "gone")), SetAside.UNAVAILABLE),
}


@pytest.mark.parametrize(("behaviour", "why"), BAD_PEERS.values(), ids=BAD_PEERS.keys())
async def test_a_bad_peer_is_set_aside_by_name_and_another_asked(behaviour: Answer, why: SetAside) -> None:
    ledger = _Ledger()
    peers = _Peers({AAA: Height(9), BBB: Height(9)}, {AAA: behaviour, BBB: _serve(9)})
    async with _catching_up(peers, ledger) as catching:
        catching.wake()
        await ledger.until(9)
        aside = catching.status().set_aside
        assert list(aside) == [AAA]
        assert aside[AAA].startswith(why)
        assert [peer for peer, _, _ in peers.asked].count(AAA) == 1


async def test_a_peer_set_aside_gets_another_chance_later() -> None:
    ledger = _Ledger()
    peers = _Peers({AAA: Height(2)}, {AAA: lambda payload: encode([1, []])})
    async with _catching_up(peers, ledger) as catching:
        catching.wake()
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not peers.asked:
                await asyncio.sleep(0.005)
        peers.answers[AAA] = _serve(2)
        await asyncio.sleep(3 * LIMITS.check_seconds)
        assert ledger.height == 0 and len(peers.asked) == 1
        peers.now = LIMITS.sources.slow_seconds + 1.0
        await ledger.until(2)


async def test_slow_answers_make_requests_smaller_and_more_patient() -> None:
    ledger = _Ledger()
    slow = _fail(RequestTimeoutError(AAA, "no answer"))
    peers = _Peers({AAA: Height(9), BBB: Height(9), CCC: Height(9)}, {AAA: slow, BBB: slow, CCC: _serve(9)})
    async with _catching_up(peers, ledger) as catching:
        catching.wake()
        await ledger.until(9)
    wanted = [decode_blocks_request(payload) for _, payload, _ in peers.asked]
    assert [one.blocks_max for one in wanted[:4]] == [4, 2, 1, 2]
    assert [one.bytes_max for one in wanted[:3]] == [LIMITS.bytes_max, LIMITS.bytes_max // 2, LIMITS.bytes_max // 4]
    assert [seconds for _, _, seconds in peers.asked[:3]] == [5.0, 10.0, 20.0]


async def test_a_local_fault_of_apply_is_not_blamed_on_the_peer() -> None:
    async def broken(block: bytes) -> None:
        raise OSError("disk full")

    peers = _Peers({AAA: Height(1)}, {AAA: _serve(1)})
    catching = CatchUp(peers, lambda: Height(0), broken, LIMITS, lambda: 0.0)
    catching.wake()
    with pytest.raises(OSError, match="disk full"):
        await catching.run()
    assert catching.status().set_aside == {}


def _make_serving(node: Node, blocks: Mapping[int, bytes]) -> None:
    sources = Sources(lambda height: blocks.get(height), lambda block_hash: None, lambda transaction_id: None)

    async def on_request(peer: ValidatorId, kind: int, payload: bytes) -> bytes:
        return await answer(sources, kind, payload)

    node.handler.on_request = on_request  # type: ignore[method-assign]
    node.head = Height(max(blocks))


async def test_over_sockets_with_a_liar_a_mute_and_an_honest_peer(tmp_path: Path) -> None:
    names = ("aaa", "bbb", "ccc", "late")
    async with running(tmp_path, *names) as cluster:
        liar, mute, honest, late = cluster.nodes
        history = {height: _genuine(height) for height in range(1, 501)}
        _make_serving(honest, history)
        _make_serving(liar, {**history, 7: b"forged 7"})
        _make_serving(mute, history)

        async def never(peer: ValidatorId, kind: int, payload: bytes) -> bytes:
            await asyncio.Event().wait()
            return b""

        mute.handler.on_request = never  # type: ignore[method-assign]
        aside = await _catch_up_over(cluster, late)
        assert aside[liar.node_id].startswith(SetAside.LIED)
        assert aside[mute.node_id].startswith(SetAside.SLOW)
        assert set(aside) == {AAA, BBB}


async def _catch_up_over(cluster: Cluster, late: Node) -> dict[ValidatorId, str]:
    ledger = _Ledger()
    limits = CatchUpLimits(check_seconds=0.02, sources=SourceLimits(request_seconds_max=0.2))
    clock = asyncio.get_running_loop().time
    catching = CatchUp(late.network, ledger.own_height, ledger.apply, limits, clock)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(catching.run())
        await ledger.until(500)
        task.cancel()
    return catching.status().set_aside
