"""Measures what a unit of gas buys: nanoseconds and bytes a unit, for each operation, as it is used and at its worst.

The aim: at most 50 ns and 16 bytes a unit for the worst of each operation on the reference machine, the usual cases of
all operations within a factor of ten of each other, so that nothing is so dear that nobody can use it. Each row says
PASS, or FAIL with what it misses: time, memory or, for a usual case, that it is too dear. Figures are CPU time, best of
several, adjusted to the reference machine (benchmarks.machine).

    python -m benchmarks.gas_prices [--gas 400000] [--only text] [--repetitions 5] [--json FILE]

What deployment costs is in the same table. Storage is in memory here, without tree and database, for which it mostly
pays, so that it is not compared with the other usual cases. With everything they, and the worst block
that gas can buy, are in benchmarks.worst_block.
"""

import argparse
import json
import sys
import tracemalloc
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks import gas_collections, gas_contracts, gas_numbers, gas_sources, gas_texts
from benchmarks.gas_program import HEAD, Program
from benchmarks.machine import adjusted_nanoseconds, reference
from contracts.engine.testkit import Harness

NANOSECONDS_MAX: Final = 50
BYTES_MAX: Final = 16
USUAL_FACTOR_MAX: Final = 10
GAS_MAX: Final = 1_000_000_000

PROGRAMS: Final[tuple[Program, ...]] = (
    *gas_numbers.PROGRAMS,
    *gas_texts.PROGRAMS,
    *gas_collections.PROGRAMS,
    *gas_contracts.PROGRAMS,
)


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one program."""

    name: str
    typical: bool
    nanoseconds: float
    """A unit of gas."""
    size: float
    """Bytes a unit of gas."""
    gas: float
    """Units that the measured lines cost once."""

    @property
    def is_storage(self) -> bool:
        """Whether most of its price is for what happens outside of this measurement."""
        return self.name.startswith("s_")


def main(arguments: Sequence[str]) -> int:
    """Measure, and print a table; 1 when something is too cheap or too dear."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gas", type=int, default=400_000, help="gas that each measurement uses")
    parser.add_argument("--only", default="", help="part of the names to measure")
    parser.add_argument("--repetitions", type=int, default=5, help="the best of how many")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args(arguments)
    rows = [measured(program, options.gas, options.repetitions) for program in PROGRAMS if options.only in program.name]
    rows += [
        Row(case.name, case.typical, *gas_sources.measured(case, options.repetitions))
        for case in gas_sources.CASES
        if options.only in case.name
    ]
    if not rows:
        parser.error(f"nothing is called {options.only!r}")
    _print(rows)
    if options.json is not None:
        dear = too_dear(rows)
        table = [{**asdict(row), "verdict": verdict(row, dear)} for row in rows]
        document = {"reference_nanoseconds": reference(), "rows": table}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 1 if any(verdict(row, too_dear(rows)) != "PASS" for row in rows) else 0


def verdict(row: Row, dear: Iterable[Row]) -> str:
    """Return PASS, or FAIL and what the row misses."""
    misses = ["time"] * (row.nanoseconds > NANOSECONDS_MAX) + ["memory"] * (row.size > BYTES_MAX)
    misses += ["too dear"] * (row in dear)
    return f"FAIL {', '.join(misses)}" if misses else "PASS"


def too_dear(rows: Iterable[Row]) -> list[Row]:
    """Return the usual cases that pay more than ten times what the cheapest of them does for the same time."""
    usual = [row for row in rows if row.typical and not row.is_storage]
    dearest = max((row.nanoseconds for row in usual), default=0.0)
    return [row for row in usual if row.nanoseconds * USUAL_FACTOR_MAX < dearest]


def measured(program: Program, gas: int, repetitions: int) -> Row:
    """Return nanoseconds and bytes a unit of gas for the repeated lines alone."""
    ledger = Harness()
    for name, source in (("other", HEAD), ("bench", program.source())):
        deployed = ledger.deploy(name, source, gas_limit=GAS_MAX)
        assert deployed.code is None, (program, ledger.failure)

    def run(turns: int) -> int:
        outcome = ledger.call("acme.alice", "bench", "run", turns, gas_limit=GAS_MAX)
        assert outcome.code is None, (program, ledger.failure)
        ledger.events.clear()
        return outcome.gas_used

    nothing = run(0)
    turn_gas = run(1) - nothing
    turns = max(1, gas // turn_gas)
    used = turn_gas * turns
    prepared = adjusted_nanoseconds(lambda: run(0), repetitions)
    whole = adjusted_nanoseconds(lambda: run(turns), repetitions)
    tracemalloc.start()
    run(0)
    before = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    run(turns)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Row(
        program.name, program.typical, max(0.0, whole - prepared) / used, max(0, peak - before) / used, turn_gas / 8
    )


def _print(rows: Sequence[Row]) -> None:
    dear = too_dear(rows)
    print(f"{'ns a unit':>10} {'bytes a unit':>13} {'gas':>9}  operation")
    for row in sorted(rows, key=lambda row: -row.nanoseconds):
        kind = "usual" if row.typical else "worst"
        print(f"{row.nanoseconds:10.1f} {row.size:13.1f} {row.gas:9.0f}  {kind}  {row.name}: {verdict(row, dear)}")
    usual = [row.nanoseconds for row in rows if row.typical and not row.is_storage]
    worst = max(row.nanoseconds for row in rows)
    passed = sum(verdict(row, dear) == "PASS" for row in rows)
    print(f"{passed} of {len(rows)} programs PASS; worst {worst:.1f} ns a unit, aim at most {NANOSECONDS_MAX}")
    if usual:
        print(f"usual cases {min(usual):.1f} to {max(usual):.1f} ns a unit, aim within a factor of {USUAL_FACTOR_MAX}")
    print(f"an empty call takes {reference():.0f} ns now")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
