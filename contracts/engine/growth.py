"""What a new version of a contract may change of the storage that the old one has filled: it may only grow.

A value in the state has no name and no type of its own; the declarations of the newest version say how its bytes are
read. So every declaration stays, under its name, with the same kind, key and value types, and the same default; new
storage may be declared, and records that are stored may have more fields at their end, each with a default, which is
what older values have there. Methods, events, constants and records that are not stored may change freely.
"""

import dataclasses
from collections.abc import Iterator
from typing import Final

from chain.values import dataclass
from contracts.engine.module import Module, Storage
from contracts.engine.values import DictOf, Field, ListOf, Optional, Record, Type, type_name

_HANDLED: Final = frozenset({"name", "keys", "value", "has_default", "default"})
"""What is compared one by one; any other field of a declaration has to be equal."""


RULES: Final = (
    "storage_removed",
    "storage_kind",
    "storage_key",
    "storage_type",
    "storage_default",
    "field_removed",
    "field_order",
    "field_default",
    "field_without_default",
    "field_version",
)
"""What can keep a source from following another one."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason why a source cannot be the next version of a contract."""

    rule: str
    """One of RULES."""
    subject: str
    """Name of the storage, or storage and record field: `items: Item.holder`."""
    storage: str
    """Name of the storage whose declaration is at fault."""
    hint: str
    """What was declared, and what to write instead."""

    def __str__(self) -> str:
        return f"{self.rule}: {self.subject}: {self.hint}"


def obstacles(old: Module, new: Module) -> list[Obstacle]:
    """Return everything that keeps the declarations of `new` from following those of `old`, in the order of `old`."""
    found: list[Obstacle] = []
    for name, storage in old.storages.items():
        successor = new.storages.get(name)
        if successor is None:
            hint = "what it holds stays in the state; keep its declaration, whether or not it is used"
            found.append(Obstacle("storage_removed", name, name, hint))
        else:
            found.extend(_storage(storage, successor))
    return found


def _storage(old: Storage, new: Storage) -> Iterator[Obstacle]:
    name = old.name
    others = [field.name for field in dataclasses.fields(Storage) if field.name not in _HANDLED]
    if old.is_map != new.is_map or any(getattr(old, field) != getattr(new, field) for field in others):
        yield Obstacle("storage_kind", name, name, "declare it as it was; use another name for another kind of storage")
        return
    if old.keys != new.keys:
        hint = f"its key was ({', '.join(old.keys)}), not ({', '.join(new.keys)}); use another name for other keys"
        yield Obstacle("storage_key", name, name, hint)
    yield from _type(old.value, new.value, name, name)
    if old.has_default and not (new.has_default and _same(old.default, new.default)):
        start = "it starts behind" if old.counts else "entries that were never written have the default"
        hint = f"{start} {old.default!r}; leave that"
        yield Obstacle("storage_default", name, name, hint)


def _type(old: Type, new: Type, subject: str, storage: str) -> Iterator[Obstacle]:
    """Compare two types of stored values."""
    if isinstance(old, Record) and isinstance(new, Record) and old.name == new.name:
        yield from _record(old, new, storage)
    elif isinstance(old, Optional | ListOf | DictOf) and type(old) is type(new):
        yield from _type(old.item, new.item, subject, storage)
    elif old != new:
        hint = f"it holds {type_name(old)}, not {type_name(new)}; declare other storage and fill it in @migrate"
        yield Obstacle("storage_type", subject, storage, hint)


def _record(old: Record, new: Record, storage: str) -> Iterator[Obstacle]:
    names = [field.name for field in new.fields]
    for place, field in enumerate(old.fields):
        subject = f"{storage}: {old.name}.{field.name}"
        if field.name not in names:
            hint = "stored records have this field; keep it, whether or not it is used"
            yield Obstacle("field_removed", subject, storage, hint)
        elif names[place : place + 1] != [field.name]:
            hint = f"stored records are lists in the order of their fields; this one is number {place + 1}"
            yield Obstacle("field_order", subject, storage, hint)
        else:
            yield from _field(field, new.fields[place], subject, storage)
    known = {field.name for field in old.fields}
    since = old.version + 1
    for field in new.fields:
        if field.name in known:
            continue
        subject = f"{storage}: {new.name}.{field.name}"
        write = f"write Field({type_name(field.type)}, default=..., since={since})"
        if not field.has_default:
            yield Obstacle("field_without_default", subject, storage, f"records that are stored lack it; {write}")
        elif field.since != since:
            yield Obstacle("field_version", subject, storage, f"{new.name} had version {old.version}; {write}")


def _field(old: Field, new: Field, subject: str, storage: str) -> Iterator[Obstacle]:
    yield from _type(old.type, new.type, subject, storage)
    if old.has_default and not (new.has_default and _same(old.default, new.default)):
        hint = f"records stored before it was added have the default {old.default!r}; leave it"
        yield Obstacle("field_default", subject, storage, hint)
    if old.since != new.since:
        hint = f"version {old.since} of the record added it, not {new.since}"
        yield Obstacle("field_version", subject, storage, hint)


def _same(old: object, new: object) -> bool:
    # True equals 1 to Python.
    return type(old) is type(new) and old == new
