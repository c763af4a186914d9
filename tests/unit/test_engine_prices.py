"""Price lists: the protocol version of the block decides what a call costs, and nothing else changes with it."""

import dataclasses

import pytest

from chain.prices import LEDGER_PRICES
from chain.runtime import LocalFault
from contracts.engine.builtins import BUILTIN_CALLS
from contracts.engine.gas import CURRENT, PRICES, Prices
from contracts.engine.runtime import Engine
from contracts.engine.testkit import Harness

SOURCE = """
counts = Map(str, int, default=0)
Item = Record(name=str, amounts=list[int])
items = Map(str, Item)
Counted = Event(name=str, count=int)

@call
def count(name: str, amounts: list[int]) -> int:
    counts[name] += len(amounts)
    items[name] = Item(name=name.upper() + "x", amounts=amounts)
    for amount in amounts:
        require(amount < max(amounts) + 1, "too_large")
    Counted(name=name, count=counts[name])
    return counts[name]
"""
DOUBLED = Prices(**{name: 2 * price for name, price in dataclasses.asdict(CURRENT).items()})
"""Twice the price of each operation, and twice as much of what is counted for one unit."""


WIDE = """
entries = Map(str, int, default=0)
Item = Record(name=str, amounts=list[int])
items = Map(str, Item)
Done = Event(text=str, amounts=list[int])

def twice(n: int) -> int:
    return n * 2

@view
def same(values: list[int]) -> list[int]:
    return values

@call
def run(text: str, amounts: list[int]) -> str:
    n = amounts[0] ** 2 + twice(3)
    copied = [amount for amount in amounts] + amounts
    while n < 20:
        n += 1
    entries[text[:3]] += mul_div(n, 3, 2, "floor")
    items["x"] = Item(name=text, amounts=invoke("other", "same", amounts))
    found = entries.keys(limit=5)
    require(text != text[1:] + "x", "same_text")
    require(copied == amounts + copied[40:] and amounts == amounts.copy() and "no" not in text, "same_list")
    require(len(sha256((str(n) + text).encode())) == 32 and max(amounts) > 0, "no_hash")
    require(compound_rate(1_005_000, 1_000_000, 200, "half_even") == 2_711_517, "no_interest")
    require(not verify_ed25519(text.encode(), b"", b"") and format_date(ctx.time) != "", "no_proof")
    require(rescale(n, 0, 2, "exact") == 100 * n and format_amount(n, 2) != "", "no_amount")
    require(time_parts(ctx.time) != [], "no_parts")
    require(int(str(2 ** 70)) > n and "a" in {"a": n}, "no_text")
    Done(text=text, amounts=[1, 2, 3])
    return found[0]
"""
"""Pays every price."""


def wide_gas(prices: Prices) -> int:
    """Return the gas of deploying and running the wide contract."""
    ledger = Harness(Engine(prices={1: prices}))
    outcomes = [ledger.deploy(name, WIDE) for name in ("wide", "other")]
    outcomes.append(ledger.call("acme.alice", "wide", "run", "t" * 300, list(range(2, 42))))
    assert [outcome.code for outcome in outcomes] == [None] * 3, ledger.failure
    return sum(outcome.gas_used for outcome in outcomes)


def deployed() -> Harness:
    ledger = Harness(Engine(prices={1: CURRENT, 2: DOUBLED}, ledger_prices={1: LEDGER_PRICES[1], 2: LEDGER_PRICES[1]}))
    assert ledger.deploy("counter", SOURCE).code is None
    return ledger


def test_each_price_has_its_effect() -> None:
    """A price that nothing charges would be a mistake in the list; who adds one adds its use to the wide contract."""
    plain = wide_gas(CURRENT)
    field_names = [field.name for field in dataclasses.fields(Prices)]
    unfelt = {name for name in field_names if wide_gas(dataclasses.replace(CURRENT, **{name: 601})) == plain}
    assert unfelt == set()


def test_calls_of_both_versions_in_any_order_cost_what_their_list_says() -> None:
    ledger = deployed()
    costs = []
    for version in (1, 2, 2, 1, 1, 2):
        ledger.protocol_version = version
        outcome = ledger.call("acme.alice", "counter", "count", "apples", [1, 2, 3])
        assert outcome.code is None
        costs.append(outcome.gas_used)
    # The first call creates its entry, the others change it.
    assert costs[1] == costs[2] == costs[5] > costs[3] == costs[4]


def test_only_the_gas_depends_on_the_version() -> None:
    one, two = deployed(), deployed()
    two.protocol_version = 2
    first, second = (ledger.call("acme.alice", "counter", "count", "apples", [4, 5]) for ledger in (one, two))
    assert first.gas_used < second.gas_used
    assert first._replace(gas_used=0) == second._replace(gas_used=0)
    assert one.state.items("counter") == two.state.items("counter")


def test_a_version_without_a_list_is_a_fault_of_the_node_and_no_outcome() -> None:
    ledger = deployed()
    ledger.protocol_version = 3
    with pytest.raises(LocalFault, match="protocol version 3"):
        ledger.call("acme.alice", "counter", "count", "apples", [1])
    ledger.protocol_version = 1
    assert ledger.call("acme.alice", "counter", "count", "apples", [1]).code is None


def test_lists_have_positive_prices_and_built_ins_name_them() -> None:
    names = {field.name for field in dataclasses.fields(Prices)}
    assert {builtin.price for builtin in BUILTIN_CALLS.values()} <= names
    for prices in PRICES.values():
        assert all(type(price) is int and price > 0 for price in dataclasses.asdict(prices).values())
