"""Rules of transfers: each is broken on purpose, must give its code, and must leave no trace."""

from typing import Any

import pytest
from test_remittance_world import (
    DAY_MS,
    HASH,
    HK,
    PH,
    QUOTE_MS,
    START,
    TRANSFER_MS,
    UETR,
    UETR_2,
    UETR_3,
    UNLIMITED,
    World,
    corridor_terms,
    quote_terms,
    transfer_terms,
)


@pytest.fixture
def world() -> World:
    return World()


def test_events_carry_nothing_about_the_sender(world: World) -> None:
    world.pay()
    assert "sender-1" not in repr(world.ledger.events)


def test_what_arrives_is_rounded_down(world: World) -> None:
    assert world.run("hkwallet", "accept", *transfer_terms(source_amount=7, target_amount=52)) == "amount_not_as_quoted"
    world.do("hkwallet", "accept", *transfer_terms(source_amount=7, target_amount=51))  # 51.1875


ACCEPTANCE = [
    ({"uetr": "not-a-uetr"}, "uetr_malformed"),
    ({"uetr": UETR.upper()}, "uetr_malformed"),
    ({"uetr": UETR.replace("-4a3b", "-1a3b")}, "uetr_malformed"),
    ({"uetr": UETR.replace("-b909", "-7909")}, "uetr_malformed"),
    ({"uetr": UETR.replace("-", "0")}, "uetr_malformed"),
    ({"quote": "Q9"}, "quote_unknown"),
    ({"sender": "OTHER"}, "not_your_participant"),
    ({"sender": "NOBODY"}, "participant_unknown"),
    ({"receiver": "OTHER"}, "receiver_not_in_corridor"),
    ({"receiver": HK}, "receiver_not_in_corridor"),
    ({"source_currency": "PHP"}, "currency_not_as_quoted"),
    ({"target_currency": "HKD"}, "currency_not_as_quoted"),
    ({"source_amount": 0, "target_amount": 0}, "amount_out_of_range"),
    ({"source_amount": -800_000, "target_amount": -5_850_000}, "amount_out_of_range"),
    ({"source_amount": 10**17 + 1}, "amount_out_of_range"),
    ({"target_amount": 5_850_001}, "amount_not_as_quoted"),
    ({"target_amount": 5_849_999}, "amount_not_as_quoted"),
    ({"source_amount": 6_000_000, "target_amount": 43_875_000}, "quote_exhausted"),
    ({"source_amount": 1_000_001, "target_amount": 7_312_507}, "sender_limit_exceeded"),
    ({"charge_bearer": "OUR"}, "charge_bearer_unknown"),
    ({"sender_reference": ""}, "id_malformed"),
    ({"travel_rule": b"Teresita"}, "travel_rule_malformed"),
]


@pytest.mark.parametrize(("changes", "code"), ACCEPTANCE)
def test_acceptance_is_refused(world: World, changes: dict[str, Any], code: str) -> None:
    assert world.run("hkwallet", "accept", *transfer_terms(**changes)) == code


def test_only_the_senders_institution_accepts(world: World) -> None:
    assert world.run("phwallet", "accept", *transfer_terms()) == "not_your_participant"
    assert world.run("nobody", "accept", *transfer_terms()) == "not_your_participant"
    outcome = world.ledger.call("hkwallet.clerk", "remittance", "accept", *transfer_terms(), roles=[])
    assert outcome.code == "role_missing"
    assert world.run("fxhouse", "accept", *transfer_terms(sender="fxhouse")) == "not_an_institution"


def test_a_uetr_is_used_once(world: World) -> None:
    world.do("hkwallet", "accept", *transfer_terms())
    world.again("hkwallet", "accept", *transfer_terms())
    for change in ({"source_amount": 8, "target_amount": 58}, {"quote": "Q2"}, {"travel_rule": b"\x12" * 32}):
        assert world.run("hkwallet", "accept", *transfer_terms(**change)) == "uetr_used"
    world.do("hkwallet", "cancel", UETR, "CUST")
    world.again("hkwallet", "accept", *transfer_terms())
    assert world.state() == ("cancelled", "CUST")


