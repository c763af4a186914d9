"""Watches whether primaries leave out a transaction that they should have taken, for consensus and operators."""

import logging
import time
from collections.abc import Sequence

from assembly.admission import clock
from assembly.members import MemberDirectory
from chain.block import Header
from chain.genesis import Parameters
from chain.mempool import Mempool
from chain.prices import LEDGER_PRICES
from chain.rules import Rules
from chain.transaction import Transaction
from chain.types import Milliseconds
from chain.values import dataclass
from consensus.complaints import Patience, Watched
from contracts.executor.errors import ExecutorBusy, ExecutorDied, ExecutorFault

LOG = logging.getLogger("tallystick.consensus")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A transaction over which this node complains."""

    primary: str
    """Who proposed the last block that passed it over."""
    organisation: str
    transaction_id: str
    seconds: float
    """For how long it has been the oldest that waits."""
    blocks: int
    """Blocks that passed it over meanwhile."""


class LeftOutWatch:
    """Owns what is watched, and whether it is a reason to complain."""

    def __init__(self, parameters: Parameters, mempool: Mempool, members: MemberDirectory) -> None:
        self._parameters = parameters
        self._mempool = mempool
        self._members = members
        self._patience = Patience(parameters)
        self._left_out: Watched | None = None

    @property
    def complains(self) -> bool:
        """Whether there is a reason to complain."""
        return self._left_out is not None

    def detail(self) -> LeftOut | None:
        """Return what is complained of, for operators."""
        one = self._left_out
        pending = None if one is None else self._mempool.get(one.transaction_id)
        if one is None or one.proposer is None or pending is None:
            return None
        return LeftOut(
            one.proposer, pending.organisation, one.transaction_id.hex(), (clock() - one.since) / 1000, one.blocks
        )

    def decided(self, header: Header, transactions: Sequence[Transaction]) -> None:
        """Take note of a decided block before its transactions leave the mempool; none where they are not known."""
        if not self._patience.is_tried(header.time):
            return
        now, ages = time.monotonic(), []
        for transaction in transactions:
            pending = self._mempool.get(transaction.transaction_id)
            # What never waited here came with its proposal, just now.
            ages.append(0.0 if pending is None else now - pending.arrived)
        youngest = Milliseconds(clock() - round(min(ages, default=0.0) * 1000))
        self._patience.decided(header, transactions, youngest)
        if self._left_out is not None and any(
            transaction.transaction_id == self._left_out.transaction_id for transaction in transactions
        ):
            self._left_out = None

    async def look(self, version: int) -> None:
        """Look at the oldest transaction that this node would propose, under a version of the protocol."""
        now = clock()
        oldest = self._mempool.oldest_valid(Rules(self._parameters, LEDGER_PRICES[version]), now)
        left_out = self._patience.look(None if oldest is None else oldest.transaction, now)
        if left_out is not None and not await self._is_of_member(left_out):
            left_out = None
        if left_out is not None and self._left_out is None:
            LOG.warning(
                "transaction %s stays out of blocks that had room for it: complaining", left_out.transaction_id.hex()
            )
        self._left_out = left_out

    async def _is_of_member(self, one: Watched) -> bool:
        """Tell whether the sender may still submit; what nobody may commit any more is forgotten."""
        try:
            member = await self._members.find(one.transaction.body.sender_key)
        except (ExecutorBusy, ExecutorDied, ExecutorFault):
            return False
        if member is None:
            self._mempool.remove([one.transaction_id])
        return member is not None and one.transaction_id in self._mempool
