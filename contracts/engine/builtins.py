"""What every contract can call and read without declaring it: one table for compiler, manual and editors.

Signatures are in the syntax of Python stubs, with `Rounding` for literal text from ROUNDINGS and `T` for one type
throughout. How often something may be called with how many arguments, by which guard, and for which price stands here;
what it does is the guard's.
"""

from collections.abc import Mapping
from typing import Final

from chain.values import dataclass

ANY_COUNT: Final = 32

ROUNDINGS: Final[Mapping[str, str]] = {
    "floor": "towards minus infinity",
    "ceil": "towards plus infinity",
    "down": "towards zero",
    "up": "away from zero",
    "half_even": "to the nearest; of two, to the even one",
    "half_up": "to the nearest; of two, away from zero",
    "half_down": "to the nearest; of two, towards zero",
    "exact": "not at all: a remainder is a `contract_error`",
}
"""Way of rounding -> what it does."""


@dataclass(frozen=True, slots=True)
class Builtin:
    """A built-in function that takes its arguments without names."""

    signature: str
    text: str
    """What it returns, and what it refuses."""
    fewest: int
    most: int
    guard: str
    price: str
    """Name of its fixed price in gas.Prices; what more it costs by size, its guard charges."""
    rounds: bool = False
    """Its last argument is a way of rounding, written as literal text, with or without `rounding=`."""


BUILTIN_CALLS: Final[Mapping[str, Builtin]] = {
    # Values.
    "len": Builtin(
        "(x: str | bytes | list[T] | dict[str, T]) -> int", "number of its parts", 1, 1, "length", "operator"
    ),
    "str": Builtin(
        "(x: int | str) -> str", "an integer in decimal digits; text as it is", 1, 1, "text_of", "integer_text"
    ),
    "int": Builtin(
        "(x: str | int) -> int",
        "what an optional `-` and up to 78 decimal digits stand for; any other text is a `contract_error`",
        1,
        1,
        "integer_of",
        "text_integer",
    ),
    "list": Builtin(
        "(x: list[T] | dict[str, Any]) -> list[T]", "a copy; of a map its keys", 1, 1, "list_of", "builtin"
    ),
    "range": Builtin(
        "(start: int, stop: int = ..., step: int = 1) -> list[int]",
        "the numbers from start (0, if there is only one argument) to stop, which is left out; at most 65,536",
        1,
        3,
        "range_list",
        "builtin",
    ),
    "reversed": Builtin("(x: list[T]) -> list[T]", "a new list, backwards", 1, 1, "reversed_list", "builtin"),
    "any": Builtin("(x: list[bool]) -> bool", "whether one of them is True", 1, 1, "any_true", "builtin"),
    "all": Builtin("(x: list[bool]) -> bool", "whether all of them are True", 1, 1, "all_true", "builtin"),
    "min": Builtin(
        "(first: T | list[T], *others: T) -> T",
        "the least of integers, texts or bytes: of up to 32 arguments, or of a list",
        1,
        ANY_COUNT,
        "minimum",
        "builtin",
    ),
    "max": Builtin(
        "(first: T | list[T], *others: T) -> T", "the greatest; like `min`", 1, ANY_COUNT, "maximum", "builtin"
    ),
    # Numbers and amounts.
    "abs": Builtin("(x: int) -> int", "without its sign", 1, 1, "absolute", "operator"),
    "sum": Builtin("(x: list[int]) -> int", "all of them together; 0 for none", 1, 1, "total", "builtin"),
    "div": Builtin(
        "(a: int, b: int, rounding: Rounding) -> int", "a / b, rounded once", 3, 3, "divide", "fixed_point", rounds=True
    ),
    "mul_div": Builtin(
        "(a: int, b: int, c: int, rounding: Rounding) -> int",
        "a * b / c, computed exactly and rounded once",
        4,
        4,
        "mul_div",
        "mul_div",
        rounds=True,
    ),
    "basis_points_of": Builtin(
        "(amount: int, points: int, rounding: Rounding) -> int",
        "that many hundredths of a per cent of an amount: amount * points / 10,000, rounded once",
        3,
        3,
        "basis_points_of",
        "fixed_point",
        rounds=True,
    ),
    "rescale": Builtin(
        "(amount: int, from_places: int, to_places: int, rounding: Rounding) -> int",
        "the same amount with another number of decimal places, 0 to 76 each, rounded once if there are fewer",
        4,
        4,
        "rescale",
        "fixed_point",
        rounds=True,
    ),
    "compound_rate": Builtin(
        "(rate: int, scale: int, periods: int, rounding: Rounding) -> int",
        "(rate / scale) ** periods as a multiple of 1 / scale, computed exactly and rounded once; the bits of the "
        "larger of rate and scale times periods are at most 65,536",
        4,
        4,
        "compound_rate",
        "compound_rate",
        rounds=True,
    ),
    "format_amount": Builtin(
        "(amount: int, places: int) -> str",
        'an amount with its decimal places: `format_amount(-5, 2)` is `"-0.05"`',
        2,
        2,
        "format_amount",
        "amount_text",
    ),
    "parse_amount": Builtin(
        "(text: str, places: int) -> int | None",
        "what an optional `-`, digits, and up to `places` digits behind a point stand for; None for any other text",
        2,
        2,
        "parse_amount",
        "amount_text",
    ),
    # Dates and times.
    "format_time": Builtin(
        "(time: int) -> str", 'ISO 8601 in UTC: `"2026-03-01T12:30:00.000Z"`', 1, 1, "format_time", "time_text"
    ),
    "format_date": Builtin("(time: int) -> str", 'its UTC day: `"2026-03-01"`', 1, 1, "format_date", "time_text"),
    "parse_time": Builtin(
        "(text: str) -> int | None",
        "the time that a text in one of the forms below stands for; None for any other text",
        1,
        1,
        "parse_time",
        "time_text",
    ),
    "time_parts": Builtin(
        "(time: int) -> list[int]",
        "[year, month, day, hour, minute, second, millisecond] in UTC",
        1,
        1,
        "time_parts",
        "calendar",
    ),
    "time_from_parts": Builtin(
        "(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, millisecond: int = 0)"
        " -> int",
        "the time with these parts in UTC; a date or time that does not exist is a `contract_error`",
        3,
        7,
        "time_from_parts",
        "calendar",
    ),
    "add_months": Builtin(
        "(time: int, months: int) -> int",
        "the same day and time of day so many months later (earlier if negative); the month's last day where it is "
        "shorter",
        2,
        2,
        "add_months",
        "calendar",
    ),
    "day_number": Builtin(
        "(time: int) -> int", "days between 1970-01-01 and its UTC day", 1, 1, "day_number", "builtin"
    ),
    "day_of_week": Builtin(
        "(time: int) -> int", "1 for Monday to 7 for Sunday, in UTC", 1, 1, "day_of_week", "builtin"
    ),
    # Hashing, signatures, bytes.
    "sha256": Builtin("(data: bytes) -> bytes", "its SHA-256 digest, 32 bytes", 1, 1, "sha256", "sha256"),
    "verify_ed25519": Builtin(
        "(key: bytes, message: bytes, signature: bytes) -> bool",
        "whether the signature is that key's over the message, by the ledger's own rule; False for anything malformed",
        3,
        3,
        "verify_ed25519",
        "signature",
    ),
    "hex_to_bytes": Builtin(
        "(text: str) -> bytes",
        "what pairs of hexadecimal digits stand for; other text is a `contract_error`",
        1,
        1,
        "hex_to_bytes",
        "builtin",
    ),
}
"""Built-in functions that are called like any other."""

