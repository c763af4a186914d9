"""The manual of the contract language is true: its examples run, and it names everything that exists."""

import re
from pathlib import Path

import pytest

from contracts.engine import limits
from contracts.engine.builtins import BUILTIN_CALLS, CONTEXT, ROUNDINGS
from contracts.engine.declarations import BUILTINS
from contracts.engine.errors import ENGINE_CODES
from contracts.engine.methods import METHOD_CALLS
from contracts.engine.storage_code import SCAN_OPTIONS
from contracts.engine.testkit import Harness

MANUAL = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text()
TOKEN, SCRIPT, ITERATION, RECORDS = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)


def test_the_first_contract_and_its_script_run(capsys: pytest.CaptureFixture[str]) -> None:
    exec(SCRIPT, {"TOKEN": TOKEN})
    assert capsys.readouterr().out.startswith("insufficient_balance")


def test_the_iteration_example_runs() -> None:
    ledger = Harness()
    assert ledger.deploy("limits", ITERATION).code is None, ledger.failure
    for day in range(30):
        assert ledger.call("a.b", "limits", "set_limit", "HKD", day, day * 10).code is None
        assert ledger.call("a.b", "limits", "set_limit", "PHP", day, 1).code is None
    assert ledger.view("limits", "total", "HKD").value == 4350
    assert ledger.view("limits", "week", "HKD", 3).value == [30, 40, 50, 60, 70, 80, 90]
    assert ledger.view("limits", "page", "HKD", 27).value == ["HKD 28: 280", "HKD 29: 290"]
    assert ledger.view("limits", "latest").value == 1


def test_the_record_example_runs() -> None:
    ledger = Harness()
    assert ledger.deploy("items", RECORDS).code is None, ledger.failure
    made = ledger.call("acme.alice", "items", "register", "x")
    assert made.value == {"holder": "acme", "parent": None, "tags": [], "count": 1}
    assert ledger.call("acme.alice", "items", "register", "x").code == "item_exists"
    assert ledger.call("acme.alice", "items", "ship", "x", "bolt", "t").value == 2
    assert ledger.call("acme.alice", "items", "ship", "x", "bolt", "t").code == "not_holder"
    assert ledger.call("acme.alice", "items", "ship", "y", "bolt", "t").code == "unknown_item"


def test_everything_that_exists_is_named() -> None:
    words = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", MANUAL))
    for names in (BUILTIN_CALLS, METHOD_CALLS, ROUNDINGS, BUILTINS, ENGINE_CODES, CONTEXT, SCAN_OPTIONS):
        assert set(names) <= words, set(names) - words


@pytest.mark.parametrize(
    "figure",
    [
        f"Source {limits.SOURCE_BYTES_MAX // 1024} KiB",
        f"lines of {limits.LINE_LENGTH_MAX} characters",
        f"{limits.INDENT_LEVELS_MAX} levels",
        f"{limits.BRACKET_DEPTH_MAX} nested brackets",
        f"Text and bytes {limits.TEXT_LENGTH_MAX:,} long",
        f"lists {limits.LIST_LENGTH_MAX:,} elements",
        f"{limits.MAP_LENGTH_MAX:,}, nesting {limits.NESTING_MAX}",
        f"at most {limits.CALL_CHAIN_MAX} deep",
        f"at most {limits.SCAN_ENTRIES_MAX:,}",
        f"at most {limits.CALL_DEPTH_MAX} deep",
    ],
)
def test_limits_are_those_of_the_engine(figure: str) -> None:
    assert figure in MANUAL.replace("\n", " ")
