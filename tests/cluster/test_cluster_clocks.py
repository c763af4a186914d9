"""Wrong clocks on real nodes: the ledger's time goes on, and one clock out of four may say what it likes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster_load import Load
from cluster_support import Cluster
from preloaded import compiled

from chain.block import decode_block
from chain.recorded_block import RecordedBlock

pytestmark = pytest.mark.cluster

HOUR = 3_600_000
DRIFT_MAX = 10_000
"""clock_drift_max of genesis, in milliseconds."""


@dataclass(frozen=True)
class Clocks:
    """A cluster in which each node has a clock of its own."""

    cluster: Cluster
    folder: Path

    def set(self, name: str, shift: int) -> None:
        """Let a node's clock be wrong by so many milliseconds from now on."""
        with (self.folder / f"{name}.shift").open("r+b") as file:
            file.write(shift.to_bytes(8, "little", signed=True))


@pytest.fixture(scope="module")
def clocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clocks]:
    folder = tmp_path_factory.mktemp("clocks")
    library = compiled("clock_shift", folder)
    cluster = Cluster(folder / "cluster")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LD_PRELOAD", str(library))
            for node in cluster.nodes:
                path = folder / f"{node.name}.shift"
                path.write_bytes(bytes(8))
                patch.setenv("CLOCK_SHIFT", str(path))
                cluster.start(node.name)
        yield Clocks(cluster, folder)
        assert cluster.stop() == 0
    finally:
        cluster.close()


def times(blocks: list[RecordedBlock]) -> list[int]:
    return [decode_block(block.block).header.time for block in blocks]


@pytest.mark.parametrize(
    ("whose", "shift"), [("primary", -5_000), ("primary", HOUR), ("primary", -HOUR), ("follower", HOUR)]
)
async def test_one_wrong_clock_stops_nobody(clocks: Clocks, whose: str, shift: int) -> None:
    """Also when it is the primary's, which then loses its turn if it is too far ahead; time never goes back."""
    cluster = clocks.cluster
    await cluster.ready()
    async with Load(cluster) as load:
        await load.grows(3)
        primary = await cluster.primary()
        victim = primary if whose == "primary" else next(node.name for node in cluster.nodes if node.name != primary)
        clocks.set(victim, shift)
        await load.grows(12)
        clocks.set(victim, 0)
        await load.grows(3)
    blocks = await cluster.same_everywhere()
    stamps = times(blocks)
    assert stamps == sorted(set(stamps)), "block times increase"


async def test_a_clock_ahead_cannot_drag_the_ledger_along(clocks: Clocks) -> None:
    """A block is never stamped further ahead than the drift that genesis allows."""
    cluster = clocks.cluster
    await cluster.ready()
    primary = await cluster.primary()
    before = times(await cluster.same_everywhere())[-1]
    clocks.set(primary, HOUR)
    async with Load(cluster) as load:
        await load.grows(12)
    clocks.set(primary, 0)
    last = times(await cluster.same_everywhere())[-1]
    assert last - before < HOUR / 2 and last - before < 60_000 + DRIFT_MAX
