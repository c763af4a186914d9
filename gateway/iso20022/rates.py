"""What a message's amounts and its exchange rate say together, and the rate in the ledger's terms.

The ledger counts minor units on both sides and knows no currency's number of digits, so its rate is "minor units of
the second currency for one minor unit of the first". It pays out `source x rate`, rounded down.
"""

from fractions import Fraction
from typing import Final

from gateway.iso20022.errors import Iso20022Error
from gateway.iso20022.message import CreditTransfer
from gateway.iso20022.values import RATE_FRACTION_DIGITS_MAX, Money, Rate, minor_digits

SCALE_MAX: Final = 18
"""Digits behind the point of a rate on the ledger."""


def source_of(transfer: CreditTransfer) -> Money:
    """Return what the sender's side gives: the instructed amount if it is in another currency than the settlement.

    Within one currency the amounts differ by charges alone, which were settled elsewhere: what moves is the
    settlement amount.
    """
    instructed = transfer.instructed
    if instructed is None or instructed.currency == transfer.settlement.currency:
        return transfer.settlement
    return instructed


def notes_of(transfer: CreditTransfer) -> tuple[str, ...]:
    """Return what the gateway made of the message without being told so."""
    notes = []
    same = transfer.instructed is None or transfer.instructed.currency == transfer.settlement.currency
    if same and transfer.rate is not None:
        notes.append("exchange rate ignored: both amounts are in the same currency")
    if same and transfer.instructed is not None and transfer.instructed != transfer.settlement:
        notes.append("the settlement amount is what moves; the instructed amount differs from it by charges")
    return tuple(notes)


def check_rate(transfer: CreditTransfer, path: str) -> None:
    """Refuse two currencies without a rate, and amounts that the rate does not explain.

    A rate may be quoted either way round, in the precision in which it is written, and charges may have been taken
    from either amount, so it is enough that one of these readings fits.
    """
    source = source_of(transfer)
    target = transfer.settlement
    if source.currency == target.currency:
        return
    if transfer.rate is None:
        message = f"{source.currency} and {target.currency} stand here without a rate"
        raise Iso20022Error("exchange_rate_missing", f"{path}/XchgRate", message)
    if not any(_explains(transfer.rate, gave, got) for gave, got in _readings(transfer)):
        message = f"a rate of {transfer.rate} does not lead from {source} to {target}"
        raise Iso20022Error("exchange_rate_disagrees", f"{path}/XchgRate", message)


def ledger_rate(transfer: CreditTransfer) -> Rate:
    """Return a rate at which the ledger turns the source amount into exactly the settlement amount.

    It is the message's own rate if that leads there, otherwise the smallest rate of SCALE_MAX digits that does.
    """
    source = source_of(transfer)
    target = transfer.settlement
    if source.currency == target.currency:
        return Rate(1, 0)
    shift = minor_digits(target.currency, "") - minor_digits(source.currency, "")
    if transfer.rate is not None:
        stated = _shifted(transfer.rate, shift)
        if source.minor_units * stated.digits // 10**stated.scale == target.minor_units:
            return stated
    for scale in range(RATE_FRACTION_DIGITS_MAX, SCALE_MAX + 1):
        digits = -(-target.minor_units * 10**scale // source.minor_units)
        if digits < 2**63 and source.minor_units * digits // 10**scale == target.minor_units:
            return Rate(digits, scale)
    raise Iso20022Error(
        "exchange_rate_disagrees", "/Document", f"no rate of {SCALE_MAX} digits leads to {target.minor_units}"
    )


def _shifted(rate: Rate, digits: int) -> Rate:
    """Return the rate between minor units, where the second currency has `digits` more of them than the first."""
    if digits >= rate.scale:
        return Rate(rate.digits * 10 ** (digits - rate.scale), 0)
    return Rate(rate.digits, rate.scale - digits)


def _readings(transfer: CreditTransfer) -> list[tuple[Fraction, Fraction]]:
    source = source_of(transfer)
    target = transfer.settlement
    taken = {currency: Fraction(0) for currency in (source.currency, target.currency)}
    for charge in transfer.charges:
        taken[charge.currency] = taken.get(charge.currency, Fraction(0)) + charge.major()
    gross = (source.major(), target.major())
    net = (source.major() - taken[source.currency], target.major() + taken[target.currency])
    return [gross, net] if net[0] > 0 else [gross]


def _explains(rate: Rate, gave: Fraction, got: Fraction) -> bool:
    """Tell whether the rate, in the precision in which it is written, leads from one amount to the other."""
    step = Fraction(1, 10**rate.scale)
    cent = Fraction(1, 100)
    low, high = rate.fraction() - step, rate.fraction() + step
    forward = gave * low - cent <= got <= gave * high + cent
    backward = got * low - cent <= gave <= got * high + cent
    return forward or backward
