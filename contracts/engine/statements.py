"""Translates statements: assignments, branches, loops, `require`, events and results.

Fixed prices are charged once for each block that runs as a whole: a function's code without its loop bodies at its
entry (the dearer branch of every `if`), a loop's body by the number of turns.
"""

import ast
from collections.abc import Callable, Mapping
from typing import Final

from contracts.engine.annotations import read_type
from contracts.engine.calls import event_call
from contracts.engine.declarations import is_docstring
from contracts.engine.errors import RESERVED_CODES, Rejected
from contracts.engine.expressions import OPERATORS, check_field_name, operator_price
from contracts.engine.loops import loop_target, turns
from contracts.engine.module import Storage
from contracts.engine.rules import is_plain_name, refusal
from contracts.engine.scope import Scope, assign, constant, guard, is_not, load, pay, perform, tick, when
from contracts.engine.statement_hints import clearing_hint, no_target, statement_hint
from contracts.engine.storage_code import (
    add_to_entry,
    check_kept,
    delete_entry,
    key_expression,
    read_entry,
    storage_named,
    write_entry,
)
from contracts.engine.values import Nothing, Optional, Record, TupleOf, Type, python_type, type_name

IN_PLACE: Final[Mapping[type[ast.operator], str]] = {ast.Add: "add_in_place"}


def function_code(scope: Scope) -> ast.FunctionDef:
    """Return the Python function that stands for a function of the contract."""
    function = scope.function
    for parameter in function.node.args.args:
        scope.check_bindable(parameter, parameter.arg)
    checks: list[ast.stmt] = []
    for name, kind in function.parameters:
        scope.spend(scope.prices.statement)
        checks += _check(name, kind)
    statements = block(scope, function.node.body)
    if not isinstance(function.returns, Nothing) and not isinstance(function.node.body[-1], ast.Return):
        statements.append(perform(guard("no_result")))
    body = [*pay(scope.cost + scope.prices.function), *checks, *statements]
    parameters = [ast.arg(name) for name, _ in function.parameters]
    arguments = ast.arguments(posonlyargs=[], args=parameters, kwonlyargs=[], kw_defaults=[], defaults=[])
    code = ast.FunctionDef(f"_f_{function.name}", arguments, body, [])
    return ast.copy_location(code, function.node)


def block(scope: Scope, body: list[ast.stmt]) -> list[ast.stmt]:
    """Translate the statements of a body."""
    result: list[ast.stmt] = []
    for statement in body[1:] if is_docstring(body) else body:
        before, loops = scope.cost, scope.loops
        tick(scope)
        try:
            codes = _statement(scope, statement)
        except Rejected as rejected:
            scope.problems.add(rejected)
            scope.loops = loops
            scope.inner.clear()
            continue
        for code in codes:
            result.append(ast.copy_location(code, statement))
        scope.statement_costs[statement] = scope.cost - before
    return result or [ast.Pass()]


def _statement(scope: Scope, node: ast.stmt) -> list[ast.stmt]:
    match node:
        case ast.Expr(value=ast.Call() as call):
            return _perform(scope, call)
        case ast.Assign(targets=[target], value=value):
            return _assign(scope, target, value)
        case ast.AnnAssign(target=ast.Name(id=name) as target, annotation=annotation, value=ast.expr() as value):
            scope.check_bindable(target, name)
            kind = read_type(annotation, scope.module.records, node)
            scope.spend(2 * scope.prices.statement)  # for the check of the type
            return [assign(name, scope.expression(value)), *_check(name, kind)]
        case ast.AugAssign(target=target, op=op, value=value):
            return _augment(scope, target, op, value)
        case ast.If(test=test, body=body, orelse=orelse):
            return [_if(scope, test, body, orelse)]
        case ast.For(target=target, iter=source, body=body):
            return _for(scope, target, source, body)
        case ast.While(test=test, body=body):
            return _while(scope, test, body)
        case ast.Return():
            return _return(scope, node)
        case ast.Delete(targets=[ast.Subscript(value=value, slice=index)]):
            return [perform(_delete(scope, value, index, node))]
        case ast.Delete(targets=[ast.Attribute(value=value, attr="value")]) if var := _var_named(scope, value):
            raise refusal(node, "statement", clearing_hint(var))
        case ast.Pass():
            return [ast.Pass()]
        case ast.Break() | ast.Continue():
            if not scope.loops:
                raise refusal(node, "loop", "this stands outside of a loop")
            return [node]
        case ast.FunctionDef():
            raise refusal(node, "nested_function", "write functions at the top level")
    raise refusal(node, "statement", statement_hint(node))


