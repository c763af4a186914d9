"""Translates expressions: every operator, subscript and attribute becomes a guard that checks types and limits.

What stays plain Python is what cannot fail, grow or differ between versions: names, literals, `and`, `or`, `not`,
`is None`, the conditional expression, and comparisons of what is an integer for certain.
"""

import ast
from collections.abc import Mapping
from itertools import chain
from typing import Final

from contracts.engine import absent
from contracts.engine.annotations import check_distinct
from contracts.engine.builtins import CONTEXT, CONTEXT_PARTS
from contracts.engine.calls import call_expression
from contracts.engine.gas import Prices
from contracts.engine.loops import comprehension
from contracts.engine.nearest import suggestion
from contracts.engine.rules import refusal
from contracts.engine.scope import Scope, constant, guard, load
from contracts.engine.storage_code import entry_form, has_entry, key_expression, read_entry, storage_named

OPERATORS: Final[Mapping[type[ast.operator], str]] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "modulo",
    ast.Pow: "power",
    ast.LShift: "shift_left",
    ast.RShift: "shift_right",
    ast.BitAnd: "bit_and",
    ast.BitOr: "bit_or",
    ast.BitXor: "bit_xor",
}
COMPARISONS: Final[Mapping[type[ast.cmpop], str]] = {
    ast.Eq: "equal",
    ast.NotEq: "unequal",
    ast.Lt: "less",
    ast.LtE: "at_most",
    ast.Gt: "greater",
    ast.GtE: "at_least",
    ast.In: "contains",
    ast.NotIn: "lacks",
}
ORDERS: Final = frozenset((ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE))
"""Comparisons that cost the same and cannot fail between integers, of whatever size."""
FIELDS_SHOWN_MAX: Final = 12
"""Fields that a rejection names."""


def operator_price(prices: Prices, op: ast.operator) -> int:
    """Return the fixed price of an operator."""
    match op:
        case ast.Mult() | ast.FloorDiv() | ast.Mod():
            return prices.product
        case ast.Pow() | ast.LShift() | ast.RShift():
            return prices.power
    return prices.operator


def expression(scope: Scope, node: ast.expr) -> ast.expr:
    """Return the Python expression that computes `node` under guard."""
    return ast.copy_location(_expression(scope, node), node)


