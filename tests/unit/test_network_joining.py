"""A newcomer joins by a snapshot whoever lies, refuses, stalls or leaves, as long as one honest peer has it."""

import asyncio
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import pytest
from joining_support import Alter, Newcomer, Peer, Peers, Rows, Source, grown_source
from test_store_gaps import full

from chain.encoding import decode, encode
from chain.header_chain import CertifiedConflictError
from chain.snapshot import manifest_hash_of
from chain.storage import Head, Write
from chain.types import Height, ValidatorId
from network.errors import RefusalError, RequestTimeoutError
from network.history_requests import CertifiedHeader, HistoryKind
from network.requests import RequestKind
from network.sources import SetAside


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return grown_source(tmp_path_factory.mktemp("snapshots"))


async def test_it_fetches_headers_window_and_chunks_and_then_goes_on(source: Source) -> None:
    newcomer = Newcomer(source, Peers({"aaa": Peer(source), "bbb": Peer(source), "ccc": Peer(source)}))
    assert await newcomer.join()
    assert newcomer.blocks.head is not None and newcomer.blocks.head.height == 12
    assert newcomer.blocks.gaps == ((1, 6),), "the bodies of the window are here, those before it are not"
    assert newcomer.sources.aside() == {}
    progress = newcomer.progress
    assert (progress.phase, progress.target) == ("state", 12)
    assert progress.done == progress.total == source.snapshots[12].manifest.size
    newcomer.check()


