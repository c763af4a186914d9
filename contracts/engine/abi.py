"""Derives from a source what clients need to know of a contract: methods, types, error codes, storage, events.

The result holds nothing but what JSON can express; bytes are written in hexadecimal under the key "bytes". Its form is
described in docs/contracts/abi.md and, as a schema, in the API's OpenAPI document.
"""

import ast
from collections.abc import Mapping
from typing import Any, Final

from chain.values import dataclass
from contracts.engine.compiler import compile_contract
from contracts.engine.declarations import read_module
from contracts.engine.errors import ENGINE_CODES
from contracts.engine.limits import LANGUAGE_VERSION
from contracts.engine.module import HELPER, EventType, Function, Module, Storage
from contracts.engine.rulebook import Problems
from contracts.engine.rules import parse
from contracts.engine.values import Record, type_name

ABI_VERSION: Final = 1
"""Of the form of the result."""


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a function may do, itself or by the functions that it calls."""

    codes: frozenset[str]
    events: frozenset[str]
    invokes: frozenset[tuple[str | None, str | None]]
    """Contract and method of other contracts; None where they are not written as text."""


def derive_abi(source: str) -> dict[str, Any]:
    """Return the interface of a contract.

    Raises:
        Rejected: when the source is no contract.
    """
    return abi_of(compile_contract(source).module)


def deployed_abi(source: str) -> dict[str, Any]:
    """Return the interface of a source that the ledger has accepted, without checking it again.

    Raises:
        Rejected: when the source is not even nearly a contract.
    """
    return abi_of(read_module(parse(source), Problems()))


def abi_of(module: Module) -> dict[str, Any]:
    """Return the interface of a contract that was read."""
    reach = _reaches(module)
    functions = [function for function in module.functions.values() if function.kind != HELPER]
    return {
        "abi": ABI_VERSION,
        "language": LANGUAGE_VERSION,
        "doc": module.doc,
        "constants": {name: _plain(value) for name, value in module.constants.items()},
        "records": [_record(record) for record in module.records.values()],
        "storage": [_storage(storage) for storage in module.storages.values()],
        "events": [_event(event) for event in module.events.values()],
        "methods": [_method(function, reach[function.name], module) for function in functions],
        "engine_errors": sorted(ENGINE_CODES),
    }


def _method(function: Function, reach: _Reach, module: Module) -> dict[str, Any]:
    invokes = sorted(reach.invokes, key=lambda pair: (pair[0] or "", pair[1] or ""))
    return {
        "name": function.name,
        "kind": function.kind,
        "doc": function.doc,
        "params": [{"name": name, "type": type_name(kind)} for name, kind in function.parameters],
        "returns": type_name(function.returns),
        "errors": sorted(reach.codes),
        "emits": [name for name in module.events if name in reach.events],
        "invokes": [{"contract": contract, "method": method} for contract, method in invokes],
    }


def _reaches(module: Module) -> Mapping[str, _Reach]:
    """Return what each function may do. A contract has no recursion, so that this ends."""
    known: dict[str, _Reach] = {}

    def reach(name: str) -> _Reach:
        if name not in known:
            codes: set[str] = set()
            events: set[str] = set()
            invokes: set[tuple[str | None, str | None]] = set()
            for node in ast.walk(module.functions[name].node):
                match node:
                    case ast.Call(func=ast.Name(id="require"), args=[_, ast.Constant(value=str(code))]):
                        codes.add(code)
                    case ast.Call(func=ast.Name(id="invoke"), args=[contract, method, *_]):
                        invokes.add((_literal(contract, module), _literal(method, module)))
                    case ast.Call(func=ast.Name(id=callee)) if callee in module.events:
                        events.add(callee)
                    case ast.Call(func=ast.Name(id=callee)) if callee in module.functions:
                        inner = reach(callee)
                        codes |= inner.codes
                        events |= inner.events
                        invokes |= inner.invokes
            known[name] = _Reach(frozenset(codes), frozenset(events), frozenset(invokes))
        return known[name]

    return {name: reach(name) for name in module.functions}


def _literal(node: ast.expr, module: Module) -> str | None:
    """Return a text that is written as such or as a constant."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name) if isinstance(module.constants.get(name), str):
            return str(module.constants[name])
    return None


def _storage(storage: Storage) -> dict[str, Any]:
    described: dict[str, Any] = {"name": storage.name, "kind": storage.kind}
    if storage.is_map:
        described["key"] = list(storage.keys)
    described["value"] = type_name(storage.value)
    if storage.counts:
        described["start"] = storage.default + 1
    elif storage.has_default:
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
        return {"bytes": value.hex()}
    if type(value) is list:
        return [_plain(item) for item in value]
    if type(value) is dict:
        return {key: _plain(item) for key, item in value.items()}
    return value
