"""The composition root: builds one node from its configuration, runs it, and ends with a named exit code.

A node is three kinds of processes: this one holds keys, network and consensus; the executor holds the state and runs
contracts; verifiers check signatures. The order of starting is the order of trust: the node's own blocks, the state
that must agree with them, the log of what this validator said, and only then the network and the HTTP API.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvloop

from assembly import reconcile
from assembly.exit_codes import ExitCode
from assembly.failures import exit_code_of, leaves_of
from assembly.full_node import Node
from assembly.keys import NodeKeys, load_keys
from assembly.node_logging import set_up_logging
from assembly.voting_log import open_voting_log
from chain.block_store import BlockStore
from chain.genesis import Genesis
from chain.store import LevelStore, open_store
from configs.node_config import ConfigError, NodeConfig, load_genesis, load_node_config
from consensus.verifier import VerifierPool
from contracts.executor.settings import ExecutorSettings

LOG = logging.getLogger("tallystick.node")

WATCH_SECONDS: Final = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a node until it is told to stop; return its exit code."""
    parser = argparse.ArgumentParser(prog="node", description="Run one Tallystick node.")
    parser.add_argument("--config", type=Path, required=True, help="the node's TOML file")
    try:
        config = load_node_config(parser.parse_args(arguments).config)
        genesis = load_genesis(config.genesis_path)
        keys = load_keys(config, genesis)
        set_up_logging(config)
    except ConfigError as error:
        _say(f"node: {error}")
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
    """Open everything, run it, and close it in the opposite order."""
    chain_id = genesis.genesis_hash
    LOG.info("node %s of chain %s starts, process %d", config.name, chain_id.hex(), os.getpid())
    async with contextlib.AsyncExitStack() as stack:
        store = open_store(config.data / "blocks", "blocks", chain_id, config.store_cache_bytes, create=True)
        stack.callback(store.close)
        blocks = BlockStore(store)
        settings = ExecutorSettings(config.data / "state", genesis.encoded(), config.store_cache_bytes)
        executor = await reconcile.open_state(stack, settings, genesis, blocks)
        opened = open_voting_log(config.data / "wal", executor.head.height)
        stack.callback(opened.log.close)
        verifier = VerifierPool(config.verifier_processes)
        stack.push_async_callback(verifier.close)
        await verifier.start()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_watch(store))
            tasks.create_task(Node(config, genesis, keys, blocks, executor, opened, verifier).run())


async def _watch(store: LevelStore) -> None:
    """End the node when its own database has failed, whoever met the failure: a peer's or a client's question, perhaps.

    Raises:
        StoreError: the failure.
    """
    while True:
        if store.failure is not None:
            raise store.failure
        await asyncio.sleep(WATCH_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
