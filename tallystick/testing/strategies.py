"""Values for the types of contracts, as hypothesis strategies: likely ones, edges, what the source itself mentions."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from chain.encoding import INT_MAX, INT_MIN
from contracts.engine.module import Module
from contracts.engine.values import DictOf, ListOf, Nothing, Optional, Record, Scalar, TupleOf, Type

ELEMENTS_MAX: Final = 4
"""Elements of a list or map that is made up; what fails with more mostly fails with these."""
TEXT_MAX: Final = 12
LITERALS_MAX: Final = 200
"""Literals of a source that are used, so that a long table in it does not drown everything else."""


def values_of(kind: Type, module: Module, texts: Sequence[str] = ()) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a type as calls pass them; `texts` are likely texts, such as members."""
    match kind:
        case Scalar(name):
            return _scalars(name, literals(module), texts)
        case Nothing():
            return st.none()
        case Optional(item):
            return st.none() | values_of(item, module, texts)
        case ListOf(item):
            return st.lists(values_of(item, module, texts), max_size=ELEMENTS_MAX)
        case DictOf(item):
            return st.dictionaries(_texts(module, texts), values_of(item, module, texts), max_size=ELEMENTS_MAX)
        case Record(fields=fields):
            return st.fixed_dictionaries({field.name: values_of(field.type, module, texts) for field in fields})
        case TupleOf():
            raise AssertionError("tuples are no arguments")


def literals(module: Module) -> Mapping[str, list[Any]]:
    """Return the integers, texts and bytes that a contract mentions, by type, in the order of the source."""
    found: dict[str, dict[Any, None]] = {"int": {}, "str": {}, "bytes": {}}

    def note(value: Any) -> None:
        group = found.get(type(value).__name__)
        if group is not None and len(group) < LITERALS_MAX:
            group[value] = None

    for constant in module.constants.values():
        for value in constant if isinstance(constant, list | dict) else [constant]:
            note(value)
    for function in module.functions.values():
        for statement in function.node.body:
            for node in _mentions(statement):
                note(node.value)
    return {kind: list(group) for kind, group in found.items()}


def _mentions(statement: ast.stmt) -> Iterator[ast.Constant]:
    """Yield the literals of a statement, but no documentation and no codes of `require`."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return
    codes: set[ast.expr] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Call(func=ast.Name(id="require"), args=[_, code]):
                codes.add(code)
            case ast.Constant() if node not in codes:
                yield node


def _scalars(name: str, mentioned: Mapping[str, list[Any]], texts: Sequence[str]) -> st.SearchStrategy[Any]:
    match name:
        case "bool":
            return st.booleans()
        case "int":
            near = [number + change for number in mentioned["int"] for change in (0, -1, 1)]
            edges = [number for number in near if INT_MIN <= number <= INT_MAX] + [INT_MAX, INT_MIN]
            return st.integers(0, 10) | st.integers(-3, 1_000) | st.sampled_from(edges)
        case "bytes":
            some = st.binary(max_size=TEXT_MAX) | st.binary(min_size=32, max_size=32)
            return st.sampled_from(mentioned["bytes"]) | some if mentioned["bytes"] else some
    # Members twice: contracts mostly compare text with who calls.
    likely = [st.sampled_from(some) for some in (list(texts), list(texts), mentioned["str"]) if some]
    return st.one_of(*likely, st.text(max_size=TEXT_MAX))


def _texts(module: Module, texts: Sequence[str]) -> st.SearchStrategy[str]:
    return _scalars("str", literals(module), texts)