def _check(name: str, kind: Type) -> list[ast.stmt]:
    """Return the code that stops the run unless a name holds a value of a type, as far as can be seen at once."""
    value = load(name)
    match kind:
        case Nothing():
            return [when(is_not(value, constant(None)), perform(guard("wrong_type", value, constant("None"))))]
        case Record():
            return [perform(guard(f"r_check_{kind.name}", value))]
        case Optional(item):
            return [when(is_not(value, constant(None)), *_check(name, item))]
        case TupleOf(items):
            return [perform(guard("check_tuple", value, constant(len(items))))]
    test = is_not(guard("type", value), load(f"_{python_type(kind).__name__}"))
    return [when(test, perform(guard("wrong_type", value, constant(type_name(kind)))))]


def _perform(scope: Scope, call: ast.Call) -> list[ast.stmt]:
    match call.func:
        case ast.Name(id="require"):
            return _require(scope, call)
        case ast.Name(id=name) if name in scope.module.events:
            return [perform(event_call(scope, call, name))]
    return [perform(scope.takes_tuple(call))]


def _require(scope: Scope, call: ast.Call) -> list[ast.stmt]:
    match call:
        case ast.Call(args=[condition, ast.Constant(value=str(code))], keywords=[]):
            pass
        case _:
            raise refusal(call, "require", 'write require(condition, "code") with the code as literal text')
    if not is_plain_name(code) or code != code.lower():
        raise refusal(call, "require", "a code is made of a-z, 0-9 and _, and begins with a letter")
    if code in RESERVED_CODES:
        raise refusal(call, "require", f"{code} is a code of the ledger; choose another one")
    scope.codes.add(code)
    scope.spend(scope.prices.statement)
    test = scope.expression(condition)
    if isinstance(test, ast.Compare):
        # It was translated to one of Python's own, so it is True or False.
        return [when(ast.UnaryOp(ast.Not(), test), perform(guard("refused", constant(False), constant(code))))]
    name = scope.temporary()
    failed = when(is_not(load(name), constant(True)), perform(guard("refused", load(name), constant(code))))
    return [assign(name, test), failed]


def _assign(scope: Scope, target: ast.expr, value: ast.expr) -> list[ast.stmt]:
    match target:
        case ast.Name(id=name):
            scope.check_bindable(target, name)
            return [assign(name, scope.expression(value))]
        case ast.Tuple(elts=parts):
            return _unpack(scope, target, parts, value)
    name = scope.temporary()
    store = _store(scope, target)
    return [assign(name, scope.expression(value)), *store(load(name))]


def _unpack(scope: Scope, target: ast.Tuple, parts: list[ast.expr], value: ast.expr) -> list[ast.stmt]:
    names = loop_target(scope, target, None)
    if any(not isinstance(part, ast.Name) for part in parts):
        raise refusal(target, "target", "an unpacking binds names separated by commas")
    scope.spend(scope.prices.operator + scope.prices.element * len(parts))
    if isinstance(value, ast.Tuple):
        if len(value.elts) != len(parts):
            raise refusal(value, "target", "both sides have the same number of parts")
        source: ast.expr = ast.Tuple([scope.expression(part) for part in value.elts], ast.Load())
    else:
        _check_parts(scope, value, len(parts))
        source = guard("unpack", scope.takes_tuple(value), constant(len(parts)))
    return [ast.Assign([names], source)]


def _check_parts(scope: Scope, value: ast.expr, wanted: int) -> None:
    """Refuse a call of a helper whose annotation tells another number of parts than there are names."""
    match value:
        case ast.Call(func=ast.Name(id=name)) if name in scope.module.functions:
            returns = scope.module.functions[name].returns
            if isinstance(returns, TupleOf) and len(returns.items) != wanted:
                raise refusal(value, "target", f"{name} returns {len(returns.items)} parts, not {wanted}")


