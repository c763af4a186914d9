"""Which expressions are integers whatever happens, as can be told from the source: comparing those needs no guard.

A name counts only if everything that the function binds it to is an integer, wherever that stands. Types that are
declared are checked when a value comes in (arguments, results, storage), so they can be relied on; a name that has no
value yet fails the call in either case. Whatever is not certain is not said: then the guards find out at run time.
"""

import ast
from collections.abc import Callable, Iterator
from typing import Final

from contracts.engine.module import Function, Module
from contracts.engine.values import Scalar

INTEGER: Final = Scalar("int")
INTEGER_BUILTINS: Final = frozenset(("len", "abs", "int", "sum", "div", "mul_div", "basis_points_of", "rescale"))
INTEGER_CONTEXT: Final = frozenset(("height", "time"))

ROUNDS_MAX: Final = 4
"""Rounds in which names may fall because of other names; after that only parameters that stay as they are count."""

_Binding = tuple[str, ast.expr | None]
"""A name, and the expression that it is bound to; None for something that is no integer."""


def integer_names(module: Module, function: Function) -> frozenset[str]:
    """Return the names of parameters and locals that never hold anything but integers."""
    declared = dict(function.parameters)
    bindings = list(_bindings(function.node.body))
    bound = {name for name, _ in bindings}
    integers = {name for name, kind in declared.items() if kind == INTEGER}
    names = integers | {name for name in bound if name not in declared}
    for _ in range(ROUNDS_MAX):
        holds = names.__contains__
        kept = names - {name for name, value in bindings if value is None or not is_integer(value, holds, module)}
        if kept == names:
            return frozenset(names)
        # What was bound to a name that has fallen away falls next.
        names = kept
    return frozenset(integers - bound)


def is_integer(node: ast.expr, holds: Callable[[str], bool], module: Module) -> bool:
    """Tell whether an expression gives an integer or fails; `holds` tells of names whether they hold nothing else."""
    match node:
        case ast.Constant(value=value):
            return type(value) is int
        case ast.Name(id=name):
            return holds(name) or type(module.constants.get(name)) is int
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return is_integer(operand, holds, module)
        case ast.BinOp(left=left, right=right):
            return is_integer(left, holds, module) and is_integer(right, holds, module)
        case ast.IfExp(body=body, orelse=orelse):
            return is_integer(body, holds, module) and is_integer(orelse, holds, module)
        case ast.Attribute(value=ast.Name(id="ctx"), attr=name):
            return name in INTEGER_CONTEXT
        case ast.Attribute(value=ast.Name(id=owner), attr="value") if owner in module.storages:
            return module.storages[owner].value == INTEGER
        case ast.Subscript(value=ast.Name(id=owner)) if owner in module.storages:
            return module.storages[owner].value == INTEGER
        case ast.Call(func=ast.Name(id=name)):
            called = module.functions.get(name)
            return name in INTEGER_BUILTINS if called is None else called.returns == INTEGER
    return False


def _bindings(body: list[ast.stmt]) -> Iterator[_Binding]:
    """Yield what a body binds; the names of comprehensions are their own."""
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.Assign(targets=targets):
                yield from _others(*targets)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="int")):
                yield name, ast.Constant(0)
            case ast.AnnAssign(target=target):
                yield from _others(target)
            case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range")), body=inner):
                yield name, ast.Constant(0)
                yield from _bindings(inner)
            case ast.For(target=target, body=inner):
                yield from _others(target)
                yield from _bindings(inner)
            case ast.While(body=inner):
                yield from _bindings(inner)
            case ast.If(body=inner, orelse=otherwise):
                yield from _bindings(inner)
                yield from _bindings(otherwise)


def _others(*targets: ast.expr) -> Iterator[_Binding]:
    for target in targets:
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id, None
