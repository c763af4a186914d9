"""Random sequences of calls, right and wrong ones: money is conserved, limits hold, and every transfer ends once.

The test keeps its own books from the calls that succeeded, and compares them with what the contract says.
"""

from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contracts.engine.runtime import Engine
from contracts.engine.testkit import Harness

SOURCE = (Path(__file__).parents[2] / "contracts" / "library" / "remittance.py").read_text(encoding="utf-8")
ROLES = {
    "hkwallet": ["institution"],
    "phwallet": ["institution"],
    "fxhouse": ["fx_provider"],
    "clearbank": ["settlement_bank"],
    "hkma": ["regulator"],
    "bsp": ["regulator"],
}
OWNERS = {"HK": "hkwallet", "PH": "phwallet", "FX": "fxhouse"}
CURRENCIES = ("HKD", "PHP")
DAY_MS = 86_400_000
SENDER_DAY_MAX = 900
CORRIDOR_DAY_MAX = 1500
TRANSFER_MS = 40_000_000
HASH = b"\x01" * 32
UETRS = tuple(f"00000000-0000-4000-8000-00000000000{digit}" for digit in range(10))
OPEN, PAID = "accepted", ("paid_out", "returned")

organisations = st.sampled_from(sorted(ROLES))
participants = st.sampled_from(sorted(OWNERS))
uetrs = st.sampled_from(UETRS)
amounts = st.sampled_from([-1, 0, 1, 50, 99, 150, 300, 450, 700, 1001])


@cache
def compiled_once() -> Engine:
    return Engine()


