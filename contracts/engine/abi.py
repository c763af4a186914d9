"""Derives from a source what clients need to know of a contract: methods, types, error codes, storage, events.

The result holds nothing but what JSON can express; bytes are written in hexadecimal under the key "hex".
"""

from typing import Any

from contracts.engine.compiler import Compiled, compile_contract
from contracts.engine.limits import LANGUAGE_VERSION
from contracts.engine.module import HELPER, EventType, Function, Storage
from contracts.engine.values import Record, type_name


def derive_abi(source: str) -> dict[str, Any]:
    """Return the interface of a contract.

    Raises:
        Rejected: when the source is no contract.
    """
    compiled = compile_contract(source)
    module = compiled.module
    functions = [function for function in module.functions.values() if function.kind != HELPER]
    return {
        "language": LANGUAGE_VERSION,
        "doc": module.doc,
        "constants": {name: _plain(value) for name, value in module.constants.items()},
        "records": [_record(record) for record in module.records.values()],
        "storage": [_storage(storage) for storage in module.storages.values()],
        "events": [_event(event) for event in module.events.values()],
        "methods": [_method(compiled, function) for function in functions],
    }


def _method(compiled: Compiled, function: Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "kind": function.kind,
        "doc": function.doc,
        "params": [{"name": name, "type": type_name(kind)} for name, kind in function.parameters],
        "returns": type_name(function.returns),
        "errors": list(compiled.codes[function.name]),
    }


def _storage(storage: Storage) -> dict[str, Any]:
    described: dict[str, Any] = {"name": storage.name, "kind": storage.kind}
    if storage.is_map:
        described["key"] = list(storage.keys)
    described["value"] = type_name(storage.value)
    if storage.has_default:
        described["default"] = _plain(storage.default)
    return described


def _record(record: Record) -> dict[str, Any]:
    fields = []
    for field in record.fields:
        described: dict[str, Any] = {"name": field.name, "type": type_name(field.type), "since": field.since}
        if field.has_default:
            described["default"] = _plain(field.default)
        fields.append(described)
    return {"name": record.name, "version": record.version, "fields": fields}


def _event(event: EventType) -> dict[str, Any]:
    return {"name": event.name, "fields": [{"name": name, "type": type_name(kind)} for name, kind in event.fields]}


def _plain(value: Any) -> Any:
    """Return a literal in JSON's terms."""
    if type(value) is bytes:
        return {"hex": value.hex()}
    if type(value) is list:
        return [_plain(item) for item in value]
    if type(value) is dict:
        return {key: _plain(item) for key, item in value.items()}
    return value