def test_an_expired_quote_cannot_be_used(world: World) -> None:
    assert world.run("hkwallet", "accept", *transfer_terms(), at=START + QUOTE_MS + 1) == "quote_expired"
    world.ledger.time = START + QUOTE_MS
    world.do("hkwallet", "accept", *transfer_terms())
    world.ledger.time = START + QUOTE_MS + 1
    world.again("hkwallet", "accept", *transfer_terms())


def test_a_quote_is_for_one_sender_and_one_amount(world: World) -> None:
    world.do("hkma", "open_corridor", *corridor_terms(corridor="C2", senders=[HK, "OTHER"], sender_day_max=UNLIMITED))
    world.do("bsp", "approve_corridor", "C2")
    world.do("fxhouse", "quote", *quote_terms(quote="Q2", corridor="C2", sender="OTHER", amount_max=900_000))
    assert world.run("hkwallet", "accept", *transfer_terms(quote="Q2")) == "quote_for_another_sender"
    world.do("clearbank", "deposit", "in-9", "OTHER", "HKD", 5_000_000)
    world.do("other", "accept", *transfer_terms(quote="Q2", sender="OTHER"))
    second = transfer_terms(uetr=UETR_2, quote="Q2", sender="OTHER")
    assert world.run("other", "accept", *second) == "quote_exhausted"
    world.do("other", "cancel", UETR, "CUST")
    assert world.run("other", "accept", *second) == "quote_exhausted"


def test_the_limit_of_a_senders_day(world: World) -> None:
    world.do("hkwallet", "accept", *transfer_terms())
    over = transfer_terms(uetr=UETR_2, source_amount=200_001, target_amount=1_462_507)
    assert world.run("hkwallet", "accept", *over) == "sender_limit_exceeded"
    world.do("hkwallet", "accept", *transfer_terms(uetr=UETR_2, source_amount=200_000, target_amount=1_462_500))
    world.do("hkwallet", "accept", *transfer_terms(uetr=UETR_3, sender_reference="sender-2"))


def test_a_released_transfer_gives_the_limit_back(world: World) -> None:
    world.do("hkwallet", "accept", *transfer_terms())
    second = transfer_terms(uetr=UETR_2)
    assert world.run("hkwallet", "accept", *second) == "sender_limit_exceeded"
    world.do("phwallet", "reject", UETR, "AC04")
    assert world.see("sent_on_day", "HKD-PHP", 20_000) == 0
    world.do("hkwallet", "accept", *second)


def test_the_next_day_has_a_limit_of_its_own(world: World) -> None:
    world.do("hkwallet", "accept", *transfer_terms())
    world.do("fxhouse", "quote", *quote_terms(quote="Q2"), at=START + DAY_MS)
    world.do("hkwallet", "accept", *transfer_terms(uetr=UETR_2, quote="Q2"))
    world.do("hkwallet", "cancel", UETR, "CUST")
    assert world.see("sent_on_day", "HKD-PHP", 20_000) == 0
    assert world.see("sent_on_day", "HKD-PHP", 20_001) == 800_000


def test_the_limit_of_a_corridors_day(world: World) -> None:
    world.do("hkwallet", "accept", *transfer_terms())
    world.do("hkwallet", "accept", *transfer_terms(uetr=UETR_2, sender_reference="sender-2"))
    third = transfer_terms(uetr=UETR_3, sender_reference="sender-3", source_amount=200_001, target_amount=1_462_507)
    assert world.run("hkwallet", "accept", *third) == "corridor_limit_exceeded"


def test_funds_and_inventory_must_be_there(world: World) -> None:
    world.do("hkwallet", "request_redemption", "out-1", HK, "HKD", 9_198_501)
    assert world.run("hkwallet", "accept", *transfer_terms()) == "funds_insufficient"
    world.do("clearbank", "refuse_redemption", "out-1", "NARR")
    world.do("fxhouse", "request_redemption", "out-2", "fxhouse", "PHP", 94_150_001)
    assert world.run("hkwallet", "accept", *transfer_terms()) == "inventory_insufficient"


