"""When a simulated node complains of a primary, by the product's rule (consensus.complaints); liars do as they like."""

from typing import TYPE_CHECKING

from chain.block import Block
from chain.mempool import Mempool
from chain.rules import Rules
from chain.types import Milliseconds
from consensus.complaints import Patience
from consensus.pbft.events import LeftOutChanged
from consensus.simulation.clock import MILLISECOND
from consensus.simulation.machine import Machine
from consensus.simulation.world import World

if TYPE_CHECKING:
    from consensus.simulation.process import Process


class Complainer:
    """Owns one process's patience, and what its replica was told of it."""

    def __init__(self, world: World, machine: Machine, process: "Process", mempool: Mempool) -> None:
        self._world = world
        self._machine = machine
        self._process = process
        self._mempool = mempool
        self._patience = Patience(world.genesis.parameters)
        self._complains = False

    def decided(self, block: Block) -> None:
        """Take note of a decided block before its transactions leave the mempool."""
        transactions = tuple(self._world.edge.transaction(raw) for raw in block.transactions)
        ages = []
        for transaction in transactions:
            pending = self._mempool.get(transaction.transaction_id)
            ages.append(0 if pending is None else self._world.schedule.now - int(pending.arrived))
        youngest = Milliseconds(self._process.clock() - min(ages, default=0) // MILLISECOND)
        self._patience.decided(block.header, transactions, youngest)

    def look(self, rules: Rules) -> None:
        """Tell the replica, should it have changed, whether the oldest transaction is left out."""
        now = self._process.clock()
        oldest = self._mempool.oldest_valid(rules, now)
        left_out = self._patience.look(None if oldest is None else oldest.transaction, now)
        liar = self._machine.liar
        complains = left_out is not None if liar is None else liar.complains()
        if complains != self._complains:
            self._complains = complains
            self._world.note(self._machine.name, lambda: "complains" if complains else "complains no more")
            self._process.offer(LeftOutChanged(complains))
