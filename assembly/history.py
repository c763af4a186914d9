"""Everything about history in a running node: serving it, getting what is missing, and saying what that is."""

import asyncio
import time
from collections.abc import Callable

from api.ports import CatchUpStatus, Lacking
from assembly.back_fill import BackFill
from assembly.condition import credible_height, is_behind
from assembly.data_folder import DataFolder
from assembly.history_service import history_sources
from assembly.join_need import JoinNeed
from assembly.progress import Pace, ProgressWatch
from assembly.snapshot_scout import SnapshotScout
from assembly.snapshot_service import SnapshotService
from chain.block_store import BlockStore
from chain.types import Height
from chain.validators import ValidatorSet
from chain.values import dataclass
from configs.node_config import NodeConfig
from contracts.executor.client import ExecutorClient
from contracts.executor.snapshots import SNAPSHOTS_FOLDER
from network.catchup import CatchUp
from network.peers import PeerNetwork
from network.sources import SourceChoice, SourceLimits

PHASE_EXECUTING = "executing"
"""What a running node does that is behind: it executes the blocks that peers give it."""


@dataclass(frozen=True, slots=True)
class HistoryPorts:
    """What history works with."""

    config: NodeConfig
    blocks: BlockStore
    executor: ExecutorClient
    network: PeerNetwork
    catch_up: CatchUp
    own_height: Callable[[], Height]
    validators: Callable[[], ValidatorSet]
    needs_snapshot: Callable[[JoinNeed], None]
    may_join: bool
    """False where a snapshot was looked for in vain just now."""


class History:
    """Owns the services of history, and the pace of catching up."""

    def __init__(self, ports: HistoryPorts) -> None:
        self._ports = ports
        limits = ports.config.catch_up
        folder = DataFolder(ports.config.data).state / SNAPSHOTS_FOLDER
        self.snapshots = SnapshotService(
            ports.executor, folder, ports.own_height, time.monotonic, limits.snapshot_bytes_per_second
        )
        self.sources = history_sources(ports.blocks, self.snapshots)
        self._choice = SourceChoice(ports.network, SourceLimits(), time.monotonic)
        self._scout = SnapshotScout(
            self._choice,
            ports.own_height,
            self.others_height,
            self._nobody_has_next,
            limits.snapshot_after_blocks if ports.may_join else 0,
            ports.needs_snapshot,
        )
        self._back_fill = BackFill(ports.blocks, self._choice)
        self._pace = Pace(time.monotonic)
        self._watch = ProgressWatch(self.status, self._pace, time.monotonic)

    async def run(self) -> None:
        """Serve and fetch until cancelled.

        Raises:
            StoreError: when the node's own blocks cannot be read or written.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.snapshots.run())
            tasks.create_task(self._scout.run())
            tasks.create_task(self._watch.run())
            if self._ports.config.catch_up.back_fill:
                tasks.create_task(self._back_fill.run())

    def others_height(self) -> Height:
        """Return what the others credibly stand at."""
        return credible_height(self._ports.network.heads(), self._ports.validators())

    def status(self) -> CatchUpStatus | None:
        """Return how far this node is in catching up, None while it is not behind."""
        own, others = self._ports.own_height(), self.others_height()
        if not is_behind(own, others):
            return None
        known = self._ports.catch_up.status()
        return CatchUpStatus(
            PHASE_EXECUTING,
            own,
            others,
            own,
            others,
            "blocks",
            self._pace.per_second(),
            self._pace.remaining_seconds(others - own),
            () if known.source is None else (known.source,),
            tuple(sorted((str(peer), reason) for peer, reason in known.set_aside.items())),
        )

    def lacking(self) -> Lacking:
        """Return what this node does not hold of history."""
        return Lacking(self._ports.blocks.gaps, self._ports.executor.origin or None)

    def _nobody_has_next(self) -> bool:
        """Tell whether every peer that is ahead said that it does not hold the next block."""
        own = self._ports.own_height()
        ahead = {peer for peer, head in self._ports.network.heads().items() if head > own}
        return bool(ahead) and ahead <= self._ports.catch_up.status().lacking