async def test_chunks_come_from_all_who_offer_the_same_snapshot(source: Source) -> None:
    peers = {name: Peer(source) for name in ("aaa", "bbb", "ccc")}
    peers["other"] = Peer(source, snapshots={})
    assert await Newcomer(source, Peers(peers)).join()
    chunks = {name: sum(kind == HistoryKind.CHUNK for kind, _ in peer.asked) for name, peer in peers.items()}
    total = len(source.snapshots[12].manifest.subtrees)
    assert sum(chunks.values()) == total and chunks["other"] == 0
    assert all(chunks[name] > total // 6 for name in ("aaa", "bbb", "ccc")), chunks


def lying(kind: int, lie: bytes | None = None, change: int | None = None) -> Alter:
    """Return a peer's way to alter its answers to one kind of question."""

    async def alter(asked: int, payload: bytes, honest: bytes) -> bytes:
        if asked != kind:
            return honest
        if lie is not None:
            return lie
        assert change is not None
        place = len(honest) * change // 100
        return honest[:place] + bytes([honest[place] ^ 0x10]) + honest[place + 1 :]

    return alter


def failing(kind: int, error: Exception) -> Alter:
    async def alter(asked: int, payload: bytes, honest: bytes) -> bytes:
        if asked == kind:
            raise error
        return honest

    return alter


KINDS = [*HistoryKind, RequestKind.BLOCKS]
LIES: dict[str, tuple[Alter, SetAside]] = {
    **{f"rubbish for {kind.name}": (lying(kind, b"\xc1"), SetAside.LIED) for kind in KINDS},
    **{f"another form for {kind.name}": (lying(kind, encode([1, [[b""]]])), SetAside.LIED) for kind in KINDS},
    **{
        f"flipped at {at}% of {kind.name}": (lying(kind, change=at), SetAside.LIED)
        for kind in KINDS
        for at in ((5,) if kind is RequestKind.BLOCKS else (30, 99))
        if kind is not HistoryKind.SNAPSHOTS
    },
    **{
        f"nothing for {kind.name}": (lying(kind, encode([1, []])), SetAside.SERVED_NOTHING)
        for kind in (HistoryKind.HEADERS, HistoryKind.RECEIPTS, RequestKind.BLOCKS)
    },
    **{f"refuses {kind.name}": (failing(kind, RefusalError("busy")), SetAside.REFUSED) for kind in KINDS},
    **{f"lacks {kind.name}": (failing(kind, RefusalError("lacking: this")), SetAside.LACKING) for kind in KINDS},
    **{
        f"silent about {kind.name}": (
            failing(kind, RequestTimeoutError(ValidatorId("aaa"), "no answer")),
            SetAside.SLOW,
        )
        for kind in KINDS
    },
    "an empty chunk": (lying(HistoryKind.CHUNK, encode([1, b""])), SetAside.LIED),
    "a chunk of 11 MB": (lying(HistoryKind.CHUNK, encode([1, bytes(11_000_000)])), SetAside.LIED),
}


@pytest.mark.parametrize(("alter", "why"), LIES.values(), ids=LIES.keys())
async def test_a_bad_peer_is_set_aside_and_the_others_suffice(source: Source, alter: Alter, why: SetAside) -> None:
    peers = Peers({"aaa": Peer(source, alter=alter), "bbb": Peer(source)})
    newcomer = Newcomer(source, peers)
    reasons: set[str] = set()

    async def watch() -> None:
        while True:
            reasons.update(newcomer.sources.aside().values())
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    assert await newcomer.join()
    watching.cancel()
    assert any(reason.startswith(why) for reason in reasons), reasons
    newcomer.check()


async def test_a_liar_is_dropped_at_its_first_false_chunk(source: Source) -> None:
    liar = Peer(source, alter=lying(HistoryKind.CHUNK, change=50))
    newcomer = Newcomer(source, Peers({"aaa": liar, "bbb": Peer(source)}))
    assert await newcomer.join()
    assert sum(kind == HistoryKind.CHUNK for kind, _ in liar.asked) == 1
    assert newcomer.sources.aside()[ValidatorId("aaa")].startswith("lied")
    newcomer.check()


async def test_a_snapshot_of_an_uncertified_state_is_refused_with_all_who_offer_it(
    source: Source, tmp_path: Path
) -> None:
    """It is whole in itself, and of another ledger: no chunk of it is fetched."""
    other = Source(tmp_path / "other")
    other.folder.mkdir()
    other.maker.decide()
    other.blocks.append(full(other.maker.records[0]))
    other.grow(12)
    other.take_snapshot()
    forged = {13: other.snapshots[13]}
    peers = {"aaa": Peer(source, snapshots=forged), "bbb": Peer(source, snapshots=forged), "ccc": Peer(source)}
    newcomer = Newcomer(source, Peers(peers))
    assert await newcomer.join()
    assert {str(name) for name in newcomer.sources.aside()} == {"aaa", "bbb"}
    assert not any(kind == HistoryKind.CHUNK for name in ("aaa", "bbb") for kind, _ in peers[name].asked)
    newcomer.check()


async def test_a_snapshot_of_a_height_that_nobody_reached_is_invented(source: Source) -> None:
    stored = source.snapshots[12]
    value = decode(stored.encoded)
    value[2] = 10**12
    invented = encode(value)

    async def alter(kind: int, payload: bytes, honest: bytes) -> bytes:
        if kind == HistoryKind.SNAPSHOTS:
            return encode([1, [[10**12, manifest_hash_of(invented), len(invented), 1]], False])
        return encode([1, invented]) if kind == HistoryKind.MANIFEST else honest

    peers = {"aaa": Peer(source, announced=10**15, alter=alter), "bbb": Peer(source)}
    newcomer = Newcomer(source, Peers(peers))
    assert await newcomer.join()
    assert "nobody has the header" in newcomer.sources.aside()[ValidatorId("aaa")]
    newcomer.check()


async def test_where_all_peers_leave_it_waits_and_goes_on_when_one_returns(source: Source) -> None:
    peers = Peers({"aaa": Peer(source), "bbb": Peer(source)})
    newcomer = Newcomer(source, peers)
    done = 0

    async def leave(kind: int, payload: bytes, honest: bytes) -> bytes:
        nonlocal done
        done += kind == HistoryKind.CHUNK
        if done == 6:
            peers.gone |= {"aaa", "bbb"}
            asyncio.get_running_loop().call_later(0.4, peers.gone.clear)
            done += 1
        return honest

    peers.peers["aaa"].alter = peers.peers["bbb"].alter = leave
    assert await newcomer.join()
    newcomer.check()


async def test_a_snapshot_that_is_gone_is_replaced_and_what_is_the_same_is_kept(tmp_path: Path) -> None:
    source = grown_source(tmp_path)
    peer = Peer(source)
    newcomer = Newcomer(source, Peers({"aaa": peer}))
    fetched = 0

    async def move_on(kind: int, payload: bytes, honest: bytes) -> bytes:
        nonlocal fetched
        fetched += kind == HistoryKind.CHUNK
        if fetched == 8 and 12 in source.snapshots:
            source.take_snapshot()
            del source.snapshots[12]
        return honest

    peer.alter = move_on
    assert await newcomer.join()
    assert newcomer.opened().head.height == 15
    total = len(source.snapshots[15].manifest.subtrees)
    assert 8 < fetched < total + 8, "some chunks were not asked for again"
    newcomer.check()


async def test_nobody_offering_anything_is_said_instead_of_waiting_for_ever(source: Source) -> None:
    newcomer = Newcomer(source, Peers({"aaa": Peer(source, snapshots={})}))
    assert not await newcomer.join()
    newcomer.ledger.need_from(Height(1))
    assert await newcomer.joining.headers(Height(15))
    await newcomer.joining.bodies()
    assert newcomer.blocks.gaps == () and newcomer.blocks.head == source.blocks.head


async def test_bodies_come_from_who_has_them(source: Source) -> None:
    """A peer that joined by a snapshot itself lacks old blocks, says so, and is asked for others."""
    peers = {"aaa": Peer(source, blocks_from=11), "bbb": Peer(source)}
    newcomer = Newcomer(source, Peers(peers))
    assert await newcomer.join()
    newcomer.ledger.need_from(Height(1))
    await newcomer.joining.bodies()
    assert newcomer.blocks.gaps == ()
    for height in range(1, 13):
        assert newcomer.blocks.block(height) == source.blocks.block(height)
        assert newcomer.blocks.receipts(height) == source.blocks.receipts(height)


class CrashError(Exception):
    """The process ends here."""


class Interrupting(Rows):
    """Rows in memory that outlive the process, and end it at one write; two of them share the count."""

    def __init__(self, left: list[int]) -> None:
        super().__init__()
        self.left = left

    def write(self, writes: Iterable[Write], head: Head | None = None) -> None:
        self.left[0] -= 1
        if self.left[0] == 0:
            raise CrashError
        super().write(writes, head)


async def test_an_interruption_at_any_write_is_gone_on_from(source: Source) -> None:
    """Whatever was written stays, nothing is fetched twice, and the outcome is the same."""
    asked_whole = 0
    for crash_at in chain(range(1, 12), range(12, 500, 7)):
        left = [10**9]
        rows, state = Interrupting(left), Interrupting(left)
        peer = Peer(source)
        Newcomer(source, Peers({"aaa": peer}), rows, state)
        left[0] = crash_at
        try:
            newcomer = Newcomer(source, Peers({"aaa": peer}), rows, state)
            assert await newcomer.join()
        except* CrashError:
            assert state.head is None
        else:
            asked_whole = sum(kind == HistoryKind.CHUNK for kind, _ in peer.asked)
            assert crash_at > asked_whole > 10
            return
        before = sum(kind == HistoryKind.CHUNK for kind, _ in peer.asked)
        newcomer = Newcomer(source, Peers({"aaa": peer}), rows, state)
        assert await newcomer.join()
        assert sum(kind == HistoryKind.CHUNK for kind, _ in peer.asked) <= max(
            len(source.snapshots[12].manifest.subtrees) + 1, before
        )
        newcomer.check()
    pytest.fail("more writes than were expected")


async def test_two_histories_that_are_both_certified_end_the_joining(source: Source, tmp_path: Path) -> None:
    """More than a third lied or lost their keys: nothing may be built on either, and it is said."""
    other = Source(tmp_path / "other")
    other.folder.mkdir()
    other.maker.decide()
    newcomer = Newcomer(source, Peers({"aaa": Peer(source)}))
    first = other.maker.records[0]
    header = CertifiedHeader(first.decoded_block().header.encoded(), first.result, first.certificate)
    newcomer.ledger.append_headers([header])
    with pytest.raises(CertifiedConflictError):
        await newcomer.join()
