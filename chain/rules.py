"""What a transaction is held against before it runs, besides the parent state."""

from chain.genesis import Parameters
from chain.prices import LedgerPrices
from chain.values import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits of genesis and the prices of one version of the protocol."""

    parameters: Parameters
    prices: LedgerPrices

    def gas_min(self, size: int) -> int:
        """Return the gas that a transaction of that many raw bytes has to declare at least."""
        return self.prices.entry(size)