def _store(scope: Scope, target: ast.expr) -> Callable[[ast.expr], list[ast.stmt]]:
    """Translate a target that is no name; the result makes the code that stores a value there."""
    match target:
        case ast.Subscript(value=value, slice=index):
            storage = storage_named(scope, value)
            if storage is not None:
                return _store_entry(scope, storage, key_expression(scope, storage, index), target)
            _check_item_target(scope, target, value, index)
            scope.spend(scope.prices.subscript)
            place, at = scope.expression(value), scope.expression(index)
            return lambda new: [perform(guard("set_item", place, at, new))]
        case ast.Attribute(value=ast.Name() as value, attr="value"):
            var = _var_named(scope, value)
            if var is not None:
                return _store_entry(scope, var, None, target)
        case ast.Attribute(value=ast.Subscript(value=value, slice=index), attr=field):
            storage = storage_named(scope, value)
            if storage is not None:
                return _store_field(scope, target, storage, index, field)
    raise no_target(target)


def _store_entry(
    scope: Scope, storage: Storage, key: ast.expr | None, target: ast.expr
) -> Callable[[ast.expr], list[ast.stmt]]:
    return lambda new: [perform(write_entry(scope, storage, key, new, target))]


def _store_field(
    scope: Scope, target: ast.expr, storage: Storage, index: ast.expr, field: str
) -> Callable[[ast.expr], list[ast.stmt]]:
    """Translate `storage[key].field = value`: read the record, replace the field, write it back."""
    check_field_name(scope, target, field)
    key = scope.temporary()
    first = assign(key, key_expression(scope, storage, index))
    scope.spend(scope.prices.builtin + scope.prices.operator)

    def store(new: ast.expr) -> list[ast.stmt]:
        changed = guard("replace_fields", read_entry(scope, storage, load(key)), **{field: new})
        return [first, perform(write_entry(scope, storage, load(key), changed, target))]

    return store


def _var_named(scope: Scope, node: ast.expr) -> Storage | None:
    storage = storage_named(scope, node)
    return None if storage is None or storage.is_map else storage


def _check_item_target(scope: Scope, target: ast.expr, value: ast.expr, index: ast.expr) -> None:
    if isinstance(index, ast.Slice):
        raise refusal(target, "target", "assign one element at a time")
    check_kept(scope, target, value)


def _augment(scope: Scope, target: ast.expr, op: ast.operator, value: ast.expr) -> list[ast.stmt]:
    scope.spend(operator_price(scope.prices, op))
    operator = IN_PLACE.get(type(op), OPERATORS[type(op)])

    def combined(old: ast.expr) -> ast.expr:
        return guard(operator, old, scope.expression(value))

    match target:
        case ast.Name(id=name):
            if not scope.is_local(name):
                raise refusal(target, "unknown_name", f"{name} has no value yet")
            scope.check_bindable(target, name)
            return [assign(name, combined(load(name)))]
        case ast.Attribute(value=owner, attr="value"):
            var = _var_named(scope, owner)
            if var is not None:
                return [perform(write_entry(scope, var, None, combined(read_entry(scope, var, None)), target))]
        case ast.Subscript(value=owner, slice=index):
            sums = storage_named(scope, owner)
            if sums is not None and sums.has_sums and isinstance(op, ast.Add | ast.Sub) and _is_at_hand(scope, value):
                key = key_expression(scope, sums, index)
                return [perform(add_to_entry(scope, sums, key, scope.expression(value), op, target))]
            return _augment_item(scope, target, owner, index, combined)
        case ast.Attribute(value=ast.Subscript(value=owner, slice=index), attr=field):
            storage = storage_named(scope, owner)
            if storage is not None:
                return _augment_field(scope, target, storage, index, field, combined)
    raise no_target(target)


def _is_at_hand(scope: Scope, value: ast.expr) -> bool:
    """Tell whether a value is there before an entry is read: it costs nothing, cannot fail and changes nothing."""
    match value:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            is_constant = type(scope.module.constants.get(name)) in (int, str, bytes, bool)
            return name in dict(scope.function.parameters) or (is_constant and not scope.is_local(name))
    return False


