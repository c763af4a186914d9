"""Translates the use of declared storage: entries of a Map, the value of a Var, and ordered iteration.

A handle is never a value; it disappears here into guards named after it, such as `_s_get_balances`.
"""

import ast
from typing import Final

from contracts.engine.module import Storage
from contracts.engine.rules import refusal
from contracts.engine.scope import Scope, constant, guard

SCAN_OPTIONS: Final = ("limit", "prefix", "start", "end", "after", "reverse")
PAGE_OPTIONS: Final = ("limit", "cursor", "prefix", "start", "end", "reverse")


def storage_named(scope: Scope, node: ast.expr) -> Storage | None:
    """Return the storage that an expression names, if it names one."""
    if isinstance(node, ast.Name) and not scope.is_local(node.id):
        return scope.module.storages.get(node.id)
    return None


def check_kept(scope: Scope, node: ast.AST, place: ast.expr) -> None:
    """Refuse a change in place of a copy, which would be lost: of a stored value, or of a constant.

    `place` is what would change; storage itself stands inside of it, because its own elements are written.
    """
    while isinstance(place, ast.Subscript | ast.Attribute):
        place = place.value
        if storage_named(scope, place) is not None:
            hint = "this would change a copy: read it into a name, change that, and write it back"
            raise refusal(node, "lost_change", hint)
    if isinstance(place, ast.Name) and not scope.is_local(place.id) and place.id in scope.module.constants:
        hint = f"constants stay: write values = {place.id}, which is a copy, and change that"
        raise refusal(node, "lost_change", hint)


def key_expression(scope: Scope, storage: Storage, node: ast.expr) -> ast.expr:
    """Translate the key of a Map: one value, or a tuple of as many parts as the Map has."""
    if not storage.is_map:
        raise refusal(node, "storage", f"{storage.name} has no key: write {storage.name}.value")
    if isinstance(node, ast.Slice):
        raise refusal(node, "storage", f"write {storage.name}.items(start=..., end=..., limit=...)")
    if isinstance(node, ast.Tuple):
        if len(node.elts) != len(storage.keys) or len(storage.keys) == 1:
            raise refusal(node, "key", f"write {storage.name}[{', '.join(storage.keys)}], with values of these types")
        return _tuple(scope, node)
    return scope.takes_tuple(node) if len(storage.keys) > 1 else scope.expression(node)


def _tuple(scope: Scope, node: ast.Tuple) -> ast.expr:
    scope.spend(scope.prices.element * len(node.elts))
    return ast.Tuple([scope.expression(part) for part in node.elts], ast.Load())


def read_entry(scope: Scope, storage: Storage, key: ast.expr | None) -> ast.expr:
    """Return the code that reads a Var, or an entry of a Map under a translated key."""
    scope.spend(scope.prices.read)
    return guard(f"s_get_{storage.name}", *([] if key is None else [key]))


def write_entry(scope: Scope, storage: Storage, key: ast.expr | None, value: ast.expr, place: ast.AST) -> ast.expr:
    """Return the code that writes a Var, or an entry of a Map under a translated key."""
    _check_writable(storage, place)
    scope.spend(scope.prices.write)
    scope.write(place)
    return guard(f"s_put_{storage.name}", *([] if key is None else [key]), value)


def add_to_entry(
    scope: Scope, storage: Storage, key: ast.expr, value: ast.expr, op: ast.operator, place: ast.AST
) -> ast.expr:
    """Return the code that adds a value to an entry, or subtracts it; the value must be one that cannot fail."""
    _check_writable(storage, place)
    scope.spend(scope.prices.read + scope.prices.write)
    scope.write(place)
    return guard(f"s_add_{storage.name}", key, value, constant(isinstance(op, ast.Sub)))


def delete_entry(scope: Scope, storage: Storage, key: ast.expr, place: ast.AST) -> ast.expr:
    """Return the code that deletes an entry of a Map."""
    _check_writable(storage, place)
    scope.spend(scope.prices.write)
    scope.write(place)
    return guard(f"s_delete_{storage.name}", key)


