"""`entries[key] += value` has a guard of its own where entries are integers: it reads, adds and writes as others do."""

import pytest

from chain.encoding import INT_MAX, INT_MIN
from contracts.engine.gas import CURRENT
from contracts.engine.testkit import Harness

SOURCE = """
entries = Map(str, int, default=3)
bare = Map(str, int)

@call
def start(key: str, value: int) -> None:
    entries[key] = value
    bare[key] = value

@call
def joined(key: str, value: int, less: bool) -> int:
    if less:
        entries[key] -= value
    else:
        entries[key] += value
    return entries[key]

@call
def apart(key: str, value: int, less: bool) -> int:
    if less:
        entries[key] -= abs(0) + value
    else:
        entries[key] += abs(0) + value
    return entries[key]

@call
def absent(key: str) -> None:
    bare[key] += 1

@call
def wrong(key: str, value: str) -> None:
    entries[key] += value

@call
def wrong_key(key: int, value: int) -> None:
    entries[key] += value
"""
DIFFERENCE = 2 * CURRENT.operator + CURRENT.statement
"""What `abs(0) + value` costs more than `value`."""
NUMBERS = (0, 1, -1, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, INT_MAX, -128, -(2**31), INT_MIN)


@pytest.fixture
def ledger() -> Harness:
    ledger = Harness()
    assert ledger.deploy("sums", SOURCE).code is None, ledger.failure
    return ledger


@pytest.mark.parametrize("less", [False, True])
@pytest.mark.parametrize("old", [None, *NUMBERS])
def test_values_writes_and_gas_are_those_of_the_long_way(ledger: Harness, old: int | None, less: bool) -> None:
    for number in NUMBERS:
        outcomes = []
        for method in ("joined", "apart"):
            key = f"{method:_<8}{number}"
            if old is not None:
                assert ledger.call("a.b", "sums", "start", key, old).code is None
            outcomes.append(ledger.call("a.b", "sums", method, key, number, less))
        joined, apart = outcomes
        assert (joined.code, joined.value) == (apart.code, apart.value)
        assert joined.gas_used + DIFFERENCE == apart.gas_used


def test_mistakes_are_those_of_the_long_way(ledger: Harness) -> None:
    assert ledger.call("a.b", "sums", "absent", "k").code == "contract_error"
    assert ledger.call("a.b", "sums", "start", "k", 1).code is None
    assert ledger.call("a.b", "sums", "absent", "k").code is None
    for method, args in (("wrong", ("k", "1")), ("wrong_key", (1, 1)), ("joined", ("k" * 2_000, 1, False))):
        before = ledger.state.items("sums")
        assert ledger.call("a.b", "sums", method, *args).code == "contract_error"
        assert ledger.state.items("sums") == before


def test_exactly_enough_gas_is_enough(ledger: Harness) -> None:
    needed = ledger.call("a.b", "sums", "joined", "k", 70_000, False).gas_used
    assert ledger.call("a.b", "sums", "joined", "l", 70_000, False, gas_limit=needed - 1).code == "out_of_gas"
    assert ledger.call("a.b", "sums", "joined", "l", 70_000, False, gas_limit=needed).code is None
