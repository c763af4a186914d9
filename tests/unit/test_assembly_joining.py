"""Around joining: installing a state, repairing, observers, whom to believe, when a snapshot is worth it, the pace."""

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from chain_maker import make_genesis
from joining_support import LIMITS, Peer, Peers, grown_source
from test_store_gaps import bare, with_genesis

from api.ports import CatchUpStatus
from assembly.back_fill import BackFill
from assembly.condition import credible_height
from assembly.data_folder import DataFolder, begin_installation, complete_installation
from assembly.failures import Damaged
from assembly.join_need import JoinNeed, NeedsPeers, worthwhile_above
from assembly.observers import read_observers
from assembly.progress import Pace, line_of
from assembly.repair import REPAIRS_MAX, Repairs, damage_of
from assembly.snapshot_scout import SnapshotScout
from assembly.snapshot_service import SnapshotService
from chain.storage import MemoryStore, StoreDamaged, StoreFull
from chain.types import Digest, Height, ValidatorId
from contracts.executor.protocol import SnapshotMaking
from network.errors import RefusalError
from network.sources import SourceChoice
from network.tls import make_certificate

# Installing


class CrashError(Exception):
    """The process ends here."""


def prepared(root: Path, *, with_old: bool) -> DataFolder:
    data = DataFolder(root)
    for folder, content in ((data.incoming_state, "new"), *([(data.state, "old")] if with_old else [])):
        folder.mkdir(parents=True)
        (folder / "content").write_text(content)
    return data


@pytest.mark.parametrize("with_old", [True, False])
def test_a_crash_at_any_step_of_an_installation_is_completed_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_old: bool
) -> None:
    """Before the mark stands nothing has happened; from then on the new state is what any later start finds."""
    steps = 0
    for crash_at in range(1, 40):
        data = prepared(tmp_path / str(crash_at), with_old=with_old)
        steps = 0
        with monkeypatch.context() as patched:

            def step(real: Callable[..., object]) -> Callable[..., object]:
                def crashing(*arguments: object, **options: object) -> object:
                    nonlocal steps
                    steps += 1
                    if steps == crash_at:  # noqa: B023
                        raise CrashError
                    return real(*arguments, **options)

                return crashing

            for owner, name in ((os, "fsync"), (os, "rename"), (os, "unlink"), (os, "rmdir"), (shutil, "rmtree")):
                patched.setattr(owner, name, step(getattr(owner, name)))
            patched.setattr(Path, "rename", step(Path.rename))
            try:
                begin_installation(data)
            except CrashError:
                marked = True
            else:
                marked = False
        if data.ready.exists() or marked:
            complete_installation(data)
        if data.incoming_state.exists():
            assert not data.ready.exists() and (not with_old or (data.state / "content").read_text() == "old")
            continue
        assert (data.state / "content").read_text() == "new", crash_at
        assert not data.replaced.exists()
        assert not complete_installation(data)
        if not marked:
            assert steps > 5
            return
    pytest.fail("more steps than were expected")


def test_without_a_mark_nothing_is_installed(tmp_path: Path) -> None:
    data = prepared(tmp_path, with_old=True)
    assert not complete_installation(data) and (data.state / "content").read_text() == "old"


# Repairing