def _augment_item(
    scope: Scope, target: ast.expr, owner: ast.expr, index: ast.expr, combined: Callable[[ast.expr], ast.expr]
) -> list[ast.stmt]:
    storage = storage_named(scope, owner)
    key = scope.temporary()
    if storage is not None:
        first = assign(key, key_expression(scope, storage, index))
        new = combined(read_entry(scope, storage, load(key)))
        return [first, perform(write_entry(scope, storage, load(key), new, target))]
    _check_item_target(scope, target, owner, index)
    place = scope.temporary()
    scope.spend(2 * scope.prices.subscript)
    return [
        assign(place, scope.expression(owner)),
        assign(key, scope.expression(index)),
        perform(guard("set_item", load(place), load(key), combined(guard("item", load(place), load(key))))),
    ]


def _augment_field(
    scope: Scope,
    target: ast.expr,
    storage: Storage,
    index: ast.expr,
    field: str,
    combined: Callable[[ast.expr], ast.expr],
) -> list[ast.stmt]:
    check_field_name(scope, target, field)
    scope.spend(scope.prices.builtin + 2 * scope.prices.operator)
    key, record = scope.temporary(), scope.temporary()
    new = combined(guard("attribute", load(record), constant(field)))
    return [
        assign(key, key_expression(scope, storage, index)),
        assign(record, read_entry(scope, storage, load(key))),
        perform(write_entry(scope, storage, load(key), guard("replace_fields", load(record), **{field: new}), target)),
    ]


def _delete(scope: Scope, owner: ast.expr, index: ast.expr, place: ast.AST) -> ast.expr:
    storage = storage_named(scope, owner)
    if storage is not None:
        return delete_entry(scope, storage, key_expression(scope, storage, index), place)
    if isinstance(index, ast.Slice):
        raise refusal(place, "target", "delete one element at a time")
    _check_item_target(scope, owner, owner, index)
    scope.spend(scope.prices.subscript)
    return guard("delete_item", scope.expression(owner), scope.expression(index))


def _if(scope: Scope, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> ast.stmt:
    condition = scope.expression(test)
    with scope.measured() as yes:
        then = block(scope, body)
    with scope.measured() as no:
        otherwise = block(scope, orelse) if orelse else []
    scope.spend(max(yes.cost, no.cost))
    return ast.If(condition, then, otherwise)


def _for(scope: Scope, target: ast.expr, source: ast.expr, body: list[ast.stmt]) -> list[ast.stmt]:
    loop = turns(scope, source, target)
    names = loop_target(scope, target, None)
    scope.loops += 1
    with scope.measured() as turn:
        statements = block(scope, body)
    scope.loops -= 1
    return [ast.For(names, loop.priced(turn.cost), statements, [])]


def _while(scope: Scope, test: ast.expr, body: list[ast.stmt]) -> list[ast.stmt]:
    scope.loops += 1
    with scope.measured() as turn:
        condition = scope.expression(test)
        statements = block(scope, body)
    scope.loops -= 1
    scope.spend(scope.prices.loop + turn.cost)
    return [ast.While(condition, [*pay(turn.cost + scope.prices.turn), *statements], [])]


def _return(scope: Scope, node: ast.Return) -> list[ast.stmt]:
    returns = scope.function.returns
    if node.value is None or isinstance(returns, Nothing):
        if node.value is not None or not isinstance(returns, Nothing):
            way = "return alone" if isinstance(returns, Nothing) else "return with a value of that type"
            hint = f"{scope.function.name} returns {type_name(returns)}: write {way}"
            raise refusal(node, "result", hint)
        return [ast.Return(None)]
    scope.spend(scope.prices.operator)
    name = scope.temporary()
    if isinstance(node.value, ast.Tuple) and isinstance(returns, TupleOf):
        scope.spend(scope.prices.element * len(node.value.elts))
        value: ast.expr = ast.Tuple([scope.expression(part) for part in node.value.elts], ast.Load())
    else:
        value = scope.takes_tuple(node.value) if isinstance(returns, TupleOf) else scope.expression(node.value)
    return [assign(name, value), *_check(name, returns), ast.Return(load(name))]
