"""Explorations find planted faults, tell the shortest story that shows them, and are not content with calls in vain."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.testing import Contract, Ledger
from tallystick.testing.properties import Counterexample, NeverSucceeded, arguments_of, explore

BANK = '''"""Money that can be set aside for a while."""
AMOUNT_MAX = 10**15
Lock = Record(owner=str, amount=int, until=int)
balances = Map(str, int, default=0)
locks = Map(str, Lock)
Locked = Event(number=str, amount=int)


@init
def setup(supply: int) -> None:
    balances[ctx.sender] = supply


@call
def transfer(to: str, amount: int) -> bool:
    require(0 < amount <= AMOUNT_MAX, "amount_out_of_range")
    require(to != "" and len(to) <= 40, "id_malformed")
    require(balances[ctx.sender] >= amount, "insufficient_balance")
    balances[ctx.sender] -= amount
    balances[to] += amount
    return True


@call
def lock(number: str, amount: int) -> bool:
    require(0 < amount <= AMOUNT_MAX, "amount_out_of_range")
    require(number != "" and len(number) <= 40, "id_malformed")
    require(number not in locks, "lock_exists")
    require(balances[ctx.sender] >= amount, "insufficient_balance")
    balances[ctx.sender] -= amount
    locks[number] = Lock(owner=ctx.sender, amount=amount, until=ctx.time + 60_000)
    Locked(number=number, amount=amount)
    return True


@call
def release(number: str) -> int:
    require(number in locks, "lock_unknown")
    held = locks[number]
    require(held.owner == ctx.sender or ctx.time > held.until, "not_owner")
    balances[held.owner] += held.amount
    del locks[number]
    return held.amount
'''
SELF_PAYMENT = (
    "    balances[ctx.sender] -= amount\n    balances[to] += amount\n",
    "    mine, theirs = balances[ctx.sender], balances[to]\n"
    "    balances[ctx.sender] = mine - amount\n    balances[to] = theirs + amount\n",
)
PAID_TWICE = ("    del locks[number]\n", "    if ctx.time <= held.until:\n        del locks[number]\n")
WRONG_OWNER = ("    balances[held.owner] += held.amount\n", "    balances[ctx.sender] += held.amount\n")
UNCHECKED = ('    require(number in locks, "lock_unknown")\n', "")


def deployed(*changes: tuple[str, str]) -> tuple[Ledger, Contract]:
    source = BANK
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    ledger = Ledger()
    ledger.member("bolt.bob")
    return ledger, ledger.deploy("bank", source, 1_000, by=ledger.member("acme.alice"))


def total(ledger: Ledger) -> int:
    locked = sum(lock["amount"] for lock in ledger.entries("bank", "locks").values())
    return int(locked + sum(ledger.entries("bank", "balances").values()))


@pytest.mark.parametrize(
    ("change", "story"),
    [
        (SELF_PAYMENT, ["bank.by('acme.alice').transfer(to='acme.alice', amount=1)  # True"]),
        (
            PAID_TWICE,
            [
                "bank.by('acme.alice').lock(number='acme.alice', amount=1)  # True",
                "ledger.advance(milliseconds=3600000)",
                "bank.by('acme.alice').release(number='acme.alice')  # 1",
            ],
        ),
    ],
    ids=["payment to oneself", "released twice"],
)
def test_the_shortest_story_of_a_planted_fault(change: tuple[str, str], story: list[str]) -> None:
    ledger, _ = deployed(change)

    def nothing_is_lost() -> None:
        assert total(ledger) == 1_000

    with pytest.raises(Counterexample) as found:
        explore(ledger, invariants=[nothing_is_lost])
    first, *lines, seed = str(found.value).splitlines()
    assert (first, seed) == ("nothing_is_lost does not hold after:", "(explored with random_seed=0)")
    assert lines[: len(story)] == [f"  {number}. {line}" for number, line in enumerate(story, 1)]
    assert "assert" in lines[len(story)]
    assert total(ledger) == 1_000, "the ledger is as it was"


def test_a_fault_that_needs_two_members() -> None:
    ledger, _ = deployed(WRONG_OWNER)
    with pytest.raises(Counterexample) as found:
        explore(
            ledger, invariants=[lambda: ledger.read("bank", "balances", "bolt.bob") == 0], methods=["lock", "release"]
        )
    lines = str(found.value).splitlines()
    assert "by('acme.alice').lock(" in lines[1]
    assert "ledger.advance(" in lines[2]
    assert "by('bolt.bob').release(" in lines[3]
    assert lines[4:-1] == ["it returned False"]


def test_a_call_that_fails_with_a_mistake_is_a_fault_of_its_own() -> None:
    ledger, _ = deployed(UNCHECKED)
    with pytest.raises(Counterexample) as found:
        explore(ledger, invariants=[])
    text = str(found.value)
    assert text.startswith("bank.release fails with contract_error, which tells its caller nothing, after:\n  1. ")
    assert "(locks has no such entry)" in text
    assert "|     held = locks[number]" in text
    explore(ledger, invariants=[], tolerate=["contract_error"], stories=10)


def test_a_sound_contract_is_explored_in_all_its_methods() -> None:
    ledger, _ = deployed()
    before = (ledger.height, ledger.time, ledger.entries("bank", "balances"), list(ledger.events))
    found = [explore(ledger, invariants=[lambda: total(ledger) == 1_000], stories=12) for _ in range(2)]
    assert found[0] == found[1], "the same seed gives the same stories"
    assert set(found[0].succeeded) == {"bank.transfer", "bank.lock", "bank.release"}
    assert found[0].failed["bank.transfer", "insufficient_balance"] > 0
    assert (ledger.height, ledger.time, ledger.entries("bank", "balances"), ledger.events) == before


def test_methods_that_are_tried_in_vain_are_named() -> None:
    ledger, _ = deployed(
        ('    require(number in locks, "lock_unknown")\n', '    require("boss" in ctx.roles, "role_missing")\n')
    )
    with pytest.raises(NeverSucceeded) as found:
        explore(ledger, invariants=[], stories=10)
    assert "  bank.release: role_missing " in str(found.value)
    assert "transfer" not in str(found.value)
    explore(ledger, invariants=[], stories=10, may_never_succeed=["release"])
    explore(ledger, invariants=[], stories=10, methods=["bank.lock", "transfer"])


def test_arguments_can_be_given() -> None:
    ledger, _ = deployed()
    given_amounts = {"amount": st.just(7), "lock.amount": st.just(8), "bank.transfer.to": st.just("x")}
    found = explore(
        ledger,
        invariants=[lambda: set(ledger.entries("bank", "balances")) <= {"acme.alice", "bolt.bob", "x"}],
        arguments=given_amounts,
        methods=["transfer", "lock"],
        stories=10,
    )
    assert {code for _, code in found.failed} <= {"insufficient_balance", "lock_exists", "id_malformed"}
    assert ledger.read("bank", "balances", "x") == 0


def test_what_cannot_be_explored_is_said() -> None:
    ledger, _ = deployed()
    with pytest.raises(ValueError, match=r"no method pay is marked @call; there are: bank\.transfer, bank\.lock"):
        explore(ledger, invariants=[], methods=["pay"])
    with pytest.raises(ValueError, match="nobody can call"):
        explore(Ledger(), invariants=[])
    empty = Ledger()
    empty.member("a.b")
    with pytest.raises(ValueError, match="there are: none"):
        explore(empty, invariants=[])


def test_an_invariant_that_does_not_hold_at_the_beginning() -> None:
    ledger, _ = deployed()
    with pytest.raises(Counterexample, match="does not hold at the beginning:\nit returned False"):
        explore(ledger, invariants=[lambda: False])


TYPES = """
Part = Record(name=str, weight=int | None, tags=list[str], note=Field(bytes, default=b""))
KINDS = ["box", "bag"]

@call
def store(part: Part, parts: dict[str, Part], flags: list[bool], key: bytes | None, kind: str) -> int:
    if kind == "crate":
        return 77
    return len(parts) + len(flags)
"""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_made_up_arguments_are_of_their_types(data: st.DataObject) -> None:
    ledger = Ledger()
    contract = ledger.deploy("parts", TYPES)
    arguments = data.draw(arguments_of(ledger, contract.store, members=["acme.alice"]))
    expected = 77 if arguments["kind"] == "crate" else len(arguments["parts"]) + len(arguments["flags"])
    assert contract.store(**arguments) == expected


def test_literals_of_the_source_are_tried() -> None:
    ledger = Ledger()
    ledger.member("a.b")
    ledger.deploy("parts", TYPES)
    with pytest.raises(Counterexample, match="'crate'"):
        explore(ledger, invariants=[lambda: ledger.last.value != 77])
