"""Guards of comparison and search. Values of different types are never equal; only like is ordered with like.

Containers are compared by our own walk, which pays for each element and stops at the nesting limit, because shared
parts make Python's comparison take exponential time.
"""

from collections.abc import Iterator
from typing import Any, Final

from contracts.engine.errors import Failed
from contracts.engine.guards_numbers import Guard
from contracts.engine.limits import NESTING_MAX
from contracts.engine.run import Run
from contracts.engine.values import RecordValue

SEARCH_BEGINS: Final = 200
"""What it takes to begin a search, in characters of a plain pass."""


def comparison_guards(run: Run) -> dict[str, Guard]:
    """Return the guards of ==, !=, <, <=, >, >=, in and not in."""
    equal = equality(run)
    contains = _containment(run, equal)
    return {
        **_orders(run),
        "equal": equal,
        "unequal": lambda left, right: not equal(left, right),
        "contains": contains,
        "lacks": lambda item, container: not contains(item, container),
    }


def equality(run: Run) -> Guard:
    """Return the guard of ==."""
    prices = run.prices

    def equal(left: Any, right: Any, depth: int = 0) -> bool:
        kind = type(left)
        if kind is not type(right):
            return False
        if kind is int or kind is bool or left is None:
            return bool(left == right)
        if kind is str or kind is bytes:
            run.charge(prices.text_comparison + len(left) // prices.compared_per_unit)
            return bool(left == right)
        if depth == NESTING_MAX:
            raise Failed("value is nested too deeply")
        if kind is list:
            return equal_lists(left, right, depth + 1)
        if kind is dict:
            return equal_maps(left, right, depth + 1)
        if kind is RecordValue:
            return left.kind is right.kind and equal_maps(left.fields, right.fields, depth + 1)
        raise Failed("tuples cannot be compared")

    def equal_lists(left: list[Any], right: list[Any], depth: int) -> bool:
        if len(left) != len(right):
            return False
        run.charge(prices.container + len(left) * prices.compared_item)
        for one, other in zip(left, right, strict=True):  # noqa: SIM110, a generator costs twice as much
            if not equal(one, other, depth):
                return False
        return True

    def equal_maps(left: dict[str, Any], right: dict[str, Any], depth: int) -> bool:
        if len(left) != len(right):
            return False
        run.charge(prices.container + len(left) * prices.compared_item)
        for key, value in left.items():  # noqa: SIM110
            if key not in right or not equal(value, right[key], depth):
                return False
        return True

    return equal


def _orders(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def check(left: Any, right: Any) -> None:
        kind = type(left)
        if kind is not type(right) or (kind is not int and kind is not str and kind is not bytes):
            raise Failed(f"cannot order {type(left).__name__} and {type(right).__name__}")
        if kind is not int:
            # Order is found character by character, which takes twice as long as telling whether all are equal.
            run.charge(prices.text_comparison + 2 * min(len(left), len(right)) // prices.compared_per_unit)

    def less(left: Any, right: Any) -> Any:
        if type(left) is not int or type(right) is not int:
            check(left, right)
        return left < right

    def at_most(left: Any, right: Any) -> Any:
        if type(left) is not int or type(right) is not int:
            check(left, right)
        return left <= right

    def greater(left: Any, right: Any) -> Any:
        if type(left) is not int or type(right) is not int:
            check(left, right)
        return left > right

    def at_least(left: Any, right: Any) -> Any:
        if type(left) is not int or type(right) is not int:
            check(left, right)
        return left >= right

    return {"less": less, "at_most": at_most, "greater": greater, "at_least": at_least}


def _containment(run: Run, equal: Guard) -> Guard:
    prices = run.prices

    def contains(item: Any, container: Any) -> bool:
        kind = type(container)
        if kind is list:
            return next(matches(container, item, equal, run), None) is not None
        if kind is dict:
            if type(item) is not str:
                raise Failed("the keys of a map are text")
            run.charge(len(item) // prices.compared_per_unit)
            return item in container
        if kind is str or kind is bytes:
            if type(item) is not kind:
                raise Failed(f"expected {kind.__name__}")
            run.charge(search_work(len(container), len(item)) // prices.searched_per_unit)
            return item in container
        raise Failed(f"cannot look into {kind.__name__}")

    return contains


def search_work(length: int, part_length: int) -> int:
    """Return how many characters a search for a part in a text may have to look at, in characters of a plain pass.

    Python searches in linear time, except where text or part are short or of like length: there it may compare the
    part at every place, or at the last 2,000. Eight such comparisons take as long as one step of a plain pass.
    """
    places = max(0, length - part_length + 1)
    if length >= 2_500 and part_length >= 6 and (part_length >= 100 or length >= 30_000):
        places = 0 if 3 * part_length < length else min(places, 2_000)
    return SEARCH_BEGINS + length + part_length + places * part_length // 8


def matches(values: list[Any], item: Any, equal: Guard, run: Run) -> Iterator[int]:
    """Return the positions of the elements that equal an item, paying for all of them before the first."""
    kind = type(item)
    run.charge(run.prices.container + len(values) * run.prices.compared_item)
    if kind is str or kind is bytes:
        run.charge(len(values) * (len(item) // run.prices.compared_per_unit))
    if kind in (int, str, bytes, bool, type(None)):
        return (position for position, value in enumerate(values) if type(value) is kind and value == item)
    return (position for position, value in enumerate(values) if equal(value, item))
