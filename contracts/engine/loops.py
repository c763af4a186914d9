"""Translates loops over snapshots and comprehensions, and makes them pay for all their turns before the first."""

import ast
from collections.abc import Callable
from typing import Any, Final

from chain.values import dataclass
from contracts.engine.rules import refusal
from contracts.engine.scope import Scope, constant, guard
from contracts.engine.storage_code import storage_named

FRESH_METHODS: Final = frozenset(("keys", "values", "items", "split", "copy"))
PAIR_METHODS: Final = frozenset(("items",))
FRESH_BUILTINS: Final = frozenset(("sorted", "reversed", "list"))


@dataclass(frozen=True, slots=True)
class Turns:
    """A loop's source under translation: the guard that yields its turns still lacks the price of the body."""

    code: ast.Call
    turn: int
    """Price of one turn besides the body."""

    def priced(self, body: int) -> ast.expr:
        """Return the finished code."""
        self.code.args[0] = constant(self.turn + body)
        return self.code


@dataclass(frozen=True, slots=True)
class Comprehension:
    """The translated `for` of a comprehension, and what it computes each turn."""

    parts: list[ast.expr]
    node: ast.comprehension


def turns(scope: Scope, source: ast.expr, target: ast.expr) -> Turns:
    """Translate what a loop goes over."""
    scope.spend(scope.prices.loop)
    storage = storage_named(scope, source)
    if storage is not None:
        raise refusal(source, "loop", f"write {storage.name}.keys(limit=count) or {storage.name}.items(limit=count)")
    match source:
        case ast.Call(func=ast.Name(id="range" | "enumerate" as name), args=arguments, keywords=[]):
            most = 3 if name == "range" else 2
            if not 1 <= len(arguments) <= most:
                raise refusal(source, "arguments", f"{name} takes 1 to {most} arguments")
            if not (_is_flat_pair(target) if name == "enumerate" else isinstance(target, ast.Name)):
                raise refusal(target, "target", "write: for index in range(...), for index, value in enumerate(...)")
            return _turns(scope, f"{name}_turns", None, *[scope.expression(argument) for argument in arguments])
    shape = None if _makes_pairs(source) and _is_flat_pair(target) else _shape(target)
    fresh = _is_fresh(source)
    code = scope.expression(source)
    if shape is not None:
        return _turns(scope, "unpacked_turns", shape, code)
    return _turns(scope, "fresh_turns" if fresh else "turns", None, code)


def _turns(scope: Scope, name: str, shape: Any, *arguments: ast.expr) -> Turns:
    extra = [] if shape is None else [constant(shape)]
    code = guard(name, constant(0), *arguments, *extra)
    assert isinstance(code, ast.Call)
    return Turns(code, scope.prices.turn)


def loop_target(scope: Scope, target: ast.expr, bind: set[str] | None) -> ast.expr:
    """Check the names that a loop binds; `bind` collects those of a comprehension."""
    match target:
        case ast.Name(id=name):
            scope.check_bindable(target, name)
            if bind is not None:
                bind.add(name)
            return ast.Name(name, ast.Store())
        case ast.Tuple(elts=[_, _, *_] as parts):
            return ast.Tuple([loop_target(scope, part, bind) for part in parts], ast.Store())
    raise refusal(target, "target", "a loop binds a name, or names separated by commas")


def comprehension(
    scope: Scope, generators: list[ast.comprehension], place: ast.AST, element: Callable[[], ast.expr]
) -> Comprehension:
    """Translate a comprehension with one `for`."""
    if len(generators) != 1:
        raise refusal(place, "comprehension", "one for in a comprehension; write a loop")
    generator = generators[0]
    source = turns(scope, generator.iter, generator.target)
    names: set[str] = set()
    target = loop_target(scope, generator.target, names)
    scope.inner.append(names)
    with scope.measured() as body:
        conditions = [scope.expression(condition) for condition in generator.ifs]
        scope.spend(scope.prices.element)
        parts = [element()]
    scope.inner.pop()
    return Comprehension(parts, ast.comprehension(target, source.priced(body.cost), conditions, 0))


def _is_fresh(source: ast.expr) -> bool:
    """Tell whether a list is made for this loop alone, so that nothing can change it meanwhile."""
    match source:
        case ast.List() | ast.ListComp():
            return True
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in FRESH_METHODS
        case ast.Call(func=ast.Name(id=name)):
            return name in FRESH_BUILTINS
    return False


def _makes_pairs(source: ast.expr) -> bool:
    return isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute) and source.func.attr in PAIR_METHODS


def _is_flat_pair(target: ast.expr) -> bool:
    return (
        isinstance(target, ast.Tuple)
        and len(target.elts) == 2
        and not any(isinstance(part, ast.Tuple) for part in target.elts)
    )


def _shape(target: ast.expr) -> Any:
    """Return how a target takes its elements apart: None for a name, otherwise a tuple of shapes."""
    return tuple(_shape(part) for part in target.elts) if isinstance(target, ast.Tuple) else None