def test_damage_is_set_aside_a_few_times_and_then_ends_the_node(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    repairs = Repairs(data, has_peers=True)
    for number in range(REPAIRS_MAX):
        data.blocks.mkdir()
        assert repairs.after(Damaged("blocks", "checksum")) is None
        assert (tmp_path / f"blocks.damaged-{number + 1}").is_dir() and not data.blocks.exists()
    data.blocks.mkdir()
    with pytest.raises(Damaged):
        repairs.after(Damaged("blocks", "checksum"))
    assert data.blocks.exists() and len(data.aside()) == REPAIRS_MAX


def test_without_peers_only_the_state_can_be_made_again(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    data.blocks.mkdir()
    data.state.mkdir()
    repairs = Repairs(data, has_peers=False)
    with pytest.raises(Damaged):
        repairs.after(Damaged("blocks", "checksum"))
    assert data.blocks.exists()
    assert repairs.after(Damaged("state", "checksum")) is None and data.aside() == ["state.damaged-1"]


def test_other_failures_end_the_node_and_needs_are_met(tmp_path: Path) -> None:
    repairs = Repairs(DataFolder(tmp_path), has_peers=True)
    need = JoinNeed("far behind", Height(3))
    assert repairs.after(ExceptionGroup("tasks", [NeedsPeers(need)])) is need
    full = ExceptionGroup("tasks", [StoreFull("disk")])
    with pytest.raises(ExceptionGroup):
        repairs.after(full)
    assert repairs.count == 0 and damage_of(full, None) is None
    damage = ExceptionGroup("tasks", [ValueError(), ExceptionGroup("inner", [StoreDamaged("x")])])
    blocks, state = damage_of(damage, None), damage_of(damage, StoreDamaged("y"))
    assert blocks is not None and blocks.database == "blocks"
    assert state is not None and state.database == "state"


# Whom to believe, and what is worth it


def test_a_height_counts_if_more_announce_it_than_may_lie() -> None:
    validators = make_genesis(validators=4).validators

    def believed(**heads: int) -> int:
        return credible_height({ValidatorId(name): Height(height) for name, height in heads.items()}, validators)

    assert believed() == 0
    assert believed(v02=9) == 9
    assert believed(v02=10**15, v03=9) == 9
    assert believed(v02=10**15, v03=9, v04=8) == 9
    assert believed(watcher=10**15, v03=9, v04=8) == 8
    seven = make_genesis(validators=7).validators
    heads = {ValidatorId(f"v0{number}"): Height(number * 100) for number in range(2, 8)}
    assert credible_height(heads, seven) == 500


def test_a_snapshot_has_to_save_work_and_to_be_recent() -> None:
    assert worthwhile_above(0, 1_000_000, 10_000) == 990_000
    assert worthwhile_above(985_000, 1_000_000, 10_000) == 995_000
    assert worthwhile_above(0, 400, 5) == 5


@pytest.mark.parametrize(
    ("own", "others", "nobody", "expected"),
    [(0, 15, False, True), (0, 4, False, False), (10, 15, False, False), (11, 15, True, True), (15, 15, True, False)],
)
async def test_a_node_looks_for_a_snapshot_when_it_is_far_behind_or_nobody_has_its_next_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: int, others: int, nobody: bool, expected: bool
) -> None:
    monkeypatch.setattr("assembly.snapshot_scout.LOOK_SECONDS", 0.001)
    source = grown_source(tmp_path)
    choice = SourceChoice(Peers({"aaa": Peer(source)}), LIMITS, asyncio.get_running_loop().time)
    found: list[JoinNeed] = []
    scout = SnapshotScout(choice, lambda: Height(own), lambda: Height(others), lambda: nobody, 5, found.append)
    with_limit = asyncio.timeout(0.3 if not expected else 10)
    try:
        async with with_limit:
            await scout.run()
    except TimeoutError:
        assert not expected
    assert bool(found) == expected
    if found:
        assert found[0].state_height == own and found[0].snapshot_above is not None


async def test_where_snapshots_are_not_wanted_nobody_looks(tmp_path: Path) -> None:
    choice = SourceChoice(Peers({}), LIMITS, asyncio.get_running_loop().time)
    found: list[JoinNeed] = []
    await SnapshotScout(choice, lambda: Height(0), lambda: Height(10**6), lambda: True, 0, found.append).run()
    assert not found


# Serving


@dataclass
class Making:
    """An executor that makes a snapshot in some steps, or fails at it."""

    failure: str | None = None
    begun: list[int] = field(default_factory=list)
    left: int = 0

    async def snapshot_begin(self, align: int) -> SnapshotMaking:
        self.begun.append(align)
        self.left = 3
        return SnapshotMaking(True, Height(12), 0, 0, None)

    async def snapshot_step(self, microseconds: int) -> SnapshotMaking:
        self.left -= 1
        return SnapshotMaking(self.left > 0, Height(12), 1, 1, self.failure if self.left == 0 else None)


async def test_snapshots_are_made_on_demand_and_damaged_ones_are_not_given_out(tmp_path: Path) -> None:
    source = grown_source(tmp_path)
    stored, executor = source.snapshots[12], Making()
    clock = asyncio.get_running_loop().time
    service = SnapshotService(executor, tmp_path, lambda: Height(15), clock, 10**9)
    running = asyncio.create_task(service.run())
    await until(lambda: bool(service.offers(Height(0)).offers))
    assert [offer.manifest_hash for offer in service.offers(Height(0)).offers] == [stored.manifest_hash]
    assert await service.manifest(stored.manifest_hash) == stored.encoded
    assert await service.chunk(stored.manifest_hash, 2) == stored.chunk(2)
    for refused in (service.chunk(stored.manifest_hash, 10**5), service.chunk(Digest(bytes(32)), 0)):
        with pytest.raises(RefusalError):
            await refused
    assert service.offers(Height(12)).is_making, "nothing above: one is made"
    await until(lambda: bool(executor.begun))
    assert executor.begun[0] == 16
    assert not service.offers(Height(15)).offers
    data = tmp_path / "12" / "data-0000"
    data.write_bytes(bytes(len(data.read_bytes())))
    with pytest.raises(RefusalError, match="gone"):
        await service.chunk(stored.manifest_hash, 0)
    assert service.offers(Height(0)).offers == ()
    running.cancel()


async def test_a_snapshot_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    service = SnapshotService(Making("OSError: full"), tmp_path, lambda: Height(15), asyncio.get_running_loop().time, 1)
    running = asyncio.create_task(service.run())
    assert service.offers(Height(3)).is_making
    await until(lambda: service.failure == "OSError: full")
    running.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


# Filling gaps


async def test_gaps_are_filled_from_whoever_is_honest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assembly.back_fill.FULL_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("assembly.back_fill.WAIT_SECONDS", 0.01)
    source = grown_source(tmp_path)
    blocks = with_genesis(source.maker, MemoryStore())
    blocks.append_headers([bare(record) for record in source.maker.records])

    async def lie(kind: int, payload: bytes, honest: bytes) -> bytes:
        return honest[:200] + b"?" + honest[201:]

    peers = Peers({"aaa": Peer(source, alter=lie), "bbb": Peer(source, blocks_from=9), "ccc": Peer(source)})
    choice = SourceChoice(peers, LIMITS, asyncio.get_running_loop().time)
    async with asyncio.timeout(20):
        await BackFill(blocks, choice).run()
    assert blocks.gaps == () and choice.aside()[ValidatorId("aaa")].startswith("lied")
    assert [blocks.block(height) for height in range(1, 16)] == [source.blocks.block(h) for h in range(1, 16)]
    assert [blocks.receipts(height) for height in range(1, 16)] == [source.blocks.receipts(h) for h in range(1, 16)]


# Observers


def test_observers_are_certificates_in_a_folder(tmp_path: Path) -> None:
    assert read_observers(None, ()) == ((), ()) == read_observers(tmp_path / "nowhere", ())
    good = make_certificate("watcher")
    (tmp_path / "watcher.pem").write_bytes(good.certificate_pem)
    (tmp_path / "node1.pem").write_bytes(good.certificate_pem)
    (tmp_path / "Bad Name.pem").write_bytes(good.certificate_pem)
    (tmp_path / "rubbish.pem").write_bytes(b"no certificate")
    (tmp_path / "notes.txt").write_text("passed over")
    found, refused = read_observers(tmp_path, {"node1"})
    assert [(item.validator_id, item.tls_certificates) for item in found] == [("watcher", (good.certificate_der,))]
    assert len(refused) == 3 and all("node1" in text or "Bad Name" in text or "rubbish" in text for text in refused)


# The pace


def test_the_pace_is_that_of_the_present_phase() -> None:
    now = 100.0
    pace = Pace(lambda: now)
    assert pace.per_second() is None and pace.remaining_seconds(5) is None
    for done in (0, 50, 100):
        pace.note("headers", done)
        now += 1.0
    assert pace.per_second() == 50.0 and pace.remaining_seconds(200) == 4.0
    pace.note("state", 1_000)
    assert pace.per_second() is None
    now += 2.0
    pace.note("state", 3_000)
    assert pace.per_second() == 1_000.0
    pace.note("state", 10)
    assert pace.per_second() is None, "counted anew"


def test_progress_is_one_line() -> None:
    status = CatchUpStatus("state", Height(3), Height(90), 512, 2048, "bytes", 128.0, 12.0, (), (("v02", "lied: x"),))
    assert line_of(status) == (
        "catching up, state: at height 3 of 90; 512 of 2048 bytes; 128 bytes a second; 12 s remain; "
        "nobody can be asked right now; v02 is not asked (lied: x)"
    )