class Books(RuleBasedStateMachine):
    """Calls at random, and books of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Harness(compiled_once())
        self.issued = dict.fromkeys(CURRENCIES, 0)
        self.paid_out = dict.fromkeys(CURRENCIES, 0)
        self.requested: dict[str, tuple[str, int]] = {}
        self.accepted_day: dict[str, int] = {}
        self.quote_ends: dict[str, int] = {}
        self.ended: dict[str, str] = {}
        self.counter = 0

    def call(self, organisation: str, method: str, *args: Any) -> Any:
        """Call a method; return its value, or None if it failed, in which case nothing may have changed."""
        before = self.ledger.state.items("remittance")
        outcome = self.ledger.call(f"{organisation}.ops", "remittance", method, *args, roles=ROLES[organisation])
        if outcome.code is None:
            return outcome.value
        assert outcome.code not in ("contract_error", "out_of_gas", "invalid_arguments"), self.ledger.failure
        assert self.ledger.state.items("remittance") == before
        return None

    def see(self, view: str, *args: Any) -> Any:
        outcome = self.ledger.view("remittance", view, *args)
        return outcome.value if outcome.code is None else None

    def transfers(self) -> dict[str, Any]:
        return {uetr: self.see("transfer_of", uetr) for uetr in self.accepted_day}

    @initialize()
    def open(self) -> None:
        assert self.ledger.deploy("remittance", SOURCE).code is None
        self.ledger.time = 20_000 * DAY_MS
        for currency in CURRENCIES:
            assert self.call("clearbank", "open_currency", currency)
        for participant, organisation in OWNERS.items():
            assert self.call("hkma", "admit", participant, organisation, ROLES[organisation][0])
        for corridor, target in (("FOREIGN", "PHP"), ("HOME", "HKD")):
            terms = {
                "source_currency": "HKD",
                "target_currency": target,
                "senders": ["HK"],
                "receivers": ["PH", "HK"],
                "fx_provider": "FX",
                "sender_day_max": SENDER_DAY_MAX,
                "corridor_day_max": CORRIDOR_DAY_MAX,
                "transfer_ms": TRANSFER_MS,
            }
            assert self.call("hkma", "open_corridor", corridor, terms)
            assert self.call("bsp", "approve_corridor", corridor)
        for participant, currency in (("HK", "HKD"), ("FX", "PHP")):
            self.bring(participant, currency, 3000, "clearbank")
        for corridor in ("FOREIGN", "HOME"):
            self.offer(corridor, 7, 1, 3, DAY_MS)

    @rule(participant=participants, currency=st.sampled_from(CURRENCIES), amount=amounts, by=organisations)
    def bring(self, participant: str, currency: str, amount: int, by: str) -> None:
        self.counter += 1
        if self.call(by, "deposit", f"in-{self.counter}", participant, currency, amount):
            assert by == "clearbank"
            assert amount > 0
            self.issued[currency] += amount

    @rule(participant=participants, currency=st.sampled_from(CURRENCIES), amount=amounts)
    def ask_for_redemption(self, participant: str, currency: str, amount: int) -> None:
        self.counter += 1
        if self.call(OWNERS[participant], "request_redemption", f"out-{self.counter}", participant, currency, amount):
            self.requested[f"out-{self.counter}"] = (currency, amount)

    @precondition(lambda self: self.requested)
    @rule(data=st.data(), confirmed=st.booleans(), by=st.sampled_from(["clearbank", "phwallet"]))
    def answer_redemption(self, data: st.DataObject, confirmed: bool, by: str) -> None:
        redemption = data.draw(st.sampled_from(sorted(self.requested)))
        extra = [] if confirmed else ["NARR"]
        if self.call(by, "confirm_redemption" if confirmed else "refuse_redemption", redemption, *extra):
            currency, amount = self.requested.pop(redemption)
            if confirmed:
                self.paid_out[currency] += amount

    @rule(
        corridor=st.sampled_from(["FOREIGN", "HOME"]),
        rate=st.integers(1, 30),
        scale=st.integers(0, 1),
        fee=st.integers(0, 20),
        valid_ms=st.sampled_from([1000, DAY_MS, DAY_MS]),
    )
    def offer(self, corridor: str, rate: int, scale: int, fee: int, valid_ms: int) -> None:
        self.counter += 1
        quote = f"Q{self.counter}"
        terms = {
            "corridor": corridor,
            "sender": "HK",
            "rate": 10**scale if corridor == "HOME" else rate,
            "rate_scale": scale,
            "fee": fee,
            "amount_max": 1000,
            "valid_ms": valid_ms,
        }
        if self.call("fxhouse", "quote", quote, terms):
            self.quote_ends[quote] = self.ledger.time + valid_ms

    @precondition(lambda self: self.quote_ends)
    @rule(
        data=st.data(),
        uetr=uetrs,
        receiver=st.sampled_from(["PH", "HK"]),
        amount=amounts,
        reference=st.sampled_from(["ann", "ben"]),
        off_by=st.sampled_from([0, 0, 0, 1]),
    )
    def accept(self, data: st.DataObject, uetr: str, receiver: str, amount: int, reference: str, off_by: int) -> None:
        quote = data.draw(st.sampled_from(sorted(self.quote_ends)))
        offer = self.see("quote_of", quote)["terms"]
        terms = {
            "quote": quote,
            "sender": "HK",
            "receiver": receiver,
            "source_currency": "HKD",
            "source_amount": amount,
            "target_currency": "HKD" if offer["corridor"] == "HOME" else "PHP",
            "target_amount": amount * offer["rate"] // 10 ** offer["rate_scale"] + off_by,
            "charge_bearer": "DEBT",
            "sender_reference": reference,
            "travel_rule": HASH,
        }
        if self.call("hkwallet", "accept", uetr, terms):
            assert uetr not in self.accepted_day
            assert self.ledger.time <= self.quote_ends[quote]
            assert off_by == 0
            self.accepted_day[uetr] = self.ledger.time // DAY_MS

    def some_transfer(self, data: st.DataObject) -> tuple[str, str]:
        """Draw an accepted transfer, and somebody who mostly is its recipient's institution."""
        uetr = data.draw(st.sampled_from(sorted(self.accepted_day)))
        receiver = OWNERS[self.see("transfer_of", uetr)["terms"]["receiver"]]
        return uetr, data.draw(st.sampled_from([receiver, receiver, receiver, "hkwallet", "clearbank"]))

    @precondition(lambda self: self.accepted_day)
    @rule(data=st.data(), side=st.sampled_from(["sender", "receiver"]), passed=st.sampled_from([True, True, False]))
    def screen(self, data: st.DataObject, side: str, passed: bool) -> None:
        uetr, by = self.some_transfer(data)
        self.call(by, "screen", uetr, side, passed, "" if passed else "RR04", HASH)

    @precondition(lambda self: self.accepted_day)
    @rule(data=st.data())
    def screen_both(self, data: st.DataObject) -> None:
        uetr, by = self.some_transfer(data)
        self.call("hkwallet", "screen", uetr, "sender", True, "", HASH)
        self.call(by, "screen", uetr, "receiver", True, "", HASH)

    @precondition(lambda self: self.accepted_day)
    @rule(data=st.data(), method=st.sampled_from(["reject", "cancel", "return_funds", "return_funds", "expire"]))
    def end(self, data: st.DataObject, method: str) -> None:
        uetr, by = self.some_transfer(data)
        self.call(by, method, uetr, *([] if method == "expire" else ["AC04"]))

    @precondition(lambda self: self.accepted_day)
    @rule(data=st.data())
    def pay_out(self, data: st.DataObject) -> None:
        uetr, by = self.some_transfer(data)
        before = self.see("transfer_of", uetr)
        if self.call(by, "pay_out", uetr):
            assert by == OWNERS[before["terms"]["receiver"]]
            assert before["sender_screening"]["passed"]
            assert before["receiver_screening"]["passed"]
            assert self.ledger.time <= before["expires_at"]

    @rule(ms=st.sampled_from([1, 1000, 10_000_000, TRANSFER_MS + 1]))
    def wait(self, ms: int) -> None:
        self.ledger.time += ms

    @invariant()
    def money_is_conserved(self) -> None:
        locked = dict.fromkeys(CURRENCIES, 0)
        for currency, amount in self.requested.values():
            locked[currency] += amount
        for transfer in self.transfers().values():
            terms = transfer["terms"]
            if transfer["state"] == OPEN:
                locked["HKD"] += terms["source_amount"] + transfer["fee"]
                locked["PHP"] += terms["target_amount"] if terms["target_currency"] == "PHP" else 0
        for currency in CURRENCIES if self.issued["HKD"] else ():
            found = self.see("conservation", currency)
            assert found["difference"] == 0
            assert found["issued"] == self.issued[currency]
            assert found["paid_out"] == self.paid_out[currency]
            assert found["locked"] == locked[currency]
            accounts = [self.see("balance", participant, currency) for participant in OWNERS]
            assert all(account["held"] >= 0 and account["locked"] >= 0 for account in accounts)
            assert sum(account["held"] for account in accounts) == found["held"]

    @invariant()
    def limits_hold(self) -> None:
        by_corridor: dict[tuple[str, int], int] = {}
        by_sender: dict[tuple[str, str, int], int] = {}
        for uetr, transfer in self.transfers().items():
            if transfer["state"] not in (OPEN, *PAID):
                continue
            corridor, day, terms = transfer["corridor"], self.accepted_day[uetr], transfer["terms"]
            sender = (corridor, terms["sender_reference"], day)
            by_corridor[corridor, day] = by_corridor.get((corridor, day), 0) + terms["source_amount"]
            by_sender[sender] = by_sender.get(sender, 0) + terms["source_amount"]
        assert all(amount <= CORRIDOR_DAY_MAX for amount in by_corridor.values())
        assert all(amount <= SENDER_DAY_MAX for amount in by_sender.values())
        for (corridor, day), amount in by_corridor.items():
            assert self.see("sent_on_day", corridor, day) == amount

    @invariant()
    def a_transfer_ends_once(self) -> None:
        for uetr, transfer in self.transfers().items():
            state = transfer["state"]
            before = self.ended.get(uetr)
            assert before is None or before == state or (before, state) == PAID
            if state != OPEN:
                self.ended[uetr] = state


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=40, stateful_step_count=40, deadline=None, derandomize=True)


