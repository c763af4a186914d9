"""Guards of fixed-point arithmetic: exact in between, rounded once at the end, by a rule that the contract names."""

import re
from typing import Any, Final

from contracts.engine.errors import Failed
from contracts.engine.guards_numbers import Guard, bounded, integer
from contracts.engine.limits import COMPOUND_BITS_MAX, INTEGER_MAX, INTEGER_MIN, PLACES_MAX
from contracts.engine.run import Run

AMOUNT: Final = re.compile(r"(-?)([0-9]{1,78})(?:\.([0-9]{1,78}))?")
BASIS: Final = 10_000
"""Basis points in a whole."""


def amount_guards(run: Run) -> dict[str, Guard]:
    """Return the guards of fixed-point arithmetic."""

    def compound_rate(rate: Any, scale: Any, periods: Any, rounding: str) -> int:
        if integer(scale) <= 0 or integer(rate) < 0 or integer(periods) < 0:
            raise Failed("compound_rate takes a rate and periods of at least 0, and a scale of at least 1")
        bits = max(rate.bit_length(), scale.bit_length()) * periods
        if bits > COMPOUND_BITS_MAX:
            raise Failed(f"{bits} bits exceed the limit of {COMPOUND_BITS_MAX}; compound fewer periods at a time")
        run.charge(bits // run.prices.compounded_per_unit + (bits // run.prices.compounded_per_square) ** 2)
        return scale if periods == 0 else bounded(rounded(rate**periods, scale ** (periods - 1), rounding))

    return {
        "divide": lambda a, b, rounding: bounded(rounded(integer(a), integer(b), rounding)),
        "mul_div": lambda a, b, c, rounding: bounded(rounded(integer(a) * integer(b), integer(c), rounding)),
        "basis_points_of": lambda amount, points, rounding: bounded(
            rounded(integer(amount) * integer(points), BASIS, rounding)
        ),
        "rescale": rescale,
        "compound_rate": compound_rate,
        "format_amount": format_amount,
        "parse_amount": parse_amount,
    }


def rounded(numerator: int, denominator: int, rounding: str) -> int:
    """Return a quotient rounded by one of builtins.ROUNDINGS.

    Raises:
        Failed: for a zero denominator, or a remainder where the division has to be exact.
    """
    if denominator == 0:
        raise Failed("division by zero")
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, remainder = divmod(numerator, denominator)
    if remainder == 0:
        return quotient
    if rounding == "exact":
        raise Failed("the division leaves a remainder")
    return quotient + _goes_up(numerator, quotient, 2 * remainder - denominator, rounding)


def _goes_up(numerator: int, quotient: int, beyond_half: int, rounding: str) -> bool:
    """Tell whether an inexact quotient, which is rounded down so far, becomes the next greater integer."""
    match rounding:
        case "floor":
            return False
        case "ceil":
            return True
        case "down":
            return numerator < 0
        case "up":
            return numerator > 0
    if beyond_half:
        return beyond_half > 0
    match rounding:
        case "half_even":
            return quotient % 2 == 1
        case "half_up":
            return numerator > 0
        case "half_down":
            return numerator < 0
    raise AssertionError(f"the compiler lets no rounding {rounding} through")


def places(value: Any) -> int:
    """Return a number of decimal places."""
    if not 0 <= integer(value) <= PLACES_MAX:
        raise Failed(f"decimal places are 0 to {PLACES_MAX}")
    return int(value)


def rescale(amount: Any, from_places: Any, to_places: Any, rounding: str) -> int:
    """Return an amount in units with another number of decimal places."""
    more = places(to_places) - places(from_places)
    if more >= 0:
        return bounded(integer(amount) * 10**more)
    return bounded(rounded(integer(amount), 10**-more, rounding))


def format_amount(amount: Any, decimals: Any) -> str:
    """Return an amount in minor units as a decimal number with all its places."""
    count = places(decimals)
    digits = str(abs(integer(amount))).zfill(count + 1)
    sign = "-" if amount < 0 else ""
    return f"{sign}{digits[:-count]}.{digits[-count:]}" if count else sign + digits


def parse_amount(value: Any, decimals: Any) -> int | None:
    """Return the minor units that a decimal number stands for, or None for any other text."""
    count = places(decimals)
    if type(value) is not str:
        raise Failed(f"expected str, not {type(value).__name__}")
    match = AMOUNT.fullmatch(value) if len(value) <= 2 * PLACES_MAX else None
    if match is None or len(match[3] or "") > count:
        return None
    amount = int(match[2] + (match[3] or "").ljust(count, "0"))
    signed = -amount if match[1] else amount
    return signed if INTEGER_MIN <= signed <= INTEGER_MAX else None
