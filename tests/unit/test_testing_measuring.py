"""What is measured is true: probes change nothing, the gas of lines adds up, branches not taken are named."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from corpus import deployed_sources
from programs import LIBRARY, WORK, mutants

from contracts.engine.runtime import Engine
from contracts.engine.testkit import Harness
from tallystick.testing import Ledger
from tallystick.testing.coverage import ContractCoverage, costs_of, coverage_of, total_percent
from tallystick.testing.exporting import cobertura, figures, lcov
from tallystick.testing.measuring import Meter
from tallystick.testing.reporting import coverage_text, gas_text, listing_text
from tallystick.testing.session import Session, current_session, session_open

SOURCE = '''LIMIT = 3
seen = Map(int, str)
Seen = Event(number=int)

@call
def work(numbers: list[int], deep: bool) -> int:
    """Every kind of statement."""
    total = 0
    for number in numbers:
        if number < 0:
            continue
        elif number > 100:
            break
        total += twice(number)
    while total > LIMIT:
        total -= 1
        if deep:
            return total
    require(total < LIMIT or deep, "at_limit")
    seen[total] = f"seen {total}"
    Seen(number=total)
    return total

def twice(number: int) -> int:
    if number == 1:
        return 2
    return number * 2

@view
def never() -> int:
    return len([x for x in range(3)])
'''


def programs() -> list[Any]:
    found = [("work", WORK), *((path.stem, path.read_text()) for path in LIBRARY.glob("remittance.py"))]
    found += [(f"hostile {number}", source) for number, source in enumerate(deployed_sources()[::10])]
    found += [case for number, case in enumerate(mutants()) if number % 12 == 0]
    return [pytest.param(source, id=name) for name, source in found]


def outcome(engine: Engine, source: str) -> list[Any]:
    ledger = Harness(engine)
    done = [ledger.deploy("c", source), ledger.call("acme.alice", "c", "attack", gas_limit=300_000)]
    return [done, ledger.state.items("c")]


@pytest.mark.parametrize("source", programs())
def test_probes_change_neither_value_nor_gas_nor_writes(source: str) -> None:
    meter = Meter()
    assert outcome(Session(meter).engine, source) == outcome(Engine(), source)


def measured(*calls: tuple[list[int], bool]) -> tuple[Meter, Session, Ledger]:
    meter = Meter()
    session = Session(meter)
    ledger = Ledger(session=session)
    contract = ledger.deploy("c", SOURCE)
    for numbers, deep in calls:
        contract.work.outcome(numbers, deep)
    return meter, session, ledger


def coverage(*calls: tuple[list[int], bool]) -> ContractCoverage:
    meter, session, _ = measured(*calls)
    (found,) = coverage_of(meter, session.sources)
    return found


def test_lines_are_counted() -> None:
    hits = {line.number: line.hits for line in coverage(([1, -1, 200, 5], False), ([], True)).lines}
    assert hits == {
        **dict.fromkeys((6, 8, 9, 12, 15, 19, 20, 21, 22), 2),
        **dict.fromkeys((11, 13, 14, 24, 25, 26), 1),
        **dict.fromkeys((16, 17, 18, 27, 30, 31), 0),
        10: 3,
    }


def test_what_was_never_tried_is_named() -> None:
    found = coverage(([1, 5], True))
    assert found.missing() == "11, 13, 19-22, 30-31"
    assert [(way.line, way.never()) for way in found.ways if way.reached and not way.count] == [
        (10, "the condition was never true"),
        (12, "the condition was never true"),
        (15, "the loop never came to its end"),
        (17, "the condition was never false"),
    ]
    refused = coverage(([], False), ([-3], False), ([1], True))
    assert (19, 'require "at_limit" never refused anything') in [
        (way.line, way.never()) for way in refused.ways if not way.count
    ]
    assert not any(way.line == 19 and not way.count for way in coverage(([], False), ([3], False)).ways)


@pytest.mark.parametrize(
    "calls",
    [
        [([], False)],
        [([1, -1, 7, 200, 5], False)],
        [([1, 2, 3], True), ([200], False), ([-1, -1], True)],
        [([2**62, 2**62], False), ([2], False)],
    ],
)
def test_the_gas_of_the_lines_is_the_gas_of_the_code(calls: list[tuple[list[int], bool]]) -> None:
    """The gas of all lines, and what the engine takes around the code, are all the gas that was used."""
    meter, session, _ = measured(*calls)
    (found,) = coverage_of(meter, session.sources)
    used = meter.calls["c", "work"]
    total = sum(gas * count for gas, count in used.gas.items())
    around = meter._nowhere[0] - next(iter(meter.calls["c", "@init"].gas))
    if not used.failed:
        assert sum(line.gas for line in found.lines) + around == total
    assert all(line.gas >= 0 for line in found.lines)
    assert all(line.gas == 0 for line in found.lines if line.hits == 0)


def test_prices_paid_in_advance_are_shown_at_their_statements() -> None:
    lines = {line.number: line for line in coverage(([], True), ([], True)).lines}
    assert lines[20].gas > 600  # two writes
    assert lines[21].gas > 160  # two events
    assert lines[6].gas < 100  # the entry keeps what was not needed: the dearer side of branches


def test_nested_calls_and_failures_leave_the_meter_in_order() -> None:
    meter = Meter()
    ledger = Ledger(session=Session(meter))
    inner = "@call\ndef f(n: int) -> int:\n    require(n > 0, 'small')\n    return n\n"
    outer = "@call\ndef g(n: int) -> int:\n    x = invoke('inner', 'f', n)\n    return x + 1\n"
    ledger.deploy("inner", inner)
    contract = ledger.deploy("outer", outer)
    for number in (1, 0, 2):
        contract.g.outcome(number)
    by_function = {
        site.function: (counts.hits[index], gas)
        for counts in meter.counts.values()
        for index, (site, gas) in enumerate(zip(counts.sites.sites, counts.gas_by_site(), strict=True))
        if site.is_function
    }
    assert {name: hits for name, (hits, _) in by_function.items()} == {"f": 3, "g": 3}
    calls = meter.calls["outer", "g"]
    assert (calls.gas.total(), calls.failed) == (2, {"small": 1})
    assert [line.hits for line in coverage(([], True)).lines]  # another session is not disturbed


def test_reports_for_people_and_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("work.py").write_text(SOURCE, encoding="utf-8")
    meter = Meter()
    session = Session(meter)
    contract = Ledger(session=session).deploy("c", "work.py")
    contract.work([1, 5], True)
    contract.work.outcome([2, 1], False)
    contracts, costs = coverage_of(meter, session.sources), costs_of(meter)
    (found,) = contracts
    text = "\n".join(coverage_text(contracts))
    assert text.splitlines()[1].split() == ["work.py", "15/22", "68%", "11/14", "79%"]
    assert "work.py: not run: 11, 13, 20-22, 30-31" in text
    table = "\n".join(gas_text(costs))
    assert "c.work" in table
    listing = list(listing_text(found))
    assert listing[10].split()[0] == "4"
    assert listing[10].endswith("  10 |         if number < 0:")
    assert listing[11].endswith("  11 |             continue")
    assert listing[11].startswith("   !!!!!")
    trace = lcov(contracts)
    assert trace.startswith("TN:\nSF:work.py\n")
    assert f"LF:{len(found.lines)}\nLH:15\nend_of_record\n" in trace
    root = ET.fromstring(cobertura(contracts).split("\n", 1)[1])
    assert root.attrib["lines-valid"] == "22"
    assert root.find(".//class").attrib["filename"] == "work.py"  # type: ignore[union-attr]
    assert len(root.findall(".//line")) == 22
    document = json.loads(json.dumps(figures(contracts, costs, session.names)))
    assert document["percent"] == round(total_percent(contracts), 2)
    assert document["names"] == {"c": str(tmp_path / "work.py")}


def test_a_contract_without_a_file_is_in_no_file() -> None:
    meter, session, _ = measured(([], True))
    assert lcov(coverage_of(meter, session.sources)) == ""


def test_ledgers_of_a_session_are_measured_wherever_they_are_made() -> None:
    session = Session(Meter())
    with session_open(session):
        assert current_session() is session
        Ledger().deploy("c", SOURCE).never()
    assert session.meter is not None
    assert session.meter.calls["c", "never"].gas.total() == 1


def test_ranges_of_lines() -> None:
    assert coverage().missing() == "6-31"
    assert total_percent([]) == 100
