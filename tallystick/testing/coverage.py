"""From counts to what an author reads: which lines and branches of each contract ran, and what the gas went to."""

from collections.abc import Mapping, Sequence
from typing import Final

from chain.values import dataclass
from tallystick.testing.measuring import Calls, Counts, Meter
from tallystick.testing.sites import DONE, FALSE, HOLDS, REFUSED, TRUE, TURN
from tallystick.testing.sources import Source

NEVER: Final[Mapping[str, str]] = {
    TRUE: "the condition was never true",
    FALSE: "the condition was never false",
    TURN: "the loop never took a turn",
    DONE: "the loop never came to its end",
    HOLDS: 'require "{code}" never held',
    REFUSED: 'require "{code}" never refused anything',
}
"""What is said of a way that was not taken."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line on which a function or statement begins."""

    number: int
    hits: int
    gas: int


@dataclass(frozen=True, slots=True)
class Way:
    """A branch, at the line of its statement."""

    line: int
    way: str
    code: str
    count: int
    reached: bool
    """Whether its statement ran at all."""

    def never(self) -> str:
        """Return what to say if it was not taken."""
        return NEVER[self.way].format(code=self.code)


@dataclass(frozen=True, slots=True)
class ContractCoverage:
    """What ran of one contract."""

    source: Source
    lines: tuple[Line, ...]
    ways: tuple[Way, ...]

    @property
    def lines_hit(self) -> int:
        return sum(line.hits > 0 for line in self.lines)

    @property
    def ways_hit(self) -> int:
        return sum(way.count > 0 for way in self.ways)

    def missing(self) -> str:
        """Return the numbers of lines that did not run, as ranges over the lines that can run."""
        ranges: list[list[int]] = []
        joined = False
        for line in self.lines:
            if line.hits == 0 and joined:
                ranges[-1][1] = line.number
            elif line.hits == 0:
                ranges.append([line.number, line.number])
            joined = line.hits == 0
        return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


@dataclass(frozen=True, slots=True)
class MethodCost:
    """What the calls of one method cost, in gas; the figures are of calls that succeeded."""

    contract: str
    method: str
    calls: int
    failed: int
    least: int | None
    median: int | None
    most: int | None


def coverage_of(meter: Meter, sources: Mapping[str, Source]) -> list[ContractCoverage]:
    """Return what ran of every contract that was deployed, in the order of their labels."""
    found = [_contract(sources[name], counts) for name, counts in meter.counts.items() if name in sources]
    return sorted(found, key=lambda contract: contract.source.label)


def _contract(source: Source, counts: Counts) -> ContractCoverage:
    gas = counts.gas_by_site()
    lines: dict[int, Line] = {}
    for index, site in enumerate(counts.sites.sites):
        known = lines.get(site.line, Line(site.line, 0, 0))
        lines[site.line] = Line(site.line, max(known.hits, counts.hits[index]), known.gas + gas[index])
    ways = [
        Way(
            counts.sites.sites[branch.site].line,
            branch.way,
            branch.code,
            counts.ways[index],
            counts.hits[branch.site] > 0,
        )
        for index, branch in enumerate(counts.sites.branches)
    ]
    return ContractCoverage(source, tuple(lines[number] for number in sorted(lines)), tuple(ways))


def costs_of(meter: Meter) -> list[MethodCost]:
    """Return what the calls of every method cost."""
    return [_cost(contract, method, calls) for (contract, method), calls in sorted(meter.calls.items())]


def _cost(contract: str, method: str, calls: Calls) -> MethodCost:
    failed, succeeded = calls.failed.total(), calls.gas.total()
    if not succeeded:
        return MethodCost(contract, method, failed, failed, None, None, None)
    passed = 0
    for gas in sorted(calls.gas):
        passed += calls.gas[gas]
        if 2 * passed >= succeeded:
            break
    return MethodCost(contract, method, succeeded + failed, failed, min(calls.gas), gas, max(calls.gas))


def percent(part: int, whole: int) -> float:
    """Return a share in percent; of nothing, all of it."""
    return 100.0 if whole == 0 else 100 * part / whole


def total_percent(contracts: Sequence[ContractCoverage]) -> float:
    """Return the share of lines and branches that ran, over all contracts."""
    hit = sum(contract.lines_hit + contract.ways_hit for contract in contracts)
    return percent(hit, sum(len(contract.lines) + len(contract.ways) for contract in contracts))
