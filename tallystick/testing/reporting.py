"""Coverage and gas as text for a terminal."""

from collections.abc import Iterator, Sequence

from tallystick.testing.coverage import ContractCoverage, MethodCost, percent


def coverage_text(contracts: Sequence[ContractCoverage]) -> Iterator[str]:
    """Yield the lines of the coverage report: a table, and below it what did not run."""
    rows = [
        (
            contract.source.label,
            f"{contract.lines_hit}/{len(contract.lines)}",
            f"{percent(contract.lines_hit, len(contract.lines)):.0f}%",
            f"{contract.ways_hit}/{len(contract.ways)}",
            f"{percent(contract.ways_hit, len(contract.ways)):.0f}%",
        )
        for contract in contracts
    ]
    yield from _table(("contract", "lines", "", "branches", ""), rows)
    for contract in contracts:
        missing = contract.missing()
        if missing:
            yield f"{contract.source.label}: not run: {missing}"
        for way in contract.ways:
            if way.reached and way.count == 0:
                yield f"{contract.source.label}:{way.line}: {way.never()}"


def gas_text(costs: Sequence[MethodCost]) -> Iterator[str]:
    """Yield the lines of the table of methods."""
    rows = [
        (
            f"{cost.contract}.{cost.method}",
            f"{cost.calls:,}",
            f"{cost.failed:,}",
            *("" if value is None else f"{value:,}" for value in (cost.least, cost.median, cost.most)),
        )
        for cost in costs
    ]
    yield from _table(("method", "calls", "failed", "least gas", "median", "most"), rows)


def listing_text(contract: ContractCoverage) -> Iterator[str]:
    """Yield the source of a contract with the turns, the gas, and the gas of one turn before each line."""
    known = {line.number: line for line in contract.lines}
    yield f"{'runs':>8} {'gas':>12} {'a run':>8}"
    for number, text in enumerate(contract.source.text.rstrip("\n").split("\n"), 1):
        line = known.get(number)
        if line is None:
            figures = " " * 30
        elif line.hits == 0:
            figures = f"{'!' * 5:>8} {'':>12} {'':>8}"
        else:
            figures = f"{line.hits:8,} {line.gas:12,} {line.gas / line.hits:8,.0f}"
        yield f"{figures} {number:4} | {text}".rstrip()


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, *rows):
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
