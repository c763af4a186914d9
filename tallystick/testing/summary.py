"""What a measured test run ends with: sections for the terminal, and files."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from chain.values import dataclass
from tallystick.testing.coverage import ContractCoverage, MethodCost, costs_of, coverage_of, total_percent
from tallystick.testing.exporting import cobertura, figures, lcov
from tallystick.testing.reporting import coverage_text, gas_text, listing_text
from tallystick.testing.session import Session


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured in a session."""

    contracts: tuple[ContractCoverage, ...]
    costs: tuple[MethodCost, ...]
    names: Mapping[str, str | None]

    @property
    def percent(self) -> float:
        """Share of lines and branches that ran."""
        return total_percent(self.contracts)


def measured(session: Session) -> Measured:
    """Return what was measured so far in a session that measures."""
    assert session.meter is not None, "this run of pytest does not measure"
    return Measured(tuple(coverage_of(session.meter, session.sources)), tuple(costs_of(session.meter)), session.names)


def sections(of: Measured, with_listings: bool, fail_under: float | None) -> Iterator[tuple[str, list[str]]]:
    """Yield title and lines of each section of the report."""
    lines = list(coverage_text(of.contracts)) if of.contracts else ["no contract was deployed"]
    if fail_under is not None:
        verdict = "enough" if of.percent >= fail_under else "TOO LITTLE"
        lines.append(f"{of.percent:.1f}% of lines and branches ran, {fail_under:g}% are wanted: {verdict}")
    yield "coverage of contracts", lines
    yield "gas of methods", list(gas_text(of.costs))
    for contract in of.contracts if with_listings else ():
        yield contract.source.label, list(listing_text(contract))


def files(of: Measured, paths: Mapping[str, str | None]) -> Iterator[str]:
    """Write the files that are asked for, by format, and yield their paths.

    Raises:
        OSError: when one cannot be written.
    """
    for form, path in paths.items():
        if path is None:
            continue
        if form == "json":
            content = json.dumps(figures(of.contracts, of.costs, of.names), indent=2) + "\n"
        else:
            content = lcov(of.contracts) if form == "lcov" else cobertura(of.contracts)
        Path(path).write_text(content, encoding="utf-8")
        yield path
