"""The phase before a node takes part: it connects, fetches what it lacks, installs it, and says how far it is.

The executor does not run meanwhile and nothing is voted on; to the others this node is down. What ends the phase is a
data folder from which a node can start: that is decided anew at each start, from the folder alone.
"""

import asyncio
import contextlib
import logging
import shutil
import time
from collections import deque
from typing import Final

from api.context import ApiLimits
from api.node_detail import NodeDetail
from api.ports import CatchUpStatus, Lacking, PeerStatus
from api.server import ApiAddressInUse, ApiServer
from assembly.access import api_access
from assembly.condition import credible_height
from assembly.data_folder import DataFolder, begin_installation
from assembly.failures import PortTaken
from assembly.join_ledger import IncomingDamagedError, JoinLedger
from assembly.join_need import RECENT_BLOCKS, JoinNeed
from assembly.joining_view import JoiningView
from assembly.node_detail import detail_of, surroundings
from assembly.progress import Pace, ProgressWatch, line_of
from chain.block_store import BlockStore
from chain.genesis import Genesis
from chain.storage import Store, StoreDamaged
from chain.store import open_store, set_aside
from chain.types import Height, ValidatorId
from configs.node_config import NodeConfig
from network.chunks import JoinProgress, in_thread
from network.connection import PeerHandler
from network.errors import DisconnectError, RefusalError
from network.framing import Channel
from network.joining import Joining
from network.peer import Address
from network.peers import NetworkConfig, PeerNetwork
from network.sources import SourceChoice, SourceLimits
from network.tls import TlsFiles

LOG = logging.getLogger("tallystick.joining")

CONNECT_SECONDS_MAX: Final = 5.0
"""Time in which the peers should be connected before it is judged how far they are."""


