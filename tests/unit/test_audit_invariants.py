"""What contracts declare of themselves is evaluated over the whole history; a planted bug is found where it acts."""

from pathlib import Path

import pytest
import test_remittance_world
import traceability_world
from chain_maker import ChainMaker, make_genesis
from test_remittance_world import HASH, HK, transfer_terms
from traceability_world import LOT, PLANT, quantity

from audit.auditor import run_audit
from audit.invariants import InvariantWatcher
from audit.mismatch import Level, Mismatch
from audit.verdict import Outcome
from chain.genesis import GenesisContract
from contracts.engine.compiler import compile_contract
from contracts.engine.errors import Rejected

POT = '''"""A pot whose total forgets every hundred."""

paid = Map(str, int, default=0)
total = Var(int, default=0)


@call
def pay(amount: int) -> None:
    paid[ctx.sender] += amount
    total.value += amount if amount != 100 else 99


@invariant
def total_is_right() -> list[str]:
    found: list[str] = []
    amounts = sum([amount for member, amount in paid.items(limit=100)])
    if amounts != total.value:
        found.append(f"{amounts} was paid, {total.value} is in the pot")
    require(amounts < 1000, "too_much")
    return found
'''


def pot_with(*amounts: int) -> ChainMaker:
    maker = ChainMaker(make_genesis(contracts=[GenesisContract("pot", POT, ())]))
    for amount in amounts:
        maker.decide(maker.transaction(("pot", "pay", (amount,))))
    return maker


def found_in(maker: ChainMaker, every: int | None = None) -> list[Mismatch]:
    watcher = InvariantWatcher(every)
    verdict = run_audit(maker.source, watchers=[watcher])
    assert watcher.names == {"pot.total_is_right"}
    assert verdict.execution_ended is None
    return list(verdict.mismatches)


def test_what_holds_is_no_finding() -> None:
    assert found_in(pot_with(1, 2, 3)) == []


def test_a_broken_invariant_is_named_where_it_broke_and_only_once() -> None:
    (found,) = found_in(pot_with(1, 2, 100, 4))[:1]
    assert (found.level, found.height, found.contract, found.field) == (Level.INVARIANTS, 3, "pot", "total_is_right")
    assert (found.found, found.detail) == ("103 was paid, 102 is in the pot", "it held at height 2")
    still = pot_with(100)
    still.decide()
    still.decide()
    assert len(found_in(still)) == 1


def test_invariants_are_evaluated_at_some_heights_and_always_at_the_last() -> None:
    (found,) = found_in(pot_with(1, 100, 5, 6, 7), every=4)[:1]
    assert (found.height, found.detail) == (4, "it did not hold before")
    assert found_in(pot_with(1, 2, 100), every=50)[0].height == 3


def test_an_invariant_that_fails_is_a_finding() -> None:
    (found,) = found_in(pot_with(2000))
    assert found.found == "it ends with too_much"


def test_a_history_with_a_finding_does_not_pass() -> None:
    verdict = run_audit(pot_with(100, 1).source, watchers=[InvariantWatcher()])
    assert verdict.outcome is Outcome.MISMATCH


@pytest.mark.parametrize("signature", ["(x: int) -> list[str]", "() -> bool", "() -> list[int]"])
def test_an_invariant_has_one_form(signature: str) -> None:
    with pytest.raises(Rejected, match="@invariant has no parameters"):
        compile_contract(f"@invariant\ndef wrong{signature}:\n    return []\n")


def test_an_invariant_writes_nothing() -> None:
    with pytest.raises(Rejected, match="neither write"):
        compile_contract("a = Var(int)\n\n\n@invariant\ndef wrong() -> list[str]:\n    a.value = 1\n    return []\n")


REMITTANCE_BUGS = [
    ("money.issued + amount", "money.issued + 2 * amount", "money_is_conserved", "was issued"),
    (
        "    take_locked(terms.currency, terms.participant, terms.amount)\n",
        "",
        "locked_money_has_one_purpose",
        "is locked",
    ),
]


@pytest.mark.parametrize(("code", "bug", "invariant", "text"), REMITTANCE_BUGS)
def test_money_that_goes_wrong_in_remittance_is_found(
    monkeypatch: pytest.MonkeyPatch, code: str, bug: str, invariant: str, text: str
) -> None:
    true = test_remittance_world.World()
    assert code in test_remittance_world.SOURCE
    ledger = type(true.ledger)()
    assert ledger.deploy("remittance", test_remittance_world.SOURCE.replace(code, bug)).code is None
    roles = test_remittance_world.ROLES
    steps = [
        ("clearbank", "open_currency", ("HKD",)),
        ("hkma", "admit", (HK, "hkwallet", "institution")),
        ("clearbank", "deposit", ("in-1", HK, "HKD", 1_000)),
        ("hkwallet", "request_redemption", ("out-1", HK, "HKD", 400)),
        ("clearbank", "confirm_redemption", ("out-1",)),
    ]
    for organisation, method, args in steps:
        outcome = ledger.call(f"{organisation}.ops", "remittance", method, *args, roles=roles[organisation])
        assert outcome.code is None, (method, ledger.failure)
    found = ledger.view("remittance", invariant).value
    assert len(found) == 1
    assert text in found[0]


def test_money_locked_for_a_transfer_has_its_purpose() -> None:
    world = test_remittance_world.World()
    world.do("hkwallet", "accept", *transfer_terms())
    world.do("hkwallet", "screen", transfer_terms()[0], "sender", True, "", HASH)
    assert world.see("locked_money_has_one_purpose") == []
    assert world.money(HK, "HKD")[1] > 0


def test_quantities_that_come_from_nowhere_in_traceability_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "    books[subject, source] -= amount\n"
    assert code in traceability_world.SOURCE
    create = {"action": "ADD", "quantityList": [quantity(LOT, 5)], "ilmd": {}}
    world = traceability_world.World()
    world.record(PLANT, "Object", **create, bizStep="commissioning")
    assert world.view("quantities_add_up") == []
    monkeypatch.setattr(traceability_world, "SOURCE", traceability_world.SOURCE.replace(code, ""))
    broken = traceability_world.World()
    broken.record(PLANT, "Object", **create, bizStep="commissioning")
    (found,) = broken.view("quantities_add_up")
    assert "add up to 5000000" in found


def test_the_manual_names_every_invariant_of_the_library() -> None:
    sources = [test_remittance_world.SOURCE, traceability_world.SOURCE]
    declared = [
        each.name
        for source in sources
        for each in compile_contract(source).module.functions.values()
        if each.is_invariant
    ]
    assert declared == ["money_is_conserved", "locked_money_has_one_purpose", "quantities_add_up"]
    page = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in declared)
