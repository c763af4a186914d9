"""Tests of the sample contract. Run: tally contract test"""

import pytest

from tallystick.testing import Contract, Ledger
from tallystick.testing.properties import explore

BUYER, SELLER = "acme.alice", "bolt.bob"


@pytest.fixture
def sample(ledger: Ledger) -> Contract:
    ledger.member(BUYER)
    ledger.member(SELLER)
    return ledger.deploy("sample", "sample.py").by(BUYER)


def test_a_delivery_in_time_is_earned(ledger: Ledger, sample: Contract) -> None:
    due = sample.place("o1", SELLER, amount=500, days=2)
    assert due == ledger.time + 2 * 86_400_000
    ledger.travel(due)
    sample.by(SELLER).deliver("o1")
    assert (sample.order_of("o1")["state"], sample.earned_by(SELLER)) == ("delivered", 500)
    assert [event.fields["state"] for event in ledger.find_events("Changed")] == ["placed", "delivered"]


def test_too_late_is_too_late(ledger: Ledger, sample: Contract) -> None:
    due = sample.place("o1", SELLER, 500, 2)
    with ledger.fails("too_early"):
        sample.take_back("o1")
    ledger.travel(due + 1)
    with ledger.fails("too_late"):
        sample.by(SELLER).deliver("o1")
    sample.take_back("o1")
    assert sample.earned_by(SELLER) == 0


def test_everybody_has_a_part_of_their_own(ledger: Ledger, sample: Contract) -> None:
    sample.place("o1", SELLER, 500, 2)
    with ledger.fails("not_the_seller"):
        sample.deliver("o1")
    ledger.advance(days=3)
    with ledger.fails("not_the_buyer"):
        sample.by(SELLER).take_back("o1")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"order": ""}, "order_malformed"),
        ({"order": "o1"}, "order_exists"),
        ({"seller": BUYER}, "seller_malformed"),
        ({"amount": 0}, "amount_out_of_range"),
        ({"days": 91}, "days_out_of_range"),
    ],
)
def test_wrong_orders_are_refused(ledger: Ledger, sample: Contract, change: dict[str, object], code: str) -> None:
    sample.place("o1", SELLER, 500, 2)
    with ledger.fails(code):
        sample.place(**{"order": "o2", "seller": SELLER, "amount": 500, "days": 2, **change})


def test_an_order_ends_once(ledger: Ledger, sample: Contract) -> None:
    sample.place("o1", SELLER, 500, 2)
    sample.by(SELLER).deliver("o1")
    with ledger.fails("order_closed"):
        sample.by(SELLER).deliver("o1")
    with ledger.fails("order_unknown"):
        sample.take_back("o2")


def test_what_is_earned_was_delivered(ledger: Ledger, sample: Contract) -> None:
    """Whoever calls whatever in whichever order, sellers have earned exactly what was delivered."""

    def earnings_are_deliveries() -> None:
        orders = ledger.entries("sample", "orders").values()
        delivered = sum(order["amount"] for order in orders if order["state"] == "delivered")
        assert sum(ledger.entries("sample", "earned").values()) == delivered

    explore(ledger, invariants=[earnings_are_deliveries], stories=25, may_never_succeed=["deliver", "take_back"])
