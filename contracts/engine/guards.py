"""Puts all guards together: the only names that compiled contract code can reach, besides its own functions."""

import hashlib
from typing import Any, NoReturn

from chain.crypto import verify_plain
from contracts.engine.errors import Failed, OutOfGas, Stop
from contracts.engine.guards_amounts import amount_guards
from contracts.engine.guards_collections import collection_guards, collection_methods
from contracts.engine.guards_compare import comparison_guards
from contracts.engine.guards_numbers import Guard, number_guards
from contracts.engine.guards_text import text_guards, text_methods
from contracts.engine.guards_time import time_guards
from contracts.engine.run import Run
from contracts.engine.values import Optional, Record, RecordValue, Type, fresh


def value_guards(run: Run) -> dict[str, Any]:
    """Return what every contract's code may reach, by the names that the compiler emits without their underscore."""
    methods = text_methods(run)
    for name, receivers in collection_methods(run).items():
        methods.setdefault(name, {}).update(receivers)
    return {
        **number_guards(run),
        **amount_guards(run),
        **time_guards(),
        **comparison_guards(run),
        **text_guards(run),
        **collection_guards(run),
        **{f"do_{name}": _method(name, receivers) for name, receivers in methods.items()},
        "m": run,
        "type": type,
        "bool": bool,
        "int": int,
        "str": str,
        "bytes": bytes,
        "list": list,
        "dict": dict,
        "out_of_gas": out_of_gas,
        "wrong_type": wrong_type,
        "no_result": no_result,
        "refused": refused,
        "attribute": attribute,
        "replace_fields": _replace_fields(run),
        **_digests(run),
    }


def _method(name: str, receivers: dict[type, Guard]) -> Guard:
    def method(receiver: Any, *arguments: Any) -> Any:
        implementation = receivers.get(type(receiver))
        if implementation is None:
            raise Failed(f"{type(receiver).__name__} has no method {name}")
        return implementation(receiver, *arguments)

    return method


def out_of_gas() -> NoReturn:
    """Stop the run because its gas is used up."""
    raise OutOfGas


def wrong_type(value: Any, wanted: str) -> NoReturn:
    """Stop the run because a value is not of its declared type."""
    raise Failed(f"expected {wanted}, not {type(value).__name__}")


def no_result() -> NoReturn:
    """Stop the run because a function ended without a result."""
    raise Failed("the function ended without a result")


def refused(value: Any, code: str) -> NoReturn:
    """Stop the run because a condition of `require` was not True."""
    if value is False:
        raise Stop(code)
    raise Failed(f"require takes a bool, not {type(value).__name__}")


def attribute(value: Any, name: str) -> Any:
    """Return a field of a record."""
    if type(value) is not RecordValue or name not in value.fields:
        raise Failed(f"{type(value).__name__} has no field {name}")
    return value.fields[name]


def _replace_fields(run: Run) -> Guard:
    prices = run.prices

    def replace_fields(value: Any, /, **changes: Any) -> RecordValue:
        if type(value) is not RecordValue:
            raise Failed(f"{type(value).__name__} is no record")
        run.charge(prices.container + len(value.fields))
        types = value.kind.types
        for name, new in changes.items():
            if name not in types or not _fits(*types[name], new):
                raise Failed(f"{value.kind.name}.{name} cannot be {type(new).__name__}")
        return RecordValue(value.kind, {**value.fields, **changes})

    return replace_fields


def _fits(kind: Type, wanted: type, value: Any) -> bool:
    """Tell whether a value has the outermost type of a field; what is inside is checked when the record leaves."""
    if type(value) is not wanted:
        return value is None and isinstance(kind, Optional)
    if wanted is not RecordValue:
        return True
    inner = kind.item if isinstance(kind, Optional) else kind
    return isinstance(value, RecordValue) and value.kind is inner


def record_guards(record: Record) -> dict[str, Guard]:
    """Return the constructor and the type check of a declared record."""

    parts = [(field.name, *record.types[field.name], field) for field in record.fields]

    def new(**fields: Any) -> RecordValue:
        values: dict[str, Any] = {}
        for name, kind, wanted, field in parts:
            value = fields[name] if name in fields else fresh(field.default)
            if not _fits(kind, wanted, value):
                raise Failed(f"{record.name}.{name} cannot be {type(value).__name__}")
            values[name] = value
        return RecordValue(record, values)

    def check(value: Any) -> None:
        if type(value) is not RecordValue or value.kind is not record:
            raise Failed(f"expected {record.name}, not {type(value).__name__}")

    return {f"r_new_{record.name}": new, f"r_check_{record.name}": check}


def _digests(run: Run) -> dict[str, Guard]:
    prices = run.prices

    def data(value: Any) -> bytes:
        if type(value) is not bytes:
            raise Failed(f"expected bytes, not {type(value).__name__}")
        return value

    def sha256(value: Any) -> bytes:
        run.charge(len(data(value)) // prices.hashed_per_unit)
        return hashlib.sha256(value).digest()

    def verify_ed25519(key: Any, message: Any, signature: Any) -> bool:
        run.charge((len(data(message)) + len(data(key)) + len(data(signature))) // prices.hashed_per_unit)
        return verify_plain(key, message, signature)

    return {"sha256": sha256, "verify_ed25519": verify_ed25519}
