"""A plan that makes a fresh ledger ready for given transfers: participants, corridor, funds and quotes.

It serves demonstrations and tests. Messages name arbitrary banks, so every debtor's agent is entered as an institution
of the sending demo party, every creditor's agent as one of the receiving party; a bank that stands on both sides
belongs to the sending party and screens for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from gateway.iso20022.rates import ledger_rate
from gateway.iso20022.submit import CONTRACT, PreparedTransfer

QUOTE_VALID_MS: Final = 60 * 60 * 1000
TRANSFER_VALID_MS: Final = 24 * 60 * 60 * 1000
STEP_GAS: Final = 20_000
"""Gas limit that is enough for any step of a plan."""

LIMIT: Final = 10**17
"""Limits of a fitted corridor in minor units: nothing that a message can carry exceeds them."""


class PlanStep(NamedTuple):
    """A call, and the member who has to sign it."""

    member: str
    contract: str
    method: str
    args: list[Any]


@dataclass(frozen=True, slots=True)
class Parties:
    """Members who sign the steps of a plan; an organisation is what stands before the point."""

    sender: str = "hkwallet.ops"
    receiver: str = "phwallet.ops"
    fx_provider: str = "fxhouse.ops"
    settlement_bank: str = "clearbank.ops"
    sender_regulator: str = "hkma.ops"
    receiver_regulator: str = "bsp.ops"


DEMO_PARTIES: Final = Parties()


def fit_corridor(transfers: Sequence[PreparedTransfer], parties: Parties = DEMO_PARTIES) -> list[PlanStep]:
    """Return the calls after which a fresh ledger accepts these transfers; a step stands in the plan once."""
    fx_id = _organisation(parties.fx_provider)
    steps: list[PlanStep] = []
    organisations: dict[str, str] = {}
    for transfer in transfers:
        organisations.setdefault(transfer.sender, _organisation(parties.sender))
    for transfer in transfers:
        organisations.setdefault(transfer.receiver, _organisation(parties.receiver))
    admit = parties.sender_regulator
    for institution, organisation in organisations.items():
        steps.append(_step(admit, "admit", institution, organisation, "institution"))
    steps.append(_step(admit, "admit", fx_id, fx_id, "fx_provider"))
    for transfer in transfers:
        for step in _steps_for(transfer, fx_id, parties):
            if step not in steps:
                steps.append(step)
    return steps


def _steps_for(transfer: PreparedTransfer, fx_id: str, parties: Parties) -> list[PlanStep]:
    bank = parties.settlement_bank
    source, target = transfer.source, transfer.target
    corridor = f"{source.currency}.{target.currency}.{transfer.sender}.{transfer.receiver}"
    terms = {
        "source_currency": source.currency,
        "target_currency": target.currency,
        "senders": [transfer.sender],
        "receivers": [transfer.receiver],
        "fx_provider": fx_id,
        "sender_day_max": LIMIT,
        "corridor_day_max": LIMIT,
        "transfer_ms": TRANSFER_VALID_MS,
    }
    rate = ledger_rate(transfer.transfer)
    offer = {
        "corridor": corridor,
        "sender": transfer.sender,
        "rate": rate.digits,
        "rate_scale": rate.scale,
        "fee": 0,
        "amount_max": source.minor_units,
        "valid_ms": QUOTE_VALID_MS,
    }
    steps = [_step(bank, "open_currency", currency) for currency in dict.fromkeys((source.currency, target.currency))]
    steps += [
        _step(parties.sender_regulator, "open_corridor", corridor, terms),
        _step(parties.receiver_regulator, "approve_corridor", corridor),
        _step(bank, "deposit", f"fit-{transfer.uetr}-source", transfer.sender, source.currency, source.minor_units),
        _step(parties.fx_provider, "quote", transfer.quote_id, offer),
    ]
    if source.currency != target.currency:
        inventory = f"fit-{transfer.uetr}-target"
        steps.append(_step(bank, "deposit", inventory, fx_id, target.currency, target.minor_units))
    return steps


def _step(member: str, method: str, *args: Any) -> PlanStep:
    return PlanStep(member, CONTRACT, method, list(args))


def _organisation(member: str) -> str:
    return member.partition(".")[0]
