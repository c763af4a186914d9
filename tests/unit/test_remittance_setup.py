"""Rules of participants, money, corridors and quotes: each is broken on purpose and must leave no trace."""

from typing import Any

import pytest
from test_remittance_world import (
    DAY_MS,
    HK,
    PH,
    QUOTE_MS,
    START,
    UETR,
    UETR_2,
    UETR_3,
    World,
    corridor_terms,
    quote_terms,
    transfer_terms,
)


@pytest.fixture
def world() -> World:
    return World()


SETTING_UP = [
    ("nobody", "admit", ["X", "x", "institution"], "role_missing"),
    ("hkma", "admit", ["X", "x", "bank"], "kind_unknown"),
    ("hkma", "admit", ["", "x", "institution"], "id_malformed"),
    ("hkma", "admit", ["X" * 101, "x", "institution"], "id_malformed"),
    ("bsp", "admit", [HK, "phwallet", "institution"], "participant_taken"),
    ("hkwallet", "open_currency", ["EUR"], "role_missing"),
    ("rival", "open_currency", ["HKD"], "currency_taken"),
    ("rival", "open_currency", ["hkd"], "currency_malformed"),
    ("rival", "open_currency", ["EURO"], "currency_malformed"),
    ("hkwallet", "deposit", ["in-9", HK, "HKD", 1], "role_missing"),
    ("rival", "deposit", ["in-9", HK, "HKD", 1], "not_your_currency"),
    ("clearbank", "deposit", ["in-9", HK, "EUR", 1], "currency_unknown"),
    ("clearbank", "deposit", ["in-9", "NOBODY", "HKD", 1], "participant_unknown"),
    ("clearbank", "deposit", ["in-9", HK, "HKD", 0], "amount_out_of_range"),
    ("clearbank", "deposit", ["in-9", HK, "HKD", -1], "amount_out_of_range"),
    ("clearbank", "deposit", ["in-1", HK, "HKD", 10_000_001], "deposit_conflict"),
    ("hkwallet", "open_corridor", corridor_terms(corridor="C2"), "role_missing"),
    ("hkma", "open_corridor", corridor_terms(corridor="C2", source_currency="EUR"), "currency_unknown"),
    ("hkma", "open_corridor", corridor_terms(corridor="C2", senders=[]), "partners_out_of_range"),
    ("hkma", "open_corridor", corridor_terms(corridor="C2", senders=[HK] * 101), "partners_out_of_range"),
    ("hkma", "open_corridor", corridor_terms(corridor="C2", receivers=["fxhouse"]), "institution_unknown"),
    ("hkma", "open_corridor", corridor_terms(corridor="C2", fx_provider=PH), "fx_provider_unknown"),
    ("hkma", "open_corridor", corridor_terms(corridor="C2", sender_day_max=0), "amount_out_of_range"),
    ("hkma", "open_corridor", corridor_terms(corridor="C2", transfer_ms=0), "duration_out_of_range"),
    ("hkma", "open_corridor", corridor_terms(sender_day_max=2_000_000), "corridor_conflict"),
    ("hkma", "approve_corridor", ["C9"], "corridor_unknown"),
    ("mas", "approve_corridor", ["HKD-PHP"], "corridor_not_proposed"),
    ("hkwallet", "approve_corridor", ["HKD-PHP"], "role_missing"),
    ("mas", "suspend_corridor", ["HKD-PHP", "NARR"], "not_your_corridor"),
    ("hkma", "suspend_corridor", ["HKD-PHP", ""], "reason_malformed"),
    ("hkwallet", "quote", quote_terms(quote="Q2"), "not_your_participant"),
    ("fxhouse", "quote", quote_terms(quote="Q2", corridor="C9"), "corridor_unknown"),
    ("fxhouse", "quote", quote_terms(quote="Q2", sender=PH), "sender_not_in_corridor"),
    ("fxhouse", "quote", quote_terms(quote="Q2", rate=0), "rate_out_of_range"),
    ("fxhouse", "quote", quote_terms(quote="Q2", rate_scale=19), "rate_out_of_range"),
    ("fxhouse", "quote", quote_terms(quote="Q2", fee=-1), "amount_out_of_range"),
    ("fxhouse", "quote", quote_terms(quote="Q2", amount_max=0), "amount_out_of_range"),
    ("fxhouse", "quote", quote_terms(quote="Q2", valid_ms=DAY_MS + 1), "duration_out_of_range"),
    ("fxhouse", "quote", quote_terms(rate=73126), "quote_conflict"),
    ("hkwallet", "request_redemption", ["out-1", PH, "PHP", 1], "not_your_participant"),
    ("hkwallet", "request_redemption", ["out-1", HK, "HKD", 10_000_001], "funds_insufficient"),
    ("hkwallet", "request_redemption", ["out-1", HK, "EUR", 1], "currency_unknown"),
    ("clearbank", "confirm_redemption", ["out-9"], "redemption_unknown"),
    ("phwallet", "pay_out", [UETR_3], "transfer_unknown"),
]


