"""What the ledger charges for its own work, apart from contract code, under each version of the protocol.

Every transaction pays for entering the ledger by its size, before any of its calls: for being decoded, checked, kept in
the window and given a receipt. Together with the prices of contract code this makes a block's declared gas a bound of
all the work that is in it. A list that a released network has used never changes.
"""

from collections.abc import Mapping
from typing import Final

from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class LedgerPrices:
    """Prices in gas; a unit stands for at most 50 ns, as for contract code."""

    transaction: int
    """Every transaction, whatever its size."""
    transaction_byte: int
    """Each byte of a raw transaction."""
    system_call: int
    """A call to the system namespace, besides what it leads to."""
    motion_byte: int
    """Each byte that a proposal's motion leaves in the state."""

    def entry(self, size: int) -> int:
        """Return what a transaction of that many raw bytes pays before its first call."""
        return self.transaction + self.transaction_byte * size


LEDGER_PRICES: Final[Mapping[int, LedgerPrices]] = {
    1: LedgerPrices(transaction=1_000, transaction_byte=10, system_call=2_000, motion_byte=4),
}
"""Protocol version -> its list."""
