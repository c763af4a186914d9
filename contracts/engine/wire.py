"""Values on their way in and out of a run: checked deeply against their declared type, and always copied.

Two forms exist. In arguments, results and events a record is a map of its fields by name; in the state it is a list in
the order of its fields, which may be shorter than the declaration once fields with defaults have been added. Whatever
goes through here is counted against a size, so that shared substructures cannot be written out without end.
"""

from collections.abc import Callable
from typing import Any, Final

from chain.encoding import INT_MAX, INT_MIN
from contracts.engine.errors import Failed, OutOfGas
from contracts.engine.limits import LIST_LENGTH_MAX, MAP_LENGTH_MAX, NESTING_MAX
from contracts.engine.run import Run
from contracts.engine.values import (
    DictOf,
    ListOf,
    Nothing,
    Optional,
    Record,
    RecordValue,
    Scalar,
    TupleOf,
    Type,
    fresh,
    type_name,
)

INTEGER_BYTES: Final = 9
HEADER_BYTES: Final = 5


class Walk:
    """How much one value may still take; pays for each part before it is visited."""

    __slots__ = ("container", "item", "left", "per_unit", "run")

    def __init__(self, run: Run, size_max: int) -> None:
        self.run = run
        self.left = size_max
        self.container = run.prices.container
        self.item = run.prices.wire_item
        self.per_unit = run.prices.stored_per_unit

    def restart(self, size_max: int) -> "Walk":
        """Begin with another value; the one before is done."""
        self.left = size_max
        return self

    def enter(self, count: int) -> None:
        """Pay for a container before its elements are visited."""
        self.run.charge(self.container + count * self.item)
        self.left -= HEADER_BYTES + count
        if self.left < 0:
            raise Failed("value is too large")


Convert = Callable[[Any, Walk], Any]


def exporter(kind: Type, named: bool) -> Convert:
    """Return the function that checks a contract's value and copies it out; `named` chooses the form of records."""
    match kind:
        case Scalar() | Nothing():
            return scalar_check(kind)
        case Optional(item):
            return _optional(exporter(item, named))
        case ListOf(item):
            return _list(exporter(item, named))
        case DictOf(item):
            return _dict(exporter(item, named))
        case Record():
            return _record_out(kind, named)
        case TupleOf():
            raise AssertionError("tuples never leave a contract")


def importer(kind: Type, named: bool) -> Convert:
    """Return the function that checks a value from outside and copies it in."""
    match kind:
        case Scalar() | Nothing():
            return scalar_check(kind)
        case Optional(item):
            return _optional(importer(item, named))
        case ListOf(item):
            return _list(importer(item, named))
        case DictOf(item):
            return _dict(importer(item, named))
        case Record():
            return _record_from_map(kind) if named else _record_from_list(kind)
        case TupleOf():
            raise AssertionError("tuples never enter a contract")


def scalar_check(kind: Scalar | Nothing) -> Convert:
    """Return the function that lets exactly the values of a scalar type through."""
    name = type_name(kind)
    if name == "int":
        return _integer
    if name in ("str", "bytes"):
        return _text if name == "str" else _bytes
    wanted = bool if name == "bool" else type(None)

    def check(value: Any, walk: Walk) -> Any:
        if type(value) is not wanted:
            raise Failed(f"expected {name}, not {type(value).__name__}")
        return value

    return check


def _integer(value: Any, walk: Walk) -> Any:
    if type(value) is not int:
        raise Failed(f"expected int, not {type(value).__name__}")
    if not INT_MIN <= value <= INT_MAX:
        raise Failed("integer exceeds signed 64 bits")
    walk.left -= INTEGER_BYTES
    if walk.left < 0:
        raise Failed("value is too large")
    return value


def _text(value: Any, walk: Walk) -> Any:
    if type(value) is not str:
        raise Failed(f"expected str, not {type(value).__name__}")
    # A text of a contract has its own limit, and this one is at most as large for what comes from outside.
    size = len(value) if value.isascii() else _encoded_length(value)
    walk.left -= HEADER_BYTES + size
    if walk.left < 0:
        raise Failed("value is too large")
    if size >= walk.per_unit:
        run = walk.run
        run.gas -= size // walk.per_unit
        if run.gas < 0:
            raise OutOfGas
    return value


