"""Guards of lists, maps, subscripts, loops and the built-ins over them: limits first, gas by size."""

from collections.abc import Iterable
from typing import Any, Final

from contracts.engine.errors import Failed
from contracts.engine.guards_compare import equality, matches
from contracts.engine.guards_numbers import Guard, bounded, integer, length_checked
from contracts.engine.limits import LIST_LENGTH_MAX, MAP_LENGTH_MAX
from contracts.engine.run import Run

WIDE: Final = 2**60
"""Integers from here on take more memory than the price of an element pays for."""


def collection_guards(run: Run) -> dict[str, Guard]:
    """Return the guards of subscripts, loops and built-ins."""
    return {**_items(run), **_slices(run), **_loops(run), **_sequences(run), **_choices(run), **_makers(run)}


def index_in(values: Any, index: Any) -> int:
    """Return an index into a sequence of known length, counted from the end when negative."""
    if not -len(values) <= integer(index) < len(values):
        raise Failed(f"index {index} is out of range")
    return int(index)


def listed(value: Any) -> list[Any]:
    """Return a value that must be a list."""
    if type(value) is not list:
        raise Failed(f"expected list, not {type(value).__name__}")
    return value


def _items(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def key_of(key: Any) -> str:
        if type(key) is not str:
            raise Failed("the keys of a map are text")
        if len(key) >= prices.compared_per_unit:
            run.charge(len(key) // prices.compared_per_unit)
        return key

    def item(values: Any, key: Any) -> Any:
        kind = type(values)
        if kind is dict:
            if key_of(key) not in values:
                raise Failed("the map has no such key")
            return values[key]
        if kind is list or kind is str or kind is bytes:
            if type(key) is not int or not -len(values) <= key < len(values):
                raise Failed("expected an index within range")
            return values[key]
        if kind is tuple:
            raise Failed("a tuple is taken apart: a, b = pair, or for a, b in pairs")
        raise Failed(f"{kind.__name__} has no elements")

    def set_item(values: Any, key: Any, value: Any) -> None:
        if type(values) is dict:
            if key_of(key) not in values and len(values) >= MAP_LENGTH_MAX:
                raise Failed("map has too many entries")
            values[key] = value
        else:
            listed(values)[index_in(values, key)] = value

    def delete_item(values: Any, key: Any) -> None:
        if type(values) is dict:
            if key_of(key) not in values:
                raise Failed("the map has no such key")
        else:
            index_in(listed(values), key)
            run.charge(len(values) // prices.compared_per_unit)
        del values[key]

    def dict_of(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
        run.charge(len(pairs) * prices.compared_item)
        result: dict[str, Any] = {}
        for key, value in pairs:
            if type(key) is not str:
                raise Failed("the keys of a map are text")
            if len(key) >= prices.compared_per_unit:
                key_of(key)
            result[key] = value
        if len(result) > MAP_LENGTH_MAX:
            raise Failed("map has too many entries")
        return result

    return {"item": item, "set_item": set_item, "delete_item": delete_item, "dict_of": dict_of}


def _slices(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def slice_of(values: Any, lower: Any, upper: Any) -> Any:
        kind = type(values)
        if kind is not list and kind is not str and kind is not bytes:
            raise Failed(f"{kind.__name__} has no slices")
        start = 0 if lower is None else integer(lower)
        end = len(values) if upper is None else integer(upper)
        start, end, _ = slice(start, end).indices(len(values))
        run.charge(max(0, end - start) // (prices.slots_per_unit if kind is list else prices.characters_per_unit))
        return values[start:end]

    return {"slice": slice_of}


def _loops(run: Run) -> dict[str, Guard]:
    """Guards behind `for ... in`: all turns are paid before the first, over a snapshot that nothing can change."""
    prices = run.prices

    def fresh_turns(price: int, values: Any) -> Any:
        kind = type(values)
        if kind is not list and kind is not dict and kind is not str and kind is not bytes:
            raise Failed(f"cannot loop over {kind.__name__}")
        # A character beyond ASCII becomes an object of its own.
        run.charge(len(values) * (price + prices.element if kind is str and not values.isascii() else price))
        return values

    def turns(price: int, values: Any) -> Any:
        fresh_turns(price, values)
        if type(values) is list or type(values) is dict:
            run.charge(len(values) // prices.slots_per_unit)
            return list(values)
        return values

    def range_turns(price: int, *bounds: Any) -> Iterable[int]:
        numbers = numbers_in(*bounds)
        run.charge(len(numbers) * (price + prices.element if _is_wide(numbers) else price))
        return numbers

    def enumerate_turns(price: int, values: Any, start: Any = 0) -> Any:
        bounded(integer(start) + len(listed(values)))
        run.charge(prices.loop)
        return enumerate(turns(price + prices.turn, listed(values)), start)

    def unpacked_turns(price: int, values: Any, shape: tuple[Any, ...]) -> Any:
        run.charge(prices.loop)
        snapshot = turns(price + prices.subscript * _names_in(shape), values)
        return [taken_apart(value, shape) for value in snapshot]

    return {
        "fresh_turns": fresh_turns,
        "turns": turns,
        "range_turns": range_turns,
        "enumerate_turns": enumerate_turns,
        "unpacked_turns": unpacked_turns,
        "unpack": unpack,
        "check_tuple": check_tuple,
    }


def taken_apart(value: Any, shape: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the parts of a value for the names of a loop: a copy, so that a list which changes meanwhile fits."""
    unpack(value, len(shape))
    if not any(shape):
        return tuple(value)
    parts = zip(value, shape, strict=True)
    return tuple([part if inner is None else taken_apart(part, inner) for part, inner in parts])


def _names_in(shape: tuple[Any, ...]) -> int:
    """Count the names of a loop; taking an inner part out takes as long as giving three names their values."""
    return sum(1 if inner is None else 3 + _names_in(inner) for inner in shape)


def unpack(value: Any, count: int) -> Any:
    """Return a tuple or list that has as many parts as there are names."""
    if (type(value) is not tuple and type(value) is not list) or len(value) != count:
        raise Failed(f"expected {count} parts")
    return value


def check_tuple(value: Any, count: int) -> None:
    """Refuse anything but a tuple of a length."""
    if type(value) is not tuple or len(value) != count:
        raise Failed(f"expected a tuple of {count}")


def numbers_in(*bounds: Any) -> range:
    """Return the numbers of a range of at most LIST_LENGTH_MAX."""
    for bound in bounds:
        integer(bound)
    if len(bounds) == 3 and bounds[2] == 0:
        raise Failed("the step of a range is zero")
    numbers = range(*bounds)
    # len() of a range fails beyond 63 bits, indexing does not.
    if numbers[LIST_LENGTH_MAX:]:
        raise Failed(f"a range has at most {LIST_LENGTH_MAX} numbers")
    return numbers


def _is_wide(numbers: range) -> bool:
    """Tell whether a number of a range takes more than two machine words."""
    return not -WIDE < numbers.start < WIDE or not -WIDE < numbers.stop < WIDE


def _sequences(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def length(values: Any) -> int:
        kind = type(values)
        if kind is not list and kind is not dict and kind is not str and kind is not bytes:
            raise Failed(f"{kind.__name__} has no length")
        return len(values)

    def range_list(*bounds: Any) -> list[int]:
        numbers = numbers_in(*bounds)
        run.charge(len(numbers) * prices.item * (2 if _is_wide(numbers) else 1))
        return list(numbers)

    def reversed_list(values: Any) -> list[Any]:
        run.charge(len(listed(values)) // prices.slots_per_unit)
        return values[::-1]  # type: ignore[no-any-return]

    def list_of(values: Any) -> list[Any]:
        if type(values) is not dict:
            listed(values)
        run.charge(len(values) // prices.slots_per_unit)
        return list(values)

    def sorted_list(values: Any, backwards: bool) -> list[Any]:
        check_alike(values)
        price = len(values) * len(values).bit_length()
        if values and type(values[0]) is not int:
            price *= 1 + max(map(len, values)) // prices.compared_per_unit
        run.charge(price)
        return sorted(values, reverse=backwards)

    def check_alike(values: Any) -> None:
        run.charge(len(listed(values)) * prices.item)
        kind = type(values[0]) if values else int
        if kind not in (int, str, bytes) or any(type(value) is not kind for value in values):
            raise Failed("only integers, texts or bytes can be sorted, and only among themselves")

    return {
        "length": length,
        "range_list": range_list,
        "reversed_list": reversed_list,
        "list_of": list_of,
        "sorted_list": sorted_list,
    }


def _choices(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def candidates(values: tuple[Any, ...]) -> Any:
        found = listed(values[0]) if len(values) == 1 else values
        run.charge(len(found) * prices.item)
        if not found:
            raise Failed("min and max need at least one value")
        kind = type(found[0])
        for value in found:
            if type(value) is not kind:
                raise Failed("min and max take values of one kind")
        if kind is not int:
            if kind is not str and kind is not bytes:
                raise Failed("min and max take integers, texts or bytes")
            run.charge(sum(map(len, found)) // prices.compared_per_unit)
        return found

    def truths(values: Any) -> list[bool]:
        run.charge(len(listed(values)) * prices.item)
        if any(type(value) is not bool for value in values):
            raise Failed("any and all take a list of bool")
        return list(values)

    return {
        "maximum": lambda *values: max(candidates(values)),
        "minimum": lambda *values: min(candidates(values)),
        "all_true": lambda values: all(truths(values)),
        "any_true": lambda values: any(truths(values)),
    }


def _makers(run: Run) -> dict[str, Guard]:
    return {"roles": lambda: list(run.roles)}


def collection_methods(run: Run) -> dict[str, dict[type, Guard]]:
    """Return the methods of lists and maps: name -> type of the receiver -> guard."""
    methods: dict[str, dict[type, Guard]] = {}
    for kind, table in ((list, {**_list_methods(run), **_list_search(run)}), (dict, _dict_methods(run))):
        for name, method in table.items():
            methods.setdefault(name, {})[kind] = method
    return methods


def _list_methods(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def append(values: list[Any], value: Any) -> None:
        length_checked(list, len(values) + 1)
        values.append(value)

    def extend(values: list[Any], more: Any) -> None:
        length_checked(list, len(values) + len(listed(more)))
        run.charge(len(more) // prices.slots_per_unit)
        values.extend(more)

    def insert(values: list[Any], index: Any, value: Any) -> None:
        length_checked(list, len(values) + 1)
        run.charge(len(values) // prices.compared_per_unit)
        values.insert(max(-len(values), min(integer(index), len(values))), value)

    def pop(values: list[Any], *arguments: Any) -> Any:
        if len(arguments) > 1:
            raise Failed("pop of a list takes an index or nothing")
        position = index_in(values, arguments[0] if arguments else -1)
        run.charge(len(values) // prices.compared_per_unit)
        return values.pop(position)

    def copy(values: list[Any]) -> list[Any]:
        run.charge(len(values) // prices.slots_per_unit)
        return values.copy()

    def clear(values: list[Any]) -> None:
        values.clear()

    return {"append": append, "extend": extend, "insert": insert, "pop": pop, "copy": copy, "clear": clear}


def _list_search(run: Run) -> dict[str, Guard]:
    equal = equality(run)

    def index(values: list[Any], value: Any) -> int:
        position = next(matches(values, value, equal, run), None)
        if position is None:
            raise Failed("the list has no such element")
        return position

    def count(values: list[Any], value: Any) -> int:
        return sum(1 for _ in matches(values, value, equal, run))

    def remove(values: list[Any], value: Any) -> None:
        del values[index(values, value)]

    return {"index": index, "count": count, "remove": remove}


def _dict_methods(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def key_of(key: Any) -> str:
        if type(key) is not str:
            raise Failed("the keys of a map are text")
        run.charge(len(key) // prices.compared_per_unit)
        return key

    def listing(values: dict[str, Any]) -> dict[str, Any]:
        run.charge(len(values) * prices.item)
        return values

    def pop(values: dict[str, Any], *arguments: Any) -> Any:
        if not arguments:
            raise Failed("pop of a map takes a key")
        if key_of(arguments[0]) not in values and len(arguments) == 1:
            raise Failed("the map has no such key")
        return values.pop(*arguments)

    def update(values: dict[str, Any], more: Any) -> None:
        if type(more) is not dict:
            raise Failed("update takes a map")
        run.charge(len(more) * prices.item)
        if len(values) + sum(1 for key in more if key not in values) > MAP_LENGTH_MAX:
            raise Failed("map has too many entries")
        values.update(more)

    return {
        "get": lambda values, key, default=None: values.get(key_of(key), default),
        "keys": lambda values: list(listing(values)),
        "values": lambda values: list(listing(values).values()),
        "items": lambda values: list(listing(listing(values)).items()),
        "copy": lambda values: listing(values).copy(),
        "clear": lambda values: values.clear(),
        "pop": pop,
        "update": update,
    }
