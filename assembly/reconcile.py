"""At the start: brings the executor's state to the head of the node's own blocks, or sets it aside to be rebuilt."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Final

from assembly.protocol_watch import check_known
from chain.block_store import BlockRecord, BlockStore
from chain.genesis import Genesis
from chain.receipt import BlockResult
from chain.store import set_aside
from chain.types import Height
from chain.validity import Head
from contracts.executor.client import ExecutorClient
from contracts.executor.settings import ExecutorSettings

LOG = logging.getLogger("tallystick.start")

REPLAY_BLOCKS_MAX: Final = 64
"""Blocks of one replay request."""
REPLAY_BYTES_MAX: Final = 4 * 1024 * 1024


async def open_state(
    stack: contextlib.AsyncExitStack, settings: ExecutorSettings, genesis: Genesis, blocks: BlockStore
) -> ExecutorClient:
    """Start the executor with a state that agrees with the node's own blocks, rebuilding it where it does not.

    Raises:
        StoreError, GenesisRefused, ExecutorDied: when the executor cannot be started.
        BlockConflictError: when the blocks are those of another genesis.
        ResultDiffers: when this node's own result of a decided block is another.
        ProtocolUnknown: when this program lacks the rules of the next block.
    """
    executor = await _start(stack, settings, genesis, blocks)
    if disagrees(executor.head, blocks):
        await executor.close()
        aside = set_aside(settings.folder)
        LOG.warning("the state does not fit this node's blocks; set aside as %s and rebuilt", aside)
        executor = await _start(stack, settings, genesis, blocks)
    for wall in executor.walls_missing:
        LOG.warning("executor: %s", wall)
    await replay_missing(executor, blocks)
    return executor


async def _start(
    stack: contextlib.AsyncExitStack, settings: ExecutorSettings, genesis: Genesis, blocks: BlockStore
) -> ExecutorClient:
    executor = ExecutorClient(settings)
    stack.push_async_callback(executor.close)
    head = await executor.start()
    if head.height == 0:
        store_genesis(blocks, genesis, head.result)
    return executor


def store_genesis(blocks: BlockStore, genesis: Genesis, result: BlockResult) -> None:
    """Write genesis as the block of height 0 into an empty store.

    Raises:
        BlockConflictError: when the store begins with another genesis.
    """
    encoded = genesis.encoded()
    genesis_hash = genesis.genesis_hash
    blocks.append(BlockRecord(Height(0), genesis_hash, encoded, b"", result.encoded(), (), (), b""))


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
