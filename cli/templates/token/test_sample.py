"""Tests of the sample contract. Run: tally contract test"""

import pytest

from tallystick.testing import Contract, Ledger
from tallystick.testing.properties import explore

MINT, ALICE, BOB = "mint.admin", "acme.alice", "bolt.bob"


@pytest.fixture
def sample(ledger: Ledger) -> Contract:
    for member in (MINT, ALICE, BOB):
        ledger.member(member)
    return ledger.deploy("sample", "sample.py", 1_000, by=MINT)


def test_the_deployer_has_the_supply(sample: Contract) -> None:
    assert sample.balance_of(MINT) == sample.total() == 1_000


def test_a_transfer_moves_and_is_announced(ledger: Ledger, sample: Contract) -> None:
    sample.transfer(to=ALICE, amount=30)
    sample.by(ALICE).transfer(to=BOB, amount=10)
    assert [sample.balance_of(party) for party in (MINT, ALICE, BOB)] == [970, 20, 10]
    assert ledger.events[-1].fields == {"sender": ALICE, "to": BOB, "amount": 10}


@pytest.mark.parametrize(
    ("amount", "code"), [(0, "amount_out_of_range"), (-1, "amount_out_of_range"), (1_001, "insufficient_balance")]
)
def test_wrong_amounts_are_refused(ledger: Ledger, sample: Contract, amount: int, code: str) -> None:
    with ledger.fails(code):
        sample.transfer(ALICE, amount)
    assert sample.balance_of(MINT) == 1_000


def test_an_allowance_is_used_up(ledger: Ledger, sample: Contract) -> None:
    sample.allow(spender=ALICE, amount=50)
    sample.by(ALICE).transfer_from(owner=MINT, to=BOB, amount=40)
    with ledger.fails("allowance_exceeded"):
        sample.by(ALICE).transfer_from(owner=MINT, to=BOB, amount=11)
    assert sample.balance_of(BOB) == 40


def test_parties_have_names(ledger: Ledger, sample: Contract) -> None:
    with ledger.fails("party_malformed"):
        sample.transfer("", 1)
    with ledger.fails("amount_out_of_range"):
        sample.allow(ALICE, -1)
    with ledger.fails("amount_out_of_range"):
        ledger.deploy("empty", "sample.py", 0)


def test_nothing_is_made_or_lost(ledger: Ledger, sample: Contract) -> None:
    """Whoever calls whatever in whichever order, the balances add up to the supply."""

    def balances_add_up() -> None:
        assert sum(ledger.entries("sample", "balances").values()) == 1_000

    explore(ledger, invariants=[balances_add_up], stories=25, may_never_succeed=["transfer_from"])
