"""Guards of operators: exact types, limits checked before anything is allocated, gas by size.

Contract code executes no Python operator on its values but comparisons of integers; it calls one of these. Everything
that is wrong with the operands raises Failed here, so that no exception of Python's decides an outcome.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from contracts.engine.errors import Failed
from contracts.engine.limits import INTEGER_MAX, INTEGER_MIN, LIST_LENGTH_MAX, SHIFT_MAX, TEXT_LENGTH_MAX
from contracts.engine.run import Run

Guard = Callable[..., Any]

DECIMAL: Final = re.compile(r"-?[0-9]{1,78}", re.ASCII)
INTEGER_BITS: Final = 256
MACHINE_WORD: Final = 2**63
"""Integers from here on take longer to write than the price of a short one pays for."""


def integer(value: Any) -> int:
    """Return a value that must be an integer."""
    if type(value) is not int:
        raise Failed(f"expected int, not {type(value).__name__}")
    return value


def bounded(value: int) -> int:
    """Return an integer that must fit 256 bits."""
    if INTEGER_MIN <= value <= INTEGER_MAX:
        return value
    raise Failed("integer exceeds 256 bits")


def length_checked(kind: type, length: int) -> None:
    """Refuse a text, bytes or list that would be too long."""
    if length > (LIST_LENGTH_MAX if kind is list else TEXT_LENGTH_MAX):
        raise Failed(f"{kind.__name__} of length {length} is too long")


def number_guards(run: Run) -> dict[str, Guard]:
    """Return the guards of arithmetic."""
    return {
        **_sums(run),
        **_products(run),
        "subtract": subtract,
        "power": power,
        "shift_left": shift_left,
        "shift_right": lambda left, right: integer(left) >> _shift(right),
        "bit_and": lambda left, right: integer(left) & integer(right),
        "bit_or": lambda left, right: integer(left) | integer(right),
        "bit_xor": lambda left, right: integer(left) ^ integer(right),
        "negate": lambda value: bounded(-integer(value)),
        "absolute": lambda value: bounded(abs(integer(value))),
        "floor_divide": floor_divide,
        "modulo": modulo,
        "integer_of": integer_of,
        "text_of": number_text(run),
    }


def _sums(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def add(left: Any, right: Any) -> Any:
        kind = type(left)
        if kind is type(right):
            if kind is int:
                result = left + right
                if INTEGER_MIN <= result <= INTEGER_MAX:
                    return result
                raise Failed("integer exceeds 256 bits")
            if kind is str or kind is bytes or kind is list:
                length = len(left) + len(right)
                length_checked(kind, length)
                per_unit = prices.slots_per_unit if kind is list else prices.characters_per_unit
                run.charge(prices.subscript + length // per_unit)
                return left + right
        raise Failed(f"cannot add {type(left).__name__} and {type(right).__name__}")

    def add_in_place(left: Any, right: Any) -> Any:
        if type(left) is not list or type(right) is not list:
            return add(left, right)
        length_checked(list, len(left) + len(right))
        run.charge(len(right) // prices.slots_per_unit)
        left.extend(right)
        return left

    return {"add": add, "add_in_place": add_in_place}


def _products(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def multiply(left: Any, right: Any) -> Any:
        kind = type(left)
        if type(right) is int:
            if kind is int:
                return bounded(left * right)
            if kind is str or kind is bytes or kind is list:
                length = len(left) * max(right, 0)
                length_checked(kind, length)
                per_unit = prices.slots_per_unit if kind is list else prices.characters_per_unit
                run.charge(prices.subscript + length // per_unit)
                # A count that does not fit a machine word is an error of Python's even where the result is empty.
                return left * right if length else left[:0]
        raise Failed(f"cannot multiply {kind.__name__} by {type(right).__name__}")

    def total(values: Any) -> int:
        if type(values) is not list:
            raise Failed("sum takes a list of integers")
        run.charge(len(values) * prices.item)
        return bounded(sum(integer(value) for value in values))

    return {"multiply": multiply, "total": total}


def subtract(left: Any, right: Any) -> int:
    """Return the difference of two integers."""
    if type(left) is int and type(right) is int:
        result: int = left - right
        if INTEGER_MIN <= result <= INTEGER_MAX:
            return result
        raise Failed("integer exceeds 256 bits")
    raise Failed(f"cannot subtract {type(right).__name__} from {type(left).__name__}")


def power(base: Any, exponent: Any) -> int:
    """Return an integer to the power of another one, refused before it is computed when it cannot fit."""
    if integer(exponent) < 0:
        raise Failed("negative exponent")
    if abs(integer(base)) > 1 and (exponent > INTEGER_BITS or base.bit_length() * exponent > 2 * INTEGER_BITS):
        raise Failed("integer exceeds 256 bits")
    if abs(base) <= 1:
        return 1 if exponent == 0 or base == 1 else 0 if base == 0 else 1 - 2 * (exponent % 2)
    result: int = base**exponent
    return bounded(result)


def shift_left(value: Any, count: Any) -> int:
    """Return an integer shifted to the left."""
    return bounded(integer(value) << _shift(count))


def _shift(count: Any) -> int:
    if not 0 <= integer(count) <= SHIFT_MAX:
        raise Failed(f"shift by {count} is outside of 0 to {SHIFT_MAX}")
    return int(count)


def floor_divide(left: Any, right: Any) -> int:
    """Return the quotient rounded towards minus infinity."""
    if integer(right) == 0:
        raise Failed("division by zero")
    return bounded(integer(left) // right)


def modulo(left: Any, right: Any) -> int:
    """Return the remainder, which has the sign of the divisor."""
    if integer(right) == 0:
        raise Failed("division by zero")
    return integer(left) % int(right)


def integer_of(value: Any) -> int:
    """Return the integer that a text of decimal digits stands for; an optional minus, nothing else."""
    if type(value) is int:
        return value
    if type(value) is not str or len(value) > 79 or DECIMAL.fullmatch(value) is None:
        raise Failed("int() takes decimal digits")
    return bounded(int(value))


def number_text(run: Run) -> Guard:
    """Return the guard that writes an integer in decimal digits."""
    prices = run.prices

    def text_of(value: Any) -> str:
        if type(value) is int:
            if not -MACHINE_WORD <= value < MACHINE_WORD:
                run.charge(prices.wide_integer_text)
            return str(value)
        if type(value) is str:
            return value
        raise Failed(f"str() takes int or str, not {type(value).__name__}")

    return text_of
