"""Compiles contracts so that every comparison without a guard checks what the compiler has claimed: both are integers.

A comparison of anything else could fail, cost by its size, or call a text equal to a list's element without paying.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from contracts.engine.compiler import FILE_NAME, Compiled, Draft, Instruments, compile_contract
from contracts.engine.gas import Prices

ORDERS: Mapping[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def compile_probed(source: str, pay: Callable[[int], None], prices: Prices) -> Compiled:
    """Compile a contract as a node does, with probes; implements contracts.engine.loading.Compiler."""
    return compile_contract(source, pay, prices, Instruments(FILE_NAME, _fit))


def _fit(draft: Draft) -> Mapping[str, Any]:
    _Prober().visit(draft.tree)
    return {f"_probe_{order.__name__}": _probe(compare) for order, compare in ORDERS.items()}


class _Prober(ast.NodeTransformer):
    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        order = type(node.ops[0])
        if order not in ORDERS or (isinstance(node.left, ast.Attribute) and node.left.attr == "gas"):
            return node
        name = ast.copy_location(ast.Name(f"_probe_{order.__name__}", ast.Load()), node)
        return ast.copy_location(ast.Call(name, [node.left, *node.comparators], []), node)


def _probe(compare: Callable[[int, int], bool]) -> Callable[[Any, Any], bool]:
    def probe(left: Any, right: Any) -> bool:
        assert type(left) is type(right) is int, f"no integers are compared without a guard: {left!r} and {right!r}"
        return compare(left, right)

    return probe
