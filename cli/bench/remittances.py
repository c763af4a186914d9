"""The workload `remittance`: institutions on two sides accept transfers for their customers, as the library has it.

Before the load, currencies, participants, two corridors, deposits and quotes are agreed upon in the order in which
their parties would do it. Each transaction then accepts one transfer: a fresh UETR, one of ten thousand customers by
pseudonym, a wage between 200 and 8,000 HKD or what corresponds to it in PHP, the hash of the travel rule's data. As in
any ledger of this kind, all transfers of a side meet in the account of its institution and in the corridor's limit.
"""

import hashlib
from typing import Any, Final

from chain.transaction import Call
from chain.values import dataclass
from gateway.iso20022.corridor import DEMO_PARTIES, PlanStep

CONTRACT: Final = "remittance"
GAS_LIMIT: Final = 23_000
"""An acceptance uses up to 12,000 and for its bytes 8,700 more; room that is declared and not used, others lack."""
CUSTOMERS: Final = 10_000
RATE_SCALE: Final = 6
DEPOSIT: Final = 10**16
LIMIT: Final = 10**17
"""Of an amount in the contract: no limit of the corridors is reached by any load."""
TRANSFER_MS: Final = 24 * 3_600_000
QUOTE_MS: Final = 12 * 3_600_000
FX_PROVIDER: Final = "fxhouse"


@dataclass(frozen=True, slots=True)
class Side:
    """One direction: who sends, in what, at which rate."""

    member: str
    """Who signs for the sending institution."""
    sender: str
    """Its BIC."""
    receiver: str
    source: str
    target: str
    rate: int
    fee: int
    amount_min: int
    """Minor units of the source's currency."""
    amount_max: int

    @property
    def corridor(self) -> str:
        """The corridor's name."""
        return f"{self.source}-{self.target}"

    @property
    def quote(self) -> str:
        """The quote that all transfers of a run are accepted against."""
        return f"{self.source}{self.target}-20261122-1"


SIDES: Final = (
    Side("hkwallet.ops", "HBWLHKHHXXX", "ISWLPHMMXXX", "HKD", "PHP", 7_312_500, 1_500, 20_000, 800_000),
    Side("phwallet.ops", "ISWLPHMMXXX", "HBWLHKHHXXX", "PHP", "HKD", 136_752, 11_000, 146_250, 5_850_000),
)
"""Two institutions that send, so that neither fills its share of the mempool first."""


def setup_steps() -> list[PlanStep]:
    """Return the calls after which all transfers of the workload are accepted, in their order."""
    parties = DEMO_PARTIES
    bank, regulator, other_regulator = parties.settlement_bank, parties.sender_regulator, parties.receiver_regulator
    steps = [_step(bank, "open_currency", side.source) for side in SIDES]
    for side in SIDES:
        steps.append(_step(regulator, "admit", side.sender, side.member.partition(".")[0], "institution"))
    steps.append(_step(regulator, "admit", FX_PROVIDER, FX_PROVIDER, "fx_provider"))
    for side in SIDES:
        steps += [
            _step(regulator, "open_corridor", side.corridor, _corridor(side)),
            _step(other_regulator, "approve_corridor", side.corridor),
            _step(bank, "deposit", f"in-{side.source}-1", side.sender, side.source, DEPOSIT),
            _step(bank, "deposit", f"in-{side.source}-2", FX_PROVIDER, side.source, DEPOSIT),
            _step(parties.fx_provider, "quote", side.quote, _quote(side)),
        ]
    return steps


def acceptance(number: int) -> tuple[str, Call]:
    """Return the acceptance of a transfer, and the member who signs it; the same number is the same transfer."""
    side = SIDES[number % len(SIDES)]
    drawn = hashlib.sha256(f"transfer {number}".encode()).digest()
    customer = hashlib.sha256(f"customer {number * 7919 % CUSTOMERS}".encode()).hexdigest()[:24]
    amount = side.amount_min + int.from_bytes(drawn[:8], "big") % (side.amount_max - side.amount_min + 1)
    terms = {
        "quote": side.quote,
        "sender": side.sender,
        "receiver": side.receiver,
        "source_currency": side.source,
        "source_amount": amount,
        "target_currency": side.target,
        "target_amount": amount * side.rate // 10**RATE_SCALE,
        "charge_bearer": "DEBT",
        "sender_reference": customer,
        "travel_rule": hashlib.sha256(drawn).digest(),
    }
    return side.member, Call(CONTRACT, "accept", (uetr(drawn[8:24]), terms))


def uetr(drawn: bytes) -> str:
    """Return a version 4 UUID, in lower case, of sixteen drawn bytes."""
    fixed = bytearray(drawn)
    fixed[6], fixed[8] = fixed[6] & 0x0F | 0x40, fixed[8] & 0x3F | 0x80
    text = fixed.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _corridor(side: Side) -> dict[str, Any]:
    return {
        "source_currency": side.source,
        "target_currency": side.target,
        "senders": [side.sender],
        "receivers": [side.receiver],
        "fx_provider": FX_PROVIDER,
        "sender_day_max": LIMIT,
        "corridor_day_max": LIMIT,
        "transfer_ms": TRANSFER_MS,
    }


def _quote(side: Side) -> dict[str, Any]:
    return {
        "corridor": side.corridor,
        "sender": side.sender,
        "rate": side.rate,
        "rate_scale": RATE_SCALE,
        "fee": side.fee,
        "amount_max": LIMIT,
        "valid_ms": QUOTE_MS,
    }


def _step(member: str, method: str, *args: Any) -> PlanStep:
    return PlanStep(member, CONTRACT, method, list(args))
