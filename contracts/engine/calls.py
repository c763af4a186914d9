"""Translates calls: built-ins, methods of values and storage, functions of the contract, records, other contracts.

What may be called is listed in `builtins` and `methods` with the number of arguments that it takes; everything else is
refused.
"""

import ast

from contracts.engine import absent
from contracts.engine.builtins import BUILTIN_CALLS, CONTEXT, CONTEXT_PARTS, ROUNDINGS, SPECIAL_CALLS, Builtin
from contracts.engine.methods import METHOD_CALLS, MUTATING_METHODS
from contracts.engine.module import INIT, MIGRATE, Function
from contracts.engine.nearest import suggestion
from contracts.engine.rules import refusal
from contracts.engine.scope import Scope, constant, guard
from contracts.engine.storage_code import check_kept, storage_method, storage_named
from contracts.engine.values import Record, TupleOf


def call_expression(scope: Scope, node: ast.Call) -> ast.expr:
    """Translate a call whose value is used."""
    match node.func:
        case ast.Name(id=name) if not scope.is_local(name):
            return _named_call(scope, node, name)
        case ast.Attribute(value=receiver, attr=method):
            return _method_call(scope, node, receiver, method)
    raise refusal(node, "call", "only functions and methods that are written by name can be called")


def _named_call(scope: Scope, node: ast.Call, name: str) -> ast.expr:
    module = scope.module
    if name in module.functions:
        return _function_call(scope, node, module.functions[name])
    if name in module.records:
        return _record_call(scope, node, module.records[name])
    if name in module.events:
        raise refusal(node, "event", f"{name}(...) emits an event and has no value; write it on a line of its own")
    match name:
        case "require":
            raise refusal(node, "require", "require(...) has no value; write it on a line of its own")
        case "invoke":
            return _invoke(scope, node)
        case "sorted":
            return _sorted(scope, node)
        case "enumerate":
            raise refusal(node, "enumerate", "enumerate stands only behind for ... in")
    if name not in BUILTIN_CALLS:
        near = suggestion(name, (*module.functions, *module.records, *module.events, *BUILTIN_CALLS, *SPECIAL_CALLS))
        hint = f"{name} is no function{near or '; declare it with def'}"
        raise refusal(node, "unknown_name", absent.FUNCTIONS.get(name, hint))
    builtin = BUILTIN_CALLS[name]
    if builtin.rounds:
        return _rounded_call(scope, node, name, builtin)
    _check_count(node, name, builtin.fewest, builtin.most)
    scope.spend(getattr(scope.prices, builtin.price))
    return guard(builtin.guard, *_arguments(scope, node))


def _arguments(scope: Scope, node: ast.Call) -> list[ast.expr]:
    scope.spend(scope.prices.statement * len(node.args))
    return [scope.expression(argument) for argument in node.args]


def _check_count(node: ast.Call, name: str, fewest: int, most: int) -> None:
    if node.keywords or not fewest <= len(node.args) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise refusal(node, "arguments", f"{name} takes {wanted} argument(s), without names")


def _function_call(scope: Scope, node: ast.Call, function: Function) -> ast.expr:
    if function.kind in (INIT, MIGRATE):
        raise refusal(node, "call", f"@{function.kind} functions are called by the ledger alone")
    names = [name for name, _ in function.parameters]
    given = [*names[: len(node.args)], *(keyword.arg for keyword in node.keywords)]
    if len(node.args) > len(names) or len(set(given)) != len(given) or set(given) != set(names):
        raise refusal(node, "arguments", f"{function.name} takes ({', '.join(names)})")
    if isinstance(function.returns, TupleOf):
        names = [f"part{number}" for number in range(1, len(function.returns.items) + 1)]
        scope.check_tuple(node, f"{function.name} returns a tuple: write {', '.join(names)} = {function.name}(...)")
    scope.calls.setdefault(function.name, node)
    scope.spend(scope.prices.function)
    arguments = _arguments(scope, node)
    options = {str(keyword.arg): scope.expression(keyword.value) for keyword in node.keywords}
    return guard(f"f_{function.name}", *arguments, **options)


def _record_call(scope: Scope, node: ast.Call, record: Record) -> ast.expr:
    given = [keyword.arg for keyword in node.keywords]
    needed = {field.name for field in record.fields if not field.has_default}
    known = {field.name for field in record.fields}
    if node.args or len(set(given)) != len(given) or not needed <= set(given) or not set(given) <= known:
        fields = ", ".join(f"{field.name}=..." for field in record.fields)
        raise refusal(node, "arguments", f"write {record.name}({fields})")
    scope.spend(scope.prices.builtin + scope.prices.operator * len(record.fields))
    return guard(f"r_new_{record.name}", **_keywords(scope, node))