def test_no_payout_without_both_screenings(world: World) -> None:
    world.do("hkwallet", "accept", *transfer_terms())
    assert world.run("phwallet", "pay_out", UETR) == "screening_missing"
    world.do("hkwallet", "screen", UETR, "sender", True, "", HASH)
    assert world.run("phwallet", "pay_out", UETR) == "screening_missing"
    world.do("phwallet", "screen", UETR, "receiver", True, "", HASH)
    assert world.run("hkwallet", "pay_out", UETR) == "not_your_participant"
    world.do("phwallet", "pay_out", UETR)
    world.again("phwallet", "pay_out", UETR)


@pytest.mark.parametrize(("organisation", "side"), [("hkwallet", "sender"), ("phwallet", "receiver")])
def test_a_failed_screening_rejects_and_releases(world: World, organisation: str, side: str) -> None:
    world.do("hkwallet", "accept", *transfer_terms())
    world.do(organisation, "screen", UETR, side, False, "RR04", HASH)
    assert world.state() == ("rejected", "RR04")
    assert world.money(HK, "HKD") == (10_000_000, 0)
    assert world.money("fxhouse", "PHP") == (100_000_000, 0)
    world.again(organisation, "screen", UETR, side, False, "RR04", HASH)
    assert world.run("phwallet", "pay_out", UETR) == "transfer_not_open"


SCREENING = [
    ("hkwallet", ["middle", True, "", HASH], "side_unknown"),
    ("phwallet", ["sender", True, "", HASH], "not_your_participant"),
    ("hkwallet", ["receiver", True, "", HASH], "not_your_participant"),
    ("fxhouse", ["sender", True, "", HASH], "not_your_participant"),
    ("hkwallet", ["sender", True, "", b"\x12" * 32], "travel_rule_mismatch"),
    ("hkwallet", ["sender", True, "RR04", HASH], "reason_malformed"),
    ("hkwallet", ["sender", False, "", HASH], "reason_malformed"),
    ("hkwallet", ["sender", False, "rr04", HASH], "reason_malformed"),
]


@pytest.mark.parametrize(("organisation", "args", "code"), SCREENING)
def test_screening_is_refused(world: World, organisation: str, args: list[Any], code: str) -> None:
    world.do("hkwallet", "accept", *transfer_terms())
    assert world.run(organisation, "screen", UETR, *args) == code


def test_a_screening_stands_once_recorded(world: World) -> None:
    world.do("hkwallet", "accept", *transfer_terms())
    world.do("hkwallet", "screen", UETR, "sender", True, "", HASH)
    world.again("hkwallet", "screen", UETR, "sender", True, "", HASH)
    assert world.run("hkwallet", "screen", UETR, "sender", False, "RR04", HASH) == "screening_conflict"


@pytest.mark.parametrize(
    ("organisation", "method", "state"), [("phwallet", "reject", "rejected"), ("hkwallet", "cancel", "cancelled")]
)
def test_both_sides_may_end_an_open_transfer(world: World, organisation: str, method: str, state: str) -> None:
    world.do("hkwallet", "accept", *transfer_terms())
    world.screen_both()
    stranger = "hkwallet" if organisation == "phwallet" else "phwallet"
    assert world.run(stranger, method, UETR, "AC04") == "not_your_participant"
    assert world.run(organisation, method, UETR, "because") == "reason_malformed"
    world.do(organisation, method, UETR, "AC04")
    world.again(organisation, method, UETR, "AC04")
    assert world.state() == (state, "AC04")
    assert world.money(HK, "HKD") == (10_000_000, 0)
    assert world.money("fxhouse", "PHP") == (100_000_000, 0)
    assert world.run(organisation, method, UETR, "AC06") == "transfer_not_open"
    assert world.run("phwallet", "pay_out", UETR) == "transfer_not_open"
    assert world.run("nobody", "expire", UETR, at=START + 2 * TRANSFER_MS) == "transfer_not_open"


