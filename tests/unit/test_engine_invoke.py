"""Calls between contracts: one gas, one depth, one identity a call, no way back in, and all or nothing."""

import pytest

from chain.runtime import SYSTEM
from contracts.engine.limits import CALL_DEPTH_MAX
from contracts.engine.testkit import Harness

VAULT = """
held = Map(str, int, default=0)
Held = Event(by=str, amount=int)

@call
def put(amount: int) -> int:
    require(amount > 0, "nothing_to_put")
    held[ctx.sender] += amount
    Held(by=ctx.sender, amount=amount)
    return held[ctx.sender]

@call
def put_slowly(amount: int) -> int:
    for number in range(100):
        held[ctx.sender] += 0
    held[ctx.sender] += amount
    Held(by=ctx.sender, amount=amount)
    return held[ctx.sender]

@view
def total(party: str) -> int:
    return held[party]

@view
def who() -> list[str]:
    return [ctx.sender, ctx.organisation, ctx.contract, str(len(ctx.roles))]
"""

DESK = """
notes = Var(int, default=0)

@call
def put(target: str, method: str, amount: int) -> int:
    notes.value += 1
    found = invoke(target, method, amount)
    notes.value += found
    return found

@call
def put_through(first: str, target: str, amount: int) -> int:
    notes.value += 1
    return invoke(first, "put", target, "put", amount)

@call
def look_and_write(target: str) -> int:
    notes.value = invoke(target, "total", "contract:desk") + 7
    return notes.value

@call
def back(path: list[str]) -> int:
    notes.value += 1
    return 0 if len(path) == 0 else 1 + invoke(path[0], "back", path[1:])

@view
def seen() -> int:
    return notes.value

@view
def ask(path: list[str], target: str) -> list[str]:
    return invoke(target, "who") if len(path) == 0 else invoke(path[0], "ask", path[1:], target)

@view
def sneak(target: str) -> int:
    return invoke(target, "put", 1)

@view
def sneak_through(first: str, target: str) -> int:
    return invoke(first, "sneak", target)
"""


@pytest.fixture
def ledger() -> Harness:
    harness = Harness()
    for name, source in (("vault", VAULT), ("desk", DESK), ("front", DESK), ("third", DESK)):
        assert harness.deploy(name, source).code is None, harness.failure
    return harness


def state_of(ledger: Harness) -> list[object]:
    return [ledger.state.items(name) for name in ("vault", "desk", "front", "third")]


def test_the_callee_costs_the_caller_what_it_costs_anybody(ledger: Harness) -> None:
    """The difference between two methods is the same from outside and by invoke, to the unit."""
    outside = [ledger.call("contract:desk", "vault", method, 5).gas_used for method in ("put", "put_slowly")]
    inside = [ledger.call("a.b", "desk", "put", "vault", method, 5).gas_used for method in ("put", "put_slowly")]
    letters = len("put_slowly") // 8 - len("put") // 8
    # The name of the method is an argument of the caller, and longer by so many units.
    assert inside[1] - inside[0] == outside[1] - outside[0] + letters


def test_every_limit_below_the_cost_fails_and_the_cost_itself_is_enough(ledger: Harness) -> None:
    def put(gas_limit: int) -> tuple[str | None, int]:
        outcome = ledger.call("a.b", "front", "put_through", "desk", "vault", 5, gas_limit=gas_limit)
        return outcome.code, outcome.gas_used

    assert put(10**6)[0] is None
    before = state_of(ledger)
    needed = put(10**6)[1]
    after = state_of(ledger)
    assert before != after
    for gas_limit in [*range(0, needed, 37), needed - 1]:
        assert put(gas_limit) == ("out_of_gas", gas_limit)
        assert state_of(ledger) == after
    assert put(needed) == (None, needed)