SPECIAL_CALLS: Final[Mapping[str, tuple[str, str]]] = {
    "require": ("(condition: bool, code: str) -> None", "stops the call with a code unless the condition is True"),
    "invoke": ("(contract: str, method: str, *arguments: Any) -> Any", "the result of another contract's method"),
    "sorted": (
        "(x: list[T], reverse: bool = False) -> list[T]",
        "a new list of integers, texts or bytes in order; `reverse` is a literal",
    ),
    "enumerate": (
        "(x: list[T], start: int = 0) -> list[tuple[int, T]]",
        "pairs of a number and an element; only behind `for ... in`",
    ),
}
"""Built-in functions with a form of their own: signature and text."""

TYPE_NAMES: Final = frozenset(("bool", "bytes", "dict", "int", "list", "str", "tuple"))
DECLARATION_NAMES: Final = frozenset(("Counter", "Event", "Field", "Map", "Record", "Var"))

CONTEXT: Final[Mapping[str, tuple[str, str]]] = {
    "sender": ("str", "member that signed the transaction, such as `acme.alice`; behind `invoke`, `contract:NAME`"),
    "organisation": ("str", "the sender's organisation, such as `acme`; behind `invoke`, `contract:NAME`"),
    "roles": ("list[str]", "the sender's roles in order; behind `invoke`, none"),
    "height": ("int", "height of the block"),
    "time": ("int", "time of the block in milliseconds since 1970-01-01 UTC; greater than that of every block before"),
    "chain_id": ("str", "hash of the genesis in hexadecimal digits: which ledger this is"),
    "contract": ("str", "name of this contract"),
}
"""Part of `ctx` -> type and text."""

CONTEXT_PARTS: Final = f"ctx has {', '.join(sorted(CONTEXT))}"
"""Hint for what `ctx` has not."""
