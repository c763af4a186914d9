"""Builds one node from its configuration and runs it, until it is told to stop or has to end.

A node is three kinds of processes: this one holds keys, network and consensus; the executor holds the state and runs
contracts; verifiers check signatures. The order of starting is the order of trust: the node's own blocks, the state
that must agree with them, the log of what this validator said, and only then the network and the HTTP API.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Final

import uvloop

from assembly import reconcile
from assembly.data_folder import DataFolder, complete_installation
from assembly.exit_codes import ExitCode
from assembly.failures import Damaged, exit_code_of, leaves_of
from assembly.full_node import Node
from assembly.indexing import open_index
from assembly.join_need import JoinNeed, NeedsPeers
from assembly.join_phase import JoinPhase
from assembly.keys import NodeKeys, load_keys
from assembly.node_logging import set_up_logging
from assembly.repair import Repairs, damage_of
from assembly.voting_log import open_voting_log
from assembly.walls import WallWatch
from chain.block_store import BlockStore
from chain.genesis import Genesis
from chain.history_index import HistoryIndex
from chain.storage import StoreDamaged
from chain.store import LevelStore, open_store
from chain.types import ValidatorId
from configs.node_config import ConfigError, NodeConfig, load_genesis, load_node_config
from consensus.verifier import VerifierPool
from contracts.executor.client import ExecutorClient
from contracts.executor.settings import ExecutorSettings

LOG = logging.getLogger("tallystick.node")

WATCH_SECONDS: Final = 0.5


def run_node(config_path: Path) -> int:
    """Run a node until it is told to stop; return its exit code."""
    try:
        config = load_node_config(config_path)
        genesis = load_genesis(config.genesis_path)
        keys = load_keys(config, genesis)
        set_up_logging(config)
    except ConfigError as error:
        _say(f"node: {ExitCode.CONFIGURATION.name}: {error}")
        return ExitCode.CONFIGURATION
    try:
        uvloop.run(_run_until_told(config, genesis, keys))
    except BaseExceptionGroup as group:
        return _ended_by(group)
    except Exception as error:  # noqa: BLE001 - the process's last boundary: every failure gets its exit code
        return _ended_by(error)
    LOG.info("stopped")
    return ExitCode.OK


def _ended_by(error: BaseException) -> ExitCode:
    code = exit_code_of(error)
    for leaf in leaves_of(error):
        known = exit_code_of(leaf) is not ExitCode.FAILED
        LOG.error("%s: %s", type(leaf).__name__, leaf, exc_info=None if known else leaf)
    LOG.error("the node ends with exit code %d (%s)", code, code.name)
    _say(f"node: {code.name}: {'; '.join(map(str, leaves_of(error)))}")
    return code


def _say(line: str) -> None:
    """Write a last line on standard error, which may be a file on the disk that is full."""
    with contextlib.suppress(OSError):
        os.write(sys.stderr.fileno(), f"{line}\n".encode())


async def _run_until_told(config: NodeConfig, genesis: Genesis, keys: NodeKeys) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    running = asyncio.create_task(_run(config, genesis, keys))
    waiting = asyncio.create_task(told.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def _run(config: NodeConfig, genesis: Genesis, keys: NodeKeys) -> None:
    """Take part until cancelled; join first, or repair and start over, as often as that is needed.

    Raises:
        Exception: whatever the node has to end over.
    """
    LOG.info("node %s of chain %s starts, process %d", config.name, genesis.genesis_hash.hex(), os.getpid())
    repairs = Repairs(DataFolder(config.data), has_peers=bool(config.peers))
    need: JoinNeed | None = None
    may_join = True
    while True:
        try:
            if need is not None:
                # A node that found no snapshot to take does not stop for one again.
                may_join = await _join(config, genesis, need)
                need = None
            await _take_part(config, genesis, keys, may_join=may_join)
        except (StoreDamaged, Damaged, NeedsPeers, BaseExceptionGroup) as error:
            need = repairs.after(error)


async def _join(config: NodeConfig, genesis: Genesis, need: JoinNeed) -> bool:
    """Fetch what is missing; return whether that worked out."""
    async with contextlib.AsyncExitStack() as stack:
        _, blocks = _open_blocks(stack, config, genesis)
        return await JoinPhase(config, genesis, blocks, need).run()


async def _take_part(config: NodeConfig, genesis: Genesis, keys: NodeKeys, *, may_join: bool) -> None:
    """Open everything, run it, and close it in the opposite order."""
    executor: ExecutorClient | None = None
    async with contextlib.AsyncExitStack() as stack:
        try:
            if complete_installation(DataFolder(config.data)):
                LOG.info("the state that was fetched is installed")
            store, blocks = _open_blocks(stack, config, genesis)
            settings = ExecutorSettings(config.data / "state", genesis.encoded(), config.store_cache_bytes)
            executor = await reconcile.open_state(stack, settings, genesis, blocks, has_peers=bool(config.peers))
            own = executor.head.validators.find(ValidatorId(config.name))
            own_key = None if own is None else own.consensus_key
            opened = open_voting_log(config.data / "wal", executor.head.height, own_key)
            stack.callback(opened.log.close)
            verifier = VerifierPool(config.verifier_processes)
            stack.push_async_callback(verifier.close)
            await verifier.start()
            walls = WallWatch(executor, verifier, required=config.require_walls)
            await walls.start()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_watch(store, walls))
                index = _open_index(stack, config, genesis)
                node = Node(config, genesis, keys, blocks, executor, opened, verifier, index=index, may_join=may_join)
                tasks.create_task(node.run())
        except (StoreDamaged, BaseExceptionGroup) as error:
            damage = damage_of(error, None if executor is None else executor.failure)
            if damage is None:
                raise
            raise damage from error


def _open_blocks(
    stack: contextlib.AsyncExitStack, config: NodeConfig, genesis: Genesis
) -> tuple[LevelStore, BlockStore]:
    folder = DataFolder(config.data).blocks
    store = open_store(folder, "blocks", genesis.genesis_hash, config.store_cache_bytes, create=True)
    stack.callback(store.close)
    return store, BlockStore(store)


def _open_index(stack: contextlib.AsyncExitStack, config: NodeConfig, genesis: Genesis) -> HistoryIndex | None:
    """Return the index of history, None if the node is to keep none."""
    if not config.index:
        return None
    index = open_index(config.data, genesis.genesis_hash)
    stack.callback(index.close)
    return index


async def _watch(store: LevelStore, walls: WallWatch) -> None:
    """End the node when its own database has failed, whoever met the failure: a peer's or a client's question, perhaps.

    Raises:
        StoreError: the failure.
        WallsMissing: when a helper was started again without a wall that is required.
    """
    while True:
        walls.look()
        if store.failure is not None:
            raise store.failure
        await asyncio.sleep(WATCH_SECONDS)