class _Silent(PeerHandler):
    """Takes no note of messages, and serves nothing: this node has nothing to serve."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()

    def on_message(self, peer: ValidatorId, channel: Channel, payload: bytes) -> float:
        """Drop it; whatever matters is sent again."""
        return 0.0

    def on_connected(self, peer: ValidatorId, head_height: Height) -> None:
        """Note it in the log."""
        LOG.info("connected with %s at height %d", peer, head_height)
        self.changed.set()

    def on_disconnected(self, peer: ValidatorId, reason: DisconnectError) -> None:
        """Note it in the log."""
        LOG.info("disconnected from %s: %s", peer, reason)

    async def on_request(self, peer: ValidatorId, kind: int, payload: bytes) -> bytes:
        """Refuse."""
        raise RefusalError("this node is joining and serves nothing yet")


class JoinPhase:
    """Owns one phase of joining."""

    def __init__(self, config: NodeConfig, genesis: Genesis, blocks: BlockStore, need: JoinNeed) -> None:
        self._config = config
        self._genesis = genesis
        self._blocks = blocks
        self._need = need
        self._data = DataFolder(config.data)
        self._progress = JoinProgress()
        self._pace = Pace(time.monotonic)
        addresses = {ValidatorId(name): Address(peer.host, peer.port) for name, peer in config.peers.items()}
        files = TlsFiles(config.keys.tls_certificate, config.keys.tls_key)
        own_id, chain_id = ValidatorId(config.name), genesis.genesis_hash
        settings = NetworkConfig(own_id, chain_id, files, config.peer.host, config.peer.port)
        validators = genesis.validators.validators
        # Its head is what others may ask it for, and that is nothing.
        self._handler = _Silent()
        self._network = PeerNetwork(settings, validators, addresses, self._handler, lambda: Height(0))
        self._surroundings = surroundings(config, genesis, self._network)
        self._sources = SourceChoice(self._network, SourceLimits(), time.monotonic)

    async def run(self) -> bool:
        """Fetch and install; return False when what was wanted could not be had and the node goes on as it is.

        Raises:
            PortTaken: when a port cannot be bound.
            StoreError, CertifiedConflictError: when the node's own data cannot be gone on with.
        """
        LOG.warning("this node has to join before it can take part: %s", self._need.why)
        self._drop_old_incoming()
        view = JoiningView(
            self._config.name, self._genesis, self._need.why, self._peers, self.status, self._lacking, self._detail
        )
        api = ApiServer(
            view, ApiLimits(), self._config.api.host, self._config.api.port, api_access(self._config.access)
        )
        try:
            self._network.listen()
            await api.start()
        except (OSError, ApiAddressInUse) as error:
            raise PortTaken(f"peer {self._config.peer} or api {self._config.api}: {error}") from error
        watch = ProgressWatch(self.status, self._pace, time.monotonic)
        try:
            async with asyncio.TaskGroup() as tasks:
                beside = [tasks.create_task(self._network.run()), tasks.create_task(watch.run())]
                is_done = await self._course()
                for task in beside:
                    task.cancel()
        finally:
            await api.stop()
        LOG.info("%s", "joined" if is_done else "nobody has a snapshot to offer; going on without")
        return is_done

    def status(self) -> CatchUpStatus:
        """Return how far this is."""
        progress = self._progress
        self._pace.note(progress.phase, progress.done)
        return CatchUpStatus(
            progress.phase,
            self._need.state_height,
            Height(progress.target),
            progress.done,
            progress.total,
            progress.unit,
            self._pace.per_second() if progress.unit else None,
            self._pace.remaining_seconds(progress.total - progress.done) if progress.unit else None,
            tuple(progress.sources),
            tuple(sorted((str(peer), reason) for peer, reason in self._sources.aside().items())),
        )

    async def _course(self) -> bool:
        await self._connect()
        while True:
            ledger = JoinLedger(self._genesis, self._blocks, self._open_incoming)
            joining = Joining(self._sources, ledger, self._progress)
            try:
                if self._need.ahead is not None:
                    return await self._fetch_blocks(ledger, joining)
                return await self._fetch_state(ledger, joining)
            except IncomingDamagedError as error:
                LOG.error("what was fetched so far is damaged on disk and is fetched again: %s", error)
                ledger.close()
                shutil.rmtree(self._data.incoming)
            finally:
                ledger.close()

    async def _connect(self) -> None:
        """Wait until all validators are connected, or long enough."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                while len(self._network.heads()) < len(self._config.peers):
                    self._handler.changed.clear()
                    await self._handler.changed.wait()

    async def _fetch_blocks(self, ledger: JoinLedger, joining: Joining) -> bool:
        """Fetch the blocks that a state, which is here already, is ahead by."""
        head = self._need.ahead
        assert head is not None, "the state is ahead"
        while not await joining.headers(head.height):
            LOG.info("%s", line_of(self.status()))
        if not await in_thread(ledger.is_certified, head.height, head.block_hash, head.result.result_hash):
            aside = set_aside(self._data.state)
            LOG.error("the state of block %d is not the certified one; set aside as %s", head.height, aside)
            return True
        await in_thread(ledger.need_window_of, head.height)
        while not await joining.bodies():
            LOG.info("%s", line_of(self.status()))
        return True

    async def _fetch_state(self, ledger: JoinLedger, joining: Joining) -> bool:
        """Fetch a snapshot; where nobody has one, the blocks that are missing after the state."""
        whole = await in_thread(ledger.whole_height)
        if whole is None:
            while not await joining.snapshot(await self._above(ledger)):
                # Whatever headers are ahead of the state by now, their bodies would do as well.
                await in_thread(ledger.need_from, Height(self._need.state_height + 1))
                if await joining.bodies():
                    return self._need.snapshot_above is None
            self._progress.enter("installing", 0, 0, "")
            await in_thread(ledger.finish)
        ledger.close()
        await in_thread(begin_installation, self._data)
        return True

    async def _above(self, ledger: JoinLedger) -> Height:
        """Return the height that a snapshot has to exceed to be worth fetching."""
        begun = await in_thread(ledger.incoming_height)
        if begun:
            return Height(begun - 1)
        if self._need.snapshot_above is not None:
            return self._need.snapshot_above
        # Without one nothing goes on, so any will do, as long as what remains is not too far.
        others = credible_height(self._network.heads(), self._genesis.validators)
        recent = others - max(self._config.catch_up.snapshot_after_blocks, RECENT_BLOCKS)
        return Height(max(self._need.state_height, recent, 0))

    def _drop_old_incoming(self) -> None:
        """Remove what was fetched for a state that is no newer than the one that is here."""
        if not self._data.incoming.exists():
            return
        try:
            ledger = JoinLedger(self._genesis, self._blocks, self._open_incoming)
            height = ledger.whole_height() or ledger.incoming_height()
            ledger.close()
        except (StoreDamaged, IncomingDamagedError) as error:
            LOG.warning("an unfinished snapshot cannot be gone on with: %s", error)
            height = Height(0)
        if height <= self._need.state_height:
            shutil.rmtree(self._data.incoming)

    def _open_incoming(self) -> Store:
        folder, chain_id = self._data.incoming_state, self._genesis.genesis_hash
        return open_store(folder, "state", chain_id, self._config.store_cache_bytes, create=True)

    def _peers(self) -> tuple[PeerStatus, ...]:
        return tuple(
            PeerStatus(peer.peer, peer.address, peer.connected, peer.head_height)
            for peer in self._network.status().peers
        )

    def _detail(self) -> NodeDetail:
        return detail_of(self._surroundings, "joining", deque(), None, None, None)

    def _lacking(self) -> Lacking:
        return Lacking(self._blocks.gaps)