def test_a_paid_transfer_cannot_be_ended(world: World) -> None:
    world.pay()
    assert world.run("hkwallet", "cancel", UETR, "CUST") == "transfer_not_open"
    assert world.run("phwallet", "reject", UETR, "AC04") == "transfer_not_open"
    assert world.run("nobody", "expire", UETR, at=START + 2 * TRANSFER_MS) == "transfer_not_open"


def test_a_transfer_expires(world: World) -> None:
    world.do("hkwallet", "accept", *transfer_terms())
    world.screen_both()
    assert world.run("nobody", "expire", UETR, at=START + TRANSFER_MS) == "transfer_not_expired"
    assert world.run("phwallet", "pay_out", UETR, at=START + TRANSFER_MS + 1) == "transfer_expired"
    world.do("nobody", "expire", UETR)
    world.again("nobody", "expire", UETR)
    assert world.state() == ("expired", "AB05")
    assert world.money(HK, "HKD") == (10_000_000, 0)


def test_a_return_gives_back_what_arrived(world: World) -> None:
    world.do("hkwallet", "accept", *transfer_terms())
    assert world.run("phwallet", "return_funds", UETR, "AC04") == "transfer_not_paid_out"
    world.screen_both()
    world.do("phwallet", "pay_out", UETR)
    assert world.run("hkwallet", "return_funds", UETR, "AC04") == "not_your_participant"
    assert world.run("phwallet", "return_funds", UETR, "") == "reason_malformed"
    world.do("phwallet", "return_funds", UETR, "AC04")
    world.again("phwallet", "return_funds", UETR, "AC04")
    assert world.run("phwallet", "return_funds", UETR, "AC06") == "transfer_not_paid_out"
    assert world.state() == ("returned", "AC04")
    assert world.money(HK, "PHP") == (5_850_000, 0)
    assert world.money(PH, "PHP") == (0, 0)


def test_what_was_taken_out_cannot_be_returned(world: World) -> None:
    world.pay()
    world.do("phwallet", "request_redemption", "out-1", PH, "PHP", 1)
    assert world.run("phwallet", "return_funds", UETR, "AC04") == "funds_insufficient"
    assert world.state() == ("paid_out", "")


def test_within_one_currency_no_inventory_is_needed(world: World) -> None:
    world.do("hkma", "open_corridor", *corridor_terms(corridor="HKD-HKD", target_currency="HKD"))
    world.do("bsp", "approve_corridor", "HKD-HKD")
    wrong = quote_terms(quote="Q2", corridor="HKD-HKD", rate=11, rate_scale=1)
    assert world.run("fxhouse", "quote", *wrong) == "rate_not_one"
    world.do("fxhouse", "quote", *quote_terms(quote="Q2", corridor="HKD-HKD", rate=10, rate_scale=1))
    world.do("hkwallet", "accept", *transfer_terms(quote="Q2", target_currency="HKD", target_amount=800_000))
    world.screen_both()
    world.do("phwallet", "pay_out", UETR)
    assert world.money(PH, "HKD") == (800_000, 0)
    assert world.money("fxhouse", "HKD") == (1500, 0)


def test_one_institution_may_stand_on_both_sides(world: World) -> None:
    world.do("hkma", "open_corridor", *corridor_terms(corridor="C2", receivers=[HK]))
    world.do("bsp", "approve_corridor", "C2")
    world.do("fxhouse", "quote", *quote_terms(quote="Q2", corridor="C2"))
    world.do("hkwallet", "accept", *transfer_terms(quote="Q2", receiver=HK))
    world.do("hkwallet", "screen", UETR, "sender", True, "", HASH)
    assert world.run("hkwallet", "pay_out", UETR) == "screening_missing"
    world.do("hkwallet", "screen", UETR, "receiver", True, "", HASH)
    world.do("hkwallet", "pay_out", UETR)
    assert world.money(HK, "PHP") == (5_850_000, 0)
