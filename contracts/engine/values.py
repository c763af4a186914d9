"""The types of the language and the values they stand for while a contract runs.

A value is None, bool, int, str, bytes, a list, a dict with text keys, or a RecordValue; types are compared exactly, so
that True is never an int. Tuples appear only where a declaration or an unpacking makes them.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from chain.values import dataclass

SCALARS: Final[Mapping[str, type]] = {"bool": bool, "int": int, "str": str, "bytes": bytes}


@dataclass(frozen=True, slots=True)
class Scalar:
    """bool, int, str or bytes."""

    name: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """The type of None."""


@dataclass(frozen=True, slots=True)
class Optional:
    """`T | None`."""

    item: "Type"


@dataclass(frozen=True, slots=True)
class ListOf:
    """`list[T]`."""

    item: "Type"


@dataclass(frozen=True, slots=True)
class DictOf:
    """`dict[str, T]`."""

    item: "Type"


@dataclass(frozen=True, slots=True)
class TupleOf:
    """`tuple[T, ...]`: what a helper function may return to be unpacked."""

    items: tuple["Type", ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record; those that were added later have a default, which older records have there."""

    name: str
    type: "Type"
    has_default: bool
    default: Any
    """A literal that never changes, or an empty list or map; `fresh` makes a value of it."""
    since: int = 1
    """Version of the record that added the field."""


@dataclass(frozen=True, slots=True)
class Record:
    """A declared record type. Its values are stored as lists in the order of the fields."""

    name: str
    fields: tuple[Field, ...]
    types: Mapping[str, "tuple[Type, type]"] = field(compare=False, repr=False)
    """The fields' types by name, and the Python types of their values."""

    @property
    def version(self) -> int:
        """Return the version of the record's declaration: 1, and one more for each time that fields were added."""
        return self.fields[-1].since


def record_type(name: str, fields: tuple[Field, ...]) -> Record:
    """Return a record type with these fields."""
    return Record(name, fields, {part.name: (part.type, python_type(part.type)) for part in fields})


Type = Scalar | Nothing | Optional | ListOf | DictOf | TupleOf | Record


class RecordValue:
    """A value of a record type. It never changes: `replace` makes another one."""

    __slots__ = ("fields", "kind")

    def __init__(self, kind: Record, fields: dict[str, Any]) -> None:
        self.kind = kind
        self.fields = fields


def type_name(kind: Type) -> str:
    """Return a type as an author writes it."""
    match kind:
        case Scalar(name) | Record(name=name):
            return name
        case Nothing():
            return "None"
        case Optional(item):
            return f"{type_name(item)} | None"
        case ListOf(item):
            return f"list[{type_name(item)}]"
        case DictOf(item):
            return f"dict[str, {type_name(item)}]"
        case TupleOf(items):
            return f"tuple[{', '.join(type_name(item) for item in items)}]"


def python_type(kind: Type) -> type:
    """Return the Python type that values of a type have, apart from None for an optional one."""
    match kind:
        case Scalar(name):
            return SCALARS[name]
        case Nothing():
            return type(None)
        case Optional(item):
            return python_type(item)
        case ListOf():
            return list
        case DictOf():
            return dict
        case TupleOf():
            return tuple
        case Record():
            return RecordValue


def fresh(default: Any) -> Any:
    """Return the value that a declared default stands for; an empty list or map is a new one each time."""
    return default.copy() if type(default) in (list, dict) else default


def type_depth(kind: Type) -> int:
    """Return how many lists, maps and records the values of a type may be inside each other."""
    match kind:
        case Optional(item):
            return type_depth(item)
        case ListOf(item) | DictOf(item):
            return 1 + type_depth(item)
        case Record():
            return 1 + max((type_depth(part.type) for part in kind.fields), default=0)
        case TupleOf(items):
            return 1 + max((type_depth(item) for item in items), default=0)
    return 0
