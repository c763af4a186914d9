"""Exact numbers on their way to the ledger, which has integers only.

Quantities become integers in millionths of their unit; sensor values become a pair (integer, scale) that keeps every
digit they were written with.
"""

from decimal import Decimal
from typing import Any, Final

from gateway.epcis.errors import EpcisError

QUANTITY_SCALE: Final = 6
QUANTITY_MAX: Final = 10**15
"""In millionths; far below 64 bits, so that sums of many stay there too."""
SENSOR_DIGITS_MAX: Final = 15
SENSOR_SCALE_MAX: Final = 12


def scaled_quantity(number: int | Decimal, path: str) -> int:
    """Return a quantity in millionths.

    Raises:
        EpcisError: when it has more than six decimals, or is too large.
    """
    scaled = Decimal(number).scaleb(QUANTITY_SCALE)
    if scaled != scaled.to_integral_value():
        raise EpcisError("quantity_precision", path, f"{number} has more than {QUANTITY_SCALE} decimals")
    if scaled > QUANTITY_MAX:
        raise EpcisError("number_out_of_range", path, f"{number} is more than a ledger can count")
    return int(scaled)


def common_scale(numbers: list[int | Decimal], path: str) -> tuple[list[int], int]:
    """Return sensor values as integers and the one scale that they share.

    Raises:
        EpcisError: when a value has too many digits.
    """
    exact = [Decimal(number) for number in numbers]
    scale = max([0, *(-_exponent(number) for number in exact)])
    integers = [int(number.scaleb(scale)) for number in exact]
    if scale > SENSOR_SCALE_MAX or any(abs(integer) >= 10**SENSOR_DIGITS_MAX for integer in integers):
        raise EpcisError("number_out_of_range", path, "a sensor value has too many digits")
    return integers, scale


def _exponent(number: Decimal) -> int:
    exponent: Any = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "the reader lets finite numbers through only"
    return exponent
