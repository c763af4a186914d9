"""Power cuts at recorded moments: whatever a disk may then hold, the nodes start and nothing acknowledged is lost.

A cluster runs under load while a preloaded library writes down what its processes do to their files. Afterwards any
moment of that journal can be made the moment of a power cut, as often as wanted, each time with other parts of what had
not been synced. The whole campaign: pytest tests/cluster/test_cluster_power.py --power-cuts 300 --seed 1
"""

import asyncio
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster_contract import write
from cluster_load import Load
from cluster_support import PATIENCE_SECONDS, Cluster
from power_disk import Disk, Entry, read_journal
from preloaded import compiled

from chain.block import decode_block
from chain.transaction import transaction_id_of_raw

pytestmark = pytest.mark.cluster


@dataclass(frozen=True, slots=True)
class Recording:
    """A run of a cluster, as its disk and its clients saw it."""

    cluster: Cluster
    files: dict[str, bytes]
    """What stood in the folder before the first start."""
    entries: list[Entry]
    load: Load


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The library that keeps the journal."""
    return compiled("power_journal", tmp_path)


@pytest.fixture(params=[1, 4])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """One node, which has nobody to ask for what it lost, and four that lose power together."""
    cluster = Cluster(tmp_path / "cluster", request.param)
    try:
        yield cluster
    finally:
        cluster.close()


@pytest.mark.timeout(7200)
async def test_nothing_acknowledged_is_lost_in_a_power_cut(
    cluster: Cluster, library: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each cut all nodes are ready, hold what was acknowledged before it, and write on."""
    cuts: int = request.config.getoption("--power-cuts")
    seed: int = request.config.getoption("--seed")
    chance = random.Random(seed)
    recording = await record(cluster, library, monkeypatch, chance)
    moments = sorted(chance.sample(range(len(recording.entries)), cuts))
    disk = Disk(recording.files)
    taken = 0
    for number, moment in enumerate(moments):
        for entry in recording.entries[taken : moment + 1]:
            disk.take(entry)
        taken = moment + 1
        folders, files = disk.after_power_cut(chance)
        put_back(cluster.layout.folder, folders, files)
        where = f"seed {seed}, cut {number + 1} of {cuts}, entry {moment} of {len(recording.entries)}"
        found = await check(recording, recording.entries[moment].end, where)
        print(f"{where}: {found} acknowledged before it, all there")


async def record(cluster: Cluster, library: Path, monkeypatch: pytest.MonkeyPatch, chance: random.Random) -> Recording:
    """Run the cluster under load, with one crash in between so that starts after a crash are recorded too."""
    root = cluster.layout.folder
    journal = root.with_name("journal")
    files = {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    with monkeypatch.context() as patch:
        for name, value in (("LD_PRELOAD", library), ("POWER_ROOT", root), ("POWER_JOURNAL", journal)):
            patch.setenv(name, str(value))
        await cluster.begin()
        async with Load(cluster, clock=lambda: journal.stat().st_size) as load:
            await load.grows(60)
            cluster.kill()
            await asyncio.sleep(chance.uniform(0, 0.2))
            cluster.start()
            await cluster.ready()
            await load.grows(60)
        cluster.stop()
    return Recording(cluster, files, read_journal(journal), load)


def put_back(root: Path, folders: list[str], files: dict[str, bytes]) -> None:
    """Make the cluster's folder what the power cut left."""
    shutil.rmtree(root)
    for folder in ("", *folders):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)


async def check(recording: Recording, moment: int, where: str) -> int:
    """Start the nodes; return how many transactions had been acknowledged, all of which they hold."""
    cluster, load = recording.cluster, recording.load
    try:
        cluster.start()
        await cluster.ready()
        async with cluster.client() as client:
            await client.submit(cluster.wallet(), write(f"after {where}"), timeout_seconds=PATIENCE_SECONDS)
        blocks = await cluster.same_everywhere()
    except BaseException:
        print(f"FAILED: {where}")
        raise
    held = [transaction_id_of_raw(raw) for block in blocks for raw in decode_block(block.block).transactions]
    assert len(held) == len(set(held)), f"{where}: a transaction stands in the chain twice"
    expected = {found for found, at in load.acknowledged_at.items() if at <= moment}
    assert expected <= set(held), f"{where}: {len(expected - set(held))} of {len(expected)} acknowledged are lost"
    assert cluster.stop() == 0, where
    return len(expected)
