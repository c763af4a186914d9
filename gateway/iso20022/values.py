"""Checks of single values: amounts, currencies, rates, and identifiers with a checksum of their own.

Amounts leave here as integers in the currency's minor units, rates as (integer, scale): no float is ever made.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final

from iso4217 import Currency
from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from stdnum import lei as stdnum_lei
from stdnum.exceptions import ValidationError

from gateway.iso20022.errors import Iso20022Error
from gateway.iso20022.xml import Node

AMOUNT_DIGITS_MAX: Final = 18
AMOUNT_FRACTION_DIGITS_MAX: Final = 5
RATE_DIGITS_MAX: Final = 11
RATE_FRACTION_DIGITS_MAX: Final = 10
MINOR_UNITS_MAX: Final = 10**17
"""The ledger's limit for one amount, low enough that many of them add up within 64 bits."""

CHARGE_BEARERS: Final = frozenset({"DEBT", "CRED", "SHAR", "SLEV"})

_DECIMAL: Final = re.compile(r"\+?(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?")
_UETR: Final = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}")
_BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Za-z0-9]{1,30}")
_ZONE: Final = r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
_DATE: Final = re.compile(r"(?P<plain>[0-9]{4}-[0-9]{2}-[0-9]{2})" + _ZONE)
_TIME: Final = re.compile(r"(?P<plain>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?" + _ZONE)
_LEI: Final = re.compile(r"[A-Z0-9]{18}[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the minor units of a currency."""

    minor_units: int
    currency: str

    def major(self) -> Fraction:
        """Return the amount in whole units of the currency."""
        return Fraction(self.minor_units, 10 ** minor_digits(self.currency, ""))

    def __str__(self) -> str:
        digits = minor_digits(self.currency, "")
        padded = str(self.minor_units).rjust(digits + 1, "0")
        written = f"{padded[:-digits]}.{padded[-digits:]}" if digits else padded
        return f"{written} {self.currency}"


@dataclass(frozen=True, slots=True)
class Rate:
    """An exchange rate: `digits` divided by ten to the power of `scale`."""

    digits: int
    scale: int

    def fraction(self) -> Fraction:
        """Return the rate as an exact number."""
        return Fraction(self.digits, 10**self.scale)

    def __str__(self) -> str:
        padded = str(self.digits).rjust(self.scale + 1, "0")
        return f"{padded[: -self.scale]}.{padded[-self.scale :]}" if self.scale else padded


@dataclass(frozen=True, slots=True)
class _Decimal:
    whole: str
    fraction: str


def minor_digits(code: str, path: str) -> int:
    """Return how many digits a currency has behind the point (ISO 4217)."""
    try:
        currency = Currency(code)
    except ValueError as error:
        raise Iso20022Error("currency_unknown", path, f"{code!r} is no currency of ISO 4217") from error
    if currency.exponent is None:
        raise Iso20022Error(
            "currency_not_money", path, f"{code} ({currency.currency_name}) is no currency that can be paid in"
        )
    return int(currency.exponent)


def money(node: Node, path: str, *, zero_allowed: bool = False) -> Money:
    """Return the amount that an element with a `Ccy` attribute holds."""
    code = node.attributes["Ccy"]
    digits = minor_digits(code, f"{path}/@Ccy")
    number = _decimal(node.text, "amount_invalid", path)
    significant = number.fraction.rstrip("0")
    if len(significant) > AMOUNT_FRACTION_DIGITS_MAX or len(number.whole + significant) > AMOUNT_DIGITS_MAX:
        raise Iso20022Error("amount_digits", path, f"{node.text} has more than 18 digits, or 5 behind the point")
    if len(number.fraction) > digits:
        raise Iso20022Error("amount_minor_units", path, f"{node.text}: {code} has {digits} digits behind the point")
    minor_units = int(number.whole + number.fraction.ljust(digits, "0"))
    if minor_units == 0 and not zero_allowed:
        raise Iso20022Error("amount_zero", path, "the amount is zero")
    if minor_units > MINOR_UNITS_MAX:
        raise Iso20022Error("amount_too_large", path, f"{node.text} {code} is more than this ledger takes at once")
    return Money(minor_units, code)


def rate(text: str, path: str) -> Rate:
    """Return an exchange rate."""
    number = _decimal(text, "exchange_rate_invalid", path)
    fraction = number.fraction.rstrip("0")
    if len(fraction) > RATE_FRACTION_DIGITS_MAX or len(number.whole + fraction) > RATE_DIGITS_MAX:
        raise Iso20022Error("exchange_rate_invalid", path, f"{text} has more than 11 digits, or 10 behind the point")
    digits = int(number.whole + fraction)
    if digits == 0:
        raise Iso20022Error("exchange_rate_invalid", path, "the rate is zero")
    return Rate(digits, len(fraction))


def decimal_sum(text: str, path: str) -> Fraction:
    """Return a control sum, which adds up amounts without regard to their currencies."""
    number = _decimal(text, "control_sum", path)
    return Fraction(int(number.whole + number.fraction), 10 ** len(number.fraction))


def _decimal(text: str, code: str, path: str) -> _Decimal:
    match = _DECIMAL.fullmatch(text.strip(" \t\r\n"))
    if match is None or not (match["whole"] or match["fraction"]):
        raise Iso20022Error(code, path, f"{text!r} is no non-negative decimal number")
    return _Decimal(match["whole"].lstrip("0") or "0", match["fraction"] or "")


def uetr(text: str, path: str) -> str:
    """Return a UETR: a random UUID in lower case."""
    if _UETR.fullmatch(text) is None:
        raise Iso20022Error("uetr_invalid", path, f"{text!r} is no version 4 UUID in lower case")
    return text


def bic(text: str, path: str) -> str:
    """Return a BIC in its long form; the eight-character form means the head office, XXX."""
    if _BIC.fullmatch(text) is None:
        raise Iso20022Error("bic_invalid", path, f"{text!r} has not the form of a BIC")
    return text if len(text) == 11 else text + "XXX"


def iban(text: str, path: str) -> str:
    """Return an IBAN whose length and checksum are right for its country."""
    if _IBAN.fullmatch(text) is None:
        raise Iso20022Error("iban_invalid", path, f"{text!r} has not the form of an IBAN")
    try:
        return str(IBAN(text))
    except SchwiftyException as error:
        raise Iso20022Error("iban_invalid", path, f"{text}: {error}") from error


def lei(text: str, path: str) -> str:
    """Return a legal entity identifier whose checksum is right (ISO 17442)."""
    try:
        if _LEI.fullmatch(text) is None:
            raise Iso20022Error("lei_invalid", path, f"{text!r} has not the form of an LEI")
        return str(stdnum_lei.validate(text))
    except ValidationError as error:
        raise Iso20022Error("lei_invalid", path, f"{text}: {error}") from error


def charge_bearer(text: str, path: str) -> str:
    """Return who bears the charges."""
    if text not in CHARGE_BEARERS:
        raise Iso20022Error("charge_bearer_unknown", path, f"{text!r} is none of {', '.join(sorted(CHARGE_BEARERS))}")
    return text


def iso_date(text: str, path: str) -> str:
    """Return a date, with the time zone that it may carry."""
    return _calendar(_DATE, text, "date", path)


def iso_time(text: str, path: str) -> str:
    """Return a date and time as it was written."""
    return _calendar(_TIME, text, "date and time", path)


def _calendar(pattern: re.Pattern[str], text: str, what: str, path: str) -> str:
    stripped = text.strip(" \t\r\n")
    match = pattern.fullmatch(stripped)
    try:
        if match is None:
            raise ValueError(f"{what} has another form")
        datetime.fromisoformat(match["plain"])
    except ValueError as error:
        raise Iso20022Error("date_invalid", path, f"{text!r} is no {what}: {error}") from error
    return stripped
