"""Costs that are read from the code are those that the engine takes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import tally
from tallystick.testing import Ledger
from tallystick.testing.costing import cost_of, loop_lines

SOURCE = """
LIMIT = 3

@call
def plain(a: int, b: int) -> int:
    return a + b * 2

@call
def branch(a: int) -> int:
    if a > 0:
        return a
    b = a * a * a
    return twice(b) if b > 5 else b

def twice(a: int) -> int:
    return a * 2

@call
def loops(n: int) -> int:
    total = 0
    for i in range(n):
        for j in range(n):
            total += twice(j)
    while total > LIMIT:
        total -= 1
    return total + sum([x for x in range(n)])

@view
def see() -> int:
    return LIMIT
"""


def used(method: str, *args: int) -> int:
    ledger = Ledger()
    contract = ledger.deploy("costs", SOURCE)
    contract[method](*args)
    return ledger.last.gas_used


def test_code_without_loops_costs_what_is_said() -> None:
    methods = cost_of(SOURCE).methods
    assert used("plain", 1, 2) == methods["plain"].fixed
    assert used("see") == methods["see"].fixed
    dearest = used("branch", -2 + 5 - 6)
    assert used("branch", 1) <= dearest <= methods["branch"].fixed
    assert used("branch", 1) < methods["branch"].fixed, "the function that the dear side calls is not paid for here"


def test_loops_cost_their_turns() -> None:
    cost = cost_of(SOURCE).methods["loops"]
    turns = dict(loop_lines(cost))
    assert list(turns) == ["line 21", "line 22 in line 21", "line 24", "line 26"]
    inner = turns["line 22 in line 21"]
    grown = [used("loops", n) - used("loops", 0) for n in (1, 2)]
    # One outer and one inner turn, one of the comprehension; the sum of one element is charged by size.
    assert grown[0] >= turns["line 21"] + inner + turns["line 26"]
    assert grown[1] >= 2 * turns["line 21"] + 4 * inner + 2 * turns["line 26"]
    assert grown[1] <= 2 * turns["line 21"] + 4 * inner + 2 * turns["line 26"] + 40


def test_deployment_costs_what_is_said() -> None:
    ledger = Ledger()
    ledger.deploy("contract", SOURCE)
    assert abs(ledger.last.gas_used - cost_of(SOURCE).deployment) < 50


def test_long_contracts_have_a_cost() -> None:
    source = (Path(__file__).parents[2] / "contracts" / "library" / "remittance.py").read_text()
    cost = cost_of(source)
    assert cost.deployment > 1_000_000
    assert all(method.fixed > 100 for method in cost.methods.values())


def test_the_command_shows_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("costs.py").write_text(SOURCE)
    Path("test_costs.py").write_text(
        "def test_plain(ledger):\n    assert ledger.deploy('c', 'costs.py').plain(1, 2) == 5\n"
    )
    plain = CliRunner().invoke(tally, ["contract", "cost", "costs.py"])
    assert plain.exit_code == 0
    assert "  each turn, line 22 in line 21" in plain.output
    measured = CliRunner().invoke(tally, ["contract", "cost", "costs.py", "--tests", "test_costs.py", "--json"])
    assert measured.exit_code == 0, measured.output
    methods = json.loads(measured.output)["methods"]
    assert methods["plain"]["measured"]["median"] == methods["plain"]["fixed"]
    assert methods["loops"]["measured"] is None