@pytest.mark.parametrize(
    ("method", "args", "code"),
    [
        ("put", ("vault", "put", 0), "nothing_to_put"),
        ("put", ("vault", "missing", 1), "unknown_method"),
        ("put", ("missing", "put", 1), "unknown_contract"),
        ("put", (SYSTEM, "approve", 1), "unknown_contract"),
        ("put", ("vault", "setup", 1), "unknown_method"),
        ("put", ("vault", "total", 1), "invalid_arguments"),
        ("put_through", ("desk", "vault", 0), "nothing_to_put"),
        ("back", (["desk", "third", "front"],), "reentrant_call"),
        ("back", (["front"],), "reentrant_call"),
    ],
)
def test_a_failure_anywhere_undoes_what_all_have_written(
    ledger: Harness, method: str, args: tuple[object, ...], code: str
) -> None:
    ledger.call("a.b", "desk", "put", "vault", "put", 3)
    before, events = state_of(ledger), len(ledger.events)
    outcome = ledger.call("a.b", "front", method, *args)
    assert (outcome.code, outcome.value, outcome.events) == (code, None, ())
    assert (state_of(ledger), len(ledger.events)) == (before, events)


def test_nobody_comes_back_through_any_number_of_others(ledger: Harness) -> None:
    assert ledger.call("a.b", "front", "back", ["desk", "third"]).value == 2
    for path in (["front"], ["desk", "front"], ["desk", "desk"], ["desk", "third", "desk"], ["desk", "third", "front"]):
        assert ledger.call("a.b", "front", "back", path).code == "reentrant_call", path
    assert ledger.call("a.b", "front", "back", ["desk"]).value == 1, "what was left can be entered again"


def test_a_contract_may_call_another_twice_in_a_row(ledger: Harness) -> None:
    twice = (
        DESK
        + '\n@call\ndef twice(target: str) -> int:\n    invoke(target, "put", 1)\n    return invoke(target, "put", 1)\n'
    )
    assert ledger.deploy("twice", twice).code is None
    assert ledger.call("a.b", "twice", "twice", "vault").value == 2


def test_the_depth_counts_contracts_and_not_functions() -> None:
    ledger = Harness()
    names = [f"c{number}" for number in range(CALL_DEPTH_MAX + 1)]
    for name in names:
        ledger.deploy(name, DESK)
    assert ledger.call("a.b", names[0], "back", names[1:CALL_DEPTH_MAX]).code is None
    before = [ledger.state.items(name) for name in names]
    assert ledger.call("a.b", names[0], "back", names[1:]).code == "call_depth"
    assert [ledger.state.items(name) for name in names] == before
    assert ledger.view(names[0], "ask", names[1:], "c0").code == "call_depth"


def test_each_contract_sees_the_one_that_called_it(ledger: Harness) -> None:
    assert ledger.view("front", "ask", ["desk", "third"], "vault", sender="acme.al", roles=("teller",)).value == [
        "contract:third",
        "contract:third",
        "vault",
        "0",
    ]
    ledger.call("acme.al", "front", "put_through", "desk", "vault", 4, roles=("teller",))
    assert ledger.view("vault", "total", "contract:desk").value == 4
    assert ledger.events[-1].contract == "vault"
    assert ledger.events[-1].fields == {"by": "contract:desk", "amount": 4}


def test_a_call_may_write_after_it_has_looked(ledger: Harness) -> None:
    ledger.call("a.b", "desk", "put", "vault", "put", 3)
    assert ledger.call("a.b", "desk", "look_and_write", "vault").value == 10
    assert ledger.view("desk", "seen").value == 10


def test_no_view_reaches_a_call_through_others(ledger: Harness) -> None:
    assert ledger.view("desk", "sneak", "vault").code == "write_in_view"
    assert ledger.view("front", "sneak_through", "desk", "vault").code == "write_in_view"
    through = (
        DESK + '\n@call\ndef via_view(first: str, target: str) -> int:\n    return invoke(first, "sneak", target)\n'
    )
    assert ledger.deploy("fourth", through).code is None
    assert ledger.call("a.b", "fourth", "via_view", "desk", "vault").code == "write_in_view"
