"""Opens the ledger of a simulated node on its state, and replays blocks that the state misses."""

import functools
from typing import Final

from chain.block import decode_block
from chain.block_store import BlockStore
from chain.genesis import Genesis
from chain.ledger import Ledger, open_ledger
from chain.receipt import decode_result
from chain.state_database import StateDatabase
from consensus.simulation.chance import chance_of
from consensus.simulation.contract import Registers
from consensus.simulation.edge import Edge
from consensus.simulation.store import SimulatedStore
from consensus.simulation.world import World

CACHE_BYTES: Final = 64 * 1024


def ledger_on(world: World, store: SimulatedStore) -> Ledger:
    """Return the ledger whose state a store holds; an empty one gets that of genesis."""
    if store.head is None:
        store.fill_from(_genesis_state(world.genesis))
    return open_ledger(world.genesis, StateDatabase(store, CACHE_BYTES), Registers())


@functools.cache
def _genesis_state(genesis: Genesis) -> SimulatedStore:
    """Return a store that holds the state of genesis; making it costs as much as some blocks."""
    store = SimulatedStore(chance_of(0, "genesis"))
    open_ledger(genesis, StateDatabase(store, CACHE_BYTES), Registers())
    return store


def replay(ledger: Ledger, blocks: BlockStore, height: int, edge: Edge) -> None:
    """Execute and apply a decided block, which must give what was certified."""
    block, result = blocks.block(height), blocks.result(height)
    assert block is not None and result is not None, "heights up to the head are contiguous"
    execution = ledger.execute(decode_block(block), edge.signature_good)
    assert execution.result == decode_result(result), f"replaying block {height} gives another result"
    ledger.apply(execution)