@pytest.mark.parametrize(("organisation", "method", "args", "code"), SETTING_UP)
def test_setting_up_is_refused(world: World, organisation: str, method: str, args: list[Any], code: str) -> None:
    assert world.run(organisation, method, *args) == code


def test_everything_may_be_sent_again(world: World) -> None:
    world.again("hkma", "admit", HK, "hkwallet", "institution")
    world.again("clearbank", "open_currency", "HKD")
    world.again("clearbank", "deposit", "in-1", HK, "HKD", 10_000_000)
    world.again("hkma", "open_corridor", *corridor_terms())
    world.again("bsp", "approve_corridor", "HKD-PHP")
    world.again("fxhouse", "quote", *quote_terms())


def test_a_corridor_needs_two_regulators(world: World) -> None:
    world.do("hkma", "open_corridor", *corridor_terms(corridor="C2"))
    assert world.run("hkma", "approve_corridor", "C2") == "corridor_needs_other_regulator"
    assert world.run("fxhouse", "quote", *quote_terms(quote="Q2", corridor="C2")) == "corridor_not_open"
    assert world.run("hkma", "suspend_corridor", "C2", "NARR") == "corridor_not_open"
    assert world.run("hkma", "resume_corridor", "C2") == "corridor_not_suspended"


def test_a_suspended_corridor_finishes_what_it_has(world: World) -> None:
    world.do("hkwallet", "accept", *transfer_terms())
    world.do("bsp", "suspend_corridor", "HKD-PHP", "RR04")
    world.again("hkma", "suspend_corridor", "HKD-PHP", "RR04")
    assert world.run("hkwallet", "accept", *transfer_terms(uetr=UETR_2)) == "corridor_not_open"
    assert world.run("fxhouse", "quote", *quote_terms(quote="Q2")) == "corridor_not_open"
    world.screen_both()
    world.do("phwallet", "pay_out", UETR)
    assert world.run("mas", "resume_corridor", "HKD-PHP") == "not_your_corridor"
    world.do("hkma", "resume_corridor", "HKD-PHP")
    world.again("bsp", "resume_corridor", "HKD-PHP")
    assert world.see("corridor_of", "HKD-PHP")["state"] == "open"


def test_redemption_takes_money_out_once(world: World) -> None:
    world.do("hkwallet", "request_redemption", "out-1", HK, "HKD", 400)
    world.again("hkwallet", "request_redemption", "out-1", HK, "HKD", 400)
    assert world.run("hkwallet", "request_redemption", "out-1", HK, "HKD", 401) == "redemption_conflict"
    assert world.money(HK, "HKD") == (9_999_600, 400)
    assert world.run("hkwallet", "confirm_redemption", "out-1") == "role_missing"
    assert world.run("rival", "confirm_redemption", "out-1") == "not_your_currency"
    world.do("clearbank", "confirm_redemption", "out-1")
    world.again("clearbank", "confirm_redemption", "out-1")
    assert world.run("clearbank", "refuse_redemption", "out-1", "NARR") == "redemption_not_open"
    assert world.see("conservation", "HKD") == {
        "issued": 10_000_000,
        "held": 9_999_600,
        "locked": 0,
        "paid_out": 400,
        "difference": 0,
        "accounts": 1,
    }
    world.do("hkwallet", "request_redemption", "out-2", HK, "HKD", 600)
    world.do("clearbank", "refuse_redemption", "out-2", "NARR")
    world.again("clearbank", "refuse_redemption", "out-2", "NARR")
    assert world.run("clearbank", "confirm_redemption", "out-2") == "redemption_not_open"
    assert world.money(HK, "HKD") == (9_999_600, 0)
    assert world.see("redemption_of", "out-2")["state"] == "refused"


def test_conservation_adds_up_more_accounts_than_a_page(world: World) -> None:
    for number in range(201):
        world.ledger.call("hkma.ops", "remittance", "admit", f"P{number}", "x", "institution", roles=["regulator"])
        deposit = [f"p-{number}", f"P{number}", "HKD", 10]
        world.ledger.call("clearbank.ops", "remittance", "deposit", *deposit, roles=["settlement_bank"])
    found = world.see("conservation", "HKD")
    assert (found["accounts"], found["issued"], found["held"]) == (202, 10_002_010, 10_002_010)


def test_unknown_things_are_unknown(world: World) -> None:
    for view, code in (
        ("participant", "participant_unknown"),
        ("corridor_of", "corridor_unknown"),
        ("quote_of", "quote_unknown"),
        ("transfer_of", "transfer_unknown"),
        ("redemption_of", "redemption_unknown"),
        ("conservation", "currency_unknown"),
    ):
        assert world.ledger.view("remittance", view, "nothing").code == code
    assert world.see("participant", HK) == {"organisation": "hkwallet", "kind": "institution"}
    assert world.see("quote_of", "Q1")["expires_at"] == START + QUOTE_MS
    assert world.money(HK, "PHP") == (0, 0)