def has_entry(scope: Scope, storage: Storage, key: ast.expr, place: ast.expr) -> ast.expr:
    """Return the code that tells whether a Map has an entry."""
    if not storage.is_map:
        raise refusal(place, "storage", f"{storage.name} has no key: write {storage.name}.value")
    scope.spend(scope.prices.read)
    return guard(f"s_has_{storage.name}", key_expression(scope, storage, key))


def _check_writable(storage: Storage, place: ast.AST) -> None:
    if storage.counts:
        hint = f"a Counter gives each number once: write {next_form(storage)}; count up and down in a Var or Map"
        raise refusal(place, "counter", hint)


def next_form(storage: Storage) -> str:
    """Return how the next number of a Counter is taken."""
    if len(storage.keys) > 1:
        return f"{storage.name}.next(({', '.join(storage.keys)})), with one key of values of these types"
    return f"{storage.name}.next({'key' if storage.is_map else ''})"


def entry_form(storage: Storage, attribute: str = "") -> str:
    """Return what to write instead of a storage's bare name, or of a method's name without parentheses."""
    if storage.counts and attribute in ("", "next"):
        return next_form(storage)
    if storage.is_map and attribute == "get":
        return f"{storage.name}.get(key)"
    if storage.is_map and attribute in ("keys", "values", "items", "page"):
        return f"{storage.name}.{attribute}({'limit=count, cursor=text' if attribute == 'page' else 'limit=count'})"
    return f"{storage.name}{'[key]' if storage.is_map else '.value'}"


def storage_method(scope: Scope, storage: Storage, node: ast.Call, method: str) -> ast.expr:
    """Translate a method of a Map or Counter: next, get, keys, values, items or page."""
    if method == "next" and storage.counts:
        return _next_number(scope, storage, node)
    if not storage.is_map:
        raise refusal(node, "storage", f"{storage.name} has no key: write {storage.name}.value")
    if method == "get":
        if not 1 <= len(node.args) <= 2 or node.keywords:
            raise refusal(node, "arguments", f"write {storage.name}.get(key) or {storage.name}.get(key, default)")
        scope.spend(scope.prices.read)
        key = key_expression(scope, storage, node.args[0])
        return guard(f"s_find_{storage.name}", key, *[scope.expression(value) for value in node.args[1:]])
    if method not in ("keys", "values", "items", "page"):
        hint = f"a Map has get, keys, values, items and page; write {storage.name}[key] = value"
        raise refusal(node, "method", hint)
    if node.args or len({keyword.arg for keyword in node.keywords}) != len(node.keywords):
        raise refusal(node, "arguments", f"write {storage.name}.{method}(limit=count, ...) with each option once")
    options = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    known, needed = (PAGE_OPTIONS, PAGE_OPTIONS[:2]) if method == "page" else (SCAN_OPTIONS, SCAN_OPTIONS[:1])
    if not set(needed) <= options.keys() or not options.keys() <= set(known):
        written = ", ".join(f"{name}=..." for name in needed)
        hint = f"write {storage.name}.{method}({written}); the options are {', '.join(known)}"
        raise refusal(node, "scan", hint)
    scope.spend(scope.prices.scan)
    translated = {name: _scan_option(scope, name, value) for name, value in options.items()}
    if method == "page":
        scope.check_tuple(node, f"page returns two parts: write rows, cursor = {storage.name}.page(...)")
        return guard(f"s_page_{storage.name}", **translated)
    return guard(f"s_scan_{storage.name}", constant(method), **translated)


def _next_number(scope: Scope, storage: Storage, node: ast.Call) -> ast.expr:
    if len(node.args) != int(storage.is_map) or node.keywords:
        raise refusal(node, "arguments", f"write {next_form(storage)}")
    scope.spend(scope.prices.read + scope.prices.write)
    scope.write(node)
    return guard(f"s_next_{storage.name}", *[key_expression(scope, storage, key) for key in node.args])


def _scan_option(scope: Scope, name: str, value: ast.expr) -> ast.expr:
    if isinstance(value, ast.Tuple) and name in ("prefix", "start", "end", "after"):
        return _tuple(scope, value)
    return scope.takes_tuple(value) if name in ("prefix", "start", "end", "after") else scope.expression(value)
