"""Damage on real files: what is damaged is set aside, said, and made again; lost votes cannot be made again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_contract import write
from cluster_load import Load
from cluster_support import Cluster, http, until

from assembly.exit_codes import ExitCode
from cli import cluster_processes as processes

pytestmark = pytest.mark.cluster

VICTIM = "node3"
OTHERS = ("node1", "node2", "node4")


def without_current(folder: Path, kind: str) -> None:
    (folder / kind / "leveldb" / "CURRENT").unlink()


def with_a_damaged_head(folder: Path, kind: str) -> None:
    (folder / kind / "head").write_bytes(bytes(48))


def with_a_torn_table(folder: Path, kind: str) -> None:
    manifest = next((folder / kind / "leveldb").glob("MANIFEST-*"))
    manifest.write_bytes(manifest.read_bytes()[:20] + b"?" * 20 + manifest.read_bytes()[40:])


@pytest.mark.parametrize("kind", ["blocks", "state"])
@pytest.mark.parametrize("spoil", [without_current, with_a_damaged_head, with_a_torn_table])
async def test_a_damaged_database_is_set_aside_and_made_again(
    cluster: Cluster, kind: str, spoil: Callable[[Path, str], None]
) -> None:
    """Blocks are fetched from the others, the state is made from the blocks; the validator goes on voting."""
    cluster.expect_errors("damaged", "orrupt", "CURRENT")
    place = cluster.node(VICTIM)
    processes.stop((place,), lambda node: None)
    spoil(place.folder, kind)
    async with Load(cluster, *OTHERS) as load:
        await load.grows(6)
        cluster.start(VICTIM)
        await cluster.ready()
        await load.grows(6)
    await cluster.same_everywhere()
    aside = place.folder / f"{kind}.damaged-1"
    assert aside.is_dir() and str(aside) in place.log_file.read_text(encoding="utf-8")
    assert not (place.folder / ("state" if kind == "blocks" else "blocks")).with_suffix(".damaged-1").exists()
    assert "tallystick_consensus_votes 1\n" in http(place, "/metrics").body.decode()
    shutil.rmtree(aside)


async def test_blocks_are_not_set_aside_where_nobody_could_give_them_again(cluster: Cluster) -> None:
    """Without peers the damage is named and the folder is left as it is."""
    cluster.expect_errors("damaged", "exit code")
    place = cluster.node(VICTIM)
    await cluster.settled()
    processes.stop((place,), lambda node: None)
    config = place.config.read_text(encoding="utf-8")
    lines = [line for line in config.splitlines() if not line.startswith(tuple(f"{name} =" for name in OTHERS))]
    place.config.write_text("\n".join(lines), encoding="utf-8")
    head = place.folder / "blocks" / "head"
    kept = head.read_bytes()
    head.write_bytes(bytes(48))
    code, told = cluster.refusal(VICTIM)
    assert code == ExitCode.DATA_DAMAGED and "copy of the head" in told
    assert not (place.folder / "blocks.damaged-1").exists()
    head.write_bytes(kept)
    place.config.write_text(config, encoding="utf-8")


async def test_an_old_backup_of_everything_may_not_vote(cluster: Cluster) -> None:
    """It would contradict what it signed since: it follows, says so, and says so again after a restart."""
    place = cluster.node(VICTIM)
    await cluster.settled()
    processes.stop((place,), lambda node: None)
    backup, present = place.folder / "backup", place.folder / "present"
    for name in ("blocks", "state", "wal"):
        shutil.copytree(place.folder / name, backup / name)
    cluster.start(VICTIM)
    await cluster.ready()
    async with Load(cluster) as load:
        await load.grows(30)
    await cluster.settled()
    processes.stop((place,), lambda node: None)
    for name in ("blocks", "state", "wal"):
        shutil.copytree(place.folder / name, present / name)
        shutil.rmtree(place.folder / name)
        (backup / name).rename(place.folder / name)
    for _ in range(2):
        cluster.start(VICTIM)

        def told() -> bool:
            try:
                answer = http(place, "/readyz")
            except OSError:
                return False
            return answer.status == 503 and "lost votes" in answer.json()["detail"]

        await until(told, "the node says that it lost votes")
        async with cluster.client(*OTHERS) as client:
            assert (await client.submit(cluster.wallet(), write("without it"), timeout_seconds=60)).succeeded
        await cluster.height_at_least(await cluster.settled(*OTHERS), VICTIM)
        assert "tallystick_consensus_votes 0\n" in http(place, "/metrics").body.decode()
        processes.stop((place,), lambda node: None)
    for name in ("blocks", "state", "wal"):
        shutil.rmtree(place.folder / name)
        (present / name).rename(place.folder / name)
    shutil.rmtree(backup)
    shutil.rmtree(present)
    cluster.start(VICTIM)
    await cluster.ready()
