"""A world for the tests of the remittance contract, and a transfer that goes well in it."""

from functools import cache
from pathlib import Path
from typing import Any

from contracts.engine.runtime import Engine
from contracts.engine.testkit import Harness

SOURCE = (Path(__file__).parents[2] / "contracts" / "library" / "remittance.py").read_text(encoding="utf-8")
ROLES = {
    "hkwallet": ["institution"],
    "phwallet": ["institution"],
    "other": ["institution"],
    "fxhouse": ["fx_provider"],
    "clearbank": ["settlement_bank"],
    "rival": ["settlement_bank"],
    "hkma": ["regulator"],
    "bsp": ["regulator"],
    "mas": ["regulator"],
    "nobody": [],
}
HK, PH = "HBWLHKHHXXX", "ISWLPHMMXXX"
UETR = "c963cfe0-afae-4a3b-b909-6a04e7d80068"
UETR_2 = "26b563b1-e794-4e14-a145-4c40c439f34a"
UETR_3 = "36b563b1-e794-4e14-a145-4c40c439f34a"
HASH = b"\x11" * 32
DAY_MS = 86_400_000
START = 20_000 * DAY_MS
QUOTE_MS = 60_000
TRANSFER_MS = 3_600_000
UNLIMITED = 10**17


@cache
def compiled_once() -> Engine:
    return Engine()


class World:
    """An open corridor from HKD to PHP, funds on both sides, and a quote of 7.3125 with a fee of 15 HKD."""

    def __init__(self) -> None:
        self.ledger = Harness(compiled_once())
        assert self.ledger.deploy("remittance", SOURCE).code is None, self.ledger.failure
        self.ledger.time = START
        self.do("clearbank", "open_currency", "HKD")
        self.do("clearbank", "open_currency", "PHP")
        self.do("hkma", "admit", HK, "hkwallet", "institution")
        self.do("bsp", "admit", PH, "phwallet", "institution")
        self.do("bsp", "admit", "OTHER", "other", "institution")
        self.do("hkma", "admit", "fxhouse", "fxhouse", "fx_provider")
        self.do("hkma", "open_corridor", *corridor_terms())
        self.do("bsp", "approve_corridor", "HKD-PHP")
        self.do("clearbank", "deposit", "in-1", HK, "HKD", 10_000_000)
        self.do("clearbank", "deposit", "in-2", "fxhouse", "PHP", 100_000_000)
        self.do("fxhouse", "quote", *quote_terms())

    def run(self, organisation: str, method: str, *args: Any, at: int | None = None) -> str | None:
        """Call a method and return its code; a failed call must leave nothing behind."""
        before = (self.ledger.state.items("remittance"), list(self.ledger.events))
        sender = f"{organisation}.ops"
        outcome = self.ledger.call(sender, "remittance", method, *args, roles=ROLES[organisation], time=at)
        if outcome.code is not None:
            assert (self.ledger.state.items("remittance"), self.ledger.events) == before
        for currency in ("HKD", "PHP"):
            if self.ledger.view("remittance", "conservation", currency).code is None:
                assert self.see("conservation", currency)["difference"] == 0
        assert self.see("money_is_conserved") == self.see("locked_money_has_one_purpose") == []
        return outcome.code

    def do(self, organisation: str, method: str, *args: Any, at: int | None = None) -> None:
        code = self.run(organisation, method, *args, at=at)
        assert code is None, (method, code, self.ledger.failure)

    def again(self, organisation: str, method: str, *args: Any) -> None:
        """Repeat a call: it must answer False, change nothing and announce nothing."""
        before = (self.ledger.state.items("remittance"), list(self.ledger.events))
        sender = f"{organisation}.ops"
        outcome = self.ledger.call(sender, "remittance", method, *args, roles=ROLES[organisation])
        assert (outcome.code, outcome.value) == (None, False), self.ledger.failure
        assert (self.ledger.state.items("remittance"), self.ledger.events) == before

    def see(self, view: str, *args: Any) -> Any:
        outcome = self.ledger.view("remittance", view, *args)
        assert outcome.code is None, (view, outcome.code, self.ledger.failure)
        return outcome.value

    def money(self, participant: str, currency: str) -> tuple[int, int]:
        account = self.see("balance", participant, currency)
        return account["held"], account["locked"]

    def state(self, uetr: str = UETR) -> tuple[str, str]:
        transfer = self.see("transfer_of", uetr)
        return transfer["state"], transfer["reason"]

    def screen_both(self, uetr: str = UETR) -> None:
        self.do("hkwallet", "screen", uetr, "sender", True, "", HASH)
        self.do("phwallet", "screen", uetr, "receiver", True, "", HASH)

    def pay(self, uetr: str = UETR) -> None:
        self.do("hkwallet", "accept", *transfer_terms(uetr=uetr))
        self.screen_both(uetr)
        self.do("phwallet", "pay_out", uetr)


def corridor_terms(corridor: str = "HKD-PHP", **changes: Any) -> list[Any]:
    terms = {
        "source_currency": "HKD",
        "target_currency": "PHP",
        "senders": [HK],
        "receivers": [PH],
        "fx_provider": "fxhouse",
        "sender_day_max": 1_000_000,
        "corridor_day_max": 1_800_000,
        "transfer_ms": TRANSFER_MS,
    }
    return [corridor, terms | changes]


def quote_terms(quote: str = "Q1", **changes: Any) -> list[Any]:
    terms = {
        "corridor": "HKD-PHP",
        "sender": HK,
        "rate": 73125,
        "rate_scale": 4,
        "fee": 1500,
        "amount_max": 5_000_000,
        "valid_ms": QUOTE_MS,
    }
    return [quote, terms | changes]


def transfer_terms(uetr: str = UETR, **changes: Any) -> list[Any]:
    terms = {
        "quote": "Q1",
        "sender": HK,
        "receiver": PH,
        "source_currency": "HKD",
        "source_amount": 800_000,
        "target_currency": "PHP",
        "target_amount": 5_850_000,
        "charge_bearer": "DEBT",
        "sender_reference": "sender-1",
        "travel_rule": HASH,
    }
    return [uetr, terms | changes]


def test_a_transfer_from_acceptance_to_payout() -> None:
    world = World()
    world.do("hkwallet", "accept", *transfer_terms())
    assert world.money(HK, "HKD") == (10_000_000 - 801_500, 801_500)
    assert world.money("fxhouse", "PHP") == (100_000_000 - 5_850_000, 5_850_000)
    assert world.see("sent_on_day", "HKD-PHP", 20_000) == 800_000
    world.screen_both()
    world.do("phwallet", "pay_out", UETR)
    assert world.state() == ("paid_out", "")
    assert world.money(HK, "HKD") == (9_198_500, 0)
    assert world.money("fxhouse", "HKD") == (801_500, 0)
    assert world.money("fxhouse", "PHP") == (94_150_000, 0)
    assert world.money(PH, "PHP") == (5_850_000, 0)
    names = [event.name for event in world.ledger.events]
    assert names[-4:] == ["Accepted", "Screened", "Screened", "PaidOut"]
    assert all(event.fields["by"].endswith(".ops") for event in world.ledger.events)