def _encoded_length(value: str) -> int:
    """Return the bytes of a text; what comes over the wire has an encoding, a test kit may pass anything."""
    try:
        return len(value.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise Failed("text holds a lone surrogate") from error


def _bytes(value: Any, walk: Walk) -> Any:
    if type(value) is not bytes:
        raise Failed(f"expected bytes, not {type(value).__name__}")
    size = len(value)
    walk.left -= HEADER_BYTES + size
    if walk.left < 0:
        raise Failed("value is too large")
    if size >= walk.per_unit:
        walk.run.charge(size // walk.per_unit)
    return value


def _optional(convert: Convert) -> Convert:
    return lambda value, walk: None if value is None else convert(value, walk)


def _list(convert: Convert) -> Convert:
    def copy(value: Any, walk: Walk) -> Any:
        if type(value) is not list:
            raise Failed(f"expected list, not {type(value).__name__}")
        if len(value) > LIST_LENGTH_MAX:
            raise Failed("list is too long")
        walk.enter(len(value))
        return [convert(item, walk) for item in value]

    return copy


def _dict(convert: Convert) -> Convert:
    def copy(value: Any, walk: Walk) -> Any:
        if type(value) is not dict:
            raise Failed(f"expected dict, not {type(value).__name__}")
        if len(value) > MAP_LENGTH_MAX:
            raise Failed("map has too many entries")
        # Keys are checked and sorted, too.
        walk.run.charge(4 * len(value) * walk.item)
        walk.enter(len(value))
        return {_text(key, walk): convert(item, walk) for key, item in value.items()}

    return copy


def _record_out(kind: Record, named: bool) -> Convert:
    parts = [(field.name, exporter(field.type, named)) for field in kind.fields]

    def copy(value: Any, walk: Walk) -> Any:
        if type(value) is not RecordValue or value.kind is not kind:
            raise Failed(f"expected {kind.name}")
        fields = value.fields
        walk.enter(len(parts))
        if named:
            return {name: convert(fields[name], walk) for name, convert in parts}
        return [convert(fields[name], walk) for name, convert in parts]

    return copy


def _record_from_map(kind: Record) -> Convert:
    parts = [(field, importer(field.type, True)) for field in kind.fields]
    names = {field.name for field in kind.fields}

    def copy(value: Any, walk: Walk) -> Any:
        if type(value) is not dict:
            raise Failed(f"expected {kind.name} as a map")
        walk.enter(len(parts))
        for name in value:
            if name not in names:
                raise Failed(f"{kind.name} has no such field")
        fields = {}
        for field, convert in parts:
            if field.name in value:
                fields[field.name] = convert(value[field.name], walk)
            elif field.has_default:
                fields[field.name] = fresh(field.default)
            else:
                raise Failed(f"{kind.name} needs {field.name}")
        return RecordValue(kind, fields)

    return copy


def _record_from_list(kind: Record) -> Convert:
    parts = [(field, importer(field.type, False)) for field in kind.fields]

    def copy(value: Any, walk: Walk) -> Any:
        if type(value) is not list or len(value) > len(parts):
            raise Failed(f"expected {kind.name} as a list")
        walk.enter(len(parts))
        fields = {}
        for index, (field, convert) in enumerate(parts):
            if index < len(value):
                fields[field.name] = convert(value[index], walk)
            elif field.has_default:
                fields[field.name] = fresh(field.default)
            else:
                raise Failed(f"{kind.name} needs {field.name}")
        return RecordValue(kind, fields)

    return copy


def plain(value: Any, walk: Walk, depth: int = 0) -> Any:
    """Copy any value of a contract out, without a declared type; this is how arguments reach another contract.

    Raises:
        Failed: for what cannot leave a contract: large integers, tuples, deep nesting, or too much of anything.
    """
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return _integer(value, walk)
    if kind is str or kind is bytes:
        return _text(value, walk) if kind is str else _bytes(value, walk)
    if depth == NESTING_MAX:
        raise Failed("value is nested too deeply")
    if kind is RecordValue:
        value, kind = value.fields, dict
    if kind is not list and kind is not dict:
        raise Failed(f"{kind.__name__} cannot leave a contract")
    walk.enter(len(value))
    if kind is list:
        return [plain(item, walk, depth + 1) for item in value]
    return {_text(key, walk): plain(item, walk, depth + 1) for key, item in value.items()}
