"""What a contract has stored, as its author thinks of it: by the name of the storage and the parts of the key."""

from collections.abc import Iterator
from typing import Any

from chain.encoding import decode
from chain.state_keys import decode_key, encode_key
from contracts.engine.module import Module, Storage
from contracts.engine.values import DictOf, ListOf, Optional, Record, Type, fresh
from tallystick.testing.explaining import show


def stored_key(storage: Storage, key: tuple[Any, ...]) -> bytes:
    """Return the state's key of a Var, or of an entry of a Map.

    Raises:
        TypeError: when the key has other parts than the storage.
    """
    kinds = tuple(type(part).__name__ for part in key)
    if kinds != storage.keys:
        wanted = f"the key ({', '.join(storage.keys)})" if storage.is_map else "no key"
        raise TypeError(f"{storage.name} has {wanted}, not ({', '.join(kinds)})")
    return encode_key((storage.name, *key))


def stored_value(storage: Storage, data: bytes | None) -> Any:
    """Return a stored value in the form that clients see, or the declared default.

    Raises:
        KeyError: when nothing is stored and there is no default.
    """
    if data is not None:
        return _named(storage.value, decode(data))
    if storage.has_default:
        return fresh(storage.default)
    raise KeyError(f"{storage.name} holds nothing there and has no default")


def stored_entries(storage: Storage, entries: list[tuple[bytes, bytes]]) -> Iterator[tuple[Any, Any]]:
    """Yield key and value of each entry of a Map; the key is a tuple if it has several parts."""
    for key, data in entries:
        _, *parts = decode_key(key)
        yield parts[0] if len(parts) == 1 else tuple(parts), _named(storage.value, decode(data))


def entry_text(module: Module | None, key: bytes, data: bytes | None) -> str:
    """Return an entry of the state as an assignment, such as balances['acme.alice'] = 5."""
    name, *parts = decode_key(key)
    assert isinstance(name, str), "keys of contracts begin with the name of the storage"
    storage = None if module is None else module.storages.get(name)
    place = f"{name}[{', '.join(show(part) for part in parts)}]" if parts else f"{name}.value"
    if data is None:
        return f"{place}: nothing stored"
    return f"{place} = {show(decode(data) if storage is None else _named(storage.value, decode(data)))}"


def _named(kind: Type, value: Any) -> Any:
    """Return a stored value with its records as maps by field name instead of lists."""
    match kind:
        case Optional(item):
            return None if value is None else _named(item, value)
        case ListOf(item):
            return [_named(item, part) for part in value]
        case DictOf(item):
            return {key: _named(item, part) for key, part in value.items()}
        case Record(fields=fields):
            pairs = zip(fields, value, strict=False)
            known = {field.name: _named(field.type, part) for field, part in pairs}
            added = {field.name: fresh(field.default) for field in fields[len(value) :]}
            return {**known, **added}
    return value
