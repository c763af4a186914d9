"""At the start: brings the executor's state to the head of the node's own blocks, or sets it aside to be rebuilt."""

import contextlib
import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from assembly.failures import Damaged
from assembly.join_need import JoinNeed, NeedsPeers
from assembly.protocol_watch import check_known
from chain.block_store import BlockRecord, BlockStore
from chain.genesis import Genesis
from chain.height_ranges import overlap
from chain.receipt import BlockResult
from chain.storage import StoreDamaged
from chain.store import set_aside
from chain.types import Height
from chain.validity import Head
from contracts.executor.client import ExecutorClient
from contracts.executor.settings import ExecutorSettings

LOG = logging.getLogger("tallystick.start")

REPLAY_BLOCKS_MAX: Final = 64
"""Blocks of one replay request."""
REPLAY_BYTES_MAX: Final = 4 * 1024 * 1024
SCRATCH: Final = ".genesis"


async def open_state(
    stack: contextlib.AsyncExitStack,
    settings: ExecutorSettings,
    genesis: Genesis,
    blocks: BlockStore,
    *,
    has_peers: bool,
) -> ExecutorClient:
    """Start the executor with a state that agrees with the node's own blocks, rebuilding it where it does not.

    Raises:
        NeedsPeers: when there are peers, and something is missing that they may have.
        Damaged: when the state cannot be read.
        StoreError, GenesisRefused, ExecutorDied: when the executor cannot be started.
        BlockConflictError: when the blocks are those of another genesis.
        ResultDiffers: when this node's own result of a decided block is another.
        ProtocolUnknown: when this program lacks the rules of the next block.
    """
    executor = await _start(stack, settings, genesis, blocks)
    if has_peers:
        need = need_of(executor.head, blocks)
        if need is not None:
            await executor.close()
            raise NeedsPeers(need)
    if disagrees(executor.head, blocks):
        await executor.close()
        aside = set_aside(settings.folder)
        LOG.warning("the state does not fit this node's blocks; set aside as %s and rebuilt", aside)
        executor = await _start(stack, settings, genesis, blocks)
    try:
        await replay_missing(executor, blocks)
    except StoreDamaged as error:
        if executor.failure is not None:
            raise Damaged("state", str(error)) from error
        raise
    return executor


async def _start(
    stack: contextlib.AsyncExitStack, settings: ExecutorSettings, genesis: Genesis, blocks: BlockStore
) -> ExecutorClient:
    executor = ExecutorClient(settings)
    stack.push_async_callback(executor.close)
    try:
        head = await executor.start()
    except StoreDamaged as error:
        raise Damaged("state", str(error)) from error
    if head.height == 0:
        store_genesis(blocks, genesis, head.result)
    elif blocks.head is None:
        store_genesis(blocks, genesis, await _result_of_genesis(settings))
    return executor


async def _result_of_genesis(settings: ExecutorSettings) -> BlockResult:
    """Execute genesis in a state of its own: the one that is here is further, and does not remember."""
    folder = settings.folder.with_name(settings.folder.name + SCRATCH)
    shutil.rmtree(folder, ignore_errors=True)
    scratch = ExecutorClient(replace(settings, folder=folder))
    try:
        return (await scratch.start()).result
    finally:
        await scratch.close()
        shutil.rmtree(folder, ignore_errors=True)


def store_genesis(blocks: BlockStore, genesis: Genesis, result: BlockResult) -> None:
    """Write genesis as the block of height 0 into an empty store.

    Raises:
        BlockConflictError: when the store begins with another genesis.
    """
    encoded = genesis.encoded()
    genesis_hash = genesis.genesis_hash
    blocks.append(BlockRecord(Height(0), genesis_hash, encoded, b"", result.encoded(), (), (), b""))


def need_of(head: Head, blocks: BlockStore) -> JoinNeed | None:
    """Return what peers have to give before the state at `head` and the node's own blocks go together, if anything."""
    last = blocks.head
    assert last is not None, "genesis is written"
    if head.height > last.height:
        why = f"the state is of block {head.height}, and the node's own blocks end at {last.height}"
        return JoinNeed(why, head.height, ahead=head)
    missing = next(overlap(blocks.gaps, head.height + 1, last.height), None)
    if missing is not None:
        why = f"the state is of block {head.height}, and blocks {missing[0]} to {missing[1]} after it are not held"
        return JoinNeed(why, head.height)
    return None


def disagrees(head: Head, blocks: BlockStore) -> bool:
    """Tell whether the state is of a block that the node does not hold, or has another result than the certified one.

    The first happens when the node's own store was rolled back or lost, the second after a bug or damage.
    """
    return blocks.block_hash(head.height) != head.block_hash or blocks.result(head.height) != head.result.encoded()


async def replay_missing(executor: ExecutorClient, blocks: BlockStore) -> Head:
    """Let the executor execute and compare all blocks that it misses; return its head.

    Raises:
        ResultDiffers: when this node's own result of a decided block is another.
        ProtocolUnknown: when this program lacks the rules of the next block.
    """
    head = executor.head
    check_known(head, executor.versions)
    target = blocks.head
    if target is None or target.height <= head.height:
        return head
    LOG.info("replaying blocks %d to %d into the state", head.height + 1, target.height)
    while head.height < target.height:
        head = await executor.replay(list(_next_pairs(blocks, Height(head.height + 1), target.height)))
        check_known(head, executor.versions)
    return head


def _next_pairs(blocks: BlockStore, first: Height, last: Height) -> Iterator[tuple[bytes, bytes]]:
    size = 0
    for height in range(first, min(last, first + REPLAY_BLOCKS_MAX - 1) + 1):
        block, result = blocks.block(height), blocks.result(height)
        assert block is not None and result is not None, "heights up to the head are contiguous"
        size += len(block)
        if size > REPLAY_BYTES_MAX and height > first:
            return
        yield block, result