def _expression(scope: Scope, node: ast.expr) -> ast.expr:
    match node:
        case ast.Constant(value=value):
            return constant(value)
        case ast.Name(id=name):
            return _name(scope, node, name)
        case ast.BinOp(left=left, op=op, right=right):
            scope.spend(operator_price(scope.prices, op))
            return guard(OPERATORS[type(op)], scope.expression(left), scope.expression(right))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)) if type(value) is int:
            return constant(-value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            scope.spend(scope.prices.operator)
            return guard("negate", scope.expression(operand))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            scope.spend(scope.prices.statement)
            return ast.UnaryOp(ast.Not(), scope.expression(operand))
        case ast.BoolOp(op=op, values=values):
            scope.spend(scope.prices.statement * (len(values) - 1))
            return ast.BoolOp(op, [scope.expression(value) for value in values])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            scope.spend(scope.prices.statement)
            return ast.IfExp(scope.expression(test), scope.expression(body), scope.expression(orelse))
        case ast.Compare():
            return _compare(scope, node)
        case ast.Call():
            return call_expression(scope, node)
    return _structure(scope, node)


def _structure(scope: Scope, node: ast.expr) -> ast.expr:
    """Translate what builds values and what takes them apart."""
    match node:
        case ast.Attribute(value=value, attr=attribute):
            return _attribute(scope, node, value, attribute)
        case ast.Subscript(value=value, slice=index):
            return _subscript(scope, value, index)
        case ast.List(elts=elements):
            scope.spend(scope.prices.literal + scope.prices.literal_element * len(elements))
            return ast.List([scope.expression(element) for element in elements], ast.Load())
        case ast.Dict(keys=keys, values=values):
            check_distinct(keys, scope.module.constants)
            return _dict(scope, keys, values)
        case ast.JoinedStr(values=values):
            return _format(scope, values)
        case ast.ListComp(elt=element):
            generator = comprehension(scope, node.generators, node, lambda: scope.expression(element))
            return ast.ListComp(generator.parts[0], [generator.node])
        case ast.DictComp(key=key, value=value):
            generator = comprehension(
                scope,
                node.generators,
                node,
                lambda: ast.Tuple([scope.expression(key), scope.expression(value)], ast.Load()),
            )
            return guard("dict_of", ast.ListComp(generator.parts[0], [generator.node]))
        case ast.Tuple():
            hint = "a tuple stands only in the key of a Map, in an unpacking, or behind return in a helper"
            raise refusal(node, "tuple", hint)
    raise refusal(node, "expression", "write a value; a slice is none")


def _name(scope: Scope, node: ast.expr, name: str) -> ast.expr:
    if scope.is_local(name):
        return load(name)
    if name in scope.module.constants:
        return _constant(scope, name)
    if name in scope.module.storages:
        written = entry_form(scope.module.storages[name])
        raise refusal(node, "handle", f"{name} is storage, not a value: write {written}")
    if name in scope.reserved:
        raise refusal(node, "handle", f"{name} is not a value; call it or use its parts")
    module = scope.module
    near = suggestion(name, (*scope.locals, *chain(*scope.inner), *module.constants, *module.storages, "ctx"))
    raise refusal(node, "unknown_name", absent.FUNCTIONS.get(name, f"{name} is not declared{near}"))


def _constant(scope: Scope, name: str) -> ast.expr:
    """Use a constant; a list or map is a new one at each use, so that nothing outlives a call."""
    value = scope.module.constants[name]
    if type(value) is list or type(value) is dict:
        prices = scope.prices
        if type(value) is list:
            scope.spend(prices.literal + prices.literal_element * len(value))
        else:
            scope.spend(prices.subscript + 2 * prices.element * len(value))
        return guard(f"c_{name}")
    return constant(value)


def _compare(scope: Scope, node: ast.Compare) -> ast.expr:
    """Translate a comparison; a chain repeats its middle operands, which must therefore be plain."""
    operands = [node.left, *node.comparators]
    for middle in operands[1:-1]:
        if not isinstance(middle, ast.Name | ast.Constant):
            raise refusal(middle, "comparison_chain", "give the middle of this comparison a name of its own first")
    links = [
        _comparison(scope, left, op, right)
        for left, op, right in zip(operands[:-1], node.ops, operands[1:], strict=True)
    ]
    return links[0] if len(links) == 1 else ast.BoolOp(ast.And(), links)


def _comparison(scope: Scope, left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.expr:
    if isinstance(op, ast.Is | ast.IsNot):
        if not (isinstance(right, ast.Constant) and right.value is None) or isinstance(left, ast.Constant):
            raise refusal(right, "identity", "only `x is None` and `x is not None` are allowed; compare with == and !=")
        scope.spend(scope.prices.statement)
        value = scope.expression(left)
        if isinstance(value, ast.Constant):
            # A declared constant or a negative number: Python would warn of an identity test of a literal.
            return constant((value.value is None) == isinstance(op, ast.Is))
        return ast.Compare(value, [op], [constant(None)])
    storage = storage_named(scope, right)
    if storage is not None and isinstance(op, ast.In | ast.NotIn):
        present = has_entry(scope, storage, left, right)
        return present if isinstance(op, ast.In) else ast.UnaryOp(ast.Not(), present)
    prices = scope.prices
    operands = scope.expression(left), scope.expression(right)
    if type(op) in ORDERS and scope.is_integer(left) and scope.is_integer(right):
        scope.spend(prices.integer_comparison)
        return ast.Compare(operands[0], [op], [operands[1]])
    scope.spend(prices.membership if isinstance(op, ast.In | ast.NotIn) else prices.operator)
    return guard(COMPARISONS[type(op)], *operands)


def _attribute(scope: Scope, node: ast.expr, value: ast.expr, attribute: str) -> ast.expr:
    if isinstance(value, ast.Name) and value.id == "ctx":
        if attribute not in CONTEXT:
            raise refusal(node, "context", CONTEXT_PARTS)
        scope.spend(scope.prices.builtin if attribute == "roles" else scope.prices.statement)
        return guard("roles") if attribute == "roles" else ast.Attribute(load("_m"), attribute, ast.Load())
    storage = storage_named(scope, value)
    if storage is not None:
        if storage.is_map or attribute != "value":
            raise refusal(node, "storage", f"write {entry_form(storage, attribute)}")
        return read_entry(scope, storage, None)
    check_field_name(scope, node, attribute)
    scope.spend(scope.prices.operator)
    return guard("attribute", scope.expression(value), constant(attribute))


def check_field_name(scope: Scope, node: ast.AST, name: str) -> None:
    """Refuse a field that no record of this contract has."""
    if name not in scope.field_names:
        near = suggestion(name, scope.field_names)
        known = ", ".join(sorted(scope.field_names)[:FIELDS_SHOWN_MAX]) or "none"
        more = ", ..." if len(scope.field_names) > FIELDS_SHOWN_MAX else ""
        others = near or f"; the fields of this contract's records are: {known}{more}"
        raise refusal(node, "field", f"no record has a field {name}{others}")


def _subscript(scope: Scope, value: ast.expr, index: ast.expr) -> ast.expr:
    storage = storage_named(scope, value)
    if storage is not None:
        return read_entry(scope, storage, key_expression(scope, storage, index))
    scope.spend(scope.prices.slice if isinstance(index, ast.Slice) else scope.prices.subscript)
    target = scope.expression(value)
    if isinstance(index, ast.Slice):
        lower = constant(None) if index.lower is None else scope.expression(index.lower)
        upper = constant(None) if index.upper is None else scope.expression(index.upper)
        return guard("slice", target, lower, upper)
    return guard("item", target, scope.expression(index))


def _dict(scope: Scope, keys: list[ast.expr | None], values: list[ast.expr]) -> ast.expr:
    scope.spend(scope.prices.literal_map + 2 * scope.prices.element * len(keys))
    pairs: list[ast.expr] = []
    for key, value in zip(keys, values, strict=True):
        assert key is not None
        pairs.append(ast.Tuple([scope.expression(key), scope.expression(value)], ast.Load()))
    if all(isinstance(key, ast.Constant) and type(key.value) is str for key in keys):
        elements = [pair.elts for pair in pairs if isinstance(pair, ast.Tuple)]
        return ast.Dict([element[0] for element in elements], [element[1] for element in elements])
    return guard("dict_of", ast.List(pairs, ast.Load()))


def _format(scope: Scope, values: list[ast.expr]) -> ast.expr:
    prices = scope.prices
    scope.spend(prices.builtin)
    parts: list[ast.expr] = []
    text = ""
    for value in values:
        if isinstance(value, ast.FormattedValue):
            parts += _literal_part(scope, text)
            scope.spend(prices.element + prices.integer_text)
            parts.append(guard("formatted", scope.expression(value.value)))
            text = ""
        else:
            assert isinstance(value, ast.Constant) and type(value.value) is str
            text += value.value
    parts += _literal_part(scope, text)
    return guard("concatenate", *parts)


def _literal_part(scope: Scope, text: str) -> list[ast.expr]:
    """Return the text between two fields, in one piece however a parser cut it: its price must not depend on that."""
    if not text:
        return []
    scope.spend(scope.prices.element)
    return [constant(text)]
