"""Coverage in the formats that CI systems and editors read: lcov's tracefile and Cobertura's XML; and all as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from xml.sax.saxutils import quoteattr

from tallystick.testing.coverage import ContractCoverage, MethodCost, Way, total_percent


def lcov(contracts: Sequence[ContractCoverage]) -> str:
    """Return a tracefile in the form that geninfo writes (man 1 geninfo), one record a contract that has a file."""
    return "".join(f"{line}\n" for contract in contracts if contract.source.path for line in _record(contract))


def _record(contract: ContractCoverage) -> Iterator[str]:
    yield "TN:"
    yield f"SF:{contract.source.label}"
    for line, ways in _ways_by_line(contract).items():
        for number, way in enumerate(ways):
            yield f"BRDA:{line},0,{number},{way.count if way.reached else '-'}"
    yield f"BRF:{len(contract.ways)}"
    yield f"BRH:{contract.ways_hit}"
    for counted in contract.lines:
        yield f"DA:{counted.number},{counted.hits}"
    yield f"LF:{len(contract.lines)}"
    yield f"LH:{contract.lines_hit}"
    yield "end_of_record"


def cobertura(contracts: Sequence[ContractCoverage]) -> str:
    """Return an XML document by Cobertura's coverage-04.dtd, for the contracts that have a file."""
    files = [contract for contract in contracts if contract.source.path]
    lines = sum(len(contract.lines) for contract in files)
    lines_hit = sum(contract.lines_hit for contract in files)
    ways = sum(len(contract.ways) for contract in files)
    ways_hit = sum(contract.ways_hit for contract in files)
    totals = f'lines-valid="{lines}" lines-covered="{lines_hit}" branches-valid="{ways}" branches-covered="{ways_hit}"'
    rates = _rates(lines_hit, lines, ways_hit, ways)
    text = [
        '<?xml version="1.0" ?>',
        f'<coverage version="1" timestamp="0" {totals} {rates} complexity="0">',
        "<sources><source>.</source></sources>",
        f'<packages><package name="contracts" {rates} complexity="0"><classes>',
    ]
    for contract in files:
        text += _class(contract)
    return "\n".join([*text, "</classes></package></packages>", "</coverage>", ""])


def _class(contract: ContractCoverage) -> Iterator[str]:
    rates = _rates(contract.lines_hit, len(contract.lines), contract.ways_hit, len(contract.ways))
    label = quoteattr(contract.source.label)
    yield f'<class name={label} filename={label} {rates} complexity="0"><methods/><lines>'
    ways = _ways_by_line(contract)
    for line in contract.lines:
        branch = ""
        if line.number in ways:
            here = ways[line.number]
            taken = sum(way.count > 0 for way in here)
            share = f"{100 * taken // len(here)}% ({taken}/{len(here)})"
            branch = f' branch="true" condition-coverage="{share}"'
        yield f'<line number="{line.number}" hits="{line.hits}"{branch}/>'
    yield "</lines></class>"


def _rates(lines_hit: int, lines: int, ways_hit: int, ways: int) -> str:
    line_rate = lines_hit / lines if lines else 1
    branch_rate = ways_hit / ways if ways else 1
    return f'line-rate="{line_rate:.4g}" branch-rate="{branch_rate:.4g}"'


def _ways_by_line(contract: ContractCoverage) -> dict[int, list[Way]]:
    ways: dict[int, list[Way]] = {}
    for way in contract.ways:
        ways.setdefault(way.line, []).append(way)
    return ways


def figures(
    contracts: Sequence[ContractCoverage], costs: Sequence[MethodCost], names: Mapping[str, str | None]
) -> dict[str, Any]:
    """Return everything that was measured in JSON's terms; the form is described in docs/contracts/testing.md."""
    return {
        "percent": round(total_percent(contracts), 2),
        "contracts": [
            {
                "file": contract.source.label,
                "lines": [asdict(line) for line in contract.lines],
                "branches": [
                    {"line": way.line, "way": way.way, "code": way.code or None, "count": way.count}
                    for way in contract.ways
                ],
            }
            for contract in contracts
        ],
        "names": dict(names),
        "methods": [asdict(cost) for cost in costs],
    }