def _keywords(scope: Scope, node: ast.Call) -> dict[str, ast.expr]:
    return {str(keyword.arg): scope.expression(keyword.value) for keyword in node.keywords}


def event_call(scope: Scope, node: ast.Call, name: str) -> ast.expr:
    """Translate the statement that emits an event."""
    given = [keyword.arg for keyword in node.keywords]
    fields = [field for field, _ in scope.module.events[name].fields]
    if node.args or sorted(map(str, given)) != sorted(fields):
        raise refusal(node, "arguments", f"write {name}({', '.join(f'{field}=...' for field in fields)})")
    prices = scope.prices
    scope.spend(prices.event + prices.container + (prices.operator + prices.wire_item) * len(fields))
    scope.write(node)
    values = _keywords(scope, node)
    if all(isinstance(value, ast.Name | ast.Constant | ast.Attribute) for value in values.values()):
        # Nobody can tell in which order such values are looked up, and a receipt has them in this one.
        values = dict(sorted(values.items()))
    return guard(f"e_{name}", **values)


def _invoke(scope: Scope, node: ast.Call) -> ast.expr:
    if node.keywords or len(node.args) < 2:
        raise refusal(node, "arguments", 'write invoke(contract, "method", argument, ...)')
    scope.spend(scope.prices.invoke)
    return guard("invoke", *_arguments(scope, node))


def _sorted(scope: Scope, node: ast.Call) -> ast.expr:
    match node:
        case ast.Call(args=[values], keywords=[]):
            backwards = False
        case ast.Call(args=[values], keywords=[ast.keyword(arg="reverse", value=ast.Constant(value=bool(backwards)))]):
            pass
        case _:
            raise refusal(node, "arguments", "write sorted(values) or sorted(values, reverse=True)")
    scope.spend(scope.prices.builtin)
    return guard("sorted_list", scope.expression(values), constant(backwards))


def _rounded_call(scope: Scope, node: ast.Call, name: str, builtin: Builtin) -> ast.expr:
    """Translate a call whose last argument is literal text that names a way of rounding."""
    count = builtin.most - 1
    rounding: ast.expr | None = None
    if len(node.args) == count and len(node.keywords) == 1 and node.keywords[0].arg == "rounding":
        rounding = node.keywords[0].value
    elif len(node.args) == builtin.most and not node.keywords:
        rounding = node.args[count]
    if not (isinstance(rounding, ast.Constant) and type(rounding.value) is str and rounding.value in ROUNDINGS):
        hint = f"{name} takes {count} integers and, as literal text, one of {', '.join(ROUNDINGS)}"
        raise refusal(node, "arguments", hint)
    scope.spend(getattr(scope.prices, builtin.price))
    values = [scope.expression(argument) for argument in node.args[:count]]
    return guard(builtin.guard, *values, constant(rounding.value))


def _method_call(scope: Scope, node: ast.Call, receiver: ast.expr, method: str) -> ast.expr:
    storage = storage_named(scope, receiver)
    if storage is not None:
        return storage_method(scope, storage, node, method)
    if isinstance(receiver, ast.Name) and receiver.id == "ctx":
        written = f"write ctx.{method}, without parentheses" if method in CONTEXT else CONTEXT_PARTS
        raise refusal(node, "context", written)
    if method == "replace" and node.keywords:
        return _record_replace(scope, node, receiver)
    if isinstance(receiver, ast.Name) and not (scope.is_local(receiver.id) or receiver.id in scope.module.constants):
        # Nothing has this name, a module of Python's mostly: that is what has to be said, not that it lacks the method.
        scope.expression(receiver)
    if method not in METHOD_CALLS:
        near = suggestion(method, METHOD_CALLS)
        hint = f"there is no method {method}{near or '; the manual lists those of each type'}"
        raise refusal(node, "method", absent.METHODS.get(method, hint))
    if method in MUTATING_METHODS:
        check_kept(scope, node, receiver)
    _check_count(node, method, *METHOD_CALLS[method])
    scope.spend(scope.prices.builtin)
    return guard(f"do_{method}", scope.expression(receiver), *_arguments(scope, node))


def _record_replace(scope: Scope, node: ast.Call, receiver: ast.expr) -> ast.expr:
    given = [keyword.arg for keyword in node.keywords]
    if node.args or len(set(given)) != len(given) or not scope.field_names.issuperset(map(str, given)):
        raise refusal(node, "arguments", "write record.replace(field=value, ...) with fields of the record")
    scope.spend(scope.prices.builtin + scope.prices.operator * len(given))
    return guard("replace_fields", scope.expression(receiver), **_keywords(scope, node))
