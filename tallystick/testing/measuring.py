"""Counts what runs: lines, branches and gas of each contract, and what each call cost."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from chain.runtime import CallOutcome
from chain.values import dataclass
from contracts.engine.compiler import Draft
from tallystick.testing.probes import put_probes
from tallystick.testing.sites import Sites, read_sites


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted in one contract."""

    sites: Sites
    hits: list[int]
    """Times that each site was reached."""
    gas: list[int]
    """Gas that was charged while each site was active, prices that were paid in advance with whoever paid them."""
    ways: list[int]
    """Times that each branch was taken."""

    def gas_by_site(self) -> list[int]:
        """Return the gas of each site, with fixed prices at the statements that they are for.

        What a function or loop paid in advance and did not need, such as for the other side of an if, stays with it.
        """
        gas = list(self.gas)
        for index, site in enumerate(self.sites.sites):
            price = site.price * self.hits[index]
            gas[index] += price
            gas[site.payer] -= price
        return gas


@dataclass(slots=True)
class Calls:
    """What the calls of one method cost."""

    gas: Counter[int] = field(default_factory=Counter)
    """Gas used -> number of calls that succeeded with it."""
    failed: Counter[str] = field(default_factory=Counter)
    """Code -> number of calls that failed with it."""


class Meter:
    """Owns all counts of a test run. Runs of contracts tell it where they are; the ledger tells when they end."""

    def __init__(self) -> None:
        self.counts: dict[str, Counts] = {}
        """File name of a contract -> its counts."""
        self.calls: dict[tuple[str, str], Calls] = {}
        """Contract and method -> its calls; deployments under the method @init."""
        self._nowhere = [0]
        self._gas = self._nowhere
        self._index = 0
        self._left = 0
        self._callers: list[tuple[list[int], int]] = []

    def fit(self, file_name: str, draft: Draft) -> Mapping[str, Any]:
        """Put probes into a contract and return them; what was counted in the same source before goes on."""
        sites = read_sites(draft)
        put_probes(draft, sites)
        counts = self.counts.get(file_name)
        if counts is None:
            size = len(sites.sites)
            counts = Counts(sites, [0] * size, [0] * size, [0] * len(sites.branches))
            self.counts[file_name] = counts
        return self._probes(counts)

    def begin(self, gas_limit: int) -> None:
        """Note that a call from outside begins."""
        self._callers.clear()
        self._gas, self._index, self._left = self._nowhere, 0, gas_limit

    def end(self, contract: str, method: str, gas_limit: int, outcome: CallOutcome) -> None:
        """Note how a call from outside ended."""
        self._gas[self._index] += max(self._left - (gas_limit - outcome.gas_used), 0)
        calls = self.calls.setdefault((contract, method), Calls())
        if outcome.code is None:
            calls.gas[outcome.gas_used] += 1
        else:
            calls.failed[outcome.code] += 1

    def _probes(self, counts: Counts) -> Mapping[str, Any]:
        hits, gas, ways = counts.hits, counts.gas, counts.ways

        def enter(index: int, left: int) -> None:
            self._gas[self._index] += self._left - left
            self._callers.append((self._gas, self._index))
            self._gas, self._index, self._left = gas, index, left
            hits[index] += 1

        def leave(left: int) -> None:
            self._gas[self._index] += self._left - left
            self._left = left
            self._gas, self._index = self._callers.pop()

        def back(index: int, left: int) -> None:
            self._gas[self._index] += self._left - left
            self._gas, self._index, self._left = gas, index, left

        def hit(index: int, left: int) -> None:
            self._gas[self._index] += self._left - left
            self._gas, self._index, self._left = gas, index, left
            hits[index] += 1

        def way(index: int) -> None:
            ways[index] += 1

        return {"_enter": enter, "_leave": leave, "_back": back, "_hit": hit, "_way": way}