def test_a_planted_error_is_seen() -> None:
    """The sum is no constant: a contract that makes money out of nothing is found out."""
    planted = SOURCE.replace("accounts[currency, taker] = account.replace(held=account.held + amount)", PLANTED)
    assert planted != SOURCE
    ledger = Harness()
    assert ledger.deploy("remittance", planted).code is None, ledger.failure
    for organisation, method, args in (
        ("clearbank", "open_currency", ["HKD"]),
        ("hkma", "admit", ["HK", "hkwallet", "institution"]),
        ("hkma", "admit", ["FX", "fxhouse", "fx_provider"]),
        ("clearbank", "deposit", ["in-1", "HK", "HKD", 100]),
        ("hkma", "open_corridor", ["HOME", HOME]),
        ("bsp", "approve_corridor", ["HOME"]),
        ("fxhouse", "quote", ["Q", QUOTE]),
        ("hkwallet", "accept", [UETRS[0], TRANSFER]),
        ("hkwallet", "screen", [UETRS[0], "sender", True, "", HASH]),
        ("hkwallet", "screen", [UETRS[0], "receiver", True, "", HASH]),
        ("hkwallet", "pay_out", [UETRS[0]]),
    ):
        outcome = ledger.call(f"{organisation}.ops", "remittance", method, *args, roles=ROLES[organisation])
        assert outcome.code is None, (method, ledger.failure)
    assert ledger.view("remittance", "conservation", "HKD").value["difference"] == -2  # principal and fee


PLANTED = "accounts[currency, taker] = account.replace(held=account.held + amount + 1)"
HOME = {
    "source_currency": "HKD",
    "target_currency": "HKD",
    "senders": ["HK"],
    "receivers": ["HK"],
    "fx_provider": "FX",
    "sender_day_max": 100,
    "corridor_day_max": 100,
    "transfer_ms": 1000,
}
QUOTE = {"corridor": "HOME", "sender": "HK", "rate": 1, "rate_scale": 0, "fee": 1, "amount_max": 9, "valid_ms": 9}
TRANSFER = {
    "quote": "Q",
    "sender": "HK",
    "receiver": "HK",
    "source_currency": "HKD",
    "source_amount": 5,
    "target_currency": "HKD",
    "target_amount": 5,
    "charge_bearer": "SHAR",
    "sender_reference": "ann",
    "travel_rule": HASH,
}
