"""Types, literals and constant expressions as they stand in declarations, turned into data."""

import ast
from collections.abc import Mapping
from typing import Any, Final

from contracts.engine.limits import INTEGER_MAX, INTEGER_MIN, TYPE_DEPTH_MAX
from contracts.engine.rules import refusal
from contracts.engine.values import (
    SCALARS,
    DictOf,
    ListOf,
    Nothing,
    Optional,
    Record,
    Scalar,
    TupleOf,
    Type,
    python_type,
    type_depth,
    type_name,
)

EXPONENT_MAX: Final = 255
CONSTANT_ELEMENTS_MAX: Final = 256


def read_type(node: ast.expr | None, records: Mapping[str, Record], place: ast.AST) -> Type:
    """Return the type that an annotation names; tuples are not among them."""
    if node is None:
        raise refusal(place, "annotation", "every parameter and every result has a type; write -> None for no result")
    kind = _read(node, records)
    if type_depth(kind) > TYPE_DEPTH_MAX:
        raise refusal(node, "type_depth", f"types nest at most {TYPE_DEPTH_MAX} deep")
    return kind


def read_result_type(node: ast.expr | None, records: Mapping[str, Record], helper: bool, place: ast.AST) -> Type:
    """Return the type of a function's result: None as well, and for a helper a tuple."""
    if isinstance(node, ast.Constant) and node.value is None:
        return Nothing()
    if not (isinstance(node, ast.Subscript) and _is_name(node.value, "tuple")):
        return read_type(node, records, place)
    if not helper:
        raise refusal(node, "tuple_result", "return a record; only functions without a decorator return tuples")
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if len(items) < 2:
        raise refusal(node, "tuple_result", "a tuple has two parts or more")
    return TupleOf(tuple(read_type(item, records, place) for item in items))


def _read(node: ast.expr, records: Mapping[str, Record]) -> Type:
    match node:
        case ast.Name(id=name) if name in SCALARS:
            return Scalar(name)
        case ast.Name(id=name) if name in records:
            return records[name]
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return ListOf(_read(item, records))
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[ast.Name(id="str"), item])):
            return DictOf(_read(item, records))
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            item_type = _read(left, records)
            if not isinstance(item_type, Optional):
                return Optional(item_type)
    hint = "the types are bool, int, str, bytes, list[T], dict[str, T], T | None, and records declared above"
    raise refusal(node, "type", hint)


def read_literal(node: ast.expr, constants: Mapping[str, Any]) -> Any:
    """Return the value of a literal, a constant, arithmetic on integers, or a flat list or map of these."""
    match node:
        case ast.List(elts=elements):
            _check_count(node, len(elements))
            return [_read_flat(element, constants) for element in elements]
        case ast.Dict(keys=keys, values=values):
            _check_count(node, len(keys))
            check_distinct(keys, constants)
            return {
                _read_key(key, constants): _read_flat(value, constants) for key, value in zip(keys, values, strict=True)
            }
    return _read_flat(node, constants)


def check_distinct(keys: list[ast.expr | None], constants: Mapping[str, Any]) -> None:
    """Refuse a map in which literal text, or a constant that is text, stands as a key twice: one would be lost."""
    seen: set[str] = set()
    for key in keys:
        value = None
        if isinstance(key, ast.Constant):
            value = key.value
        elif isinstance(key, ast.Name):
            value = constants.get(key.id)
        if type(value) is str and key is not None:
            if value in seen:
                raise refusal(key, "duplicate_key", "leave one of them away: each key of a map stands once")
            seen.add(value)


def _check_count(node: ast.expr, count: int) -> None:
    if count > CONSTANT_ELEMENTS_MAX:
        raise refusal(node, "constant", f"a constant has at most {CONSTANT_ELEMENTS_MAX} elements; keep more in a Map")


def _read_key(node: ast.expr | None, constants: Mapping[str, Any]) -> str:
    key = None if node is None else _read_flat(node, constants)
    if type(key) is not str:
        raise refusal(node or ast.Constant(None), "constant", "the keys of a map are text")
    return key


def _read_flat(node: ast.expr, constants: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name in constants and type(constants[name]) not in (list, dict):
            return constants[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_read_integer(operand, constants)
        case ast.BinOp(left=left, op=op, right=right):
            return _fold(node, op, _read_integer(left, constants), _read_integer(right, constants))
    raise refusal(node, "constant", "write a literal, or arithmetic on integers and constants declared above")


def _read_integer(node: ast.expr, constants: Mapping[str, Any]) -> int:
    value = _read_flat(node, constants)
    if type(value) is not int:
        raise refusal(node, "constant", "constants are computed from integers only")
    return value


def _fold(node: ast.expr, op: ast.operator, left: int, right: int) -> int:
    match op:
        case ast.Add():
            result = left + right
        case ast.Sub():
            result = left - right
        case ast.Mult():
            result = left * right
        case ast.Pow() if right < 0:
            raise refusal(node, "constant", "write an exponent that is not negative")
        case ast.Pow() if right > EXPONENT_MAX and abs(left) > 1:
            raise refusal(node, "constant", "integers have at most 256 bits")
        case ast.Pow():
            result = left**right
        case _:
            raise refusal(node, "constant", "constants are computed with +, -, * and ** only")
    if not INTEGER_MIN <= result <= INTEGER_MAX:
        raise refusal(node, "constant", "integers have at most 256 bits")
    return result


def read_default(node: ast.expr, kind: Type, constants: Mapping[str, Any]) -> Any:
    """Return a default after checking it against the type: a literal, or an empty list or map."""
    value = read_literal(node, constants)
    if type(value) in (list, dict) and value:
        raise refusal(node, "default", "a default list or map is empty: write [] or {}")
    fits = type(value) is python_type(kind) or (value is None and isinstance(kind, Optional))
    if type(value) is int and not -(2**63) <= value < 2**63:
        fits = False
    if not fits:
        raise refusal(node, "default", f"write a literal of type {type_name(kind)}")
    return value


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
