"""When a primary is thought to leave a transaction out: what a node goes by before its replica complains (rule 8).

Of all transactions that wait, only the oldest is watched that this node would itself propose now: within its time,
declaring enough gas, not one over which this machine failed; its sender is looked up before a complaint. What an honest
primary may rightly leave out is therefore never complained of. Honest primaries take transactions in their order of
arrival and stop at the first that does not fit, and transactions reach all nodes within a second or two (they are
passed on again while they wait). So a block passes a transaction over if it had room for it and holds another that
came here clearly later; a block that is full in transactions, bytes or gas says nothing.

Local policy: a complaint costs at most one change of view a height, and fewer than f + 1 of them cost nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from chain.block import Header
from chain.genesis import Parameters
from chain.transaction import Transaction
from chain.types import Digest, Milliseconds, ValidatorId
from chain.values import dataclass

PATIENCE_MS: Final = 5_000
"""For how long the oldest transaction must have been left out."""
BLOCKS_MIN: Final = 5
"""How many blocks must have passed it over in that time."""
LATER_MS: Final = 2_500
"""What arrived so much later here came later to every primary; more than twice the time between two reminders."""
BYTES_AROUND: Final = 1024
"""Bytes that a proposer keeps free for the header and the lengths of the transactions."""
LENGTH_BYTES: Final = 5


@dataclass(frozen=True, slots=True)
class Watched:
    """The oldest transaction that this node would propose, since it is the oldest."""

    transaction: Transaction
    since: Milliseconds
    """By this node's wall clock."""
    blocks: int = 0
    """Blocks that have passed it over since then."""
    proposer: ValidatorId | None = None
    """Who proposed the last of these."""

    @property
    def transaction_id(self) -> Digest:
        """The transaction's id."""
        return self.transaction.transaction_id


def watched(before: Watched | None, oldest: Transaction | None, now: Milliseconds) -> Watched | None:
    """Return what is watched now that this transaction is the oldest; None when nothing waits."""
    if oldest is None:
        return None
    if before is not None and before.transaction_id == oldest.transaction_id and before.since <= now:
        return before
    # Another one, or the clock was set back.
    return Watched(oldest, now)


def passes_over(
    one: Watched,
    block_time: Milliseconds,
    transactions: Sequence[Transaction],
    youngest: Milliseconds,
    parameters: Parameters,
) -> bool:
    """Tell whether a decided block without the watched transaction should have held it.

    `youngest` is when the last of its transactions came in here. Old blocks, which catching up brings, never do.
    """
    later = one.since + LATER_MS
    return block_time >= later and youngest >= later and has_room(one.transaction, transactions, parameters)


def has_room(transaction: Transaction, beside: Sequence[Transaction], parameters: Parameters) -> bool:
    """Tell whether a transaction would have fitted into a block beside these, as chain.mempool counts."""
    size = sum(len(other.raw) + LENGTH_BYTES for other in (*beside, transaction))
    gas = sum(other.body.gas_limit for other in (*beside, transaction))
    return (
        len(beside) < parameters.block_transactions_max
        and size <= parameters.block_bytes_max - BYTES_AROUND
        and gas <= parameters.block_gas_max
    )


def is_left_out(one: Watched | None, now: Milliseconds) -> bool:
    """Tell whether a transaction stays out for so long, and of so many blocks, that it is a reason to complain."""
    return one is not None and one.blocks >= BLOCKS_MIN and now - one.since >= PATIENCE_MS


class Patience:
    """Owns what is watched on one node."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._watched: Watched | None = None

    def look(self, oldest: Transaction | None, now: Milliseconds) -> Watched | None:
        """Take note of the oldest transaction that this node would propose; return it if it is left out."""
        self._watched = watched(self._watched, oldest, now)
        return self._watched if is_left_out(self._watched, now) else None

    def is_tried(self, block_time: Milliseconds) -> bool:
        """Tell whether a block of this time could count; most cannot, and need not be looked into."""
        return self._watched is not None and block_time >= self._watched.since + LATER_MS

    def decided(self, header: Header, transactions: Sequence[Transaction], youngest: Milliseconds) -> None:
        """Count a block that was decided; an empty row of transactions stands for one that is not known here."""
        one = self._watched
        if one is None or not transactions:
            return
        if any(transaction.transaction_id == one.transaction_id for transaction in transactions):
            self._watched = None
        elif passes_over(one, header.time, transactions, youngest, self._parameters):
            self._watched = replace(one, blocks=one.blocks + 1, proposer=header.proposer)
